#include "net/gossipsub/internal.h"

#include <stdlib.h>

#include "common/memory.h"

struct gossipsub *gossipsub_new(const struct gossipsub_parameters *parameters, uint64_t seed)
{
    struct gossipsub *router = memory_new(sizeof(*router));
    router->parameters = *parameters;
    router->unsent_max = SEND_MESSAGES_MAX;
    random_seed(&router->random, seed);
    id_set_init(&router->seen, parameters->seen_ttl_ms, SEEN_MAX);
    id_set_init(&router->asked, parameters->heartbeat_ms, ASKED_MAX);
    router->backoffs.slack = parameters->heartbeat_ms;
    gossipsub_set_validator(router, NULL, NULL);
    return router;
}

void gossipsub_free(struct gossipsub *router)
{
    if (router == NULL)
        return;
    peers_clear(router);
    topics_clear(router);
    id_set_clear(&router->seen);
    id_set_clear(&router->asked);
    message_cache_clear(&router->cache);
    backoff_clear(&router->backoffs);
    handle_set_clear(&router->direct_peers);
    handle_set_clear(&router->waiting);
    handle_set_clear(&router->candidates);
    free(router->gossip_ids);
    arena_clear(&router->arena);
    free(router);
}

void router_begin(struct gossipsub *router, uint64_t now, struct gossipsub_actions *actions)
{
    router->now = now;
    router->event++;
    router->actions = actions;
}

void router_finish(struct gossipsub *router)
{
    outboxes_send(router);
    router->actions = NULL;
}

/* ---- an RPC ---- */

static void handle_mesh_control(struct gossipsub *router, struct router_peer *peer,
                                const Gossipsub__ControlMessage *control)
{
    for (size_t i = 0; i < control->n_graft; i++) {
        const Gossipsub__ControlGraft *graft = control->graft[i];
        struct topic *topic = router_topic(router, bytes_of(graft->topic.data, graft->topic.len));
        if (topic != NULL)
            router_handle_graft(router, peer, topic);
    }
    for (size_t i = 0; i < control->n_prune; i++) {
        const Gossipsub__ControlPrune *prune = control->prune[i];
        struct topic *topic = router_topic(router, bytes_of(prune->topic.data, prune->topic.len));
        uint64_t seconds =
            prune->backoff < BACKOFF_MS_MAX / 1000 ? prune->backoff : BACKOFF_MS_MAX / 1000;
        if (topic != NULL)
            router_handle_prune(router, peer, topic, 1000 * seconds);
    }
}

/* Counts COUNT more entries of an RPC; those over its LIMIT cost points. How many are within it. */
static size_t count_entries(struct router_peer *peer, size_t count, size_t *so_far, size_t limit)
{
    size_t left = *so_far < limit ? limit - *so_far : 0;
    size_t within = count < left ? count : left;
    *so_far += count;
    router_offend(peer, count - within);
    return within;
}

static void handle_control(struct gossipsub *router, struct router_peer *peer,
                           Gossipsub__ControlMessage *control)
{
    struct gossipsub_rpc *rpc = router->rpc;
    const size_t limit = CONTROL_PER_RPC_MAX;
    count_entries(peer, control->n_graft, &rpc->grafts, limit);
    count_entries(peer, control->n_prune, &rpc->prunes, limit);
    control->n_ihave = count_entries(peer, control->n_ihave, &rpc->ihaves, limit);
    control->n_iwant = count_entries(peer, control->n_iwant, &rpc->iwants, limit);
    control->n_idontwant = count_entries(peer, control->n_idontwant, &rpc->idontwants, limit);
    handle_mesh_control(router, peer, control);
    router_handle_gossip(router, peer, control);
}

static void handle_slice(struct gossipsub *router, struct router_peer *peer, Gossipsub__RPC *slice)
{
    struct gossipsub_rpc *rpc = router->rpc;
    rpc->has_subscriptions = rpc->has_subscriptions || slice->n_subscriptions > 0;
    count_entries(peer, slice->n_subscriptions, &rpc->subscriptions, SUBSCRIPTIONS_PER_RPC_MAX);
    router_handle_subscriptions(router, peer, slice);
    slice->n_publish = count_entries(peer, slice->n_publish, &rpc->messages, MESSAGES_PER_RPC_MAX);
    /* Before control: an id offered in the RPC that brings the message need not be asked for. */
    for (size_t i = 0; i < slice->n_publish; i++)
        router_handle_message(router, peer, slice->publish[i]);
    if (slice->control != NULL)
        handle_control(router, peer, slice->control);
}

