/* What the router's limits cost a peer, said in the log. */
#include "common/clock.h"
#include "common/log.h"
#include "net/host/internal.h"

enum { LEFT_OUT_LOG_MS = 60000 }; /* from one line of what a peer was not sent to the next */

/* One line a peer and minute. */
static void log_left_out(struct peer *peer)
{
    struct gossipsub *router = peer->host->router;
    struct gossipsub_left_out now = gossipsub_peer_left_out(router, peer->router_handle);
    const uint64_t *new = now.counts, *old = peer->left_out_logged.counts;
    if (memcmp(&now, &peer->left_out_logged, sizeof(now)) == 0 ||
        clock_now_ms() < peer->left_out_log_due_ms)
        return;
    log_warn("peer %s reads slowly, %zu bytes wait for it; left out: %llu messages, ids of %llu "
             "IWANT, %llu IDONTWANT, %llu IHAVE",
             peer->name, gossipsub_peer_unsent(router, peer->router_handle),
             (unsigned long long)(new[GOSSIPSUB_MESSAGES] - old[GOSSIPSUB_MESSAGES]),
             (unsigned long long)(new[GOSSIPSUB_IWANT] - old[GOSSIPSUB_IWANT]),
             (unsigned long long)(new[GOSSIPSUB_IDONTWANT] - old[GOSSIPSUB_IDONTWANT]),
             (unsigned long long)(new[GOSSIPSUB_IHAVE] - old[GOSSIPSUB_IHAVE]));
    peer->left_out_logged = now;
    peer->left_out_log_due_ms = clock_now_ms() + LEFT_OUT_LOG_MS;
}

/* Once a peer. */
static void log_not_kept(struct peer *peer)
{
    size_t count = gossipsub_peer_not_kept(peer->host->router, peer->router_handle);
    if (count == 0 || peer->not_kept_logged)
        return;
    peer->not_kept_logged = true;
    log_warn("peer %s is subscribed to more topics than are kept: %zu are not; those that are ours "
             "always are",
             peer->name, count);
}

void gossip_log_limits(struct peer *peer)
{
    log_left_out(peer);
    log_not_kept(peer);
}
