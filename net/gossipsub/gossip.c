/* Messages offered, asked for and declined by their ids. libp2p specification: gossipsub-v1.0.md,
 * "Gossip Emission"; v1.2.md, "IDONTWANT". */
#include "net/gossipsub/internal.h"

#include "common/memory.h"
#include "net/gossipsub/message_id.h"

enum { ID_SIZE_MAX = 1024 }; /* of a key and a number, as js-libp2p has them */

/* Lean's ids have one size; of another is an id only where messages are signed. False where it can
 * be no message's. */
static bool read_id(const struct gossipsub *router, const ProtobufCBinaryData *wire_id,
                    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE])
{
    bool is_lean = wire_id->len == GOSSIPSUB_MESSAGE_ID_SIZE;
    bool may_be = router->signing.verify != NULL && wire_id->len <= ID_SIZE_MAX;
    if (is_lean || may_be)
        gossipsub_message_key(bytes_of(wire_id->data, wire_id->len), id);
    return is_lean || may_be;
}

/* ---- what we hear ---- */

/*
 * Who does not keep promises is asked, but keeps nobody else from being asked; no more does who is
 * not asked after all. False where the peer itself was asked lately.
 */
static bool note_asked(struct gossipsub *router, struct router_peer *peer, const uint8_t *id)
{
    bool counts = !peer->broke_promise && sending_takes(router, peer, GOSSIPSUB_IWANT);
    return id_set_add(counts ? &router->asked : &peer->asked_all_the_same, router->now, id);
}

/* Appends views (struct bytes) of the offered ids that we have not met and did not ask another peer
 * for lately. */
static void choose_wanted(struct gossipsub *router, struct router_peer *peer,
                          const Gossipsub__ControlIHave *ihave, struct buffer *wanted)
{
    const struct topic *topic = router_topic(router, bytes_of(ihave->topic.data, ihave->topic.len));
    if (topic == NULL || !topic->subscribed)
        return;
    for (size_t i = 0; i < ihave->n_message_ids; i++) {
        if (peer->ihave_ids >= IHAVE_IDS_PER_HEARTBEAT_MAX) {
            router_offend(peer, ihave->n_message_ids - i);
            return;
        }
        peer->ihave_ids++;
        const ProtobufCBinaryData *wire_id = &ihave->message_ids[i];
        uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
        if (!read_id(router, wire_id, id) || id_set_has(&router->seen, router->now, id) ||
            id_set_has(&router->asked, router->now, id) || !note_asked(router, peer, id))
            continue;
        const struct bytes view = bytes_of(wire_id->data, wire_id->len);
        buffer_append(wanted, &view, sizeof(view));
    }
}

static size_t count_offered(const Gossipsub__ControlMessage *control)
{
    size_t count = 0;
    for (size_t i = 0; i < control->n_ihave; i++)
        count += control->ihave[i]->n_message_ids;
    return count;
}

static void note_promise(struct gossipsub *router, struct router_peer *peer,
                         const struct bytes *ids, size_t count)
{
    if (peer->promise_due > 0)
        return;
    peer->promise_due = router->now + IWANT_FOLLOWUP_HEARTBEATS * router->parameters.heartbeat_ms;
    gossipsub_message_key(ids[random_below(&router->random, count)], peer->promised_id);
}

void router_check_promise(struct gossipsub *router, struct router_peer *peer)
{
    if (peer->promise_due == 0 || router->now < peer->promise_due)
        return;
    peer->promise_due = 0;
    peer->broke_promise = !id_set_has(&router->seen, router->now, peer->promised_id);
}

static void handle_ihave(struct gossipsub *router, struct router_peer *peer,
                         const Gossipsub__ControlMessage *control)
{
    if (control->n_ihave == 0)
        return;
    struct gossipsub_rpc *rpc = router->rpc;
    if (rpc->ihave == IHAVE_NONE)
        rpc->ihave =
            peer->ihave_rpcs++ < IHAVE_RPCS_PER_HEARTBEAT_MAX ? IHAVE_TAKEN : IHAVE_REFUSED;
    if (rpc->ihave == IHAVE_REFUSED) {
        router_offend(peer, count_offered(control));
        return;
    }
    struct buffer wanted = {0};
    for (size_t i = 0; i < control->n_ihave; i++)
        choose_wanted(router, peer, control->ihave[i], &wanted);
    const struct bytes *ids = (const struct bytes *)(const void *)wanted.data;
    size_t count = wanted.size / sizeof(*ids);
    if (count > 0 && sending_takes(router, peer, GOSSIPSUB_IWANT))
        note_promise(router, peer, ids, count);
    outbox_iwant(router, peer, ids, count);
    buffer_clear(&wanted);
}

