#include "cmd/tap/mesh_json.h"

#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "net/api/status_json.h"

enum { US_IN_MS = 1000 };

/* Of the node whose entry is made. */
struct view {
    const struct tap *tap;
    const struct wire_mesh *mesh;
    size_t node;
    uint64_t now_us;
};

static json_t *peer_id_json(const struct tap *tap, size_t node)
{
    char text[PEER_ID_TEXT_SIZE];
    peer_id_text(tap_node_peer_id(tap_node(tap, node)), text);
    return json_string(text);
}

static json_t *address_json(const struct multiaddr *address)
{
    char text[MULTIADDR_TEXT_SIZE];
    multiaddr_text(address, text);
    return json_string(text);
}

static json_t *text_or_null(const char *text)
{
    char *safe = utf8_safe_text(bytes_of_text(text));
    json_t *value = *safe != '\0' ? json_string(safe) : json_null();
    free(safe);
    return value;
}

/* What the peer said to the node; NULL where nothing. */
static const struct wire_peer *said_by(const struct view *view, size_t peer)
{
    size_t count;
    const struct wire_peer *peers = wire_mesh_peers(view->mesh, peer, &count);
    for (size_t i = 0; i < count; i++)
        if (peers[i].node == view->node)
            return &peers[i];
    return NULL;
}

/* ---- topics ---- */

static json_t *topic_entry(json_t *topics, const char *name)
{
    char *safe = utf8_safe_text(bytes_of_text(name));
    json_t *entry = json_object_get(topics, safe);
    if (entry == NULL) {
        entry = json_pack("{s:b, s:[], s:[], s:[], s:[]}", "subscribed", 0, "mesh", "subscribers",
                          "fanout", "backoff");
        json_object_set_new(topics, safe, entry);
    }
    free(safe);
    return entry;
}

static void add_own_topic(const struct view *view, json_t *topics, size_t peer,
                          const struct wire_topic *topic)
{
    json_t *entry = topic_entry(topics, topic->name);
    if (topic->subscribed || topic->was_subscribed)
        json_object_set_new(entry, "subscribed", json_true());
    if (topic->mesh)
        json_array_append_new(json_object_get(entry, "mesh"), peer_id_json(view->tap, peer));
    if (topic->backoff_until_us > view->now_us)
        json_array_append_new(
            json_object_get(entry, "backoff"),
            json_pack("{s:o, s:I}", "peer_id", peer_id_json(view->tap, peer), "left_ms",
                      (json_int_t)((topic->backoff_until_us - view->now_us) / US_IN_MS)));
}

static void add_topics(const struct view *view, json_t *topics, const struct wire_peer *own)
{
    const struct wire_peer *theirs = said_by(view, own->node);
    for (size_t i = 0; i < own->topic_count; i++)
        add_own_topic(view, topics, own->node, &own->topics[i]);
    for (size_t i = 0; theirs != NULL && i < theirs->topic_count; i++)
        if (theirs->topics[i].subscribed)
            json_array_append_new(
                json_object_get(topic_entry(topics, theirs->topics[i].name), "subscribers"),
                peer_id_json(view->tap, own->node));
}

/* ---- peers ---- */

static json_t *connections_json(const struct view *view, const struct wire_peer *own)
{
    json_t *connections = json_array();
    for (size_t i = 0; i < own->connection_count; i++) {
        const struct wire_connection *connection = &own->connections[i];
        uint64_t age_us =
            view->now_us > connection->began_us ? view->now_us - connection->began_us : 0;
        json_array_append_new(connections,
                              json_pack("{s:s, s:s, s:I}", "id", connection->id, "direction",
                                        connection->dialled ? "dialled" : "accepted", "age_ms",
                                        (json_int_t)(age_us / US_IN_MS)));
    }
    return connections;
}

static json_t *stream_json(const struct wire_stream *stream)
{
    return json_pack("{s:s, s:I, s:o}", "connection", stream->connection, "stream_id",
                     (json_int_t)stream->id, "protocol", text_or_null(stream->protocol));
}

