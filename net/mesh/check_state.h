/* A check's insides: what check.c and check_foreign.c share. */
#ifndef NET_MESH_CHECK_STATE_H
#define NET_MESH_CHECK_STATE_H

#include "net/mesh/check.h"

struct check {
    const json_t *snapshot;
    json_t *nodes;       /* by peer id */
    json_t *foreign;     /* those that were visited, by peer id */
    json_t *topics;      /* names that a node is subscribed to */
    const char *network; /* of the first node that has one */
    json_t *finalized;   /* roots, by slot */
    json_t *findings[MESH_INVARIANTS];
    bool unsound;
};

/* What a finding is about; members may be NULL. */
struct subject {
    const char *topic, *node, *peer;
};

/* ---- check.c ---- */

/* SEVERITY may be milder than the invariant's. */
void check_find(struct check *check, enum mesh_invariant invariant, enum mesh_severity severity,
                struct subject subject, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Compares STATUS, which may be NULL, of WHO with what others finalized at the same slot. */
void check_status(struct check *check, const json_t *status, struct subject who);

/* ---- check_foreign.c ---- */

/* Judges what is known of the nodes that were visited; after all others. */
void check_foreign_nodes(struct check *check);
/* Whether the foreign node PEER_ID has said what it is subscribed to, and TOPIC is not among it. */
bool check_foreign_lacks(const struct check *check, const char *peer_id, const char *topic);

#endif
