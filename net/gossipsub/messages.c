/* Messages met, forwarded, delivered and published. libp2p specification: gossipsub-v1.0.md,
 * "Message Processing". */
#include "net/gossipsub/internal.h"
#include "net/gossipsub/message_id.h"
#include "net/gossipsub/signing.h"

void gossipsub_set_validator(struct gossipsub *router, gossipsub_validator validator, void *context)
{
    router->validator = validator;
    router->validator_context = context;
}

void gossipsub_set_signing(struct gossipsub *router, const struct gossipsub_signing *signing)
{
    router->signing = *signing;
}

/* A message that was received or published. */
struct handled {
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    struct gossipsub_wire_id wire_id;
    struct chunk *rpc; /* NULL where it cannot be passed on */
    struct bytes data; /* within the RPC, where the message is not signed */
    uint8_t other_ids[SIGNING_OTHER_IDS][GOSSIPSUB_MESSAGE_ID_SIZE]; /* that peers may know it by */
    size_t other_id_count;
};

static struct bytes wire_id_of(const struct handled *message)
{
    return bytes_of(message->wire_id.bytes, message->wire_id.size);
}

static void remember(struct gossipsub *router, const struct topic *topic,
                     const struct handled *message)
{
    if (topic->is_signed)
        message_cache_put_called(&router->cache, message->id, wire_id_of(message), topic->handle,
                                 message->rpc);
    else
        message_cache_put(&router->cache, message->id, topic->handle, message->rpc, message->data);
}

struct bytes gossipsub_wire_id(const struct gossipsub *router,
                               const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE])
{
    return message_cache_wire_id(&router->cache, id);
}

static bool see(struct gossipsub *router, const struct handled *message)
{
    for (size_t i = 0; i < message->other_id_count; i++)
        id_set_add(&router->seen, router->now, message->other_ids[i]);
    return id_set_add(&router->seen, router->now, message->id);
}

static bool is_wanted(const struct gossipsub *router, const struct router_peer *peer,
                      const struct handled *message)
{
    for (size_t i = 0; i < message->other_id_count; i++)
        if (!router_peer_wants(router, peer, message->other_ids[i]))
            return false;
    return router_peer_wants(router, peer, message->id);
}

/* Sends one encoded message to those of PEERS that want it, FROM (or NULL) left out; how many take
 * it. */
static size_t send_to(struct gossipsub *router, const struct topic *topic,
                      const struct handle_set *peers, const struct router_peer *from,
                      const struct handled *message)
{
    size_t count = 0;
    for (size_t i = 0; i < peers->count; i++) {
        struct router_peer *peer = router->peers[peers->items[i]];
        if (peer != from && is_wanted(router, peer, message))
            count += router_send_message(router, peer, topic->handle, message->rpc);
    }
    return count;
}

/* The same for the topic's direct peers. */
static size_t send_to_direct(struct gossipsub *router, const struct topic *topic,
                             const struct router_peer *from, const struct handled *message)
{
    if (router->direct_peers.count == 0)
        return 0;
    struct handle_set subscribed = {0};
    for (size_t i = 0; i < router->direct_peers.count; i++) {
        gossipsub_peer peer = router->direct_peers.items[i];
        if (handle_set_has(&topic->subscribers, peer))
            handle_set_append(&subscribed, peer);
    }
    size_t count = send_to(router, topic, &subscribed, from, message);
    handle_set_clear(&subscribed);
    return count;
}

/* ---- received ---- */

static void pass_on(struct gossipsub *router, const struct topic *topic,
                    const struct router_peer *from, const struct handled *message, size_t size)
{
    /* The sender's encoding fitted an RPC and ours does not. */
    if (message->rpc == NULL)
        return;
    remember(router, topic, message);
    if (size >= IDONTWANT_DATA_SIZE_MIN)
        router_send_idontwant(router, topic, from, wire_id_of(message));
    send_to_direct(router, topic, from, message);
    send_to(router, topic, &topic->mesh, from, message);
}

static void deliver(struct gossipsub *router, const struct topic *topic,
                    const struct router_peer *from, const struct handled *message,
                    struct chunk *payload)
{
    struct gossipsub_action *action =
        router_emit(router, GOSSIPSUB_DELIVER, from->handle, topic->handle);
    memcpy(action->id, message->id, GOSSIPSUB_MESSAGE_ID_SIZE);
    action->wire_id = message->wire_id;
    action->payload = chunk_ref(payload);
    router->statistics.delivered++;
}

/* StrictNoSign: nothing that could say who made it. */
static bool is_anonymous(const Gossipsub__Message *message)
{
    return !message->has_from && !message->has_seqno && !message->has_signature &&
           !message->has_key;
}

