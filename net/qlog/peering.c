#include "net/qlog/peering.h"

#include <math.h>
#include <stdlib.h>

#include "common/memory.h"

enum { BUSY_WRITES = 5 };

static double earlier(double a, double b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

static double on(double time, double base)
{
    return time < 0 ? time : time + base;
}

/* --- Claims --- */

/* Whether events of ours say that this end let go of the stream and left it open. */
static double claimed_drop(const struct qlog_gossip *gossip, enum qlog_role role)
{
    const struct qlog_connection *connection = gossip->connection;
    const struct qlog_claims *claims = gossip->stream->claims[role];
    if (claims == NULL || claims->deregistered < 0 || claims->closed >= 0)
        return QLOG_NEVER;
    double dropped = qlog_on_timeline(connection, role, claims->deregistered);
    double over = connection->over;
    bool with_connection = (over >= 0 && dropped >= over - QLOG_TEARDOWN) ||
                           dropped >= connection->end - QLOG_SETTLING;
    bool ended = qlog_half_ended(connection, gossip->stream, role) >= 0;
    return with_connection || ended ? QLOG_NEVER : on(dropped, gossip->base);
}

/* Sets what events of ours decide. */
static void read_claims(struct qlog_gossip *gossip)
{
    enum qlog_role opener = gossip->stream->opener, receiver = qlog_other(opener);
    const struct qlog_log *const *ends = (const struct qlog_log *const *)gossip->connection->ends;
    const struct qlog_claims *const *claims = gossip->stream->claims;
    gossip->opener_exact = ends[opener] != NULL && ends[opener]->has_claims;
    gossip->receiver_exact = ends[receiver] != NULL && ends[receiver]->has_claims;
    gossip->opener_owns = claims[opener] != NULL && claims[opener]->registered >= 0;
    gossip->receiver_owns = claims[receiver] != NULL && claims[receiver]->registered >= 0;
    gossip->opener_dropped = claimed_drop(gossip, opener);
    gossip->receiver_dropped = claimed_drop(gossip, receiver);
}

static void gossip_init(struct qlog_gossip *gossip, const struct qlog_connection *connection,
                        size_t index, uint64_t negotiation, double base)
{
    const struct qlog_joined_stream *stream = &connection->streams[index];
    enum qlog_role receiver = qlog_other(stream->opener);
    *gossip = (struct qlog_gossip){
        .connection = connection,
        .stream = stream,
        .index = index,
        .base = base,
        .arrival = on(stream->arrival, base),
        .completion = on(stream->completion, base),
        .ended = {on(qlog_half_ended(connection, stream, stream->opener), base),
                  on(qlog_half_ended(connection, stream, receiver), base)},
        .over = on(connection->over, base),
        .grew = on(stream->half[stream->opener].grew, base),
        .growths = stream->half[stream->opener].growths,
        .used = stream->half[stream->opener].bytes > negotiation,
    };
    read_claims(gossip);
}

/* --- The two nodes, played through --- */

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

/* Whether the receiver says more than its own subscriptions, to a peer whose own it can have from
 * this stream alone: GRAFT and messages go to subscribers only. */
static bool is_heard(const struct qlog_peering *peering, const struct qlog_gossip *gossip,
                     const struct qlog_gossip *before)
{
    if (!gossip->used || before->used)
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
static void play_receiver(struct qlog_peering *peering, unsigned opener)
{
    const struct qlog_gossip *reading = NULL;
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        if (gossip->opener != opener)
            continue;
        enum qlog_role receiver = qlog_other(gossip->stream->opener);
        if (reading != NULL &&
            (is_gone(reading, gossip->arrival) || has_restarted(reading, gossip, receiver)))
            reading = NULL;
        if (reading != NULL && reading->connection != gossip->connection && gossip->used &&
            is_answered(peering, gossip))
            reading = NULL;
        gossip->before = reading;
        if (!gossip->receiver_exact)
            gossip->receiver_owns = reading == NULL || is_heard(peering, gossip, reading);
        if (reading == NULL && gossip->receiver_owns)
            reading = gossip;
    }
}

/* Whether NODE wrote on a stream of its own, opened before TIME, after its peer ended another. */
static bool writes_on(const struct qlog_peering *peering, unsigned node, double time)
{
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *gossip = &peering->streams[i];
        if (gossip->opener == node && gossip->arrival < time && gossip->grew > time + QLOG_SILENCE)
            return true;
    }
    return false;
}

