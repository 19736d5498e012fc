#include "net/gossipsub/internal.h"

/* ---- the peers' ---- */

/* Topics of ours always have room: what we do not know of them costs us a peer. */
static bool is_ours(const struct topic *topic)
{
    return topic->subscribed || topic->has_fanout;
}

static size_t count_ours(const struct gossipsub *router)
{
    size_t count = 0;
    FOR_EACH_TOPIC(router, topic)
    count += is_ours(topic);
    return count;
}

/* Of the peer's topics those that are not ours: of them so many are kept, and no more. */
static size_t count_others(const struct gossipsub *router, const struct router_peer *peer)
{
    size_t count = 0;
    for (gossipsub_topic topic = 0; topic < router->topic_slots; topic++)
        count += topic_bits_has(&peer->subscriptions, topic) && !is_ours(router->topics[topic]);
    return count;
}

/* Changes over the limit are carried out all the same, or we would hold a wrong view of the peer.
 */
static void note_change(const struct gossipsub *router, struct router_peer *peer)
{
    const size_t limit = SUBSCRIPTION_CHANGES_PER_HEARTBEAT_MAX;
    size_t count = ++peer->subscription_changes;
    if (count > limit && count > limit + SUBSCRIPTION_CHANGES_PER_TOPIC * count_ours(router))
        router_offend(peer, OFFENCE_SUBSCRIPTION_CHANGE);
}

void router_add_subscriber(struct gossipsub *router, struct router_peer *peer, struct topic *topic)
{
    if (topic_bits_has(&peer->subscriptions, topic->handle))
        return;
    note_change(router, peer);
    name_set_remove(&peer->not_kept, topic_bytes(topic));
    topic_bits_add(&peer->subscriptions, topic->handle);
    handle_set_add(&topic->subscribers, peer->handle);
    router_emit(router, GOSSIPSUB_SUBSCRIBED, peer->handle, topic->handle);
}

static void remove_subscriber(struct gossipsub *router, struct router_peer *peer,
                              struct topic *topic)
{
    told_peer_left_us(peer, topic);
    router_leave_mesh(router, peer, topic, true, "the peer unsubscribed");
    note_change(router, peer);
    handle_set_remove(&topic->fanout, peer->handle);
    handle_set_remove(&topic->subscribers, peer->handle);
    topic_bits_remove(&peer->subscriptions, topic->handle);
    peer->has_new_room = true;
    router_emit(router, GOSSIPSUB_UNSUBSCRIBED, peer->handle, topic->handle);
}

/* Whoever has so many topics is within its rights, and so are we. */
static void keep_out(struct gossipsub *router, struct router_peer *peer, struct bytes name)
{
    if (name_set_has(&peer->not_kept, name))
        return;
    router->statistics.subscriptions_not_kept++;
    name_set_add(&peer->not_kept, name);
}

/* OTHERS: how many topics of the peer's are kept that are not ours. */
static void handle_subscribe(struct gossipsub *router, struct router_peer *peer, struct bytes name,
                             size_t *others)
{
    struct topic *topic = router_topic(router, name);
    if (topic != NULL && topic_bits_has(&peer->subscriptions, topic->handle))
        return;
    bool ours = topic != NULL && is_ours(topic);
    if (!ours && *others < GOSSIPSUB_TOPICS_PER_PEER_MAX && topic_name_valid(name))
        topic = router_topic_make(router, name, TOPICS_RESERVED);
    else if (!ours)
        topic = NULL;
    if (topic == NULL) {
        keep_out(router, peer, name);
        return;
    }
    *others += !ours;
    router_add_subscriber(router, peer, topic);
}

static void handle_unsubscribe(struct gossipsub *router, struct router_peer *peer,
                               struct bytes name, size_t *others)
{
    struct topic *topic = router_topic(router, name);
    name_set_remove(&peer->not_kept, name);
    if (topic == NULL || !topic_bits_has(&peer->subscriptions, topic->handle))
        return;
    *others -= !is_ours(topic);
    remove_subscriber(router, peer, topic);
}

