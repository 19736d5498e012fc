#include "net/gossipsub/internal.h"

#include <stdlib.h>

#include "common/memory.h"

void gossipsub_actions_reset(struct gossipsub_actions *actions)
{
    for (size_t i = 0; i < actions->count; i++) {
        chunk_unref(actions->items[i].rpc);
        chunk_unref(actions->items[i].payload);
    }
    actions->count = 0;
}

void gossipsub_actions_clear(struct gossipsub_actions *actions)
{
    gossipsub_actions_reset(actions);
    free(actions->items);
    *actions = (struct gossipsub_actions){0};
}

struct gossipsub_action *router_emit(struct gossipsub *router, enum gossipsub_action_kind kind,
                                     gossipsub_peer peer, gossipsub_topic topic)
{
    struct gossipsub_actions *actions = router->actions;
    if (actions->count == actions->capacity) {
        actions->capacity = actions->capacity > 0 ? 2 * actions->capacity : 16;
        actions->items = memory_resize(actions->items, actions->capacity * sizeof(*actions->items));
    }
    struct gossipsub_action *action = &actions->items[actions->count++];
    *action = (struct gossipsub_action){.kind = kind, .peer = peer, .topic = topic};
    return action;
}
