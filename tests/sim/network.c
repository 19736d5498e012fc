#include <assert.h>

#include "common/varint.h"
#include "tests/sim/simulation.h"

static uint64_t milliseconds(const struct simulation *simulation)
{
    return simulation->now_us / 1000;
}

static bool happens(struct simulation *simulation, double share)
{
    /* 53 bits are what a double holds. */
    return share > 0 && (double)(random_next(&simulation->random) >> 11) * 0x1p-53 < share;
}

/* ---- what crosses the links ---- */

static uint64_t due(struct simulation *simulation, struct link *link)
{
    const struct settings *settings = &simulation->settings;
    uint64_t at = simulation->now_us + 1000 * settings->latency_ms +
                  random_below(&simulation->random, 1000 * settings->jitter_ms + 1);
    if (link->backlog > 0)
        at += 1000 * READ_MS * (link->backlog / link->backlog_step + 1);
    if (at < link->last_due_us)
        at = link->last_due_us;
    return link->last_due_us = at;
}

/* Full queues lose gossip and messages, and control last. */
static bool is_lost(struct simulation *simulation, enum gossipsub_priority priority)
{
    const struct settings *settings = &simulation->settings;
    return happens(simulation,
                   priority == GOSSIPSUB_CONTROL ? settings->control_loss : settings->loss);
}

static void transmit(struct simulation *simulation, uint32_t from,
                     const struct gossipsub_action *action, struct cause cause)
{
    struct node *node = &simulation->nodes[from];
    struct link *link = &node->links[node->links_by_handle[action->peer]];
    struct traffic *traffic = &simulation->figures.traffic[action->priority];
    traffic->rpcs++;
    traffic->bytes += action->rpc->size;
    node->sent_bytes += action->rpc->size;
    if (is_lost(simulation, action->priority)) {
        traffic->lost++;
        return;
    }
    link->unread += link->counts ? action->rpc->size : 0;
    event_queue_put(&simulation->queue, (struct event){.kind = EVENT_ARRIVAL,
                                                       .due_us = due(simulation, link),
                                                       .node = link->other,
                                                       .link = link->reverse,
                                                       .connection = link->connection,
                                                       .priority = action->priority,
                                                       .by_iwant = !cause.message,
                                                       .counts = link->counts,
                                                       .rpc = chunk_ref(action->rpc)});
}

/* How far our stream to the other end of LINK has come, as a driver would tell its router. */
static void report_progress(struct simulation *simulation, uint32_t index, const struct link *link)
{
    struct gossipsub_progress progress = {.connection = link->connection,
                                          .unsent = link->backlog + link->unread,
                                          .acknowledged = link->read_bytes};
    gossipsub_stream_progressed(simulation->nodes[index].router, milliseconds(simulation),
                                link->handle, &progress, &simulation->actions);
    network_execute(simulation, index, (struct cause){0});
}

/* So much of what the other end of LINK has sent. */
static void note_read(struct simulation *simulation, const struct link *link, size_t size)
{
    struct link *back = &simulation->nodes[link->other].links[link->reverse];
    back->unread -= size;
    back->read_bytes += size;
    report_progress(simulation, link->other, back);
}

void network_arrival(struct simulation *simulation, const struct event *event)
{
    struct node *node = &simulation->nodes[event->node];
    if (node->stopped_until_us > 0) {
        struct event later = *event;
        later.due_us = node->stopped_until_us;
        event_queue_put(&simulation->queue, later);
        return;
    }
    const struct link *link = &node->links[event->link];
    if (link->up && link->connection == event->connection) {
        if (event->counts)
            note_read(simulation, link, event->rpc->size);
        uint64_t size;
        int prefix = varint_read(chunk_bytes(event->rpc), &size);
        node->received_bytes += event->rpc->size;
        bool is_message = event->priority == GOSSIPSUB_DATA;
        simulation->figures.by_mesh.all += is_message && !event->by_iwant;
        simulation->figures.by_iwant.all += is_message && event->by_iwant;
        gossipsub_rpc_received(node->router, milliseconds(simulation), link->handle,
                               bytes_after(chunk_bytes(event->rpc), (size_t)prefix),
                               &simulation->actions);
        network_execute(simulation, event->node,
                        (struct cause){is_message, event->by_iwant, link->other});
    }
    chunk_unref(event->rpc);
}

