/*
 * Reads what two nodes say to each other on the streams of one connection: negotiation, gossipsub's
 * RPCs, status, requests, identify. Pure: bytes and times go in, facts come out; where the bytes
 * come from it does not know. What it keeps of a stream is bounded, whatever is said.
 *
 * Specifications: multistream-select 1.0; libp2p pubsub/README.md; Lean's Req/Resp.
 */
#ifndef NET_TAP_OBSERVER_H
#define NET_TAP_OBSERVER_H

#include "net/tap/fact.h"

enum {
    TAP_PAYLOAD_MAX = 64 * 1024, /* of a status, an identify answer and the like */
    TAP_STREAMS_MAX = 4096, /* looked at at a time; of others nothing is told: they are counted */
};

struct tap_observer;

/* FACT is valid until it returns. */
typedef void tap_observer_told(void *context, const struct tap_fact *fact);

struct tap_observer *tap_observer_new(tap_observer_told *told, void *context);
void tap_observer_free(struct tap_observer *observer);

/* What comes, in its order, each with the time in microseconds on a clock of the caller's. */
void tap_observer_opened(struct tap_observer *observer, int64_t stream, enum tap_side opener,
                         uint64_t time_us);
void tap_observer_data(struct tap_observer *observer, int64_t stream, enum tap_side from,
                       struct bytes data, uint64_t time_us);
void tap_observer_ended(struct tap_observer *observer, int64_t stream, enum tap_side by,
                        enum tap_end how, uint64_t code, uint64_t time_us);
void tap_observer_closed(struct tap_observer *observer, int64_t stream, uint64_t time_us);

/* The connection is: what its end breaks off on streams that are not. */
void tap_observer_over(struct tap_observer *observer, uint64_t time_us);

/* Streams that were not looked at, since TAP_STREAMS_MAX were. */
uint64_t tap_observer_passed_over(const struct tap_observer *observer);

#endif
