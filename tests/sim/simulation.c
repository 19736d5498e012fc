#include "tests/sim/simulation.h"

#include <stdlib.h>

#include "common/memory.h"

static void at(struct simulation *simulation, uint64_t due_us, struct event event)
{
    event.due_us = due_us;
    event_queue_put(&simulation->queue, event);
}

static uint64_t random_us(struct simulation *simulation, uint64_t from_ms, uint64_t to_ms)
{
    return 1000 * from_ms + random_below(&simulation->random, 1000 * (to_ms - from_ms));
}

static void plan_nodes(struct simulation *simulation)
{
    uint64_t heartbeat_ms = simulation->settings.parameters.heartbeat_ms;
    for (uint32_t i = 0; i < simulation->settings.nodes; i++) {
        struct node *node = &simulation->nodes[i];
        node->leaves_us = UINT64_MAX;
        at(simulation, random_us(simulation, 0, heartbeat_ms),
           (struct event){.kind = EVENT_HEARTBEAT, .node = i});
        for (uint32_t j = 0; j < node->link_count; j++)
            if (node->links[j].dialled)
                at(simulation, random_us(simulation, 0, OPENING_MS),
                   (struct event){.kind = EVENT_LINK, .node = i, .link = j});
    }
}

static void plan_messages(struct simulation *simulation)
{
    const struct settings *settings = &simulation->settings;
    uint64_t span_us = 1000 * (settings->duration_ms - SETTLING_MS - WINDOW_MS);
    for (uint32_t i = 0; i < settings->messages; i++) {
        uint64_t published_us = 1000 * SETTLING_MS + i * span_us / settings->messages;
        at(simulation, published_us, (struct event){.kind = EVENT_PUBLISH, .message = i});
        at(simulation, published_us + 1000 * WINDOW_MS,
           (struct event){.kind = EVENT_CLOSE, .message = i});
    }
}

/* Who leaves is back, and has had the time to find a mesh, before the run is over. */
static void plan_churn(struct simulation *simulation)
{
    uint32_t count = (uint32_t)simulation->settings.nodes;
    uint32_t leaving = (uint32_t)(simulation->settings.churn * count);
    uint32_t *order = memory_new(count * sizeof(*order));
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    random_sample(&simulation->random, order, count, leaving);
    for (uint32_t i = 0; i < leaving; i++) {
        uint64_t leaves_us = random_us(simulation, SETTLING_MS,
                                       simulation->settings.duration_ms - WINDOW_MS - AWAY_MS);
        simulation->nodes[order[i]].leaves_us = leaves_us;
        at(simulation, leaves_us, (struct event){.kind = EVENT_LEAVE, .node = order[i]});
        at(simulation, leaves_us + 1000 * AWAY_MS,
           (struct event){.kind = EVENT_RETURN, .node = order[i]});
    }
    free(order);
}

/* Of each two neighbours that change meanwhile, one is still unsubscribed when it reads on. */
static void plan_stops(struct simulation *simulation, double share, enum event_kind kind)
{
    uint32_t count = (uint32_t)simulation->settings.nodes;
    uint32_t stopping = (uint32_t)(share * count);
    for (uint32_t i = 0; i < stopping; i++) {
        uint32_t index = (uint32_t)((uint64_t)i * count / stopping);
        const struct node *node = &simulation->nodes[index];
        uint64_t stops_us = 1000 * SETTLING_MS + 1000 * (uint64_t)(i % CHANGED_MS);
        at(simulation, stops_us, (struct event){.kind = kind, .node = index});
        if (kind == EVENT_STOP)
            at(simulation, stops_us + 1000 * STOPPED_MS,
               (struct event){.kind = EVENT_READ_ON, .node = index});
        for (uint32_t j = 0; j < 2 && j < node->link_count; j++) {
            uint32_t other = node->links[j].other;
            uint64_t back_us = stops_us + 1000 * CHANGED_MS * (j == 0 ? 2 : 4);
            at(simulation, stops_us + 1000 * CHANGED_MS,
               (struct event){.kind = EVENT_UNSUBSCRIBE, .node = other});
            at(simulation, back_us, (struct event){.kind = EVENT_SUBSCRIBE, .node = other});
        }
    }
}

