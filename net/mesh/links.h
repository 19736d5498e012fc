/*
 * Who has whom: in the mesh of each topic, and connected. Of one snapshot (net/mesh/snapshot.h), or
 * of two, one earlier.
 */
#ifndef NET_MESH_LINKS_H
#define NET_MESH_LINKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mesh_look { LOOK_NOW, LOOK_BEFORE, LOOKS };

/* A node, or a peer that nodes tell of. */
struct mesh_vertex {
    const char *id;
    const json_t *node[LOOKS];    /* what it said of itself; NULL where it was not asked */
    const json_t *visited[LOOKS]; /* what a visit found, where it has no API of ours, or NULL */
    bool known[LOOKS];            /* whether it was in the snapshot, asked or not */
};

enum mesh_direction {
    LINK_ABSENT,
    LINK_MUTUAL,
    LINK_ONE_WAY, /* the other end was asked, and does not have it */
    LINK_UNTOLD,  /* the other end was not asked, or is known by a tap that may not see this */
};

enum { LINK_A_HAS_B = 1, LINK_B_HAS_A = 2 };

struct mesh_link {
    size_t topic;       /* an index, or LINK_CONNECTION */
    size_t a, b;        /* vertices, a < b */
    uint8_t has[LOOKS]; /* LINK_A_HAS_B and LINK_B_HAS_A */
    double rtt_us;      /* of a connection now; 0 where nobody tells */
};

#define LINK_CONNECTION SIZE_MAX

struct mesh_links {
    struct mesh_vertex *vertices; /* by id */
    const char **topics;          /* by name */
    struct mesh_link *links;      /* by topic, connections last, then by a and b */
    size_t vertex_count, topic_count, link_count, link_capacity;
    json_t *ids, *names; /* of vertices and topics, to their indices */
};

/* BEFORE may be NULL. Both snapshots are borrowed, and outlive the links. Linear in their size but
 * for sorting. */
void mesh_links_init(struct mesh_links *links, const json_t *now, const json_t *before);
void mesh_links_clear(struct mesh_links *links);

/* *REVERSED where it is b that has a, and not the other way round. */
enum mesh_direction mesh_link_direction(const struct mesh_links *links,
                                        const struct mesh_link *link, enum mesh_look look,
                                        bool *reversed);

#endif
