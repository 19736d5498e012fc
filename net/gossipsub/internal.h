/*
 * What the files of the router share. Each event sets `now` and `actions`, does its work, and ends
 * with router_finish, which sends what is waiting in the peers' outboxes.
 */
#ifndef NET_GOSSIPSUB_INTERNAL_H
#define NET_GOSSIPSUB_INTERNAL_H

#include "common/hash_table.h"
#include "common/random.h"
#include "net/gossipsub/arena.h"
#include "net/gossipsub/backoff.h"
#include "net/gossipsub/cache.h"
#include "net/gossipsub/handle_set.h"
#include "net/gossipsub/id_set.h"
#include "net/gossipsub/name_set.h"
#include "net/gossipsub/payload.h"
#include "net/gossipsub/router.h"
#include "net/gossipsub/rpc.h"

enum {
    /* Of GOSSIPSUB_TOPICS_MAX, so many are kept for our own: peers cannot use them all up. */
    TOPICS_RESERVED = 512,
    SEEN_MAX = 131072,                /* ids */
    ASKED_MAX = 16384,                /* ids asked for by IWANT, lately */
    SUBSCRIPTIONS_PER_RPC_MAX = 8192, /* that cost nothing; all are looked at */
    /* Entries of one RPC that are looked at, of each kind; the rest is ignored, but for GRAFT and
       PRUNE of topics that we know. */
    CONTROL_PER_RPC_MAX = 512, /* of GRAFT, PRUNE, IHAVE, IWANT, IDONTWANT each */
    MESSAGES_PER_RPC_MAX = 8192,
    /* Of one peer, from heartbeat to heartbeat; the rest is ignored. */
    IHAVE_RPCS_PER_HEARTBEAT_MAX = 10,
    IHAVE_IDS_PER_HEARTBEAT_MAX = 5000, /* that are looked at */
    IWANT_IDS_PER_HEARTBEAT_MAX = 5000,
    IDONTWANT_IDS_PER_HEARTBEAT_MAX = 1000,
    IDONTWANT_TTL_HEARTBEATS = 3, /* that they are remembered for */
    IHAVE_IDS_SENT_MAX = 5000,    /* of a topic, to one peer and heartbeat */
    IDONTWANT_DATA_SIZE_MIN = 1024,
    IWANT_FOLLOWUP_HEARTBEATS = 2, /* in which a peer is to send what it has offered */
    /* Subscriptions that one peer may begin and end from heartbeat to heartbeat at no cost, and
       what each topic of ours adds to that. */
    SUBSCRIPTION_CHANGES_PER_HEARTBEAT_MAX = 4 * GOSSIPSUB_TOPICS_PER_PEER_MAX,
    SUBSCRIPTION_CHANGES_PER_TOPIC = 4,
    /*
     * What no honest peer sends costs points, and who has more of them within a heartbeat (or,
     * where that is longer, a second) is dropped. Entries over any of the limits above cost one
     * each.
     */
    OFFENCE_POINTS_MAX = 10000,
    OFFENCE_REPEATED_GRAFT = 100, /* again in the heartbeat in which it was refused */
    OFFENCE_REPEATED_PRUNE = 100, /* of one topic, in one heartbeat */
    OFFENCE_REJECTED_MESSAGE = 100,
    OFFENCE_SUBSCRIPTION_CHANGE = 100, /* over the limit above */
    OFFENCE_MALFORMED_RPC = 1000,      /* its stream is reset, too */
    /*
     * Bytes that a peer has not taken. What is written in advance keeps its stream busy; with that
     * much in it, control and messages wait. With more, waiting messages among them, of each kind
     * no more is taken.
     */
    SEND_STREAM_MAX = 1 << 20,
    SEND_IHAVE_MAX = 1 << 19,
    SEND_IWANT_MAX = 1 << 20, /* IDONTWANT too */
    SEND_MESSAGES_MAX = 32 << 20,
    SEND_STANDS_MS = 500,    /* the same, and it may have less where there is no room */
    SEND_STALLED_MS = 60000, /* without one byte acknowledged: its stream is reset */
    /* That a topic is kept for, where a peer has yet to hear that we left it and has no stream. */
    IDLE_HEARTBEATS_MAX = 300,
};

/* A bit for each topic. */
struct topic_bits {
    uint64_t words[GOSSIPSUB_TOPICS_MAX / 64];
};

static inline bool topic_bits_has(const struct topic_bits *bits, gossipsub_topic topic)
{
    return bits->words[topic / 64] >> (topic % 64) & 1;
}

static inline void topic_bits_add(struct topic_bits *bits, gossipsub_topic topic)
{
    bits->words[topic / 64] |= (uint64_t)1 << (topic % 64);
}

