/*
 * The gossipsub router: pure. Events and a time go in, actions come out into the caller's array.
 * No socket, no clock, no global; peers and topics are small integer handles; sampling is seeded.
 * libp2p specification: pubsub/gossipsub/gossipsub-v1.0.md to v1.2.md, as Lean Ethereum uses them.
 *
 * Left out, because Lean's networks do without: floodsub peers, peer scores and what hangs on them
 * (opportunistic grafting, thresholds), and peer exchange, whose records are passed over. In the
 * place of scores stand the limits of internal.h: what is over them is ignored, and who goes on is
 * dropped. Version 1.3 is accepted, its extensions are skipped.
 */
#ifndef NET_GOSSIPSUB_ROUTER_H
#define NET_GOSSIPSUB_ROUTER_H

#include "common/buffer.h"
#include "common/bytes.h"
#include "common/chunk.h"
#include "common/error.h"
#include "net/gossipsub/rpc_reader.h"

enum {
    GOSSIPSUB_MESSAGE_ID_SIZE = 20, /* of Lean's; others go by a hash of that size */
    GOSSIPSUB_WIRE_ID_SIZE_MAX = 64,
    GOSSIPSUB_RPC_SIZE_MAX =
        10 * 1024 * 1024, /* checked against the length prefix, before buffering */
    GOSSIPSUB_TOPIC_SIZE_MAX = 256,
    GOSSIPSUB_TOPICS_MAX = 1024, /* ours and our peers', together */
    /* Of a peer so many are kept beside those that are ours, too; of the rest we know how many they
       are, and which they are once we or others come to know their names. */
    GOSSIPSUB_TOPICS_PER_PEER_MAX = 128,
    GOSSIPSUB_PEERS_MAX = 4096,
};

enum gossipsub_version { GOSSIPSUB_1_0, GOSSIPSUB_1_1, GOSSIPSUB_1_2, GOSSIPSUB_1_3 };

struct gossipsub_parameters {
    unsigned d, d_low, d_high, d_lazy, d_out;
    unsigned gossip_percent; /* of the peers outside the mesh are told by IHAVE, D_lazy at least */
    uint64_t heartbeat_ms;
    unsigned history_length, history_gossip; /* heartbeats */
    uint64_t fanout_ttl_ms, seen_ttl_ms, prune_backoff_ms, unsubscribe_backoff_ms;
    bool flood_publish;
    bool passive; /* grafts nobody of itself, and takes the GRAFTs of others */
};

/* Lean's values: those of leanSpec's GossipsubParameters, and for what these leave out the defaults
 * of libp2p's specification (pubsub/gossipsub/gossipsub-v1.1.md and v1.2.md). */
void gossipsub_parameters_default(struct gossipsub_parameters *parameters);
/* Contradictory values (D_low > D and the like) are errors. */
bool gossipsub_parameters_check(const struct gossipsub_parameters *parameters, struct error *error);

typedef uint32_t gossipsub_peer; /* a handle, valid until gossipsub_peer_gone */
/* A handle, valid while we or a peer are subscribed to the topic, publish to it or are in a backoff
 * for it, and some heartbeats longer: another topic may have it then. */
typedef uint32_t gossipsub_topic;

/* Why a message was rejected. */
enum gossipsub_refusal {
    GOSSIPSUB_REFUSED_SIGNED,    /* it says who made it, where none may: from, seqno, signature or
                                    key */
    GOSSIPSUB_REFUSED_UNSIGNED,  /* it does not, where all must: no from, or no signature */
    GOSSIPSUB_REFUSED_SEQNO,     /* no seqno of 8 bytes */
    GOSSIPSUB_REFUSED_AUTHOR,    /* its key is not that of `from`, or none */
    GOSSIPSUB_REFUSED_SIGNATURE, /* its signature is wrong */
    GOSSIPSUB_REFUSED_SNAPPY,    /* its data is no raw snappy block, and the validator minds */
    GOSSIPSUB_REFUSED_OTHER,     /* by the validator */
    GOSSIPSUB_REFUSALS,
};

/* A message's id as peers tell it to each other: Lean's, or author and seqno. */
struct gossipsub_wire_id {
    uint8_t size;
    uint8_t bytes[GOSSIPSUB_WIRE_ID_SIZE_MAX];
};

