/* Random numbers that can be had again: the same seed gives the same sequence. Not for secrets. */
#ifndef COMMON_RANDOM_H
#define COMMON_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The state of xoshiro256** (Blackman and Vigna), filled from a seed by splitmix64. */
struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Uniform in 0 .. limit - 1; LIMIT is at least 1. */
uint64_t random_below(struct random *random, uint64_t limit);
/* Reorders ITEMS so that its first TAKE (at most COUNT) are a uniform sample in random order. */
void random_sample(struct random *random, uint32_t *items, size_t count, size_t take);

#endif
