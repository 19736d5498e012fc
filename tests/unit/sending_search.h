/* Enumerates every world that two routers can get into (sending_model.h), breadth first. */
#ifndef TESTS_UNIT_SENDING_SEARCH_H
#define TESTS_UNIT_SENDING_SEARCH_H

#include "tests/unit/sending_model.h"

enum { SENDING_STATES_MAX = 1 << 20 };

/* How a state was come to first. */
struct sending_state {
    struct sending_key key;
    uint32_t parent;
    struct sending_event event;
};

struct sending_search {
    struct sending_model *model;
    struct sending_state *states;
    uint32_t state_count;
    uint32_t *table; /* of state numbers plus one, by key */
    size_t transitions;
    size_t happened[SENDING_KINDS]; /* transitions by kind of event */
    uint32_t (*fair)[2];            /* transitions that are not hostile, in order of the first */
    size_t fair_count, fair_capacity;
    const char *violation; /* NULL: none */
    uint32_t violating;    /* the state in which it shows */
    bool closed;           /* no further state: all were found */
};

/*
 * Searches until a violation is found or no new state is. From every state, once nothing hostile
 * happens, every order of the other events must end, and both must then believe the same.
 */
void sending_search_run(struct sending_search *search, struct sending_bounds bounds,
                        unsigned mutation);
/* Prints how STATE is come to, an event a line. */
void sending_search_print_path(const struct sending_search *search, uint32_t state);
void sending_search_clear(struct sending_search *search);

#endif