static json_t *streams_json(const struct wire_peer *opener)
{
    json_t *streams = json_array();
    for (size_t i = 0; opener != NULL && i < opener->stream_count; i++)
        json_array_append_new(streams, stream_json(&opener->streams[i]));
    return streams;
}

static json_t *subscriptions_json(const struct wire_peer *theirs)
{
    json_t *subscriptions = json_array();
    for (size_t i = 0; theirs != NULL && i < theirs->topic_count; i++)
        if (theirs->topics[i].subscribed)
            json_array_append_new(subscriptions, text_or_null(theirs->topics[i].name));
    return subscriptions;
}

static json_t *counts_json(const struct wire_peer *theirs)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "rpcs", (json_int_t)theirs->rpcs, "messages",
                     (json_int_t)theirs->messages, "grafts", (json_int_t)theirs->grafts, "prunes",
                     (json_int_t)theirs->prunes);
}

static void add_not_seen(json_t *object, const struct wire_peer *own,
                         const struct wire_peer *theirs)
{
    uint64_t count = own->left_out + (theirs != NULL ? theirs->left_out : 0);
    if (count > 0)
        json_object_set_new(object, "not_seen", json_integer((json_int_t)count));
}

static json_t *peer_json(const struct view *view, const struct wire_peer *own)
{
    const struct wire_peer *theirs = said_by(view, own->node);
    const struct wire_stream *outbound = wire_peer_outbound(own);
    json_t *object =
        json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "peer_id", peer_id_json(view->tap, own->node),
                  "name", tap_node_name(tap_node(view->tap, own->node)), "subscriptions",
                  subscriptions_json(theirs), "connections", connections_json(view, own),
                  "outbound_stream", outbound != NULL ? stream_json(outbound) : json_null(),
                  "inbound_streams", streams_json(theirs));
    json_object_set_new(object, "address",
                        address_json(tap_node_address(tap_node(view->tap, own->node))));
    add_not_seen(object, own, theirs);
    if (theirs == NULL)
        return object;
    json_object_set_new(object, "agent", text_or_null(theirs->agent));
    json_object_set_new(object, "status",
                        theirs->has_status ? status_json(&theirs->status) : json_null());
    json_object_set_new(object, "counts", counts_json(theirs));
    return object;
}

/* ---- nodes ---- */

/* What it told of itself last, to whomever. */
static void add_itself(json_t *object, const struct wire_peer *said)
{
    if (said->has_status)
        json_object_set_new(object, "status", status_json(&said->status));
    if (said->agent[0] != '\0')
        json_object_set_new(object, "agent", text_or_null(said->agent));
}

static json_t *node_json(const struct view *view)
{
    const struct tap_node *node = tap_node(view->tap, view->node);
    json_t *topics = json_object(), *peers = json_array();
    json_t *object = json_pack("{s:s, s:o, s:o, s:o, s:n, s:n}", "name", tap_node_name(node),
                               "peer_id", peer_id_json(view->tap, view->node), "address",
                               address_json(tap_node_address(node)), "real",
                               address_json(tap_node_real(node)), "agent", "status");
    size_t count;
    const struct wire_peer *said = wire_mesh_peers(view->mesh, view->node, &count);
    for (size_t i = 0; i < count; i++) {
        add_itself(object, &said[i]);
        add_topics(view, topics, &said[i]);
        if (said[i].connection_count + said[i].unlisted_count > 0)
            json_array_append_new(peers, peer_json(view, &said[i]));
    }
    json_object_set_new(object, "topics", topics);
    json_object_set_new(object, "peers", peers);
    return object;
}

json_t *tap_mesh_json(const struct tap *tap, const struct wire_mesh *mesh, uint64_t now_us)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < tap_node_count(tap); i++) {
        const struct view view = {tap, mesh, i, now_us};
        if (!tap_node_is_gone(tap_node(tap, i)))
            json_array_append_new(nodes, node_json(&view));
    }
    return json_pack("{s:s, s:i, s:o, s:I}", "format", "devnet-tap", "version", 1, "nodes", nodes,
                     "left_out", (json_int_t)wire_mesh_left_out(mesh));
}
