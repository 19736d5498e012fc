#include "net/verdict/ownership.h"

/* The last that is known of the stream's connection. */
static double end_of(const struct qlog_gossip *gossip)
{
    return gossip->base + gossip->connection->end;
}

/* The stream has left its receiver's hands at TIME: a next one may take its place. */
static bool is_gone(const struct qlog_gossip *gossip, double time)
{
    double gone = qlog_earlier(qlog_earlier(gossip->ended[0], gossip->ended[1]), gossip->over);
    return gone >= 0 && gone < time;
}

static enum qlog_role role_of(unsigned node, const struct qlog_gossip *gossip)
{
    enum qlog_role opener = gossip->stream->opener;
    return node == gossip->opener ? opener : qlog_other(opener);
}

/* Whoever dials anew after its last word on another connection has started anew: what it knew of
 * streams there is gone. */
static bool has_restarted(unsigned node, const struct qlog_gossip *before,
                          const struct qlog_gossip *gossip)
{
    const struct qlog_connection *there = before->connection;
    return there != gossip->connection && role_of(node, gossip) == QLOG_CLIENT &&
           there->active[role_of(node, before)] + before->base < gossip->base;
}

/* A node that has a stream of its own on each of two connections, and treats both alike, keeps its
 * peers by connection, as rust-libp2p does: what it knows of one connection says nothing of the
 * other. */
static bool keeps_apart(const struct qlog_peering *peering, unsigned node)
{
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *later = &peering->streams[i];
        for (size_t k = 0; k < i && later->opener == node && later->completion >= 0; k++) {
            const struct qlog_gossip *earlier = &peering->streams[k];
            if (earlier->opener == node && earlier->connection != later->connection &&
                earlier->completion >= 0 && earlier->used == later->used &&
                !is_gone(earlier, later->arrival) && !has_restarted(node, earlier, later))
                return true;
        }
    }
    return false;
}

/* Whether NODE has one memory for both streams. */
static bool remembered_together(const struct qlog_peering *peering, unsigned node,
                                const struct qlog_gossip *a, const struct qlog_gossip *b)
{
    return a->connection == b->connection || !peering->keeps_apart[node];
}

/* A stream in answer to this one shows that its receiver took notice: that happens when the peer
 * comes back before the connection that it left behind has died. */
static bool is_answered(const struct qlog_peering *peering, const struct qlog_gossip *gossip)
{
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *other = &peering->streams[i];
        if (other->connection == gossip->connection && other->opener != gossip->opener &&
            other->used && other->arrival >= gossip->arrival)
            return true;
    }
    return false;
}

/* How long anything may be under way on the stream's connection: no longer than a negotiation took.
 */
static double flight(const struct qlog_peering *peering, const struct qlog_gossip *gossip)
{
    double shortest = QLOG_SILENCE;
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *other = &peering->streams[i];
        double began = other->stream->half[other->stream->opener].began;
        double took = other->stream->completion - began;
        if (other->connection == gossip->connection && other->opener == gossip->opener &&
            other->completion >= 0 && took < shortest)
            shortest = took;
    }
    return shortest < QLOG_SILENCE - QLOG_SETTLING ? shortest + QLOG_SETTLING : QLOG_SILENCE;
}

/* A node that closes a connection holds on to the peer until that is drained, three probe timeouts
 * later: a stream on the next connection that nobody answers came too early. */
static bool is_draining(const struct qlog_peering *peering, const struct qlog_gossip *reading,
                        const struct qlog_gossip *gossip)
{
    const struct qlog_connection *connection = gossip->connection;
    for (size_t i = 0; i < peering->count; i++)
        if (peering->streams[i].connection == connection &&
            peering->streams[i].opener != gossip->opener)
            return false;
    return connection != reading->connection && reading->connection->closed >= 0 &&
           gossip->arrival < reading->over + 3 * flight(peering, reading) &&
           !qlog_cut_off(connection);
}

/* Whether the stack at the receiver's end may ignore GOSSIP because it reads EARLIER: sets the
 * stream's habit where that is one of a stack that is not known. */
