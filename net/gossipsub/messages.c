/* Messages met, forwarded, delivered and published. libp2p specification: gossipsub-v1.0.md,
 * "Message Processing". */
#include "net/gossipsub/internal.h"
#include "net/gossipsub/message_id.h"

static enum gossipsub_verdict accept_snappy(void *context, const char *topic, struct bytes payload,
                                            bool valid_snappy)
{
    (void)context;
    (void)topic;
    (void)payload;
    return valid_snappy ? GOSSIPSUB_ACCEPT : GOSSIPSUB_REJECT;
}

void gossipsub_set_validator(struct gossipsub *router, gossipsub_validator validator, void *context)
{
    router->validator = validator != NULL ? validator : accept_snappy;
    router->validator_context = context;
}

/* Sends one encoded message to those of PEERS that want it, FROM (or NULL) left out; how many take
 * it. */
static size_t send_to(struct gossipsub *router, const struct topic *topic,
                      const struct handle_set *peers, const struct router_peer *from,
                      const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE], struct chunk *rpc)
{
    size_t count = 0;
    for (size_t i = 0; i < peers->count; i++) {
        struct router_peer *peer = router->peers[peers->items[i]];
        if (peer != from && router_peer_wants(router, peer, id))
            count += router_send_message(router, peer, topic->handle, rpc);
    }
    return count;
}

/* The same for the topic's direct peers. */
static size_t send_to_direct(struct gossipsub *router, const struct topic *topic,
                             const struct router_peer *from,
                             const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE], struct chunk *rpc)
{
    if (router->direct_peers.count == 0)
        return 0;
    struct handle_set subscribed = {0};
    for (size_t i = 0; i < router->direct_peers.count; i++) {
        gossipsub_peer peer = router->direct_peers.items[i];
        if (handle_set_has(&topic->subscribers, peer))
            handle_set_append(&subscribed, peer);
    }
    size_t count = send_to(router, topic, &subscribed, from, id, rpc);
    handle_set_clear(&subscribed);
    return count;
}

/* ---- received ---- */

static void pass_on(struct gossipsub *router, const struct topic *topic,
                    const struct router_peer *from, const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE],
                    struct bytes data)
{
    /* NULL where the sender's encoding fitted an RPC and ours does not: cannot be passed on. */
    struct chunk *rpc = rpc_encode_message(topic_bytes(topic), data);
    if (rpc == NULL)
        return;
    message_cache_put(&router->cache, id, topic->handle, rpc,
                      rpc_message_data(rpc, topic_bytes(topic), data.size));
    if (data.size >= IDONTWANT_DATA_SIZE_MIN)
        router_send_idontwant(router, topic, from, id);
    send_to_direct(router, topic, from, id, rpc);
    send_to(router, topic, &topic->mesh, from, id, rpc);
    chunk_unref(rpc);
}

static void deliver(struct gossipsub *router, const struct topic *topic,
                    const struct router_peer *from, const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE],
                    struct chunk *payload)
{
    struct gossipsub_action *action =
        router_emit(router, GOSSIPSUB_DELIVER, from->handle, topic->handle);
    memcpy(action->id, id, GOSSIPSUB_MESSAGE_ID_SIZE);
    action->payload = chunk_ref(payload);
    router->statistics.delivered++;
}

/* StrictNoSign: nothing that could say who made it. */
static bool is_anonymous(const Gossipsub__Message *message)
{
    return !message->has_from && !message->has_seqno && !message->has_signature &&
           !message->has_key;
}

static void reject(struct gossipsub *router, struct router_peer *peer, enum gossipsub_refusal why)
{
    router->statistics.invalid++;
    router->statistics.refused[why]++;
    peer->refused_messages[why]++;
    router_offend(peer, OFFENCE_REJECTED_MESSAGE);
}

