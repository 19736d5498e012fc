/*
 * What a peer is to know of us stands in the topics: whether we are subscribed, and whether it is
 * in our mesh. Beside it stands what the peer may believe after all that was said to it. The
 * difference is said when its stream takes it, and not before: so what changes twice meanwhile is
 * never said, nothing is lost, and a backoff is reckoned when it is written.
 */
#include "net/gossipsub/internal.h"

static void add_all(struct topic_bits *bits, const struct topic_bits *others)
{
    for (size_t i = 0; i < GOSSIPSUB_TOPICS_MAX / 64; i++)
        bits->words[i] |= others->words[i];
}

/* ---- what is to be said ---- */

void told_mark(struct gossipsub *router, struct router_peer *peer, const struct topic *topic)
{
    if (!peer->stream_open || peer->dropped)
        return;
    topic_bits_add(&peer->told.unsaid, topic->handle);
    peer->told.any_unsaid = true;
    handle_set_add(&router->waiting, peer->handle);
}

void told_mark_all(struct gossipsub *router, struct router_peer *peer)
{
    FOR_EACH_TOPIC(router, topic)
    {
        if (topic->subscribed || topic_bits_has(&peer->told.may_know, topic->handle) ||
            topic_bits_has(&peer->told.may_have_us, topic->handle))
            told_mark(router, peer, topic);
    }
}

/* ---- what the peer may believe ---- */

void told_stream_lost(struct router_peer *peer)
{
    struct told *told = &peer->told;
    told->knows = told->has_us = told->unsaid = (struct topic_bits){0};
    told->any_unsaid = false;
    /* It may have gone with the stream unread. */
    add_all(&told->may_know, &told->withdrawn);
    add_all(&told->may_have_us, &told->pruned);
}

void told_forgotten(struct router_peer *peer)
{
    peer->told.knows = peer->told.has_us = (struct topic_bits){0};
}

void told_peer_has_us(struct router_peer *peer, const struct topic *topic)
{
    topic_bits_add(&peer->told.may_have_us, topic->handle);
    /* A PRUNE or UNSUBSCRIBE of ours may cross its GRAFT, and ends what that began: it is answered.
     */
    if (!topic_bits_has(&peer->told.pruned, topic->handle))
        topic_bits_add(&peer->told.has_us, topic->handle);
}

void told_peer_left_us(struct router_peer *peer, const struct topic *topic)
{
    topic_bits_remove(&peer->told.has_us, topic->handle);
    /* Where we left it ourselves and have yet to say so, it may hear a GRAFT of ours first. */
    if (handle_set_has(&topic->mesh, peer->handle) || !peer->stream_open)
        topic_bits_remove(&peer->told.may_have_us, topic->handle);
}

/* ---- saying it ---- */

static void write_subscription(struct gossipsub *router, struct router_peer *peer,
                               const struct topic *topic)
{
    struct told *told = &peer->told;
    bool believed =
        topic_bits_has(topic->subscribed ? &told->knows : &told->may_know, topic->handle);
    if (believed == topic->subscribed)
        return;
    outbox_subscription(router, peer, topic, topic->subscribed);
    if (topic->subscribed) {
        topic_bits_add(&told->may_know, topic->handle);
        topic_bits_add(&told->knows, topic->handle);
        topic_bits_remove(&told->withdrawn, topic->handle);
    } else {
        topic_bits_remove(&told->may_know, topic->handle);
        topic_bits_remove(&told->knows, topic->handle);
        topic_bits_add(&told->withdrawn, topic->handle);
        topic_bits_add(&told->pruned, topic->handle);
    }
}

static void write_prune(struct gossipsub *router, struct router_peer *peer,
                        const struct topic *topic)
{
    enum { SHORTEST_MS = 1000 }; /* on the wire 0 would stand for the peer's own default */
    backoff_set(&router->backoffs, router->now, peer_id_of(peer), topic->handle, SHORTEST_MS);
    outbox_prune(router, peer, topic,
                 backoff_left(&router->backoffs, router->now, peer_id_of(peer), topic->handle));
    topic_bits_remove(&peer->told.may_have_us, topic->handle);
    topic_bits_remove(&peer->told.has_us, topic->handle);
    topic_bits_add(&peer->told.pruned, topic->handle);
}

static void write_membership(struct gossipsub *router, struct router_peer *peer,
                             const struct topic *topic)
{
    struct told *told = &peer->told;
    bool in_mesh = handle_set_has(&topic->mesh, peer->handle);
    if (in_mesh && !topic_bits_has(&told->has_us, topic->handle)) {
        outbox_graft(router, peer, topic);
        topic_bits_add(&told->may_have_us, topic->handle);
        topic_bits_add(&told->has_us, topic->handle);
    }
    if (!in_mesh && topic_bits_has(&told->may_have_us, topic->handle))
        write_prune(router, peer, topic);
}

void told_write(struct gossipsub *router, struct router_peer *peer)
{
    struct topic_bits *unsaid = &peer->told.unsaid;
    for (size_t i = 0; i < GOSSIPSUB_TOPICS_MAX / 64; i++) {
        while (unsaid->words[i] != 0) {
            gossipsub_topic handle =
                (gossipsub_topic)(64 * i) + (gossipsub_topic)__builtin_ctzll(unsaid->words[i]);
            const struct topic *topic = router->topics[handle];
            unsaid->words[i] &= unsaid->words[i] - 1;
            write_subscription(router, peer, topic);
            write_membership(router, peer, topic);
        }
    }
    peer->told.any_unsaid = false;
}

/* ---- topics that go ---- */

bool told_needs_topic(const struct gossipsub *router, const struct topic *topic)
{
    for (size_t i = 0; i < router->peer_handles.count; i++) {
        const struct router_peer *peer = router->peers[router->peer_handles.items[i]];
        bool owed = topic_bits_has(&peer->told.may_know, topic->handle) ||
                    topic_bits_has(&peer->told.may_have_us, topic->handle);
        bool under_way =
            peer->unsent > 0 && (topic_bits_has(&peer->told.withdrawn, topic->handle) ||
                                 topic_bits_has(&peer->told.pruned, topic->handle));
        if (peer->stream_open ? owed || under_way
                              : owed && topic->idle_heartbeats < IDLE_HEARTBEATS_MAX)
            return true;
    }
    return false;
}

void told_forget_topic(struct gossipsub *router, const struct topic *topic)
{
    for (size_t i = 0; i < router->peer_handles.count; i++) {
        struct told *told = &router->peers[router->peer_handles.items[i]]->told;
        topic_bits_remove(&told->may_know, topic->handle);
        topic_bits_remove(&told->knows, topic->handle);
        topic_bits_remove(&told->withdrawn, topic->handle);
        topic_bits_remove(&told->may_have_us, topic->handle);
        topic_bits_remove(&told->has_us, topic->handle);
        topic_bits_remove(&told->pruned, topic->handle);
        topic_bits_remove(&told->unsaid, topic->handle);
    }
}
