#include "net/tap/counts.h"

/* What is older than RATE_SECONDS is forgotten. */
static void go_on(struct counter *counter, uint64_t now_s)
{
    for (size_t i = 0; i < RATE_SECONDS && counter->newest < now_s; i++)
        counter->seconds[++counter->newest % RATE_SECONDS] = 0;
    counter->newest = now_s;
}

static void counter_add(struct counter *counter, uint64_t amount, uint64_t now_s)
{
    go_on(counter, now_s);
    counter->total += amount;
    counter->seconds[now_s % RATE_SECONDS] += amount;
}

double counter_rate(const struct counter *counter, uint64_t now_s)
{
    struct counter now = *counter;
    uint64_t sum = 0;
    go_on(&now, now_s);
    for (size_t i = 0; i < RATE_SECONDS; i++)
        sum += now.seconds[i];
    return (double)sum / RATE_SECONDS;
}

static void add_rpc(struct node_counts *counts, const struct skimmed_rpc *rpc, uint64_t now_s)
{
    counter_add(&counts->messages, rpc->message_count, now_s);
    counter_add(&counts->rpc_bytes, rpc->size, now_s);
    counts->signed_messages += rpc->signed_count;
    counts->malformed_rpcs += rpc->malformed;
    for (size_t i = 0; i < RPC_LIMITS; i++)
        counts->over_limits[i] += rpc->size > rpc_limits[i].size;
}

void node_counts_add(struct node_counts *counts, const struct tap_fact *fact, uint64_t now_s)
{
    counter_add(&counts->facts[fact->kind], 1, now_s);
    counts->contradictions += fact->contradicts;
    if (fact->rpc != NULL)
        add_rpc(counts, fact->rpc, now_s);
}

void node_counts_add_broken(struct node_counts *counts, const struct tap_fact *fact)
{
    for (size_t i = 0; fact->kind == TAP_FACT_MALFORMED && i < RPC_LIMITS; i++)
        counts->over_limits[i] += fact->size > rpc_limits[i].size;
}