static bool opens_after(const struct qlog_peering *peering, unsigned node, double time, double last)
{
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *gossip = &peering->streams[i];
        if (gossip->opener == node && gossip->arrival > time && gossip->arrival <= last)
            return true;
    }
    return false;
}

/* NODE forgets its peer because the peer ended CAUSE: its own open streams are nobody's. */
static void forget(struct qlog_peering *peering, unsigned node, struct qlog_gossip *cause)
{
    double time = cause->ended[0];
    bool reopened = opens_after(peering, node, time, HUGE_VAL);
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        bool open = earlier(gossip->ended[0], gossip->ended[1]) < 0 && !is_gone(gossip, time);
        if (gossip->opener != node || gossip->opener_exact || !open || gossip->arrival >= time ||
            gossip->opener_dropped >= 0)
            continue;
        gossip->opener_dropped = time;
        gossip->cause = cause;
        gossip->reopened = reopened;
    }
    if (cause->ended[1] < 0) {
        cause->receiver_dropped = time;
        cause->cause = cause;
        cause->reopened = reopened;
    }
}

/* A side that has forgotten its peer answers the peer's next stream with one of its own: where it
 * does not, or writes on, it has kept the peer. */
static void play_endings(struct qlog_peering *peering)
{
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        unsigned receiver = 1 - gossip->opener;
        double last = gossip->base + gossip->connection->end;
        if (gossip->ended[0] < 0 || !gossip->receiver_owns || gossip->receiver_exact ||
            last < gossip->ended[0] + QLOG_SILENCE ||
            writes_on(peering, receiver, gossip->ended[0]) ||
            (opens_after(peering, gossip->opener, gossip->ended[0], last - QLOG_SILENCE) &&
             !opens_after(peering, receiver, gossip->ended[0], last)))
            continue;
        forget(peering, receiver, gossip);
    }
}

/* Busy until TIME, and then silent for much longer than it used to be. */
static bool falls_silent(const struct qlog_gossip *gossip, double time)
{
    double last = gossip->base + gossip->connection->end;
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
            double closed = on(other->connection->closed, other->base);
            if (other->connection == gossip->connection || closed < 0 || gossip->opener_exact ||
                gossip->arrival >= closed || (gossip->over >= 0 && gossip->over < closed) ||
                !falls_silent(gossip, closed))
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
        count += ended_by_peer && other->receiver_dropped < gossip->arrival;
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

static void play(struct qlog_peering *peering)
{
    play_receiver(peering, 0);
    play_receiver(peering, 1);
    play_endings(peering);
    play_closing(peering);
    play_openers(peering);
}

/* --- Grouping --- */

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? text_format("%.*s", (int)(slash - path), path) : text_copy(".");
}

/* Who the node at that end is, allocated; NULL where neither events of ours nor folders tell. */
static char *node_of(const struct qlog_connection *connection, enum qlog_role role)
{
    const struct qlog_log *own = connection->ends[role];
    const struct qlog_log *other = connection->ends[qlog_other(role)];
    if (own != NULL && own->local_peer != NULL)
        return text_copy(own->local_peer);
    if (other != NULL && other->peer != NULL)
        return text_copy(other->peer);
    if (own == NULL || other == NULL)
        return NULL;
    char *folder = folder_of(own->path), *other_folder = folder_of(other->path);
    bool apart = strcmp(folder, other_folder) != 0;
    free(other_folder);
    if (!apart) {
        free(folder);
        return NULL;
    }
    return folder;
}

struct member {
    const struct qlog_connection *connection;
    char *nodes[2]; /* by node number: the smaller name is node 0 */
    bool swapped;   /* the client is node 1 */
    double base;
};

static void member_init(struct member *member, const struct qlog_connection *connection)
{
    char *client = node_of(connection, QLOG_CLIENT), *server = node_of(connection, QLOG_SERVER);
    bool known = client != NULL && server != NULL && connection->epoch > 0;
    bool swapped = known && strcmp(client, server) > 0;
    *member = (struct member){.connection = connection, .swapped = swapped};
    if (known) {
        member->nodes[0] = swapped ? server : client;
        member->nodes[1] = swapped ? client : server;
        member->base = connection->epoch;
    } else {
        free(client);
        free(server);
    }
}

