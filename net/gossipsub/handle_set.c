#include "net/gossipsub/handle_set.h"

#include <stdlib.h>
#include <string.h>

#include "common/bisect.h"
#include "common/memory.h"

/* The index of the first item that is not below HANDLE. */
static size_t place(const struct handle_set *set, uint32_t handle)
{
    return BISECT(set->count, i, set->items[i] < handle);
}

bool handle_set_has(const struct handle_set *set, uint32_t handle)
{
    size_t index = place(set, handle);
    return index < set->count && set->items[index] == handle;
}

bool handle_set_add(struct handle_set *set, uint32_t handle)
{
    size_t index = place(set, handle);
    if (index < set->count && set->items[index] == handle)
        return false;
    handle_set_append(set, handle);
    uint32_t *item = set->items + index;
    memmove(item + 1, item, (set->count - 1 - index) * sizeof(*item));
    *item = handle;
    return true;
}

bool handle_set_remove(struct handle_set *set, uint32_t handle)
{
    size_t index = place(set, handle);
    if (index == set->count || set->items[index] != handle)
        return false;
    uint32_t *item = set->items + index;
    set->count--;
    memmove(item, item + 1, (set->count - index) * sizeof(*item));
    return true;
}

void handle_set_append(struct handle_set *set, uint32_t handle)
{
    if (set->count == set->capacity) {
        set->capacity = set->capacity > 0 ? 2 * set->capacity : 8;
        set->items = memory_resize(set->items, set->capacity * sizeof(*set->items));
    }
    set->items[set->count++] = handle;
}

void handle_set_clear(struct handle_set *set)
{
    free(set->items);
    *set = (struct handle_set){0};
}
