#include "net/mesh/drawing.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/mesh/check.h"
#include "net/mesh/diff.h"
#include "net/mesh/drawing_node.h"
#include "net/mesh/labels.h"
#include "net/mesh/links.h"
#include "net/mesh/members.h"
#include "net/mesh/snapshot.h"

enum { TOPICS_NAMED_MAX = 5 }; /* by an error */

/* What there is to tell of a vertex, beside what it says itself. */
struct hearsay {
    const json_t *peer; /* a peer's record of it; NULL: none has one */
    json_t *subscribed; /* topics, as a set; NULL: none */
    json_t *findings;   /* indices; NULL: none */
    const json_t *unreachable;
    bool stopped;    /* now */
    size_t severity; /* an index into `severities` */
    bool differs;
};

struct drawing {
    const json_t *snapshots[LOOKS]; /* LOOK_BEFORE: NULL where none is compared with */
    const char *topic;              /* NULL: all */
    struct mesh_links links;
    struct hearsay *hearsay; /* of each vertex */
    json_t *findings, *explanations, *changes;
    json_t *ids_of_apis; /* as they were before */
};

static const char *const severities[] = {NULL, "note", "warning", "error"};
static const char *const directions[] = {NULL, "mutual", "one_way", "untold"};

static bool is_compared(const struct drawing *drawing)
{
    return drawing->snapshots[LOOK_BEFORE] != NULL;
}

/* NULL where NAME is NULL or none. */
static struct hearsay *find_vertex(const struct drawing *drawing, const char *name)
{
    const json_t *index = name != NULL ? member(drawing->links.ids, name) : NULL;
    return index != NULL ? &drawing->hearsay[json_integer_value(index)] : NULL;
}

/* ---- the topic that is chosen ---- */

static bool no_such_topic(const struct mesh_links *links, const char *wanted, struct error *error)
{
    char *known = text_copy("");
    for (size_t i = 0; i < links->topic_count && i < TOPICS_NAMED_MAX; i++) {
        char *longer = text_format("%s%s%s", known, i > 0 ? ", " : "", links->topics[i]);
        free(known);
        known = longer;
    }
    error_set(error, "topic %s: no node knows it; they know %s%s", wanted,
              *known != '\0' ? known : "none",
              links->topic_count > TOPICS_NAMED_MAX ? " and more" : "");
    free(known);
    return false;
}

static bool find_topic(const struct mesh_links *links, const char *wanted, size_t *chosen,
                       struct error *error)
{
    for (*chosen = 0; *chosen < links->topic_count; ++*chosen)
        if (strcmp(wanted, links->topics[*chosen]) == 0)
            return true;
    *chosen = LINK_CONNECTION;
    for (size_t i = 0; i < links->topic_count; i++) {
        if (!label_means_topic(wanted, links->topics[i]))
            continue;
        if (*chosen != LINK_CONNECTION)
            return error_set(error, "topic %s: both %s and %s; name one of them", wanted,
                             links->topics[*chosen], links->topics[i]);
        *chosen = i;
    }
    return *chosen != LINK_CONNECTION || no_such_topic(links, wanted, error);
}

/* Leaves only the links of the topic that is WANTED, and connections. */
static bool choose_topic(struct drawing *drawing, const char *wanted, struct error *error)
{
    struct mesh_links *links = &drawing->links;
    size_t chosen, kept = 0;
    if (!find_topic(links, wanted, &chosen, error))
        return false;
    for (size_t i = 0; i < links->link_count; i++)
        if (links->links[i].topic == chosen || links->links[i].topic == LINK_CONNECTION)
            links->links[kept++] = links->links[i];
    links->link_count = kept;
    drawing->topic = links->topics[chosen];
    return true;
}

/* Whether what is about TOPIC, or about none, is told. */
static bool is_told(const struct drawing *drawing, const char *topic)
{
    return drawing->topic == NULL || topic == NULL || strcmp(drawing->topic, topic) == 0;
}

/* ---- what is gathered of each node ---- */

