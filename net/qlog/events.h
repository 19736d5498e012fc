/*
 * The events that our nodes add to their QUIC logs, between those of the QUIC library: who owns
 * each stream. Writer and reader share these names.
 *
 * All times are the log's own clock. Every event carries `stream_id` (a number) unless said
 * otherwise; `initiator` is "local" or "remote", as seen by the log's owner; `peer` is a peer id.
 */
#ifndef NET_QLOG_EVENTS_H
#define NET_QLOG_EVENTS_H

#include <stdint.h>

enum qlog_field_kind { QLOG_TEXT, QLOG_NUMBER };

/* One member of an event's data. */
struct qlog_field {
    const char *name; /* "stream_id" */
    enum qlog_field_kind kind;
    union {
        const char
            *text; /* UTF-8, or what a peer sent in place of it; NULL: the field is left out */
        int64_t number;
    };
};

/* The connection's peer is known: {peer, direction: "dialled"|"accepted", local_peer}; no stream.
 */
#define QLOG_PEER_IDENTIFIED "libp2p:peer_identified"
/* What identify told of the peer's implementation: {peer, agent}; no stream. */
#define QLOG_PEER_AGENT "libp2p:peer_agent"
/* A stream came to be, by our open or the peer's first frame: {stream_id, initiator}. */
#define QLOG_STREAM_OPENED "libp2p:stream_opened"
/* Both sides agreed on a protocol: {stream_id, initiator, protocol, peer}. */
#define QLOG_STREAM_NEGOTIATED "libp2p:stream_negotiated"
/* `na`, or nothing legible: {stream_id, initiator, protocol, peer, reason}. */
#define QLOG_NEGOTIATION_FAILED "libp2p:negotiation_failed"
/* Somebody here owns the stream from now on, and will read, write or close it:
 * {stream_id, initiator, protocol, peer, role: "gossipsub_outbound"|"gossipsub_inbound"|"request"|
 * "response"}. */
#define QLOG_STREAM_REGISTERED "libp2p:stream_registered"
/* The owner let go of it: {stream_id, peer, reason}. A stream that is still open then is an orphan.
 */
#define QLOG_STREAM_DEREGISTERED "libp2p:stream_deregistered"
/* The QUIC stream ended both ways, or was reset: {stream_id, reason}. */
#define QLOG_STREAM_CLOSED "libp2p:stream_closed"

/*
 * The events of a tap, which stands between two nodes and writes a log of each leg, `front` to the
 * dialler and `back` to the listener. It owns no stream: these tell who the two are, and what they
 * said. `opener` is the name of the node that opened the stream.
 */

/* Who is connected: {leg: "front"|"back", dialler, dialler_peer, listener, listener_peer}, names
 * and peer ids; no stream. */
#define QLOG_TAP_CONNECTION "tap:connection"
/* What identify told of a node's implementation: {node, agent}; no stream. */
#define QLOG_TAP_NODE_AGENT "tap:node_agent"
/* The opener, or the other in answer to it, proposes a protocol: {stream_id, opener, protocol}. */
#define QLOG_TAP_STREAM_PROPOSED "tap:stream_proposed"
/* Both agreed: {stream_id, opener, protocol}. */
#define QLOG_TAP_STREAM_NEGOTIATED "tap:stream_negotiated"
/* `na`: {stream_id, opener, protocol}. */
#define QLOG_TAP_NEGOTIATION_REFUSED "tap:negotiation_refused"

/*
 * A rotated log: each part from the second on begins, behind the header, with `part_begun`, and
 * repeats what is known up to there, at the times at which it came to pass, up to `part_resumed`.
 * That are our own events of the peer and of every stream that is not closed, or closed last, a
 * tap's of who is connected and of their agents; and in `part_stream` what the packets of all parts
 * before have told of a stream.
 */
/* {part, parts_dropped, packets_dropped, origin}; no stream. The first part has the number 1;
 * `parts_dropped` of them are no more, and in those were as many packets. `origin` is the time of
 * the log's first event. */
#define QLOG_PART_BEGUN "libp2p:part_begun"
/* {stream_id, delivered, delivered_packet, sent, received, heard}: see net/qlog/carry.c. `heard` is
 * what a tap's events told of it, where there were any. */
#define QLOG_PART_STREAM "libp2p:part_stream"
/* Where the log stood: see net/qlog/carry.c. Packets follow; no stream. */
#define QLOG_PART_RESUMED "libp2p:part_resumed"

#endif
