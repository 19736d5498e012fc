#include "net/mesh/collect.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"
#include "net/api/client.h"
#include "net/mesh/snapshot.h"

struct collection {
    struct event_base *base;
    const char *const *apis;
    size_t count, started;
    uint64_t timeout_ms;
    json_t *snapshot;
    struct question *questions; /* one for each API */
};

struct question {
    struct collection *collection;
    const char *api;
};

static void ask_next(struct collection *collection);

static void answered(void *context, int status, const json_t *answer, const char *problem)
{
    struct question *question = context;
    struct collection *collection = question->collection;
    struct error error;
    bool added = false;
    if (status == 0)
        error_set(&error, "%s", problem);
    else if (status != 200)
        error_set(&error, "%s/mesh: answered %d", question->api, status);
    else
        added = snapshot_add_node(collection->snapshot, question->api, answer, &error);
    if (!added)
        snapshot_add_unreachable(collection->snapshot, question->api, error.text);
    ask_next(collection);
}

static void ask_next(struct collection *collection)
{
    static const struct api_call_handlers handlers = {.done = answered};
    if (collection->started == collection->count)
        return;
    struct question *question = &collection->questions[collection->started];
    question->collection = collection;
    question->api = collection->apis[collection->started];
    collection->started++;
    api_call_new(collection->base, question->api, "GET", "/mesh", NULL, collection->timeout_ms,
                 &handlers, question, NULL);
}

json_t *mesh_collect(const char *const *apis, size_t count, uint64_t timeout_ms,
                     struct error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!api_url_check(apis[i], error))
            return NULL;
    struct collection collection = {
        .base = event_base_new(),
        .apis = apis,
        .count = count,
        .timeout_ms = timeout_ms,
        .snapshot = snapshot_new(),
        .questions = memory_new(count * sizeof(struct question) + 1),
    };
    for (size_t i = 0; i < MESH_COLLECT_AT_ONCE; i++)
        ask_next(&collection);
    event_base_dispatch(collection.base);
    event_base_free(collection.base);
    free(collection.questions);
    snapshot_sort(collection.snapshot);
    return collection.snapshot;
}
