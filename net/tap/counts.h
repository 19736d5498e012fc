/* What was seen of each node, in all and a second. Pure: facts and the time go in. */
#ifndef NET_TAP_COUNTS_H
#define NET_TAP_COUNTS_H

#include "net/tap/fact.h"
#include "net/tap/limits.h"

enum { RATE_SECONDS = 10 }; /* that a rate is of */

struct counter {
    uint64_t total;
    uint64_t seconds[RATE_SECONDS]; /* by the second's number */
    uint64_t newest;                /* of them */
};

/* A second, of the last RATE_SECONDS, the one that runs now included. NOW_S is of a clock that
 * nobody sets, and never less than before. */
double counter_rate(const struct counter *counter, uint64_t now_s);

/* By a node. */
struct node_counts {
    struct counter facts[TAP_FACT_KINDS];
    struct counter messages, rpc_bytes; /* of gossipsub */
    uint64_t signed_messages, malformed_rpcs, over_limits[RPC_LIMITS], contradictions;
};

/* NOW_S, in seconds, is of a clock that nobody sets, and never less than before. */
void node_counts_add(struct node_counts *counts, const struct tap_fact *fact, uint64_t now_s);
/* What FACT tells of an RPC that is never whole, beside what node_counts_add() counts. */
void node_counts_add_broken(struct node_counts *counts, const struct tap_fact *fact);

#endif
