/*
 * Who may not be grafted for a while, by peer id and topic: kept past a disconnect.
 * libp2p specification: gossipsub-v1.1.md, "Prune Backoff and Peer Exchange".
 */
#ifndef NET_GOSSIPSUB_BACKOFF_H
#define NET_GOSSIPSUB_BACKOFF_H

#include "net/gossipsub/router.h"

enum {
    BACKOFFS_MAX = 16384, /* beyond it new ones are not recorded: old ones protect as well */
    BACKOFF_PEER_ID_SIZE_MAX = 64,
    BACKOFF_MS_MAX = 60 * 60 * 1000, /* what a peer asks for beyond it is cut */
};

struct backoff;

/* A zeroed struct with a slack is an empty table. */
struct backoff_table {
    struct backoff *backoffs;
    uint64_t slack; /* ms that we wait beyond the end, for clocks and paths that differ */
};

/* Prolongs one that is there, and never shortens it. */
void backoff_set(struct backoff_table *table, uint64_t now, struct bytes peer_id,
                 gossipsub_topic topic, uint64_t duration);
/* Milliseconds until the end, 0 past it: before it the peer must not GRAFT us. */
uint64_t backoff_left(const struct backoff_table *table, uint64_t now, struct bytes peer_id,
                      gossipsub_topic topic);
/* The same with the slack: before it we do not GRAFT the peer. */
uint64_t backoff_left_with_slack(const struct backoff_table *table, uint64_t now,
                                 struct bytes peer_id, gossipsub_topic topic);
/* Forgets what is over, slack included. */
void backoff_expire(struct backoff_table *table, uint64_t now);
/* Whether anybody is in one for TOPIC, slack included. */
bool backoff_any_for(const struct backoff_table *table, gossipsub_topic topic);
size_t backoff_count(const struct backoff_table *table);
void backoff_clear(struct backoff_table *table);

#endif
