/*
 * What a bad path does to datagrams. Pure: what happens to a datagram follows from the seed, its
 * direction and its number in that direction alone, so a run can be had again, and changing one
 * setting leaves the luck of the others as it was.
 */
#ifndef NET_RELAY_IMPAIRMENT_H
#define NET_RELAY_IMPAIRMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum direction { FROM_CLIENT, FROM_SERVER, DIRECTION_COUNT };

enum {
    IMPAIRMENT_DROPS_MAX = 256,
    IMPAIRMENT_HOLD_MS = 10, /* for how long reordering holds a datagram back, beside its delay */
};

struct impairment_drop {
    enum direction direction;
    uint64_t number; /* the first datagram of a direction is 1 */
};

struct impairment {
    uint64_t seed;
    uint64_t delay_ms;
    uint64_t jitter_ms; /* added to the delay, evenly distributed from 0 */
    double loss_percent;
    double duplicate_percent;
    double reorder_percent;
    struct impairment_drop drops[IMPAIRMENT_DROPS_MAX];
    size_t drop_count;
    bool cut; /* nothing passes, nor what was delayed before */
};

struct impairment_decision {
    bool drop;
    bool duplicate;
    bool hold;         /* let the datagrams behind it overtake */
    uint64_t delay_ns; /* everything included */
};

/* NUMBER counts the datagrams of DIRECTION from 1. */
struct impairment_decision impairment_decide(const struct impairment *impairment,
                                             enum direction direction, uint64_t number);

/* Adds the drop that TEXT means: "client:3", "server:1", or "3" for the client's. */
bool impairment_add_drop(struct impairment *impairment, const char *text, struct error *error);

#endif
