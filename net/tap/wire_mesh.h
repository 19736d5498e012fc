/*
 * The mesh as it is on the wire: who told whom of subscriptions, who has whom in the mesh by GRAFT
 * and PRUNE, backoffs, gossipsub streams. Pure: facts go in, with the nodes and the connection that
 * they are of.
 *
 * An edge is in force from a GRAFT on to one that is subscribed, until either side sends PRUNE or
 * UNSUBSCRIBE, or their last connection ends: libp2p pubsub/gossipsub, "Topic membership". What a
 * node is subscribed to does not end with its connections.
 *
 * Of a node whose connection is lost, while it has another, it is taken that it was restarted: what
 * it said on the lost one alone it does not know of any more, whatever the other takes it for.
 */
#ifndef NET_TAP_WIRE_MESH_H
#define NET_TAP_WIRE_MESH_H

#include "net/tap/fact.h"

enum {
    WIRE_NODES_MAX = 1024,
    WIRE_TOPICS_MAX = 256,     /* of one node towards another */
    WIRE_STREAMS_MAX = 64,     /* gossipsub streams of one node to another, at a time */
    WIRE_CONNECTIONS_MAX = 16, /* of two nodes */
    WIRE_BACKOFF_MAX = 86400,  /* seconds; more is taken for that */
    WIRE_TEXT_SIZE = 257,
    WIRE_ID_SIZE = 41,
};

struct wire_mesh;

struct wire_topic {
    char name[WIRE_TEXT_SIZE];
    bool subscribed, mesh;           /* as long as the two are connected */
    uint64_t subscribed_on, mesh_on; /* the connection's number that it was said on last; or 0 */
    bool was_subscribed;       /* it said so on connections that are over, and to nobody since */
    uint64_t backoff_until_us; /* before which the node may not graft the other; 0: any time */
};

struct wire_stream {
    char connection[WIRE_ID_SIZE];
    int64_t id;
    char protocol[WIRE_TEXT_SIZE];
};

struct wire_connection {
    char id[WIRE_ID_SIZE];
    bool dialled;
    uint64_t number; /* counted up from 1, of all */
    uint64_t began_us;
};

/* What one node said to another, which is NODE. */
struct wire_peer {
    size_t node;
    struct wire_topic *topics;
    size_t topic_count;
    struct wire_stream *streams; /* that it opened, on which a protocol was agreed, and can write */
    size_t stream_count;
    struct wire_stream *ended; /* the newest that it can not write on, and that are not over */
    size_t ended_count;
    struct wire_connection *connections;
    size_t connection_count, unlisted_count; /* those that there was no room for */
    bool has_status;
    struct status status;
    char agent[WIRE_TEXT_SIZE];
    uint64_t rpcs, messages, grafts, prunes;
    /* What did not fit the limits above, or was not read, since they are connected: RPCs that are
     * cut, topics, streams and connections; as often as they came. */
    uint64_t left_out;
};

enum wire_change {
    WIRE_SUBSCRIBED,
    WIRE_UNSUBSCRIBED,
    WIRE_JOINED,
    WIRE_LEFT,
    WIRE_STREAM_OPENED, /* among the streams of a peer */
    WIRE_STREAM_ENDED,  /* not among them any more */
};

/* What is borrowed there is so until the callback returns. */
struct wire_event {
    enum wire_change change;
    enum tap_side by; /* of the connection: who did it, towards the other; of a stream its opener */
    uint64_t time_us;
    const char *topic;                /* or NULL */
    const struct wire_stream *stream; /* or NULL */
};

/* Called for what a fact has changed, or a connection's end: that who is connected no more is not
 * subscribed at the other is not told, as it does not say so. */
typedef void wire_changed(void *context, const struct wire_event *event);

/* CHANGED may be NULL. */
struct wire_mesh *wire_mesh_new(wire_changed *changed, void *context);
void wire_mesh_free(struct wire_mesh *mesh);

/* Two nodes, each known by a number of the caller's that counts up from 0, are connected; ID is
 * that of the connection, which further connections of theirs do not have. */
void wire_mesh_connected(struct wire_mesh *mesh, const char *id, size_t dialler, size_t listener,
                         uint64_t time_us);
void wire_mesh_fact(struct wire_mesh *mesh, const char *id, const size_t nodes[TAP_SIDES],
                    const struct tap_fact *fact);
/* Something of theirs was not looked at, of a connection that wire_mesh_connected told. */
void wire_mesh_missed(struct wire_mesh *mesh, const size_t nodes[TAP_SIDES]);
/* Of a connection that wire_mesh_connected told; BY is whose end it is. LOST: it did not end it,
 * but was not there any more. False where there is none. */
bool wire_mesh_closed(struct wire_mesh *mesh, const char *id, const size_t nodes[TAP_SIDES],
                      enum tap_side by, bool lost, uint64_t time_us);

/* What NODE said to others, COUNT of them: those that it is or was connected to. */
const struct wire_peer *wire_mesh_peers(const struct wire_mesh *mesh, size_t node, size_t *count);
/* The stream that counts as the outbound one of PEER, which wire_mesh_peers told: the first on the
 * newest connection that has one, as an older one may be dead and nobody knows yet. NULL where
 * there is none. */
const struct wire_stream *wire_peer_outbound(const struct wire_peer *peer);
/* What was left out of all, since the start; and nodes beyond WIRE_NODES_MAX. */
uint64_t wire_mesh_left_out(const struct wire_mesh *mesh);

#endif
