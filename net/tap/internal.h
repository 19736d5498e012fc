/* What the files of this folder know of each other's. */
#ifndef NET_TAP_INTERNAL_H
#define NET_TAP_INTERNAL_H

#include <sys/queue.h>

#include "common/chunk.h"
#include "common/hash_table.h"
#include "net/qlog/packet.h"
#include "net/quic/stream.h"
#include "net/tap/tap.h"

enum {
    TAP_SILENCE_MS = 600000,  /* the nodes' own idle timeouts are shorter */
    TAP_HANDSHAKE_MS = 30000, /* for a node that is slow, or comes up while it is dialled */
    /* Bytes that a node may have under way on a leg, and are kept here until the other has them. */
    TAP_STREAM_WINDOW = 1 << 20, /* at most: the other node's own may be smaller */
    TAP_CONNECTION_WINDOW = 4 << 20,
    TAP_WINDOWS_MAX = 256 << 20, /* of all legs; later ones get narrow ones beyond it */
    TAP_NARROW_STREAM_WINDOW = 64 << 10,
    TAP_NARROW_CONNECTION_WINDOW = 128 << 10,
    TAP_UNANSWERED_MS = 1000, /* from then on the other side hears nothing either */
    TAP_STREAMS = 128,        /* before it is known how many a node allows */
    /* At one node. The nodes all dial from one host, many at once: that is no flood yet. */
    TAP_HANDSHAKES_BEFORE_RETRY = QUIC_CONNECTIONS_INBOUND_MAX / 2,
};

#define TAP_HOLDS_NOTHING TAP_HELD_NOWHERE

/* Bytes as they came in one STREAM frame. */
struct tap_piece {
    struct chunk *chunk;
    STAILQ_ENTRY(tap_piece) link;
};

/* What one side says on a stream, on its way to the other. */
struct tap_half {
    STAILQ_HEAD(, tap_piece) waiting;
    uint64_t arrived, passed, credited; /* bytes, from the first on */
    uint64_t told;                      /* of them, to the watcher */
    uint64_t hold_from;                 /* TAP_HOLDS_NOTHING, or the first byte that is kept */
    bool lost;                          /* and never handed on, at the connection's end either */
    bool ended, fin_apart, end_told, end_passed;
    enum tap_end how; /* TAP_FIN or TAP_RESET */
    uint64_t code;
    bool stopped, stop_told, stop_passed; /* by the other side */
    uint64_t stop_code;
};

struct tap_stream {
    struct tap_pair *pair;
    int64_t id;
    struct quic_stream *on[TAP_SIDES]; /* by leg; NULL before it is there, and after its end */
    bool was_on[TAP_SIDES];
    struct tap_half from[TAP_SIDES];
    bool opened_told, due;
    TAILQ_ENTRY(tap_stream) due_link; /* of the tap's: there may be something to carry */
    UT_hash_handle hh;
};

struct tap_pair {
    struct tap *tap;
    uint64_t number, began_ns;
    struct tap_node *nodes[TAP_SIDES];
    struct quic_connection *legs[TAP_SIDES];
    char id[QUIC_CONNECTION_ID_TEXT_SIZE];
    uint64_t windows; /* of both legs */
    bool front_first, connected, closed_told;
    bool unanswered[TAP_SIDES]; /* of both who fell silent first, and still is */
    struct tap_stream *streams;
    uint64_t wanted[TAP_SIDES];  /* streams of that side's that are to be there on the other leg */
    uint64_t opened[TAP_SIDES];  /* that are */
    uint64_t allowed[TAP_SIDES]; /* that the side may open in all, on its leg */
    uint64_t said[TAP_SIDES];
    bool ending; /* one leg is over, and the other is to be closed alike */
    struct quic_close close;
    struct chunk *said_at_close;
    TAILQ_ENTRY(tap_pair) link;
};

struct tap_node {
    struct tap *tap;
    char name[TAP_NAME_SIZE];
    struct identity *identity;
    struct quic_endpoint *endpoint;
    struct multiaddr address, real;
    size_t index; /* among the tap's */
    bool gone;
};

struct tap {
    struct tap_settings settings;
    struct tap_node **nodes;
    size_t node_count;
    TAILQ_HEAD(, tap_pair) pairs;
    TAILQ_HEAD(, tap_stream) due;
    size_t due_count, ending_count;
    struct event *wake;              /* carries what is due where no packet comes that would */
    struct qlog_packet_event record; /* the one that is read */
    uint64_t last_number, windows;
    bool shut_down;
    struct tap_statistics statistics;
};

/* ---- tap.c ---- */
struct tap_node *tap_node_at(const struct tap *tap, const struct multiaddr *real);
struct tap_node *tap_node_called(const struct tap *tap, const struct peer_id *id);

/* ---- legs.c: what net/quic tells ---- */
extern const struct quic_handlers tap_handlers; /* their context is a tap_node */

/* ---- pair.c ---- */
enum tap_side tap_pair_side_of(const struct tap_pair *pair,
                               const struct quic_connection *connection);
/* Somebody dials NODE. */
enum quic_admission tap_pair_arrives(struct tap_node *node, struct quic_connection *front,
                                     const struct multiaddr *remote, struct quic_policy *policy);
bool tap_pair_judge(struct tap_pair *pair, enum tap_side side, const struct peer_id *peer,
                    struct error *reason);
void tap_pair_established(struct tap_pair *pair, enum tap_side side);
void tap_pair_leg_closed(struct tap_pair *pair, enum tap_side side, const struct quic_close *close);
/* Closes the leg that is left, once what was said before is out. */
void tap_pair_end(struct tap_pair *pair);

/* ---- carry.c: what is said on a stream, told and carried ---- */
struct tap_stream *tap_stream_find(const struct tap_pair *pair, int64_t id);
/* STREAM, which a node has opened, has come on the leg to SIDE. */
void tap_stream_opened(struct tap_pair *pair, enum tap_side side, struct quic_stream *stream);
/* Opens on the other leg what OPENER has opened, as far as that is allowed. */
void tap_streams_open(struct tap_pair *pair, enum tap_side opener);
/* OPENER may open as many as the other allows us. */
void tap_streams_allow(struct tap_pair *pair, enum tap_side opener);
void tap_stream_data(struct tap_stream *stream, enum tap_side from, struct bytes data, bool fin);
void tap_stream_reset(struct tap_stream *stream, enum tap_side by, uint64_t code);
/* Told while packets are read: it is carried when the tap settles. */
void tap_stream_stopped(struct tap_stream *stream, enum tap_side by, uint64_t code);
/* There may be something to carry when the tap settles. */
void tap_stream_mark(struct tap_stream *stream);
void tap_stream_acknowledged(struct tap_stream *stream, enum tap_side by);
void tap_stream_leg_closed(struct tap_stream *stream, enum tap_side side);
/* Both are connected: the watcher is told what has come until now, and it is carried. */
void tap_streams_begin(struct tap_pair *pair);
/* Carries what is due. */
void tap_streams_settle(struct tap *tap);
/* Releases what is held and not lost. */
void tap_streams_release(struct tap_pair *pair);
/* Whether all that was said is out on the leg to SIDE, or waits for its node alone. */
bool tap_streams_are_out(const struct tap_pair *pair, enum tap_side side);
void tap_streams_free(struct tap_pair *pair);

/* ---- records.c: what ngtcp2 tells in its log's records alone ---- */
/* RECORD is of the leg to SIDE: PINGs and STOP_SENDING of its node. */
void tap_record(struct tap_pair *pair, enum tap_side side, struct bytes record);

#endif
