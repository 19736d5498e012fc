/* What happens at a host, as it happens: for scripts, for the API and for connection attempts. */
#ifndef NET_HOST_EVENTS_H
#define NET_HOST_EVENTS_H

#include <sys/queue.h>

#include "net/host/peers.h"
#include "net/host/protocol_end.h"
#include "net/protocols/block.h"
#include "net/protocols/blocks_by_range.h"

enum host_event_kind {
    HOST_CONNECTED,          /* connection: handshake complete, peer known */
    HOST_CONFIRMED,          /* connection: the peer has accepted us too */
    HOST_DIAL_FAILED,        /* dial, close: no connection came of it */
    HOST_ACCEPT_FAILED,      /* close: an inbound handshake failed */
    HOST_STATUS,             /* connection, by: who asked; peer->status */
    HOST_STATUS_FAILED,      /* connection, by: who asked; end, reason; see protocol_not_spoken() */
    HOST_IDENTIFIED,         /* peer->identify */
    HOST_IDENTIFY_FAILED,    /* connection: end, reason */
    HOST_PONG,               /* connection, rtt_us: the peer echoed our ping */
    HOST_PING_FAILED,        /* connection: end, reason */
    HOST_STREAM_OPENED,      /* stream: gossipsub, negotiated; stream->outbound */
    HOST_STREAM_REFUSED,     /* stream: gossipsub, ours: end, reason */
    HOST_STREAM_CLOSED,      /* stream: gossipsub, that was open: end */
    HOST_SUBSCRIBED,         /* topic */
    HOST_UNSUBSCRIBED,       /* topic */
    HOST_MESH_JOINED,        /* topic, by: whose GRAFT it was */
    HOST_MESH_LEFT,          /* topic, reason, by: the peer's PRUNE, or our leaving */
    HOST_GRAFT_REFUSED,      /* topic, by: the peer, whose PRUNE arrived */
    HOST_GRAFT_ACKNOWLEDGED, /* the peer has all of our last GRAFT */
    HOST_MESSAGE,            /* topic, id, payload */
    HOST_MESSAGE_REFUSED,    /* topic, refusal, reason */
    HOST_BLOCK,              /* block, payload: came from the peer, and was asked for */
    HOST_BLOCKS_RECEIVED,    /* count: the answer is whole */
    HOST_BLOCKS_FAILED,      /* connection, count: that came before; end, reason */
    HOST_BLOCKS_ANSWERED,    /* connection, protocol, code, count: we did; reason where refused */
    HOST_BLOCK_RECORDED,     /* topic, block, file: gossip's, from the peer */
    HOST_BLOCK_NOT_RECORDED, /* topic, unrecorded, reason */
    HOST_HEALING,            /* healing, reason; the peer may be gone: none is given */
    HOST_DISCONNECTED,       /* connection, close */
};

/* Whose doing an event is, where both sides could be the cause. */
enum host_event_by { HOST_BY_US, HOST_BY_PEER };

/* Why gossip of a topic of blocks is not recorded. */
enum host_unrecorded {
    HOST_UNRECORDED_MALFORMED,  /* no signed block */
    HOST_UNRECORDED_FULL,       /* beyond the limits */
    HOST_UNRECORDED_UNWRITABLE, /* the file cannot be written */
    HOST_UNRECORDED,
};

/* "malformed" and so on. */
const char *host_unrecorded_name(enum host_unrecorded cause);

/* A peer that seems to hold a connection of ours from before a restart: see healing.h. */
enum host_healing_step {
    HOST_HEALING_CLOSED, /* for `wait_ms` */
    HOST_HEALING_DIALLING,
    HOST_HEALING_HEALED,
    HOST_HEALING_GIVEN_UP, /* it stays connected */
};

struct host_healing {
    const char *peer; /* its id as text */
    enum host_healing_step step;
    unsigned attempt; /* from 1 */
    uint64_t wait_ms;
};

struct host_event {
    enum host_event_kind kind;
    uint64_t time_ms;  /* since 1970, set by host_tell; 0 before */
    struct peer *peer; /* NULL for a failed dial */
    struct peer_connection *connection;
    struct protocol_stream *stream;
    uint64_t dial;                        /* of HOST_DIAL_FAILED: the connection's number */
    const struct quic_connection *failed; /* of HOST_DIAL_FAILED and HOST_ACCEPT_FAILED */
    const struct quic_close *close;
    enum protocol_end end;
    enum host_event_by by;
    const char *topic;
    const char *reason;
    struct bytes id; /* as peers call it */
    struct bytes payload;
    enum gossipsub_refusal refusal;
    uint64_t rtt_us;
    const struct block_summary *block;
    const char *protocol; /* "blocks_by_root" or "blocks_by_range" */
    uint8_t code;         /* of enum reqresp_code */
    size_t count;         /* blocks */
    const char *file;
    enum host_unrecorded unrecorded;
    const struct host_healing *healing;
};

struct host_observer {
    void (*event)(void *context, const struct host_event *event);
    void *context;
    LIST_ENTRY(host_observer) link;
    bool gone; /* removed while events were being told */
};

/* The observer is the caller's, and stays where it is until it is removed. */
void host_observe(struct host *host, struct host_observer *observer);
void host_unobserve(struct host *host, struct host_observer *observer);
void host_tell(struct host *host, const struct host_event *event);

#endif
