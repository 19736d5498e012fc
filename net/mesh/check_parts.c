/* Whether a topic is in one piece, and what it hangs by. */
#include <stdlib.h>

#include "common/memory.h"
#include "net/mesh/check_state.h"
#include "net/mesh/graph.h"
#include "net/mesh/members.h"
#include "net/mesh/tapped.h"
#include "net/mesh/ways.h"

/* Its vertices are the nodes that are subscribed, and the peers that they have edges to; those that
 * were asked count. */
struct topic_graph {
    const char *topic;
    struct graph graph;
    struct ways ways;   /* that messages take over its edges */
    json_t *indices;    /* of the vertices, by peer id */
    const char **names; /* by index, borrowed from the snapshot */
    size_t nodes;
    bool by_tap; /* a tap alone knows one of them */
    bool silent; /* a connection is no edge, as no gossip is said over it */
};

static size_t vertex_of(struct topic_graph *topic, const char *name)
{
    const json_t *known = member(topic->indices, name);
    if (known != NULL)
        return (size_t)json_integer_value(known);
    size_t index = topic->graph.vertex_count++;
    topic->names = memory_resize(topic->names, (index + 1) * sizeof(*topic->names));
    topic->graph.vertices =
        memory_resize(topic->graph.vertices, (index + 1) * sizeof(*topic->graph.vertices));
    topic->names[index] = name;
    topic->graph.vertices[index] = (struct graph_vertex){0};
    json_object_set_new(topic->indices, name, json_integer((json_int_t)index));
    return index;
}

/* ---- edges: the mesh, and connections that gossip goes over ---- */

/* Adds the edge from NODE to PEER, and its ways, where there is one. */
typedef void (*edge_adder)(const struct check *check, struct topic_graph *topic, const json_t *node,
                           const char *peer);

static void add_edge(struct topic_graph *topic, const json_t *node, const char *peer, bool gives,
                     bool takes)
{
    size_t a = vertex_of(topic, text_member(node, "peer_id")), b = vertex_of(topic, peer);
    topic->graph.edges[topic->graph.edge_count++] = (struct graph_edge){.a = a, .b = b};
    if (gives)
        ways_add(&topic->ways, a, b);
    if (takes)
        ways_add(&topic->ways, b, a);
}

static void add_mesh_edge(const struct check *check, struct topic_graph *topic, const json_t *node,
                          const char *peer)
{
    (void)check;
    add_edge(topic, node, peer, true, true);
}

/* Whether NODE can offer the subscriber PEER messages. */
static bool can_offer(const json_t *node, const char *topic, const char *peer)
{
    const json_t *own = member(member(node, "topics"), topic);
    return check_item(member(own, "subscribers"), peer) != NULL &&
           check_stream_is_open(check_item(member(node, "peers"), peer));
}

/* IHAVE one way and IWANT the other: both need their streams. What PEER gives is added with its own
 * edges, where it was asked. */
static void add_gossip_edge(const struct check *check, struct topic_graph *topic,
                            const json_t *node, const char *peer)
{
    const json_t *other = member(check->nodes, peer);
    const json_t *theirs = member(member(other, "topics"), topic->topic);
    /* A tap has not heard what does not go through it. */
    bool untold = other == NULL || (tapped_is_node(other) && !tapped_is_node(node));
    bool gives = check_gossips(node);
    if (!can_offer(node, topic->topic, peer) ||
        (!untold && (!json_is_true(member(theirs, "subscribed")) ||
                     !can_offer(other, topic->topic, text_member(node, "peer_id")))))
        return;
    topic->silent |= !gives && !untold && !check_gossips(other);
    if (gives || untold)
        add_edge(topic, node, peer, gives, untold);
}

static void add_edges(const struct check *check, struct topic_graph *topic, const json_t *node,
                      const json_t *peers, edge_adder add)
{
    struct graph *graph = &topic->graph;
    size_t index;
    const json_t *peer;
    vertex_of(topic, text_member(node, "peer_id"));
    graph->edges = memory_resize(graph->edges, (graph->edge_count + json_array_size(peers) + 1) *
                                                   sizeof(*graph->edges));
    json_array_foreach(peers, index, peer)
    {
        add(check, topic, node, json_string_value(peer));
    }
}

/* JOINED: with the connections that gossip goes over. */
static void make(const struct check *check, struct topic_graph *topic, const char *name,
                 bool joined)
{
    size_t index;
    const json_t *node;
    *topic = (struct topic_graph){.topic = name, .indices = json_object()};
    json_array_foreach(member(check->snapshot, "nodes"), index, node)
    {
        const json_t *own = member(member(node, "topics"), name);
        if (!json_is_true(member(own, "subscribed")))
            continue;
        topic->nodes++;
        topic->by_tap |= tapped_is_node(node);
        add_edges(check, topic, node, member(own, "mesh"), add_mesh_edge);
        if (joined)
            add_edges(check, topic, node, member(own, "subscribers"), add_gossip_edge);
    }
    for (size_t i = 0; i < topic->graph.vertex_count; i++)
        topic->graph.vertices[i].counted = member(check->nodes, topic->names[i]) != NULL;
    graph_analyse(&topic->graph);
}

