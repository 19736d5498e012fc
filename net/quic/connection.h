/* One QUIC connection to one libp2p peer. RFC 9000; libp2p specification: tls/tls.md. */
#ifndef NET_QUIC_CONNECTION_H
#define NET_QUIC_CONNECTION_H

#include "net/quic/certificate_peer.h"
#include "net/quic/endpoint.h"

struct qlog_field;

enum { QUIC_CONNECTION_ID_TEXT_SIZE = 41 };

/* "handshake_timeout", "closed_by_peer" and so on; static. */
const char *quic_close_cause_name(enum quic_close_cause cause);

/* What is known from the handshake on. */
struct quic_connection_facts {
    struct peer_id peer_id;
    enum key_type key_type;
    bool dialled;
    bool confirmed;
    bool asked;         /* dialled: the peer asked for our certificate, and knows who we are */
    const char *cipher; /* "AES-128-GCM"; static */
    const char *group;  /* "X25519"; static */
    uint32_t quic_version;
    struct multiaddr remote;               /* with the peer id */
    char id[QUIC_CONNECTION_ID_TEXT_SIZE]; /* original destination connection id, hexadecimal */
    uint64_t started_ns; /* monotonic; the dialler's first packet, or its arrival */
    uint64_t established_ns;
    uint64_t rtt_us;          /* smoothed; 0 until measured */
    uint64_t idle_timeout_ms; /* the shorter of both sides' */
    uint64_t bytes_in, bytes_out;
};

void quic_connection_facts(const struct quic_connection *connection,
                           struct quic_connection_facts *facts);
/* Of a dial that nobody has answered, what came in place of an answer: "" or clauses, each behind
 * "; ", such as "; ICMP came back: Connection refused". It is cut off at SIZE. */
void quic_connection_in_place_of_answer(const struct quic_connection *connection, char *text,
                                        size_t size);
/* The peer's, once the connection is established. */
const struct certificate_peer *
quic_connection_certificate(const struct quic_connection *connection);
/* Of the peer's signature in the handshake: "ECDSA-SECP256R1-SHA256"; static. */
const char *quic_connection_signature(const struct quic_connection *connection);
bool quic_connection_is_established(const struct quic_connection *connection);
/* Counts up, from 1; never used twice by an endpoint. */
uint64_t quic_connection_number(const struct quic_connection *connection);
struct quic_connection *quic_connection_next(const struct quic_connection *connection);

/* Whatever the owner wants to find again; NULL at first. */
void *quic_connection_user(const struct quic_connection *connection);
void quic_connection_set_user(struct quic_connection *connection, void *user);

/* The end of QUIC_HOLD: what has arrived is read now, and may be answered, or the peer is told
 * CONNECTION_REFUSED. Without effect on any other connection. POLICY takes the place of the
 * endpoint's, and NULL leaves that. WAITING, where it is not NULL, is another connection that sends
 * nothing more before what has arrived was read: a close may be in it. */
void quic_connection_admit(struct quic_connection *connection, const struct quic_policy *policy,
                           struct quic_connection *waiting);
void quic_connection_refuse(struct quic_connection *connection);
/* The same with another code and what is `said`; an application's close is said as
 * APPLICATION_ERROR (RFC 9000, section 10.2.3). */
void quic_connection_refuse_as(struct quic_connection *connection, const struct quic_close *close);

/* The peer may open COUNT more streams, where the policy leaves that to the owner: one for each of
 * its own that is over, unless more are to be open at a time. */
void quic_connection_allow_streams(struct quic_connection *connection, size_t count);
/* How many more we may open now. */
uint64_t quic_connection_streams_left(const struct quic_connection *connection);
/* quic_stream_credit of a stream that is over: of the connection's window alone. */
void quic_connection_credit(struct quic_connection *connection, size_t size);

/* Of a side's transport parameters (RFC 9000, section 18.2) those that bind the other. */
struct quic_limits {
    uint64_t idle_timeout_ms; /* 0: none */
    uint64_t stream_window;   /* bytes, of a stream that the other opens */
    uint64_t connection_window;
    uint64_t streams_max;     /* bidirectional ones that the other may open at first */
    uint64_t uni_streams_max; /* unidirectional ones, of which we take none */
};

/* False until they are known: in the handshake. */
bool quic_connection_peer_limits(const struct quic_connection *connection,
                                 struct quic_limits *limits);
/* What we have told the peer. */
void quic_connection_own_limits(const struct quic_connection *connection,
                                struct quic_limits *limits);

/* Sends CONNECTION_CLOSE with an application error code after what this turn of the loop has
 * written. `connection_closed` follows. */
void quic_connection_close(struct quic_connection *connection, uint64_t code, const char *reason);
/* The same with what CLOSE says: `application`, `code` and as much of `said` as
 * QUIC_CLOSE_REASON_MAX allows, which is copied. So one peer's close can be passed on to another,
 * but for the type of frame that led to it: ngtcp2 always writes 0, unknown. */
void quic_connection_close_as(struct quic_connection *connection, const struct quic_close *close);
/*
 * Says nothing more to the peer, as if we had been killed: no close, no answer, no stateless reset.
 * `connection_closed` follows, as QUIC_CLOSED_BY_US. What still comes is dropped, and the
 * connection keeps its place among the endpoint's until nothing has come for the longer of the idle
 * and the handshake timeout, or the endpoint is shut down.
 */
void quic_connection_leave(struct quic_connection *connection);

/* While it is deaf, what comes is dropped, as if it had been lost on the way, but for the sign of
 * life that `connection_unanswered` tells of: for who can have nothing heard further on. */
void quic_connection_deafen(struct quic_connection *connection, bool deaf);

/* Takes the peer for one that does not answer, as `connection_unanswered` tells at once, until
 * all is acknowledged; a PING asks for it. */
void quic_connection_doubt(struct quic_connection *connection);

/* Forgets the connection as a process does that ends: a stateless reset (RFC 9000, section 10.3)
 * tells the peer at once, where it has sent anything, and answers what still comes. The first, one
 * a connection, is within no QUIC_RESETS_PER_SECOND: however many are forgotten at once, each peer
 * is told. `connection_closed` follows, as QUIC_CLOSED_BY_US. */
void quic_connection_reset(struct quic_connection *connection);

/*
 * Asks the peer for a sign of life at once. Where none comes within a few probe timeouts (a second
 * at least) the connection is closed as QUIC_IDLE_TIMEOUT, long before it would be by itself: for
 * connections of a peer that has come on another one, and may have been restarted.
 */
void quic_connection_probe(struct quic_connection *connection);

/* Sends a PING (RFC 9000, section 19.2), and lets nothing hang on its answer. */
void quic_connection_ping(struct quic_connection *connection);

/* Adds an event of ours, with COUNT fields, to the connection's QUIC log, if there is one: see
 * net/qlog/events.h. */
void quic_connection_log(struct quic_connection *connection, const char *name,
                         const struct qlog_field *fields, size_t count);
bool quic_connection_has_log(const struct quic_connection *connection);

#endif
