#include "tests/unit/gossip_network.h"

#include <stdlib.h>

#include "common/memory.h"
#include "common/varint.h"

#include "tests/unit/support.h"

struct transit {
    uint64_t due;
    size_t from, to;
    struct chunk *rpc;
};

struct delivery {
    size_t node;
    struct chunk *payload;
};

struct link {
    bool up;
    gossipsub_peer peer; /* the other's handle */
};

struct network {
    uint64_t now, latency, heartbeat, digest;
    size_t count;
    struct gossipsub *routers[NETWORK_NODES_MAX];
    struct link links[NETWORK_NODES_MAX][NETWORK_NODES_MAX];
    struct transit *transits; /* a queue: the latency is the same everywhere */
    size_t first_transit, transit_count;
    struct delivery *deliveries;
    size_t delivery_count;
    struct gossipsub_actions actions;
};

struct network *network_new(size_t nodes, const struct gossipsub_parameters *parameters,
                            uint64_t seed, uint64_t latency_ms)
{
    assert_true(nodes <= NETWORK_NODES_MAX);
    struct network *network = memory_new(sizeof(*network));
    network->count = nodes;
    network->latency = latency_ms;
    network->heartbeat = parameters->heartbeat_ms;
    for (size_t i = 0; i < nodes; i++)
        network->routers[i] = gossipsub_new(parameters, seed + i);
    return network;
}

void network_free(struct network *network)
{
    for (size_t i = 0; i < network->count; i++)
        gossipsub_free(network->routers[i]);
    for (size_t i = network->first_transit; i < network->transit_count; i++)
        chunk_unref(network->transits[i].rpc);
    for (size_t i = 0; i < network->delivery_count; i++)
        chunk_unref(network->deliveries[i].payload);
    gossipsub_actions_clear(&network->actions);
    free(network->transits);
    free(network->deliveries);
    free(network);
}

static size_t node_of(const struct network *network, size_t node, gossipsub_peer peer)
{
    for (size_t i = 0; i < network->count; i++)
        if (network->links[node][i].up && network->links[node][i].peer == peer)
            return i;
    fail_msg("node %zu has no peer %u", node, peer);
    return 0;
}

