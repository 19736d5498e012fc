#include "net/gossipsub/lean_topic.h"

#include <stdio.h>

static const char prefix[] = "/leanconsensus/";
static const char short_prefix[] = "lean:";
static const char suffix[] = "/ssz_snappy";

static bool is_part(const char *text)
{
    return *text != '\0' && strchr(text, '/') == NULL;
}

bool lean_topic_write(const char *network, const char *name,
                      char topic[GOSSIPSUB_TOPIC_SIZE_MAX + 1], struct error *error)
{
    if (!is_part(network))
        return error_set(error, "network \"%s\": must not be empty or have a slash", network);
    if (!is_part(name))
        return error_set(error, "topic \"%s\": must not be empty or have a slash", name);
    int size =
        snprintf(topic, GOSSIPSUB_TOPIC_SIZE_MAX + 1, "%s%s/%s%s", prefix, network, name, suffix);
    if (size > GOSSIPSUB_TOPIC_SIZE_MAX)
        return error_set(error,
                         "topic \"%s\": with its network it has %d characters, and may not "
                         "have more than %d",
                         name, size, GOSSIPSUB_TOPIC_SIZE_MAX);
    return true;
}

const char *lean_topic_name_in_short(const char *text)
{
    return strncmp(text, short_prefix, strlen(short_prefix)) == 0 ? text + strlen(short_prefix)
                                                                  : NULL;
}

bool lean_topic_network(const char *topic, struct bytes *network)
{
    if (strncmp(topic, prefix, strlen(prefix)) != 0)
        return false;
    const char *start = topic + strlen(prefix);
    *network = bytes_of(start, strcspn(start, "/"));
    return true;
}

bool lean_topic_read(const char *topic, struct bytes *network, struct bytes *name)
{
    if (!lean_topic_network(topic, network) || network->size == 0)
        return false;
    const char *middle = (const char *)network->data + network->size;
    const char *end = *middle == '/' ? strchr(middle + 1, '/') : NULL;
    if (end == NULL || strcmp(end, suffix) != 0 || end == middle + 1)
        return false;
    *name = bytes_of(middle + 1, (size_t)(end - middle - 1));
    return true;
}