enum gossipsub_action_kind {
    GOSSIPSUB_SEND,       /* rpc, to peer */
    GOSSIPSUB_DELIVER,    /* a new message on a topic of ours: topic, id, payload, peer */
    GOSSIPSUB_DROP_PEER,  /* peer sent what no honest peer sends: reason */
    GOSSIPSUB_SUBSCRIBED, /* peer, topic */
    GOSSIPSUB_UNSUBSCRIBED,
    GOSSIPSUB_GRAFTED,       /* peer came into our mesh for topic: by_peer tells who asked */
    GOSSIPSUB_PRUNED,        /* peer left it: by_peer, reason */
    GOSSIPSUB_GRAFT_REFUSED, /* the peer answered our GRAFT with PRUNE, or pruned: a PRUNE arrived
                                for a topic, whatever our mesh held: peer, topic, backoff_ms */
    GOSSIPSUB_REJECTED,      /* a message of peer on topic: refusal */
    GOSSIPSUB_LEFT_OUT,      /* rpc, which peer is not sent because it reads too slowly */
    GOSSIPSUB_RESET_STREAM,  /* our stream to peer: it has not taken a byte for a minute */
};

/* What an RPC is made of: of IHAVE, IWANT and IDONTWANT alone, of control or subscriptions too, or
 * of a message. */
enum gossipsub_priority { GOSSIPSUB_GOSSIP, GOSSIPSUB_CONTROL, GOSSIPSUB_DATA };

/* What may be left out where a peer reads slowly: the first goes first. Control never is. */
enum gossipsub_kind {
    GOSSIPSUB_IHAVE, /* ids, and of the next two */
    GOSSIPSUB_IDONTWANT,
    GOSSIPSUB_IWANT,
    GOSSIPSUB_MESSAGES,
    GOSSIPSUB_KINDS,
};

struct gossipsub_action {
    enum gossipsub_action_kind kind;
    gossipsub_peer peer;
    gossipsub_topic topic;
    enum gossipsub_priority priority; /* of SEND */
    bool has_graft;                   /* of SEND: the RPC carries a GRAFT for `topic`s (any) */
    bool by_peer;
    uint64_t backoff_ms;
    struct chunk *rpc;     /* of SEND and LEFT_OUT: varint length and protobuf; one reference, the
                              array's */
    struct chunk *payload; /* of DELIVER: decompressed; one reference, the array's */
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    struct gossipsub_wire_id wire_id; /* of DELIVER */
    enum gossipsub_refusal refusal;   /* of REJECTED */
    const char *reason;               /* static text */
};

/* The caller's array; a zeroed one is empty. Actions are appended in order. */
struct gossipsub_actions {
    struct gossipsub_action *items;
    size_t count;
    size_t capacity;
};

/* Drops the references and empties the array, keeping its memory. */
void gossipsub_actions_reset(struct gossipsub_actions *actions);
void gossipsub_actions_clear(struct gossipsub_actions *actions);

struct gossipsub;

/* PARAMETERS are copied, and must have passed gossipsub_parameters_check(). The same SEED makes the
 * same choices. */
struct gossipsub *gossipsub_new(const struct gossipsub_parameters *parameters, uint64_t seed);
/* NULL is allowed. */
void gossipsub_free(struct gossipsub *router);

/*
 * A peer has its first connection. ID is its peer id: backoff is kept by it past a disconnect. We
 * dialled it: OUTBOUND. False where GOSSIPSUB_PEERS_MAX are there.
 */
bool gossipsub_peer_added(struct gossipsub *router, uint64_t now, struct bytes id, bool outbound,
                          gossipsub_peer *peer);
/* The peer's last connection went. No action for it comes afterwards. */
void gossipsub_peer_gone(struct gossipsub *router, uint64_t now, gossipsub_peer peer,
                         struct gossipsub_actions *actions);
/* Our outbound stream may be written to: subscriptions go out, and GRAFTs in the same RPC where the
 * peer's are known. */
void gossipsub_stream_opened(struct gossipsub *router, uint64_t now, gossipsub_peer peer,
                             enum gossipsub_version version, struct gossipsub_actions *actions);
/* Our outbound stream is gone: nothing is sent to the peer until another opens; it leaves our
 * meshes. */
void gossipsub_stream_closed(struct gossipsub *router, uint64_t now, gossipsub_peer peer,
                             struct gossipsub_actions *actions);
/*
 * How far our stream to the peer has come: reported when something was written to it and when the
 * peer has acknowledged some, so that what waits for it can go on. Of a caller that never does,
 * every stream takes all at once.
 */
