#include "net/gossipsub/internal.h"

#include <stdlib.h>

#include "common/memory.h"

struct router_peer *router_peer(const struct gossipsub *router, gossipsub_peer peer)
{
    return peer < router->peer_slots ? router->peers[peer] : NULL;
}

struct bytes peer_id_of(const struct router_peer *peer)
{
    return bytes_of(peer->id, peer->id_size);
}

bool router_peer_wants(const struct gossipsub *router, const struct router_peer *peer,
                       const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE])
{
    return peer->stream_open && !peer->dropped && !id_set_has(&peer->not_wanted, router->now, id);
}

static gossipsub_peer take_handle(struct gossipsub *router)
{
    if (router->free_handles.count > 0)
        return router->free_handles.items[--router->free_handles.count];
    size_t slot = router->peer_slots++;
    router->peers = memory_resize(router->peers, router->peer_slots * sizeof(*router->peers));
    return (gossipsub_peer)slot;
}

bool gossipsub_peer_added(struct gossipsub *router, uint64_t now, struct bytes id, bool outbound,
                          gossipsub_peer *handle)
{
    (void)now;
    if (router->peer_handles.count >= GOSSIPSUB_PEERS_MAX || id.size > BACKOFF_PEER_ID_SIZE_MAX)
        return false;
    struct router_peer *peer = memory_new(sizeof(*peer));
    peer->handle = take_handle(router);
    peer->serial = router->next_serial++;
    memcpy(peer->id, id.data, id.size);
    peer->id_size = id.size;
    peer->outbound = outbound;
    id_set_init(&peer->not_wanted, IDONTWANT_TTL_HEARTBEATS * router->parameters.heartbeat_ms,
                IDONTWANT_TTL_HEARTBEATS * IDONTWANT_IDS_PER_HEARTBEAT_MAX);
    id_set_init(&peer->asked_all_the_same, router->parameters.heartbeat_ms,
                IHAVE_IDS_PER_HEARTBEAT_MAX);
    router->peers[peer->handle] = peer;
    handle_set_add(&router->peer_handles, peer->handle);
    *handle = peer->handle;
    return true;
}

static void free_peer(struct router_peer *peer)
{
    name_set_clear(&peer->not_kept);
    id_set_clear(&peer->not_wanted);
    id_set_clear(&peer->asked_all_the_same);
    rpc_writer_clear(&peer->outbox);
    sending_clear(peer);
    free(peer);
}

/* Meshes and fanouts hold only peers that can be sent to. */
static void leave_all(struct gossipsub *router, struct router_peer *peer, const char *reason)
{
    FOR_EACH_TOPIC(router, topic)
    {
        if (handle_set_has(&topic->mesh, peer->handle)) {
            router_leave_mesh(router, peer, topic, false, reason);
            topic_bits_add(&peer->told.may_have_us, topic->handle);
        }
        handle_set_remove(&topic->fanout, peer->handle);
    }
    outbox_drop(router, peer);
    sending_drop(peer);
    told_stream_lost(peer);
}

void router_drop_peer(struct gossipsub *router, struct router_peer *peer, const char *reason)
{
    leave_all(router, peer, reason);
    peer->dropped = true;
    router_emit(router, GOSSIPSUB_DROP_PEER, peer->handle, 0)->reason = reason;
}

void router_offend(struct router_peer *peer, uint64_t points)
{
    peer->offence_points += points;
}

void router_judge_peer(struct gossipsub *router, struct router_peer *peer)
{
    uint64_t seconds = (router->parameters.heartbeat_ms + 999) / 1000;
    if (!peer->dropped && peer->offence_points > OFFENCE_POINTS_MAX * seconds)
        router_drop_peer(router, peer, "it exceeds the limits of gossipsub");
}

void gossipsub_peer_gone(struct gossipsub *router, uint64_t now, gossipsub_peer handle,
                         struct gossipsub_actions *actions)
{
    struct router_peer *peer = router_peer(router, handle);
    if (peer == NULL)
        return;
    router_begin(router, now, actions);
    leave_all(router, peer, "disconnected");
    FOR_EACH_TOPIC(router, topic)
    handle_set_remove(&topic->subscribers, handle);
    router->peers[handle] = NULL;
    handle_set_remove(&router->peer_handles, handle);
    handle_set_remove(&router->direct_peers, handle);
    handle_set_append(&router->free_handles, handle);
    free_peer(peer);
    router_finish(router);
}

void gossipsub_stream_opened(struct gossipsub *router, uint64_t now, gossipsub_peer handle,
                             enum gossipsub_version version, struct gossipsub_actions *actions)
{
    struct router_peer *peer = router_peer(router, handle);
    if (peer == NULL || peer->dropped)
        return;
    router_begin(router, now, actions);
    peer->stream_open = true;
    peer->version = version;
    told_forgotten(peer);
    told_mark_all(router, peer);
    router_graft_waiting(router, peer);
    FOR_EACH_TOPIC(router, topic)
    router_graft_eagerly(router, peer, topic);
    router_finish(router);
}

void gossipsub_stream_closed(struct gossipsub *router, uint64_t now, gossipsub_peer handle,
                             struct gossipsub_actions *actions)
{
    struct router_peer *peer = router_peer(router, handle);
    if (peer == NULL || !peer->stream_open)
        return;
    router_begin(router, now, actions);
    leave_all(router, peer, "our stream closed");
    peer->stream_open = false;
    router_finish(router);
}

/* Be it the first: go-libp2p forgets us where a connection from before our restart ends, however
 * soon, and opens a stream anew. SUBSCRIBE and GRAFT are harmless twice. */
void gossipsub_inbound_opened(struct gossipsub *router, uint64_t now, gossipsub_peer handle,
                              struct gossipsub_actions *actions)
{
    struct router_peer *peer = router_peer(router, handle);
    if (peer == NULL || !peer->stream_open || peer->dropped)
        return;
    router_begin(router, now, actions);
    told_forgotten(peer);
    told_mark_all(router, peer);
    router_finish(router);
}

void peers_clear(struct gossipsub *router)
{
    for (size_t i = 0; i < router->peer_handles.count; i++)
        free_peer(router->peers[router->peer_handles.items[i]]);
    free(router->peers);
    handle_set_clear(&router->peer_handles);
    handle_set_clear(&router->free_handles);
}
