#include "net/verdict/one_way.h"

#include <stdlib.h>

#include "common/bisect.h"
#include "common/memory.h"
#include "net/verdict/ownership.h"

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

/* Its opener has written on after the receiver ended its own half, on which it says nothing: who no
 * longer reads makes it stop. */
static bool goes_on(const struct qlog_gossip *gossip)
{
    return gossip->opener_owns && gossip->receiver_owns && gossip->opener_dropped < 0 &&
           gossip->ended[0] < 0 && gossip->ended[1] >= 0 &&
           gossip->grew > gossip->ended[1] + QLOG_SILENCE;
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
        if ((qlog_gossip_in_use(gossip) || goes_on(gossip)) && lives)
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
    return qlog_is_tapped(connection) ||
           (connection->ends[QLOG_CLIENT] != NULL && connection->ends[QLOG_SERVER] != NULL);
}

/* From when to when a connection was there; sorted, until when any of those up to it was. */
struct span {
    double start, end;
};

/* The connections with a stream in one direction only, by whether the node that logged them opened
 * it. Those whose start is not known are in neither list. */
struct spans {
    struct span *items[2];
    size_t count[2];
};

static bool opened_by_owner(const struct qlog_gossip *gossip)
{
    const struct qlog_connection *connection = gossip->connection;
    enum qlog_role owner = connection->ends[QLOG_CLIENT] != NULL ? QLOG_CLIENT : QLOG_SERVER;
    return gossip->stream->opener == owner;
}

static struct span span_of(const struct qlog_gossip *gossip)
{
    const struct qlog_connection *connection = gossip->connection;
    return (struct span){connection->epoch, connection->epoch + connection->end};
}

static int by_start(const void *a, const void *b)
{
    double first = ((const struct span *)a)->start, second = ((const struct span *)b)->start;
    return first < second ? -1 : first > second;
}

static void spans_init(struct spans *spans, const struct qlog_peerings *peerings,
                       struct qlog_gossip *const *only)
{
    *spans = (struct spans){0};
    for (int side = 0; side < 2; side++)
        spans->items[side] = memory_new((peerings->count + 1) * sizeof(struct span));
    for (size_t i = 0; i < peerings->count; i++) {
        if (only[i] == NULL || is_named(&peerings->items[i]) || only[i]->connection->epoch <= 0)
            continue;
        bool side = opened_by_owner(only[i]);
        spans->items[side][spans->count[side]++] = span_of(only[i]);
    }
    for (int side = 0; side < 2; side++) {
        struct span *items = spans->items[side];
        qsort(items, spans->count[side], sizeof(*items), by_start);
        for (size_t i = 1; i < spans->count[side]; i++)
            items[i].end = items[i].end > items[i - 1].end ? items[i].end : items[i - 1].end;
    }
}

/* Two connections that may be with the same peer, each with a stream in one direction, are one
 * peering in both: nodes that dial each other at the same time. The node that logged both opened
 * only the one, and was opened only the other. */
static bool is_complemented(const struct spans *spans, const struct qlog_gossip *gossip)
{
    struct span own = span_of(gossip);
    bool other = !opened_by_owner(gossip);
    const struct span *spans_of_other = spans->items[other];
    size_t begun = BISECT(spans->count[other], i, spans_of_other[i].start <= own.end);
    return own.start > 0 && begun > 0 && spans_of_other[begun - 1].end >= own.start;
}

void qlog_mark_one_way(struct qlog_peerings *peerings)
{
    struct qlog_gossip **only = memory_new((peerings->count + 1) * sizeof(struct qlog_gossip *));
    struct spans spans;
    for (size_t i = 0; i < peerings->count; i++)
        only[i] = peerings->items[i].count > 0 ? only_in_use(&peerings->items[i]) : NULL;
    spans_init(&spans, peerings, only);
    for (size_t i = 0; i < peerings->count; i++) {
        const struct qlog_peering *peering = &peerings->items[i];
        if (only[i] != NULL && is_settled(peering, only[i]) &&
            (is_named(peering) || !is_complemented(&spans, only[i])))
            only[i]->one_way = true;
    }
    free(spans.items[0]);
    free(spans.items[1]);
    free(only);
}
