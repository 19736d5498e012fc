#include "net/qlog/ownership.h"

enum { BUSY_WRITES = 5 };

static double earlier(double a, double b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

/* The last that is known of the stream's connection. */
static double end_of(const struct qlog_gossip *gossip)
{
    return gossip->base + gossip->connection->end;
}

/* The stream has left its receiver's hands at TIME: a next one may take its place. */
static bool is_gone(const struct qlog_gossip *gossip, double time)
{
    double gone = earlier(earlier(gossip->ended[0], gossip->ended[1]), gossip->over);
    return gone >= 0 && gone < time;
}

/* Whoever dials anew after its last word on another connection has started anew: what it knew of
 * streams there is gone. ROLE is its part in the later connection. */
static bool has_restarted(const struct qlog_gossip *before, const struct qlog_gossip *gossip,
                          enum qlog_role role)
{
    if (before->connection == gossip->connection || role != QLOG_CLIENT)
        return false;
    /* Both streams were opened by the same node: its part there follows from who opened. */
    bool is_opener = role == gossip->stream->opener;
    enum qlog_role there = is_opener ? before->stream->opener : qlog_other(before->stream->opener);
    return before->connection->active[there] + before->base < gossip->base;
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
                !is_gone(earlier, later->arrival) &&
                !has_restarted(earlier, later, later->stream->opener))
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
    enum qlog_role receiver = qlog_other(gossip->stream->opener);
    if (reading == NULL || is_gone(reading, gossip->arrival) ||
        has_restarted(reading, gossip, receiver))
        return NULL;
    bool elsewhere = reading->connection != gossip->connection;
    return elsewhere && gossip->used && is_answered(peering, gossip) ? NULL : reading;
}

/* First wins: the receiver reads one stream, and ignores what arrives meanwhile. */
static void play_receivers(struct qlog_peering *peering)
{
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        gossip->before = being_read(peering, i);
        if (!gossip->receiver_exact)
            gossip->receiver_owns = gossip->before == NULL;
    }
}

/* Whether NODE wrote, later than TIME, on a stream of its own that was open when CAUSE ended. */
static bool writes_on(const struct qlog_peering *peering, unsigned node,
                      const struct qlog_gossip *cause, double time)
{
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *gossip = &peering->streams[i];
        if (gossip->opener == node && gossip->arrival < cause->ended[0] && gossip->grew > time &&
            remembered_together(peering, node, gossip, cause))
            return true;
    }
    return false;
}

/* Whether NODE opened a stream since CAUSE ended. */
static bool opens_after(const struct qlog_peering *peering, unsigned node,
                        const struct qlog_gossip *cause)
{
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *gossip = &peering->streams[i];
        if (gossip->opener == node && gossip->arrival > cause->ended[0] &&
            remembered_together(peering, node, gossip, cause))
            return true;
    }
    return false;
}

/* NODE forgets its peer because the peer ended CAUSE: its own open streams are nobody's. */
static void forget(struct qlog_peering *peering, unsigned node, struct qlog_gossip *cause)
{
    double time = cause->ended[0];
    bool reopened = opens_after(peering, node, cause);
    bool at_end = end_of(cause) < time + QLOG_SILENCE;
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        bool open = earlier(gossip->ended[0], gossip->ended[1]) < 0 && !is_gone(gossip, time);
        if (gossip->opener != node || gossip->opener_exact || !open || gossip->arrival >= time ||
            gossip->opener_dropped >= 0 || !remembered_together(peering, node, gossip, cause))
            continue;
        gossip->opener_dropped = time;
        gossip->cause = cause;
        gossip->reopened = reopened;
        gossip->at_end = at_end;
    }
    if (cause->ended[1] < 0) {
        cause->receiver_dropped = time;
        cause->cause = cause;
        cause->reopened = reopened;
        cause->at_end = at_end;
    }
}

