#include "net/qlog/one_way.h"

#include <stdlib.h>

#include "common/memory.h"
#include "net/qlog/ownership.h"

/* When the last of the connections ended; NEVER where one lives. */
static double over(const struct qlog_peering *peering)
{
    double last = QLOG_NEVER;
    for (size_t i = 0; i < peering->count; i++) {
        if (peering->streams[i].over < 0)
            return QLOG_NEVER;
        last = peering->streams[i].over > last ? peering->streams[i].over : last;
    }
    return last;
}

/* What is in use when all that is known of the peering ends: NULL where both directions have a
 * stream in use, or none has. */
static struct qlog_gossip *only_in_use(const struct qlog_peering *peering)
{
    struct qlog_gossip *used[2] = {NULL, NULL};
    double last = over(peering);
    for (size_t i = 0; i < peering->count; i++) {
        struct qlog_gossip *gossip = &peering->streams[i];
        bool lives = gossip->over < 0 || (last >= 0 && gossip->over >= last - QLOG_TEARDOWN);
        if (qlog_gossip_in_use(gossip) && lives)
            used[gossip->opener] = gossip;
    }
    if ((used[0] != NULL) == (used[1] != NULL))
        return NULL;
    return used[0] != NULL ? used[0] : used[1];
}

/* A stream the other way that is nobody's leaves no doubt; where there never was one, it might have
 * come still. */
static bool is_settled(const struct qlog_peering *peering, const struct qlog_gossip *only)
{
    for (size_t i = 0; i < peering->count; i++)
        if (peering->streams[i].opener != only->opener)
            return true;
    const struct qlog_connection *connection = only->connection;
    double end = connection->over >= 0 && connection->over < connection->end ? connection->over
                                                                             : connection->end;
    return end - only->stream->completion >= QLOG_SILENCE;
}

static bool is_named(const struct qlog_peering *peering)
{
    const struct qlog_connection *connection = peering->streams[0].connection;
    for (size_t i = 1; i < peering->count; i++)
        if (peering->streams[i].connection != connection)
            return true;
    return connection->ends[QLOG_CLIENT] != NULL && connection->ends[QLOG_SERVER] != NULL;
}

/* Whether the node that logged both opened only the one, and was opened only the other. */
static bool complements(const struct qlog_gossip *a, const struct qlog_gossip *b)
{
    bool by_owner[2];
    const struct qlog_gossip *const both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        const struct qlog_connection *connection = both[i]->connection;
        enum qlog_role owner = connection->ends[QLOG_CLIENT] != NULL ? QLOG_CLIENT : QLOG_SERVER;
        by_owner[i] = both[i]->stream->opener == owner;
    }
    double start_a = a->connection->epoch, start_b = b->connection->epoch;
    return by_owner[0] != by_owner[1] && start_a > 0 && start_b > 0 &&
           start_a <= start_b + b->connection->end && start_b <= start_a + a->connection->end;
}

/* Two connections that may be with the same peer, each with a stream in one direction, are one
 * peering in both: nodes that dial each other at the same time. */
static bool is_complemented(const struct qlog_peerings *peerings, struct qlog_gossip *const *only,
                            size_t index)
{
    for (size_t i = 0; i < peerings->count; i++)
        if (i != index && only[i] != NULL && !is_named(&peerings->items[i]) &&
            complements(only[index], only[i]))
            return true;
    return false;
}

void qlog_mark_one_way(struct qlog_peerings *peerings)
{
    struct qlog_gossip **only = memory_new((peerings->count + 1) * sizeof(struct qlog_gossip *));
    for (size_t i = 0; i < peerings->count; i++)
        only[i] = peerings->items[i].count > 0 ? only_in_use(&peerings->items[i]) : NULL;
    for (size_t i = 0; i < peerings->count; i++) {
        const struct qlog_peering *peering = &peerings->items[i];
        if (only[i] != NULL && is_settled(peering, only[i]) &&
            (is_named(peering) || !is_complemented(peerings, only, i)))
            only[i]->one_way = true;
    }
    free(only);
}
