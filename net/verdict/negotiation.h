/*
 * What a stream was used for, inferred from the number of bytes each way: logs hold neither payload
 * nor protocol names, but multistream-select's messages have lengths of their own.
 */
#ifndef NET_VERDICT_NEGOTIATION_H
#define NET_VERDICT_NEGOTIATION_H

#include "net/verdict/connections.h"

enum qlog_shape {
    QLOG_SHAPE_FOREIGN,  /* not libp2p's */
    QLOG_SHAPE_OPENING,  /* negotiation has not ended */
    QLOG_SHAPE_REFUSED,  /* answered `na`, nothing proposed since */
    QLOG_SHAPE_GOSSIP,   /* used in one direction, by its opener, after a 14-character protocol */
    QLOG_SHAPE_EXCHANGE, /* request and response, ping, identify */
    QLOG_SHAPE_UNTOLD,   /* the log does not tell how many bytes passed */
};

struct qlog_use {
    enum qlog_shape shape;
    uint64_t negotiation; /* gossip: the opener's bytes that were negotiation */
    bool unanswered;      /* exchange: the answer to the negotiation and no byte more */
    bool ping;            /* exchange: every byte after the negotiation was echoed */
    bool claimed;         /* an event of ours tells, and not the shape */
    bool heard;           /* a tap heard the protocol, and the shape is by that */
};

/* Whether what passed on a stream that is not unidirectional looks like libp2p's negotiation, which
 * both ends begin with the same 20 bytes. */
bool qlog_is_multistream(const struct qlog_joined_stream *stream);
struct qlog_use qlog_use_of(const struct qlog_connection *connection,
                            const struct qlog_joined_stream *stream);
/* "gossip", "exchange", "ping", "refused", "opening", "foreign" or "untold". */
const char *qlog_use_name(const struct qlog_use *use);
/* Whether what is missing of the exchange has not reached its other end: a tap holds it. */
bool qlog_is_held(const struct qlog_joined_stream *stream);
/* What events of ours or a tap's say of the protocol, or NULL. */
const char *qlog_protocol_of(const struct qlog_joined_stream *stream);

#endif
