/*
 * The routing of messages alone, to be counted by callgrind: a router with eight peers in its mesh
 * takes MESSAGES of SIZE bytes from one of them and forwards each to the others. `route` is the
 * function to collect in.
 *
 * gossip_route SIZE MESSAGES
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/gossipsub/payload.h"
#include "net/gossipsub/router.h"
#include "net/gossipsub/rpc.h"

enum { PEERS = 8 };

static const char topic[] = "/leanconsensus/12345678/block/ssz_snappy";

/* 1 { subscribe: true, topic } and a GRAFT, as a peer sends them: small enough to write by hand. */
static struct bytes greeting(uint8_t *rpc)
{
    uint8_t size = sizeof(topic) - 1;
    uint8_t *at = rpc;
    *at++ = 0x0a; /* subscriptions */
    *at++ = (uint8_t)(size + 4);
    *at++ = 0x08;
    *at++ = 1;
    *at++ = 0x12;
    *at++ = size;
    memcpy(at, topic, size);
    at += size;
    *at++ = 0x1a; /* control { graft { topic } } */
    *at++ = (uint8_t)(size + 4);
    *at++ = 0x1a;
    *at++ = (uint8_t)(size + 2);
    *at++ = 0x0a;
    *at++ = size;
    memcpy(at, topic, size);
    at += size;
    return bytes_of(rpc, (size_t)(at - rpc));
}

/* What arrives: the RPC without its length. */
static struct chunk *message(const uint8_t *payload, size_t size)
{
    struct buffer data = {0};
    payload_compress(bytes_of(payload, size), &data);
    struct chunk *rpc = rpc_encode_message(bytes_of_text(topic), buffer_bytes(&data));
    buffer_clear(&data);
    return rpc;
}

static size_t prefix_size(const struct chunk *rpc)
{
    size_t size = 1;
    while ((rpc->data[size - 1] & 0x80) != 0)
        size++;
    return size;
}

__attribute__((noinline)) static size_t route(struct gossipsub *router, gossipsub_peer from,
                                              struct chunk **rpcs, size_t count,
                                              struct gossipsub_actions *actions)
{
    size_t sent = 0;
    for (size_t i = 0; i < count; i++) {
        struct bytes rpc = bytes_after(chunk_bytes(rpcs[i]), prefix_size(rpcs[i]));
        gossipsub_rpc_received(router, 1000, from, rpc, actions);
        for (size_t k = 0; k < actions->count; k++)
            sent += actions->items[k].kind == GOSSIPSUB_SEND;
        gossipsub_actions_reset(actions);
    }
    return sent;
}

static struct gossipsub *meshed_router(struct gossipsub_actions *actions, gossipsub_peer *sender)
{
    struct gossipsub_parameters parameters;
    struct error error;
    gossipsub_parameters_default(&parameters);
    struct gossipsub *router = gossipsub_new(&parameters, 1);
    gossipsub_subscribe(router, 0, topic, actions, &error);
    for (size_t i = 0; i < PEERS; i++) {
        uint8_t id = (uint8_t)i;
        uint8_t rpc[256];
        gossipsub_peer_added(router, 0, bytes_of(&id, 1), true, sender);
        gossipsub_stream_opened(router, 0, *sender, GOSSIPSUB_1_1, actions);
        gossipsub_rpc_received(router, 0, *sender, greeting(rpc), actions);
    }
    gossipsub_actions_reset(actions);
    return router;
}

int main(int argc, char **argv)
{
    size_t size = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (size < sizeof(size_t) || count == 0) {
        fputs("usage: gossip_route SIZE MESSAGES\n", stderr);
        return 2;
    }
    struct gossipsub_actions actions = {0};
    gossipsub_peer sender;
    struct gossipsub *router = meshed_router(&actions, &sender);
    struct chunk **rpcs = memory_new(count * sizeof(struct chunk *));
    uint8_t *payload = memory_new(size);
    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t)(random() >> 8);
    for (size_t i = 0; i < count; i++) {
        memcpy(payload, &i, sizeof(i));
        rpcs[i] = message(payload, size);
    }
    size_t sent = route(router, sender, rpcs, count, &actions);
    printf("%zu\n", sent);
    for (size_t i = 0; i < count; i++)
        chunk_unref(rpcs[i]);
    free(rpcs);
    free(payload);
    gossipsub_actions_clear(&actions);
    gossipsub_free(router);
    return sent == count * (PEERS - 1) ? 0 : 1;
}
