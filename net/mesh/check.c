#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bisect.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/api/status_json.h"
#include "net/gossipsub/router.h"
#include "net/mesh/check_state.h"
#include "net/mesh/members.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/tapped.h"

static const struct {
    const char *name;
    enum mesh_severity severity;
    const char *explanation;
} invariants[MESH_INVARIANTS] = {
    [MESH_NODE_REACHABLE] = {"node_reachable", MESH_ERROR,
                             "what a node does not tell cannot be checked"},
    [MESH_SEEN_BY_TAP] = {"seen_by_tap", MESH_ERROR,
                          "what a tap has not seen it cannot tell, and that cannot be checked"},
    [MESH_SAME_NETWORK] = {"same_network", MESH_ERROR,
                           "topics carry the network's name, so nodes of another never mesh"},
    [MESH_STATUS_COMPATIBLE] = {"status_compatible", MESH_ERROR,
                                "two roots finalized at one slot are two chains"},
    [MESH_CHAIN_POSSIBLE] = {"chain_possible", MESH_ERROR,
                             "a head descends from what is finalized, and so is never before it "
                             "nor beside it"},
    [MESH_API_OWN] = {"api_own", MESH_ERROR,
                      "what another node's API tells is taken for what this one does"},
    [MESH_PEERING_MUTUAL] = {"peering_mutual", MESH_ERROR,
                             "one end takes for connected what the other has forgotten"},
    [MESH_OUTBOUND_STREAM] = {"outbound_stream", MESH_ERROR,
                              "without an open stream of its own, a node tells the peer nothing"},
    [MESH_STREAM_HEARD] = {"stream_heard", MESH_ERROR,
                           "what is written on a stream that the peer does not read is lost"},
    [MESH_INBOUND_STREAM] = {"inbound_stream", MESH_WARNING,
                             "a peer needs one gossipsub stream: a second may be an orphan"},
    [MESH_PEER_STREAM] = {"peer_stream", MESH_ERROR,
                          "a peer without a stream of its own can subscribe to nothing and send "
                          "nothing"},
    [MESH_PEERS_COMPLETE] =
        {"peers_complete", MESH_WARNING,
         "the nodes of a small network are all bootnodes of each other, and one "
         "that lacks some has dropped them or could not dial them"},
    [MESH_EDGE_MUTUAL] = {"edge_mutual", MESH_ERROR,
                          "messages go one way only over an edge that one end does not have"},
    [MESH_DEGREE] = {"degree", MESH_ERROR,
                     "D_low to D_high peers in a mesh, or all there are, keep messages flowing"},
    [MESH_NOT_EMPTY] = {"mesh_not_empty", MESH_ERROR,
                        "a node with nobody in its mesh is sent no messages of the topic, or late"},
    [MESH_MEMBER_SUBSCRIBED] = {"member_subscribed", MESH_ERROR,
                                "only who is subscribed to a topic may be in its mesh"},
    [MESH_MEMBER_BACKOFF] = {"member_backoff", MESH_ERROR,
                             "who pruned or was pruned may not be in the mesh until it ends"},
    [MESH_MESSAGES_ACCEPTED] = {"messages_accepted", MESH_ERROR,
                                "a message that is rejected is neither delivered nor passed on"},
    [MESH_TOPIC_CONNECTED] = {"topic_connected", MESH_ERROR,
                              "over connections alone messages come late, by IHAVE and IWANT; "
                              "where nothing joins two parts, or no IHAVE is said, never"},
    [MESH_NO_CUT_NODE] = {"no_cut_node", MESH_NOTE,
                          "an articulation point: without this node the topic falls apart"},
    [MESH_NO_BRIDGE] = {"no_bridge", MESH_NOTE,
                        "a bridge: without this one edge the topic falls apart"},
};

static const char *const severities[] = {"error", "warning", "note"};

static void add_finding(struct check *check, enum mesh_invariant invariant,
                        enum mesh_severity severity, struct subject subject, const char *message)
{
    char *whole = text_format("%s%s", message, subject.by_tap ? " (known from a tap)" : "");
    check->unsound |= severity == MESH_ERROR;
    json_array_append_new(check->findings[invariant],
                          json_pack("{s:s,s:s,s:s*,s:s*,s:s*,s:s,s:s*}", "severity",
                                    severities[severity], "invariant", invariants[invariant].name,
                                    "topic", subject.topic, "node", subject.node, "peer",
                                    subject.peer, "message", whole, "known_from",
                                    subject.by_tap ? "tap" : NULL));
    free(whole);
}

__attribute__((format(printf, 5, 0))) static void
find_with(struct check *check, enum mesh_invariant invariant, enum mesh_severity severity,
          struct subject subject, const char *format, va_list arguments)
{
    struct error message;
    vsnprintf(message.text, sizeof(message.text), format, arguments);
    char *whole = utf8_safe_text(bytes_of_text(message.text)); /* a character may have been cut */
    add_finding(check, invariant, severity, subject, whole);
    free(whole);
}

