#include "net/host/shares.h"

void shares_init(struct shares *shares, size_t budget)
{
    *shares = (struct shares){.budget = budget};
    TAILQ_INIT(&shares->all);
}

uint64_t shares_time(struct shares *shares, uint64_t clock_ms)
{
    uint64_t passed = clock_ms - shares->seen_ms;
    if (passed > SHARES_PERIOD_MS)
        shares->away_ms += passed - SHARES_PERIOD_MS;
    shares->seen_ms = clock_ms;
    return clock_ms - shares->away_ms;
}

void share_join(struct shares *shares, struct share *share)
{
    *share = (struct share){.patience_ms = SHARE_PATIENCE_MIN_MS};
    TAILQ_INSERT_HEAD(&shares->all, share, link);
    shares->peers++;
}

static void stop_wanting(struct shares *shares, struct share *share)
{
    if (share->granted)
        shares->granted -= share->wanted;
    else if (share->wanted > 0)
        shares->waiting--;
    share->granted = false;
    share->wanted = 0;
}

void share_leave(struct shares *shares, struct share *share)
{
    stop_wanting(shares, share);
    shares->held -= share->held;
    TAILQ_REMOVE(&shares->all, share, link);
    shares->peers--;
}

void share_set_patience(struct share *share, uint64_t round_trip_ms)
{
    uint64_t patience = SHARE_PATIENCE_RTTS * round_trip_ms;
    if (patience > SHARE_PATIENCE_MAX_MS)
        patience = SHARE_PATIENCE_MAX_MS;
    share->patience_ms = patience > SHARE_PATIENCE_MIN_MS ? patience : SHARE_PATIENCE_MIN_MS;
}

static bool is_over(const struct share *share)
{
    return share->held > SHARE_OWN + (share->granted ? share->wanted : 0);
}

bool share_hold(struct shares *shares, struct share *share, size_t held, uint64_t now_ms)
{
    shares->held += held;
    shares->held -= share->held;
    share->held = held;
    share->moved_ms = now_ms;
    return is_over(share);
}

void share_want(struct shares *shares, struct share *share, size_t size, uint64_t now_ms)
{
    share->wanted = size;
    share->since_ms = share->moved_ms = now_ms;
    shares->waiting++;
    TAILQ_REMOVE(&shares->all, share, link);
    TAILQ_INSERT_HEAD(&shares->all, share, link);
}

void share_done(struct shares *shares, struct share *share, uint64_t now_ms)
{
    if (share->granted)
        share->losses = 0;
    stop_wanting(shares, share);
    share->moved_ms = now_ms;
}

size_t shares_unsent_limit(const struct shares *shares, size_t messages)
{
    return messages < shares->budget ? SIZE_MAX : shares->budget / (shares->peers + 1);
}

bool shares_fit_answer(const struct shares *shares, size_t all, size_t own, size_t size)
{
    size_t used = shares->granted + shares->elsewhere;
    if (all == 0)
        return true;
    return all + size <= shares->budget / 2 && (own == 0 || own + size <= shares->budget / 4) &&
           used < shares->budget && size <= shares->budget - used;
}

/* ---- decisions ---- */

static bool waits(const struct share *share)
{
    return share->wanted > 0 && !share->granted;
}

/* Of those that wait the one that has lost least, and of these the newest. */
static struct share *next_in_line(const struct shares *shares)
{
    struct share *next = NULL, *share;
    TAILQ_FOREACH(share, &shares->all, link)
    {
        if (waits(share) && (next == NULL || share->losses < next->losses))
            next = share;
    }
    return next;
}

/* One RPC at a time passes whatever else there is. */
static bool fits(const struct shares *shares, size_t size)
{
    size_t used = shares->granted + shares->elsewhere;
    return shares->granted == 0 || (used < shares->budget && size <= shares->budget - used);
}

/* Longer than whoever waits must put up with. */
static bool has_had_its_turn(const struct share *share, uint64_t now_ms)
{
    uint64_t due = share->since_ms + SHARE_SLACK_MS + share->wanted * 1000 / SHARE_SLOWEST;
    return now_ms >= share->moved_ms + share->patience_ms || now_ms >= due;
}

/* Of those who have had their turn the one that has not gone on for longest. */
static struct share *most_stalled(const struct shares *shares, uint64_t now_ms)
{
    struct share *most = NULL, *share;
    TAILQ_FOREACH(share, &shares->all, link)
    {
        if (share->granted && has_had_its_turn(share, now_ms) &&
            (most == NULL || share->moved_ms < most->moved_ms))
            most = share;
    }
    return most;
}

static enum share_decision take_away(struct shares *shares, struct share *share,
                                     enum share_decision decision)
{
    share->losses++;
    stop_wanting(shares, share);
    shares->held -= share->held;
    share->held = 0;
    return decision;
}

static enum share_decision decide_who_is_next(struct shares *shares, uint64_t now_ms,
                                              struct share **whose)
{
    struct share *next = next_in_line(shares);
    if (next == NULL)
        return SHARE_NONE;
    if (fits(shares, next->wanted)) {
        next->granted = true;
        next->moved_ms = next->since_ms = now_ms;
        shares->granted += next->wanted;
        shares->waiting--;
        *whose = next;
        return SHARE_GRANT;
    }
    *whose = most_stalled(shares, now_ms);
    return *whose != NULL ? take_away(shares, *whose, SHARE_RESET) : SHARE_NONE;
}

/* What it has us keep is more than it may for as long as it likes. */
static bool is_under_way(const struct share *share)
{
    return share->wanted > 0 || share->held > SHARE_LITTLE;
}

/* Of one alone, by the time that has passed. */
static enum share_decision decide_by_time(struct shares *shares, struct share *share,
                                          uint64_t now_ms)
{
    if (is_over(share))
        return take_away(shares, share, SHARE_RESET_OVER);
    if (waits(share) && now_ms >= share->since_ms + SHARE_WAIT_MS)
        return take_away(shares, share, SHARE_RESET_UNMET);
    if (!waits(share) && share->held > SHARE_LITTLE && now_ms >= share->moved_ms + SHARE_STALLED_MS)
        return take_away(shares, share, SHARE_RESET);
    uint64_t last = share->probed_ms > share->moved_ms ? share->probed_ms : share->moved_ms;
    if (is_under_way(share) && now_ms >= last + SHARE_PROBE_MS) {
        share->probed_ms = now_ms;
        return SHARE_PROBE;
    }
    return SHARE_NONE;
}

enum share_decision shares_decide(struct shares *shares, uint64_t now_ms, struct share **whose)
{
    enum share_decision decision = decide_who_is_next(shares, now_ms, whose);
    struct share *share;
    TAILQ_FOREACH(share, &shares->all, link)
    {
        if (decision != SHARE_NONE)
            return decision;
        decision = decide_by_time(shares, share, now_ms);
        *whose = share;
    }
    return decision;
}

bool shares_pending(const struct shares *shares)
{
    struct share *share;
    TAILQ_FOREACH(share, &shares->all, link)
    {
        if (is_under_way(share))
            return true;
    }
    return false;
}
