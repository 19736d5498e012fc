#include "net/verdict/presumption.h"

#include <math.h>
#include <stdlib.h>

#include "common/memory.h"

/* Milliseconds. */
static const double simultaneous = 5000;  /* between two dials that cross */
static const double idle_default = 60000; /* how long a node may hold a peer that is gone */
static const double draining = 1000;      /* how long it may hold one that it let go of */
static const double answer_time = 3000;   /* a stream in answer would have come by then */

/* The one log of a connection, or NULL where there are two or a tap's, which names the nodes. */
static const struct qlog_log *only_log(const struct qlog_connection *connection)
{
    if (qlog_is_tapped(connection))
        return NULL;
    const struct qlog_log *client = connection->ends[QLOG_CLIENT];
    const struct qlog_log *server = connection->ends[QLOG_SERVER];
    return client == NULL || server == NULL ? (client != NULL ? client : server) : NULL;
}

static bool same_folder(const char *a, const char *b)
{
    const char *end_a = strrchr(a, '/'), *end_b = strrchr(b, '/');
    size_t size_a = end_a != NULL ? (size_t)(end_a - a) : 0;
    size_t size_b = end_b != NULL ? (size_t)(end_b - b) : 0;
    return size_a == size_b && memcmp(a, b, size_a) == 0;
}

/* Whether OPENER has a gossipsub stream there, or one that it writes on. */
static bool has_stream(const struct qlog_connection *connection, enum qlog_role opener, bool used)
{
    for (size_t i = 0; i < connection->stream_count; i++) {
        const struct qlog_joined_stream *stream = &connection->streams[i];
        struct qlog_use use = qlog_use_of(connection, stream);
        if (stream->opener == opener && use.shape == QLOG_SHAPE_GOSSIP &&
            (!used || stream->half[opener].bytes > use.negotiation))
            return true;
    }
    return false;
}

/* Only a stack that has one stream for a peer, and keeps it for one that is gone, makes such
 * traces; leanSpec does. */
static bool may_presume(const struct qlog_connection *connection)
{
    return qlog_stack_of(connection, QLOG_CLIENT)->forgets &&
           qlog_stack_of(connection, QLOG_SERVER)->forgets;
}

enum qlog_side qlog_sole_opener(const struct qlog_connection *connection)
{
    const struct qlog_log *log = only_log(connection);
    if (log == NULL || log->has_claims || log->role == QLOG_ROLE_UNKNOWN ||
        !may_presume(connection))
        return QLOG_NEITHER_SIDE;
    bool ours = has_stream(connection, log->role, false);
    bool theirs = has_stream(connection, qlog_other(log->role), false);
    return ours == theirs ? QLOG_NEITHER_SIDE : ours ? QLOG_OUR_SIDE : QLOG_THEIR_SIDE;
}

bool qlog_presumed_crossing(const struct qlog_connection *a, const struct qlog_connection *b)
{
    const struct qlog_log *log_a = only_log(a), *log_b = only_log(b);
    return log_a != NULL && log_b != NULL && log_a->role != log_b->role && a->epoch > 0 &&
           b->epoch > 0 && fabs(a->epoch - b->epoch) <= simultaneous &&
           same_folder(log_a->path, log_b->path);
}

/* A stream that is compared, and what is looked up of its connection for each comparison. */
struct candidate {
    struct qlog_gossip *gossip;
    const struct qlog_log *log;
    bool has[2];  /* by opener: a gossipsub stream */
    bool uses[2]; /* by opener: one that it writes on */
};

/* Both dialled at the same time: what the opener of a silent stream says, it says on the other
 * connection, where its peer says nothing. A node with something to say says so at once on each
 * stream that it knows. */
