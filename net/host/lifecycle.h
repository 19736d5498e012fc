/*
 * The outbound gossipsub stream of one peer: the state that two paths race for, and the only place
 * that decides to open one. Pure: events in, at most a few actions out; no clock of its own.
 *
 * One is kept a peer, not a connection, and freed with the peer's last connection. The dial path
 * (status done) and the inbound path (the peer's own stream arrived) both say `wanted`; whoever
 * comes first takes the state from none to opening before anything is awaited, so the second finds
 * nothing left to do.
 *
 * Rules 1 to 5 of the outbound stream: one a peer, on the oldest live connection; opened again when
 * its stream or connection dies and another connection lives; the only timer is the delay before a
 * retry, 0.1 s doubling to 30 s; attempts are bounded a minute, never in all.
 */
#ifndef NET_HOST_LIFECYCLE_H
#define NET_HOST_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIFECYCLE_CONNECTIONS_MAX = 4,
    LIFECYCLE_RETRY_FIRST_MS = 100,
    LIFECYCLE_RETRY_LAST_MS = 30000,
    LIFECYCLE_STEADY_MS = 10000, /* a stream open this long makes the next retry a first one */
    LIFECYCLE_ATTEMPTS_PER_MINUTE = 12,
};

enum lifecycle_state {
    LIFECYCLE_NONE,    /* no stream, and none asked for */
    LIFECYCLE_OPENING, /* asked for on `connection`: not yet answered by the peer */
    LIFECYCLE_OPEN,    /* the peer echoed our protocol */
    LIFECYCLE_WAITING, /* lost or refused; opened again at `retry_at` */
};

/* Connections are small integers of the caller's, unique among those alive: UINT64 for the case
 * that the caller counts them up. */
struct lifecycle {
    enum lifecycle_state state;
    bool wanted; /* the dial path or the peer's own stream asked for it; never taken back while a
                    connection lives */
    uint64_t connections[LIFECYCLE_CONNECTIONS_MAX]; /* oldest first */
    size_t connection_count;
    uint64_t connection; /* that carries the stream; in WAITING, that carried the last one */
    uint64_t attempt; /* counts up with each opening: tells an old stream's events from the new's */
    uint64_t opened_at;   /* ms, in OPEN */
    uint64_t retry_at;    /* ms, in WAITING */
    uint64_t retry_delay; /* ms, the next one */
    /* ms: the time of attempt N is at N modulo the size, as far as that many were made */
    uint64_t attempt_times[LIFECYCLE_ATTEMPTS_PER_MINUTE];
    unsigned opens_avoided; /* times that a second path asked while one was opening or open */
};

enum lifecycle_action_kind {
    LIFECYCLE_OPEN_STREAM,  /* open one on `connection`, and call it `attempt` from now on */
    LIFECYCLE_CLOSE_STREAM, /* reset the stream of `attempt` on `connection` if it still exists:
                               a half of it may, after a FIN or a refusal */
    LIFECYCLE_FORGET,       /* the last connection went: the caller frees the peer's state */
};

struct lifecycle_action {
    enum lifecycle_action_kind kind;
    uint64_t connection;
    uint64_t attempt;
};

enum { LIFECYCLE_ACTIONS_MAX = 3 }; /* that one event can cause */

/*
 * Each event takes the time in ms (never going back) and an array of LIFECYCLE_ACTIONS_MAX, and
 * returns how many actions it filled in. The caller carries them out in order, then goes on.
 */
void lifecycle_init(struct lifecycle *lifecycle);

/* A connection to the peer is up. False where LIFECYCLE_CONNECTIONS_MAX live already: the caller
 * closes it. Opens nothing by itself unless the stream is wanted and none is there. */
bool lifecycle_connection_added(struct lifecycle *lifecycle, uint64_t now, uint64_t connection,
                                struct lifecycle_action *actions, size_t *count);
/* A stream on it is lost with it, and opened again at once where another connection lives,
 * whichever of the two losses is told first. */
size_t lifecycle_connection_lost(struct lifecycle *lifecycle, uint64_t now, uint64_t connection,
                                 struct lifecycle_action *actions);
/* The dial path: status is done (or not spoken). Idempotent; without a connection it is remembered
 * until there is one, as is the next event. */
size_t lifecycle_dial_ready(struct lifecycle *lifecycle, uint64_t now,
                            struct lifecycle_action *actions);
/* The peer's own gossipsub stream arrived. Idempotent. */
size_t lifecycle_inbound_arrived(struct lifecycle *lifecycle, uint64_t now,
                                 struct lifecycle_action *actions);
/* The peer echoed our protocol on the stream of ATTEMPT; an old attempt's is ignored. */
size_t lifecycle_stream_opened(struct lifecycle *lifecycle, uint64_t now, uint64_t attempt,
                               struct lifecycle_action *actions);
/* The stream of ATTEMPT is gone: refused, reset by either side, ended by the peer, or could not be
 * opened. An old attempt's is ignored. */
size_t lifecycle_stream_lost(struct lifecycle *lifecycle, uint64_t now, uint64_t attempt,
                             struct lifecycle_action *actions);
/* `lifecycle_next_time` has come. */
size_t lifecycle_tick(struct lifecycle *lifecycle, uint64_t now, struct lifecycle_action *actions);
/* When to call lifecycle_tick, in ms; UINT64_MAX: never. */
uint64_t lifecycle_next_time(const struct lifecycle *lifecycle);

#endif