static bool may_ignore(const struct qlog_peering *peering, struct qlog_gossip *gossip,
                       const struct qlog_gossip *earlier)
{
    const struct qlog_stack *stack = peering->stacks[1 - gossip->opener];
    bool elsewhere = earlier->connection != gossip->connection;
    switch (stack->reads) {
    case QLOG_READS_FIRST:
        return true;
    case QLOG_READS_ALL:
        return false;
    case QLOG_READS_NEWEST: /* the older would be reset: who has not is no such stack */
        gossip->habit_unread = true;
        return !elsewhere && earlier->ended[1] < 0;
    default: /* a stack that speaks more than leanSpec keeps no stream of a peer that is gone */
        gossip->habit_unread = true;
        return !elsewhere || stack->forgets;
    }
}

/* What the receiver reads when the stream at INDEX arrives; NULL where it reads none. */
static const struct qlog_gossip *being_read(const struct qlog_peering *peering, size_t index)
{
    const struct qlog_gossip *gossip = &peering->streams[index];
    const struct qlog_gossip *reading = NULL;
    for (size_t i = index; i > 0 && reading == NULL; i--) {
        const struct qlog_gossip *earlier = &peering->streams[i - 1];
        if (earlier->opener == gossip->opener && earlier->receiver_owns &&
            remembered_together(peering, 1 - gossip->opener, earlier, gossip))
            reading = earlier;
    }
    if (reading == NULL || has_restarted(1 - gossip->opener, reading, gossip) ||
        (is_gone(reading, gossip->arrival) && !is_draining(peering, reading, gossip)))
        return NULL;
    bool elsewhere = reading->connection != gossip->connection;
    return elsewhere && gossip->used && is_answered(peering, gossip) ? NULL : reading;
}

/* Whether the receiver says more than its own subscriptions, to a peer whose own it can have from
 * this stream alone: GRAFT and messages go to subscribers only. */
static bool is_heard(const struct qlog_peering *peering, const struct qlog_gossip *gossip)
{
    if (!gossip->used || gossip->before->used)
        return false;
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *other = &peering->streams[i];
        if (other->opener != gossip->opener && other->grew > gossip->completion &&
            other->stream->half[other->stream->opener].said > 1)
            return true;
    }
    return false;
}

/* First wins: the receiver reads one stream, and ignores what arrives meanwhile. */
static void play_receivers(struct qlog_peering *peering)
{
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        gossip->before = being_read(peering, i);
        if (gossip->before != NULL && !may_ignore(peering, gossip, gossip->before))
            gossip->before = NULL;
        if (!gossip->receiver_exact)
            gossip->receiver_owns = gossip->before == NULL || is_heard(peering, gossip);
    }
}

/* When the receiver lost the stream that it reads: its opener ended it, or the connection went. */
static double lost(const struct qlog_gossip *gossip)
{
    return gossip->finished >= 0 ? gossip->finished : gossip->over;
}

/* Whether NODE wrote, later than TIME, on a stream of its own that was open when CAUSE was lost. */
static bool writes_on(const struct qlog_peering *peering, unsigned node,
                      const struct qlog_gossip *cause, double time)
{
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *gossip = &peering->streams[i];
        if (gossip->opener == node && gossip->arrival < lost(cause) && gossip->grew > time &&
            remembered_together(peering, node, gossip, cause))
            return true;
    }
    return false;
}

/* Whether NODE opened a stream since CAUSE was lost. */
static bool opens_after(const struct qlog_peering *peering, unsigned node,
                        const struct qlog_gossip *cause)
{
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *gossip = &peering->streams[i];
        if (gossip->opener == node && gossip->arrival > lost(cause) &&
            remembered_together(peering, node, gossip, cause))
            return true;
    }
    return false;
}

/* Whether the stream was open and went on being so after TIME, for longer than a MARGIN. */
static bool outlives(const struct qlog_gossip *gossip, double time, double margin)
{
    return gossip->arrival < time && gossip->ended[0] < 0 && gossip->ended[1] < 0 &&
           (gossip->over < 0 || gossip->over > time + margin);
}

