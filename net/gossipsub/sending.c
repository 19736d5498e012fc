/*
 * What goes to a peer that reads slowly: what waits for it, and what is left out. Its stream is
 * filled with a little in advance. Behind that, control waits unwritten (told.c), and comes first
 * when there is room; messages wait in a queue. Gossip never waits: it would be of no use later.
 */
#include "net/gossipsub/internal.h"

#include <stdlib.h>

#include "common/memory.h"

/* ---- how much is on its way ---- */

/* Bytes of its stream, those of this event among them that the caller has yet to write. */
static size_t in_stream(const struct gossipsub *router, const struct router_peer *peer)
{
    return peer->unsent + (peer->sent_in == router->event ? peer->sent : 0);
}

static size_t load_of(const struct gossipsub *router, const struct router_peer *peer)
{
    return in_stream(router, peer) + peer->queue.bytes;
}

bool sending_fills(const struct gossipsub *router, const struct router_peer *peer)
{
    return in_stream(router, peer) > SEND_STREAM_MAX;
}

bool sending_takes(const struct gossipsub *router, const struct router_peer *peer,
                   enum gossipsub_kind kind)
{
    static const size_t limits[] = {[GOSSIPSUB_IHAVE] = SEND_IHAVE_MAX,
                                    [GOSSIPSUB_IWANT] = SEND_IWANT_MAX,
                                    [GOSSIPSUB_IDONTWANT] = SEND_IWANT_MAX};
    return load_of(router, peer) <= limits[kind];
}

/* ---- what is left out ---- */

void sending_leave_out(struct gossipsub *router, struct router_peer *peer, enum gossipsub_kind kind,
                       size_t count, struct chunk *rpc)
{
    peer->left_out.counts[kind] += count;
    router->statistics.left_out.counts[kind] += count;
    router_emit(router, GOSSIPSUB_LEFT_OUT, peer->handle, 0)->rpc = rpc;
}

/* ---- what is sent ---- */

void router_send(struct gossipsub *router, struct router_peer *peer, gossipsub_topic topic,
                 struct chunk *rpc, enum gossipsub_priority priority)
{
    struct gossipsub_action *action = router_emit(router, GOSSIPSUB_SEND, peer->handle, topic);
    action->priority = priority;
    action->rpc = rpc;
    router->statistics.rpcs_out++;
    if (priority == GOSSIPSUB_DATA)
        router->statistics.messages_out++;
    if (peer->sent_in != router->event)
        peer->sent = 0;
    peer->sent_in = router->event;
    peer->sent += rpc->size;
}

static void enqueue(struct send_queue *queue, gossipsub_topic topic, struct chunk *rpc)
{
    if (queue->first + queue->count == queue->capacity) {
        if (queue->first < queue->count || queue->capacity == 0) {
            queue->capacity = queue->capacity > 0 ? 2 * queue->capacity : 16;
            queue->items = memory_resize(queue->items, queue->capacity * sizeof(*queue->items));
        }
        if (queue->first > 0)
            memmove(queue->items, queue->items + queue->first,
                    queue->count * sizeof(*queue->items));
        queue->first = 0;
    }
    queue->items[queue->first + queue->count++] = (struct queued_rpc){rpc, topic};
    queue->bytes += rpc->size;
}

/* The oldest, with its reference. */
static struct queued_rpc dequeue(struct send_queue *queue)
{
    struct queued_rpc oldest = queue->items[queue->first++];
    queue->bytes -= oldest.rpc->size;
    if (--queue->count == 0)
        queue->first = 0;
    return oldest;
}

/* Who takes some, and be it slowly, does not feel that others have left no room. */
static size_t messages_max(const struct gossipsub *router, const struct router_peer *peer)
{
    bool stands = peer->unsent > 0 && router->now >= peer->moved_at + SEND_STANDS_MS;
    return stands ? router->unsent_max : SEND_MESSAGES_MAX;
}

bool router_send_message(struct gossipsub *router, struct router_peer *peer, gossipsub_topic topic,
                         struct chunk *rpc)
{
    if (peer->queue.count == 0 && !sending_fills(router, peer)) {
        router_send(router, peer, topic, chunk_ref(rpc), GOSSIPSUB_DATA);
        return true;
    }
    if (load_of(router, peer) + rpc->size > messages_max(router, peer)) {
        sending_leave_out(router, peer, GOSSIPSUB_MESSAGES, 1, chunk_ref(rpc));
        return false;
    }
    enqueue(&peer->queue, topic, chunk_ref(rpc));
    return true;
}

void sending_drop(struct router_peer *peer)
{
    while (peer->queue.count > 0)
        chunk_unref(dequeue(&peer->queue).rpc);
    peer->unsent = peer->sent = 0;
}

void sending_clear(struct router_peer *peer)
{
    sending_drop(peer);
    free(peer->queue.items);
}

/* ---- the stream takes some, or does not ---- */

static bool anything_waits(const struct router_peer *peer)
{
    return peer->stream_open && (peer->told.any_unsaid || peer->queue.count > 0);
}

static void resume(struct gossipsub *router, struct router_peer *peer)
{
    if (peer->told.any_unsaid)
        handle_set_add(&router->waiting, peer->handle);
    outboxes_send(router);
    while (peer->queue.count > 0 && !sending_fills(router, peer)) {
        struct queued_rpc oldest = dequeue(&peer->queue);
        router_send(router, peer, oldest.topic, oldest.rpc, GOSSIPSUB_DATA);
    }
}

void gossipsub_limit_unsent(struct gossipsub *router, size_t bytes)
{
    router->unsent_max = bytes < SEND_MESSAGES_MAX ? bytes : SEND_MESSAGES_MAX;
}

void gossipsub_stream_progressed(struct gossipsub *router, uint64_t now, gossipsub_peer handle,
                                 const struct gossipsub_progress *progress,
                                 struct gossipsub_actions *actions)
{
    struct router_peer *peer = router_peer(router, handle);
    if (peer == NULL)
        return;
    if (progress->acknowledged != peer->acknowledged || peer->unsent == 0)
        peer->moved_at = now;
    peer->acknowledged = progress->acknowledged;
    peer->connection = progress->connection;
    peer->unsent = progress->unsent;
    peer->sent = 0;
    if (!anything_waits(peer) || sending_fills(router, peer))
        return;
    router_begin(router, now, actions);
    resume(router, peer);
    router_finish(router);
}

void sending_maintain(struct gossipsub *router, struct router_peer *peer)
{
    if (anything_waits(peer) && !sending_fills(router, peer))
        resume(router, peer);
    if (!peer->stream_open || peer->unsent == 0 || router->now < peer->moved_at + SEND_STALLED_MS ||
        peer->reset_on == peer->connection)
        return;
    peer->reset_on = peer->connection;
    router->statistics.streams_stalled++;
    router_emit(router, GOSSIPSUB_RESET_STREAM, peer->handle, 0);
}