void check_find_text(struct check *check, enum mesh_invariant invariant,
                     enum mesh_severity severity, struct subject subject, char *message)
{
    add_finding(check, invariant, severity, subject, message);
    free(message);
}

void check_find(struct check *check, enum mesh_invariant invariant, enum mesh_severity severity,
                struct subject subject, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    find_with(check, invariant, severity, subject, format, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 4, 5))) static void find(struct check *check,
                                                       enum mesh_invariant invariant,
                                                       struct subject subject, const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    find_with(check, invariant, invariants[invariant].severity, subject, format, arguments);
    va_end(arguments);
}

json_t *check_item(const json_t *list, const char *name)
{
    size_t place = BISECT(json_array_size(list), i,
                          strcmp(snapshot_item_name(json_array_get(list, i)), name) < 0);
    json_t *item = json_array_get(list, place);
    return item != NULL && strcmp(snapshot_item_name(item), name) == 0 ? item : NULL;
}

/* What PEER says of itself, where its silence about NODE tells something; NULL where it was not
 * asked, or where a tap alone knows it, of what goes through there, and NODE speaks for itself. */
static const json_t *told_by(const struct check *check, const char *node, const char *peer)
{
    const json_t *other = member(check->nodes, peer);
    return tapped_is_node(other) && !tapped_is_node(member(check->nodes, node)) ? NULL : other;
}

/* ---- what nodes are ---- */

static void check_network(struct check *check, const json_t *node)
{
    const char *own = text_member(node, "network");
    bool by_tap = tapped_is_node(node);
    if (check->network == NULL) {
        check->network = own;
        check->network_by_tap = own != NULL && by_tap;
    } else if (own != NULL && strcmp(own, check->network) != 0) {
        struct subject who = {.node = text_member(node, "peer_id"),
                              .by_tap = by_tap || check->network_by_tap};
        find(check, MESH_SAME_NETWORK, who, "network %s, while the first node has %s", own,
             check->network);
    }
}

const char *check_finalized(const struct check *check, const char *slot, struct subject *who)
{
    const json_t *first = member(check->finalized, slot);
    who->by_tap |= json_is_true(member(first, "by_tap"));
    return text_member(first, "root");
}

void check_status(struct check *check, const json_t *status, struct subject who)
{
    const json_t *checkpoint = member(status, "finalized");
    const char *root = text_member(checkpoint, "root");
    char slot[SLOT_TEXT_SIZE];
    /* One that is no integer here is not known to its last digit, so that two may be one. */
    if (root == NULL || !json_is_integer(member(checkpoint, "slot")))
        return;
    slot_text(member(checkpoint, "slot"), slot);
    bool by_tap = who.by_tap;
    const char *other = check_finalized(check, slot, &who);
    if (other == NULL)
        json_object_set_new(check->finalized, slot,
                            json_pack("{s:s,s:b}", "root", root, "by_tap", by_tap));
    else if (strcmp(root, other) != 0)
        find(check, MESH_STATUS_COMPATIBLE, who, "finalized %s at slot %s, where others have %s",
             root, slot, other);
}

/* ---- what is between two of them ---- */

bool check_lists_gossipsub(const json_t *peer)
{
    size_t index;
    const json_t *protocol;
    json_array_foreach(member(peer, "protocols"), index, protocol)
    {
        if (strncmp(json_string_value(protocol), "/meshsub/", strlen("/meshsub/")) == 0)
            return true;
    }
    return false;
}

bool check_stream_is_open(const json_t *peer)
{
    const char *state = text_member(member(peer, "outbound_stream"), "state");
    return state != NULL && strcmp(state, "open") == 0;
}

/* Whether it has to be told: what it says that it speaks counts, once it has said that. */
static bool needs_stream(const json_t *peer, const char *state)
{
    bool waiting = state != NULL && strcmp(state, "waiting") == 0;
    return check_lists_gossipsub(peer) || json_array_size(member(peer, "protocols")) == 0 ||
           (waiting && json_array_size(member(peer, "subscriptions")) > 0);
}

static const char *cause_of_none(const char *state)
{
    if (state != NULL && strcmp(state, "waiting") == 0)
        return ": the last one was refused, reset or lost, and the next is due; likely the peer "
               "takes no more on this connection, or none of our gossipsub versions";
    return state != NULL && strcmp(state, "opening") == 0 ? ": the peer has not accepted it yet"
                                                          : "";
}

