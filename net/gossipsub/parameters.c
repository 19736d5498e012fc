#include "net/gossipsub/internal.h"

void gossipsub_parameters_default(struct gossipsub_parameters *parameters)
{
    *parameters = (struct gossipsub_parameters){
        .d = 8,
        .d_low = 6,
        .d_high = 12,
        .d_lazy = 6,
        .d_out = 2,
        .gossip_percent = 25,
        .heartbeat_ms = 700,
        .history_length = 6,
        .history_gossip = 3,
        .fanout_ttl_ms = 60000,
        .seen_ttl_ms = 24000,
        .prune_backoff_ms = 60000,
        .unsubscribe_backoff_ms = 10000,
    };
}

bool gossipsub_parameters_check(const struct gossipsub_parameters *parameters, struct error *error)
{
    const struct gossipsub_parameters *p = parameters;
    if (p->d == 0 || p->d_low > p->d || p->d > p->d_high)
        return error_set(error,
                         "gossipsub: D_low %u, D %u, D_high %u: must be D_low <= D <= D_high, and "
                         "D at least 1",
                         p->d_low, p->d, p->d_high);
    if (p->d_high > GOSSIPSUB_PEERS_MAX || p->d_lazy > GOSSIPSUB_PEERS_MAX)
        return error_set(error, "gossipsub: D_high %u, D_lazy %u: must be at most %d", p->d_high,
                         p->d_lazy, GOSSIPSUB_PEERS_MAX);
    if (p->d_out > p->d / 2 || (p->d_out > 0 && p->d_out >= p->d_low))
        return error_set(error,
                         "gossipsub: D_out %u: must be below D_low %u and at most half of "
                         "D %u",
                         p->d_out, p->d_low, p->d);
    if (p->gossip_percent > 100)
        return error_set(error, "gossipsub: gossip to %u%% of the peers: must be at most 100",
                         p->gossip_percent);
    if (p->heartbeat_ms == 0)
        return error_set(error, "gossipsub: the heartbeat must take at least 1 ms");
    if (p->history_length == 0 || p->history_gossip > p->history_length)
        return error_set(error,
                         "gossipsub: gossip about %u heartbeats of a history of %u: must be no "
                         "more than the history, and that at least 1",
                         p->history_gossip, p->history_length);
    if (p->seen_ttl_ms < p->history_length * p->heartbeat_ms)
        return error_set(error,
                         "gossipsub: messages are forgotten after %llu ms and offered for %llu ms: "
                         "must be remembered for as long as they are offered",
                         (unsigned long long)p->seen_ttl_ms,
                         (unsigned long long)(p->history_length * p->heartbeat_ms));
    return true;
}
