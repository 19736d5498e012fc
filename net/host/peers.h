/*
 * Who we are connected to: each peer with its connections, its gossipsub streams and what it has
 * said of itself. A peer lives as long as one connection to it does.
 */
#ifndef NET_HOST_PEERS_H
#define NET_HOST_PEERS_H

#include <sys/queue.h>

#include "common/hash_table.h"
#include "net/gossipsub/router.h"
#include "net/host/lifecycle.h"
#include "net/host/protocol.h"
#include "net/protocols/identify.h"
#include "net/protocols/status.h"
#include "net/quic/connection.h"

enum { PEER_INBOUND_STREAMS_MAX = 4 }; /* gossipsub streams of the peer's that we read at a time */

struct host;
struct peer;

enum status_state {
    STATUS_NONE,
    STATUS_ASKED,
    STATUS_DONE,
    STATUS_NOT_SPOKEN, /* see protocol_not_spoken() */
    STATUS_FAILED,
};

struct peer_connection {
    struct host *host;
    struct quic_connection *quic;
    struct peer *peer; /* NULL until the handshake is complete */
    uint64_t number;
    bool dialled;
    enum status_state status;         /* of our asking, on connections that we dialled */
    LIST_ENTRY(peer_connection) link; /* of the peer's; oldest last */
};

struct peer {
    struct host *host;
    struct peer_id id;
    char name[PEER_ID_TEXT_SIZE];
    enum key_type key_type;
    LIST_HEAD(, peer_connection) connections;

    struct lifecycle lifecycle;
    struct event *lifecycle_timer;
    bool dial_ready, inbound_arrived; /* to be told to the lifecycle when the pump settles */
    bool unsettled;

    gossipsub_peer router_handle;
    bool in_router;
    struct protocol_stream *outbound; /* of the lifecycle's present attempt */
    uint64_t outbound_attempt;
    unsigned outbound_version;  /* row of the gossipsub protocols proposed on it */
    uint64_t graft_written;     /* where on it our last GRAFT ends; 0: acknowledged, or none */
    uint64_t outbound_since_ms; /* of its echo; 0 before */
    struct protocol_stream *inbound[PEER_INBOUND_STREAMS_MAX];
    size_t inbound_count;
    bool unsent; /* is in the host's list of those */
    struct gossipsub_left_out left_out_logged;
    uint64_t left_out_log_due_ms;

    bool status_known; /* `status` is what it last sent, asking or answering */
    struct status status;
    bool identify_asked, identified;
    struct identify identify;

    UT_hash_handle hh;
    STAILQ_ENTRY(peer) unsettled_link;
    LIST_ENTRY(peer) unsent_link;
};

struct peer *peer_find(const struct host *host, const struct peer_id *id);
struct peer *peer_first(const struct host *host);
struct peer *peer_next(const struct peer *peer);
size_t peer_count(const struct host *host);
struct peer *peer_of_router_handle(const struct host *host, gossipsub_peer handle);

/* The handshake of CONNECTION is complete: finds or makes the peer. False where there are too many
 * connections or peers; the caller closes the connection. */
bool peer_attach(struct peer_connection *connection, const struct peer_id *id, enum key_type type);
/* The connection is gone; frees the peer with its last one. */
void peer_detach(struct peer_connection *connection);
/* To be settled when the pump is: the dial path, and the arrival of the peer's own stream. */
void peer_dial_ready(struct peer *peer);
void peer_inbound_arrived(struct peer *peer);
void peers_settle(struct host *host);
/* The outbound stream of ATTEMPT was echoed, or is gone. */
void peer_outbound_opened(struct peer *peer, uint64_t attempt);
void peer_outbound_lost(struct peer *peer, uint64_t attempt);
struct peer_connection *peer_connection_by_number(const struct peer *peer, uint64_t number);
struct peer_connection *peer_oldest_connection(const struct peer *peer);

#endif
