/* What the files of this folder share; nobody else includes it. */
#ifndef NET_HOST_INTERNAL_H
#define NET_HOST_INTERNAL_H

#include "net/host/host.h"

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
    LIST_HEAD(, host_observer) observers;
    struct host_heartbeats heartbeats;
    struct event *shutdown_timer;
    uint64_t shutdown_left_ms;
    void (*shutdown_done)(void *context);
    void *shutdown_context;
};

/* ---- streams.c ---- */
/* The peer opened a stream; who speaks what is found in PROTOCOLS (host_protocols). */
void protocol_stream_accept(struct peer_connection *connection, struct quic_stream *quic);
void protocol_stream_receive(struct protocol_stream *stream, struct bytes data, bool fin);
void protocol_stream_quic_closed(struct protocol_stream *stream, bool connection_lost);

/* ---- the protocols that a host speaks; NULL where unknown or hidden by a fault ---- */
const struct protocol *host_protocol_find(const struct host *host, const char *name);
/* Their names, NULL at the end, for identify. */
size_t host_protocol_names(const struct host *host, const char **names, size_t size);

extern const struct protocol ping_protocol, identify_protocol, identify_push_protocol,
    status_protocol;
bool ping_ask(struct peer_connection *connection);
void status_ask(struct peer_connection *connection);
void identify_ask(struct peer_connection *connection);
/* Adds to the connection's QUIC log what identify told of the peer's implementation, if it did. */
void host_log_agent(const struct peer_connection *connection);

/* ---- net/host/gossip.c ---- */
enum { GOSSIPSUB_PROTOCOLS = 4 };
/* In the order of enum gossipsub_version. */
extern const struct protocol gossipsub_protocols[GOSSIPSUB_PROTOCOLS];
/* Opens the stream of the lifecycle's attempt; false where none could be opened. */
bool driver_open_outbound(struct peer *peer, struct peer_connection *connection, uint64_t attempt);
void driver_close_outbound(struct peer *peer);
/* Carries out what the router asked for, and empties the array. */
void driver_run(struct host *host);
bool driver_peer_added(struct peer *peer, bool outbound);
void driver_peer_gone(struct peer *peer);
void driver_start(struct host *host);
void driver_stop(struct host *host);

#endif
