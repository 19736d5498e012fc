/*
 * Two peers, each with a module that decides on its outbound gossipsub stream, and an abstract
 * network between them: at most two connections, whose ends come and go one after the other, and
 * streams whose every message may be late. A world is one state of all that, and fits 64 bits.
 *
 * Time is abstract too: a retry may come due at any moment after it was set, and the attempts of a
 * minute may be used up at any moment. So the number of hostile events needs no bound.
 *
 * Pure: a world is a key, and an event leads from one to another. No program plays its events yet:
 * it is there for the one that will play them against a peer.
 */
#ifndef NET_HOST_LIFECYCLE_MODEL_H
#define NET_HOST_LIFECYCLE_MODEL_H

#include "net/host/lifecycle_module.h"

enum {
    LIFECYCLE_MODEL_SIDES = 2,
    LIFECYCLE_MODEL_CONNECTIONS = 2,
    LIFECYCLE_MODEL_KINDS = 24, /* of events */
    LIFECYCLE_MODEL_SUCCESSORS_MAX =
        LIFECYCLE_MODEL_KINDS * LIFECYCLE_MODEL_SIDES * LIFECYCLE_MODEL_CONNECTIONS,
};

/* One event: what happens, at which side, on which connection. */
struct lifecycle_model_event {
    uint8_t kind; /* below LIFECYCLE_MODEL_KINDS */
    uint8_t side;
    uint8_t connection;
};

struct lifecycle_model_successor {
    struct lifecycle_model_event event;
    uint64_t key;
    const char *violation; /* what the module did wrong; NULL: nothing */
};

/* What a connection is to one of its ends. */
enum lifecycle_end { LIFECYCLE_END_NOT_YET, LIFECYCLE_END_UP, LIFECYCLE_END_GONE };

/* A stream as its opener has it, and what is under way. */
enum lifecycle_phase {
    LIFECYCLE_STREAM_NONE,
    LIFECYCLE_STREAM_PROPOSED, /* the other side does not know of it yet */
    LIFECYCLE_STREAM_ECHOED,   /* the echo is under way */
    LIFECYCLE_STREAM_ESTABLISHED,
    LIFECYCLE_STREAM_REFUSED, /* `na` is under way: both halves are still open */
    LIFECYCLE_STREAM_RESET,   /* the other side's reset is under way */
    LIFECYCLE_STREAM_ENDED,   /* its FIN is: our half is still open */
    LIFECYCLE_STREAM_DEAF,    /* the other side has lost the connection, or never had it */
};

/* What can be seen of a world. */
struct lifecycle_model_view {
    enum lifecycle_end ends[LIFECYCLE_MODEL_CONNECTIONS][LIFECYCLE_MODEL_SIDES];
    enum lifecycle_state states[LIFECYCLE_MODEL_SIDES];  /* of the modules' first parts */
    enum lifecycle_phase streams[LIFECYCLE_MODEL_SIDES]; /* by opener */
};

/* The world in which nothing has happened yet. */
uint64_t lifecycle_model_start(void);
/* All that can happen in the world of KEY, and what comes of it; returns how many. */
size_t lifecycle_model_successors(
    const struct lifecycle_module *module, uint64_t key,
    struct lifecycle_model_successor successors[LIFECYCLE_MODEL_SUCCESSORS_MAX]);
/* Hostile events are those that need not happen: losses, refusals, timeouts. */
bool lifecycle_model_is_hostile(struct lifecycle_model_event event);
/* Each side has one outbound stream that both sides know of. */
bool lifecycle_model_is_settled(const struct lifecycle_module *module, uint64_t key);
/* What happens at the event's side, in words: "dials a second time and has its handshake done". Not
 * to be freed. */
const char *lifecycle_model_event_text(struct lifecycle_model_event event);
struct lifecycle_model_view lifecycle_model_view(const struct lifecycle_module *module,
                                                 uint64_t key);

#endif
