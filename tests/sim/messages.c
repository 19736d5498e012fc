#include <stdlib.h>

#include "common/memory.h"
#include "tests/sim/simulation.h"

const char simulation_topic[] = "/leanconsensus/12345678/block/ssz_snappy";

/* The message's number, and bytes that do not compress. */
static void fill(struct simulation *simulation, uint32_t message, uint8_t *payload, size_t size)
{
    memcpy(payload, &message, sizeof(message));
    for (size_t i = sizeof(message); i < size; i++)
        payload[i] = (uint8_t)random_next(&simulation->random);
}

/* Who leaves takes along what has not reached anybody: its message would have died with it. */
static bool may_publish(const struct simulation *simulation, const struct node *node)
{
    const struct settings *settings = &simulation->settings;
    uint64_t arrived_us = simulation->now_us + 1000 * (settings->latency_ms + settings->jitter_ms);
    return node->router != NULL &&
           (node->leaves_us < simulation->now_us || node->leaves_us > arrived_us);
}

static uint32_t choose_publisher(struct simulation *simulation)
{
    for (;;) {
        uint32_t node = (uint32_t)random_below(&simulation->random, simulation->settings.nodes);
        if (may_publish(simulation, &simulation->nodes[node]))
            return node;
    }
}

void message_publish(struct simulation *simulation, uint32_t index)
{
    struct message *message = &simulation->messages[index];
    message->publisher = choose_publisher(simulation);
    message->published_us = simulation->now_us;
    message->receipts = memory_new(simulation->settings.nodes * sizeof(*message->receipts));
    message->receipts[message->publisher].there = true;
    size_t size = simulation->settings.size, receivers;
    uint8_t *payload = memory_new(size), id[GOSSIPSUB_MESSAGE_ID_SIZE];
    fill(simulation, index, payload, size);
    gossipsub_publish(simulation->nodes[message->publisher].router, simulation->now_us / 1000,
                      simulation_topic, bytes_of(payload, size), id, &receivers,
                      &simulation->actions, NULL);
    free(payload);
    network_execute(simulation, message->publisher, (struct cause){.message = true});
}

void message_delivered(struct simulation *simulation, uint32_t node, struct bytes payload,
                       struct cause cause)
{
    uint32_t index;
    memcpy(&index, payload.data, sizeof(index));
    struct message *message = &simulation->messages[index];
    struct figures *figures = &simulation->figures;
    (cause.by_iwant ? &figures->by_iwant : &figures->by_mesh)->first++;
    if (message->receipts == NULL)
        return;
    struct receipt *receipt = &message->receipts[node];
    uint8_t hops = message->receipts[cause.from].hops;
    figures->delivered_twice += receipt->there;
    *receipt = (struct receipt){.there = true,
                                .by_iwant = cause.by_iwant,
                                .hops = hops < HOPS_MAX ? hops + 1 : HOPS_MAX,
                                .delay_us = (uint32_t)(simulation->now_us - message->published_us)};
}

void messages_forget(struct simulation *simulation, uint32_t node)
{
    for (uint64_t i = 0; i < simulation->settings.messages; i++)
        if (simulation->messages[i].receipts != NULL)
            simulation->messages[i].receipts[node] = (struct receipt){0};
}

static void count_receipt(struct figures *figures, const struct receipt *receipt)
{
    figures->expected++;
    if (!receipt->there)
        return;
    figures->delivered++;
    figures->recovered += receipt->by_iwant;
    figures->hops[receipt->hops]++;
    figures->delays[receipt->delay_us / 1000]++;
}

void message_close(struct simulation *simulation, uint32_t index)
{
    struct message *message = &simulation->messages[index];
    struct figures *figures = &simulation->figures;
    uint64_t missing = figures->expected - figures->delivered;
    for (uint32_t i = 0; i < simulation->settings.nodes; i++) {
        const struct node *node = &simulation->nodes[i];
        if (node->router != NULL && node->up_since_us < message->published_us &&
            i != message->publisher)
            count_receipt(figures, &message->receipts[i]);
    }
    figures->complete += figures->expected - figures->delivered == missing;
    free(message->receipts);
    message->receipts = NULL;
}