static void note_mesh(struct node *node, const struct gossipsub_action *action, bool in_mesh)
{
    node->links[node->links_by_handle[action->peer]].in_mesh = in_mesh;
    node->mesh_degree += in_mesh ? 1 : -1;
}

void network_execute(struct simulation *simulation, uint32_t index, struct cause cause)
{
    struct node *node = &simulation->nodes[index];
    for (size_t i = 0; i < simulation->actions.count; i++) {
        const struct gossipsub_action *action = &simulation->actions.items[i];
        switch (action->kind) {
        case GOSSIPSUB_SEND:
            transmit(simulation, index, action, cause);
            break;
        case GOSSIPSUB_DELIVER:
            message_delivered(simulation, index, chunk_bytes(action->payload), cause);
            break;
        case GOSSIPSUB_GRAFTED:
        case GOSSIPSUB_PRUNED:
            note_mesh(node, action, action->kind == GOSSIPSUB_GRAFTED);
            break;
        case GOSSIPSUB_DROP_PEER:
            simulation->figures.dropped_peers++;
            break;
        case GOSSIPSUB_SUBSCRIBED:
        case GOSSIPSUB_UNSUBSCRIBED:
        case GOSSIPSUB_GRAFT_REFUSED:
        case GOSSIPSUB_LEFT_OUT:
        case GOSSIPSUB_REJECTED:
        case GOSSIPSUB_RESET_STREAM:
            break;
        }
    }
    gossipsub_actions_reset(&simulation->actions);
}

/* ---- nodes and links ---- */

static void add_peer(struct simulation *simulation, struct node *node, uint32_t link_index)
{
    struct link *link = &node->links[link_index];
    /* Handles are used again, so there are never more than links. */
    bool added = gossipsub_peer_added(node->router, milliseconds(simulation),
                                      bytes_of(&link->other, sizeof(link->other)), link->dialled,
                                      &link->handle);
    assert(added && link->handle < node->link_count);
    (void)added;
    node->links_by_handle[link->handle] = link_index;
    link->up = true;
    link->connection++;
    link->last_due_us = 0;
}

static void open_stream(struct simulation *simulation, uint32_t node, gossipsub_peer peer)
{
    gossipsub_stream_opened(simulation->nodes[node].router, milliseconds(simulation), peer,
                            GOSSIPSUB_1_2, &simulation->actions);
    network_execute(simulation, node, (struct cause){0});
}

void link_open(struct simulation *simulation, uint32_t index, uint32_t link_index)
{
    struct node *node = &simulation->nodes[index];
    struct link *link = &node->links[link_index];
    struct node *other = &simulation->nodes[link->other];
    if (link->up || node->router == NULL || other->router == NULL)
        return;
    add_peer(simulation, node, link_index);
    add_peer(simulation, other, link->reverse);
    open_stream(simulation, index, link->handle);
    open_stream(simulation, link->other, other->links[link->reverse].handle);
}

static void close_end(struct simulation *simulation, uint32_t index, struct link *link)
{
    gossipsub_peer_gone(simulation->nodes[index].router, milliseconds(simulation), link->handle,
                        &simulation->actions);
    network_execute(simulation, index, (struct cause){0});
    link->up = link->in_mesh = false;
}

static void link_close(struct simulation *simulation, uint32_t index, struct link *link)
{
    if (!link->up)
        return;
    close_end(simulation, link->other, &simulation->nodes[link->other].links[link->reverse]);
    close_end(simulation, index, link);
}

void node_start(struct simulation *simulation, uint32_t index)
{
    struct node *node = &simulation->nodes[index];
    node->router =
        gossipsub_new(&simulation->settings.parameters, random_next(&simulation->random));
    node->up_since_us = simulation->now_us;
    messages_forget(simulation, index);
    gossipsub_subscribe(node->router, milliseconds(simulation), simulation_topic,
                        &simulation->actions, NULL);
    network_execute(simulation, index, (struct cause){0});
}

