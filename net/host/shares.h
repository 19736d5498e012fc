/*
 * Who of the peers may have the node keep how much for them: one budget, and of it a share for
 * each. Pure.
 *
 * What a peer's flow-control windows let it send at any time is its own. An RPC that is larger
 * takes a share as large as itself, and only then is room made for the rest of it; where the budget
 * has no room the peer waits. Nobody sits on a share: whose RPC does not go on loses it to those
 * who wait, and after a while at any rate. Who has lost one comes after those who have not, and who
 * came last comes first, so that many who hold on to what they have keep nobody else out for long.
 */
#ifndef NET_HOST_SHARES_H
#define NET_HOST_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
    SHARES_BUDGET = 32 * 1024 * 1024,
    SHARE_OWN = 384 * 1024,   /* that a peer may hold beside its share: its windows let it, and more
                                 than   one connection more */
    SHARE_LITTLE = 16 * 1024, /* that a peer may hold for as long as it likes */
    SHARE_PATIENCE_MIN_MS = 500,  /* with what does not go on, while others wait for its share */
    SHARE_PATIENCE_MAX_MS = 1000, /* the same, of peers far away */
    SHARE_PATIENCE_RTTS = 4,      /* how far that is */
    SHARE_SLOWEST = 1024 * 1024,  /* bytes a second, while others wait: by then it is to be done */
    SHARE_SLACK_MS = 1000,        /* and so much more */
    SHARE_STALLED_MS = 4000,      /* the same while nobody waits */
    SHARE_WAIT_MS = 20000,        /* that a peer may wait */
    SHARE_PROBE_MS = 1000,        /* when one that does not go on is asked whether it lives */
    SHARES_PERIOD_MS = 100,       /* from one look at them all to the next, while there is need */
};

/* A peer's. A zeroed one is nobody's: see share_join. */
struct share {
    size_t held;   /* bytes that we keep of its RPCs */
    size_t wanted; /* of the RPC that is larger than its windows; 0: there is none */
    bool granted;  /* room is made for all of that */
    unsigned losses;
    uint64_t patience_ms;
    uint64_t since_ms;  /* when it began to want, or was granted that */
    uint64_t moved_ms;  /* when its RPCs last went on, or could again */
    uint64_t probed_ms; /* when it was last asked whether it lives */
    TAILQ_ENTRY(share) link;
};

struct shares {
    size_t budget;
    size_t granted;          /* bytes */
    size_t peers, waiting;   /* for a share */
    size_t held;             /* bytes, of all peers */
    size_t elsewhere;        /* bytes that the budget lacks: the caller's to set */
    uint64_t seen_ms;        /* by the clock, at the last call of shares_time */
    uint64_t away_ms;        /* of the clock's time, how much does not count */
    TAILQ_HEAD(, share) all; /* newest first */
};

void shares_init(struct shares *shares, size_t budget);
/* The time that the functions below are told, for CLOCK_MS of a monotonic clock: from one call to
 * the next no more than SHARES_PERIOD_MS pass. While the node itself was stopped, or too busy to
 * look, what peers sent was not read, and none of them was late. */
uint64_t shares_time(struct shares *shares, uint64_t clock_ms);
void share_join(struct shares *shares, struct share *share);
void share_leave(struct shares *shares, struct share *share);
/* ROUND_TRIP_MS of the peer, as far as it is known: how soon it can answer to a grant. */
void share_set_patience(struct share *share, uint64_t round_trip_ms);
/* What is kept of the peer's RPCs is now so much; it went on. True where that is too much. */
bool share_hold(struct shares *shares, struct share *share, size_t held, uint64_t now_ms);
/* An RPC of SIZE bytes, more than 0, has begun that is larger than its windows. One at a time. */
void share_want(struct shares *shares, struct share *share, size_t size, uint64_t now_ms);
/* It has been carried out: the share is given back. */
void share_done(struct shares *shares, struct share *share, uint64_t now_ms);

/* How many bytes of messages may wait for a peer that takes nothing while all messages take
 * MESSAGES: any number as long as the budget has room for them, and an equal share of it otherwise.
 */
size_t shares_unsent_limit(const struct shares *shares, size_t messages);

/* Whether of a peer's answers, of which OWN bytes are not acknowledged, SIZE more may be kept,
 * while of all answers ALL are, which `elsewhere` counts, too: a quarter of the budget for a peer
 * and half of it for all, as far as there is room in it. One block passes whatever else there is.
 */
bool shares_fit_answer(const struct shares *shares, size_t all, size_t own, size_t size);

enum share_decision {
    SHARE_NONE,
    SHARE_GRANT,       /* room is to be made for all that it wants */
    SHARE_RESET,       /* what it holds is to go: it does not go on */
    SHARE_RESET_OVER,  /* the same: it is more than its share */
    SHARE_RESET_UNMET, /* the same: it has waited for too long */
    SHARE_PROBE,       /* it does not go on: does it live? */
};

/* What is to be done next, and for whom; the books say already that it is done. Until it is
 * SHARE_NONE, whenever something has changed, and every now and then. */
enum share_decision shares_decide(struct shares *shares, uint64_t now_ms, struct share **whose);
/* Whether time alone may bring a decision. */
bool shares_pending(const struct shares *shares);

#endif
