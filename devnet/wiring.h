/* Who of a devnet's nodes dials whom: shapes by name, and which pairs they are of. */
#ifndef DEVNET_WIRING_H
#define DEVNET_WIRING_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum wiring_shape {
    WIRING_NONE,
    WIRING_LINE,   /* each node dials the next */
    WIRING_RING,   /* and the first the last */
    WIRING_STAR,   /* all dial the first */
    WIRING_FULL,   /* each dials all after it */
    WIRING_RANDOM, /* any two of a ring of all in random order, and of pairs at random */
    WIRING_LISTED, /* the pairs that are told, and has no name */
};

struct wiring_pair {
    size_t dialler, listener;
};

struct wiring {
    enum wiring_shape shape;
    uint64_t degree; /* of WIRING_RANDOM: connections of each node, of a few one more */
    uint64_t seed;   /* likewise; the same seed gives the same pairs */
    const struct wiring_pair *pairs; /* of WIRING_LISTED, each once; not owned */
    size_t pair_count;
};

enum { WIRING_DEGREE_MIN = 2, WIRING_NAMES = 6 };

/* For completion, the last with a degree; ends with NULL. */
extern const char *const wiring_names[WIRING_NAMES + 1];

/* "ring", "random:8"; the seed is not touched. False with the error set where there is none such.
 */
bool wiring_parse(const char *text, struct wiring *wiring, struct error *error);
/* The COUNT pairs among NODES nodes, in the order of the lower one, each once, or as listed; freed
 * with free(). Whatever the shape, but for NONE and LISTED, no node is apart from the others. */
struct wiring_pair *wiring_pairs(const struct wiring *wiring, size_t nodes, size_t *count);

#endif
