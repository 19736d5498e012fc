#include "cmd/mesh/mesh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/output.h"
#include "common/utf8.h"
#include "net/mesh/snapshot.h"

static bool write_snapshot(const json_t *snapshot, const char *path)
{
    char *text = snapshot_text(snapshot);
    struct error error;
    bool written = path == NULL || file_write(path, bytes_of_text(text), 0666, &error);
    if (path == NULL)
        fputs(text, stdout);
    else if (!written)
        mesh_tell_unwritten("--output", path, errno, &error);
    free(text);
    return written;
}

size_t mesh_warn_unreachable(const json_t *snapshot)
{
    const json_t *unreachable = json_object_get(snapshot, "unreachable");
    size_t index;
    const json_t *entry;
    json_array_foreach(unreachable, index, entry)
    {
        const char *problem = json_string_value(json_object_get(entry, "error"));
        char *named = names_put_into(&mesh_names, problem);
        char *safe = utf8_safe_text(bytes_of_text(named)); /* it may be from a file */
        log_warn("%s", safe);
        free(safe);
        free(named);
    }
    return json_array_size(unreachable);
}

/* A visit that the node ended early has not heard all that there is. */
static bool warn_cut_short(const json_t *foreign)
{
    bool cut_short = false;
    size_t index;
    const json_t *entry;
    json_array_foreach(foreign, index, entry)
    {
        const char *ended =
            json_string_value(json_object_get(json_object_get(entry, "visit"), "ended"));
        if (ended == NULL)
            continue;
        cut_short = true;
        log_warn("%s: went before the visit was over: %s",
                 json_string_value(json_object_get(json_object_get(entry, "volatile"), "address")),
                 ended);
    }
    return cut_short;
}

/* Why a file that is there is worth more than this snapshot, of nobody; NULL where it is not. */
static const char *why_kept(const json_t *snapshot, const char *path)
{
    struct stat about;
    bool there =
        path != NULL && stat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0;
    return !there                           ? NULL
           : mesh_nobody_answered(snapshot) ? "no node answered"
           : mesh_nobody_asked(snapshot)    ? "no node is up to be asked"
                                            : NULL;
}

int mesh_dump_command(const struct mesh_options *options, const char *const *inputs, size_t count)
{
    struct error error;
    bool file = count == 1 && access(inputs[0], F_OK) == 0;
    json_t *snapshot =
        file ? mesh_read(options, inputs, count, &error) : mesh_ask(options, inputs, count, &error);
    if (snapshot == NULL) {
        log_error("%s", error.text);
        return MESH_TROUBLE;
    }
    size_t unreachable = mesh_warn_unreachable(snapshot);
    bool cut_short = warn_cut_short(json_object_get(snapshot, "foreign"));
    int status = unreachable > 0 || cut_short ? MESH_UNREACHABLE : 0;
    const char *kept = why_kept(snapshot, options->output);
    if (kept != NULL) {
        log_warn("--output %s: left as it is, as %s", options->output, kept);
        status = MESH_UNREACHABLE;
    } else if (!options->text || options->output != NULL) {
        status = write_snapshot(snapshot, options->output) ? status : MESH_TROUBLE;
    }
    if (options->text)
        mesh_print(snapshot);
    json_decref(snapshot);
    return output_end_status(status, MESH_TROUBLE);
}
