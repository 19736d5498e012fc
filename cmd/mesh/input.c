#include "cmd/mesh/mesh.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "net/api/client.h"
#include "net/mesh/collect.h"
#include "net/mesh/snapshot.h"

/* "API" or "API,API": whether all of them are addresses, and no file of that name is meant. */
static bool is_live(const char *input)
{
    if (strncmp(input, "http://", 7) == 0)
        return true;
    size_t length = strcspn(input, ",");
    char *first = text_format("%.*s", (int)length, input);
    bool live = access(input, F_OK) != 0 && api_url_check(first, NULL);
    free(first);
    return live;
}

static char *join(const char *const *inputs, size_t count)
{
    char *joined = text_copy(inputs[0]);
    for (size_t i = 1; i < count; i++) {
        char *longer = text_format("%s,%s", joined, inputs[i]);
        free(joined);
        joined = longer;
    }
    return joined;
}

static json_t *read_live(char *inputs, uint64_t timeout_ms, struct error *error)
{
    const char **apis = memory_new((strlen(inputs) + 1) * sizeof(*apis));
    size_t count = 0;
    for (char *api; (api = strsep(&inputs, ",")) != NULL;)
        apis[count++] = api;
    json_t *snapshot = mesh_collect(apis, count, timeout_ms, error);
    free(apis);
    if (snapshot != NULL && json_array_size(json_object_get(snapshot, "nodes")) == 0) {
        const json_t *first = json_array_get(json_object_get(snapshot, "unreachable"), 0);
        error_set(error, "%s", json_string_value(json_object_get(first, "error")));
        json_decref(snapshot);
        snapshot = NULL;
    }
    return snapshot;
}

json_t *mesh_read(const char *const *inputs, size_t count, uint64_t timeout_ms, struct error *error)
{
    if (count == 1 && !is_live(inputs[0]))
        return snapshot_read(inputs[0], error);
    char *joined = join(inputs, count);
    json_t *snapshot = read_live(joined, timeout_ms, error);
    free(joined);
    return snapshot;
}