/* The other ends of NODE's links hear how much waits there, as their drivers would tell them. */
static void report_unsent(struct simulation *simulation, const struct node *node, size_t unsent)
{
    for (uint32_t i = 0; i < node->link_count; i++) {
        const struct link *link = &node->links[i];
        const struct node *other = &simulation->nodes[link->other];
        struct gossipsub_progress progress = {
            .connection = link->connection, .unsent = unsent, .acknowledged = simulation->now_us};
        if (!link->up)
            continue;
        gossipsub_stream_progressed(other->router, milliseconds(simulation),
                                    other->links[link->reverse].handle, &progress,
                                    &simulation->actions);
        network_execute(simulation, link->other, (struct cause){0});
    }
}

void node_stop_reading(struct simulation *simulation, uint32_t index)
{
    struct node *node = &simulation->nodes[index];
    node->stopped_until_us = simulation->now_us + 1000 * STOPPED_MS;
    report_unsent(simulation, node, STOPPED_BYTES);
}

void node_read_on(struct simulation *simulation, uint32_t index)
{
    struct node *node = &simulation->nodes[index];
    node->stopped_until_us = 0;
    report_unsent(simulation, node, 0);
}

void node_read_slowly(struct simulation *simulation, uint32_t index)
{
    const struct node *node = &simulation->nodes[index];
    for (uint32_t i = 0; i < node->link_count; i++) {
        const struct link *link = &node->links[i];
        struct link *back = &simulation->nodes[link->other].links[link->reverse];
        if (!link->up)
            continue;
        uint64_t takes_ms =
            SLOW_MS_MIN + random_below(&simulation->random, SLOW_MS_MAX - SLOW_MS_MIN);
        back->counts = true;
        back->backlog = STOPPED_BYTES;
        back->backlog_step = STOPPED_BYTES * READ_MS / takes_ms;
        report_progress(simulation, link->other, back);
        event_queue_put(&simulation->queue,
                        (struct event){.kind = EVENT_READ,
                                       .due_us = simulation->now_us + 1000 * READ_MS,
                                       .node = index,
                                       .link = i});
    }
}

void node_read(struct simulation *simulation, uint32_t index, uint32_t link_index)
{
    const struct link *link = &simulation->nodes[index].links[link_index];
    struct link *back = &simulation->nodes[link->other].links[link->reverse];
    size_t size = back->backlog < back->backlog_step ? back->backlog : back->backlog_step;
    back->backlog -= size;
    back->read_bytes += size;
    report_progress(simulation, link->other, back);
    if (back->backlog > 0)
        event_queue_put(&simulation->queue,
                        (struct event){.kind = EVENT_READ,
                                       .due_us = simulation->now_us + 1000 * READ_MS,
                                       .node = index,
                                       .link = link_index});
}

void node_unsubscribe(struct simulation *simulation, uint32_t index)
{
    gossipsub_unsubscribe(simulation->nodes[index].router, milliseconds(simulation),
                          simulation_topic, &simulation->actions, NULL);
    network_execute(simulation, index, (struct cause){0});
}

void node_subscribe(struct simulation *simulation, uint32_t index)
{
    gossipsub_subscribe(simulation->nodes[index].router, milliseconds(simulation), simulation_topic,
                        &simulation->actions, NULL);
    network_execute(simulation, index, (struct cause){0});
}

void node_stop(struct simulation *simulation, uint32_t index)
{
    struct node *node = &simulation->nodes[index];
    for (uint32_t i = 0; i < node->link_count; i++)
        link_close(simulation, index, &node->links[i]);
    gossipsub_free(node->router);
    node->router = NULL;
}

void network_heartbeat(struct simulation *simulation, uint32_t index)
{
    struct node *node = &simulation->nodes[index];
    if (node->router != NULL) {
        gossipsub_heartbeat(node->router, milliseconds(simulation), &simulation->actions);
        network_execute(simulation, index, (struct cause){0});
    }
    event_queue_put(&simulation->queue,
                    (struct event){.kind = EVENT_HEARTBEAT,
                                   .due_us = simulation->now_us +
                                             1000 * simulation->settings.parameters.heartbeat_ms,
                                   .node = index});
}