static int by_nodes(const void *a, const void *b)
{
    const struct member *first = a, *second = b;
    if (first->nodes[0] == NULL || second->nodes[0] == NULL)
        return (first->nodes[0] != NULL) - (second->nodes[0] != NULL);
    int order = strcmp(first->nodes[0], second->nodes[0]);
    return order != 0 ? order : strcmp(first->nodes[1], second->nodes[1]);
}

static void add_streams(struct qlog_peering *peering, const struct member *member, double start)
{
    const struct qlog_connection *connection = member->connection;
    for (size_t i = 0; i < connection->stream_count; i++) {
        struct qlog_use use = qlog_use_of(connection, &connection->streams[i]);
        if (use.shape != QLOG_SHAPE_GOSSIP || peering->count == QLOG_GOSSIP_LIMIT)
            continue;
        peering->streams =
            memory_resize(peering->streams, (peering->count + 1) * sizeof(*peering->streams));
        struct qlog_gossip *gossip = &peering->streams[peering->count++];
        gossip_init(gossip, connection, i, use.negotiation, member->base - start);
        gossip->opener = (gossip->stream->opener == QLOG_CLIENT) == member->swapped;
    }
}

static int by_arrival(const void *a, const void *b)
{
    double first = ((const struct qlog_gossip *)a)->arrival;
    double second = ((const struct qlog_gossip *)b)->arrival;
    return first < second ? -1 : first > second;
}

/* Whether the receiver, which may negotiate several streams side by side, was done with this one
 * first. Its own log tells. In the opener's the answers do, where they and the proposals lie so
 * close together that none can have been lost and sent again, which takes a round trip. */
static bool overtakes(const struct qlog_gossip *gossip, const struct qlog_gossip *earlier)
{
    const struct qlog_joined_stream *stream = gossip->stream, *other = earlier->stream;
    if (gossip->connection != earlier->connection)
        return false;
    if (stream->answered >= 0 && other->answered >= 0)
        return stream->answered < other->answered;
    if (stream->completion < 0 || other->completion <= stream->completion)
        return false;
    double apart = stream->arrival - other->arrival + other->completion - stream->completion;
    return apart < stream->completion - stream->arrival;
}

/* By arrival, but for those that were overtaken. */
static void order_by_answers(struct qlog_peering *peering)
{
    for (size_t i = 1; i < peering->count; i++) {
        size_t place = i;
        for (size_t k = i; k-- > 0;) {
            if (peering->streams[k].opener != peering->streams[place].opener)
                continue;
            if (!overtakes(&peering->streams[place], &peering->streams[k]))
                break;
            struct qlog_gossip overtaken = peering->streams[k];
            peering->streams[k] = peering->streams[place];
            peering->streams[place] = overtaken;
            place = k;
        }
    }
}

static void peering_init(struct qlog_peering *peering, const struct member *members, size_t count)
{
    *peering = (struct qlog_peering){0};
    double start = members[0].base;
    for (size_t i = 1; i < count; i++)
        start = members[i].base < start ? members[i].base : start;
    for (size_t i = 0; i < count; i++)
        add_streams(peering, &members[i], start);
    if (peering->count > 0)
        qsort(peering->streams, peering->count, sizeof(*peering->streams), by_arrival);
    order_by_answers(peering);
    play(peering);
}

struct qlog_peerings qlog_peerings_of(const struct qlog_connections *connections)
{
    size_t count = connections->count;
    struct member *members = memory_new((count + 1) * sizeof(*members));
    for (size_t i = 0; i < count; i++)
        member_init(&members[i], connections->items[i]);
    qsort(members, count, sizeof(*members), by_nodes);
    struct qlog_peerings peerings = {.items = memory_new((count + 1) * sizeof(*peerings.items))};
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && members[i].nodes[0] != NULL &&
                           by_nodes(&members[i], &members[next]) == 0;)
            next++;
        peering_init(&peerings.items[peerings.count++], &members[i], next - i);
    }
    for (size_t i = 0; i < count; i++) {
        free(members[i].nodes[0]);
        free(members[i].nodes[1]);
    }
    free(members);
    return peerings;
}

void qlog_peerings_clear(struct qlog_peerings *peerings)
{
    for (size_t i = 0; i < peerings->count; i++)
        free(peerings->items[i].streams);
    free(peerings->items);
    *peerings = (struct qlog_peerings){0};
}
