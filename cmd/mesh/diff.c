#include "cmd/mesh/mesh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "net/api/client.h"
#include "net/mesh/collect.h"
#include "net/mesh/diff.h"
#include "net/mesh/snapshot.h"

/* "API" or "API,API": whether all of them are addresses, and no file of that name is meant. */
static bool is_live(const char *side)
{
    if (strncmp(side, "http://", 7) == 0)
        return true;
    size_t length = strcspn(side, ",");
    char *first = text_format("%.*s", (int)length, side);
    bool live = access(side, F_OK) != 0 && api_url_check(first, NULL);
    free(first);
    return live;
}

static json_t *read_live(const char *side, uint64_t timeout_ms, struct error *error)
{
    char *copy = text_copy(side);
    const char **apis = memory_new((strlen(side) + 1) * sizeof(*apis));
    size_t count = 0;
    char *rest = copy;
    for (char *api; (api = strsep(&rest, ",")) != NULL;)
        apis[count++] = api;
    json_t *snapshot = mesh_collect(apis, count, timeout_ms, error);
    free(apis);
    free(copy);
    if (snapshot != NULL && json_array_size(json_object_get(snapshot, "nodes")) == 0) {
        const json_t *first = json_array_get(json_object_get(snapshot, "unreachable"), 0);
        error_set(error, "%s", json_string_value(json_object_get(first, "error")));
        json_decref(snapshot);
        snapshot = NULL;
    }
    return snapshot;
}

static json_t *read_side(const char *side, uint64_t timeout_ms)
{
    struct error error;
    json_t *snapshot =
        is_live(side) ? read_live(side, timeout_ms, &error) : snapshot_read(side, &error);
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
    json_t *before = read_side(a, options->timeout);
    json_t *after = before != NULL ? read_side(b, options->timeout) : NULL;
    int status = MESH_TROUBLE;
    if (after != NULL) {
        json_t *changes = mesh_diff(before, after);
        status = json_array_size(changes) > 0 ? MESH_DIFFERENT : MESH_SAME;
        print_changes(changes, options->json);
        json_decref(changes);
    }
    json_decref(before);
    json_decref(after);
    return status;
}