static void hear(struct hearsay *hearsay, const json_t *peer)
{
    size_t index;
    const json_t *topic;
    if (hearsay->peer == NULL || json_is_null(member(hearsay->peer, "agent")))
        hearsay->peer = peer;
    if (hearsay->subscribed == NULL)
        hearsay->subscribed = json_object();
    json_array_foreach(member(peer, "subscriptions"), index, topic)
    {
        json_object_set_new(hearsay->subscribed, json_string_value(topic), json_true());
    }
}

/* What was said before counts only for those of whom nothing is said now. */
static void hear_of(struct drawing *drawing, enum mesh_look look)
{
    size_t index, inner;
    const json_t *node, *peer;
    json_array_foreach(member(drawing->snapshots[look], "nodes"), index, node)
    {
        json_array_foreach(member(node, "peers"), inner, peer)
        {
            struct hearsay *hearsay = find_vertex(drawing, snapshot_item_name(peer));
            const struct mesh_vertex *vertex = &drawing->links.vertices[hearsay - drawing->hearsay];
            if (look == LOOK_NOW || !vertex->known[LOOK_NOW])
                hear(hearsay, peer);
        }
    }
}

static size_t severity_of(const json_t *finding)
{
    size_t severity = sizeof(severities) / sizeof(*severities) - 1;
    while (severity > 0 && strcmp(severities[severity], text_member(finding, "severity")) != 0)
        severity--;
    return severity;
}

static void concern(struct hearsay *hearsay, size_t severity, size_t finding)
{
    if (hearsay == NULL)
        return;
    if (hearsay->findings == NULL)
        hearsay->findings = json_array();
    json_array_append_new(hearsay->findings, json_integer((json_int_t)finding));
    hearsay->severity = severity > hearsay->severity ? severity : hearsay->severity;
}

static void check(struct drawing *drawing)
{
    json_t *result = mesh_check(drawing->snapshots[LOOK_NOW]);
    size_t index;
    json_t *finding;
    drawing->findings = json_array();
    drawing->explanations = json_object();
    json_array_foreach(member(result, "findings"), index, finding)
    {
        const char *invariant = text_member(finding, "invariant");
        if (!is_told(drawing, text_member(finding, "topic")))
            continue;
        size_t place = json_array_size(drawing->findings), severity = severity_of(finding);
        concern(find_vertex(drawing, text_member(finding, "node")), severity, place);
        concern(find_vertex(drawing, text_member(finding, "peer")), severity, place);
        json_array_append(drawing->findings, finding);
        json_object_set(drawing->explanations, invariant,
                        member(member(result, "explanations"), invariant));
    }
    json_decref(result);
}

static void compare(struct drawing *drawing)
{
    drawing->changes = json_array();
    if (!is_compared(drawing))
        return;
    json_t *all = mesh_diff(drawing->snapshots[LOOK_BEFORE], drawing->snapshots[LOOK_NOW]);
    size_t index;
    json_t *change;
    json_array_foreach(all, index, change)
    {
        if (!is_told(drawing, text_member(change, "topic")))
            continue;
        char *text = mesh_change_text(change);
        json_object_set_new(change, "text", json_string(text));
        free(text);
        json_array_append(drawing->changes, change);
        const char *kind = text_member(change, "kind");
        struct hearsay *hearsay = find_vertex(drawing, text_member(change, "node"));
        if (hearsay != NULL && (strcmp(kind, "node") == 0 || strcmp(kind, "foreign") == 0))
            hearsay->differs = true;
    }
    json_decref(all);
}

/* Who was stopped on purpose is known at that look, whoever still tells of it. */
static void find_stopped(struct drawing *drawing)
{
    for (enum mesh_look look = 0; look < LOOKS; look++) {
        size_t index;
        const json_t *id;
        json_array_foreach(member(drawing->snapshots[look], "stopped"), index, id)
        {
            struct hearsay *hearsay = find_vertex(drawing, json_string_value(id));
            hearsay->stopped |= look == LOOK_NOW;
            drawing->links.vertices[hearsay - drawing->hearsay].known[look] = true;
        }
    }
}

