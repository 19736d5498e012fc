#include "cmd/mesh/mesh.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/output.h"
#include "net/mesh/diff.h"
#include "net/mesh/ignore.h"

static json_t *read_side(const struct mesh_options *options, const char *side)
{
    struct error error;
    json_t *snapshot = mesh_read(options, &side, 1, &error);
    if (snapshot == NULL)
        log_error("%s", error.text);
    return snapshot;
}

static void print_change(const json_t *change)
{
    char *text = mesh_change_text(change), *line = names_put_into(&mesh_names, text);
    enum output_colour colour = line[0] == '+'   ? COLOUR_GREEN
                                : line[0] == '-' ? COLOUR_RED
                                                 : COLOUR_YELLOW;
    printf("%s%s%s\n", output_colour(stdout, colour), line, output_colour_end(stdout));
    free(line);
    free(text);
}

/* UNREACHABLE: nodes that were asked now. Left out of the JSON where there are none. */
static void print_changes(const json_t *changes, const json_t *unreachable, const json_t *names,
                          bool json)
{
    size_t index;
    const json_t *change;
    bool missing = json_array_size(unreachable) > 0;
    if (json) {
        json_t *result = json_pack("{s:b,s:O}", "same", !missing && json_array_size(changes) == 0,
                                   "changes", changes);
        if (missing)
            json_object_set(result, "unreachable", (json_t *)unreachable);
        if (names != NULL)
            json_object_set(result, "names", (json_t *)names);
        output_json(result);
        json_decref(result);
        return;
    }
    json_array_foreach(changes, index, change)
    {
        print_change(change);
    }
}

/* Those of a side that was asked now; of a file's, others have heard. */
static void add_unreachable(json_t *unreachable, const json_t *snapshot, const char *side)
{
    if (mesh_is_live(side)) {
        mesh_warn_unreachable(snapshot);
        json_array_extend(unreachable, json_object_get(snapshot, "unreachable"));
    }
}

static int compare(const struct mesh_options *options, const json_t *before, const char *a,
                   const json_t *after, const char *b)
{
    json_t *unreachable = json_array();
    add_unreachable(unreachable, before, a);
    add_unreachable(unreachable, after, b);
    /* Where nobody answered, nothing is known to have changed. */
    bool known = !(mesh_is_live(a) && mesh_nobody_answered(before)) &&
                 !(mesh_is_live(b) && mesh_nobody_answered(after));
    json_t *all = known ? mesh_diff(before, after) : json_array();
    json_t *changes = mesh_ignore(all, options->ignore.items, options->ignore.count);
    bool same = json_array_size(changes) == 0 && json_array_size(unreachable) == 0;
    print_changes(changes, unreachable, json_object_get(after, "names"), options->json);
    json_decref(all);
    json_decref(changes);
    json_decref(unreachable);
    return same ? MESH_SAME : MESH_DIFFERENT;
}

int mesh_diff_command(const struct mesh_options *options, const char *a, const char *b)
{
    struct error error;
    for (size_t i = 0; i < options->ignore.count; i++) {
        if (!mesh_ignore_check(options->ignore.items[i], &error)) {
            log_error("%s", error.text);
            return MESH_TROUBLE;
        }
    }
    json_t *before = read_side(options, a);
    json_t *after = before != NULL ? read_side(options, b) : NULL;
    int status = after != NULL ? compare(options, before, a, after, b) : MESH_TROUBLE;
    json_decref(before);
    json_decref(after);
    return output_end_status(status, MESH_TROUBLE);
}
