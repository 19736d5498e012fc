#include <stdlib.h>

#include "common/memory.h"
#include "tests/sim/simulation.h"

static bool is_linked(const struct node *node, uint32_t other)
{
    for (uint32_t i = 0; i < node->link_count; i++)
        if (node->links[i].other == other)
            return true;
    return false;
}

static void add_end(struct node *node, uint32_t other, uint32_t reverse, bool dialled)
{
    node->links[node->link_count++] =
        (struct link){.other = other, .reverse = reverse, .dialled = dialled};
}

static void add_link(struct simulation *simulation, uint32_t a, uint32_t b)
{
    struct node *dialler = &simulation->nodes[a], *dialled = &simulation->nodes[b];
    uint32_t at_dialler = dialler->link_count, at_dialled = dialled->link_count;
    add_end(dialler, b, at_dialled, true);
    add_end(dialled, a, at_dialler, false);
}

/*
 * Circles through all nodes in random order, in which each node dials the next: everyone dials as
 * many as it is dialled by, and the links are as random as those of a regular graph can be. Two
 * that are linked already are not linked again.
 */
void topology_make(struct simulation *simulation)
{
    uint32_t count = (uint32_t)simulation->settings.nodes;
    uint32_t *circle = memory_new(count * sizeof(*circle));
    for (uint32_t i = 0; i < count; i++) {
        struct node *node = &simulation->nodes[i];
        circle[i] = i;
        node->links = memory_new(simulation->settings.links * sizeof(*node->links));
        node->links_by_handle =
            memory_new(simulation->settings.links * sizeof(*node->links_by_handle));
    }
    for (uint64_t round = 0; round < simulation->settings.links / 2; round++) {
        random_sample(&simulation->random, circle, count, count);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t next = circle[(i + 1) % count];
            if (circle[i] != next && !is_linked(&simulation->nodes[circle[i]], next))
                add_link(simulation, circle[i], next);
        }
    }
    free(circle);
}
