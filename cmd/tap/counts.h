/* What was seen of each node, in all and a second. */
#ifndef CMD_TAP_COUNTS_H
#define CMD_TAP_COUNTS_H

#include "net/tap/fact.h"
#include "net/tap/limits.h"
#include "net/tap/rules.h"

enum { RATE_SECONDS = 10 }; /* that a rate is of */

struct counter {
    uint64_t total;
    uint64_t seconds[RATE_SECONDS]; /* by the second's number */
    uint64_t newest;                /* of them */
};

/* NOW_S is of a clock that nobody sets, and never less than before. */
void counter_add(struct counter *counter, uint64_t amount, uint64_t now_s);
/* A second, of the last RATE_SECONDS, the one that runs now included. */
double counter_rate(const struct counter *counter, uint64_t now_s);

/* By a node. */
struct node_counts {
    struct counter facts[TAP_FACT_KINDS];
    struct counter messages, rpc_bytes; /* of gossipsub */
    uint64_t signed_messages, malformed_rpcs, over_limits[RPC_LIMITS], contradictions;
};

void node_counts_add(struct node_counts *counts, const struct tap_fact *fact, uint64_t now_s);

#endif
