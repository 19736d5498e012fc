/*
 * One connection attempt, from the first packet to the mesh, told step by step: what devnet-connect
 * prints, and what POST /connect answers. Pure: events and a time in; steps, what to do and an
 * outcome out. What drives it is in attempt_driver.h.
 *
 * Steps come in the order in which they happen: handshake (complete and verified), confirmed (the
 * peer has accepted us too), status, streams (gossipsub open both ways), mesh, and identify, which
 * is never on the path to the mesh and is asked once our gossipsub stream is open, or at once where
 * it is what the caller wants.
 *
 * mesh means: the peer's GRAFT arrived, or ours drew no PRUNE for one round trip after it was
 * acknowledged.
 */
#ifndef NET_HOST_ATTEMPT_H
#define NET_HOST_ATTEMPT_H

#include "common/error.h"
#include "net/gossipsub/router.h"
#include "net/host/protocol_end.h"

enum {
    ATTEMPT_GRACE_MS = 500, /* for answers that are under way when the goal is reached */
    ATTEMPT_ROUND_TRIP_MIN_US = 1000,
    ATTEMPT_TOPICS_SHOWN_MAX = 8, /* in an error message, of each side */
    /* A text of ERROR_TEXT_SIZE, each of whose bytes may become a U+FFFD. */
    ATTEMPT_TEXT_SIZE = 3 * ERROR_TEXT_SIZE,
    ATTEMPT_NO_PEER = UINT32_MAX,
};

enum attempt_step {
    ATTEMPT_HANDSHAKE,
    ATTEMPT_IDENTIFY,
    ATTEMPT_STATUS,
    ATTEMPT_STREAMS,
    ATTEMPT_MESH,      /* the last that can be a goal */
    ATTEMPT_CONFIRMED, /* goes with the handshake */
    ATTEMPT_STEPS,
};

/* Those that can be a goal: "handshake", ..., NULL at the end. */
extern const char *const attempt_step_names[];
const char *attempt_step_name(enum attempt_step step);

/* Exit codes of devnet-connect. */
enum attempt_exit {
    ATTEMPT_REACHED = 0,
    ATTEMPT_INTERNAL = 1,
    ATTEMPT_UNREACHABLE = 3,
    ATTEMPT_TLS = 4,
    ATTEMPT_PROTOCOL = 5,
    ATTEMPT_STATUS_FAILED = 6,
    ATTEMPT_STREAM_FAILED = 7,
    ATTEMPT_MESH_FAILED = 8,
};

/* Each is named for what is awaited; the table in attempt.c says what its want means. */
enum attempt_state {
    ATTEMPT_AWAITS_NAME,    /* of whom we dial: being resolved */
    ATTEMPT_AWAITS_ANSWER,  /* of whom we dial */
    ATTEMPT_AWAITS_DIALLER, /* whoever it is */
    ATTEMPT_AWAITS_ECHO,    /* of our ping, on a connection that existed already */
    ATTEMPT_AWAITS_CONFIRMATION,
    ATTEMPT_AWAITS_IDENTIFY,
    ATTEMPT_AWAITS_STATUS,
    ATTEMPT_AWAITS_STREAMS,
    ATTEMPT_AWAITS_MESH,
    ATTEMPT_AWAITS_STRAGGLERS, /* the goal is reached: what is under way may come yet */
    ATTEMPT_ENDS,              /* nothing is told any more */
    ATTEMPT_STATES,
};

struct attempt_settings {
    enum attempt_step until;
    const char *topic; /* expanded, borrowed; NULL: any topic that both subscribe */
    uint64_t timeout_ms;
};

enum attempt_grafted_by {
    GRAFTED_BY_NOBODY,
    GRAFTED_BY_US, /* counts once a round trip has passed without a PRUNE */
    GRAFTED_BY_PEER,
    GRAFTED_EARLIER, /* before the attempt began */
};

/* ---- events ---- */

