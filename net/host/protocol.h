/*
 * A protocol as a table of what to do when something happens on one of its streams. Which protocol
 * a stream speaks is settled by multistream-select before its handler hears of it.
 */
#ifndef NET_HOST_PROTOCOL_H
#define NET_HOST_PROTOCOL_H

#include "net/host/protocol_end.h"
#include "net/protocols/multistream.h"
#include "net/quic/stream.h"

struct peer_connection;
struct protocol_stream;

enum {
    STREAM_NEGOTIATION_MS = 10000, /* from a stream's opening until its protocol is settled */
    STREAM_CLOSE_MS = 10000,       /* from our FIN on a finished exchange until the peer's */
};

/* Any function may be NULL. After `ended` the stream is gone. */
struct protocol {
    const char *name; /* the id proposed and accepted; a handler may have several rows */
    bool one_way;     /* after the negotiation only the opener writes */
    bool credits;     /* `data` makes room for more of its stream itself, and others need not:
                         see quic_stream_credit */
    const char *inbound_role; /* what the QUIC log says of an inbound stream's owner */
    const char *outbound_role;
    /* Negotiated. On streams of ours only once the peer has echoed the protocol. */
    void (*open)(struct protocol_stream *stream);
    void (*data)(struct protocol_stream *stream, struct bytes data);
    void (*fin)(struct protocol_stream *stream);
    void (*acknowledged)(struct protocol_stream *stream);
    /* Exactly once. What the reason leaves open of the QUIC stream is reset. */
    void (*ended)(struct protocol_stream *stream, enum protocol_end end);
};

/* A stream that is being negotiated or belongs to a protocol. */
struct protocol_stream {
    struct peer_connection *connection;
    struct quic_stream *quic;
    const struct protocol *protocol; /* NULL while an inbound stream is being negotiated */
    struct multistream negotiation;
    bool outbound;
    bool finished;    /* the peer's FIN has come */
    bool fin_follows; /* it came with the data that is being told */
    bool ended;
    bool unregistered;   /* a fault: nobody is told of it */
    struct buffer input; /* what a handler collects; it enforces its own limit */
    struct event *deadline;
    uint64_t opened_ms; /* monotonic */
    struct error error; /* what a malformed negotiation was */
    void *state;        /* the handler's; it frees it in `ended` */
};

/* Opens a stream and proposes PROTOCOL on it; what is written next goes out in the same flight.
 * NULL where the peer allows no further stream. */
struct protocol_stream *protocol_stream_open(struct peer_connection *connection,
                                             const struct protocol *protocol, void *state);
void protocol_stream_write(struct protocol_stream *stream, struct bytes data);
void protocol_stream_finish(struct protocol_stream *stream);
/* Resets what is open and ends the stream; `ended` is called with END before this returns. */
void protocol_stream_abort(struct protocol_stream *stream, enum protocol_end end);
/* Ends with PROTOCOL_TIMED_OUT unless another deadline is set before; 0 takes it away. */
void protocol_stream_deadline(struct protocol_stream *stream, uint64_t milliseconds);
int64_t protocol_stream_id(const struct protocol_stream *stream);

#endif
