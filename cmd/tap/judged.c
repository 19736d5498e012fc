#include "cmd/tap/judged.h"

#include "common/log.h"
#include "net/qlog/rotated.h"
#include "net/verdict/report_files.h"

static void on_remark(void *context, enum qlog_remark_kind kind, const char *path, const char *text)
{
    (void)context;
    if (kind == QLOG_REMARK_TROUBLE)
        log_warn("%s: %s", path, text);
    else if (kind == QLOG_REMARK_SKIPPED)
        log_info("%s: skipped: %s", path, text);
}

static void on_reading(void *context, const struct qlog_found *file,
                       const struct qlog_reading *reading)
{
    (void)context;
    if (reading->outcome == QLOG_FAILED)
        log_warn("%s: %s", file->path, reading->error.text);
}

json_t *judged_connections(const char *folder, struct error *error)
{
    static const struct qlog_hearer hearer = {.on_reading = on_reading};
    struct qlog_search search = {.handler = on_remark};
    qlog_search_path(&search, folder);
    qlog_search_end(&search);
    struct qlog_reading *readings = qlog_read_rotated(&search, 1, NULL);
    json_t *report = qlog_report_files(&search, readings, &hearer);
    qlog_search_clear(&search);
    json_t *judged = json_incref(json_object_get(report, "connections"));
    json_decref(report);
    if (json_array_size(judged) > 0)
        return judged;
    json_decref(judged);
    error_set(error, "%s: no QUIC log of a connection there", folder);
    return NULL;
}
