/*
 * Who we are connected to, as everybody outside of the host sees it: views of each peer, its
 * connections and its gossipsub streams. A peer lives as long as one connection to it does.
 */
#ifndef NET_HOST_PEERS_H
#define NET_HOST_PEERS_H

#include "net/gossipsub/router.h"
#include "net/host/lifecycle.h"
#include "net/protocols/identify.h"
#include "net/protocols/status.h"
#include "net/quic/connection.h"

enum { PEER_INBOUND_STREAMS_MAX = 4 }; /* gossipsub streams of the peer's that we read at a time */

struct host;
struct peer;
struct peer_connection;
struct protocol_stream;

struct peer *peer_find(const struct host *host, const struct peer_id *id);
struct peer *peer_first(const struct host *host);
struct peer *peer_next(const struct peer *peer);
size_t peer_count(const struct host *host);

/* What is known of a peer. All that it points to is borrowed, and holds until the loop goes on. */
struct peer_view {
    const struct peer *peer; /* whose view it is */
    const struct host *host;
    const char *name; /* its peer id, base58 */
    enum key_type key_type;
    bool identified;
    const struct identify *identify; /* empty until the peer has answered */
    const struct status *status;     /* what it last sent, asking or answering; NULL: nothing */
    gossipsub_peer router_handle;
    enum lifecycle_state outbound_state;
    unsigned opens_avoided;                 /* of the outbound stream, by a second path */
    const struct protocol_stream *outbound; /* NULL: there is none */
    const struct protocol_stream *inbound[PEER_INBOUND_STREAMS_MAX];
    size_t inbound_count;
};

struct peer_view peer_view(const struct peer *peer);

/* The peer's connections, the newest first: the one after PREVIOUS, or the first where that is
 * NULL; NULL behind the last. */
const struct peer_connection *peer_connection_after(const struct peer *peer,
                                                    const struct peer_connection *previous);
struct peer_connection *peer_oldest_connection(const struct peer *peer);
/* Whether the peer goes with it. */
bool peer_connection_is_last(const struct peer_connection *connection);
void peer_connection_facts(const struct peer_connection *connection,
                           struct quic_connection_facts *facts);

struct stream_view {
    int64_t id;
    const char *protocol; /* "/meshsub/1.2.0"; static */
    bool outbound;        /* we opened it */
    uint64_t opened_ms;   /* monotonic */
    const struct peer_connection *connection;
};

/* Of a stream whose protocol is settled. */
struct stream_view stream_view(const struct protocol_stream *stream);

#endif
