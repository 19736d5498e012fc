#include "net/verdict/peering.h"

#include <stdlib.h>

#include "common/memory.h"
#include "net/verdict/ownership.h"
#include "net/verdict/presumption.h"

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
    /* A reset that ends the stream, or the word that the connection is lost, follows at once. */
    bool cut_short =
        qlog_may_go_on(connection->ends[role]) && dropped >= connection->end - QLOG_SETTLING;
    bool with_connection = (over >= 0 && dropped >= over - QLOG_TEARDOWN) || cut_short;
    bool ended = qlog_half_ended(connection, gossip->stream, role) >= 0;
    return with_connection || ended ? QLOG_NEVER : on(dropped, gossip->base);
}

/* Sets what events of ours decide. */
static void read_claims(struct qlog_gossip *gossip)
{
    enum qlog_role opener = gossip->stream->opener, receiver = qlog_other(opener);
    const struct qlog_claims *const *claims = gossip->stream->claims;
    uint64_t id = gossip->stream->id;
    gossip->opener_exact = qlog_claims_decide(gossip->connection, id, opener);
    gossip->receiver_exact = qlog_claims_decide(gossip->connection, id, receiver);
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
        .finished = on(qlog_half_finished(connection, stream, stream->opener), base),
        .over = on(connection->over, base),
        .grew = on(stream->half[stream->opener].grew, base),
        .growths = stream->half[stream->opener].growths,
        .used =
            stream->half[stream->opener].bytes > negotiation || stream->half[stream->opener].open,
    };
    read_claims(gossip);
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
    const char *peer = qlog_peer_of(connection, role);
    if (peer != NULL)
        return text_copy(peer);
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
    bool presumed; /* nobody names the nodes */
    enum qlog_side
        sole; /* who alone opened gossipsub streams there; where nobody names the nodes */
};

/* When the connection began, by the clock of a tap's where there is a log of it, or of the node
 * that has ROLE in it: two hosts' clocks differ, and one of them orders all connections of a
 * peering. */
static double began(const struct qlog_connection *connection, enum qlog_role role)
{
    const unsigned places[] = {1, 2, role == QLOG_CLIENT ? 0 : QLOG_PLACES - 1};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        const struct qlog_log *log = qlog_log_at(connection, places[i]);
        double epoch = log != NULL ? qlog_log_epoch(log) : 0;
        if (epoch > 0)
            return epoch - qlog_shift_at(connection, places[i]);
    }
    return connection->epoch;
}

static void member_init(struct member *member, const struct qlog_connection *connection)
{
    char *client = node_of(connection, QLOG_CLIENT), *server = node_of(connection, QLOG_SERVER);
    bool known = client != NULL && server != NULL && connection->epoch > 0;
    bool swapped = known && strcmp(client, server) > 0;
    *member = (struct member){.connection = connection, .swapped = swapped};
    if (known) {
        member->nodes[0] = swapped ? server : client;
        member->nodes[1] = swapped ? client : server;
        member->base = began(connection, swapped ? QLOG_SERVER : QLOG_CLIENT);
    } else {
        free(client);
        free(server);
        member->sole = qlog_sole_opener(connection);
    }
}

/* The member alone that may be with the same peer as the one at INDEX; NULL where there is none, or
 * no one alone. */
static struct member *crossing_of(struct member *members, size_t count, size_t index)
{
    struct member *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (members[i].sole == QLOG_NEITHER_SIDE || members[i].sole == members[index].sole ||
            !qlog_presumed_crossing(members[index].connection, members[i].connection))
            continue;
        if (found != NULL)
            return NULL;
        found = &members[i];
    }
    return found;
}

/* Gives both the same two nodes: the one whose logs they are is node 0. */
static void pair(struct member *members[2])
{
    const void *first = members[0]->connection;
    for (int i = 0; i < 2; i++) {
        struct member *member = members[i];
        member->nodes[0] = text_format("presumed %p, who logged it", first);
        member->nodes[1] = text_format("presumed %p, the peer", first);
        member->swapped = member->connection->ends[QLOG_SERVER] != NULL;
        member->base = member->connection->epoch;
        member->presumed = true;
        member->sole = QLOG_NEITHER_SIDE; /* it has found its other */
    }
}

/* Joins what the logs of one node alone show of two nodes that dialled each other. */
static void pair_crossings(struct member *members, size_t count)
{
    if (count > QLOG_PRESUMED_LIMIT)
        return;
    for (size_t i = 0; i < count; i++) {
        struct member *other = NULL;
        if (members[i].sole != QLOG_NEITHER_SIDE)
            other = crossing_of(members, count, i);
        if (other != NULL && crossing_of(members, count, (size_t)(other - members)) == &members[i])
            pair((struct member *[2]){&members[i], other});
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

/* Marks what is known only if the connections are between the same two nodes. */
static void presume(struct qlog_peering *peering)
{
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        const struct qlog_gossip *const reasons[] = {gossip->before, gossip->rival, gossip->cause};
        for (size_t k = 0; k < sizeof(reasons) / sizeof(*reasons); k++)
            gossip->presumed |= reasons[k] != NULL && reasons[k]->connection != gossip->connection;
        gossip->twin = NULL;
    }
}

static int by_arrival(const void *a, const void *b)
{
    double first = ((const struct qlog_gossip *)a)->arrival;
    double second = ((const struct qlog_gossip *)b)->arrival;
    return first < second ? -1 : first > second;
}

/* Whether the receiver, which may negotiate several streams side by side, was done with this one
 * first. Its own log tells. In the opener's, or a tap's, the answers do, where they and the
 * proposals lie so close together that none can have been lost and sent again, which takes a round
 * trip. */
static bool overtakes(const struct qlog_gossip *gossip, const struct qlog_gossip *earlier)
{
    const struct qlog_joined_stream *stream = gossip->stream, *other = earlier->stream;
    if (gossip->connection != earlier->connection)
        return false;
    if (stream->answered >= 0 && other->answered >= 0)
        return stream->answered < other->answered;
    if (stream->back < 0 || other->back <= stream->back)
        return false;
    double apart = stream->arrival - other->arrival + other->back - stream->back;
    return apart < stream->back - stream->arrival;
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
    for (size_t i = 0; i < count; i++) {
        add_streams(peering, &members[i], start);
        for (unsigned node = 0; node < 2; node++) {
            bool client = (node == 1) == members[i].swapped;
            const struct qlog_stack *stack =
                qlog_stack_of(members[i].connection, client ? QLOG_CLIENT : QLOG_SERVER);
            peering->stacks[node] = qlog_stack_better(peering->stacks[node], stack);
        }
    }
    peering->presumed = members[0].presumed;
    if (peering->count > 0)
        qsort(peering->streams, peering->count, sizeof(*peering->streams), by_arrival);
    order_by_answers(peering);
    qlog_play(peering);
    if (peering->presumed)
        presume(peering);
}

struct qlog_peerings qlog_peerings_of(const struct qlog_connections *connections)
{
    size_t count = connections->count;
    struct member *members = memory_new((count + 1) * sizeof(*members));
    for (size_t i = 0; i < count; i++)
        member_init(&members[i], connections->items[i]);
    pair_crossings(members, count);
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
