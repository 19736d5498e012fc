#include "net/gossipsub/internal.h"

#include <stdlib.h>

#include "common/memory.h"
#include "net/gossipsub/lean_topic.h"

struct bytes topic_bytes(const struct topic *topic)
{
    return bytes_of_text(topic->name);
}

/* Printable ASCII: a name is shown in logs and JSON, and none that a peer sends may garble them. */
bool topic_name_valid(struct bytes name)
{
    if (name.size == 0 || name.size > GOSSIPSUB_TOPIC_SIZE_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < ' ' || name.data[i] > '~')
            return false;
    return true;
}

struct topic *router_topic(const struct gossipsub *router, struct bytes name)
{
    struct topic *topic;
    HASH_FIND(hh, router->topics_by_name, name.data, name.size, topic);
    return topic;
}

/* The lowest handle that is free; GOSSIPSUB_TOPICS_MAX where none is. */
static gossipsub_topic free_handle(const struct gossipsub *router)
{
    gossipsub_topic handle = 0;
    while (handle < router->topic_slots && router->topics[handle] != NULL)
        handle++;
    return handle;
}

static bool is_leans(const char *name)
{
    struct bytes network, short_name;
    return lean_topic_read(name, &network, &short_name);
}

struct topic *router_topic_make(struct gossipsub *router, struct bytes name, size_t reserved)
{
    struct topic *topic = router_topic(router, name);
    if (topic != NULL || HASH_COUNT(router->topics_by_name) + reserved >= GOSSIPSUB_TOPICS_MAX)
        return topic;
    topic = memory_new(sizeof(*topic));
    router->has_new_topic = true;
    topic->handle = free_handle(router);
    if (topic->handle == router->topic_slots)
        router->topic_slots++;
    topic->name = memory_new(name.size + 1);
    memcpy(topic->name, name.data, name.size);
    topic->is_signed = router->signing.verify != NULL && !is_leans(topic->name);
    router->topics[topic->handle] = topic;
    HASH_ADD_KEYPTR(hh, router->topics_by_name, topic->name, name.size, topic);
    return topic;
}

static void remove_topic(struct gossipsub *router, struct topic *topic)
{
    told_forget_topic(router, topic);
    HASH_DEL(router->topics_by_name, topic);
    router->topics[topic->handle] = NULL;
    handle_set_clear(&topic->subscribers);
    handle_set_clear(&topic->mesh);
    handle_set_clear(&topic->fanout);
    free(topic->name);
    free(topic);
}

/* The message cache, backoffs, actions that the caller has yet to see and what peers are to be told
 * name topics by handle: one that is still there may not become another's. */
void router_reclaim_topics(struct gossipsub *router)
{
    struct topic *topic, *next;
    HASH_ITER(hh, router->topics_by_name, topic, next)
    {
        if (topic->subscribed || topic->has_fanout || topic->subscribers.count > 0)
            topic->idle_heartbeats = 0;
        else if (topic->idle_heartbeats++ > router->parameters.history_length &&
                 !backoff_any_for(&router->backoffs, topic->handle) &&
                 !told_needs_topic(router, topic))
            remove_topic(router, topic);
    }
}

void topics_clear(struct gossipsub *router)
{
    while (router->topics_by_name != NULL)
        remove_topic(router, router->topics_by_name);
}
