/* What the files of this folder share; nobody else includes it. */
#ifndef NET_HOST_INTERNAL_H
#define NET_HOST_INTERNAL_H

#include <sys/queue.h>

#include "common/hash_table.h"
#include "net/host/host.h"
#include "net/host/protocol.h"
#include "net/host/shares.h"

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

struct mesh_join {
    gossipsub_topic topic;
    bool by_peer;
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
    unsigned outbound_untried;  /* versions that this attempt has not proposed: see versions.h */
    uint64_t graft_written;     /* where on it our last GRAFT ends; 0: acknowledged, or none */
    uint64_t outbound_since_ms; /* of its echo; 0 before */
    struct mesh_join *waiting_joins; /* to be told with that echo */
    size_t waiting_join_count;
    struct {
        size_t size;
        uint64_t end, written_ms;
    } large_rpc; /* the last one on it, where it ends and when it was written; size 0: none */
    struct protocol_stream *inbound[PEER_INBOUND_STREAMS_MAX];
    size_t inbound_count;
    struct share share;
    size_t answers_kept;     /* bytes of answers with blocks that are not acknowledged */
    struct intake *claimant; /* whose RPC the share is for, or wanted for; NULL: there is none */
    bool unsent;             /* is in the host's list of those */
    struct gossipsub_left_out left_out_logged;
    uint64_t left_out_log_due_ms;
    bool not_kept_logged;

    bool status_known; /* `status` is what it last sent, asking or answering */
    struct status status;
    bool identify_asked, identified;
    struct identify identify;

    UT_hash_handle hh;
    STAILQ_ENTRY(peer) unsettled_link;
    LIST_ENTRY(peer) unsent_link;
};

struct host {
    struct host_settings settings;
    struct quic_endpoint *endpoint;
    struct gossipsub *router;
    struct gossipsub_actions actions; /* of the router, carried out by the driver */
    bool running;                     /* the driver is */
    struct event *heartbeat;
    struct peer *peers; /* by peer id */
    struct peer **by_router_handle;
    size_t by_router_handle_size;
    STAILQ_HEAD(unsettled_peers, peer) unsettled;
    LIST_HEAD(, peer) unsent; /* peers for whom bytes wait in their gossipsub stream */
    LIST_HEAD(, host_observer) observers;
    struct host_heartbeats heartbeats;
    struct shares shares;
    struct event *shares_timer;
    TAILQ_HEAD(, intake) intakes; /* which go on in the next turn of the loop */
    struct event *intake_turn;
    size_t blocks_answers;                /* that are under way */
    size_t answers_kept;                  /* bytes of them that are not acknowledged */
    TAILQ_HEAD(, answer) answers_waiting; /* for room for their next block */
    size_t answers_waiting_count;
    struct event *answers_turn; /* some go on */
    uint64_t intake_resets;     /* streams that lost their share */
    size_t most_kept;           /* bytes, about, since memory was last given back to the system */
    uint64_t record_sequence;   /* of its node record */
    struct event *shutdown_timer;
    uint64_t shutdown_left_ms;
    void (*shutdown_done)(void *context);
    void *shutdown_context;
};

/* ---- peers.c ---- */
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

/* ---- mesh_joins.c: who came into our mesh, and has not accepted our stream yet ---- */
void mesh_join_wait(struct peer *peer, gossipsub_topic topic, bool by_peer);
/* True where it was waiting: nobody has heard of it. */
bool mesh_join_forget(struct peer *peer, gossipsub_topic topic);
/* Takes one out; false where none is left, and all memory is given back. */
bool mesh_join_take(struct peer *peer, struct mesh_join *join);

/* ---- streams.c ---- */
/* The peer opened a stream; who speaks what is found in PROTOCOLS (host_protocols). */
void protocol_stream_accept(struct peer_connection *connection, struct quic_stream *quic);
/* What came, in order; FIN: nothing comes behind it. */
void protocol_stream_receive(struct protocol_stream *stream, struct bytes data, bool fin);
/* It is over in both directions, or with its connection; frees it. */
void protocol_stream_quic_closed(struct protocol_stream *stream, bool connection_lost);

/* ---- the protocols that a host speaks; NULL where unknown or hidden by a fault ---- */
const struct protocol *host_protocol_find(const struct host *host, const char *name);
/* Their names, NULL at the end, for identify. */
size_t host_protocol_names(const struct host *host, const char **names, size_t size);

extern const struct protocol ping_protocol, identify_protocol, identify_push_protocol,
    status_protocol, blocks_by_root_protocol, blocks_by_range_protocol;
/* Each on a stream of its own; an event tells what comes of it. False: none could be opened. */
bool ping_ask(struct peer_connection *connection);
/* The connection is closed where none can be opened. */
void status_ask(struct peer_connection *connection);
void identify_ask(struct peer_connection *connection);
/* Adds to the connection's QUIC log what identify told of the peer's implementation, if it did. */
void host_log_agent(const struct peer_connection *connection);

/* ---- blocks_ask.c, blocks_answer.c: the two sides of both protocols ---- */
/* As host_ask_blocks(), on this connection. */
bool blocks_ask(struct peer_connection *connection, const struct host_blocks_request *request);
void blocks_asked_data(struct protocol_stream *stream, struct bytes data);
void blocks_asked_fin(struct protocol_stream *stream);
void blocks_asked_ended(struct protocol_stream *stream, enum protocol_end end);
void blocks_answer_data(struct protocol_stream *stream, struct bytes data);
void blocks_answer_fin(struct protocol_stream *stream);
void blocks_answer_acknowledged(struct protocol_stream *stream);
void blocks_answer_ended(struct protocol_stream *stream);
/* What goes on with the answers that wait for room. */
void blocks_answer_start(struct host *host);
void blocks_answer_stop(struct host *host);

/* ---- signing.c ---- */
/* Before there are topics. */
void signing_start(struct host *host);

/* ---- net/host/gossip_limits.c ---- */
/* After a heartbeat: what is new. */
void gossip_log_limits(struct peer *peer);

/* ---- net/host/gossip.c ---- */
enum { GOSSIPSUB_PROTOCOLS = 4 };
/* In the order of enum gossipsub_version. */
extern const struct protocol gossipsub_protocols[GOSSIPSUB_PROTOCOLS];
/* Opens the stream of the lifecycle's attempt; false where none could be opened. */
bool driver_open_outbound(struct peer *peer, struct peer_connection *connection, uint64_t attempt);
/* Resets it; the peer has one. */
void driver_close_outbound(struct peer *peer);
/* Carries out what the router asked for, and empties the array. */
void driver_run(struct host *host);
/* The network has taken some of what was written. */
void driver_sent(struct host *host);
/* To the host's trace_rpc, where it has one. */
void gossip_trace_in(const struct peer *peer, struct bytes rpc);
/* The router knows it from now on, until it is gone; false where it has room for no more. */
bool driver_peer_added(struct peer *peer, bool outbound);
void driver_peer_gone(struct peer *peer);
/* The heartbeat. */
void driver_start(struct host *host);
void driver_stop(struct host *host);

/* ---- intake.c: the peers' gossipsub streams, while they are in peer->inbound ---- */
void intake_open(struct protocol_stream *stream);
void intake_receive(struct protocol_stream *stream, struct bytes data);
void intake_finish(struct protocol_stream *stream); /* FIN has come */
void intake_close(struct protocol_stream *stream);
/* Before the router is told of a message: see shares_unsent_limit. */
void intake_limit_unsent(struct host *host);
/* Every now and then. */
void intake_maintain(struct host *host);
void intake_start(struct host *host);
void intake_stop(struct host *host);

#endif