/* The APIs of vertices that have the same name, where people know both. */
static void find_by_name(const struct drawing *drawing, json_t *ids)
{
    const json_t *names = member(drawing->snapshots[LOOK_NOW], "names");
    json_t *by_name = json_object();
    size_t index;
    const json_t *item;
    for (size_t i = 0; i < drawing->links.vertex_count; i++) {
        const char *id = drawing->links.vertices[i].id, *name = text_member(names, id);
        if (name != NULL)
            json_object_set_new(by_name, name, json_string(id));
    }
    json_array_foreach(member(drawing->snapshots[LOOK_NOW], "unreachable"), index, item)
    {
        const char *api = text_member(item, "api");
        const char *name = api != NULL ? text_member(names, api) : NULL;
        if (name != NULL && member(by_name, name) != NULL)
            json_object_set(ids, api, member(by_name, name));
    }
    json_decref(by_name);
}

/* Who is behind the APIs that do not answer, as far as the earlier snapshot and names tell. What
 * mesh_check finds of them it finds first, and in their order. */
static void find_unreachable(struct drawing *drawing)
{
    json_t *ids = json_object();
    size_t index;
    json_t *item;
    json_array_foreach(member(drawing->snapshots[LOOK_BEFORE], "nodes"), index, item)
    {
        const char *api = text_member(member(item, "volatile"), "api");
        if (api != NULL)
            json_object_set(ids, api, member(item, "peer_id"));
    }
    find_by_name(drawing, ids);
    json_array_foreach(member(drawing->snapshots[LOOK_NOW], "unreachable"), index, item)
    {
        struct hearsay *hearsay = find_vertex(drawing, text_member(ids, text_member(item, "api")));
        if (hearsay == NULL)
            continue;
        hearsay->unreachable = item;
        concern(hearsay, severity_of(json_array_get(drawing->findings, index)), index);
        drawing->links.vertices[hearsay - drawing->hearsay].known[LOOK_NOW] = true;
    }
    drawing->ids_of_apis = ids;
}

/* ---- nodes ---- */

static json_t *node_change(const struct drawing *drawing, const struct mesh_vertex *vertex,
                           bool differs)
{
    if (!is_compared(drawing))
        return NULL;
    return json_string(!vertex->known[LOOK_BEFORE] ? "added"
                       : !vertex->known[LOOK_NOW]  ? "removed"
                       : differs                   ? "changed"
                                                   : "kept");
}

/* What a vertex says of itself, what a visit found, or else what is said of it: now, or where it is
 * gone, before. */
static json_t *known_of(const struct mesh_vertex *vertex, const struct hearsay *hearsay,
                        const char **state)
{
    enum mesh_look look = vertex->known[LOOK_NOW] ? LOOK_NOW : LOOK_BEFORE;
    *state = vertex->node[look] != NULL ? "answered" : vertex->visited[look] ? "visited" : "heard";
    if (vertex->node[look] != NULL)
        return drawing_asked_node(vertex->node[look]);
    if (vertex->visited[look] != NULL)
        return drawing_visited_node(vertex->visited[look]);
    return drawing_heard_node(hearsay->peer, hearsay->subscribed);
}

/* What people call it, or else LABEL. */
static const char *name_of(const struct drawing *drawing, const char *id, const char *label)
{
    const char *name = text_member(member(drawing->snapshots[LOOK_NOW], "names"), id);
    if (name == NULL)
        name = text_member(member(drawing->snapshots[LOOK_BEFORE], "names"), id);
    return name != NULL ? name : label;
}

static json_t *node_json(const struct drawing *drawing, size_t index, const char *label)
{
    const struct mesh_vertex *vertex = &drawing->links.vertices[index];
    const struct hearsay *hearsay = &drawing->hearsay[index];
    const json_t *unreachable = vertex->node[LOOK_NOW] == NULL ? hearsay->unreachable : NULL;
    const char *state;
    json_t *node = known_of(vertex, hearsay, &state);
    bool asked = vertex->node[LOOK_NOW] != NULL || vertex->visited[LOOK_NOW] != NULL;
    json_t *about = json_pack("{s:s,s:s,s:s,s:o*,s:s?,s:s?,s:O?}", "id", vertex->id, "label",
                              name_of(drawing, vertex->id, label), "state",
                              unreachable != NULL          ? "unreachable"
                              : hearsay->stopped && !asked ? "stopped"
                                                           : state,
                              "change", node_change(drawing, vertex, hearsay->differs), "error",
                              text_member(unreachable, "error"), "severity",
                              severities[hearsay->severity], "findings", hearsay->findings);
    if (hearsay->findings == NULL)
        json_object_set_new(about, "findings", json_array());
    if (unreachable != NULL)
        json_object_set(node, "api", member(unreachable, "api"));
    json_object_update(node, about);
    json_decref(about);
    return node;
}

