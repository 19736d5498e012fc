/* Connection attempts for tests: events by name, one after the other, and all that is told of them.
 */
#ifndef TESTS_UNIT_ATTEMPT_SCENE_H
#define TESTS_UNIT_ATTEMPT_SCENE_H

#include "net/host/attempt.h"

enum { SCENE_TIMEOUT_MS = 5000, SCENE_ROUND_TRIP_US = 20000, SCENE_TOLD_SIZE = 256 };

struct scene {
    struct attempt attempt;
    uint64_t now_ns;
    bool asks_identify;         /* the last event had it asked */
    char told[SCENE_TOLD_SIZE]; /* steps: "handshake", "~status" passed over, "!mesh" failed */
    struct attempt_told last;   /* of all told */
    unsigned told_times[ATTEMPT_STEPS], failures; /* identify's that was not the goal is none */
};

struct scene_event {
    const char *name;
    struct attempt_event event;
};

/* All that can happen, in the peer's and the connection's words; NULL at the end. The time of the
 * events "time" is what the attempt asked for; any other comes 1 ms after the one before. */
extern const struct scene_event scene_events[];
const struct scene_event *scene_event_find(const char *name);

/* ACCEPT: waits to be dialled. TOPIC may be NULL. */
void scene_begin(struct scene *scene, enum attempt_step until, bool accept, const char *topic);
void scene_take(struct scene *scene, const struct attempt_event *event);
/* NAMES are separated by blanks. */
void scene_take_all(struct scene *scene, const char *names);

#endif
