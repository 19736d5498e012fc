/* Peers for the topics that we publish to and are not subscribed to. libp2p specification:
 * gossipsub-v1.0.md, "Message Publication" and "Fanout maintenance". */
#include "net/gossipsub/internal.h"

static void fill(struct gossipsub *router, struct topic *topic)
{
    size_t d = router->parameters.d;
    if (topic->fanout.count >= d)
        return;
    struct handle_set *candidates = router_candidates(router, topic, &topic->fanout, false);
    size_t missing = d - topic->fanout.count;
    if (missing > candidates->count)
        missing = candidates->count;
    random_sample(&router->random, candidates->items, candidates->count, missing);
    for (size_t i = 0; i < missing; i++)
        handle_set_add(&topic->fanout, candidates->items[i]);
}

const struct handle_set *router_use_fanout(struct gossipsub *router, struct topic *topic)
{
    router_topic_becomes_ours(router, topic);
    topic->has_fanout = true;
    topic->fanout_expires = router->now + router->parameters.fanout_ttl_ms;
    fill(router, topic);
    return &topic->fanout;
}

void router_maintain_fanout(struct gossipsub *router, struct topic *topic)
{
    if (router->now >= topic->fanout_expires)
        router_end_fanout(topic);
    else
        fill(router, topic);
}

void router_end_fanout(struct topic *topic)
{
    topic->has_fanout = false;
    topic->fanout.count = 0;
}
