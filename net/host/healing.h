/*
 * A peer that we dialled and that says nothing: it may still hold a connection of ours from before
 * a restart, and no stack makes up with us on a second one while it does. So what we have is
 * closed, the peer's idle timeout waited for, and the peer dialled anew. Pure: events and a time
 * go in, an action comes out.
 *
 * A peer that opened no gossipsub stream is given three chances, with the wait doubled each time;
 * one that opened a stream and announced no topic gets one, for a peer without topics looks the
 * same. Then the connection stays as it is.
 */
#ifndef NET_HOST_HEALING_H
#define NET_HOST_HEALING_H

#include <stdbool.h>
#include <stdint.h>

enum {
    /* For what a sound peer says within a few round trips. By then its last keep-alive on a dead
     * connection has gone out, too (5 s at most after what it last heard, with our idle timeout),
     * from which its idle timeout is reckoned anew. */
    HEALING_PATIENCE_MS = 5250,
    HEALING_TRIES_MAX = 3,
    HEALING_SILENT_TRIES_MAX = 1,
};

enum healing_state {
    HEALING_APART,    /* not connected, or by the peer's own dial: nothing to be done */
    HEALING_WATCHING, /* connected by our dial */
    HEALING_WAITING,  /* closed, until the peer's idle timeout is over */
    HEALING_SETTLED,  /* it has announced a topic, or nothing more is tried */
};

enum healing_event {
    HEALING_CONNECTED, /* by our dial, and by no other connection */
    HEALING_LEFT,      /* that connection is gone, or the peer has made one of its own */
    HEALING_SPEAKS,    /* the peer is known to speak gossipsub */
    HEALING_STREAM,    /* it opened a gossipsub stream */
    HEALING_TOPIC,     /* it announced a topic */
    HEALING_TICK,      /* `healing_next_time` has come */
};

enum healing_action {
    HEALING_NOTHING,
    HEALING_CLOSE,   /* close every connection; `wait_ms` from now on none may be made */
    HEALING_DIAL,    /* the wait is over */
    HEALING_GIVE_UP, /* it stays as it is */
    HEALING_HEALED,  /* it speaks to us again */
};

/* Zeroed at first. */
struct healing {
    enum healing_state state;
    uint64_t idle_timeout_ms; /* of the present connection, set by the caller */
    bool speaks, has_stream;
    unsigned tries, silent_tries; /* since the peer last announced a topic */
    unsigned attempt;             /* the number of the last HEALING_CLOSE, from 1 */
    uint64_t wait_ms;             /* of that */
    uint64_t at;                  /* ms, when HEALING_TICK is due */
};

/* Takes the time in ms (never going back); what it returns is carried out before anything else. */
enum healing_action healing_take(struct healing *healing, uint64_t now, enum healing_event event);
/* In ms; UINT64_MAX: never. */
uint64_t healing_next_time(const struct healing *healing);

#endif
