/*
 * Sees what goes over a tap: an observer a connection, whose facts are told with the connection
 * they are of, and noted in the QUIC logs of both its legs. What rules make of them is carried out
 * before what the facts tell of is carried.
 */
#ifndef NET_TAP_SIGHT_H
#define NET_TAP_SIGHT_H

#include <event2/event.h>

#include "net/tap/fact.h"
#include "net/tap/pair.h"
#include "net/tap/rules.h"

struct tap_sight;

/* All are told before what they tell of is carried. Times are of the calendar, epoch microseconds.
 */
struct tap_sight_handlers {
    void (*connected)(void *context, struct tap_pair *pair, uint64_t time_us);
    void (*fact)(void *context, struct tap_pair *pair, const struct tap_fact *fact);
    /* The same once no rule withholds it from the other node: of what is held when it is released,
     * with that time; of what is lost never. */
    void (*passed)(void *context, struct tap_pair *pair, const struct tap_fact *fact);
    /* Of a stream that cannot be looked at, since too many are open at once. */
    void (*passed_over)(void *context, struct tap_pair *pair);
    void (*closed)(void *context, struct tap_pair *pair, enum tap_side side,
                   const struct quic_close *close, uint64_t time_us);
    /* A rule has held something, released it, refused a protocol, or reset a stream. */
    void (*acted)(void *context, struct tap_pair *pair, const struct tap_action *action,
                  uint64_t time_us);
};

/* BASE and HANDLERS are borrowed. */
struct tap_sight *tap_sight_new(struct event_base *base, const struct tap_sight_handlers *handlers,
                                void *context);
/* Before the first connection; false where there are too many. */
bool tap_sight_add_rule(struct tap_sight *sight, const struct tap_rule *rule);
/* After the tap that it watches; NULL is allowed. */
void tap_sight_free(struct tap_sight *sight);
/* Of a tap whose context is a sight. */
extern const struct tap_watcher tap_sight_watcher;
/* Streams that could not be looked at, since too many were open at once. */
uint64_t tap_sight_passed_over(const struct tap_sight *sight);
/* tap_rules_not_held() */
uint64_t tap_sight_not_held(const struct tap_sight *sight);

#endif
