/*
 * Messages remembered for a few heartbeats, to be had by IWANT. libp2p specification:
 * gossipsub-v1.0.md, "Message Cache".
 */
#ifndef NET_GOSSIPSUB_CACHE_H
#define NET_GOSSIPSUB_CACHE_H

#include "net/gossipsub/router.h"

enum {
    /* Serialised RPCs of one message held for IWANT, with what each costs us beside; beyond it the
     * oldest go first. */
    MESSAGE_CACHE_BYTES_MAX = 8 * 1024 * 1024,
    MESSAGE_CACHE_MESSAGES_MAX = 16384,
    /* Times that one peer is sent one message by IWANT. */
    MESSAGE_CACHE_SERVED_MAX = 3,
};

struct message;

/* A zeroed struct is an empty cache. */
struct message_cache {
    struct message *messages; /* by id, oldest first */
    struct message *by_data;
    uint64_t heartbeat; /* counts up */
    size_t bytes;
};

/* Takes a reference of its own of RPC, in which the message's data lies at DATA. An id that is
 * there already changes nothing. */
void message_cache_put(struct message_cache *cache, const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE],
                       gossipsub_topic topic, struct chunk *rpc, struct bytes data);
/* The same of a message that peers call WIRE_ID; its data is not looked for. */
void message_cache_put_called(struct message_cache *cache,
                              const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE], struct bytes wire_id,
                              gossipsub_topic topic, struct chunk *rpc);
/* What peers call it: borrowed while it is there; ID itself where it is not. */
struct bytes message_cache_wire_id(const struct message_cache *cache,
                                   const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE]);
/* The id of the topic's message that has this very data: tells most duplicates without
 * decompressing and hashing them. NULL where there is none or another is in the way. */
const uint8_t *message_cache_find_data(const struct message_cache *cache, gossipsub_topic topic,
                                       struct bytes data);
/* The RPC for one more IWANT of the peer called SERIAL (never used for another): borrowed. NULL
 * where the message is not there or was served MESSAGE_CACHE_SERVED_MAX times. */
struct chunk *message_cache_serve(struct message_cache *cache,
                                  const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE], uint64_t serial);
/* The newest of TOPIC put within the last WINDOWS heartbeats, at most LIMIT, as peers call them;
 * how many. The ids are borrowed until the next message is put. */
size_t message_cache_list(const struct message_cache *cache, gossipsub_topic topic,
                          unsigned windows, struct bytes *ids, size_t limit);
/* A heartbeat passes: what is LENGTH heartbeats old goes. */
void message_cache_shift(struct message_cache *cache, unsigned length);
size_t message_cache_count(const struct message_cache *cache);
void message_cache_clear(struct message_cache *cache);

#endif