static void clear(struct topic_graph *topic)
{
    json_decref(topic->indices);
    free(topic->names);
    free(topic->graph.vertices);
    free(topic->graph.edges);
    ways_clear(&topic->ways);
}

/* ---- parts ---- */

struct part {
    const char *first; /* a node of it */
    size_t nodes;
    bool foreign; /* has peers that were not asked: there may be more beyond them */
};

static struct part *list_parts(const struct topic_graph *topic)
{
    struct part *parts = memory_new((topic->graph.component_count + 1) * sizeof(*parts));
    for (size_t i = 0; i < topic->graph.vertex_count; i++) {
        const struct graph_vertex *vertex = &topic->graph.vertices[i];
        struct part *part = &parts[vertex->component];
        part->nodes += vertex->counted;
        part->foreign |= !vertex->counted;
        if (vertex->counted && part->first == NULL)
            part->first = topic->names[i];
    }
    return parts;
}

/* One finding for each part; WHY ends their messages. */
static void tell_parts(struct check *check, const struct topic_graph *topic,
                       const struct part *parts, enum mesh_severity severity, const char *why)
{
    size_t count = topic->graph.component_count;
    for (size_t i = 0; i < count; i++)
        check_find(check, MESH_TOPIC_CONNECTED, severity,
                   (struct subject){
                       .topic = topic->topic, .node = parts[i].first, .by_tap = topic->by_tap},
                   "part %zu of %zu of the topic: this node and %zu more%s", i + 1, count,
                   parts[i].nodes - 1, why);
}

/* The connections of JOINED hold all parts of MESH together. */
static void report_late(struct check *check, const struct topic_graph *mesh,
                        const struct topic_graph *joined, const struct part *parts)
{
    if (ways_join(&joined->ways, &joined->graph))
        tell_parts(check, mesh, parts, MESH_WARNING,
                   "; connections join it to the others, so messages come by IHAVE and IWANT, a "
                   "heartbeat later");
    else
        tell_parts(check, mesh, parts, MESH_ERROR,
                   "; connections join it to the others, and some messages pass one way only, as "
                   "the other end says no IHAVE (D_lazy is 0)");
}

static void report_apart(struct check *check, const struct topic_graph *joined,
                         const struct part *parts)
{
    bool certain = false;
    for (size_t i = 0; i < joined->graph.component_count; i++)
        certain |= !parts[i].foreign;
    if (!certain)
        tell_parts(check, joined, parts, MESH_WARNING,
                   ", unless peers that were not asked hold the parts together");
    else if (joined->silent)
        tell_parts(check, joined, parts, MESH_ERROR,
                   "; nothing joins it to the others, as no IHAVE is said over the connections "
                   "outside the mesh of who has a D_lazy of 0");
    else
        tell_parts(check, joined, parts, MESH_ERROR, "; nothing joins it to the others");
}

static void report_parts(struct check *check, const struct topic_graph *mesh)
{
    struct topic_graph joined;
    if (mesh->graph.component_count < 2)
        return;
    make(check, &joined, mesh->topic, true);
    bool apart = joined.graph.component_count > 1;
    struct part *parts = list_parts(apart ? &joined : mesh);
    if (apart)
        report_apart(check, &joined, parts);
    else
        report_late(check, mesh, &joined, parts);
    free(parts);
    clear(&joined);
}

/* ---- weak places ---- */

static void report_weak_places(struct check *check, const struct topic_graph *topic)
{
    const struct graph *graph = &topic->graph;
    if (topic->nodes < 3) /* two can only hang by one edge */
        return;
    for (size_t i = 0; i < graph->vertex_count; i++)
        if (graph->vertices[i].cut)
            check_find(check, MESH_NO_CUT_NODE, MESH_NOTE,
                       (struct subject){
                           .topic = topic->topic, .node = topic->names[i], .by_tap = topic->by_tap},
                       "it alone holds parts of the topic together");
    for (size_t i = 0; i < graph->edge_count; i++)
        if (graph->edges[i].bridge)
            check_find(check, MESH_NO_BRIDGE, MESH_NOTE,
                       (struct subject){.topic = topic->topic,
                                        .node = topic->names[graph->edges[i].a],
                                        .peer = topic->names[graph->edges[i].b],
                                        .by_tap = topic->by_tap},
                       "this edge alone holds two parts of the topic together");
}

void check_topic_parts(struct check *check, const char *name)
{
    struct topic_graph topic;
    make(check, &topic, name, false);
    report_parts(check, &topic);
    report_weak_places(check, &topic);
    clear(&topic);
}
