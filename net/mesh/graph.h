/* What holds an undirected graph together: its components, bridges and articulation points. */
#ifndef NET_MESH_GRAPH_H
#define NET_MESH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

struct graph_edge {
    size_t a, b;
    bool bridge; /* without it, counted vertices fall apart */
};

struct graph_vertex {
    bool counted; /* the caller's: whether it matters that this one is cut off */
    bool cut;     /* an articulation point: without it, other counted vertices fall apart */
    size_t component;
};

struct graph {
    struct graph_vertex *vertices;
    struct graph_edge *edges;
    size_t vertex_count, edge_count, component_count;
};

/*
 * Fills in what is not the caller's. The edges are put in order, and double ones and loops are
 * dropped. Linear in the size of the graph but for that, and not recursive.
 * R. E. Tarjan: "A note on finding the bridges of a graph", 1974.
 */
void graph_analyse(struct graph *graph);

#endif
