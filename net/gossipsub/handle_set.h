/* A set of small integer handles, sorted: it is walked and sampled in the same order every time. */
#ifndef NET_GOSSIPSUB_HANDLE_SET_H
#define NET_GOSSIPSUB_HANDLE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed struct is an empty set. */
struct handle_set {
    uint32_t *items;
    size_t count;
    size_t capacity;
};

bool handle_set_has(const struct handle_set *set, uint32_t handle);
/* False where it was there. */
bool handle_set_add(struct handle_set *set, uint32_t handle);
/* False where it was not there. */
bool handle_set_remove(struct handle_set *set, uint32_t handle);
/* For filling one in order, or where order does not matter any more. */
void handle_set_append(struct handle_set *set, uint32_t handle);
void handle_set_clear(struct handle_set *set);

#endif