enum attempt_event_kind {
    ATTEMPT_HEARD_NAME_FAILED,     /* reason, loss: no dial came of it */
    ATTEMPT_HEARD_DIALLING,        /* connection; again: of several, the one that counts */
    ATTEMPT_HEARD_DIAL_FAILED,     /* connection, loss, reason, handshake_timeout_ms */
    ATTEMPT_HEARD_ACCEPT_FAILED,   /* loss, reason */
    ATTEMPT_HEARD_CONNECTED,       /* peer, connection, dialled, started_ns */
    ATTEMPT_HEARD_ALREADY_THERE,   /* the same, of one to be dialled */
    ATTEMPT_HEARD_PONG,            /* the same; confirmed, status */
    ATTEMPT_HEARD_PING_FAILED,     /* the same; end, reason */
    ATTEMPT_HEARD_CONFIRMED,       /* connection */
    ATTEMPT_HEARD_STATUS,          /* connection */
    ATTEMPT_HEARD_STATUS_FAILED,   /* connection, by_peer: it asked; end, reason */
    ATTEMPT_HEARD_IDENTIFIED,      /* */
    ATTEMPT_HEARD_IDENTIFY_FAILED, /* end, reason */
    ATTEMPT_HEARD_STREAM_OPENED,   /* */
    ATTEMPT_HEARD_STREAM_REFUSED,  /* ours: end, reason */
    ATTEMPT_HEARD_STREAM_CLOSED,   /* by_peer: the peer's own; end, reason or NULL */
    ATTEMPT_HEARD_GRAFT,           /* topic, by_peer */
    ATTEMPT_HEARD_MESH_LEFT,       /* topic, by_peer */
    ATTEMPT_HEARD_GRAFT_REFUSED,   /* topic: a PRUNE arrived */
    ATTEMPT_HEARD_ACKNOWLEDGEMENT, /* of our last GRAFT: round_trip_us */
    ATTEMPT_HEARD_DISCONNECTED,    /* connection, loss, reason; last: none is left */
    ATTEMPT_HEARD_ABANDONED,       /* by the caller: exit, reason */
    ATTEMPT_HEARD_TIME,            /* attempt_next_time() has come; answered, reason: what came
                                      in place of an answer, clauses each behind "; ", or NULL;
                                      loss: of addresses that have failed already */
    ATTEMPT_EVENT_KINDS,
};

/* Why a connection is no more, or has never been. */
enum attempt_loss {
    ATTEMPT_LOST,
    ATTEMPT_LOST_UNANSWERED, /* nothing came back before the handshake's time was over */
    ATTEMPT_LOST_TLS,        /* we did not accept the peer */
    ATTEMPT_LOST_REFUSED,    /* the peer did not accept us */
    ATTEMPT_LOST_LEAVE,      /* the peer has taken its leave */
    ATTEMPT_LOST_OURS,       /* never begun, as we have not what it takes: sockets, for example */
};

enum attempt_known_status { ATTEMPT_STATUS_UNKNOWN, ATTEMPT_STATUS_KNOWN, ATTEMPT_STATUS_REFUSED };

/* A topic that either side subscribes to, as it stands between us and the peer. */
struct attempt_topic {
    const char *name;
    bool ours, theirs; /* subscribed to */
    bool meshed;       /* the peer is in our mesh */
    bool pruned;       /* no GRAFT of ours may stand: the peer is in a backoff */
};

/* How things stand with the peer, streams being gossipsub's. */
struct attempt_view {
    bool outbound_exists, outbound_open, inbound_open;
    bool identify_asked, identified;
    const struct attempt_topic *topics;
    size_t topic_count;
};