static void reject(struct gossipsub *router, struct router_peer *peer, const struct topic *topic,
                   enum gossipsub_refusal why)
{
    router->statistics.invalid++;
    router->statistics.refused[why]++;
    peer->refused_messages[why]++;
    router_offend(peer, OFFENCE_REJECTED_MESSAGE);
    router_emit(router, GOSSIPSUB_REJECTED, peer->handle, topic->handle)->refusal = why;
}

/* The payload: what the data decompresses to, or the data itself. */
struct decoded {
    struct chunk *payload;
    bool valid_snappy;
};

static struct decoded decode(struct bytes data)
{
    struct chunk *payload = payload_decompress(data);
    bool valid_snappy = payload != NULL;
    return (struct decoded){valid_snappy ? payload : chunk_new(data.data, data.size), valid_snappy};
}

static enum gossipsub_verdict judge(const struct gossipsub *router, const struct topic *topic,
                                    const struct decoded *decoded)
{
    if (router->validator == NULL)
        return decoded->valid_snappy || topic->is_signed ? GOSSIPSUB_ACCEPT : GOSSIPSUB_REJECT;
    return router->validator(router->validator_context, topic->name, chunk_bytes(decoded->payload),
                             decoded->valid_snappy);
}

/* A message that is not known yet, and is its author's where it has one. */
static void handle_new(struct gossipsub *router, struct router_peer *peer,
                       const struct topic *topic, const Gossipsub__Message *protobuf,
                       struct handled *message, const struct decoded *decoded)
{
    struct bytes data = bytes_of(protobuf->data.data, protobuf->data.len);
    enum gossipsub_verdict verdict = judge(router, topic, decoded);
    if (verdict == GOSSIPSUB_REJECT)
        reject(router, peer, topic,
               decoded->valid_snappy || topic->is_signed ? GOSSIPSUB_REFUSED_OTHER
                                                         : GOSSIPSUB_REFUSED_SNAPPY);
    if (verdict != GOSSIPSUB_ACCEPT)
        return;
    message->rpc = topic->is_signed ? rpc_encode_whole(protobuf)
                                    : rpc_encode_message(topic_bytes(topic), data);
    if (message->rpc != NULL && !topic->is_signed)
        message->data = rpc_message_data(message->rpc, topic_bytes(topic), data.size);
    pass_on(router, topic, peer, message, data.size);
    deliver(router, topic, peer, message, decoded->payload);
    chunk_unref(message->rpc);
}

/* Forgers know ids beforehand: nothing is remembered of a message whose signature is wrong. */
static void handle_signed(struct gossipsub *router, struct router_peer *peer,
                          const struct topic *topic, const Gossipsub__Message *protobuf)
{
    struct handled message = {0};
    enum gossipsub_refusal why;
    if (!signing_id(protobuf, &message.wire_id, &why)) {
        reject(router, peer, topic, why);
        return;
    }
    gossipsub_message_key(wire_id_of(&message), message.id);
    if (id_set_has(&router->seen, router->now, message.id)) {
        router->statistics.duplicates++;
        return;
    }
    if (!signing_verify(&router->signing, protobuf, &why)) {
        reject(router, peer, topic, why);
        return;
    }
    const struct bytes key =
        bytes_of(protobuf->key.data, protobuf->has_key ? protobuf->key.len : 0);
    message.other_id_count = signing_other_ids(&message.wire_id, key, message.other_ids);
    see(router, &message);
    struct decoded decoded = decode(bytes_of(protobuf->data.data, protobuf->data.len));
    handle_new(router, peer, topic, protobuf, &message, &decoded);
    chunk_unref(decoded.payload);
}

static void handle_anonymous(struct gossipsub *router, struct router_peer *peer,
                             const struct topic *topic, const Gossipsub__Message *protobuf)
{
    if (!is_anonymous(protobuf)) {
        reject(router, peer, topic, GOSSIPSUB_REFUSED_SIGNED);
        return;
    }
    struct bytes data = bytes_of(protobuf->data.data, protobuf->data.len);
    const uint8_t *known = message_cache_find_data(&router->cache, topic->handle, data);
    if (known != NULL && id_set_has(&router->seen, router->now, known)) {
        router->statistics.duplicates++;
        return;
    }
    struct decoded decoded = decode(data);
    struct handled message = {.wire_id.size = GOSSIPSUB_MESSAGE_ID_SIZE};
    gossipsub_message_id(topic_bytes(topic), chunk_bytes(decoded.payload), decoded.valid_snappy,
                         message.id);
    memcpy(message.wire_id.bytes, message.id, GOSSIPSUB_MESSAGE_ID_SIZE);
    if (see(router, &message))
        handle_new(router, peer, topic, protobuf, &message, &decoded);
    else
        router->statistics.duplicates++;
    chunk_unref(decoded.payload);
}

