/* The ways that messages can take between the vertices of a graph, each in one direction. */
#ifndef NET_MESH_WAYS_H
#define NET_MESH_WAYS_H

#include "net/mesh/graph.h"

struct way {
    size_t from, to;
};

/* Empty where all is zero. */
struct ways {
    struct way *items;
    size_t count, room;
};

void ways_add(struct ways *ways, size_t from, size_t to);
void ways_clear(struct ways *ways);
/* Whether each of GRAPH's counted vertices, of which the first is one, reaches every other. Linear
 * in the size of the graph, and not recursive. */
bool ways_join(const struct ways *ways, const struct graph *graph);

#endif
