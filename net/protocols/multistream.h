/*
 * Which protocol a stream speaks: multistream-select 1.0, as a pure state machine a stream.
 * Specification: multiformats/multistream-select; habits of real peers: optimistic data, `na`.
 *
 * Bytes in, bytes out: nothing here knows of QUIC. Negotiation is the opener's proposal of one
 * protocol (another is proposed on a new stream) or the responder's answer to any number.
 */
#ifndef NET_PROTOCOLS_MULTISTREAM_H
#define NET_PROTOCOLS_MULTISTREAM_H

#include "common/buffer.h"
#include "common/error.h"

enum {
    MULTISTREAM_MESSAGE_MAX = 1024, /* length of one message, the newline counted */
    MULTISTREAM_PROPOSALS_MAX = 16, /* proposals that a responder answers on one stream */
};

enum multistream_state {
    MULTISTREAM_PENDING,
    MULTISTREAM_DONE,     /* `protocol` is agreed; what follows in the input is the protocol's */
    MULTISTREAM_REJECTED, /* opener only: the peer answered `na` */
    MULTISTREAM_FAILED,   /* the error says what the peer sent */
};

struct multistream {
    enum multistream_state state;
    bool opener;
    bool header_seen;
    unsigned proposals;
    char protocol[MULTISTREAM_MESSAGE_MAX]; /* proposed by the opener, or last asked of the
                                               responder */
    struct buffer input; /* what is not yet a whole message; at most one message */
};

/* True where a stream may speak PROTOCOL. */
typedef bool (*multistream_knows)(void *context, const char *protocol);

/* The opener: header and proposal are appended to OUTPUT at once. PROTOCOL is one of ours, shorter
 * than MULTISTREAM_MESSAGE_MAX. */
void multistream_open(struct multistream *negotiation, const char *protocol, struct buffer *output);
/* The responder: its header is appended to OUTPUT when the peer's has come, before the first
 * answer: an opener may wait for it before it proposes. */
void multistream_accept(struct multistream *negotiation);
/*
 * Takes bytes of the peer and returns how many belong to the negotiation; those behind it, once the
 * state is MULTISTREAM_DONE, are the protocol's. Answers are appended to OUTPUT. KNOWS is used by
 * the responder alone; unknown proposals are answered `na`, and `ls` is too. What is no legible
 * message fails: behind `na` that is what an optimistic opener sent for the protocol refused.
 */
size_t multistream_receive(struct multistream *negotiation, struct bytes data,
                           multistream_knows knows, void *context, struct buffer *output,
                           struct error *error);
void multistream_clear(struct multistream *negotiation);

#endif