void router_handle_message(struct gossipsub *router, struct router_peer *peer,
                           const Gossipsub__Message *message)
{
    const struct topic *topic =
        router_topic(router, bytes_of(message->topic.data, message->topic.len));
    router->statistics.messages_in++;
    if (topic == NULL || !topic->subscribed)
        return;
    if (!is_anonymous(message)) {
        reject(router, peer, GOSSIPSUB_REFUSED_SIGNED);
        return;
    }
    struct bytes data = bytes_of(message->data.data, message->data.len);
    const uint8_t *known = message_cache_find_data(&router->cache, topic->handle, data);
    if (known != NULL && id_set_has(&router->seen, router->now, known)) {
        router->statistics.duplicates++;
        return;
    }
    struct chunk *payload = payload_decompress(data);
    bool valid_snappy = payload != NULL;
    if (!valid_snappy)
        payload = chunk_new(data.data, data.size);
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    gossipsub_message_id(topic_bytes(topic), chunk_bytes(payload), valid_snappy, id);
    if (!id_set_add(&router->seen, router->now, id)) {
        router->statistics.duplicates++;
    } else {
        enum gossipsub_verdict verdict = router->validator(router->validator_context, topic->name,
                                                           chunk_bytes(payload), valid_snappy);
        if (verdict == GOSSIPSUB_REJECT)
            reject(router, peer, valid_snappy ? GOSSIPSUB_REFUSED_OTHER : GOSSIPSUB_REFUSED_SNAPPY);
        if (verdict == GOSSIPSUB_ACCEPT) {
            pass_on(router, topic, peer, id, data);
            deliver(router, topic, peer, id, payload);
        }
    }
    chunk_unref(payload);
}

/* ---- published ---- */

/* The mesh, with peers at random up to D while it is still being built: the first message after a
 * subscription, or in a backoff, should not wait for gossip. */
static size_t publish_to_mesh(struct gossipsub *router, const struct topic *topic,
                              const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE], struct chunk *rpc)
{
    size_t count = send_to(router, topic, &topic->mesh, NULL, id, rpc);
    if (topic->mesh.count >= router->parameters.d_low)
        return count;
    struct handle_set *others = router_candidates(router, topic, &topic->mesh, false);
    size_t missing = router->parameters.d - topic->mesh.count;
    if (missing < others->count) {
        random_sample(&router->random, others->items, others->count, missing);
        others->count = missing;
    }
    return count + send_to(router, topic, others, NULL, id, rpc);
}

static size_t send_published(struct gossipsub *router, struct topic *topic,
                             const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE], struct chunk *rpc)
{
    if (router->parameters.flood_publish)
        return send_to(router, topic, &topic->subscribers, NULL, id, rpc);
    size_t count = send_to_direct(router, topic, NULL, id, rpc);
    if (topic->subscribed)
        return count + publish_to_mesh(router, topic, id, rpc);
    return count + send_to(router, topic, router_use_fanout(router, topic), NULL, id, rpc);
}

static struct chunk *encode(const struct topic *topic, struct bytes payload, size_t *data_size)
{
    struct buffer data = {0};
    payload_compress(payload, &data);
    struct chunk *rpc = rpc_encode_message(topic_bytes(topic), buffer_bytes(&data));
    *data_size = data.size;
    buffer_clear(&data);
    return rpc;
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
    gossipsub_message_id(topic_bytes(topic), payload, true, id);
    if (id_set_has(&router->seen, now, id))
        return error_set_kind(error, ERROR_CONFLICT,
                              "publishing on %s: the same message was there less than %llu ms ago",
                              name, (unsigned long long)router->parameters.seen_ttl_ms);
    size_t data_size;
    struct chunk *rpc = encode(topic, payload, &data_size);
    if (rpc == NULL)
        return error_set(error,
                         "publishing on %s: %zu bytes do not fit, compressed, an RPC of %d bytes",
                         name, payload.size, GOSSIPSUB_RPC_SIZE_MAX);
    router_begin(router, now, actions);
    id_set_add(&router->seen, now, id);
    message_cache_put(&router->cache, id, topic->handle, rpc,
                      rpc_message_data(rpc, topic_bytes(topic), data_size));
    *receivers = send_published(router, topic, id, rpc);
    router->statistics.published++;
    chunk_unref(rpc);
    router_finish(router);
    return true;
}
