/*
 * What peers may say to a gossipsub router, and how slowly they may read. The input is a run of
 * steps: a byte that says who speaks and what happens, for an RPC two bytes of length and its
 * protobuf, for progress three of time, what waits and what was acknowledged. Whatever comes, the
 * mesh holds only peers that can be sent to, every RPC that goes out can be decoded, and a stream
 * that takes nothing is reset once, after a minute.
 */
#include <stdlib.h>

#include "common/varint.h"
#include "net/gossipsub/internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/rpc_whole.h"

enum { PEERS = 4, UNSENT_UNIT = 20000, ACKNOWLEDGED_UNIT = 1000, MINUTE_MS = 60000 };

static const char topic_name[] = "t";

/* A peer, and what we know of our stream to it. */
struct end {
    gossipsub_peer handle;
    struct gossipsub_progress progress;
    uint64_t moved_at; /* when it last took something, or had nothing to take */
    bool was_reset;
};

struct fuzzed {
    struct gossipsub *router;
    struct gossipsub_actions actions;
    struct arena arena;
    uint64_t now;
    struct end ends[PEERS];
    uint64_t connections;
};

static void check_reset(struct fuzzed *fuzzed, gossipsub_peer peer)
{
    for (size_t i = 0; i < PEERS; i++) {
        struct end *end = &fuzzed->ends[i];
        if (end->handle != peer)
            continue;
        require(!end->was_reset && end->progress.unsent > 0);
        require(fuzzed->now >= end->moved_at + MINUTE_MS);
        end->was_reset = true;
    }
}

static void check_actions(struct fuzzed *fuzzed)
{
    for (size_t i = 0; i < fuzzed->actions.count; i++) {
        const struct gossipsub_action *action = &fuzzed->actions.items[i];
        if (action->kind == GOSSIPSUB_RESET_STREAM)
            check_reset(fuzzed, action->peer);
        if (action->kind != GOSSIPSUB_SEND)
            continue;
        uint64_t size;
        int prefix = varint_read(chunk_bytes(action->rpc), &size);
        require(prefix > 0 && (size_t)prefix + size == action->rpc->size);
        require(router_peer(fuzzed->router, action->peer)->stream_open);
        struct bytes rpc = bytes_after(chunk_bytes(action->rpc), (size_t)prefix);
        require(action->priority == GOSSIPSUB_DATA || rpc.size <= RPC_CONTROL_SIZE_MAX);
        require(rpc_whole(rpc, &fuzzed->arena) != NULL);
    }
    gossipsub_actions_reset(&fuzzed->actions);
}

static void check_router(const struct fuzzed *fuzzed)
{
    const struct gossipsub *router = fuzzed->router;
    require(router->waiting.count == 0);
    require(backoff_count(&router->backoffs) <= BACKOFFS_MAX);
    FOR_EACH_TOPIC(router, topic)
    {
        require(router->topics[topic->handle] == topic);
        require(topic->subscribed || topic->mesh.count == 0);
        for (size_t i = 0; i < topic->mesh.count; i++) {
            const struct router_peer *peer = router_peer(router, topic->mesh.items[i]);
            require(peer != NULL && peer->stream_open && !peer->dropped && !peer->direct);
            require(handle_set_has(&topic->subscribers, peer->handle));
        }
    }
}

static void add_peer(struct fuzzed *fuzzed, size_t index)
{
    uint8_t id = (uint8_t)index;
    fuzzed->ends[index] = (struct end){.progress.connection = ++fuzzed->connections};
    require(gossipsub_peer_added(fuzzed->router, fuzzed->now, bytes_of(&id, 1), index % 2 == 0,
                                 &fuzzed->ends[index].handle));
}

static void open_stream(struct fuzzed *fuzzed, size_t index, enum gossipsub_version version)
{
    gossipsub_stream_opened(fuzzed->router, fuzzed->now, fuzzed->ends[index].handle, version,
                            &fuzzed->actions);
}

static uint8_t take_byte(struct bytes *input)
{
    if (input->size == 0)
        return 0;
    uint8_t byte = *input->data;
    *input = bytes_after(*input, 1);
    return byte;
}