/* Texts are borrowed for the time of the call, and of the reading of what comes out of it. */
struct attempt_event {
    enum attempt_event_kind kind;
    gossipsub_peer peer; /* who it is about, from CONNECTED to DISCONNECTED */
    uint64_t connection; /* its number; never 0 */
    bool dialled;        /* by us */
    uint64_t started_ns; /* the first packet's time */
    uint64_t handshake_timeout_ms;
    bool confirmed;
    enum attempt_known_status status;
    bool by_peer;
    enum protocol_end end;
    enum attempt_loss loss;
    bool last;
    int exit;
    const char *topic;
    const char *reason;
    uint64_t round_trip_us;
    bool answered; /* whom we dial: with anything that was understood */
    struct attempt_view view;
};

/* ---- what comes of them ---- */

struct attempt_told {
    enum attempt_step step;
    bool ok;
    bool not_spoken;   /* passed over */
    bool existed;      /* of handshake: the connection was there, and has proven to live */
    uint64_t after_us; /* the first packet; never less than of the step before */
    const char *text;  /* what failed, or why it was passed over; otherwise NULL */
    const char *topic; /* of mesh, as the next */
    enum attempt_grafted_by grafted_by;
};

/* Each step comes once, and one failure. */
enum { ATTEMPT_TOLD_MAX = ATTEMPT_STEPS + 1 };

/* Texts live until the next event. */
struct attempt_output {
    struct attempt_told told[ATTEMPT_TOLD_MAX];
    size_t count;
    bool ask_identify; /* the peer, on the event's connection, before it hears anything else */
    bool ping;         /* the same */
};

struct attempt_outcome {
    const char *reached; /* a step's name, or "none" */
    int exit;            /* enum attempt_exit, or what it was abandoned with */
    const char *error;   /* NULL: none */
};

/* Private to attempt*.c, but for what is said to be read. */
struct attempt {
    struct attempt_settings settings;
    enum attempt_state state; /* may be read */
    gossipsub_peer peer;      /* may be read; ATTEMPT_NO_PEER where it is not connected */
    uint64_t connection;      /* that is dialled, then the one that is followed; 0: none */
    bool dialled;             /* by us: then we ask for the status, and gossip waits for it */
    bool done[ATTEMPT_STEPS]; /* no more is to come of it */
    bool outbound_seen, inbound_seen; /* gossipsub streams, open when we last looked */

    enum attempt_grafted_by grafted_by; /* the GRAFT that stands, on: */
    char grafted[GOSSIPSUB_TOPIC_SIZE_MAX + 1];
    bool acknowledged; /* by the peer: it has our GRAFT */
    uint64_t round_trip_us;

    uint64_t started_ns; /* 0: nobody has come */
    uint64_t last_us;
    uint64_t deadline_ns; /* of the whole, then of the grace for stragglers */
    uint64_t mesh_at_ns;  /* our GRAFT has stood; UINT64_MAX: none does */

    int exit; /* of the first failure; there is none after the goal */
    char failed_text[ATTEMPT_TEXT_SIZE], error[ATTEMPT_TEXT_SIZE];
    struct error accept_failed; /* the last inbound handshake that led nowhere */
};

/* Times are of a monotonic clock in ns, and never go back. ACCEPT: waits for the next peer that
 * dials; otherwise somebody's name is being resolved. */
void attempt_init(struct attempt *attempt, const struct attempt_settings *settings, bool accept,
                  uint64_t now_ns);
/* Whether the event changes anything: where not, its view need not be filled in. */
bool attempt_hears(const struct attempt *attempt, const struct attempt_event *event);
/* Takes one event. What is told of it is in OUTPUT; at ATTEMPT_ENDS the caller ends the attempt
 * once it is back in its loop, and until then tells of the peer's going. */
void attempt_take(struct attempt *attempt, uint64_t now_ns, const struct attempt_event *event,
                  struct attempt_output *output);
/* When to tell ATTEMPT_HEARD_TIME; UINT64_MAX: never. */
uint64_t attempt_next_time(const struct attempt *attempt);
struct attempt_outcome attempt_outcome(const struct attempt *attempt);

#endif
