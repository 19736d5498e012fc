/* GRAFTs that stand, of peers that have not accepted our gossipsub stream yet: what we send in the
 * same flight as our proposal has not been heard by a peer that refuses it. */
#include <stdlib.h>

#include "common/memory.h"
#include "net/host/internal.h"

void mesh_join_wait(struct peer *peer, gossipsub_topic topic, bool by_peer)
{
    mesh_join_forget(peer, topic);
    size_t size = (peer->waiting_join_count + 1) * sizeof(*peer->waiting_joins);
    peer->waiting_joins = memory_resize(peer->waiting_joins, size);
    peer->waiting_joins[peer->waiting_join_count++] =
        (struct mesh_join){.topic = topic, .by_peer = by_peer};
}

bool mesh_join_forget(struct peer *peer, gossipsub_topic topic)
{
    for (size_t i = 0; i < peer->waiting_join_count; i++) {
        if (peer->waiting_joins[i].topic != topic)
            continue;
        peer->waiting_joins[i] = peer->waiting_joins[--peer->waiting_join_count];
        return true;
    }
    return false;
}

bool mesh_join_take(struct peer *peer, struct mesh_join *join)
{
    if (peer->waiting_join_count == 0) {
        free(peer->waiting_joins);
        peer->waiting_joins = NULL;
        return false;
    }
    *join = peer->waiting_joins[--peer->waiting_join_count];
    return true;
}