/* Whether the peer, OTHER, reads the stream that is open to it. */
static void check_heard(struct check *check, struct subject subject, const json_t *stream,
                        const json_t *other)
{
    const json_t *back = check_item(member(other, "peers"), subject.node);
    const char *connection = text_member(stream, "connection");
    json_int_t id = json_integer_value(member(stream, "stream_id"));
    size_t index;
    const json_t *inbound;
    if (back == NULL || connection == NULL)
        return;
    json_array_foreach(member(back, "inbound_streams"), index, inbound)
    {
        if (json_integer_value(member(inbound, "stream_id")) == id &&
            strcmp(text_member(inbound, "connection"), connection) == 0)
            return;
    }
    find(check, MESH_STREAM_HEARD, subject,
         "its stream %" JSON_INTEGER_FORMAT " of connection %s is not among those that the peer "
         "reads",
         id, connection);
}

static void check_peer(struct check *check, const json_t *node, const json_t *peer)
{
    struct subject subject = {.node = text_member(node, "peer_id"),
                              .peer = text_member(peer, "peer_id"),
                              .by_tap = tapped_is_node(node)};
    const json_t *other = told_by(check, subject.node, subject.peer);
    const json_t *stream = member(peer, "outbound_stream");
    const char *state = text_member(stream, "state");
    bool open = check_stream_is_open(peer);
    size_t inbound = json_array_size(member(peer, "inbound_streams"));
    if (other != NULL && check_item(member(other, "peers"), subject.node) == NULL)
        find(check, MESH_PEERING_MUTUAL, subject, "the peer is not connected to it");
    if (!open && needs_stream(peer, state))
        find(check, MESH_OUTBOUND_STREAM, subject,
             "no gossipsub stream of its own is open to the peer (%s)%s", state ? state : "none",
             cause_of_none(state));
    if (open && other != NULL)
        check_heard(check, subject, stream, other);
    if (inbound > 1)
        find(check, MESH_INBOUND_STREAM, subject, "the peer has %zu gossipsub streams open to it",
             inbound);
}

/* ---- a node's mesh for a topic ---- */

static void check_edge(struct check *check, struct subject subject, const json_t *topic)
{
    const json_t *other = told_by(check, subject.node, subject.peer);
    const json_t *back = member(member(other, "topics"), subject.topic);
    if (other != NULL && check_item(member(back, "mesh"), subject.node) == NULL)
        find(check, MESH_EDGE_MUTUAL, subject, "it is not in the peer's mesh");
    if (check_item(member(topic, "subscribers"), subject.peer) == NULL)
        find(check, MESH_MEMBER_SUBSCRIBED, subject, "the peer is in the mesh and not subscribed");
    else if (check_foreign_lacks(check, subject.peer, subject.topic))
        find(check, MESH_MEMBER_SUBSCRIBED, subject,
             "the peer is in the mesh, and did not name the topic to its visitor");
    if (check_item(member(topic, "backoff"), subject.peer) != NULL)
        find(check, MESH_MEMBER_BACKOFF, subject, "the peer is in the mesh and in backoff");
}

/* How many peers could be grafted now. */
static size_t count_candidates(const json_t *node, const json_t *topic)
{
    size_t index, count = 0;
    const json_t *subscriber;
    json_array_foreach(member(topic, "subscribers"), index, subscriber)
    {
        const char *name = json_string_value(subscriber);
        count += check_stream_is_open(check_item(member(node, "peers"), name)) &&
                 check_item(member(topic, "mesh"), name) == NULL &&
                 check_item(member(topic, "backoff"), name) == NULL;
    }
    return count;
}

static size_t bound_of(const json_t *node, const char *name, size_t usual)
{
    const json_t *value = member(member(node, "gossipsub"), name);
    return json_is_integer(value) && json_integer_value(value) >= 0
               ? (size_t)json_integer_value(value)
               : usual;
}

size_t check_d_high(const json_t *node)
{
    struct gossipsub_parameters usual;
    gossipsub_parameters_default(&usual);
    return bound_of(node, "d_high", usual.d_high);
}

bool check_gossips(const json_t *node)
{
    struct gossipsub_parameters usual;
    gossipsub_parameters_default(&usual);
    return bound_of(node, "d_lazy", usual.d_lazy) > 0;
}

static void check_degree(struct check *check, struct subject subject, const json_t *node,
                         const json_t *topic)
{
    struct gossipsub_parameters usual;
    gossipsub_parameters_default(&usual);
    /* How many a node wants that does not say so is not known: it wants some. */
    bool foreign = tapped_is_node(node);
    size_t low = foreign ? 1 : bound_of(node, "d_low", usual.d_low);
    size_t high = foreign ? SIZE_MAX : check_d_high(node);
    size_t degree = json_array_size(member(topic, "mesh"));
    if (degree > high) {
        find(check, MESH_DEGREE, subject, "%zu peers in its mesh, and D_high is %zu", degree, high);
        return;
    }
    size_t candidates = degree < low ? count_candidates(node, topic) : 0;
    if (candidates > 0)
        find(check, MESH_DEGREE, subject,
             "%zu peers in its mesh, and D_low is %zu, while %zu more could be grafted", degree,
             low, candidates);
    else
        check_empty_mesh(check, subject, node, topic);
}

