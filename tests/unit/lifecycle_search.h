/* Enumerates every world that two peers with a given module can get into, breadth first. */
#ifndef TESTS_UNIT_LIFECYCLE_SEARCH_H
#define TESTS_UNIT_LIFECYCLE_SEARCH_H

#include "tests/unit/lifecycle_model.h"

enum { SEARCH_STATES_MAX = 1 << 21 };

/* One state found, and how it was come to first. States are numbered as they are found: the same
 * module gives the same numbers. */
struct search_state {
    uint64_t key;
    uint32_t parent;
    struct model_event event;
};

struct lifecycle_search {
    const struct lifecycle_module *module;
    struct search_state *states;
    uint32_t state_count;
    uint32_t *table; /* of state numbers plus one, by key */
    size_t transitions;
    size_t happened[MODEL_KINDS]; /* transitions by kind of event */
    uint32_t (*fair)[2]; /* transitions that are not hostile, from and to, in order of from */
    size_t fair_count;
    size_t fair_capacity;
    const char *violation; /* NULL: none */
    uint32_t violating;    /* the state in which it shows */
    bool closed;           /* no further state: all were found */
    unsigned longest_way;  /* the most events from any state until all is settled */
};

/*
 * Searches until a violation is found or no new state is. Then it checks that from every state,
 * once nothing hostile happens, every order of the other events ends, and ends with exactly one
 * stream each way.
 */
void lifecycle_search_run(struct lifecycle_search *search, const struct lifecycle_module *module);
/* Prints how STATE is come to, an event a line. */
void lifecycle_search_print_path(const struct lifecycle_search *search, uint32_t state);
void lifecycle_search_clear(struct lifecycle_search *search);

#endif