void router_handle_message(struct gossipsub *router, struct router_peer *peer,
                           const Gossipsub__Message *message)
{
    const struct topic *topic =
        router_topic(router, bytes_of(message->topic.data, message->topic.len));
    router->statistics.messages_in++;
    if (topic == NULL || !topic->subscribed)
        return;
    if (topic->is_signed)
        handle_signed(router, peer, topic, message);
    else
        handle_anonymous(router, peer, topic, message);
}

/* ---- published ---- */

/* The mesh, with peers at random up to D while it is still being built: the first message after a
 * subscription, or in a backoff, should not wait for gossip. */
static size_t publish_to_mesh(struct gossipsub *router, const struct topic *topic,
                              const struct handled *message)
{
    size_t count = send_to(router, topic, &topic->mesh, NULL, message);
    if (topic->mesh.count >= router->parameters.d_low)
        return count;
    struct handle_set *others = router_candidates(router, topic, &topic->mesh, false);
    size_t missing = router->parameters.d - topic->mesh.count;
    if (missing < others->count) {
        random_sample(&router->random, others->items, others->count, missing);
        others->count = missing;
    }
    return count + send_to(router, topic, others, NULL, message);
}

static size_t send_published(struct gossipsub *router, struct topic *topic,
                             const struct handled *message)
{
    if (router->parameters.flood_publish)
        return send_to(router, topic, &topic->subscribers, NULL, message);
    size_t count = send_to_direct(router, topic, NULL, message);
    if (topic->subscribed)
        return count + publish_to_mesh(router, topic, message);
    return count + send_to(router, topic, router_use_fanout(router, topic), NULL, message);
}

/* By their data alone: the same twice is one. False with the error set where that was there. */
static bool make_anonymous(struct gossipsub *router, uint64_t now, const struct topic *topic,
                           struct bytes payload, struct handled *message, struct error *error)
{
    gossipsub_message_id(topic_bytes(topic), payload, true, message->id);
    if (id_set_has(&router->seen, now, message->id))
        return error_set_kind(error, ERROR_CONFLICT,
                              "publishing on %s: the same message was there less than %llu ms ago",
                              topic->name, (unsigned long long)router->parameters.seen_ttl_ms);
    struct buffer data = {0};
    payload_compress(payload, &data);
    message->rpc = rpc_encode_message(topic_bytes(topic), buffer_bytes(&data));
    if (message->rpc != NULL)
        message->data = rpc_message_data(message->rpc, topic_bytes(topic), data.size);
    buffer_clear(&data);
    return true;
}

static void make_signed(struct gossipsub *router, const struct topic *topic, struct bytes payload,
                        struct handled *message)
{
    message->rpc = signing_encode(&router->signing, topic_bytes(topic), payload, &message->wire_id);
    gossipsub_message_key(wire_id_of(message), message->id);
    message->other_id_count =
        signing_other_ids(&message->wire_id, router->signing.key, message->other_ids);
}

bool gossipsub_publish(struct gossipsub *router, uint64_t now, const char *name,
                       struct bytes payload, uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE],
                       size_t *receivers, struct gossipsub_actions *actions, struct error *error)
{
    *receivers = 0;
    if (payload.size > PAYLOAD_SIZE_MAX)
        return error_set(error, "publishing on %s: %zu bytes: must be at most %d", name,
                         payload.size, PAYLOAD_SIZE_MAX);
    struct topic *topic = router_own_topic(router, name, error);
    if (topic == NULL)
        return false;
    struct handled message = {0};
    if (topic->is_signed)
        make_signed(router, topic, payload, &message);
    else if (!make_anonymous(router, now, topic, payload, &message, error))
        return false;
    memcpy(id, message.id, GOSSIPSUB_MESSAGE_ID_SIZE);
    if (message.rpc == NULL)
        return error_set(error, "publishing on %s: %zu bytes do not fit%s an RPC of %d bytes", name,
                         payload.size, topic->is_signed ? "" : ", compressed,",
                         GOSSIPSUB_RPC_SIZE_MAX);
    router_begin(router, now, actions);
    see(router, &message);
    remember(router, topic, &message);
    *receivers = send_published(router, topic, &message);
    router->statistics.published++;
    chunk_unref(message.rpc);
    router_finish(router);
    return true;
}
