/* Topics by their names, as people write and read them. */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/gossipsub/lean_topic.h"
#include "net/host/host.h"
#include "net/host/internal.h"

char *host_topic_expand(const struct host *host, const char *topic, struct error *error)
{
    char expanded[GOSSIPSUB_TOPIC_SIZE_MAX + 1];
    const char *name = lean_topic_name_in_short(topic);
    if (name == NULL)
        return text_copy(topic);
    if (!lean_topic_write(host_settings(host)->network, name, expanded, error))
        return NULL;
    return text_copy(expanded);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **host_topic_names(const struct host *host, const struct peer *peer, size_t *count)
{
    const struct gossipsub *router = host_router(host);
    const char **names = memory_new(gossipsub_topic_count(router) * sizeof(*names));
    *count = 0;
    for (gossipsub_topic topic = 0; topic < gossipsub_topic_count(router); topic++) {
        bool subscribed = peer != NULL
                              ? gossipsub_peer_is_subscribed(router, peer->router_handle, topic)
                              : gossipsub_is_subscribed(router, topic);
        if (subscribed)
            names[(*count)++] = gossipsub_topic_name(router, topic);
    }
    qsort(names, *count, sizeof(*names), compare_names);
    return names;
}