static inline void topic_bits_remove(struct topic_bits *bits, gossipsub_topic topic)
{
    bits->words[topic / 64] &= ~((uint64_t)1 << (topic % 64));
}

/* What a peer may believe of us, by topic: see told.c. */
struct told {
    struct topic_bits may_know; /* that we are subscribed: UNSUBSCRIBE is owed where we are not */
    struct topic_bits knows;    /* the same for sure: SUBSCRIBE is owed where we are, and it
                                   does not */
    struct topic_bits may_have_us; /* in its mesh: PRUNE is owed where we do not have it */
    struct topic_bits has_us;      /* or was told our GRAFT: which is owed where we have it in our
                                      mesh, and it was not */
    struct topic_bits withdrawn;   /* UNSUBSCRIBE was written, and may be lost with its stream */
    struct topic_bits pruned; /* PRUNE or UNSUBSCRIBE, ever: it may be lost, or cross a GRAFT */
    struct topic_bits unsaid; /* to be looked at once its stream takes more */
    bool any_unsaid;
};

struct queued_rpc {
    struct chunk *rpc; /* one reference */
    gossipsub_topic topic;
};

/* Messages that wait, oldest first. */
struct send_queue {
    struct queued_rpc *items;
    size_t first, count, capacity;
    size_t bytes;
};

struct router_peer {
    gossipsub_peer handle;
    uint64_t serial; /* never used again, as a handle is */
    uint8_t id[BACKOFF_PEER_ID_SIZE_MAX];
    size_t id_size;
    bool outbound;
    bool direct;  /* never in a mesh or fanout */
    bool dropped; /* GOSSIPSUB_DROP_PEER went out: what it says is not listened to any more */
    bool stream_open;
    enum gossipsub_version version;
    struct topic_bits subscriptions;
    struct name_set not_kept; /* topics that it is subscribed to beside these */
    bool has_new_room;        /* for some of them, since the last heartbeat */
    struct told told;
    /* Since the last heartbeat: one of each is answer enough. */
    struct topic_bits grafted, refused, pruned_us;
    unsigned ihave_rpcs, ihave_ids, iwant_ids, idontwant_ids, subscription_changes;
    uint64_t offence_points;
    uint64_t refused_messages[GOSSIPSUB_REFUSALS];
    /* One of the ids that we asked it for, at random: gossipsub-v1.1.md, "Spam Protection
       Measures". Zero while there is none. */
    uint64_t promise_due;
    uint8_t promised_id[GOSSIPSUB_MESSAGE_ID_SIZE];
    bool broke_promise;               /* the last of them was not kept, by it or by anybody */
    struct id_set asked_all_the_same; /* of it, since and lately */
    struct id_set not_wanted;         /* by IDONTWANT */
    struct rpc_writer outbox;
    struct send_queue queue;
    size_t unsent;         /* of its stream, as last reported */
    size_t sent;           /* since, in the event SENT_IN */
    uint64_t sent_in;      /* router->event */
    uint64_t acknowledged; /* of its stream, as last reported */
    uint64_t moved_at;     /* when that changed, or nothing was unsent */
    uint64_t connection;   /* of its stream */
    uint64_t reset_on;     /* the connection on which a stream was reset last; 0: none */
    struct gossipsub_left_out left_out;
};

struct topic {
    gossipsub_topic handle;
    char *name;
    bool subscribed;          /* by us */
    bool is_signed;           /* its messages are */
    bool has_fanout;          /* never while subscribed */
    unsigned idle_heartbeats; /* since it was last of use to anybody */
    uint64_t fanout_expires;
    struct handle_set subscribers; /* peers */
    struct handle_set mesh;        /* peers with an open stream, all of them subscribed */
    struct handle_set fanout;      /* the same */
    UT_hash_handle hh;
};

#define FOR_EACH_TOPIC(router, topic)                                                              \
    for (struct topic *topic = (router)->topics_by_name; topic != NULL; topic = topic->hh.next)

