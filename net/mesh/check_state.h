/* A check's insides: what check.c and the other check_*.c share. */
#ifndef NET_MESH_CHECK_STATE_H
#define NET_MESH_CHECK_STATE_H

#include "net/mesh/check.h"

struct check {
    const json_t *snapshot;
    json_t *nodes;           /* by peer id */
    json_t *foreign;         /* those that were visited, by peer id */
    json_t *topics;          /* names that a node is subscribed to */
    const char *network;     /* of the first node that has one */
    bool network_by_tap;     /* and a tap told that */
    json_t *foreign_network; /* holds it, where that is one that was visited */
    json_t *finalized;       /* by slot: "root", and "by_tap" where a tap told it */
    json_t *told_of; /* ids of whose connections somebody tells; NULL until check_seen.c asks */
    json_t *findings[MESH_INVARIANTS];
    bool unsound;
};

/* What a finding is about; members may be NULL. */
struct subject {
    const char *topic, *node, *peer;
    bool by_tap; /* a tap alone knows what is found, or some of it */
};

/* ---- check.c ---- */

/* SEVERITY may be milder than the invariant's. */
void check_find(struct check *check, enum mesh_invariant invariant, enum mesh_severity severity,
                struct subject subject, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same of a message of any length, which is freed. */
void check_find_text(struct check *check, enum mesh_invariant invariant,
                     enum mesh_severity severity, struct subject subject, char *message);
/* The item of a sorted list that NAME names, or NULL. */
json_t *check_item(const json_t *list, const char *name);
/* Whether PEER, an item of a node's peers, listed gossipsub in identify. */
bool check_lists_gossipsub(const json_t *peer);
/* Whether the node's own stream to PEER is open. */
bool check_stream_is_open(const json_t *peer);
/* The node's D_high, or the usual one. */
size_t check_d_high(const json_t *node);
/* Whether the node says IHAVE at all; who does not tell does, as is usual. */
bool check_gossips(const json_t *node);
/* The root that the first of all finalized at SLOT, or NULL; WHO is held against it. */
const char *check_finalized(const struct check *check, const char *slot, struct subject *who);
/* Compares STATUS, which may be NULL, of WHO with what others finalized at the same slot. */
void check_status(struct check *check, const json_t *status, struct subject who);

/* ---- check_foreign.c ---- */

/* Judges what is known of the nodes that were visited; after all others. */
void check_foreign_nodes(struct check *check);
/* Whether the foreign node PEER_ID has said what it is subscribed to, and TOPIC is not among it. */
bool check_foreign_lacks(const struct check *check, const char *peer_id, const char *topic);

/* ---- check_known.c ---- */

/* Whether PEER, of NODE's, has opened a stream to it. */
void check_peer_stream(struct check *check, const json_t *node, const json_t *peer);
/* SUBJECT is a topic that NODE is subscribed to and can graft nobody for. */
void check_empty_mesh(struct check *check, struct subject subject, const json_t *node,
                      const json_t *topic);
void check_refused_messages(struct check *check, const json_t *node);
/* The peers of which only what others tell is known: a new list of names. */
json_t *check_not_asked(const struct check *check);

/* ---- check_lean.c ---- */

/* Judges what Lean nodes' own APIs told; after all others. */
void check_lean_apis(struct check *check);

/* ---- check_parts.c ---- */

/* Whether the topic NAME is in one piece, and what it hangs by. */
void check_topic_parts(struct check *check, const char *name);

/* ---- check_seen.c ---- */

/* Whether a tap, where it alone knows NODE, has seen enough of it to tell. */
void check_seen(struct check *check, const json_t *node);

#endif
