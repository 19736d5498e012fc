/*
 * The two connections of one dial through the tap, and what goes over them. The *front* is the leg
 * to the dialler, to which we are the listener, with its identity; the *back* is the leg to the
 * listener, to which we are the dialler. Streams have the same ids on both. Each side's bytes, FIN,
 * RESET_STREAM and STOP_SENDING reach the other in their order; so does the end of the connection.
 */
#ifndef NET_TAP_PAIR_H
#define NET_TAP_PAIR_H

#include "net/quic/connection.h"
#include "net/tap/side.h"

struct tap_node;
struct tap_pair;

/*
 * Told of everything before it is carried; any may be NULL. Nothing is told of a pair before
 * `connected`, which some never come to, but `closed`. Handlers may call the functions below.
 */
struct tap_watcher {
    /* Both handshakes are complete: who the two are is proven. */
    void (*connected)(void *context, struct tap_pair *pair);
    void (*stream_opened)(void *context, struct tap_pair *pair, int64_t stream,
                          enum tap_side opener);
    void (*stream_data)(void *context, struct tap_pair *pair, int64_t stream, enum tap_side from,
                        struct bytes data);
    /* CODE is of RESET_STREAM and STOP_SENDING. */
    void (*stream_ended)(void *context, struct tap_pair *pair, int64_t stream, enum tap_side by,
                         enum tap_end how, uint64_t code);
    /* It is over on both legs, or the pair is. */
    void (*stream_closed)(void *context, struct tap_pair *pair, int64_t stream);
    /* Once for each pair: the leg to SIDE ended. What the tap itself found wrong, and not that
     * side's node, has a cause that says so: QUIC_TLS_FAILED, QUIC_PROTOCOL_ERROR and
     * QUIC_CLOSED_BY_US. The pair is gone afterwards. */
    void (*closed)(void *context, struct tap_pair *pair, enum tap_side side,
                   const struct quic_close *close);
};

/* Counts up, from 1; never used twice by a tap. */
uint64_t tap_pair_number(const struct tap_pair *pair);
/* The original destination connection id of both legs, hexadecimal. */
const char *tap_pair_id(const struct tap_pair *pair);
bool tap_pair_is_connected(const struct tap_pair *pair);
/* Whether it is, or was before it ended. */
bool tap_pair_was_connected(const struct tap_pair *pair);
/* NULL where it is not known who dials. */
const struct tap_node *tap_pair_node(const struct tap_pair *pair, enum tap_side side);
/* The dialler came from an address that is no node's: its certificate told who it is, and the
 * listener was dialled after that. */
bool tap_pair_front_first(const struct tap_pair *pair);
/* NULL before it begins and after its end. */
struct quic_connection *tap_pair_leg(const struct tap_pair *pair, enum tap_side side);
/* Monotonic: when the dialler's first packet came. */
uint64_t tap_pair_began_ns(const struct tap_pair *pair);
/* Bytes of stream data that SIDE has said. */
uint64_t tap_pair_said(const struct tap_pair *pair, enum tap_side side);
/* Streams that are not over. */
size_t tap_pair_streams(const struct tap_pair *pair);
/* The pairs of a tap, the oldest first. */
struct tap_pair *tap_pair_next(const struct tap_pair *pair);

/* What is done to streams on purpose; nothing where there is no such stream. */

#define TAP_HELD_NOWHERE UINT64_MAX

/* Keeps what FROM says on the stream from byte OFFSET on, its end included, until it is released.
 * What was handed on already is not called back. */
void tap_pair_hold(struct tap_pair *pair, int64_t stream, enum tap_side from, uint64_t offset);
/* The same, and nothing releases it. */
void tap_pair_lose(struct tap_pair *pair, int64_t stream, enum tap_side from, uint64_t offset);
/* Hands on what stands before byte UNTIL; TAP_HELD_NOWHERE: all. */
void tap_pair_release(struct tap_pair *pair, int64_t stream, enum tap_side from, uint64_t until);
/* Has FROM propose another protocol, which nobody has, to the other side: of a name that begins at
 * byte OFFSET as many of its SIZE bytes are changed as are not handed on yet. False where that
 * leaves the name as it is. */
bool tap_pair_rename(struct tap_pair *pair, int64_t stream, enum tap_side from, uint64_t offset,
                     size_t size);
/* Ends the stream as if each side had reset it, RESET_STREAM and STOP_SENDING with CODE to both. */
void tap_pair_reset(struct tap_pair *pair, int64_t stream, uint64_t code);

#endif
