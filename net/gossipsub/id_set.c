#include "net/gossipsub/id_set.h"

#include <stdlib.h>

#include "common/memory.h"

enum { CAPACITY_FIRST = 32 };

static const uint32_t nobody = UINT32_MAX; /* the end of a chain */

struct id_entry {
    uint64_t expires;
    uint32_t next; /* place in the ring of the chain's next */
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
};

void id_set_init(struct id_set *set, uint64_t ttl, size_t maximum)
{
    *set = (struct id_set){.ttl = ttl, .maximum = maximum};
}

/* Peers choose ids, those of IHAVE and IDONTWANT: what they can foresee must not fall together. */
static size_t bucket_of(const struct id_set *set, const uint8_t *id)
{
    uint64_t words[3] = {0};
    memcpy(words, id, GOSSIPSUB_MESSAGE_ID_SIZE);
    uint64_t hash = (uintptr_t)set->buckets;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    }
    return hash & (set->capacity - 1);
}

static const struct id_entry *find(const struct id_set *set, const uint8_t *id)
{
    if (set->count == 0)
        return NULL;
    uint32_t place = set->buckets[bucket_of(set, id)];
    while (place != nobody && memcmp(set->entries[place].id, id, GOSSIPSUB_MESSAGE_ID_SIZE) != 0)
        place = set->entries[place].next;
    return place != nobody ? &set->entries[place] : NULL;
}

static void link_entry(struct id_set *set, uint32_t place)
{
    uint32_t *bucket = &set->buckets[bucket_of(set, set->entries[place].id)];
    set->entries[place].next = *bucket;
    *bucket = place;
}

static void remove_oldest(struct id_set *set)
{
    uint32_t place = (uint32_t)set->first;
    uint32_t *link = &set->buckets[bucket_of(set, set->entries[place].id)];
    while (*link != place)
        link = &set->entries[*link].next;
    *link = set->entries[place].next;
    set->first = (set->first + 1) & (set->capacity - 1);
    set->count--;
}

/* Twice the places, the oldest first in them. */
static void grow(struct id_set *set)
{
    size_t capacity = set->capacity > 0 ? 2 * set->capacity : CAPACITY_FIRST;
    struct id_entry *entries = memory_new(capacity * sizeof(*entries));
    for (size_t i = 0; i < set->count; i++)
        entries[i] = set->entries[(set->first + i) & (set->capacity - 1)];
    free(set->entries);
    free(set->buckets);
    set->entries = entries;
    set->buckets = memory_new(capacity * sizeof(*set->buckets));
    set->capacity = capacity;
    set->first = 0;
    for (size_t i = 0; i < capacity; i++)
        set->buckets[i] = nobody;
    for (size_t i = 0; i < set->count; i++)
        link_entry(set, (uint32_t)i);
}

bool id_set_has(const struct id_set *set, uint64_t now, const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE])
{
    const struct id_entry *entry = find(set, id);
    return entry != NULL && now < entry->expires;
}

bool id_set_add(struct id_set *set, uint64_t now, const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE])
{
    id_set_expire(set, now);
    if (find(set, id) != NULL)
        return false;
    if (set->count >= set->maximum)
        remove_oldest(set);
    if (set->count == set->capacity)
        grow(set);
    uint32_t place = (uint32_t)((set->first + set->count) & (set->capacity - 1));
    set->count++;
    set->entries[place].expires = now + set->ttl;
    memcpy(set->entries[place].id, id, GOSSIPSUB_MESSAGE_ID_SIZE);
    link_entry(set, place);
    return true;
}

void id_set_expire(struct id_set *set, uint64_t now)
{
    while (set->count > 0 && set->entries[set->first].expires <= now)
        remove_oldest(set);
}

size_t id_set_count(const struct id_set *set)
{
    return set->count;
}

void id_set_clear(struct id_set *set)
{
    free(set->entries);
    free(set->buckets);
    id_set_init(set, set->ttl, set->maximum);
}
