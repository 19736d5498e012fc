#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/mesh/graph.h"
#include "net/mesh/ways.h"

#include "tests/unit/support.h"

enum { VERTICES_MAX = 9, GRAPHS = 3000 };

/* Which vertices are reached from START, without the vertex and the edge that are left out. */
static void reach(const struct graph *graph, size_t start, size_t without, const void *removed,
                  bool reached[VERTICES_MAX])
{
    memset(reached, 0, VERTICES_MAX * sizeof(bool));
    reached[start] = true;
    for (size_t round = 0; round < graph->vertex_count; round++) {
        for (size_t i = 0; i < graph->edge_count; i++) {
            const struct graph_edge *edge = &graph->edges[i];
            if (edge == removed || edge->a == without || edge->b == without)
                continue;
            bool either = reached[edge->a] || reached[edge->b];
            reached[edge->a] = reached[edge->b] = either;
        }
    }
}

/* Whether counted vertices of one component are apart, WITHOUT (a vertex) and REMOVED (an edge)
 * left out. */
static bool falls_apart(const struct graph *graph, size_t without, const void *removed)
{
    bool reached[VERTICES_MAX];
    for (size_t i = 0; i < graph->vertex_count; i++) {
        if (i == without || !graph->vertices[i].counted)
            continue;
        reach(graph, i, without, removed, reached);
        for (size_t j = 0; j < graph->vertex_count; j++)
            if (j != without && graph->vertices[j].counted && !reached[j] &&
                graph->vertices[i].component == graph->vertices[j].component)
                return true;
    }
    return false;
}

static void compare_with_definition(const struct graph *graph)
{
    bool reached[VERTICES_MAX];
    for (size_t i = 0; i < graph->vertex_count; i++) {
        reach(graph, i, VERTICES_MAX, NULL, reached);
        for (size_t j = 0; j < graph->vertex_count; j++)
            assert_int_equal(reached[j],
                             graph->vertices[i].component == graph->vertices[j].component);
        assert_int_equal(graph->vertices[i].cut, falls_apart(graph, i, NULL));
    }
    for (size_t i = 0; i < graph->edge_count; i++)
        assert_int_equal(graph->edges[i].bridge,
                         falls_apart(graph, VERTICES_MAX, &graph->edges[i]));
}

static void weak_places_are_those_of_the_definition(void **state)
{
    (void)state;
    struct graph_vertex vertices[VERTICES_MAX];
    struct graph_edge edges[3 * VERTICES_MAX];
    unsigned seed = 7;
    for (unsigned round = 0; round < GRAPHS; round++) {
        size_t count = 1 + (size_t)rand_r(&seed) % VERTICES_MAX;
        struct graph graph = {.vertices = vertices, .edges = edges, .vertex_count = count};
        graph.edge_count = (size_t)rand_r(&seed) % (2 * count);
        for (size_t i = 0; i < count; i++)
            vertices[i] = (struct graph_vertex){.counted = rand_r(&seed) % 3 != 0};
        for (size_t i = 0; i < graph.edge_count; i++)
            edges[i] = (struct graph_edge){.a = (size_t)rand_r(&seed) % count,
                                           .b = (size_t)rand_r(&seed) % count};
        graph_analyse(&graph);
        compare_with_definition(&graph);
    }
}

static void a_long_line_takes_no_stack(void **state)
{
    (void)state;
    enum { LENGTH = 300000 };
    struct graph graph = {.vertices = memory_new(LENGTH * sizeof(struct graph_vertex)),
                          .edges = memory_new(LENGTH * sizeof(struct graph_edge)),
                          .vertex_count = LENGTH,
                          .edge_count = LENGTH - 1};
    for (size_t i = 0; i < LENGTH; i++)
        graph.vertices[i].counted = true;
    for (size_t i = 0; i + 1 < LENGTH; i++)
        graph.edges[i] = (struct graph_edge){.a = i + 1, .b = i};
    graph_analyse(&graph);
    assert_int_equal(graph.component_count, 1);
    assert_true(graph.edges[LENGTH / 2].bridge && graph.vertices[LENGTH / 2].cut);
    assert_false(graph.vertices[0].cut || graph.vertices[LENGTH - 1].cut);
    free(graph.vertices);
    free(graph.edges);
}

/* Straight from what is meant: repeated until nothing changes. */
static bool reach_each_other(const struct ways *ways, const struct graph *graph)
{
    bool reach[VERTICES_MAX][VERTICES_MAX] = {0}, changed = true;
    for (size_t i = 0; i < graph->vertex_count; i++)
        reach[i][i] = true;
    while (changed) {
        changed = false;
        for (size_t w = 0; w < ways->count; w++)
            for (size_t i = 0; i < graph->vertex_count; i++) {
                bool now = reach[i][ways->items[w].from] && !reach[i][ways->items[w].to];
                reach[i][ways->items[w].to] |= now;
                changed |= now;
            }
    }
    for (size_t i = 0; i < graph->vertex_count; i++)
        for (size_t j = 0; j < graph->vertex_count; j++)
            if (graph->vertices[i].counted && graph->vertices[j].counted && !reach[i][j])
                return false;
    return true;
}

static void ways_join_what_reaches_each_other(void **state)
{
    (void)state;
    unsigned seed = 3, joined = 0;
    for (int round = 0; round < 4000; round++) {
        struct graph_vertex vertices[VERTICES_MAX] = {0};
        size_t count = 1 + (size_t)rand_r(&seed) % VERTICES_MAX;
        struct graph graph = {.vertices = vertices, .vertex_count = count};
        struct ways ways = {0};
        for (size_t i = 0; i < count; i++)
            vertices[i].counted = i == 0 || rand_r(&seed) % 3 != 0;
        for (size_t i = (size_t)rand_r(&seed) % (3 * count); i > 0; i--)
            ways_add(&ways, (size_t)rand_r(&seed) % count, (size_t)rand_r(&seed) % count);
        bool expected = reach_each_other(&ways, &graph);
        assert_int_equal(ways_join(&ways, &graph), expected);
        joined += expected;
        ways_clear(&ways);
    }
    assert_true(joined > 400 && joined < 3600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weak_places_are_those_of_the_definition),
        cmocka_unit_test(a_long_line_takes_no_stack),
        cmocka_unit_test(ways_join_what_reaches_each_other),
    };
    return cmocka_run_group_tests_name("mesh_graph", tests, NULL, NULL);
}
