/* A connection attempt's insides: what attempt.c begins and ends, and attempt_events.c follows. */
#ifndef NET_HOST_ATTEMPT_STATE_H
#define NET_HOST_ATTEMPT_STATE_H

#include "net/host/attempt.h"

enum grafted_by {
    GRAFTED_BY_US, /* counts once a round trip has passed without a PRUNE */
    GRAFTED_BY_PEER,
    GRAFTED_EARLIER, /* before the attempt began */
};

struct attempt {
    struct host *host;
    struct attempt_settings settings;
    char *topic;
    const struct attempt_handlers *handlers;
    void *context;
    struct host_observer observer;
    struct resolver_query *query;
    struct event *timeout;    /* of the whole attempt, then of the grace for what is under way */
    struct event *mesh_timer; /* one round trip after our GRAFT was acknowledged */
    struct event *finish;     /* ends it from the loop, never from within a caller */
    json_t *result, *steps;
    bool accept;
    char target[MULTIADDR_TEXT_SIZE];
    uint64_t dial; /* number of the connection that is dialled, then of the one that is followed */
    bool dialled;  /* by us: then it is we who ask for the status, and gossip waits for it */
    uint64_t started_ns;
    double last_ms;
    struct peer *peer;          /* while it is connected */
    struct error accept_failed; /* the last inbound handshake that led nowhere */

    bool done[ATTEMPT_MESH + 1];
    bool confirmed;
    bool outbound_open, inbound_open;
    bool identify_ended;
    char *grafted; /* a topic on which a GRAFT stands */
    enum grafted_by grafted_by;
    bool acknowledged;
    uint64_t round_trip_us;

    bool reached, failed;
    bool finishing; /* nothing is added any more */
    int exit;
    struct error error;
};

/* ---- attempt.c ---- */

/* Takes over DETAILS, which may be NULL. */
void attempt_add_step(struct attempt *attempt, const char *name, bool ok, json_t *details);
/* The step is done, and with it perhaps everything. */
void attempt_complete(struct attempt *attempt, enum attempt_step step);
/* Ends it soon, as failed at STEP. The first failure counts, and none after the goal. */
void attempt_fail(struct attempt *attempt, int code, const char *step, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Ends it soon, where the goal is reached and nothing more is awaited beside it. */
void attempt_finish_if_whole(struct attempt *attempt);
/* What the peer is, beside what the steps say; before it goes. */
void attempt_describe_peer(struct attempt *attempt);
bool attempt_is_goal(const struct attempt *attempt, enum attempt_step step);
/* Status comes before gossip where we ask; a peer that dialled us may leave it out. */
bool attempt_waits_for_status(const struct attempt *attempt);

/* A step that is not done yet, and the exit code that stands for it. */
struct attempt_wait {
    const char *step;
    int exit;
};
struct attempt_wait attempt_waits_for(const struct attempt *attempt);

/* ---- attempt_events.c ---- */

void attempt_on_event(void *context, const struct host_event *event);
void attempt_on_mesh_timer(int fd, short what, void *argument);
/* Follows a peer that is connected already: its steps are told as they stand. */
void attempt_adopt(struct attempt *attempt, struct peer *peer);
/* Whether a topic is what the caller asked for. */
bool attempt_wants(const struct attempt *attempt, const char *topic);
/* Whether there is a topic to mesh on. */
bool attempt_shares_topic(const struct attempt *attempt);

#endif
