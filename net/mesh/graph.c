#include "net/mesh/graph.h"

#include <stdint.h>
#include <stdlib.h>

#include "common/memory.h"

static const size_t NONE = SIZE_MAX;

/* The state of a depth-first search, at one vertex. */
struct visit {
    size_t order;     /* when it was found, from 1 on; 0: not yet */
    size_t low;       /* the earliest vertex that its subtree has an edge to */
    size_t from;      /* the edge that it was found by, or NONE */
    size_t next, end; /* its edges that are still to be followed, in `incident` */
    size_t weight;    /* counted vertices in its subtree */
};

struct search {
    struct graph *graph;
    struct visit *visits;
    size_t *incident; /* edges, by vertex */
    size_t *found;    /* vertices in the order in which they were found */
    size_t found_count;
};

static int compare_edges(const void *a, const void *b)
{
    const struct graph_edge *first = a, *second = b;
    if (first->a != second->a)
        return first->a < second->a ? -1 : 1;
    return (first->b > second->b) - (first->b < second->b);
}

static void tidy_edges(struct graph *graph)
{
    for (size_t i = 0; i < graph->edge_count; i++) {
        struct graph_edge *edge = &graph->edges[i];
        if (edge->a > edge->b)
            *edge = (struct graph_edge){.a = edge->b, .b = edge->a};
    }
    if (graph->edge_count > 0)
        qsort(graph->edges, graph->edge_count, sizeof(*graph->edges), compare_edges);
    size_t kept = 0;
    for (size_t i = 0; i < graph->edge_count; i++) {
        const struct graph_edge *edge = &graph->edges[i];
        bool twice = kept > 0 && compare_edges(edge, &graph->edges[kept - 1]) == 0;
        if (edge->a != edge->b && !twice)
            graph->edges[kept++] = *edge;
    }
    graph->edge_count = kept;
}

/* Lists the edges at each vertex. */
static void list_incident(struct search *search)
{
    const struct graph *graph = search->graph;
    struct visit *visits = search->visits;
    for (size_t i = 0; i < graph->edge_count; i++) {
        visits[graph->edges[i].a].end++;
        visits[graph->edges[i].b].end++;
    }
    size_t start = 0;
    for (size_t i = 0; i < graph->vertex_count; i++) {
        size_t degree = visits[i].end;
        visits[i].next = visits[i].end = start;
        start += degree;
    }
    for (size_t i = 0; i < graph->edge_count; i++) {
        search->incident[visits[graph->edges[i].a].end++] = i;
        search->incident[visits[graph->edges[i].b].end++] = i;
    }
}

static size_t other_end(const struct graph_edge *edge, size_t vertex)
{
    return edge->a == vertex ? edge->b : edge->a;
}

static void find(struct search *search, size_t vertex, size_t edge)
{
    struct visit *visit = &search->visits[vertex];
    search->found[search->found_count++] = vertex;
    visit->order = visit->low = search->found_count;
    visit->from = edge;
    visit->weight = search->graph->vertices[vertex].counted;
    search->graph->vertices[vertex].component = search->graph->component_count;
}

static void lower(struct visit *visit, size_t order)
{
    if (order < visit->low)
        visit->low = order;
}

/* The vertex that VERTEX was found from, or NONE. */
static size_t parent_of(const struct search *search, size_t vertex)
{
    size_t from = search->visits[vertex].from;
    return from == NONE ? NONE : other_end(&search->graph->edges[from], vertex);
}

static void explore(struct search *search, size_t root)
{
    find(search, root, NONE);
    for (size_t vertex = root; vertex != NONE;) {
        struct visit *visit = &search->visits[vertex];
        if (visit->next < visit->end) {
            size_t edge = search->incident[visit->next++];
            size_t other = other_end(&search->graph->edges[edge], vertex);
            if (search->visits[other].order == 0) {
                find(search, other, edge);
                vertex = other;
            } else if (edge != visit->from) {
                lower(visit, search->visits[other].order);
            }
            continue;
        }
        size_t parent = parent_of(search, vertex);
        if (parent != NONE) {
            lower(&search->visits[parent], visit->low);
            search->visits[parent].weight += visit->weight;
        }
        vertex = parent;
    }
    search->graph->component_count++;
}

/* Marks what the tree of vertices FIRST and later, of which FIRST is the root, hangs by. */
static void mark_weak_places(struct search *search, size_t first)
{
    struct graph *graph = search->graph;
    size_t total = search->visits[search->found[first]].weight;
    for (size_t i = first + 1; i < search->found_count; i++) {
        size_t vertex = search->found[i], parent = parent_of(search, vertex);
        const struct visit *visit = &search->visits[vertex];
        size_t rest = total - visit->weight;
        if (visit->weight == 0)
            continue;
        if (visit->low > search->visits[parent].order && rest > 0)
            graph->edges[visit->from].bridge = true;
        if (visit->low >= search->visits[parent].order && rest > graph->vertices[parent].counted)
            graph->vertices[parent].cut = true;
    }
}

void graph_analyse(struct graph *graph)
{
    tidy_edges(graph);
    struct search search = {
        .graph = graph,
        .visits = memory_new((graph->vertex_count + 1) * sizeof(*search.visits)),
        .incident = memory_new((2 * graph->edge_count + 1) * sizeof(*search.incident)),
        .found = memory_new((graph->vertex_count + 1) * sizeof(*search.found)),
    };
    graph->component_count = 0;
    list_incident(&search);
    for (size_t i = 0; i < graph->vertex_count; i++) {
        size_t first = search.found_count;
        if (search.visits[i].order != 0)
            continue;
        explore(&search, i);
        mark_weak_places(&search, first);
    }
    free(search.visits);
    free(search.incident);
    free(search.found);
}
