/* What the router holds, for the API and for tests. */
#include "net/gossipsub/internal.h"

static const struct topic *find(const struct gossipsub *router, gossipsub_topic topic)
{
    return topic < router->topic_slots ? router->topics[topic] : NULL;
}

size_t gossipsub_topic_count(const struct gossipsub *router)
{
    return router->topic_slots;
}

const char *gossipsub_topic_name(const struct gossipsub *router, gossipsub_topic topic)
{
    const struct topic *found = find(router, topic);
    return found != NULL ? found->name : NULL;
}

bool gossipsub_topic_find(const struct gossipsub *router, const char *name, gossipsub_topic *topic)
{
    const struct topic *found = router_topic(router, bytes_of_text(name));
    if (found != NULL)
        *topic = found->handle;
    return found != NULL;
}

bool gossipsub_is_subscribed(const struct gossipsub *router, gossipsub_topic topic)
{
    const struct topic *found = find(router, topic);
    return found != NULL && found->subscribed;
}

bool gossipsub_peer_is_subscribed(const struct gossipsub *router, gossipsub_peer peer,
                                  gossipsub_topic topic)
{
    const struct topic *found = find(router, topic);
    return found != NULL && handle_set_has(&found->subscribers, peer);
}

bool gossipsub_in_mesh(const struct gossipsub *router, gossipsub_peer peer, gossipsub_topic topic)
{
    const struct topic *found = find(router, topic);
    return found != NULL && handle_set_has(&found->mesh, peer);
}

bool gossipsub_in_fanout(const struct gossipsub *router, gossipsub_peer peer, gossipsub_topic topic)
{
    const struct topic *found = find(router, topic);
    return found != NULL && handle_set_has(&found->fanout, peer);
}

uint64_t gossipsub_backoff_left(const struct gossipsub *router, uint64_t now, gossipsub_peer handle,
                                gossipsub_topic topic)
{
    const struct router_peer *peer = router_peer(router, handle);
    return peer != NULL ? backoff_left_with_slack(&router->backoffs, now, peer_id_of(peer), topic)
                        : 0;
}

const uint64_t *gossipsub_peer_refused(const struct gossipsub *router, gossipsub_peer handle)
{
    const struct router_peer *peer = router_peer(router, handle);
    return peer != NULL ? peer->refused_messages : NULL;
}

size_t gossipsub_peer_not_kept(const struct gossipsub *router, gossipsub_peer handle)
{
    const struct router_peer *peer = router_peer(router, handle);
    return peer != NULL ? peer->not_kept.count : 0;
}

struct gossipsub_left_out gossipsub_peer_left_out(const struct gossipsub *router,
                                                  gossipsub_peer handle)
{
    const struct router_peer *peer = router_peer(router, handle);
    return peer != NULL ? peer->left_out : (struct gossipsub_left_out){0};
}

size_t gossipsub_peer_unsent(const struct gossipsub *router, gossipsub_peer handle)
{
    const struct router_peer *peer = router_peer(router, handle);
    return peer != NULL ? peer->unsent + peer->queue.bytes : 0;
}

void gossipsub_statistics(const struct gossipsub *router, struct gossipsub_statistics *statistics)
{
    *statistics = router->statistics;
    statistics->seen = id_set_count(&router->seen);
    statistics->cached_messages = message_cache_count(&router->cache);
    statistics->cached_bytes = router->cache.bytes;
    statistics->backoffs = backoff_count(&router->backoffs);
}
