/*
 * Enumerates every world that two peers with a given module can get into, breadth first: states,
 * and the shortest way to each. Pure; takes some 100 MB while it is there. No program plays the
 * ways yet: it is there for the one that will play them against a peer.
 */
#ifndef NET_HOST_LIFECYCLE_SEARCH_H
#define NET_HOST_LIFECYCLE_SEARCH_H

#include "net/host/lifecycle_model.h"

enum { LIFECYCLE_SEARCH_STATES_MAX = 1 << 21 };

/* One state found, and how it was come to first. States are numbered as they are found: the same
 * module gives the same numbers. */
struct lifecycle_search_state {
    uint64_t key;
    uint32_t parent;
    struct lifecycle_model_event event;
};

struct lifecycle_search {
    const struct lifecycle_module *module;
    struct lifecycle_search_state *states;
    uint32_t state_count;
    uint32_t *table; /* of state numbers plus one, by key */
    size_t transitions;
    size_t happened[LIFECYCLE_MODEL_KINDS]; /* transitions by kind of event */
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
/* How STATE is come to: the states on the way, the first event's first and STATE last, none for the
 * start. Freed by the caller with free(). */
uint32_t *lifecycle_search_path(const struct lifecycle_search *search, uint32_t state,
                                size_t *length);
void lifecycle_search_clear(struct lifecycle_search *search);

#endif