/* How long what NODE wrote may have been under way: no longer than a negotiation took. */
static double flight(const struct qlog_peering *peering, const struct qlog_gossip *gossip)
{
    double shortest = QLOG_SILENCE;
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *other = &peering->streams[i];
        double took = other->stream->completion - other->stream->half[other->stream->opener].began;
        if (other->connection == gossip->connection && other->opener == gossip->opener &&
            other->completion >= 0 && took < shortest)
            shortest = took;
    }
    return shortest < QLOG_SILENCE - QLOG_SETTLING ? shortest + QLOG_SETTLING : QLOG_SILENCE;
}

/* A side that has forgotten its peer answers the peer's next stream with one of its own: where it
 * does not, or writes on, it has kept the peer. A log goes on for as long as anything passes: where
 * it ends with the stream, silence has followed, unless it was cut off there. */
static void play_endings(struct qlog_peering *peering)
{
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        unsigned receiver = 1 - gossip->opener;
        double ended = gossip->ended[0];
        if (ended < 0 || !gossip->receiver_owns || gossip->receiver_exact)
            continue;
        bool at_end = end_of(gossip) < ended + QLOG_SILENCE;
        double margin = at_end ? flight(peering, gossip) : QLOG_SILENCE;
        if ((at_end && qlog_cut_off(gossip->connection)) ||
            writes_on(peering, receiver, gossip, ended + margin) ||
            (opens_after(peering, gossip->opener, gossip) &&
             !opens_after(peering, receiver, gossip)))
            continue;
        forget(peering, receiver, gossip);
    }
}

/* Busy until TIME, and then silent for much longer than it used to be. */
static bool falls_silent(const struct qlog_gossip *gossip, double time)
{
    double last = end_of(gossip);
    double active = gossip->grew - gossip->arrival;
    double pause = active / (double)(gossip->growths + 1);
    return gossip->growths >= BUSY_WRITES && active >= 3 * QLOG_SILENCE &&
           gossip->grew >= time - 2 * pause - QLOG_SILENCE && gossip->grew <= time + QLOG_SILENCE &&
           last - time >= 3 * QLOG_SILENCE && last - time >= 5 * pause;
}

/* Closing one of two connections makes both sides forget the peer, where the other connection,
 * busy until then, falls silent. */
static void play_closing(struct qlog_peering *peering)
{
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        for (size_t k = 0; k < peering->count && gossip->opener_dropped < 0; k++) {
            const struct qlog_gossip *other = &peering->streams[k];
            double closed = other->connection->closed;
            closed = closed < 0 ? closed : closed + other->base;
            if (other->connection == gossip->connection || peering->keeps_apart[gossip->opener] ||
                closed < 0 || gossip->opener_exact || gossip->arrival >= closed ||
                (gossip->over >= 0 && gossip->over < closed) || !falls_silent(gossip, closed))
                continue;
            gossip->opener_dropped = closed;
            gossip->cause = other;
        }
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
            !remembered_together(peering, gossip->opener, other, gossip) ||
            has_restarted(other, gossip, gossip->stream->opener) ||
            other->generation != gossip->generation)
            continue;
        if (other->used)
            return other;
        if (other->completion >= 0 &&
            (gossip->completion < 0 || other->completion < gossip->completion) && first == NULL)
            first = other;
    }
    return first;
}

static void play_openers(struct qlog_peering *peering)
{
    for (size_t i = 0; i < peering->count; i++)
        peering->streams[i].generation = generation(peering, &peering->streams[i]);
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        gossip->rival = gossip->used ? NULL : rival_of(peering, gossip);
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
            const struct qlog_gossip *earlier = &peering->streams[k];
            if (earlier->opener == gossip->opener && earlier->connection != gossip->connection &&
                qlog_gossip_in_use(earlier) && !is_gone(earlier, gossip->arrival) &&
                !has_restarted(earlier, gossip, QLOG_CLIENT))
                gossip->twin = earlier;
        }
    }
}

void qlog_play(struct qlog_peering *peering)
{
    for (unsigned node = 0; node < 2; node++)
        peering->keeps_apart[node] = keeps_apart(peering, node);
    play_receivers(peering);
    play_endings(peering);
    play_closing(peering);
    play_openers(peering);
    play_twins(peering);
}
