#include "cmd/mesh/mesh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "net/mesh/collect.h"
#include "net/mesh/snapshot.h"

static bool write_snapshot(const json_t *snapshot, const char *path)
{
    char *text = snapshot_text(snapshot);
    struct error error;
    bool written;
    if (path != NULL) {
        written = file_write(path, bytes_of_text(text), 0666, &error);
    } else {
        written = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
        if (!written)
            error_set(&error, "standard output: %s", strerror(errno));
    }
    if (!written)
        log_error("%s", error.text);
    free(text);
    return written;
}

static void warn_unreachable(const json_t *unreachable)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(unreachable, index, entry)
    {
        log_warn("%s", json_string_value(json_object_get(entry, "error")));
    }
}

int mesh_dump_command(const struct mesh_options *options, const char *const *apis, size_t count)
{
    struct error error;
    json_t *snapshot = mesh_collect(apis, count, options->timeout, &error);
    if (snapshot == NULL) {
        log_error("%s", error.text);
        return MESH_TROUBLE;
    }
    const json_t *unreachable = json_object_get(snapshot, "unreachable");
    warn_unreachable(unreachable);
    int status = json_array_size(unreachable) > 0 ? MESH_UNREACHABLE : 0;
    if (!options->text || options->output != NULL)
        status = write_snapshot(snapshot, options->output) ? status : MESH_TROUBLE;
    if (options->text)
        mesh_print(snapshot);
    json_decref(snapshot);
    return status;
}