static void check_topic(struct check *check, const json_t *node, const char *name,
                        const json_t *topic)
{
    struct subject subject = {
        .topic = name, .node = text_member(node, "peer_id"), .by_tap = tapped_is_node(node)};
    bool subscribed = json_is_true(member(topic, "subscribed"));
    const json_t *mesh = member(topic, "mesh");
    size_t index;
    const json_t *peer;
    if (subscribed) {
        json_object_set_new(check->topics, name, json_true());
        check_degree(check, subject, node, topic);
    } else if (json_array_size(mesh) > 0) {
        find(check, MESH_MEMBER_SUBSCRIBED, subject, "it has a mesh and is not subscribed");
    }
    json_array_foreach(mesh, index, peer)
    {
        subject.peer = json_string_value(peer);
        check_edge(check, subject, topic);
    }
}

static void check_nodes(struct check *check)
{
    const char *name;
    json_t *topic;
    size_t index, peer_index;
    const json_t *node, *peer;
    json_array_foreach(member(check->snapshot, "nodes"), index, node)
    {
        struct subject who = {.node = text_member(node, "peer_id"), .by_tap = tapped_is_node(node)};
        check_seen(check, node);
        check_network(check, node);
        check_status(check, member(node, "status"), who);
        check_refused_messages(check, node);
        json_array_foreach(member(node, "peers"), peer_index, peer)
        {
            who.peer = text_member(peer, "peer_id");
            check_peer(check, node, peer);
            check_peer_stream(check, node, peer);
            /* Of those that we asked ourselves, what others heard earlier is of no interest. */
            if (member(check->nodes, who.peer) == NULL &&
                !json_is_object(member(member(check->foreign, who.peer), "status")))
                check_status(check, member(peer, "status"), who);
        }
        json_object_foreach(member(node, "topics"), name, topic)
        {
            check_topic(check, node, name, topic);
        }
    }
}

/* ---- the whole ---- */

static void index_nodes(struct check *check)
{
    size_t index;
    json_t *item;
    check->nodes = json_object();
    json_array_foreach(member(check->snapshot, "nodes"), index, item)
    {
        json_object_set(check->nodes, text_member(item, "peer_id"), item);
    }
    check->foreign = json_object();
    json_array_foreach(member(check->snapshot, "foreign"), index, item)
    {
        json_object_set(check->foreign, text_member(item, "peer_id"), item);
    }
    json_array_foreach(member(check->snapshot, "unreachable"), index, item)
    {
        find(check, MESH_NODE_REACHABLE, (struct subject){0}, "%s", text_member(item, "error"));
    }
}

static size_t count_tapped(const struct check *check)
{
    const char *id;
    json_t *node;
    size_t count = 0;
    json_object_foreach(check->nodes, id, node)
    {
        count += tapped_is_node(node);
    }
    return count;
}

/* Takes the findings over. */
static json_t *result_of(struct check *check)
{
    json_t *findings = json_array(), *explanations = json_object(), *counts = json_object();
    for (size_t i = 0; i < MESH_INVARIANTS; i++) {
        size_t count = json_array_size(check->findings[i]);
        if (count > 0) {
            json_object_set_new(explanations, invariants[i].name,
                                json_string(invariants[i].explanation));
            json_object_set_new(counts, invariants[i].name, json_integer((json_int_t)count));
        }
        json_array_extend(findings, check->findings[i]);
        json_decref(check->findings[i]);
    }
    return json_pack(
        "{s:b,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "sound", !check->unsound, "nodes",
        (json_int_t)json_object_size(check->nodes), "tapped", (json_int_t)count_tapped(check),
        "foreign", (json_int_t)json_object_size(check->foreign), "topics",
        (json_int_t)json_object_size(check->topics), "not_asked", check_not_asked(check),
        "findings", findings, "counts", counts, "explanations", explanations);
}

json_t *mesh_check(const json_t *snapshot)
{
    struct check check = {
        .snapshot = snapshot, .topics = json_object(), .finalized = json_object()};
    const char *name;
    json_t *ignored;
    for (size_t i = 0; i < MESH_INVARIANTS; i++)
        check.findings[i] = json_array();
    index_nodes(&check);
    check_nodes(&check);
    check_foreign_nodes(&check);
    check_lean_apis(&check);
    json_object_foreach(check.topics, name, ignored)
    {
        check_topic_parts(&check, name);
    }
    json_t *result = result_of(&check);
    json_decref(check.nodes);
    json_decref(check.foreign);
    json_decref(check.foreign_network);
    json_decref(check.finalized);
    json_decref(check.told_of);
    json_decref(check.topics);
    return result;
}