struct gossipsub {
    struct gossipsub_parameters parameters;
    struct random random;
    uint64_t now;                      /* of the event being handled */
    uint64_t event;                    /* that one: counts up */
    struct gossipsub_actions *actions; /* of the event being handled */
    struct router_peer **peers;        /* by handle; NULL where the handle is free */
    size_t peer_slots;
    struct handle_set peer_handles; /* of those that are there */
    struct handle_set free_handles; /* a stack */
    uint64_t next_serial;
    struct topic *topics[GOSSIPSUB_TOPICS_MAX]; /* by handle; NULL where the handle is free */
    size_t topic_slots;                         /* handles that are or were taken */
    struct topic *topics_by_name;               /* oldest first */
    bool has_new_topic;                         /* since the last heartbeat */
    struct handle_set waiting;                  /* peers whose outbox is not empty */
    struct id_set seen, asked;
    struct message_cache cache;
    struct backoff_table backoffs;
    struct gossipsub_rpc *rpc;     /* the one being handled; NULL: none is */
    struct arena arena;            /* of its slice */
    struct handle_set candidates;  /* scratch, of router_candidates */
    struct bytes *gossip_ids;      /* scratch, of router_send_gossip */
    size_t gossip_ids_room;        /* at most IHAVE_IDS_SENT_MAX */
    size_t unsent_max;             /* bytes for a peer: at most SEND_MESSAGES_MAX */
    gossipsub_validator validator; /* NULL: none */
    void *validator_context;
    struct gossipsub_signing signing; /* `verify` NULL: none */
    struct handle_set direct_peers;   /* of peer_handles */
    struct gossipsub_statistics statistics;
};

/* ---- actions.c ---- */

/* Appends an action; its other fields are the caller's to fill in, before the next is appended. */
struct gossipsub_action *router_emit(struct gossipsub *router, enum gossipsub_action_kind kind,
                                     gossipsub_peer peer, gossipsub_topic topic);

/* ---- sending.c ---- */

/* At once, whatever waits. Takes over the reference of RPC. */
void router_send(struct gossipsub *router, struct router_peer *peer, gossipsub_topic topic,
                 struct chunk *rpc, enum gossipsub_priority priority);
/* A message: at once, behind others that wait, or not at all: false. */
bool router_send_message(struct gossipsub *router, struct router_peer *peer, gossipsub_topic topic,
                         struct chunk *rpc);
/* Whether control and messages have to wait. */
bool sending_fills(const struct gossipsub *router, const struct router_peer *peer);
/* Whether gossip of that kind, sent now, would not be too much. */
bool sending_takes(const struct gossipsub *router, const struct router_peer *peer,
                   enum gossipsub_kind kind);
/* Counts COUNT of a kind, and tells of the RPC, whose reference it takes over. */
void sending_leave_out(struct gossipsub *router, struct router_peer *peer, enum gossipsub_kind kind,
                       size_t count, struct chunk *rpc);
/* Its stream is gone: what waits is lost as what was written to it is. */
void sending_drop(struct router_peer *peer);
void sending_clear(struct router_peer *peer);
/* At the heartbeat: does it still read? */
void sending_maintain(struct gossipsub *router, struct router_peer *peer);

/* ---- told.c ---- */

/* What the peer is to know of the topic may have changed: said at the end of the event, or as soon
 * as its stream takes it. */
void told_mark(struct gossipsub *router, struct router_peer *peer, const struct topic *topic);
/* The same for every topic: it has a fresh stream. */
void told_mark_all(struct gossipsub *router, struct router_peer *peer);
/* Puts what is to be said into the outbox. */
void told_write(struct gossipsub *router, struct router_peer *peer);
/* Our stream is gone: what was said may not have arrived, and what arrived may be forgotten. */
void told_stream_lost(struct router_peer *peer);
/* The peer may have forgotten what it was told. */
void told_forgotten(struct router_peer *peer);
/* It has us in its mesh by its own doing, or (before we leave it, in turn) has no more. */
void told_peer_has_us(struct router_peer *peer, const struct topic *topic);
void told_peer_left_us(struct router_peer *peer, const struct topic *topic);
/* Whether a peer has yet to hear something of the topic. */
bool told_needs_topic(const struct gossipsub *router, const struct topic *topic);
/* Of all peers: its handle may be another's next. */
void told_forget_topic(struct gossipsub *router, const struct topic *topic);

/* ---- outbox.c: control and subscriptions wait for the end of the event, to share an RPC ---- */

void outbox_subscription(struct gossipsub *router, struct router_peer *peer,
                         const struct topic *topic, bool subscribe);
void outbox_graft(struct gossipsub *router, struct router_peer *peer, const struct topic *topic);
void outbox_prune(struct gossipsub *router, struct router_peer *peer, const struct topic *topic,
                  uint64_t backoff_ms);
void outbox_ihave(struct gossipsub *router, struct router_peer *peer, const struct topic *topic,
                  const struct bytes *ids, size_t count);
void outbox_iwant(struct gossipsub *router, struct router_peer *peer, const struct bytes *ids,
                  size_t count);
/* Drops what is waiting for a peer that cannot be sent to any more. */
void outbox_drop(struct gossipsub *router, struct router_peer *peer);
void outboxes_send(struct gossipsub *router);

/* ---- peers.c ---- */