struct simulation *simulation_new(const struct settings *settings)
{
    struct simulation *simulation = memory_new(sizeof(*simulation));
    simulation->settings = *settings;
    random_seed(&simulation->random, settings->seed);
    simulation->nodes = memory_new(settings->nodes * sizeof(*simulation->nodes));
    simulation->messages = memory_new(settings->messages * sizeof(*simulation->messages));
    simulation->stack = memory_new(settings->nodes * sizeof(*simulation->stack));
    simulation->figures.connected_ms = simulation->figures.full_ms = UINT64_MAX;
    topology_make(simulation);
    for (uint32_t i = 0; i < settings->nodes; i++)
        node_start(simulation, i);
    plan_nodes(simulation);
    at(simulation, 0, (struct event){.kind = EVENT_SAMPLE});
    at(simulation, 1000 * SETTLING_MS, (struct event){.kind = EVENT_SETTLED});
    plan_messages(simulation);
    plan_churn(simulation);
    plan_stops(simulation, settings->stopping, EVENT_STOP);
    plan_stops(simulation, settings->slow, EVENT_SLOW);
    return simulation;
}

/* ---- what happens ---- */

static void sample(struct simulation *simulation)
{
    struct figures *figures = &simulation->figures;
    struct mesh_state state;
    mesh_look(simulation, &state);
    uint64_t below = 0;
    for (size_t i = 0; i < simulation->settings.parameters.d_low; i++)
        below += state.degrees[i];
    if (state.connected && figures->connected_ms == UINT64_MAX)
        figures->connected_ms = simulation->now_us / 1000;
    if (below == 0 && figures->full_ms == UINT64_MAX)
        figures->full_ms = simulation->now_us / 1000;
    if (figures->connected_ms == UINT64_MAX || figures->full_ms == UINT64_MAX)
        at(simulation, simulation->now_us + 1000 * SAMPLE_MS, (struct event){.kind = EVENT_SAMPLE});
}

static void settled(struct simulation *simulation)
{
    struct figures *figures = &simulation->figures;
    mesh_look(simulation, &figures->settled);
    memcpy(figures->opening, figures->traffic, sizeof(figures->opening));
    memset(figures->traffic, 0, sizeof(figures->traffic));
    for (uint64_t i = 0; i < simulation->settings.nodes; i++)
        simulation->nodes[i].sent_bytes = simulation->nodes[i].received_bytes = 0;
}

static void node_return(struct simulation *simulation, uint32_t index)
{
    node_start(simulation, index);
    for (uint32_t i = 0; i < simulation->nodes[index].link_count; i++)
        link_open(simulation, index, i);
}

static void happen(struct simulation *simulation, const struct event *event)
{
    switch (event->kind) {
    case EVENT_LINK:
        link_open(simulation, event->node, event->link);
        break;
    case EVENT_HEARTBEAT:
        network_heartbeat(simulation, event->node);
        break;
    case EVENT_ARRIVAL:
        network_arrival(simulation, event);
        break;
    case EVENT_SAMPLE:
        sample(simulation);
        break;
    case EVENT_SETTLED:
        settled(simulation);
        break;
    case EVENT_PUBLISH:
        message_publish(simulation, event->message);
        break;
    case EVENT_CLOSE:
        message_close(simulation, event->message);
        break;
    case EVENT_LEAVE:
        simulation->figures.left++;
        node_stop(simulation, event->node);
        break;
    case EVENT_RETURN:
        node_return(simulation, event->node);
        break;
    case EVENT_STOP:
        node_stop_reading(simulation, event->node);
        break;
    case EVENT_READ_ON:
        node_read_on(simulation, event->node);
        break;
    case EVENT_SLOW:
        node_read_slowly(simulation, event->node);
        break;
    case EVENT_READ:
        node_read(simulation, event->node, event->link);
        break;
    case EVENT_UNSUBSCRIBE:
        node_unsubscribe(simulation, event->node);
        break;
    case EVENT_SUBSCRIBE:
        node_subscribe(simulation, event->node);
        break;
    }
}

void simulation_run(struct simulation *simulation)
{
    uint64_t end_us = 1000 * simulation->settings.duration_ms;
    struct event event;
    while (event_queue_take(&simulation->queue, &event)) {
        simulation->now_us = event.due_us;
        if (event.due_us > end_us) {
            chunk_unref(event.rpc);
            break;
        }
        happen(simulation, &event);
    }
    mesh_look(simulation, &simulation->figures.last);
}

void simulation_free(struct simulation *simulation)
{
    for (uint64_t i = 0; i < simulation->settings.nodes; i++) {
        gossipsub_free(simulation->nodes[i].router);
        free(simulation->nodes[i].links);
        free(simulation->nodes[i].links_by_handle);
    }
    event_queue_clear(&simulation->queue);
    gossipsub_actions_clear(&simulation->actions);
    for (uint64_t i = 0; i < simulation->settings.messages; i++)
        free(simulation->messages[i].receipts);
    free(simulation->nodes);
    free(simulation->messages);
    free(simulation->stack);
    free(simulation);
}
