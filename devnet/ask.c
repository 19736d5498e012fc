#include "devnet/ask.h"

#include <stdlib.h>

#include "common/memory.h"
#include "devnet/ended.h"
#include "devnet/family.h"
#include "devnet/tap.h"
#include "net/mesh/collect.h"

enum { VISIT_MS = 500 };

static bool is_visited(const struct devnet *devnet, const struct devnet_node *node,
                       enum devnet_visits visits)
{
    if (visits == DEVNET_VISITS_UNSEEN)
        return node->listen_count > 0 && (devnet_tap_api(devnet) == NULL || node->tapped == NULL);
    return visits == DEVNET_VISITS_GENESIS && node->of_genesis;
}

/* Who is stopped on purpose is not missed. */
static bool is_asked(const struct devnet *devnet, const struct devnet_node *node,
                     enum devnet_visits visits)
{
    return !node->stopped && (node->api != NULL || is_visited(devnet, node, visits));
}

/* Of who can answer now. */
static bool is_awake(const struct devnet_node *node)
{
    return node->of_genesis || (family_lives(&node->process) && !node->paused);
}

static char **find_targets(const struct devnet *devnet, enum devnet_visits visits, bool awake,
                           size_t *count)
{
    char **targets = memory_new((devnet->count + 1) * sizeof(*targets));
    const char *tap = devnet_tap_api(devnet);
    *count = 0;
    for (size_t i = 0; i < devnet->count; i++) {
        const struct devnet_node *node = &devnet->nodes[i];
        if (is_asked(devnet, node, visits) && (!awake || is_awake(node)))
            targets[(*count)++] = devnet_node_target(node);
    }
    if (tap != NULL)
        targets[(*count)++] = text_copy(tap);
    return targets;
}

char **devnet_targets(const struct devnet *devnet, enum devnet_visits visits, size_t *count)
{
    return find_targets(devnet, visits, false, count);
}

void devnet_targets_free(char **targets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(targets[i]);
    free(targets);
}

static void add_why(json_t *unasked, const struct devnet_node *node, const char *why)
{
    char *text = text_format("%s %s", node->name, why);
    json_object_set_new(unasked, node->api != NULL ? node->api : node->listen[0],
                        json_string(text));
    free(text);
}

static json_t *find_unasked(const struct devnet *devnet, enum devnet_visits visits, bool awake)
{
    json_t *unasked = json_object();
    for (size_t i = 0; i < devnet->count; i++) {
        const struct devnet_node *node = &devnet->nodes[i];
        bool asked = is_asked(devnet, node, visits);
        if (node->listen_count == 0 || (asked && (!awake || is_awake(node))))
            continue;
        if (devnet_node_has_ended(node))
            add_why(unasked, node, "ended by itself");
        else if (asked)
            add_why(unasked, node, node->paused ? "is paused" : "is not up");
    }
    return unasked;
}

json_t *devnet_unasked(const struct devnet *devnet, enum devnet_visits visits)
{
    return find_unasked(devnet, visits, false);
}

json_t *devnet_not_awake(const struct devnet *devnet)
{
    return find_unasked(devnet, DEVNET_VISITS_GENESIS, true);
}

json_t *devnet_stopped_ids(const struct devnet *devnet)
{
    json_t *ids = json_object();
    for (size_t i = 0; i < devnet->count; i++)
        if (devnet->nodes[i].stopped && devnet->nodes[i].peer_id != NULL)
            json_object_set_new(ids, devnet->nodes[i].peer_id, json_true());
    return ids;
}

json_t *devnet_ask(const struct devnet *devnet, uint64_t timeout_ms)
{
    const struct mesh_manner manner = {.timeout_ms = timeout_ms, .stay_ms = VISIT_MS};
    size_t count;
    char **targets = find_targets(devnet, DEVNET_VISITS_GENESIS, true, &count);
    json_t *snapshot = mesh_collect((const char *const *)targets, count, &manner, NULL);
    devnet_targets_free(targets, count);
    return snapshot;
}
