#include "net/mesh/links.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/mesh/lean_answer.h"
#include "net/mesh/members.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/tapped.h"

/* ---- names ---- */

static void learn(json_t *set, const char *name)
{
    if (json_object_get(set, name) == NULL)
        json_object_set_new(set, name, json_null());
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in order, and their indices into the set. */
static const char **number(json_t *set, size_t *count)
{
    const char **names = memory_new((json_object_size(set) + 1) * sizeof(*names));
    const char *name;
    json_t *ignored;
    *count = 0;
    json_object_foreach(set, name, ignored)
    {
        names[(*count)++] = name;
    }
    qsort(names, *count, sizeof(*names), compare_names);
    for (size_t i = 0; i < *count; i++)
        json_object_set_new(set, names[i], json_integer((json_int_t)i));
    return names;
}

static size_t index_of(const json_t *set, const char *name)
{
    return (size_t)json_integer_value(json_object_get(set, name));
}

/* Of the peers that a Lean node's own API tells of. */
static void learn_heard(struct mesh_links *links, const json_t *entry)
{
    const char *teller = snapshot_teller(entry);
    size_t index;
    const json_t *peer;
    json_array_foreach(member(member(entry, "lean"), "peers"), index, peer)
    {
        if (teller == NULL || !lean_peer_is_connected(peer))
            continue;
        learn(links->ids, teller);
        learn(links->ids, snapshot_item_name(peer));
    }
}

static void learn_names(struct mesh_links *links, const json_t *snapshot)
{
    size_t index, inner;
    const json_t *node, *item;
    const char *name;
    json_t *topic;
    json_array_foreach(member(snapshot, "stopped"), index, item)
    {
        learn(links->ids, json_string_value(item));
    }
    json_array_foreach(member(snapshot, "endpoints"), index, node)
    {
        learn_heard(links, node);
    }
    json_array_foreach(member(snapshot, "foreign"), index, node)
    {
        if (snapshot_item_name(node) != NULL)
            learn(links->ids, snapshot_item_name(node));
        learn_heard(links, node);
        json_object_foreach(member(node, "topics"), name, topic)
        {
            learn(links->names, name);
        }
    }
    json_array_foreach(member(snapshot, "nodes"), index, node)
    {
        learn(links->ids, snapshot_item_name(node));
        json_array_foreach(member(node, "peers"), inner, item)
        {
            learn(links->ids, snapshot_item_name(item));
        }
        json_object_foreach(member(node, "topics"), name, topic)
        {
            learn(links->names, name);
            json_array_foreach(member(topic, "mesh"), inner, item)
            {
                learn(links->ids, json_string_value(item));
            }
        }
    }
}

/* ---- what each node says ---- */

/* That NODE has PEER: by itself, to be joined with what others say. */
static struct mesh_link *claim(struct mesh_links *links, enum mesh_look look, size_t topic,
                               size_t node, const char *peer)
{
    size_t other = index_of(links->ids, peer);
    struct mesh_link *link = &links->links[links->link_count++];
    links->vertices[other].known[look] = true;
    *link = (struct mesh_link){
        .topic = topic, .a = node < other ? node : other, .b = node < other ? other : node};
    link->has[look] = node < other ? LINK_A_HAS_B : LINK_B_HAS_A;
    return link;
}

static double round_trip(const json_t *node, const json_t *peer)
{
    const json_t *volatile_peers = member(member(node, "volatile"), "peers");
    const json_t *told = member(member(volatile_peers, snapshot_item_name(peer)), "connections");
    double least = 0;
    size_t index;
    const json_t *connection;
    json_array_foreach(member(peer, "connections"), index, connection)
    {
        double rtt =
            json_number_value(member(member(told, snapshot_item_name(connection)), "rtt_us"));
        if (rtt > 0 && (least == 0 || rtt < least))
            least = rtt;
    }
    return least;
}

static void make_room(struct mesh_links *links, const json_t *list)
{
    size_t needed = links->link_count + json_array_size(list);
    if (needed <= links->link_capacity)
        return;
    links->link_capacity = 2 * needed;
    links->links = memory_resize(links->links, links->link_capacity * sizeof(*links->links));
}

static void claim_all(struct mesh_links *links, enum mesh_look look, const json_t *node)
{
    size_t own = index_of(links->ids, snapshot_item_name(node)), index;
    const json_t *peer;
    const char *name;
    json_t *topic;
    links->vertices[own].node[look] = node;
    links->vertices[own].known[look] = true;
    make_room(links, member(node, "peers"));
    json_array_foreach(member(node, "peers"), index, peer)
    {
        struct mesh_link *link = claim(links, look, LINK_CONNECTION, own, snapshot_item_name(peer));
        link->rtt_us = look == LOOK_NOW ? round_trip(node, peer) : 0;
    }
    json_object_foreach(member(node, "topics"), name, topic)
    {
        size_t topic_index = index_of(links->names, name);
        make_room(links, member(topic, "mesh"));
        json_array_foreach(member(topic, "mesh"), index, peer)
        {
            claim(links, look, topic_index, own, json_string_value(peer));
        }
    }
}

static void note_visit(struct mesh_links *links, enum mesh_look look, const json_t *entry)
{
    if (snapshot_item_name(entry) == NULL)
        return;
    struct mesh_vertex *vertex = &links->vertices[index_of(links->ids, snapshot_item_name(entry))];
    vertex->visited[look] = entry;
    vertex->known[look] = true;
}

/* A Lean node tells whom it is connected to, and not by which connections. */
static void claim_heard(struct mesh_links *links, enum mesh_look look, const json_t *entry)
{
    const char *teller = snapshot_teller(entry);
    const json_t *peers = member(member(entry, "lean"), "peers");
    size_t index;
    const json_t *peer;
    make_room(links, peers);
    json_array_foreach(peers, index, peer)
    {
        if (teller == NULL || !lean_peer_is_connected(peer))
            continue;
        size_t own = index_of(links->ids, teller);
        links->vertices[own].known[look] = true;
        claim(links, look, LINK_CONNECTION, own, snapshot_item_name(peer));
    }
}

/* ---- what they say together ---- */

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_links(const void *first, const void *second)
{
    const struct mesh_link *x = first, *y = second;
    int order = compare_sizes(x->topic, y->topic);
    order = order != 0 ? order : compare_sizes(x->a, y->a);
    return order != 0 ? order : compare_sizes(x->b, y->b);
}

static void join(struct mesh_link *link, const struct mesh_link *other)
{
    for (size_t look = 0; look < LOOKS; look++)
        link->has[look] |= other->has[look];
    if (other->rtt_us > 0 && (link->rtt_us == 0 || other->rtt_us < link->rtt_us))
        link->rtt_us = other->rtt_us;
}

/* A node that has itself is no link. */
static void join_claims(struct mesh_links *links)
{
    size_t kept = 0;
    if (links->link_count > 0)
        qsort(links->links, links->link_count, sizeof(*links->links), compare_links);
    for (size_t i = 0; i < links->link_count; i++) {
        const struct mesh_link *link = &links->links[i];
        if (link->a == link->b)
            continue;
        if (kept > 0 && compare_links(link, &links->links[kept - 1]) == 0)
            join(&links->links[kept - 1], link);
        else
            links->links[kept++] = *link;
    }
    links->link_count = kept;
}

void mesh_links_init(struct mesh_links *links, const json_t *now, const json_t *before)
{
    const json_t *const snapshots[LOOKS] = {[LOOK_NOW] = now, [LOOK_BEFORE] = before};
    *links = (struct mesh_links){.ids = json_object(), .names = json_object()};
    for (size_t look = 0; look < LOOKS; look++)
        learn_names(links, snapshots[look]);
    const char **ids = number(links->ids, &links->vertex_count);
    links->topics = number(links->names, &links->topic_count);
    links->vertices = memory_new((links->vertex_count + 1) * sizeof(*links->vertices));
    for (size_t i = 0; i < links->vertex_count; i++)
        links->vertices[i].id = ids[i];
    free(ids);
    for (size_t look = 0; look < LOOKS; look++) {
        size_t index;
        const json_t *node;
        json_array_foreach(member(snapshots[look], "nodes"), index, node)
        {
            claim_all(links, look, node);
        }
        json_array_foreach(member(snapshots[look], "foreign"), index, node)
        {
            note_visit(links, look, node);
            claim_heard(links, look, node);
        }
        json_array_foreach(member(snapshots[look], "endpoints"), index, node)
        {
            claim_heard(links, look, node);
        }
    }
    join_claims(links);
}

void mesh_links_clear(struct mesh_links *links)
{
    json_decref(links->ids);
    json_decref(links->names);
    free(links->vertices);
    free(links->topics);
    free(links->links);
    *links = (struct mesh_links){0};
}

enum mesh_direction mesh_link_direction(const struct mesh_links *links,
                                        const struct mesh_link *link, enum mesh_look look,
                                        bool *reversed)
{
    uint8_t has = link->has[look];
    *reversed = has == LINK_B_HAS_A;
    if (has == 0)
        return LINK_ABSENT;
    if (has == (LINK_A_HAS_B | LINK_B_HAS_A))
        return LINK_MUTUAL;
    const json_t *teller = links->vertices[*reversed ? link->b : link->a].node[look];
    const json_t *other = links->vertices[*reversed ? link->a : link->b].node[look];
    /* A tap has not heard what does not go through it. */
    bool untold = other == NULL || (tapped_is_node(other) && !tapped_is_node(teller));
    return untold ? LINK_UNTOLD : LINK_ONE_WAY;
}
