#include "net/mesh/drawing_node.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/mesh/members.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/tapped.h"

/* A member as it is, or null. */
static json_t *told(const json_t *object, const char *name)
{
    json_t *value = member(object, name);
    return value != NULL ? json_incref(value) : json_null();
}

static json_t *told_list(const json_t *object, const char *name)
{
    json_t *value = member(object, name);
    return json_is_array(value) ? json_incref(value) : json_array();
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of an object, as a sorted array. */
static json_t *names_of(const json_t *set)
{
    const char **names = memory_new((json_object_size(set) + 1) * sizeof(*names)), *name;
    size_t count = 0;
    json_t *array = json_array(), *ignored;
    json_object_foreach((json_t *)(uintptr_t)set, name, ignored)
    {
        names[count++] = name;
    }
    qsort(names, count, sizeof(*names), compare_texts);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(names[i]));
    free(names);
    return array;
}

static json_t *milliseconds(const json_t *microseconds)
{
    return json_is_number(microseconds) ? json_real(json_number_value(microseconds) / 1000)
                                        : json_null();
}

/* The connections, and of their round-trip times the least. */
static json_t *connections_of(const json_t *peer, const json_t *volatile_peer, json_t **least)
{
    json_t *connections = json_array();
    size_t index;
    const json_t *connection;
    *least = NULL;
    json_array_foreach(member(peer, "connections"), index, connection)
    {
        const json_t *last =
            member(member(volatile_peer, "connections"), snapshot_item_name(connection));
        json_t *rtt = milliseconds(member(last, "rtt_us"));
        if (json_is_real(rtt) && (*least == NULL || json_real_value(rtt) < json_real_value(*least)))
            *least = rtt;
        json_array_append_new(connections,
                              json_pack("{s:o,s:o,s:o,s:o}", "id", told(connection, "id"),
                                        "direction", told(connection, "direction"), "remote",
                                        told(connection, "remote"), "rtt_ms", rtt));
    }
    *least = *least != NULL ? json_incref(*least) : json_null();
    return connections;
}

static json_t *peers_of(const json_t *node)
{
    const json_t *last = member(member(node, "volatile"), "peers");
    json_t *peers = json_array();
    size_t index;
    const json_t *peer;
    json_array_foreach(member(node, "peers"), index, peer)
    {
        json_t *rtt;
        json_t *connections = connections_of(peer, member(last, snapshot_item_name(peer)), &rtt);
        json_array_append_new(
            peers, json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "peer_id", told(peer, "peer_id"), "agent",
                             told(peer, "agent"), "rtt_ms", rtt, "connections", connections,
                             "outbound_stream", told(peer, "outbound_stream"), "inbound_streams",
                             told_list(peer, "inbound_streams")));
    }
    return peers;
}

static json_t *backoff_of(const json_t *topic, const json_t *last)
{
    json_t *backoff = json_array();
    size_t index;
    const json_t *entry;
    json_array_foreach(member(topic, "backoff"), index, entry)
    {
        const json_t *timing = member(member(last, "backoff"), snapshot_item_name(entry));
        json_array_append_new(backoff, json_pack("{s:o,s:o}", "peer_id", told(entry, "peer_id"),
                                                 "left_ms", told(timing, "left_ms")));
    }
    return backoff;
}

/* SUBSCRIBED becomes the set of those that the node is subscribed to. */
static json_t *topics_of(const json_t *node, json_t *subscribed)
{
    const json_t *last = member(member(node, "volatile"), "topics");
    json_t *topics = json_object(), *topic;
    const char *name;
    json_object_foreach(member(node, "topics"), name, topic)
    {
        if (json_is_true(member(topic, "subscribed")))
            json_object_set_new(subscribed, name, json_true());
        json_object_set_new(topics, name,
                            json_pack("{s:o,s:o,s:o,s:o,s:o}", "subscribed",
                                      told(topic, "subscribed"), "mesh", told_list(topic, "mesh"),
                                      "subscribers", told_list(topic, "subscribers"), "fanout",
                                      told_list(topic, "fanout"), "backoff",
                                      backoff_of(topic, member(last, name))));
    }
    return topics;
}

json_t *drawing_asked_node(const json_t *node)
{
    const json_t *last = member(node, "volatile");
    json_t *subscribed = json_object();
    json_t *topics = topics_of(node, subscribed);
    json_t *counters = member(last, "statistics");
    json_t *told_all =
        json_pack("{s:o,s:o,s:s?,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "agent", told(node, "agent"),
                  "network", told(node, "network"), "api", json_string_value(member(last, "api")),
                  "listen", told_list(node, "listen"), "status", told(node, "status"), "gossipsub",
                  told(node, "gossipsub"), "subscriptions", names_of(subscribed), "topics", topics,
                  "peers", peers_of(node), "counters",
                  json_is_object(counters) ? json_incref(counters) : json_object());
    json_object_set_new(told_all, "told_by", json_string(tapped_is_node(node) ? "tap" : "api"));
    json_object_set_new(told_all, "name", told(node, "name"));
    json_decref(subscribed);
    return told_all;
}

json_t *drawing_visited_node(const json_t *entry)
{
    json_t *subscribed = json_object(), *topic;
    const char *name;
    json_object_foreach(member(entry, "topics"), name, topic)
    {
        if (json_is_true(member(topic, "subscribed")))
            json_object_set_new(subscribed, name, json_true());
    }
    json_t *node = drawing_heard_node(entry, subscribed);
    json_object_set_new(node, "listen", told_list(entry, "listen"));
    json_decref(subscribed);
    return node;
}

json_t *drawing_heard_node(const json_t *peer, const json_t *subscribed)
{
    return json_pack("{s:o,s:n,s:n,s:[],s:o,s:n,s:o,s:{},s:[],s:{}}", "agent", told(peer, "agent"),
                     "network", "api", "listen", "status", told(peer, "status"), "gossipsub",
                     "subscriptions", names_of(subscribed), "topics", "peers", "counters");
}