struct router_peer *router_peer(const struct gossipsub *router, gossipsub_peer peer);
struct bytes peer_id_of(const struct router_peer *peer);
/* False where the peer knows already, or may not be sent to. */
bool router_peer_wants(const struct gossipsub *router, const struct router_peer *peer,
                       const uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE]);
/* Counts what costs the peer points; router_judge_peer drops it where these are too many. */
void router_offend(struct router_peer *peer, uint64_t points);
void router_judge_peer(struct gossipsub *router, struct router_peer *peer);
/* It sent what no honest peer sends. */
void router_drop_peer(struct gossipsub *router, struct router_peer *peer, const char *reason);
void peers_clear(struct gossipsub *router);

/* ---- topics.c ---- */

struct bytes topic_bytes(const struct topic *topic);
/* NULL where there is none of that name. */
struct topic *router_topic(const struct gossipsub *router, struct bytes name);
/* Makes it where there is none; NULL where there are GOSSIPSUB_TOPICS_MAX but RESERVED. */
struct topic *router_topic_make(struct gossipsub *router, struct bytes name, size_t reserved);
bool topic_name_valid(struct bytes name);
/* At the heartbeat: gives the handles of topics back that nobody has used for a while. */
void router_reclaim_topics(struct gossipsub *router);
void topics_clear(struct gossipsub *router);

/* ---- subscriptions.c ---- */

void router_handle_subscriptions(struct gossipsub *router, struct router_peer *peer,
                                 const Gossipsub__RPC *rpc);
void router_add_subscriber(struct gossipsub *router, struct router_peer *peer, struct topic *topic);
/* Before we subscribe to it, or have a fanout for it: whom it was not kept of are its subscribers.
 */
void router_topic_becomes_ours(struct gossipsub *router, struct topic *topic);
/* At the heartbeat: there may be room by now for what was not kept. */
void router_learn_topics(struct gossipsub *router);
/* The topic that we name, made where it is not there; NULL with the error set. */
struct topic *router_own_topic(struct gossipsub *router, const char *name, struct error *error);

/* ---- mesh.c ---- */

/* Peers of TOPIC that could be sent to, neither direct nor in EXCEPT, for sampling: the router's
 * own array, good until the next call. GRAFTABLE: only those without a backoff. */
struct handle_set *router_candidates(struct gossipsub *router, const struct topic *topic,
                                     const struct handle_set *except, bool graftable);
/* Tells the host alone, REASON being static text: PRUNE is the caller's. */
void router_leave_mesh(struct gossipsub *router, struct router_peer *peer, struct topic *topic,
                       bool by_peer, const char *reason);
/* Rule 6: at once, where the mesh is below D_low. */
void router_graft_eagerly(struct gossipsub *router, struct router_peer *peer, struct topic *topic);
/* Its stream is open: answers what it grafted us on before, by GRAFT or PRUNE. */
void router_graft_waiting(struct gossipsub *router, struct router_peer *peer);
void router_handle_graft(struct gossipsub *router, struct router_peer *peer, struct topic *topic);
void router_handle_prune(struct gossipsub *router, struct router_peer *peer, struct topic *topic,
                         uint64_t backoff_ms);
/* We have subscribed: its mesh is filled up to D, by its fanout first, which ends. */
void router_join(struct gossipsub *router, struct topic *topic);
/* We have unsubscribed: its mesh is pruned. */
void router_leave(struct gossipsub *router, struct topic *topic);
/* At the heartbeat: as many as D_low to D_high say, D_out of them outbound. */
void router_maintain_mesh(struct gossipsub *router, struct topic *topic);

/* ---- fanout.c ---- */

/* The topic's fanout, filled up to D and alive for another fanout_ttl. */
const struct handle_set *router_use_fanout(struct gossipsub *router, struct topic *topic);
void router_maintain_fanout(struct gossipsub *router, struct topic *topic);
void router_end_fanout(struct topic *topic);

/* ---- gossip.c ---- */

void router_handle_gossip(struct gossipsub *router, struct router_peer *peer,
                          const Gossipsub__ControlMessage *control);
/* At the heartbeat: has the peer sent what it offered? */
void router_check_promise(struct gossipsub *router, struct router_peer *peer);
void router_send_gossip(struct gossipsub *router, struct topic *topic);
/* To the mesh but FROM, from version 1.2 on. */
void router_send_idontwant(struct gossipsub *router, const struct topic *topic,
                           const struct router_peer *from, struct bytes wire_id);

/* ---- messages.c ---- */

void router_handle_message(struct gossipsub *router, struct router_peer *peer,
                           const Gossipsub__Message *message);

/* ---- router.c ---- */

/* Around each event: see above. */
void router_begin(struct gossipsub *router, uint64_t now, struct gossipsub_actions *actions);
void router_finish(struct gossipsub *router);
#endif