struct gossipsub_progress {
    uint64_t connection; /* that carries it: a number of the caller's, not 0 and never used again */
    size_t unsent;       /* bytes written that are not on the network yet */
    uint64_t acknowledged; /* bytes, all in all */
};

/* So many bytes of messages may wait from now on for a peer that takes nothing, where that is less
 * than by default; what its stream takes in advance it may always. For who has no more room. */
void gossipsub_limit_unsent(struct gossipsub *router, size_t bytes);
void gossipsub_stream_progressed(struct gossipsub *router, uint64_t now, gossipsub_peer peer,
                                 const struct gossipsub_progress *progress,
                                 struct gossipsub_actions *actions);
/* The peer opened a stream of its own. Where ours is open it may have forgotten what we said there:
 * our subscriptions and GRAFTs are sent again. Its own topics are kept. */
void gossipsub_inbound_opened(struct gossipsub *router, uint64_t now, gossipsub_peer peer,
                              struct gossipsub_actions *actions);

/* How much of one RPC has been carried out; a zeroed one has not been begun. */
struct gossipsub_rpc {
    struct rpc_reader reader;
    bool has_subscriptions, counted;
    /* Entries so far, of which a limit of RPCs holds. */
    size_t subscriptions, messages, grafts, prunes, ihaves, iwants, idontwants;
    enum { IHAVE_NONE, IHAVE_TAKEN, IHAVE_REFUSED } ihave; /* by the limit on such RPCs */
};

enum gossipsub_rpc_state {
    GOSSIPSUB_RPC_MORE, /* there is more of it */
    GOSSIPSUB_RPC_DONE,
    /* Nothing came of it: the stream that it came on is to be reset, as other implementations do,
     * and the peer may stay. */
    GOSSIPSUB_RPC_MALFORMED,
};

/*
 * Carries out the next slice of one RPC's protobuf, without the length before it: see rpc_reader.h
 * for how much that is. What is too large drops the peer. Other events may come between the slices.
 */
enum gossipsub_rpc_state gossipsub_rpc_slice(struct gossipsub *router, uint64_t now,
                                             gossipsub_peer peer, struct bytes rpc,
                                             struct gossipsub_rpc *progress,
                                             struct gossipsub_actions *actions);
/* All of it at once; false where it is malformed. */
bool gossipsub_rpc_received(struct gossipsub *router, uint64_t now, gossipsub_peer peer,
                            struct bytes rpc, struct gossipsub_actions *actions);
/* Every parameters.heartbeat_ms. */
void gossipsub_heartbeat(struct gossipsub *router, uint64_t now, struct gossipsub_actions *actions);

/* False with the error set where the name is empty, too long, or there are too many. Idempotent. */
bool gossipsub_subscribe(struct gossipsub *router, uint64_t now, const char *topic,
                         struct gossipsub_actions *actions, struct error *error);
bool gossipsub_unsubscribe(struct gossipsub *router, uint64_t now, const char *topic,
                           struct gossipsub_actions *actions, struct error *error);
/*
 * Publishes PAYLOAD on a topic, subscribed or not: compressed, or signed and as it is. ID and the
 * number of peers it went to are given back. False where it is too large, or was published before.
 */
bool gossipsub_publish(struct gossipsub *router, uint64_t now, const char *topic,
                       struct bytes payload, uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE],
                       size_t *receivers, struct gossipsub_actions *actions, struct error *error);

/* What peers call a message that was published or delivered just now, where ID is the router's name
 * for it: borrowed, until the next event. */
struct bytes gossipsub_wire_id(const struct gossipsub *router,
                               const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE]);

/* ---- policies of the host; each may be left alone ---- */

enum gossipsub_signature {
    GOSSIPSUB_SIGNATURE_RIGHT,
    GOSSIPSUB_SIGNATURE_WRONG,
    GOSSIPSUB_SIGNATURE_OF_NOBODY, /* KEY is not AUTHOR's, or there is none */
};

/* libp2p's default, StrictSign. All bytes are borrowed for as long as the router lives. */
struct gossipsub_signing {
    struct bytes author; /* our peer id */
    struct bytes key;    /* our PublicKey protobuf, where the peer id does not hold it; or empty */
    uint64_t seqno;      /* greater than that of any message that we made before */
    /* Appends our signature over TEXT. */
    void (*sign)(void *context, struct bytes text, struct buffer *signature);
    /* KEY is a PublicKey protobuf, or empty where the author's peer id is to hold it. */
    enum gossipsub_signature (*verify)(void *context, struct bytes author, struct bytes key,
                                       struct bytes text, struct bytes signature);
    void *context;
};

