/* Topics by their names, as people write and read them. */
#include "common/memory.h"
#include "net/gossipsub/lean_topic.h"
#include "net/host/host.h"

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