/* NODE forgets its peer because it lost CAUSE: its own open streams are nobody's. */
static void forget(struct qlog_peering *peering, unsigned node, struct qlog_gossip *cause,
                   double margin)
{
    double time = lost(cause);
    bool by_end = cause->finished >= 0, reopened = opens_after(peering, node, cause);
    bool at_end = margin < QLOG_SILENCE;
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        bool elsewhere = gossip->connection != cause->connection;
        if (gossip->opener != node || gossip->opener_exact || gossip->opener_dropped >= 0 ||
            !outlives(gossip, time, by_end ? 0 : margin) || (!by_end && !elsewhere) ||
            !remembered_together(peering, node, gossip, cause) ||
            has_restarted(node, gossip, cause) || has_restarted(node, cause, gossip))
            continue;
        gossip->opener_dropped = time;
        gossip->cause = cause;
        gossip->reopened = reopened;
        gossip->at_end = at_end;
        gossip->habit_dropped = peering->stacks[node]->reads == QLOG_READS_UNKNOWN;
    }
    if (by_end && cause->ended[1] < 0) {
        cause->receiver_dropped = time;
        cause->cause = cause;
        cause->reopened = reopened;
        cause->at_end = at_end;
        cause->habit_dropped = peering->stacks[node]->reads == QLOG_READS_UNKNOWN;
    }
}

/* Where the log of what is left of the peering ends. */
static const struct qlog_gossip *last_known(const struct qlog_peering *peering,
                                            const struct qlog_gossip *gossip)
{
    const struct qlog_gossip *last = gossip;
    for (size_t i = 0; i < peering->count; i++)
        if (end_of(&peering->streams[i]) > end_of(last) &&
            remembered_together(peering, 1 - gossip->opener, &peering->streams[i], gossip))
            last = &peering->streams[i];
    return last;
}

/* How long after the loss what the receiver writes may be older than it: NEVER where the log was
 * cut off before that shows. A log goes on for as long as anything passes: where it ends with the
 * stream and was not cut off, silence has followed. */
static double margin_of(const struct qlog_peering *peering, const struct qlog_gossip *gossip)
{
    const struct qlog_gossip *last = last_known(peering, gossip);
    double under_way = flight(peering, gossip);
    if (end_of(last) >= lost(gossip) + QLOG_SILENCE)
        return gossip->finished >= 0 ? QLOG_SILENCE : QLOG_SILENCE + 3 * under_way;
    return qlog_cut_off(last->connection) ? QLOG_NEVER : under_way;
}

/* Who loses the stream that it reads forgets the peer. A side that has done so answers the peer's
 * next stream with one of its own: where it does not, or writes on, it has kept the peer. */
static void play_losses(struct qlog_peering *peering)
{
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        unsigned receiver = 1 - gossip->opener;
        if (lost(gossip) < 0 || !gossip->receiver_owns || gossip->receiver_exact ||
            (gossip->finished < 0 && gossip->ended[0] >= 0) || !peering->stacks[receiver]->forgets)
            continue;
        double margin = margin_of(peering, gossip);
        if (margin < 0 || writes_on(peering, receiver, gossip, lost(gossip) + margin) ||
            (opens_after(peering, gossip->opener, gossip) &&
             !opens_after(peering, receiver, gossip)))
            continue;
        forget(peering, receiver, gossip, margin);
    }
}

/* Which streams share their opener's memory: those between two times at which it forgot its peer.
 */
static unsigned generation(const struct qlog_peering *peering, const struct qlog_gossip *gossip)
{
    unsigned count = 0;
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *other = &peering->streams[i];
        bool ended_by_peer = other->opener != gossip->opener && other->receiver_dropped >= 0;
        count += ended_by_peer && other->receiver_dropped < gossip->arrival &&
                 remembered_together(peering, gossip->opener, other, gossip);
    }
    return count;
}

