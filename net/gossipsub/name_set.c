#include "net/gossipsub/name_set.h"

#include <stdlib.h>

#include "common/bisect.h"
#include "common/memory.h"

/* FNV-1a. Who makes two names that agree in it is taken for a subscriber of the wrong one, which it
 * could have said itself. */
static uint64_t hash_of(struct bytes name)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ name.data[i]) * 0x100000001b3;
    return hash;
}

/* The index of the first hash that is not below HASH. */
static size_t place(const struct name_set *set, uint64_t hash)
{
    return BISECT(set->count, i, set->hashes[i] < hash);
}

static bool holds(const struct name_set *set, size_t index, uint64_t hash)
{
    return index < set->count && set->hashes[index] == hash;
}

bool name_set_has(const struct name_set *set, struct bytes name)
{
    uint64_t hash = hash_of(name);
    return holds(set, place(set, hash), hash);
}

static void make_room(struct name_set *set)
{
    enum { CAPACITY_FIRST = 16 };
    if (set->count < set->capacity)
        return;
    set->capacity = set->capacity > 0 ? 2 * set->capacity : CAPACITY_FIRST;
    set->hashes = memory_resize(set->hashes, set->capacity * sizeof(*set->hashes));
}

bool name_set_add(struct name_set *set, struct bytes name)
{
    uint64_t hash = hash_of(name);
    size_t index = place(set, hash);
    if (holds(set, index, hash) || set->count == NAME_SET_MAX)
        return false;
    make_room(set);
    uint64_t *item = set->hashes + index;
    memmove(item + 1, item, (set->count - index) * sizeof(*item));
    *item = hash;
    set->count++;
    return true;
}

bool name_set_remove(struct name_set *set, struct bytes name)
{
    uint64_t hash = hash_of(name);
    size_t index = place(set, hash);
    if (!holds(set, index, hash))
        return false;
    uint64_t *item = set->hashes + index;
    set->count--;
    memmove(item, item + 1, (set->count - index) * sizeof(*item));
    if (set->count == 0)
        name_set_clear(set);
    return true;
}

void name_set_clear(struct name_set *set)
{
    free(set->hashes);
    *set = (struct name_set){0};
}
