#include "net/gossipsub/cache.h"

#include <stdlib.h>

#include "common/hash_table.h"
#include "common/memory.h"

/* The table leans on uthash's promise that walking one visits its entries in the order in which
 * they were added: the first is the oldest. */

/* How often a peer was sent a message by IWANT. */
struct served {
    uint64_t serial;
    unsigned times;
};

struct message {
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    gossipsub_topic topic;
    struct chunk *rpc;
    struct chunk *wire_id; /* NULL where it is the id itself */
    uint64_t heartbeat;    /* in which it was put */
    struct served *served;
    size_t served_count;
    struct bytes data; /* within the RPC */
    uint64_t hash;     /* of the data */
    UT_hash_handle hh;
    UT_hash_handle by_data; /* zeroed where another with the same hash was there first */
};

enum { HASHED_SIZE = 64 }; /* bytes at either end of the data that the hash looks at */

static uint64_t mix(uint64_t hash, struct bytes data)
{
    enum { STEP = sizeof(uint64_t) };
    for (; data.size > 0; data = bytes_after(data, data.size < STEP ? data.size : STEP)) {
        uint64_t word = 0;
        memcpy(&word, data.data, data.size < STEP ? data.size : STEP);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 32;
    }
    return hash;
}

/* A quick hash: whoever makes data that agree in it makes their duplicates slow, and nothing
 * else. */
static uint64_t hash_of(struct bytes data)
{
    if (data.size <= 2 * HASHED_SIZE)
        return mix(data.size, data);
    uint64_t head = mix(data.size, bytes_of(data.data, HASHED_SIZE));
    return mix(head, bytes_after(data, data.size - HASHED_SIZE));
}

static struct message *find_by_hash(const struct message_cache *cache, uint64_t hash)
{
    struct message *message;
    HASH_FIND_BYHASHVALUE(by_data, cache->by_data, &hash, sizeof(hash), (unsigned)hash, message);
    return message;
}

/* What a message takes, ours beside the sender's. */
static size_t cost_of(const struct chunk *rpc)
{
    return sizeof(struct message) + sizeof(*rpc) + rpc->size;
}

static void remove_message(struct message_cache *cache, struct message *message)
{
    HASH_DEL(cache->messages, message);
    if (cache->by_data != NULL && message->by_data.tbl != NULL)
        HASH_DELETE(by_data, cache->by_data, message);
    cache->bytes -= cost_of(message->rpc);
    chunk_unref(message->rpc);
    chunk_unref(message->wire_id);
    free(message->served);
    free(message);
}

static struct message *find_message(const struct message_cache *cache, const uint8_t *id)
{
    struct message *message;
    HASH_FIND(hh, cache->messages, id, GOSSIPSUB_MESSAGE_ID_SIZE, message);
    return message;
}

static void make_room(struct message_cache *cache, const struct chunk *rpc)
{
    while (cache->messages != NULL && (cache->bytes + cost_of(rpc) > MESSAGE_CACHE_BYTES_MAX ||
                                       message_cache_count(cache) >= MESSAGE_CACHE_MESSAGES_MAX))
        remove_message(cache, cache->messages);
}

static struct message *add_message(struct message_cache *cache, const uint8_t *id,
                                   gossipsub_topic topic, struct chunk *rpc)
{
    make_room(cache, rpc);
    struct message *message = memory_new(sizeof(*message));
    memcpy(message->id, id, GOSSIPSUB_MESSAGE_ID_SIZE);
    message->topic = topic;
    message->rpc = chunk_ref(rpc);
    message->heartbeat = cache->heartbeat;
    cache->bytes += cost_of(rpc);
    HASH_ADD(hh, cache->messages, id, GOSSIPSUB_MESSAGE_ID_SIZE, message);
    return message;
}

void message_cache_put(struct message_cache *cache, const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE],
                       gossipsub_topic topic, struct chunk *rpc, struct bytes data)
{
    if (find_message(cache, id) != NULL)
        return;
    struct message *message = add_message(cache, id, topic, rpc);
    message->data = data;
    message->hash = hash_of(data);
    if (find_by_hash(cache, message->hash) == NULL)
        HASH_ADD_BYHASHVALUE(by_data, cache->by_data, hash, sizeof(message->hash),
                             (unsigned)message->hash, message);
}

void message_cache_put_called(struct message_cache *cache,
                              const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE], struct bytes wire_id,
                              gossipsub_topic topic, struct chunk *rpc)
{
    if (find_message(cache, id) == NULL)
        add_message(cache, id, topic, rpc)->wire_id = chunk_new(wire_id.data, wire_id.size);
}

static struct bytes wire_id_of(const struct message *message)
{
    return message->wire_id != NULL ? chunk_bytes(message->wire_id)
                                    : bytes_of(message->id, GOSSIPSUB_MESSAGE_ID_SIZE);
}

struct bytes message_cache_wire_id(const struct message_cache *cache,
                                   const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE])
{
    const struct message *message = find_message(cache, id);
    return message != NULL ? wire_id_of(message) : bytes_of(id, GOSSIPSUB_MESSAGE_ID_SIZE);
}

const uint8_t *message_cache_find_data(const struct message_cache *cache, gossipsub_topic topic,
                                       struct bytes data)
{
    const struct message *message = find_by_hash(cache, hash_of(data));
    return message != NULL && message->topic == topic && bytes_equal(message->data, data)
               ? message->id
               : NULL;
}

static struct served *served_to(struct message *message, uint64_t serial)
{
    for (size_t i = 0; i < message->served_count; i++)
        if (message->served[i].serial == serial)
            return &message->served[i];
    size_t count = message->served_count + 1;
    message->served = memory_resize(message->served, count * sizeof(*message->served));
    message->served[message->served_count] = (struct served){.serial = serial};
    return &message->served[message->served_count++];
}

struct chunk *message_cache_serve(struct message_cache *cache,
                                  const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE], uint64_t serial)
{
    struct message *message = find_message(cache, id);
    if (message == NULL)
        return NULL;
    struct served *served = served_to(message, serial);
    if (served->times == MESSAGE_CACHE_SERVED_MAX)
        return NULL;
    served->times++;
    return message->rpc;
}

size_t message_cache_list(const struct message_cache *cache, gossipsub_topic topic,
                          unsigned windows, struct bytes *ids, size_t limit)
{
    size_t count = 0;
    if (cache->messages == NULL)
        return 0;
    const struct message *message =
        ELMT_FROM_HH(cache->messages->hh.tbl, cache->messages->hh.tbl->tail);
    for (; message != NULL && count < limit; message = message->hh.prev) {
        if (message->heartbeat + windows <= cache->heartbeat)
            break;
        if (message->topic == topic)
            ids[count++] = wire_id_of(message);
    }
    return count;
}

void message_cache_shift(struct message_cache *cache, unsigned length)
{
    cache->heartbeat++;
    while (cache->messages != NULL && cache->messages->heartbeat + length <= cache->heartbeat)
        remove_message(cache, cache->messages);
}

size_t message_cache_count(const struct message_cache *cache)
{
    return HASH_COUNT(cache->messages);
}

void message_cache_clear(struct message_cache *cache)
{
    while (cache->messages != NULL)
        remove_message(cache, cache->messages);
}
