#include "net/gossipsub/internal.h"

/* ---- the peers' ---- */

/* Changes over the limit are carried out all the same, or we would hold a wrong view of the peer.
 */
static void note_change(struct router_peer *peer)
{
    if (++peer->subscription_changes > SUBSCRIPTION_CHANGES_PER_HEARTBEAT_MAX)
        router_offend(peer, OFFENCE_SUBSCRIPTION_CHANGE);
}

bool router_add_subscriber(struct gossipsub *router, struct router_peer *peer, struct topic *topic)
{
    if (topic_bits_has(&peer->subscriptions, topic->handle))
        return true;
    if (peer->subscription_count >= GOSSIPSUB_TOPICS_PER_PEER_MAX)
        return false;
    note_change(peer);
    topic_bits_add(&peer->subscriptions, topic->handle);
    peer->subscription_count++;
    handle_set_add(&topic->subscribers, peer->handle);
    router_emit(router, GOSSIPSUB_SUBSCRIBED, peer->handle, topic->handle);
    return true;
}

static void remove_subscriber(struct gossipsub *router, struct router_peer *peer,
                              struct topic *topic)
{
    if (!topic_bits_has(&peer->subscriptions, topic->handle))
        return;
    told_peer_left_us(peer, topic);
    router_leave_mesh(router, peer, topic, true, "the peer unsubscribed");
    note_change(peer);
    handle_set_remove(&topic->fanout, peer->handle);
    handle_set_remove(&topic->subscribers, peer->handle);
    topic_bits_remove(&peer->subscriptions, topic->handle);
    peer->subscription_count--;
    router_emit(router, GOSSIPSUB_UNSUBSCRIBED, peer->handle, topic->handle);
}

void router_handle_subscriptions(struct gossipsub *router, struct router_peer *peer,
                                 const Gossipsub__RPC *rpc)
{
    for (size_t i = 0; i < rpc->n_subscriptions; i++) {
        const Gossipsub__RPC__SubOpts *option = rpc->subscriptions[i];
        struct bytes name = bytes_of(option->topic.data, option->topic.len);
        if (!topic_name_valid(name))
            continue;
        if (option->subscribe) {
            struct topic *topic = router_topic_make(router, name, TOPICS_RESERVED);
            if (topic != NULL)
                router_add_subscriber(router, peer, topic);
        } else {
            struct topic *topic = router_topic(router, name);
            if (topic != NULL)
                remove_subscriber(router, peer, topic);
        }
    }
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