static void serve_iwant(struct gossipsub *router, struct router_peer *peer,
                        const Gossipsub__ControlIWant *iwant)
{
    for (size_t i = 0; i < iwant->n_message_ids; i++) {
        if (peer->iwant_ids >= IWANT_IDS_PER_HEARTBEAT_MAX) {
            router_offend(peer, iwant->n_message_ids - i);
            return;
        }
        peer->iwant_ids++;
        uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
        if (!read_id(router, &iwant->message_ids[i], id) ||
            id_set_has(&peer->not_wanted, router->now, id))
            continue;
        struct chunk *rpc = message_cache_serve(&router->cache, id, peer->serial);
        if (rpc != NULL)
            router_send_message(router, peer, 0, rpc);
    }
}

static void note_idontwant(struct gossipsub *router, struct router_peer *peer,
                           const Gossipsub__ControlIDontWant *idontwant)
{
    for (size_t i = 0; i < idontwant->n_message_ids; i++) {
        if (peer->idontwant_ids >= IDONTWANT_IDS_PER_HEARTBEAT_MAX) {
            router_offend(peer, idontwant->n_message_ids - i);
            return;
        }
        peer->idontwant_ids++;
        uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
        if (read_id(router, &idontwant->message_ids[i], id))
            id_set_add(&peer->not_wanted, router->now, id);
    }
}

void router_handle_gossip(struct gossipsub *router, struct router_peer *peer,
                          const Gossipsub__ControlMessage *control)
{
    for (size_t i = 0; i < control->n_idontwant; i++)
        note_idontwant(router, peer, control->idontwant[i]);
    if (!peer->stream_open)
        return; /* the rest could not be answered */
    handle_ihave(router, peer, control);
    for (size_t i = 0; i < control->n_iwant; i++)
        serve_iwant(router, peer, control->iwant[i]);
}

/* ---- what we say ---- */

/* As many as are cached, for what is offered comes from there; how many. */
static size_t make_room_for_ids(struct gossipsub *router)
{
    size_t count = message_cache_count(&router->cache);
    if (count > IHAVE_IDS_SENT_MAX)
        count = IHAVE_IDS_SENT_MAX;
    if (count > router->gossip_ids_room) {
        router->gossip_ids = memory_resize(router->gossip_ids, count * sizeof(*router->gossip_ids));
        router->gossip_ids_room = count;
    }
    return count;
}

void router_send_gossip(struct gossipsub *router, struct topic *topic)
{
    size_t limit = make_room_for_ids(router);
    struct bytes *ids = router->gossip_ids;
    size_t count = message_cache_list(&router->cache, topic->handle,
                                      router->parameters.history_gossip, ids, limit);
    if (count == 0)
        return;
    const struct handle_set *except = topic->subscribed ? &topic->mesh : &topic->fanout;
    struct handle_set *candidates = router_candidates(router, topic, except, false);
    size_t take = candidates->count * router->parameters.gossip_percent / 100;
    if (take < router->parameters.d_lazy)
        take = router->parameters.d_lazy;
    if (take > candidates->count)
        take = candidates->count;
    random_sample(&router->random, candidates->items, candidates->count, take);
    for (size_t i = 0; i < take; i++)
        outbox_ihave(router, router->peers[candidates->items[i]], topic, ids, count);
}

void router_send_idontwant(struct gossipsub *router, const struct topic *topic,
                           const struct router_peer *from, struct bytes wire_id)
{
    struct rpc_writer writer = {0};
    rpc_write_idontwant_of(&writer, &wire_id, 1);
    struct chunk *rpc = rpc_writer_finish(&writer);
    for (size_t i = 0; i < topic->mesh.count; i++) {
        struct router_peer *peer = router->peers[topic->mesh.items[i]];
        if (peer == from || peer->version < GOSSIPSUB_1_2)
            continue;
        if (sending_takes(router, peer, GOSSIPSUB_IDONTWANT))
            router_send(router, peer, topic->handle, chunk_ref(rpc), GOSSIPSUB_GOSSIP);
        else
            sending_leave_out(router, peer, GOSSIPSUB_IDONTWANT, 1, chunk_ref(rpc));
    }
    chunk_unref(rpc);
    rpc_writer_clear(&writer);
}
