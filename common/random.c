#include "common/random.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void random_seed(struct random *random, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++)
        random->state[i] = splitmix(&seed);
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

uint64_t random_next(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t random_below(struct random *random, uint64_t limit)
{
    /* The values below this would make the small remainders likelier. */
    uint64_t least = (0 - limit) % limit;
    uint64_t value;
    do
        value = random_next(random);
    while (value < least);
    return value % limit;
}

void random_sample(struct random *random, uint32_t *items, size_t count, size_t take)
{
    for (size_t i = 0; i < take && i + 1 < count; i++) {
        size_t other = i + (size_t)random_below(random, count - i);
        uint32_t item = items[i];
        items[i] = items[other];
        items[other] = item;
    }
}
