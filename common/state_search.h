/*
 * Enumerates every state that a model can get into, breadth first: the states, the shortest way to
 * each, and whether all ends well once nothing hostile happens. Pure; takes 32 bytes for each of
 * states_max, and 8 for each transition.
 */
#ifndef COMMON_STATE_SEARCH_H
#define COMMON_STATE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STATE_SEARCH_KINDS_MAX = 32,      /* of events */
    STATE_SEARCH_SUCCESSORS_MAX = 96, /* of one state */
};

/* All of a state, as its model packs it. */
struct state_key {
    uint64_t words[2];
};

struct state_event {
    uint8_t kind; /* below STATE_SEARCH_KINDS_MAX */
    uint8_t side;
    uint8_t detail; /* the model's own */
};

struct state_successor {
    struct state_event event;
    struct state_key key;
    bool hostile;          /* the event need not happen */
    const char *violation; /* what was done wrong; NULL: nothing */
};

struct state_model {
    void *context; /* handed to the functions; the caller's */
    struct state_key start;
    uint32_t states_max; /* the search gives up beyond it */
    /* All that can happen in the state of KEY, STATE_SEARCH_SUCCESSORS_MAX at most; returns how
     * many. */
    size_t (*successors)(void *context, struct state_key key, struct state_successor *successors);
    /* Whether all may end in the state of KEY. */
    bool (*is_settled)(void *context, struct state_key key);
    const char *unsettled; /* the violation where it ends in another */
};

/* One state found, and how it was come to first. States are numbered as they are found: the same
 * model gives the same numbers. */
struct state_found {
    struct state_key key;
    uint32_t parent;
    struct state_event event;
};

struct state_search {
    struct state_found *states;
    uint32_t state_count;
    uint32_t *table; /* of state numbers plus one, by key */
    size_t transitions;
    size_t happened[STATE_SEARCH_KINDS_MAX]; /* transitions by kind of event */
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
 * once nothing hostile happens, every order of the other events ends, and ends settled. Whatever is
 * found, SEARCH is to be cleared.
 */
void state_search_run(struct state_search *search, const struct state_model *model);
/* How STATE is come to: the states on the way, the first event's first and STATE last, none for the
 * start. Freed by the caller with free(). */
uint32_t *state_search_path(const struct state_search *search, uint32_t state, size_t *length);
void state_search_clear(struct state_search *search);

#endif