void router_handle_subscriptions(struct gossipsub *router, struct router_peer *peer,
                                 const Gossipsub__RPC *rpc)
{
    if (rpc->n_subscriptions == 0)
        return;
    size_t others = count_others(router, peer);
    for (size_t i = 0; i < rpc->n_subscriptions; i++) {
        const Gossipsub__RPC__SubOpts *option = rpc->subscriptions[i];
        struct bytes name = bytes_of(option->topic.data, option->topic.len);
        if (option->subscribe)
            handle_subscribe(router, peer, name, &others);
        else
            handle_unsubscribe(router, peer, name, &others);
    }
}

/* Who said so before we cared. */
static void learn_subscribers(struct gossipsub *router, struct topic *topic)
{
    for (size_t i = 0; i < router->peer_handles.count; i++) {
        struct router_peer *peer = router->peers[router->peer_handles.items[i]];
        if (name_set_has(&peer->not_kept, topic_bytes(topic)))
            router_add_subscriber(router, peer, topic);
    }
}

void router_topic_becomes_ours(struct gossipsub *router, struct topic *topic)
{
    if (!is_ours(topic))
        learn_subscribers(router, topic);
}

/* Of topics whose names others have told us. */
static void learn_topics(struct gossipsub *router, struct router_peer *peer)
{
    size_t others = count_others(router, peer);
    FOR_EACH_TOPIC(router, topic)
    {
        if (others >= GOSSIPSUB_TOPICS_PER_PEER_MAX)
            return;
        if (!name_set_has(&peer->not_kept, topic_bytes(topic)))
            continue;
        router_add_subscriber(router, peer, topic);
        others++;
    }
}

void router_learn_topics(struct gossipsub *router)
{
    for (size_t i = 0; i < router->peer_handles.count; i++) {
        struct router_peer *peer = router->peers[router->peer_handles.items[i]];
        if (peer->not_kept.count > 0 && (peer->has_new_room || router->has_new_topic))
            learn_topics(router, peer);
        peer->has_new_room = false;
    }
    router->has_new_topic = false;
}

/* ---- ours ---- */

static void announce(struct gossipsub *router, const struct topic *topic)
{
    for (size_t i = 0; i < router->peer_handles.count; i++)
        told_mark(router, router->peers[router->peer_handles.items[i]], topic);
}

struct topic *router_own_topic(struct gossipsub *router, const char *name, struct error *error)
{
    struct bytes bytes = bytes_of_text(name);
    if (!topic_name_valid(bytes)) {
        error_set(error, "topic \"%.*s\": must be 1 to %d printable ASCII characters",
                  GOSSIPSUB_TOPIC_SIZE_MAX, name, GOSSIPSUB_TOPIC_SIZE_MAX);
        return NULL;
    }
    struct topic *topic = router_topic_make(router, bytes, 0);
    if (topic != NULL)
        topic->idle_heartbeats = 0;
    else
        error_set_kind(error, ERROR_FULL,
                       "topic %s: %d topics are known already, and there may not be more", name,
                       GOSSIPSUB_TOPICS_MAX);
    return topic;
}

bool gossipsub_subscribe(struct gossipsub *router, uint64_t now, const char *name,
                         struct gossipsub_actions *actions, struct error *error)
{
    struct topic *topic = router_own_topic(router, name, error);
    if (topic == NULL || topic->subscribed)
        return topic != NULL;
    router_begin(router, now, actions);
    router_topic_becomes_ours(router, topic);
    topic->subscribed = true;
    announce(router, topic);
    router_join(router, topic);
    router_finish(router);
    return true;
}

bool gossipsub_unsubscribe(struct gossipsub *router, uint64_t now, const char *name,
                           struct gossipsub_actions *actions, struct error *error)
{
    struct bytes bytes = bytes_of_text(name);
    if (!topic_name_valid(bytes))
        return router_own_topic(router, name, error) != NULL;
    struct topic *topic = router_topic(router, bytes);
    if (topic == NULL || !topic->subscribed)
        return true;
    router_begin(router, now, actions);
    topic->subscribed = false;
    announce(router, topic);
    router_leave(router, topic);
    router_finish(router);
    return true;
}