/* The stream that the opener holds instead of this one: one that it writes on, or where it writes
 * on none, the one whose negotiation it completed first. */
static const struct qlog_gossip *rival_of(const struct qlog_peering *peering,
                                          const struct qlog_gossip *gossip)
{
    const struct qlog_gossip *first = NULL;
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *other = &peering->streams[i];
        if (other == gossip || other->opener != gossip->opener || is_gone(other, gossip->arrival) ||
            is_gone(gossip, other->arrival) ||
            !remembered_together(peering, gossip->opener, other, gossip) ||
            has_restarted(gossip->opener, other, gossip) || other->generation != gossip->generation)
            continue;
        if (other->used)
            return other;
        bool held = other > gossip || other->opener_owns; /* those before it are settled */
        if (held && other->completion >= 0 &&
            (gossip->completion < 0 || other->completion < gossip->completion) && first == NULL)
            first = other;
    }
    return first;
}

/* The earlier stream of the same connection on which its opener writes on, where it has written on
 * this one, and then no more for longer than a SILENCE: it uses one for each peer. A later one may
 * have taken the place of an earlier. */
static const struct qlog_gossip *left_for(const struct qlog_peering *peering,
                                          const struct qlog_gossip *gossip)
{
    for (const struct qlog_gossip *other = peering->streams; other < gossip; other++)
        if (other->opener == gossip->opener && other->connection == gossip->connection &&
            other->generation == gossip->generation && other->ended[0] < 0 &&
            other->receiver_owns && other->grew > gossip->grew + QLOG_SILENCE)
            return other;
    return NULL;
}

static bool is_kept(const struct qlog_gossip *gossip)
{
    return gossip->ended[0] < 0 && gossip->ended[1] < 0 && gossip->opener_dropped < 0 &&
           gossip->receiver_dropped < 0;
}

static const struct qlog_gossip *held_instead(const struct qlog_peering *peering,
                                              const struct qlog_gossip *gossip)
{
    if (!gossip->used)
        return rival_of(peering, gossip);
    return is_kept(gossip) ? left_for(peering, gossip) : NULL;
}

static void play_openers(struct qlog_peering *peering)
{
    for (size_t i = 0; i < peering->count; i++)
        peering->streams[i].generation = generation(peering, &peering->streams[i]);
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        gossip->rival = held_instead(peering, gossip);
        gossip->habit_rival = gossip->rival != NULL &&
                              gossip->rival->connection != gossip->connection &&
                              peering->stacks[gossip->opener]->reads == QLOG_READS_UNKNOWN;
        if (!gossip->opener_exact)
            gossip->opener_owns = gossip->rival == NULL;
    }
}

bool qlog_gossip_in_use(const struct qlog_gossip *gossip)
{
    return gossip->opener_owns && gossip->receiver_owns && gossip->opener_dropped < 0 &&
           gossip->receiver_dropped < 0 && gossip->ended[0] < 0 && gossip->ended[1] < 0;
}

/* A stream that its opener has in use beside another one, to the same peer. */
static void play_twins(struct qlog_peering *peering)
{
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        for (size_t k = 0; k < i && qlog_gossip_in_use(gossip) && gossip->twin == NULL; k++) {
            struct qlog_gossip *earlier = &peering->streams[k];
            if (earlier->opener != gossip->opener || earlier->connection == gossip->connection ||
                !qlog_gossip_in_use(earlier) || is_gone(earlier, gossip->arrival) ||
                has_restarted(0, earlier, gossip) || has_restarted(1, earlier, gossip))
                continue;
            bool spare = gossip->used && !earlier->used; /* that one would do without */
            *(spare ? &earlier->twin : &gossip->twin) = spare ? gossip : earlier;
        }
    }
}

void qlog_play(struct qlog_peering *peering)
{
    for (unsigned node = 0; node < 2; node++)
        peering->keeps_apart[node] = peering->stacks[node]->spares || keeps_apart(peering, node);
    play_receivers(peering);
    play_losses(peering);
    play_openers(peering);
    play_twins(peering);
}
