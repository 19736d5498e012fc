/* libp2p specification: gossipsub-v1.0.md, "Mesh maintenance"; v1.1.md, "Outbound Mesh Quotas". */
#include "net/gossipsub/internal.h"

/* ---- who is in it ---- */

static bool may_send(const struct router_peer *peer)
{
    return peer->stream_open && !peer->dropped;
}

static bool may_graft(const struct gossipsub *router, const struct router_peer *peer,
                      const struct topic *topic)
{
    return !router->parameters.passive && may_send(peer) && !peer->direct &&
           topic_bits_has(&peer->subscriptions, topic->handle) &&
           backoff_left_with_slack(&router->backoffs, router->now, peer_id_of(peer),
                                   topic->handle) == 0;
}

struct handle_set *router_candidates(struct gossipsub *router, const struct topic *topic,
                                     const struct handle_set *except, bool graftable)
{
    struct handle_set *candidates = &router->candidates;
    candidates->count = 0;
    for (size_t i = 0; i < topic->subscribers.count; i++) {
        const struct router_peer *peer = router->peers[topic->subscribers.items[i]];
        if (peer->direct || handle_set_has(except, peer->handle))
            continue;
        if (graftable ? may_graft(router, peer, topic) : may_send(peer))
            handle_set_append(candidates, peer->handle);
    }
    return candidates;
}

static void enter_mesh(struct gossipsub *router, struct router_peer *peer, struct topic *topic,
                       bool by_peer)
{
    if (handle_set_add(&topic->mesh, peer->handle))
        router_emit(router, GOSSIPSUB_GRAFTED, peer->handle, topic->handle)->by_peer = by_peer;
}

void router_leave_mesh(struct gossipsub *router, struct router_peer *peer, struct topic *topic,
                       bool by_peer, const char *reason)
{
    if (!handle_set_remove(&topic->mesh, peer->handle))
        return;
    struct gossipsub_action *action =
        router_emit(router, GOSSIPSUB_PRUNED, peer->handle, topic->handle);
    action->by_peer = by_peer;
    action->reason = reason;
}

static void graft(struct gossipsub *router, struct router_peer *peer, struct topic *topic)
{
    enter_mesh(router, peer, topic, false);
    told_mark(router, peer, topic);
    topic_bits_add(&peer->grafted, topic->handle);
}

/* The peer is told by PRUNE, in the place of a GRAFT that waits: it may have us in its mesh all the
 * same, where what it said last crossed an earlier GRAFT. */
static void refuse(struct gossipsub *router, struct router_peer *peer, const struct topic *topic,
                   uint64_t backoff_ms)
{
    backoff_set(&router->backoffs, router->now, peer_id_of(peer), topic->handle, backoff_ms);
    topic_bits_add(&peer->told.may_have_us, topic->handle);
    told_mark(router, peer, topic);
}

/* ---- what peers ask for ---- */

static size_t count_outbound(const struct gossipsub *router, const struct handle_set *peers)
{
    size_t count = 0;
    for (size_t i = 0; i < peers->count; i++)
        count += router->peers[peers->items[i]]->outbound;
    return count;
}

/* A full mesh takes a peer that we chose to dial, while it lacks some. */
static bool has_room_for(const struct gossipsub *router, const struct router_peer *peer,
                         const struct topic *topic)
{
    const struct gossipsub_parameters *parameters = &router->parameters;
    bool full = topic->mesh.count >= parameters->d_high &&
                !(peer->outbound && count_outbound(router, &topic->mesh) < parameters->d_out);
    return !peer->direct && !full &&
           backoff_left(&router->backoffs, router->now, peer_id_of(peer), topic->handle) == 0;
}

static void answer_graft(struct gossipsub *router, struct router_peer *peer, struct topic *topic)
{
    if (!may_send(peer) || handle_set_has(&topic->mesh, peer->handle)) {
        told_peer_has_us(peer, topic);
    } else if (has_room_for(router, peer, topic)) {
        told_peer_has_us(peer, topic);
        enter_mesh(router, peer, topic, true);
        told_mark(router, peer, topic);
    } else if (topic_bits_has(&peer->refused, topic->handle)) {
        router_offend(peer, OFFENCE_REPEATED_GRAFT);
    } else {
        told_peer_has_us(peer, topic);
        topic_bits_add(&peer->refused, topic->handle);
        refuse(router, peer, topic, router->parameters.prune_backoff_ms);
    }
}

void router_handle_graft(struct gossipsub *router, struct router_peer *peer, struct topic *topic)
{
    /* Who grafts is subscribed, even where its announcement was lost with an older stream. */
    if (topic->subscribed) {
        router_add_subscriber(router, peer, topic);
        answer_graft(router, peer, topic);
    }
    /* Once it hears that we are not, it drops us; but we may be again before that is said. */
    if (!topic->subscribed && topic_bits_has(&peer->told.may_know, topic->handle)) {
        told_peer_has_us(peer, topic);
        told_mark(router, peer, topic);
    }
}

void router_handle_prune(struct gossipsub *router, struct router_peer *peer, struct topic *topic,
                         uint64_t backoff_ms)
{
    if (topic_bits_has(&peer->pruned_us, topic->handle))
        router_offend(peer, OFFENCE_REPEATED_PRUNE);
    topic_bits_add(&peer->pruned_us, topic->handle);
    if (backoff_ms == 0)
        backoff_ms = router->parameters.prune_backoff_ms;
    /* Nobody fills the table with topics that we would not GRAFT for anyway; but where we left one
       and may come back, the longer backoff holds. */
    if (topic->subscribed ||
        backoff_left(&router->backoffs, router->now, peer_id_of(peer), topic->handle) > 0)
        backoff_set(&router->backoffs, router->now, peer_id_of(peer), topic->handle, backoff_ms);
    told_peer_left_us(peer, topic);
    router_leave_mesh(router, peer, topic, true, "the peer pruned us");
    router_emit(router, GOSSIPSUB_GRAFT_REFUSED, peer->handle, topic->handle)->backoff_ms =
        backoff_ms;
}