/* Some time later. */
static void progress(struct fuzzed *fuzzed, struct end *end, struct bytes *input)
{
    bool waited = end->progress.unsent > 0;
    fuzzed->now += take_byte(input) * 1000;
    end->progress.unsent = (size_t)take_byte(input) * UNSENT_UNIT;
    uint64_t taken = (uint64_t)take_byte(input) * ACKNOWLEDGED_UNIT;
    end->progress.acknowledged += taken;
    if (taken > 0 || !waited)
        end->moved_at = fuzzed->now;
    gossipsub_stream_progressed(fuzzed->router, fuzzed->now, end->handle, &end->progress,
                                &fuzzed->actions);
}

static struct bytes take_rpc(struct bytes *input)
{
    size_t size = 0;
    if (input->size >= 2) {
        size = (size_t)(input->data[0] | input->data[1] << 8);
        *input = bytes_after(*input, 2);
    }
    if (size > input->size)
        size = input->size;
    struct bytes rpc = bytes_of(input->data, size);
    *input = bytes_after(*input, size);
    return rpc;
}

static void step(struct fuzzed *fuzzed, uint8_t what, struct bytes *input)
{
    struct gossipsub *router = fuzzed->router;
    struct gossipsub_actions *actions = &fuzzed->actions;
    size_t index = what % PEERS;
    gossipsub_peer peer = fuzzed->ends[index].handle;
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t receivers;
    fuzzed->now += 100;
    switch (what / PEERS % 16) {
    case 0:
        gossipsub_heartbeat(router, fuzzed->now, actions);
        break;
    case 1:
        gossipsub_stream_closed(router, fuzzed->now, peer, actions);
        break;
    case 2:
        open_stream(fuzzed, index, what % 4);
        break;
    case 3:
        gossipsub_peer_gone(router, fuzzed->now, peer, actions);
        add_peer(fuzzed, index);
        break;
    case 4:
        gossipsub_subscribe(router, fuzzed->now, topic_name, actions, NULL);
        break;
    case 5:
        gossipsub_unsubscribe(router, fuzzed->now, topic_name, actions, NULL);
        break;
    case 6:
        gossipsub_publish(router, fuzzed->now, topic_name, bytes_of(&what, 1), id, &receivers,
                          actions, NULL);
        break;
    case 7:
        gossipsub_inbound_opened(router, fuzzed->now, peer, actions);
        break;
    case 8:
        gossipsub_peer_set_direct(router, fuzzed->now, peer, what < 128, actions);
        break;
    case 15:
        progress(fuzzed, &fuzzed->ends[index], input);
        break;
    default:
        gossipsub_rpc_received(router, fuzzed->now, peer, take_rpc(input), actions);
    }
}

static void sign(void *context, struct bytes text, struct buffer *signature)
{
    (void)context;
    buffer_append(signature, text.data, text.size % 8);
}

/* Each comes up. */
static enum gossipsub_signature verify(void *context, struct bytes author, struct bytes key,
                                       struct bytes text, struct bytes signature)
{
    (void)context;
    require(author.size > 0 && text.size > 0 && signature.size > 0);
    return key.size % 4 == 3         ? GOSSIPSUB_SIGNATURE_OF_NOBODY
           : signature.size % 4 == 3 ? GOSSIPSUB_SIGNATURE_WRONG
                                     : GOSSIPSUB_SIGNATURE_RIGHT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    struct fuzzed fuzzed = {.router = gossipsub_new(&parameters, 1), .now = 1000000};
    const struct gossipsub_signing signing = {
        .author = bytes_of_text("us"), .sign = sign, .verify = verify};
    if (size % 2 != 0)
        gossipsub_set_signing(fuzzed.router, &signing);
    gossipsub_subscribe(fuzzed.router, fuzzed.now, topic_name, &fuzzed.actions, NULL);
    for (size_t i = 0; i < PEERS; i++) {
        add_peer(&fuzzed, i);
        open_stream(&fuzzed, i, GOSSIPSUB_1_2);
    }
    check_actions(&fuzzed);
    struct bytes input = bytes_of(data, size);
    while (input.size > 0) {
        uint8_t what = *input.data;
        input = bytes_after(input, 1);
        step(&fuzzed, what, &input);
        check_actions(&fuzzed);
        check_router(&fuzzed);
    }
    gossipsub_actions_clear(&fuzzed.actions);
    arena_clear(&fuzzed.arena);
    gossipsub_free(fuzzed.router);
    return 0;
}
