/* A drawing (net/mesh/drawing.h) in the language of graphviz. */
#ifndef NET_MESH_DOT_H
#define NET_MESH_DOT_H

#include <jansson.h>
#include <stdbool.h>

enum {
    DOT_TEXT_MAX = 200,     /* bytes of any one text that a peer chose */
    DOT_PRECISE_NODES = 300 /* up to here placed by `neato`; more, faster, by `sfdp` */
};

/*
 * A digraph, one line a node and an edge, in the order of the drawing: what differs between two
 * such files differs in the mesh. CONNECTIONS: those without an edge too. Freed with free().
 */
char *mesh_dot(const json_t *drawing, bool connections);

#endif
