#include "net/mesh/ways.h"

#include <stdlib.h>

#include "common/memory.h"

void ways_add(struct ways *ways, size_t from, size_t to)
{
    if (ways->count == ways->room) {
        ways->room = 2 * ways->room + 16;
        ways->items = memory_resize(ways->items, ways->room * sizeof(*ways->items));
    }
    ways->items[ways->count++] = (struct way){.from = from, .to = to};
}

void ways_clear(struct ways *ways)
{
    free(ways->items);
    *ways = (struct ways){0};
}

static struct way turned(struct way way, bool backwards)
{
    return backwards ? (struct way){.from = way.to, .to = way.from} : way;
}

/* Where the ways from each vertex end, by vertex; those of V are at STARTS[V] to STARTS[V + 1]. */
static void list_ends(const struct ways *ways, size_t vertex_count, bool backwards, size_t *starts,
                      size_t *ends)
{
    for (size_t i = 0; i < ways->count; i++)
        starts[turned(ways->items[i], backwards).from + 2]++;
    for (size_t i = 2; i < vertex_count + 2; i++)
        starts[i] += starts[i - 1];
    for (size_t i = 0; i < ways->count; i++) {
        struct way way = turned(ways->items[i], backwards);
        ends[starts[way.from + 1]++] = way.to;
    }
}

/* Marks in SEEN what vertex 0 reaches. */
static void mark_reached(size_t vertex_count, const size_t *starts, const size_t *ends, bool *seen)
{
    size_t *found = memory_new((vertex_count + 1) * sizeof(*found)); /* the first is vertex 0 */
    size_t count = 1;
    seen[0] = true;
    for (size_t done = 0; done < count; done++) {
        for (size_t i = starts[found[done]]; i < starts[found[done] + 1]; i++) {
            if (!seen[ends[i]])
                found[count++] = ends[i];
            seen[ends[i]] = true;
        }
    }
    free(found);
}

/* From the first vertex, or BACKWARDS, to it. */
static bool reaches_all(const struct ways *ways, const struct graph *graph, bool backwards)
{
    size_t *starts = memory_new((graph->vertex_count + 2) * sizeof(*starts));
    size_t *ends = memory_new((ways->count + 1) * sizeof(*ends));
    bool *seen = memory_new((graph->vertex_count + 1) * sizeof(*seen)), all = true;
    list_ends(ways, graph->vertex_count, backwards, starts, ends);
    mark_reached(graph->vertex_count, starts, ends, seen);
    for (size_t i = 0; i < graph->vertex_count; i++)
        all &= seen[i] || !graph->vertices[i].counted;
    free(starts);
    free(ends);
    free(seen);
    return all;
}

bool ways_join(const struct ways *ways, const struct graph *graph)
{
    return graph->vertex_count == 0 ||
           (reaches_all(ways, graph, false) && reaches_all(ways, graph, true));
}
