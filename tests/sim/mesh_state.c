#include "tests/sim/simulation.h"

static bool is_mutual(const struct simulation *simulation, const struct link *link)
{
    return link->in_mesh && simulation->nodes[link->other].links[link->reverse].in_mesh;
}

static bool is_subscribed(const struct node *node, const gossipsub_peer *peer)
{
    gossipsub_topic topic;
    if (!gossipsub_topic_find(node->router, simulation_topic, &topic))
        return false;
    return peer != NULL ? gossipsub_peer_is_subscribed(node->router, *peer, topic)
                        : gossipsub_is_subscribed(node->router, topic);
}

static bool is_mistaken(const struct simulation *simulation, const struct node *node,
                        const struct link *link)
{
    return link->up && is_subscribed(node, &link->handle) !=
                           is_subscribed(&simulation->nodes[link->other], NULL);
}

/* Walks the mesh from NODE on; how many nodes it meets. */
static uint64_t count_reachable(struct simulation *simulation, uint32_t start)
{
    for (uint64_t i = 0; i < simulation->settings.nodes; i++)
        simulation->nodes[i].met = false;
    uint64_t count = 1;
    size_t depth = 0;
    simulation->nodes[start].met = true;
    simulation->stack[depth++] = start;
    while (depth > 0) {
        const struct node *node = &simulation->nodes[simulation->stack[--depth]];
        for (uint32_t i = 0; i < node->link_count; i++) {
            struct node *other = &simulation->nodes[node->links[i].other];
            if (other->met || !is_mutual(simulation, &node->links[i]))
                continue;
            other->met = true;
            simulation->stack[depth++] = node->links[i].other;
            count++;
        }
    }
    return count;
}

void mesh_look(struct simulation *simulation, struct mesh_state *state)
{
    *state = (struct mesh_state){0};
    uint64_t up = 0;
    uint32_t start = 0;
    for (uint32_t i = 0; i < simulation->settings.nodes; i++) {
        const struct node *node = &simulation->nodes[i];
        if (node->router == NULL)
            continue;
        up++;
        start = i;
        state->degrees[node->mesh_degree]++;
        for (uint32_t j = 0; j < node->link_count; j++) {
            bool mutual = is_mutual(simulation, &node->links[j]);
            state->one_sided += node->links[j].in_mesh && !mutual;
            state->beliefs_that_differ += is_mistaken(simulation, node, &node->links[j]);
            state->links += mutual && i < node->links[j].other;
        }
    }
    state->connected = up > 0 && count_reachable(simulation, start) == up;
}
