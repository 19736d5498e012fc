/*
 * One Lean networking node: an endpoint, its peers and the protocols between them, wired together.
 */
#ifndef NET_HOST_HOST_H
#define NET_HOST_HOST_H

#include "net/address/enr.h"
#include "net/host/block_store.h"
#include "net/host/events.h"
#include "net/host/rpc_tracer.h"

#define HOST_NETWORK_DEFAULT "12345678"

enum {
    HOST_NETWORK_SIZE_MAX = 64,
    HOST_IDLE_TIMEOUT_MS = 10000,
    /* What a peer may send on a stream and a connection, beyond what was carried out, before it has
       a share of the budget: what it may have us keep at any time. */
    HOST_STREAM_WINDOW = 192 * 1024,
    HOST_CONNECTION_WINDOW = 256 * 1024,
};

/* Misbehaviour on purpose, for tests: bits. */
enum host_fault {
    FAULT_SECOND_GOSSIP_STREAM = 1 << 0, /* opens another gossipsub stream that nobody owns */
    FAULT_STATUS_SILENT = 1 << 1,        /* never answers status */
    FAULT_STATUS_REFUSED = 1 << 2,       /* answers it with code 2 */
    FAULT_STATUS_MALFORMED = 1 << 3,     /* answers it with bytes that mean nothing */
    FAULT_STATUS_NOT_SPOKEN = 1 << 4,    /* answers `na` to it */
    FAULT_GOSSIPSUB_NOT_SPOKEN = 1 << 5, /* answers `na` to gossipsub, and opens none */
    FAULT_IDENTIFY_NOT_SPOKEN = 1 << 6,
    FAULT_PRUNES_EVERYBODY = 1 << 7,     /* answers every GRAFT with PRUNE */
    FAULT_STATUS_ENDLESS = 1 << 8,       /* answers it with bytes that never end */
    FAULT_GOSSIPSUB_RESET = 1 << 9,      /* resets every gossipsub stream of the peer's */
    FAULT_NOT_SPOKEN_RESET = 1 << 10,    /* resets streams where it would answer `na` */
    FAULT_GOSSIPSUB_1_1_ALONE = 1 << 11, /* speaks no other version of gossipsub */
    FAULT_GOSSIPSUB_1_0_ALONE = 1 << 12,
    FAULT_BLOCKS_TOO_LARGE = 1 << 13, /* announces a block of more than 10 MiB */
    FAULT_BLOCKS_TWICE = 1 << 14,     /* sends each block twice */
    FAULT_BLOCKS_OTHER = 1 << 15,     /* sends its first block, whatever was asked for */
    FAULT_BLOCKS_CODE = 1 << 16,      /* answers with a code that there is not */
    FAULT_BLOCKS_MALFORMED = 1 << 17, /* answers with what is no snappy */
    FAULT_BLOCKS_STALLED = 1 << 18,   /* begins an answer, and says no more */
};

/* 0 where there is none of that name. */
unsigned host_fault_find(const char *name);
/* Of each fault by its number, from 0 on; NULL where there are no more. */
const char *host_fault_name(size_t index);

struct host_settings {
    struct event_base *base;
    const struct identity *identity; /* borrowed */
    const char *agent;               /* borrowed, as are the paths */
    const char *network;
    const char *qlog_folder;
    uint64_t qlog_limit; /* bytes of each on disk; 0: none */
    const char *keylog_path;
    bool is_aggregator;   /* in the node record */
    struct status status; /* what we say when asked, and ask with */
    bool status_optional; /* gossip begins, too, where a peer fails to answer it */
    struct gossipsub_parameters gossipsub;
    bool sign;     /* messages of topics that are not Lean's; and they must be: StrictSign */
    uint64_t seed; /* of the router's choices */
    uint64_t handshake_timeout_ms;
    /* After so long a silence a peer is given up; after three tenths of it where something is
     * unacknowledged. Half of it is from one keep-alive to the next. */
    uint64_t idle_timeout_ms;
    unsigned faults;
    const struct block_store *blocks; /* borrowed; what blocks are asked for is answered from; NULL:
                                         none are kept */
    size_t budget; /* bytes of large RPCs that come in, of all peers together: see shares.h */
    const struct peer_id *direct_peers; /* borrowed; never in a mesh, sent every message */
    size_t direct_peer_count;
    rpc_tracer trace_rpc; /* told of every gossipsub RPC; NULL: nobody is */
    void *trace_context;  /* borrowed; handed to it */
};

void host_settings_default(struct host_settings *settings);
/* SETTINGS are copied; what they borrow must outlive the host. NULL with the error set:
 * ERROR_INVALID where gossipsub's parameters contradict each other or nothing can be written to the
 * folder of QUIC logs, ERROR_SYSTEM where that folder cannot be made, or the certificate or the log
 * of TLS secrets. */
struct host *host_new(const struct host_settings *settings, struct error *error);
/* NULL is allowed. */
void host_free(struct host *host);

/* An address that ends with a peer id must end with ours. */
bool host_listen(struct host *host, const struct multiaddr *address, struct error *error);
size_t host_listen_count(const struct host *host);
/* With the real port and our peer id. */
struct multiaddr host_listen_address(const struct host *host, size_t index);
const struct peer_id *host_peer_id(const struct host *host);
/* Its node record, with the first address of each family that it listens at; of a wildcard address
 * the port alone. A later host of the same identity has a higher sequence number. */
