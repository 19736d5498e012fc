/*
 * Message ids remembered for a time, the oldest forgotten first: seen, asked for, not wanted by a
 * peer. 32 bytes an id, and 4 to 8 for finding it.
 */
#ifndef NET_GOSSIPSUB_ID_SET_H
#define NET_GOSSIPSUB_ID_SET_H

#include "net/gossipsub/router.h"

struct id_entry;

struct id_set {
    struct id_entry *entries; /* a ring, in the order in which they expire */
    uint32_t *buckets;        /* chains of entries; as many as the ring has places */
    size_t capacity;          /* a power of two, or 0 */
    size_t first, count;
    size_t maximum; /* ids; beyond it the oldest goes */
    uint64_t ttl;   /* ms */
};

void id_set_init(struct id_set *set, uint64_t ttl, size_t maximum);
bool id_set_has(const struct id_set *set, uint64_t now,
                const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE]);
/* False where it is there and has not expired; its time is then kept. NOW never goes back. */
bool id_set_add(struct id_set *set, uint64_t now, const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE]);
void id_set_expire(struct id_set *set, uint64_t now);
size_t id_set_count(const struct id_set *set);
void id_set_clear(struct id_set *set);

#endif
