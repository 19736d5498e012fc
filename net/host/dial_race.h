/*
 * Dials all addresses of one name until somebody is there: the next one as soon as one has failed,
 * or has said nothing for a moment. The first that connects ends the others (in the manner of
 * RFC 8305).
 */
#ifndef NET_HOST_DIAL_RACE_H
#define NET_HOST_DIAL_RACE_H

#include "net/address/resolver.h"
#include "net/host/host.h"

enum { DIAL_RACE_STEP_MS = 250 };

/* May be read. */
struct dial_try {
    struct multiaddr address;
    uint64_t dial; /* 0: could not begin */
    bool over;
    struct quic_close close; /* once it is over */
};

struct dial_race {
    struct host *host; /* NULL: none is run */
    struct event *next;
    struct dial_try *tries;
    size_t count, begun;
    size_t left_out; /* addresses that are not tried */
};

/* LEFT_OUT is told with the reasons. False where not one dial could begin: the race is over, and
 * the error says why, of ERROR_SYSTEM where we had not what any of them takes. It is embedded in
 * its owner, which tells it of the host's events, and stays where it is. */
bool dial_race_begin(struct dial_race *race, struct host *host, const struct multiaddr *addresses,
                     size_t count, size_t left_out, struct error *error);
/* Gives up what is still being dialled; harmless where none is run. */
void dial_race_end(struct dial_race *race);
bool dial_race_has(const struct dial_race *race, uint64_t dial);
/* HOST_CONNECTED: the others are given up. */
void dial_race_won(struct dial_race *race, uint64_t dial);
/* HOST_DIAL_FAILED: the next is dialled; true where none is left, and dial_race_reasons says why.
 */
bool dial_race_lost(struct dial_race *race, uint64_t dial, const struct quic_close *close);
/* Any that has not failed yet; 0: none. */
uint64_t dial_race_open(const struct dial_race *race);
/* What is known of why nobody is there, where there are several addresses behind the names of those
 * that it is true of, or as many as have room and how many more. */
void dial_race_reasons(const struct dial_race *race, struct error *reasons);

#endif
