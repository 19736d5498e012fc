#include "net/verdict/standing.h"

#include <math.h>
#include <stdlib.h>

#include "common/hash_table.h"

struct stream {
    uint64_t id;
    enum qlog_verdict verdict;
    int64_t since;
    int told;
    bool suspected; /* told only as suspected */
};

struct qlog_standing_connection {
    char *key;
    struct stream *streams; /* sorted by id */
    size_t count;
    uint64_t round; /* the last one that saw it */
    UT_hash_handle hh;
};

/* The id, or the path of a log where none is known. */
static const char *key_of(const struct qlog_connection *connection)
{
    if (connection->id != NULL)
        return connection->id;
    unsigned place = 0;
    while (qlog_log_at(connection, place) == NULL)
        place++;
    return qlog_log_at(connection, place)->path;
}

/* Several connections of a file may have no id: they keep their order. */
static struct qlog_standing_connection *find_or_add(struct qlog_standing *standing,
                                                    const struct qlog_connection *connection)
{
    char *key = text_copy(key_of(connection));
    struct qlog_standing_connection *known;
    for (;;) {
        HASH_FIND_STR(standing->table, key, known);
        if (known == NULL || known->round != standing->round)
            break;
        char *longer = text_format("%s+", key);
        free(key);
        key = longer;
    }
    if (known != NULL) {
        free(key);
        return known;
    }
    known = memory_new(sizeof(*known));
    known->key = key;
    HASH_ADD_KEYPTR(hh, standing->table, known->key, strlen(known->key), known);
    return known;
}

/* How long ago one of its logs last grew. */
static double quiet_of(const struct qlog_connection *connection)
{
    double quiet = HUGE_VAL;
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        quiet = log != NULL && log->quiet < quiet ? log->quiet : quiet;
    }
    return quiet;
}

static uint64_t *counter(struct qlog_standing *standing, int told, bool suspected)
{
    return suspected ? &standing->suspected : &standing->told[told];
}

static void settle(struct qlog_standing *standing, const struct qlog_connection *connection,
                   size_t index, const struct qlog_judgement *judgement, struct stream *stream,
                   int64_t now)
{
    int before = stream->told;
    if (before == (int)judgement->verdict && stream->suspected == judgement->suspected)
        return;
    if (now - stream->since < standing->grace) {
        int64_t due = stream->since + standing->grace;
        standing->unsettled++;
        standing->due = due < standing->due ? due : standing->due;
        return;
    }
    if (before != QLOG_NOT_TOLD)
        --*counter(standing, before, stream->suspected);
    stream->told = (int)judgement->verdict;
    stream->suspected = judgement->suspected;
    ++*counter(standing, stream->told, stream->suspected);
    standing->handler(standing->context, connection, &connection->streams[index], judgement,
                      before);
}

/* Finds what is known of the stream ID, from *NEXT on: both lists are sorted. What stands before it
 * was let go of, and counts no more. */
static const struct stream *find_stream(struct qlog_standing *standing,
                                        const struct qlog_standing_connection *known, uint64_t id,
                                        size_t *next)
{
    for (; *next < known->count && known->streams[*next].id < id; ++*next)
        if (known->streams[*next].told != QLOG_NOT_TOLD)
            --*counter(standing, known->streams[*next].told, known->streams[*next].suspected);
    if (*next == known->count || known->streams[*next].id != id)
        return NULL;
    return &known->streams[(*next)++];
}

static void look_at(struct qlog_standing *standing, const struct qlog_connection *connection,
                    const struct qlog_judgement *judgements, int64_t now)
{
    struct qlog_standing_connection *known = find_or_add(standing, connection);
    struct stream *streams = memory_new((connection->stream_count + 1) * sizeof(*streams));
    int64_t grown = now - (int64_t)quiet_of(connection);
    size_t next = 0;
    for (size_t i = 0; i < connection->stream_count; i++) {
        uint64_t id = connection->streams[i].id;
        const struct stream *old = find_stream(standing, known, id, &next);
        bool same = old != NULL && old->verdict == judgements[i].verdict;
        streams[i] = (struct stream){
            .id = id,
            .verdict = judgements[i].verdict,
            .since = same          ? old->since
                     : old != NULL ? now
                                   : grown,
            .told = old != NULL ? old->told : QLOG_NOT_TOLD,
            .suspected = old != NULL && old->suspected,
        };
        settle(standing, connection, i, &judgements[i], &streams[i], now);
    }
    find_stream(standing, known, UINT64_MAX, &next);
    free(known->streams);
    known->streams = streams;
    known->count = connection->stream_count;
    known->round = standing->round;
    standing->seen[connection->index] = known;
}

static void forget(struct qlog_standing *standing, struct qlog_standing_connection *known)
{
    HASH_DEL(standing->table, known);
    free(known->key);
    free(known->streams);
    free(known);
}

void qlog_standing_look(struct qlog_standing *standing, const struct qlog_judgements *judgements,
                        int64_t now)
{
    struct qlog_standing_connection *known, *next;
    standing->round++;
    standing->unsettled = 0;
    standing->due = INT64_MAX;
    free(standing->seen);
    standing->seen = memory_new((judgements->connections->count + 1) * sizeof(known));
    for (size_t i = 0; i < judgements->connections->count; i++)
        look_at(standing, judgements->connections->items[i], judgements->items[i], now);
    HASH_ITER(hh, standing->table, known, next)
    {
        if (known->round != standing->round)
            forget(standing, known);
    }
}

static int by_id(const void *key, const void *element)
{
    uint64_t id = *(const uint64_t *)key, other = ((const struct stream *)element)->id;
    return id < other ? -1 : id > other;
}

int qlog_standing_told(const struct qlog_standing *standing,
                       const struct qlog_connection *connection, uint64_t stream_id)
{
    const struct qlog_standing_connection *known = standing->seen[connection->index];
    const struct stream *stream =
        bsearch(&stream_id, known->streams, known->count, sizeof(*known->streams), by_id);
    return stream != NULL ? stream->told : QLOG_NOT_TOLD;
}

void qlog_standing_clear(struct qlog_standing *standing)
{
    struct qlog_standing_connection *known, *next;
    HASH_ITER(hh, standing->table, known, next)
    {
        forget(standing, known);
    }
    free(standing->seen);
    standing->seen = NULL;
}