/* FNV-1a. */
static void digest(struct network *network, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        network->digest = (network->digest ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
}

static void execute(struct network *network, size_t node)
{
    for (size_t i = 0; i < network->actions.count; i++) {
        struct gossipsub_action *action = &network->actions.items[i];
        digest(network, &action->kind, sizeof(action->kind));
        digest(network, &action->peer, sizeof(action->peer));
        if (action->kind == GOSSIPSUB_SEND) {
            digest(network, action->rpc->data, action->rpc->size);
            network->transits = memory_resize(network->transits, (network->transit_count + 1) *
                                                                     sizeof(*network->transits));
            network->transits[network->transit_count++] =
                (struct transit){network->now + network->latency, node,
                                 node_of(network, node, action->peer), chunk_ref(action->rpc)};
        } else if (action->kind == GOSSIPSUB_DELIVER) {
            network->deliveries = memory_resize(
                network->deliveries, (network->delivery_count + 1) * sizeof(*network->deliveries));
            network->deliveries[network->delivery_count++] =
                (struct delivery){node, chunk_ref(action->payload)};
        } else {
            assert_int_not_equal(action->kind, GOSSIPSUB_DROP_PEER);
        }
    }
    gossipsub_actions_reset(&network->actions);
}

static void add_peer(struct network *network, size_t node, size_t other, bool outbound)
{
    uint32_t id = (uint32_t)other;
    struct link *link = &network->links[node][other];
    link->up = true;
    assert_true(gossipsub_peer_added(network->routers[node], network->now,
                                     bytes_of(&id, sizeof(id)), outbound, &link->peer));
}

void network_link(struct network *network, size_t a, size_t b, enum gossipsub_version version)
{
    add_peer(network, a, b, true);
    add_peer(network, b, a, false);
    gossipsub_stream_opened(network->routers[a], network->now, network->links[a][b].peer, version,
                            &network->actions);
    execute(network, a);
    gossipsub_stream_opened(network->routers[b], network->now, network->links[b][a].peer, version,
                            &network->actions);
    execute(network, b);
}

void network_link_all(struct network *network, enum gossipsub_version version)
{
    for (size_t a = 0; a < network->count; a++)
        for (size_t b = a + 1; b < network->count; b++)
            network_link(network, a, b, version);
}

static void remove_peer(struct network *network, size_t node, size_t other)
{
    gossipsub_peer_gone(network->routers[node], network->now, network->links[node][other].peer,
                        &network->actions);
    execute(network, node);
    network->links[node][other].up = false;
}

void network_unlink(struct network *network, size_t a, size_t b)
{
    remove_peer(network, a, b);
    remove_peer(network, b, a);
}

void network_subscribe(struct network *network, size_t node, const char *topic)
{
    assert_true(
        gossipsub_subscribe(network->routers[node], network->now, topic, &network->actions, NULL));
    execute(network, node);
}

void network_unsubscribe(struct network *network, size_t node, const char *topic)
{
    assert_true(gossipsub_unsubscribe(network->routers[node], network->now, topic,
                                      &network->actions, NULL));
    execute(network, node);
}

size_t network_publish(struct network *network, size_t node, const char *topic,
                       struct bytes payload)
{
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t receivers;
    assert_true(gossipsub_publish(network->routers[node], network->now, topic, payload, id,
                                  &receivers, &network->actions, NULL));
    execute(network, node);
    return receivers;
}

static void arrive(struct network *network, const struct transit *transit)
{
    uint64_t size;
    int prefix = varint_read(chunk_bytes(transit->rpc), &size);
    assert_true(prefix > 0);
    assert_int_equal((size_t)prefix + size, transit->rpc->size);
    gossipsub_rpc_received(network->routers[transit->to], network->now,
                           network->links[transit->to][transit->from].peer,
                           bytes_after(chunk_bytes(transit->rpc), (size_t)prefix),
                           &network->actions);
    execute(network, transit->to);
}

static void arrive_due(struct network *network)
{
    while (network->first_transit < network->transit_count &&
           network->transits[network->first_transit].due <= network->now) {
        struct transit transit = network->transits[network->first_transit++];
        if (network->links[transit.from][transit.to].up)
            arrive(network, &transit);
        chunk_unref(transit.rpc);
    }
}

void network_run(struct network *network, uint64_t ms)
{
    for (uint64_t end = network->now + ms; network->now < end;) {
        network->now++;
        arrive_due(network);
        if (network->now % network->heartbeat != 0)
            continue;
        for (size_t i = 0; i < network->count; i++) {
            gossipsub_heartbeat(network->routers[i], network->now, &network->actions);
            execute(network, i);
        }
    }
}

uint64_t network_now(const struct network *network)
{
    return network->now;
}

struct gossipsub *network_router(struct network *network, size_t node)
{
    return network->routers[node];
}

gossipsub_peer network_peer(const struct network *network, size_t a, size_t b)
{
    return network->links[a][b].peer;
}

bool network_in_mesh(const struct network *network, size_t a, size_t b, const char *name)
{
    gossipsub_topic topic;
    return network->links[a][b].up && gossipsub_topic_find(network->routers[a], name, &topic) &&
           gossipsub_in_mesh(network->routers[a], network->links[a][b].peer, topic);
}

size_t network_mesh_size(const struct network *network, size_t node, const char *topic)
{
    size_t size = 0;
    for (size_t i = 0; i < network->count; i++)
        size += network_in_mesh(network, node, i, topic);
    return size;
}

size_t network_deliveries(const struct network *network, size_t node, struct bytes payload)
{
    size_t count = 0;
    for (size_t i = 0; i < network->delivery_count; i++)
        count += network->deliveries[i].node == node &&
                 bytes_equal(chunk_bytes(network->deliveries[i].payload), payload);
    return count;
}

uint64_t network_digest(const struct network *network)
{
    return network->digest;
}