/* An API that did not answer, where nobody knows whose it is; FINDING says so. */
static json_t *unknown_json(const struct drawing *drawing, const json_t *unreachable,
                            size_t finding)
{
    json_t *node = drawing_heard_node(NULL, NULL), *api = member(unreachable, "api");
    const char *label = name_of(drawing, json_string_value(api), json_string_value(api));
    json_t *about = json_pack("{s:O,s:s,s:O,s:O,s:s,s:s*,s:s,s:[I]}", "id", api, "label", label,
                              "api", api, "error", member(unreachable, "error"), "state",
                              "unreachable", "change", is_compared(drawing) ? "kept" : NULL,
                              "severity", "error", "findings", (json_int_t)finding);
    json_object_update(node, about);
    json_decref(about);
    return node;
}

/* Whether it is known which node is behind an API, or a node is called like it. */
static bool is_placed(const struct drawing *drawing, const char *api)
{
    return find_vertex(drawing, text_member(drawing->ids_of_apis, api)) != NULL ||
           find_vertex(drawing, api) != NULL;
}

static json_t *nodes_json(const struct drawing *drawing)
{
    const struct mesh_links *links = &drawing->links;
    const char **ids = memory_new((links->vertex_count + 1) * sizeof(*ids));
    json_t *nodes = json_array();
    size_t index;
    const json_t *unreachable;
    for (size_t i = 0; i < links->vertex_count; i++)
        ids[i] = links->vertices[i].id;
    char **labels = labels_of_peers(ids, links->vertex_count);
    for (size_t i = 0; i < links->vertex_count; i++) {
        json_array_append_new(nodes, node_json(drawing, i, labels[i]));
        free(labels[i]);
    }
    json_array_foreach(member(drawing->snapshots[LOOK_NOW], "unreachable"), index, unreachable)
    {
        if (!is_placed(drawing, text_member(unreachable, "api")))
            json_array_append_new(nodes, unknown_json(drawing, unreachable, index));
    }
    free(labels);
    free(ids);
    return nodes;
}

/* ---- edges ---- */

/* {"from", "to", "direction"} of a link at one look. */
static json_t *seen(const struct mesh_links *links, const struct mesh_link *link,
                    enum mesh_look look)
{
    bool reversed;
    enum mesh_direction direction = mesh_link_direction(links, link, look, &reversed);
    if (direction == LINK_ABSENT)
        return NULL;
    return json_pack("{s:s,s:s,s:s}", "from", links->vertices[reversed ? link->b : link->a].id,
                     "to", links->vertices[reversed ? link->a : link->b].id, "direction",
                     directions[direction]);
}

static json_t *link_json(const struct drawing *drawing, const struct mesh_link *link)
{
    json_t *now = seen(&drawing->links, link, LOOK_NOW);
    json_t *before = seen(&drawing->links, link, LOOK_BEFORE);
    json_t *told = json_copy(now != NULL ? now : before);
    bool equal = json_equal(now, before);
    if (is_compared(drawing))
        json_object_set_new(told, "change",
                            json_string(before == NULL ? "added"
                                        : now == NULL  ? "removed"
                                        : equal        ? "kept"
                                                       : "changed"));
    if (now != NULL && before != NULL && !equal)
        json_object_set(told, "was", before);
    if (link->topic != LINK_CONNECTION)
        json_object_set_new(told, "topic", json_string(drawing->links.topics[link->topic]));
    else
        json_object_set_new(told, "rtt_ms",
                            link->rtt_us > 0 ? json_real(link->rtt_us / 1000) : json_null());
    json_decref(now);
    json_decref(before);
    return told;
}

static json_t *links_json(const struct drawing *drawing, bool connections)
{
    json_t *array = json_array();
    for (size_t i = 0; i < drawing->links.link_count; i++) {
        const struct mesh_link *link = &drawing->links.links[i];
        if ((link->topic == LINK_CONNECTION) == connections)
            json_array_append_new(array, link_json(drawing, link));
    }
    return array;
}

