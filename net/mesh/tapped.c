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
static const struct shape connection_shape[] = {{"id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                                {"direction", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                                {0}};
static const struct shape stream[] = {{"connection", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                      {"stream_id", SHAPE_INTEGER, SHAPE_REQUIRED, NULL},
                                      {0}};
static const struct shape peer_shape[] = {
    {"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
    {"address", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
    {"agent", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
    {"subscriptions", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
    {"status", SHAPE_OBJECT, SHAPE_OPTIONAL, NULL},
    {"connections", SHAPE_OBJECTS, SHAPE_REQUIRED, connection_shape},
    {"outbound_stream", SHAPE_OBJECT, SHAPE_OPTIONAL, stream},
    {"inbound_streams", SHAPE_OBJECTS, SHAPE_REQUIRED, stream},
    {"not_seen", SHAPE_INTEGER, SHAPE_OPTIONAL, NULL},
    {0}};
static const struct shape node_shape[] = {{"name", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"peer_id", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"agent", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                          {"status", SHAPE_OBJECT, SHAPE_OPTIONAL, NULL},
                                          {"address", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"topics", SHAPE_MAP, SHAPE_REQUIRED, topic},
                                          {"peers", SHAPE_OBJECTS, SHAPE_REQUIRED, peer_shape},
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

/* Where a node's entry is made. */
struct view {
    const json_t *told; /* the snapshot's nodes that told of themselves */
    const json_t *node;
};

/* ---- what is over already ---- */

/* Whether the peer called ID tells of itself, and does not have that connection to the node any
 * more: where one vanished without a word, the other may find out before the tap does. */
static bool is_over(const struct view *view, const char *id, const json_t *connection)
{
    const json_t *teller = snapshot_find_item(view->told, id), *other;
    size_t i;
    if (teller == NULL || connection == NULL)
        return false;
    const json_t *peer =
        snapshot_find_item(member(teller, "peers"), text_member(view->node, "peer_id"));
    json_array_foreach(member(peer, "connections"), i, other)
    {
        if (json_equal(member(other, "id"), connection))
            return false;
    }
    return true;
}

/* Those of LIST whose connection, which MEMBER names, is not over. */
static json_t *lasting(const struct view *view, const char *id, const json_t *list,
                       const char *name)
{
    json_t *kept = json_array(), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        if (!is_over(view, id, member(item, name)))
            json_array_append_new(kept, json_deep_copy(item));
    }
    return kept;
}

/* Whether all connections to the peer called ID are. */
static bool is_gone(const struct view *view, const char *id)
{
    const json_t *peer = snapshot_find_item(member(view->node, "peers"), id);
    json_t *left = lasting(view, id, member(peer, "connections"), "id");
    bool gone = peer != NULL && json_array_size(left) == 0;
    json_decref(left);
    return gone;
}

/* LIST, of peer ids, without those. */
static json_t *present(const struct view *view, const json_t *list)
{
    json_t *kept = json_array(), *id;
    size_t i;
    json_array_foreach(list, i, id)
    {
        if (!is_gone(view, json_string_value(id)))
            json_array_append(kept, id);
    }
    return kept;
}

/* ---- a node, as one that tells of itself would put it ---- */

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

static json_t *topics_of(const struct view *view)
{
    json_t *topics = json_object(), *told;
    const char *name;
    json_object_foreach(member(view->node, "topics"), name, told)
    {
        json_t *made =
            json_pack("{s:O, s:o, s:o, s:[], s:[]}", "subscribed", member(told, "subscribed"),
                      "mesh", present(view, member(told, "mesh")), "subscribers",
                      present(view, member(told, "subscribers")), "fanout", "backoff");
        if (json_is_array(member(told, "backoff")))
            json_object_set(made, "backoff", member(told, "backoff"));
        json_object_set_new(topics, name, made);
    }
    return topics;
}

static json_t *connections_of(const struct view *view, const json_t *told)
{
    const char *id = text_member(told, "peer_id"), *address = text_member(told, "address");
    json_t *connections = lasting(view, id, member(told, "connections"), "id"), *value;
    size_t i;
    json_array_foreach(connections, i, value)
    {
        json_object_set_new(value, "remote", json_string(address != NULL ? address : ""));
    }
    return connections;
}

static json_t *outbound_of(const struct view *view, const json_t *told)
{
    const json_t *outbound = member(told, "outbound_stream");
    bool open = json_is_object(outbound) &&
                !is_over(view, text_member(told, "peer_id"), member(outbound, "connection"));
    json_t *made = open ? json_deep_copy(outbound) : json_object();
    json_object_set_new(made, "state", json_string(open ? "open" : "none"));
    return made;
}

static json_t *peers_of(const struct view *view)
{
    json_t *peers = json_array();
    size_t i;
    const json_t *told;
    json_array_foreach(member(view->node, "peers"), i, told)
    {
        const char *id = text_member(told, "peer_id");
        if (is_gone(view, id))
            continue;
        json_array_append_new(
            peers,
            json_pack("{s:s, s:O?, s:O?, s:O, s:o, s:o, s:o, s:O*}", "peer_id", id, "agent",
                      member(told, "agent"), "status", member(told, "status"), "subscriptions",
                      member(told, "subscriptions"), "connections", connections_of(view, told),
                      "outbound_stream", outbound_of(view, told), "inbound_streams",
                      lasting(view, id, member(told, "inbound_streams"), "connection"), "not_seen",
                      member(told, "not_seen")));
    }
    return peers;
}

static json_t *node_of(const struct view *view)
{
    const json_t *node = view->node;
    return json_pack("{s:O, s:O, s:O?, s:o, s:O?, s:[O], s:o, s:o}", "peer_id",
                     member(node, "peer_id"), "name", member(node, "name"), "agent",
                     member(node, "agent"), "network", network_of(member(node, "topics")), "status",
                     member(node, "status"), "listen", member(node, "address"), "topics",
                     topics_of(view), "peers", peers_of(view));
}

/* ---- all of them ---- */

/* Of the snapshot's nodes those that told of themselves; borrowed items. */
static json_t *tellers(const json_t *snapshot)
{
    json_t *list = json_array(), *node;
    size_t i;
    json_array_foreach(member(snapshot, "nodes"), i, node)
    {
        if (!tapped_is_node(node))
            json_array_append(list, node);
    }
    return list;
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
    const json_t *node;
    size_t i;
    bool added = check(mesh, api, error);
    if (!added)
        return false;
    json_t *told = tellers(snapshot);
    json_array_foreach(member(mesh, "nodes"), i, node)
    {
        const struct view view = {.told = told, .node = node};
        if (snapshot_find_item(member(snapshot, "nodes"), text_member(node, "peer_id")) != NULL)
            continue;
        json_t *made = node_of(&view);
        added = snapshot_add_told(snapshot, api, made, source, error) && added;
        json_decref(made);
    }
    json_decref(told);
    return added;
}