struct enr host_enr(const struct host *host);
const struct host_settings *host_settings(const struct host *host);
struct gossipsub *host_router(const struct host *host);

/* What is kept for peers, in bytes, and the budget of it: see shares.h. */
struct host_kept {
    size_t budget, granted; /* of the budget, in shares */
    size_t waiting;         /* peers, for a share */
    size_t rpcs;            /* parts of RPCs that come in, and what waits to be carried out */
    size_t messages;        /* RPCs that are cached or wait to be taken, each of them once */
    size_t blocks;          /* of answers, not acknowledged */
    size_t answers_waiting; /* with their next block until there is room */
    uint64_t resets; /* streams that were reset because what was kept of them did not go on */
};

struct host_kept host_kept(const struct host *host);
size_t host_peer_kept(const struct peer *peer); /* of its RPCs */

struct host_heartbeats {
    uint64_t count;
    uint64_t late_ns;   /* how late they began, together */
    uint64_t latest_ns; /* the one that was latest */
    uint64_t due_ns;    /* the next, monotonic */
};

struct host_heartbeats host_heartbeats(const struct host *host);
const struct quic_endpoint_statistics *host_endpoint_statistics(const struct host *host);

/*
 * Dials an IP address (names are resolved by the caller, see resolver.h). The number of the
 * connection is given back: HOST_CONNECTED or HOST_DIAL_FAILED with it follows. 0 with the error
 * set where it could not even begin.
 */
uint64_t host_dial(struct host *host, const struct multiaddr *address, struct error *error);
void host_disconnect(struct host *host, struct peer *peer, const char *reason);
/* Whether anything has come back from whom DIAL dials. */
bool host_dial_answered(const struct host *host, uint64_t dial);
/* See quic_connection_in_place_of_answer; "" where there is no such dial. */
void host_dial_in_place_of_answer(const struct host *host, uint64_t dial, char *text, size_t size);
/* Gives up a dial that has not led to a connection yet; nothing more is told of it. */
void host_dial_cancel(struct host *host, uint64_t dial);
/* Asks the peer who it is, unless that was done. */
void host_ask_identify(struct peer_connection *connection);

/* Sends a ping on the peer's oldest connection: HOST_PONG or HOST_PING_FAILED follows. False where
 * no stream could be opened. */
bool host_ping(struct peer *peer);

/* By their roots, or where there are none by their slots. */
struct host_blocks_request {
    block_root_list roots; /* borrowed until they are asked for */
    size_t root_count;     /* at most BLOCKS_BY_ROOT_MAX */
    struct block_range range;
};

/* Asks on the peer's oldest connection: HOST_BLOCK follows for each that comes, and in the end
 * HOST_BLOCKS_RECEIVED or HOST_BLOCKS_FAILED. False where no stream could be opened. */
bool host_ask_blocks(struct peer *peer, const struct host_blocks_request *request);

/* A topic as people write it: "lean:NAME" is Lean's topic of that name on our network, anything
 * else stands for itself. Freed with free(); NULL with the error set where no topic has that name.
 */
char *host_topic_expand(const struct host *host, const char *topic, struct error *error);
/* What the peer is subscribed to, or we are where PEER is NULL: COUNT names, sorted. The array is
 * freed with free(), its names are the router's. */
const char **host_topic_names(const struct host *host, const struct peer *peer, size_t *count);
/* A topic by its whole name: see host_topic_expand(). True, too, where we are subscribed already.
 * False with ERROR_INVALID where it is not 1 to GOSSIPSUB_TOPIC_SIZE_MAX printable ASCII
 * characters, with ERROR_FULL where GOSSIPSUB_TOPICS_MAX others are known. */
bool host_subscribe(struct host *host, const char *topic, struct error *error);
/* True, too, where we are not subscribed. False with ERROR_INVALID, as above. */
bool host_unsubscribe(struct host *host, const char *topic, struct error *error);
/*
 * Publishes PAYLOAD, which is copied, on a topic that we may be subscribed to or not. ID becomes
 * the router's name of the message: gossipsub_wire_id() tells what peers call it. RECEIVERS becomes
 * the number of peers that it is on its way to: 0 is no error, as others may ask for it while it is
 * cached.
 *
 * False with RECEIVERS 0 and ID without meaning: ERROR_INVALID where the payload is too large or
 * the topic has no such name, ERROR_FULL as for host_subscribe(), ERROR_CONFLICT where the same
 * payload was there on that topic less than gossipsub.seen_ttl_ms ago, from us or others (never so
 * of messages that are signed: these have a number each).
 */
bool host_publish(struct host *host, const char *topic, struct bytes payload,
                  uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE], size_t *receivers, struct error *error);

/* Whether the peers have acknowledged all gossip that was sent to them. */
bool host_is_drained(const struct host *host);
/* Calls DONE, from the loop, once the peers have acknowledged all gossip that was sent to them, or
 * after LIMIT: one at a time, before host_shutdown. The host lives until then. */
void host_drain(struct host *host, uint64_t limit_ms, void (*done)(void *context), void *context);
/* Closes all connections; DONE is called when they are, or after LIMIT_MS. */
void host_shutdown(struct host *host, uint64_t limit_ms, void (*done)(void *context),
                   void *context);

#endif