/* ---- topics ---- */

struct topic_counts {
    size_t subscribed, edges[LINK_UNTOLD + 1];
};

static void count_subscribed(const struct mesh_links *links, const json_t *nodes,
                             struct topic_counts *counts)
{
    size_t index, inner;
    const json_t *node, *topic;
    json_array_foreach(nodes, index, node)
    {
        const char *change = text_member(node, "change");
        if (change != NULL && strcmp(change, "removed") == 0)
            continue;
        json_array_foreach(member(node, "subscriptions"), inner, topic)
        {
            const json_t *place = member(links->names, json_string_value(topic));
            if (place != NULL)
                counts[json_integer_value(place)].subscribed++;
        }
    }
}

static json_t *topics_json(const struct drawing *drawing, const json_t *nodes)
{
    const struct mesh_links *links = &drawing->links;
    struct topic_counts *counts = memory_new((links->topic_count + 1) * sizeof(*counts));
    char **labels = labels_of_topics(links->topics, links->topic_count);
    json_t *topics = json_array();
    count_subscribed(links, nodes, counts);
    for (size_t i = 0; i < links->link_count; i++) {
        const struct mesh_link *link = &links->links[i];
        bool reversed;
        if (link->topic != LINK_CONNECTION)
            counts[link->topic].edges[mesh_link_direction(links, link, LOOK_NOW, &reversed)]++;
    }
    for (size_t i = 0; i < links->topic_count; i++) {
        const size_t *edges = counts[i].edges;
        if (is_told(drawing, links->topics[i]))
            json_array_append_new(topics, json_pack("{s:s,s:s,s:I,s:I,s:I,s:I}", "name",
                                                    links->topics[i], "label", labels[i],
                                                    "subscribed", (json_int_t)counts[i].subscribed,
                                                    "mutual", (json_int_t)edges[LINK_MUTUAL],
                                                    "one_way", (json_int_t)edges[LINK_ONE_WAY],
                                                    "untold", (json_int_t)edges[LINK_UNTOLD]));
        free(labels[i]);
    }
    free(labels);
    free(counts);
    return topics;
}

/* ---- the whole ---- */

static json_t *whole_json(struct drawing *drawing)
{
    json_t *nodes = nodes_json(drawing), *paths = member(drawing->snapshots[LOOK_NOW], "paths");
    return json_pack("{s:s,s:i,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:O,s:o}", "format",
                     "devnet-mesh-drawing", "version", 1, "compared", is_compared(drawing),
                     "topics", topics_json(drawing, nodes), "nodes", nodes, "edges",
                     links_json(drawing, false), "connections", links_json(drawing, true),
                     "findings", drawing->findings, "explanations", drawing->explanations,
                     "changes", drawing->changes, "unreachable",
                     member(drawing->snapshots[LOOK_NOW], "unreachable"), "paths",
                     paths != NULL ? json_incref(paths) : json_array());
}

static json_t *draw(struct drawing *drawing)
{
    drawing->hearsay = memory_new((drawing->links.vertex_count + 1) * sizeof(*drawing->hearsay));
    for (enum mesh_look look = 0; look < LOOKS; look++)
        hear_of(drawing, look);
    check(drawing);
    compare(drawing);
    find_unreachable(drawing);
    find_stopped(drawing);
    json_t *whole = whole_json(drawing);
    for (size_t i = 0; i < drawing->links.vertex_count; i++) {
        json_decref(drawing->hearsay[i].subscribed);
        json_decref(drawing->hearsay[i].findings);
    }
    free(drawing->hearsay);
    json_decref(drawing->ids_of_apis);
    return whole;
}

json_t *mesh_drawing(const json_t *now, const json_t *before, const char *topic,
                     struct error *error)
{
    struct drawing drawing = {.snapshots = {[LOOK_NOW] = now, [LOOK_BEFORE] = before}};
    mesh_links_init(&drawing.links, now, before);
    json_t *whole = NULL;
    if (topic == NULL || choose_topic(&drawing, topic, error))
        whole = draw(&drawing);
    mesh_links_clear(&drawing.links);
    return whole;
}
