/*
 * Two routers, each the other's only peer, with one topic, and between them a channel each way that
 * may stall, lose its stream and get another. A world is one state of all that, in two words. The
 * routers are real: each event is played to them in the state that the world says they are in.
 *
 * Time is abstract: a backoff may end at any moment at either side, and a heartbeat is never long
 * ago. So the number of events needs no bound.
 */
#ifndef TESTS_UNIT_SENDING_MODEL_H
#define TESTS_UNIT_SENDING_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SENDING_SIDES = 2,
    SENDING_KINDS = 10, /* of events */
    SENDING_SUCCESSORS_MAX = SENDING_KINDS * SENDING_SIDES,
    SENDING_TEXT_SIZE = 512,
};

struct sending_key {
    uint64_t sides[SENDING_SIDES];
};

struct sending_event {
    uint8_t kind; /* below SENDING_KINDS */
    uint8_t side;
    bool mirrored; /* the sides have changed places after it */
};

struct sending_successor {
    struct sending_event event;
    struct sending_key key;
    const char *violation; /* what a router did wrong; NULL: nothing */
};

/* Ways to do it wrong, which the search has to find; 0: as it is done. */
enum sending_mutation {
    SENDING_DROPS_WHEN_FULL = 1,       /* control goes nowhere while the channel is full */
    SENDING_FORGETS_UNSUBSCRIBE = 2,   /* a lost stream may have lost it */
    SENDING_FORGETS_PRUNE = 4,         /* the same */
    SENDING_FORGETS_IGNORED_GRAFT = 8, /* one that came while UNSUBSCRIBE waits */
    SENDING_FORGETS_CROSSING = 16,     /* of a GRAFT with UNSUBSCRIBE, which ends what that began */
};

/* All at once would be too many worlds. */
struct sending_bounds {
    unsigned channel; /* RPCs on their way, 1 or 2: with so many it is full */
    bool stalls;      /* with fewer, or none */
    bool losses;      /* of streams */
    bool crowds;      /* others fill the mesh of either, and leave it */
};

struct sending_model;

struct sending_model *sending_model_new(struct sending_bounds bounds, unsigned mutation);
void sending_model_free(struct sending_model *model);
/* Streams are open both ways, and nothing else has happened. */
struct sending_key sending_start(struct sending_model *model);
/* All that can happen in the world of KEY, and what comes of it; returns how many. */
size_t sending_successors(struct sending_model *model, struct sending_key key,
                          struct sending_successor successors[SENDING_SUCCESSORS_MAX]);
/* Hostile events are those that need not happen: users' wishes, stalls, losses, time. */
bool sending_is_hostile(struct sending_event event);
/* Both believe the same: of each other's subscription, and of the mesh. */
bool sending_is_agreed(struct sending_key key);
/* TEXT has SENDING_TEXT_SIZE bytes; MIRRORED: the sides stand for each other. */
void sending_event_text(struct sending_event event, bool mirrored, char *text);
void sending_world_text(struct sending_key key, bool mirrored, char *text);

#endif
