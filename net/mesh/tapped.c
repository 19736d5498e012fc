#include "net/mesh/tapped.h"

#include <string.h>

#include "common/shape.h"
#include "net/gossipsub/lean_topic.h"
#include "net/mesh/members.h"
#include "net/mesh/snapshot.h"

static const char format[] = "devnet-tap", source[] = "tap";

static const struct shape backoff[] = {{"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL}, {0}};
static const struct shape topic[] = {{"subscribed", SHAPE_BOOLEAN, SHAPE_REQUIRED, NULL},
                                     {"mesh", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                     {"subscribers", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                     {"backoff", SHAPE_OBJECTS, SHAPE_OPTIONAL, backoff},
                                     {0}};
static const struct shape connection[] = {{"id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"direction", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {0}};
static const struct shape stream[] = {{"connection", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                      {"stream_id", SHAPE_INTEGER, SHAPE_REQUIRED, NULL},
                                      {0}};
static const struct shape peer[] = {{"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                    {"agent", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                    {"subscriptions", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                    {"status", SHAPE_OBJECT, SHAPE_OPTIONAL, NULL},
                                    {"connections", SHAPE_OBJECTS, SHAPE_REQUIRED, connection},
                                    {"outbound_stream", SHAPE_OBJECT, SHAPE_OPTIONAL, stream},
                                    {"inbound_streams", SHAPE_OBJECTS, SHAPE_REQUIRED, stream},
                                    {0}};
static const struct shape node_shape[] = {{"name", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"agent", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                          {"status", SHAPE_OBJECT, SHAPE_OPTIONAL, NULL},
                                          {"address", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"topics", SHAPE_MAP, SHAPE_REQUIRED, topic},
                                          {"peers", SHAPE_OBJECTS, SHAPE_REQUIRED, peer},
                                          {0}};
static const struct shape answer[] = {{"nodes", SHAPE_OBJECTS, SHAPE_REQUIRED, node_shape}, {0}};

bool tapped_is_answer(const json_t *mesh)
{
    const char *name = text_member(mesh, "format");
    return name != NULL && strcmp(name, format) == 0;
}

bool tapped_is_node(const json_t *node)
{
    const char *all = text_member(member(node, "sources"), "*");
    return all != NULL && strcmp(all, source) == 0;
}

/* ---- a node, as one that tells of itself would put it ---- */

/* The address of the node called ID; "" where it is none of the tap's. */
static const char *address_of(const json_t *nodes, const char *id)
{
    size_t i;
    const json_t *node;
    json_array_foreach(nodes, i, node)
    {
        if (strcmp(text_member(node, "peer_id"), id) == 0)
            return text_member(node, "address");
    }
    return "";
}

/* The network's name in the topics that it is subscribed to, where they agree on one; or null. */
static json_t *network_of(const json_t *topics)
{
    struct bytes network = {0}, other;
    const char *name;
    json_t *told;
    json_object_foreach((json_t *)topics, name, told)
    {
        if (!json_is_true(member(told, "subscribed")) || !lean_topic_network(name, &other))
            continue;
        if (network.data != NULL && !bytes_equal(network, other))
            return json_null();
        network = other;
    }
    return network.data != NULL ? json_stringn((const char *)network.data, network.size)
                                : json_null();
}

static json_t *topics_of(const json_t *node)
{
    json_t *topics = json_object(), *told;
    const char *name;
    json_object_foreach(member(node, "topics"), name, told)
    {
        json_t *made = json_pack("{s:O, s:O, s:O, s:[], s:[]}", "subscribed",
                                 member(told, "subscribed"), "mesh", member(told, "mesh"),
                                 "subscribers", member(told, "subscribers"), "fanout", "backoff");
        if (json_is_array(member(told, "backoff")))
            json_object_set(made, "backoff", member(told, "backoff"));
        json_object_set_new(topics, name, made);
    }
    return topics;
}

static json_t *connections_of(const json_t *told, const json_t *nodes)
{
    const char *address = address_of(nodes, text_member(told, "peer_id"));
    json_t *connections = json_deep_copy(member(told, "connections")), *value;
    size_t i;
    json_array_foreach(connections, i, value)
    {
        json_object_set_new(value, "remote", json_string(address));
    }
    return connections;
}

static json_t *outbound_of(const json_t *told)
{
    const json_t *outbound = member(told, "outbound_stream");
    json_t *made = json_is_object(outbound) ? json_deep_copy(outbound) : json_object();
    json_object_set_new(made, "state", json_string(json_is_object(outbound) ? "open" : "none"));
    return made;
}

static json_t *peers_of(const json_t *node, const json_t *nodes)
{
    json_t *peers = json_array();
    size_t i;
    const json_t *told;
    json_array_foreach(member(node, "peers"), i, told)
    {
        json_array_append_new(
            peers,
            json_pack("{s:O, s:O?, s:O?, s:O, s:o, s:o, s:O}", "peer_id", member(told, "peer_id"),
                      "agent", member(told, "agent"), "status", member(told, "status"),
                      "subscriptions", member(told, "subscriptions"), "connections",
                      connections_of(told, nodes), "outbound_stream", outbound_of(told),
                      "inbound_streams", member(told, "inbound_streams")));
    }
    return peers;
}

static json_t *node_of(const json_t *node, const json_t *nodes)
{
    return json_pack("{s:O, s:O, s:O?, s:o, s:O?, s:[O], s:o, s:o}", "peer_id",
                     member(node, "peer_id"), "name", member(node, "name"), "agent",
                     member(node, "agent"), "network", network_of(member(node, "topics")), "status",
                     member(node, "status"), "listen", member(node, "address"), "topics",
                     topics_of(node), "peers", peers_of(node, nodes));
}

/* ---- all of them ---- */

static bool is_told(const json_t *snapshot, const char *peer_id)
{
    size_t i;
    const json_t *node;
    json_array_foreach(member(snapshot, "nodes"), i, node)
    {
        if (strcmp(text_member(node, "peer_id"), peer_id) == 0)
            return true;
    }
    return false;
}

static bool check(const json_t *mesh, const char *api, struct error *error)
{
    json_int_t version = json_integer_value(member(mesh, "version"));
    if (version != TAPPED_VERSION)
        return error_set(error,
                         "%s/mesh: version %" JSON_INTEGER_FORMAT
                         " of what a tap answers; this program reads version %d",
                         api, version, TAPPED_VERSION);
    return shape_check(mesh, answer, error) || error_prefix(error, "%s/mesh", api);
}

bool tapped_add(json_t *snapshot, const char *api, const json_t *mesh, struct error *error)
{
    const json_t *nodes = member(mesh, "nodes"), *node;
    size_t i;
    bool added = check(mesh, api, error);
    if (!added)
        return false;
    json_array_foreach(nodes, i, node)
    {
        if (is_told(snapshot, text_member(node, "peer_id")))
            continue;
        json_t *made = node_of(node, nodes);
        added = snapshot_add_told(snapshot, api, made, source, error) && added;
        json_decref(made);
    }
    return added;
}
