#include "net/gossipsub/internal.h"

static void send_outbox(struct gossipsub *router, struct router_peer *peer)
{
    struct rpc_writer *outbox = &peer->outbox;
    bool has_graft = outbox->has_graft;
    bool gossip_only = outbox->gossip_only;
    router_send(router, peer, 0, rpc_writer_finish(outbox),
                gossip_only ? GOSSIPSUB_GOSSIP : GOSSIPSUB_CONTROL);
    router->actions->items[router->actions->count - 1].has_graft = has_graft;
}

enum { ID_OVERHEAD = 2 }; /* a tag and a length */

/* The outbox with room for an entry of the topic and ids that take so many bytes. */
static struct rpc_writer *outbox_for(struct gossipsub *router, struct router_peer *peer,
                                     size_t topic_size, size_t ids_size)
{
    /* A tag and a length for the entry and for each of its fields, with some to spare. */
    enum { ENTRY_OVERHEAD = 32 };
    size_t entry = ENTRY_OVERHEAD + topic_size + ids_size;
    if (rpc_writer_size(&peer->outbox) + entry > RPC_CONTROL_SIZE_MAX)
        send_outbox(router, peer);
    handle_set_add(&router->waiting, peer->handle);
    return &peer->outbox;
}

void outbox_subscription(struct gossipsub *router, struct router_peer *peer,
                         const struct topic *topic, bool subscribe)
{
    struct bytes name = topic_bytes(topic);
    rpc_write_subscription(outbox_for(router, peer, name.size, 0), name, subscribe);
}

void outbox_graft(struct gossipsub *router, struct router_peer *peer, const struct topic *topic)
{
    struct bytes name = topic_bytes(topic);
    rpc_write_graft(outbox_for(router, peer, name.size, 0), name);
}

void outbox_prune(struct gossipsub *router, struct router_peer *peer, const struct topic *topic,
                  uint64_t backoff_ms)
{
    struct bytes name = topic_bytes(topic);
    uint64_t seconds = peer->version >= GOSSIPSUB_1_1 ? (backoff_ms + 999) / 1000 : 0;
    rpc_write_prune(outbox_for(router, peer, name.size, 0), name, seconds);
}

/* What the outbox does not take is shown to whoever traces RPCs. */
static void leave_out(struct gossipsub *router, struct router_peer *peer, enum gossipsub_kind kind,
                      size_t count, struct rpc_writer *writer)
{
    sending_leave_out(router, peer, kind, count, rpc_writer_finish(writer));
    rpc_writer_clear(writer);
}

/* How many of the ids go into one entry, and what they take. */
static size_t part_of(const struct bytes *ids, size_t count, size_t *size)
{
    const size_t limit = RPC_IDS_MAX * (GOSSIPSUB_MESSAGE_ID_SIZE + ID_OVERHEAD);
    size_t part = 0;
    *size = 0;
    while (part < count && *size + ids[part].size + ID_OVERHEAD <= limit)
        *size += ids[part++].size + ID_OVERHEAD;
    return part;
}

void outbox_ihave(struct gossipsub *router, struct router_peer *peer, const struct topic *topic,
                  const struct bytes *ids, size_t count)
{
    struct bytes name = topic_bytes(topic);
    bool taken = sending_takes(router, peer, GOSSIPSUB_IHAVE);
    for (size_t part, size; count > 0; ids += part, count -= part) {
        struct rpc_writer left_out = {0};
        part = part_of(ids, count, &size);
        rpc_write_ihave_of(taken ? outbox_for(router, peer, name.size, size) : &left_out, name, ids,
                           part);
        if (!taken)
            leave_out(router, peer, GOSSIPSUB_IHAVE, part, &left_out);
    }
}

void outbox_iwant(struct gossipsub *router, struct router_peer *peer, const struct bytes *ids,
                  size_t count)
{
    bool taken = sending_takes(router, peer, GOSSIPSUB_IWANT);
    for (size_t part, size; count > 0; ids += part, count -= part) {
        struct rpc_writer left_out = {0};
        part = part_of(ids, count, &size);
        rpc_write_iwant_of(taken ? outbox_for(router, peer, 0, size) : &left_out, ids, part);
        if (!taken)
            leave_out(router, peer, GOSSIPSUB_IWANT, part, &left_out);
    }
}

void outbox_drop(struct gossipsub *router, struct router_peer *peer)
{
    rpc_writer_clear(&peer->outbox);
    handle_set_remove(&router->waiting, peer->handle);
}

void outboxes_send(struct gossipsub *router)
{
    for (size_t i = 0; i < router->waiting.count; i++) {
        struct router_peer *peer = router_peer(router, router->waiting.items[i]);
        if (peer->told.any_unsaid && !sending_fills(router, peer))
            told_write(router, peer);
        if (rpc_writer_size(&peer->outbox) > 0)
            send_outbox(router, peer);
    }
    router->waiting.count = 0;
}