static void presume_crossing(const struct candidate *candidate, const struct candidate *against)
{
    struct qlog_gossip *gossip = candidate->gossip;
    const struct qlog_gossip *other = against->gossip;
    const struct qlog_log *log = candidate->log, *other_log = against->log;
    bool ours = (gossip->stream->opener == log->role);
    bool other_ours = (other->stream->opener == other_log->role);
    double apart = gossip->connection->epoch - other->connection->epoch;
    if (log->role == other_log->role || ours != other_ours || gossip->used || !other->used ||
        gossip->completion < 0 || gossip->rival != NULL || apart > simultaneous ||
        apart < -simultaneous || against->uses[qlog_other(other->stream->opener)])
        return;
    gossip->opener_owns = gossip->receiver_owns = false;
    gossip->rival = other;
    gossip->presumed = true;
    gossip->habit_rival =
        qlog_stack_of(gossip->connection, gossip->stream->opener)->reads == QLOG_READS_UNKNOWN;
}

/* The dialler vanished without a word, or was let go of, and dialled again while the listener held
 * its peer entry: a listener that takes notice of the new stream opens its own in answer. */
static void presume_return(const struct candidate *candidate, const struct candidate *against)
{
    struct qlog_gossip *gossip = candidate->gossip;
    const struct qlog_gossip *other = against->gossip;
    const struct qlog_log *log = candidate->log, *other_log = against->log;
    const struct qlog_connection *connection = gossip->connection, *old = other->connection;
    double gone = old->active[QLOG_CLIENT] + old->epoch;
    double idle = other_log->idle_limit > 0 ? other_log->idle_limit : idle_default;
    if (log->role != other_log->role || gossip->stream->opener != QLOG_CLIENT ||
        other->stream->opener != QLOG_CLIENT || gossip->used != other->used ||
        other->ended[0] >= 0 || gone >= connection->epoch ||
        (old->closed >= 0 && connection->epoch > old->closed + old->epoch + draining) ||
        connection->epoch > gone + idle ||
        (qlog_cut_off(connection) && connection->end - gossip->stream->arrival < answer_time) ||
        !against->has[QLOG_SERVER] || candidate->has[QLOG_SERVER])
        return;
    gossip->receiver_owns = false;
    gossip->before = other;
    gossip->presumed = true;
    gossip->habit_unread = qlog_stack_of(connection, QLOG_SERVER)->reads == QLOG_READS_UNKNOWN;
}

static void presume(const struct candidate *candidate, const struct candidate *against)
{
    if (candidate->gossip->connection == against->gossip->connection ||
        !same_folder(candidate->log->path, against->log->path))
        return;
    presume_crossing(candidate, against);
    presume_return(candidate, against);
}

static bool is_candidate(const struct qlog_gossip *gossip)
{
    return only_log(gossip->connection) != NULL && gossip->connection->epoch > 0 &&
           !gossip->opener_exact && !gossip->receiver_exact && may_presume(gossip->connection);
}

/* BEFORE is the candidate before it, or NULL: often of the same connection, which may have many
 * streams. */
static struct candidate candidate_of(struct qlog_gossip *gossip, const struct candidate *before)
{
    const struct qlog_connection *connection = gossip->connection;
    struct candidate candidate = {.gossip = gossip, .log = only_log(connection)};
    bool known = before != NULL && before->gossip->connection == connection;
    for (int opener = QLOG_CLIENT; opener <= QLOG_SERVER; opener++) {
        enum qlog_role role = (enum qlog_role)opener;
        candidate.has[role] = known ? before->has[role] : has_stream(connection, role, false);
        candidate.uses[role] = known ? before->uses[role] : has_stream(connection, role, true);
    }
    return candidate;
}

void qlog_presume(struct qlog_peerings *peerings)
{
    struct candidate *candidates = memory_new(QLOG_PRESUMED_LIMIT * sizeof(*candidates));
    size_t count = 0;
    for (size_t i = 0; i < peerings->count; i++)
        for (size_t k = 0; k < peerings->items[i].count && count < QLOG_PRESUMED_LIMIT; k++) {
            struct qlog_gossip *gossip = &peerings->items[i].streams[k];
            if (!is_candidate(gossip))
                continue;
            candidates[count] = candidate_of(gossip, count > 0 ? &candidates[count - 1] : NULL);
            count++;
        }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            presume(&candidates[i], &candidates[k]);
    free(candidates);
}