/*
 * Before there is any topic: on those that are not Lean's messages are signed and must be, are
 * called by author and seqno, and are not compressed (where one is a snappy block all the same, it
 * is delivered decompressed). On Lean's nothing changes.
 */
void gossipsub_set_signing(struct gossipsub *router, const struct gossipsub_signing *signing);

enum gossipsub_verdict {
    GOSSIPSUB_ACCEPT, /* delivered and passed on */
    GOSSIPSUB_REJECT, /* neither, and counted as invalid */
    GOSSIPSUB_IGNORE, /* neither */
};

/* PAYLOAD is what the data decompressed to, or the raw data where it is no snappy block. */
typedef enum gossipsub_verdict (*gossipsub_validator)(void *context, const char *topic,
                                                      struct bytes payload, bool valid_snappy);

/* Asked once for each new message on a topic of ours, before anything is done with it; it may not
 * call the router. Without one, what is signed or a snappy block is accepted, the rest rejected. */
void gossipsub_set_validator(struct gossipsub *router, gossipsub_validator validator,
                             void *context);
/*
 * A direct peer, by agreement of both ends: every message of a topic that it is subscribed to is
 * sent to it, and it is never in a mesh. libp2p specification: gossipsub-v1.1.md, "Explicit Peering
 * Agreements".
 */
void gossipsub_peer_set_direct(struct gossipsub *router, uint64_t now, gossipsub_peer peer,
                               bool direct, struct gossipsub_actions *actions);

/* ---- what is there, for the API and for tests; lists are sorted by handle ---- */

size_t gossipsub_topic_count(const struct gossipsub *router); /* handles are 0 .. count - 1 */
/* NULL where no topic has that handle. */
const char *gossipsub_topic_name(const struct gossipsub *router, gossipsub_topic topic);
bool gossipsub_topic_find(const struct gossipsub *router, const char *name, gossipsub_topic *topic);
bool gossipsub_is_subscribed(const struct gossipsub *router, gossipsub_topic topic);
bool gossipsub_peer_is_subscribed(const struct gossipsub *router, gossipsub_peer peer,
                                  gossipsub_topic topic);
bool gossipsub_in_mesh(const struct gossipsub *router, gossipsub_peer peer, gossipsub_topic topic);
bool gossipsub_in_fanout(const struct gossipsub *router, gossipsub_peer peer,
                         gossipsub_topic topic);
/* Milliseconds left until the peer may be grafted again; 0 where there is no backoff. */
uint64_t gossipsub_backoff_left(const struct gossipsub *router, uint64_t now, gossipsub_peer peer,
                                gossipsub_topic topic);

/* How many of the peer's messages were rejected, by reason; NULL where there is no such peer. */
const uint64_t *gossipsub_peer_refused(const struct gossipsub *router, gossipsub_peer peer);

/* How many topics the peer is subscribed to that were not kept, up to NAME_SET_MAX. */
size_t gossipsub_peer_not_kept(const struct gossipsub *router, gossipsub_peer peer);

struct gossipsub_left_out {
    uint64_t counts[GOSSIPSUB_KINDS];
};

/* What the peer was not sent because it read too slowly. */
struct gossipsub_left_out gossipsub_peer_left_out(const struct gossipsub *router,
                                                  gossipsub_peer peer);
/* Bytes that wait for it. */
size_t gossipsub_peer_unsent(const struct gossipsub *router, gossipsub_peer peer);

struct gossipsub_statistics {
    uint64_t rpcs_in, rpcs_out, messages_in, messages_out, duplicates, invalid, published,
        delivered;
    uint64_t refused[GOSSIPSUB_REFUSALS]; /* what `invalid` is made of */
    uint64_t rpcs_malformed;
    uint64_t subscriptions_not_kept; /* of peers, to topics that are not ours */
    uint64_t streams_stalled;        /* reset because their peer took nothing for a minute */
    struct gossipsub_left_out left_out;
    size_t seen, cached_messages, cached_bytes, backoffs;
};

void gossipsub_statistics(const struct gossipsub *router, struct gossipsub_statistics *statistics);

#endif
