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
    char *line = mesh_change_text(change);
    enum output_colour colour = line[0] == '+'   ? COLOUR_GREEN
                                : line[0] == '-' ? COLOUR_RED
                                                 : COLOUR_YELLOW;
    printf("%s%s%s\n", output_colour(stdout, colour), line, output_colour_end(stdout));
    free(line);
}

static void print_changes(const json_t *changes, bool json)
{
    size_t index;
    const json_t *change;
    if (json) {
        json_t *result =
            json_pack("{s:b,s:O}", "same", json_array_size(changes) == 0, "changes", changes);
        output_json(result);
        json_decref(result);
        return;
    }
    json_array_foreach(changes, index, change)
    {
        print_change(change);
    }
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
    int status = MESH_TROUBLE;
    if (after != NULL) {
        json_t *all = mesh_diff(before, after);
        json_t *changes = mesh_ignore(all, options->ignore.items, options->ignore.count);
        json_decref(all);
        status = json_array_size(changes) > 0 ? MESH_DIFFERENT : MESH_SAME;
        print_changes(changes, options->json);
        json_decref(changes);
    }
    json_decref(before);
    json_decref(after);
    if (!output_end(&error)) {
        log_error("%s", error.text);
        return MESH_TROUBLE;
    }
    return status;
}
