#include "devnet/paths.h"

#include <stdlib.h>

#include "common/memory.h"

static const char relay[] = "relay";

const struct devnet_between *devnet_find_relay(const struct devnet *devnet)
{
    return devnet_find_between(devnet, relay);
}

bool devnet_start_relay(struct devnet *devnet, const char *program, const char *const *rules,
                        size_t count, uint64_t timeout_ms, struct error *error)
{
    const char *own[] = {program, "--api", "127.0.0.1:0"};
    const size_t own_count = sizeof(own) / sizeof(*own);
    const char **arguments = memory_new((own_count + 2 * count + 1) * sizeof(*arguments));
    size_t used = 0;
    json_t *ready;
    while (used < own_count) {
        arguments[used] = own[used];
        used++;
    }
    for (size_t i = 0; i < count; i++) {
        arguments[used++] = "--path";
        arguments[used++] = rules[i];
    }
    bool started = devnet_start_between(devnet, relay, (char *const *)(uintptr_t)arguments,
                                        timeout_ms, &ready, error);
    json_decref(ready);
    free(arguments);
    return started;
}

json_t *paths_ask(const struct devnet *devnet, const char *path, json_t *body, struct error *error)
{
    const struct devnet_between *between = devnet_find_relay(devnet);
    if (between != NULL)
        return devnet_ask_between(between, path, body, error);
    json_decref(body);
    error_set_kind(error, ERROR_CONFLICT,
                   "no relay stands between the nodes in %s, and a direct connection cannot be "
                   "changed: `devnet up` with --partitionable or --path puts one there",
                   devnet->folder);
    return NULL;
}
