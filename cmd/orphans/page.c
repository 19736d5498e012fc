/* The report as a page of timelines. */
#include "cmd/orphans/orphans.h"

#include "common/embed.h"
#include "common/page.h"
#include "net/address/names.h"
#include "net/verdict/stats.h"

EMBED(template, "cmd/orphans/page.html")

bool write_page(const char *path, const json_t *report, struct error *error)
{
    json_t *value = json_copy((json_t *)report);
    if (json_object_get(value, "stats") == NULL)
        json_object_set_new(value, "stats", qlog_stats(report));
    json_t *paths = names_paths_environment();
    json_object_set_new(value, "paths", paths != NULL ? paths : json_array());
    bool written = page_write(path, template(), "Streams of QUIC connections", value, error);
    json_decref(value);
    return written;
}