void gossipsub_peer_set_direct(struct gossipsub *router, uint64_t now, gossipsub_peer handle,
                               bool direct, struct gossipsub_actions *actions)
{
    struct router_peer *peer = router_peer(router, handle);
    if (peer == NULL || peer->direct == direct)
        return;
    router_begin(router, now, actions);
    peer->direct = direct;
    if (direct)
        handle_set_add(&router->direct_peers, handle);
    else
        handle_set_remove(&router->direct_peers, handle);
    FOR_EACH_TOPIC(router, topic)
    {
        if (!direct)
            break;
        handle_set_remove(&topic->fanout, handle);
        if (!handle_set_has(&topic->mesh, handle))
            continue;
        router_leave_mesh(router, peer, topic, false, "it is a direct peer");
        refuse(router, peer, topic, router->parameters.prune_backoff_ms);
    }
    router_finish(router);
}

/* ---- what we ask for ---- */

void router_graft_eagerly(struct gossipsub *router, struct router_peer *peer, struct topic *topic)
{
    if (topic->subscribed && topic->mesh.count < router->parameters.d_low &&
        !handle_set_has(&topic->mesh, peer->handle) &&
        !topic_bits_has(&peer->grafted, topic->handle) && may_graft(router, peer, topic))
        graft(router, peer, topic);
}

void router_graft_waiting(struct gossipsub *router, struct router_peer *peer)
{
    FOR_EACH_TOPIC(router, topic)
    {
        if (!topic_bits_has(&peer->told.may_have_us, topic->handle) || !topic->subscribed ||
            !topic_bits_has(&peer->subscriptions, topic->handle))
            continue;
        if (has_room_for(router, peer, topic))
            graft(router, peer, topic);
        else if (backoff_left(&router->backoffs, router->now, peer_id_of(peer), topic->handle) == 0)
            refuse(router, peer, topic, router->parameters.prune_backoff_ms);
    }
}

/* Grafts up to COUNT of the candidates, at random. */
static void graft_some(struct gossipsub *router, struct topic *topic, struct handle_set *candidates,
                       size_t count)
{
    if (count > candidates->count)
        count = candidates->count;
    random_sample(&router->random, candidates->items, candidates->count, count);
    for (size_t i = 0; i < count; i++)
        graft(router, router->peers[candidates->items[i]], topic);
}

void router_join(struct gossipsub *router, struct topic *topic)
{
    size_t d = router->parameters.d;
    for (size_t i = 0; i < topic->fanout.count && topic->mesh.count < d; i++) {
        struct router_peer *peer = router->peers[topic->fanout.items[i]];
        if (may_graft(router, peer, topic))
            graft(router, peer, topic);
    }
    router_end_fanout(topic);
    if (topic->mesh.count < d)
        graft_some(router, topic, router_candidates(router, topic, &topic->mesh, true),
                   d - topic->mesh.count);
}

void router_leave(struct gossipsub *router, struct topic *topic)
{
    while (topic->mesh.count > 0) {
        struct router_peer *peer = router->peers[topic->mesh.items[0]];
        router_leave_mesh(router, peer, topic, false, "we unsubscribed");
        refuse(router, peer, topic, router->parameters.unsubscribe_backoff_ms);
    }
}

/* ---- the heartbeat ---- */

/* Down to D at random, D_out of them peers that we chose to dial. */
static void prune_excess(struct gossipsub *router, struct topic *topic)
{
    struct handle_set *order = &router->candidates;
    order->count = 0;
    for (size_t i = 0; i < topic->mesh.count; i++)
        handle_set_append(order, topic->mesh.items[i]);
    random_sample(&router->random, order->items, order->count, order->count);
    size_t outbound = 0;
    for (size_t i = 0; i < order->count && outbound < router->parameters.d_out; i++) {
        gossipsub_peer handle = order->items[i];
        if (!router->peers[handle]->outbound)
            continue;
        order->items[i] = order->items[outbound];
        order->items[outbound++] = handle;
    }
    for (size_t i = router->parameters.d; i < order->count; i++) {
        struct router_peer *peer = router->peers[order->items[i]];
        router_leave_mesh(router, peer, topic, false, "the mesh was above D_high");
        refuse(router, peer, topic, router->parameters.prune_backoff_ms);
    }
}

static void graft_outbound(struct gossipsub *router, struct topic *topic, size_t count)
{
    struct handle_set *candidates = router_candidates(router, topic, &topic->mesh, true);
    size_t outbound = 0;
    for (size_t i = 0; i < candidates->count; i++)
        if (router->peers[candidates->items[i]]->outbound)
            candidates->items[outbound++] = candidates->items[i];
    candidates->count = outbound;
    graft_some(router, topic, candidates, count);
}

void router_maintain_mesh(struct gossipsub *router, struct topic *topic)
{
    const struct gossipsub_parameters *parameters = &router->parameters;
    if (topic->mesh.count < parameters->d_low)
        graft_some(router, topic, router_candidates(router, topic, &topic->mesh, true),
                   parameters->d - topic->mesh.count);
    if (topic->mesh.count > parameters->d_high)
        prune_excess(router, topic);
    size_t outbound = count_outbound(router, &topic->mesh);
    if (topic->mesh.count >= parameters->d_low && outbound < parameters->d_out)
        graft_outbound(router, topic, parameters->d_out - outbound);
}