static void end_rpc(struct gossipsub *router, struct router_peer *peer)
{
    /* Last: a GRAFT of the peer's own in this RPC spares it ours. */
    if (router->rpc->has_subscriptions)
        FOR_EACH_TOPIC(router, topic)
    router_graft_eagerly(router, peer, topic);
}

static void note_malformed(struct gossipsub *router, struct router_peer *peer)
{
    router->statistics.rpcs_malformed++;
    router_offend(peer, OFFENCE_MALFORMED_RPC);
}

static enum rpc_read read_slice(struct gossipsub *router, struct router_peer *peer,
                                struct bytes rpc)
{
    Gossipsub__RPC slice;
    enum rpc_read read = rpc_read(&router->rpc->reader, rpc, &router->arena, &slice);
    if (read != RPC_READ_MALFORMED)
        handle_slice(router, peer, &slice);
    else if (rpc.size > GOSSIPSUB_RPC_SIZE_MAX)
        router_drop_peer(router, peer, "its RPC is too large");
    else
        note_malformed(router, peer);
    if (read == RPC_READ_END)
        end_rpc(router, peer);
    return read;
}

enum gossipsub_rpc_state gossipsub_rpc_slice(struct gossipsub *router, uint64_t now,
                                             gossipsub_peer handle, struct bytes rpc,
                                             struct gossipsub_rpc *progress,
                                             struct gossipsub_actions *actions)
{
    struct router_peer *peer = router_peer(router, handle);
    if (peer == NULL || peer->dropped)
        return GOSSIPSUB_RPC_DONE;
    router_begin(router, now, actions);
    router->rpc = progress;
    router->statistics.rpcs_in += !progress->counted;
    progress->counted = true;
    enum rpc_read read = read_slice(router, peer, rpc);
    router_judge_peer(router, peer);
    router->rpc = NULL;
    router_finish(router);
    if (read == RPC_READ_MALFORMED)
        return GOSSIPSUB_RPC_MALFORMED;
    return read == RPC_READ_MORE && !peer->dropped ? GOSSIPSUB_RPC_MORE : GOSSIPSUB_RPC_DONE;
}

bool gossipsub_rpc_received(struct gossipsub *router, uint64_t now, gossipsub_peer handle,
                            struct bytes rpc, struct gossipsub_actions *actions)
{
    struct gossipsub_rpc progress = {0};
    enum gossipsub_rpc_state state;
    do
        state = gossipsub_rpc_slice(router, now, handle, rpc, &progress, actions);
    while (state == GOSSIPSUB_RPC_MORE);
    return state != GOSSIPSUB_RPC_MALFORMED;
}

/* ---- the heartbeat ---- */

static void forget_expired(struct gossipsub *router)
{
    message_cache_shift(&router->cache, router->parameters.history_length);
    id_set_expire(&router->seen, router->now);
    id_set_expire(&router->asked, router->now);
    backoff_expire(&router->backoffs, router->now);
    for (size_t i = 0; i < router->peer_handles.count; i++) {
        struct router_peer *peer = router->peers[router->peer_handles.items[i]];
        id_set_expire(&peer->not_wanted, router->now);
        id_set_expire(&peer->asked_all_the_same, router->now);
        peer->ihave_rpcs = peer->ihave_ids = peer->iwant_ids = peer->idontwant_ids = 0;
        peer->subscription_changes = 0;
        peer->offence_points = 0;
        peer->grafted = peer->refused = peer->pruned_us = (struct topic_bits){0};
        router_check_promise(router, peer);
        sending_maintain(router, peer);
    }
}

void gossipsub_heartbeat(struct gossipsub *router, uint64_t now, struct gossipsub_actions *actions)
{
    router_begin(router, now, actions);
    FOR_EACH_TOPIC(router, topic)
    {
        if (topic->subscribed)
            router_maintain_mesh(router, topic);
        else if (topic->has_fanout)
            router_maintain_fanout(router, topic);
        if (topic->subscribed || topic->has_fanout)
            router_send_gossip(router, topic);
    }
    forget_expired(router);
    router_learn_topics(router);
    router_reclaim_topics(router);
    router_finish(router);
}
