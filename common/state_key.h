/* A state's parts in the bits of one word, one behind the other: the key by which a search knows
 * it. */
#ifndef COMMON_STATE_KEY_H
#define COMMON_STATE_KEY_H

#include <stdint.h>

/* Zeroed, it is empty; to be taken apart, one with the same word. */
struct state_key {
    uint64_t word;
    unsigned used; /* bits: 64 at most */
};

/* VALUE must fit into BITS, at most 31. */
static inline void state_key_put(struct state_key *key, uint64_t value, unsigned bits)
{
    key->word |= value << key->used;
    key->used += bits;
}

/* The next, in the order in which they were put. */
static inline unsigned state_key_take(struct state_key *key, unsigned bits)
{
    unsigned value = (unsigned)(key->word >> key->used & ((1u << bits) - 1));
    key->used += bits;
    return value;
}

#endif
