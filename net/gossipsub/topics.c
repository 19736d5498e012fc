#include "net/gossipsub/internal.h"

#include <stdlib.h>

#include "common/memory.h"

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

struct topic *router_topic_make(struct gossipsub *router, struct bytes name, size_t reserved)
{
    struct topic *topic = router_topic(router, name);
    if (topic != NULL || router->topic_count + reserved >= GOSSIPSUB_TOPICS_MAX)
        return topic;
    topic = memory_new(sizeof(*topic));
    topic->handle = (gossipsub_topic)router->topic_count++;
    topic->name = memory_new(name.size + 1);
    memcpy(topic->name, name.data, name.size);
    router->topics[topic->handle] = topic;
    HASH_ADD_KEYPTR(hh, router->topics_by_name, topic->name, name.size, topic);
    return topic;
}

void topics_clear(struct gossipsub *router)
{
    HASH_CLEAR(hh, router->topics_by_name);
    for (size_t i = 0; i < router->topic_count; i++) {
        struct topic *topic = router->topics[i];
        handle_set_clear(&topic->subscribers);
        handle_set_clear(&topic->mesh);
        handle_set_clear(&topic->fanout);
        free(topic->name);
        free(topic);
    }
}
