#include "net/verdict/judging.h"

#include <stdlib.h>

#include <utlist.h>

#include "common/memory.h"
#include "net/verdict/undecidable.h"

enum {
    KEPT_MS = 120000,       /* what is over is let go of after twice an idle timeout */
    CLOSED_KEPT = 256,      /* closed streams of a connection, after that */
    PACKETS_THAT_TELL = 16, /* a log without a frame in so many logs none */
};

void qlog_judging_init(struct qlog_judging *judging, int64_t grace,
                       const struct qlog_judging_handlers *handlers, void *context)
{
    *judging = (struct qlog_judging){.handlers = handlers, .context = context, .grace = grace};
    judging->standing =
        (struct qlog_standing){.handler = handlers->changed, .context = context, .grace = grace};
}

void qlog_judging_clear(struct qlog_judging *judging)
{
    qlog_standing_clear(&judging->standing);
    qlog_remarks_clear(&judging->undecided);
}

static void add_logs(const struct qlog_followed_file *file, int64_t now,
                     struct qlog_connections *connections)
{
    const struct qlog_reader *reader = &file->log->reader;
    const char *duplicate = NULL;
    if (reader->log_count == 0)
        return;
    for (size_t i = 0; i < reader->log_count; i++) {
        struct qlog_log *log = reader->logs[i];
        log->followed = true;
        log->quiet = now > file->log->heard ? (double)(now - file->log->heard) : 0;
        log->done = reader->log_count == 1 && log->quiet >= KEPT_MS;
    }
    qlog_connections_add(connections, file->log->path, reader->logs, reader->log_count,
                         qlog_reader_mark(reader), &duplicate);
}

static void tell_undecidable(struct qlog_judging *judging, const char *path, const char *why)
{
    if (qlog_remarks_has(&judging->undecided, path, why))
        return;
    qlog_remarks_add(&judging->undecided, path, why);
    judging->handlers->remark(judging->context, QLOG_REMARK_TROUBLE, path, why);
}

/* Logs without frames, a while after they began. */
static void find_undecidable(struct qlog_judging *judging, const struct qlog_connection *connection)
{
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        char *why = qlog_why_undecidable(connection, place);
        if (log != NULL && why != NULL &&
            (judging->ending || log->quiet >= (double)judging->grace ||
             log->packets >= PACKETS_THAT_TELL))
            tell_undecidable(judging, log->path, why);
        free(why);
    }
}

/* --- Letting go --- */

static bool is_told(const struct qlog_judging *judging, const struct qlog_connection *connection,
                    const struct qlog_judgement *judgements)
{
    for (size_t i = 0; i < connection->stream_count; i++)
        if (qlog_standing_told(&judging->standing, connection, connection->streams[i].id) !=
            (int)judgements[i].verdict)
            return false;
    return true;
}

/* Marks in LOG what was closed long ago, and told; how much that is. */
static size_t mark_closed(const struct qlog_judging *judging,
                          const struct qlog_connection *connection, const struct qlog_log *log,
                          bool *marked)
{
    size_t count = 0;
    for (size_t i = 0; i < log->stream_count; i++) {
        const struct qlog_half *half = log->streams[i]->half;
        int told = qlog_standing_told(&judging->standing, connection, log->streams[i]->id);
        marked[i] =
            (told == QLOG_REQRESP || told == QLOG_CLOSED) &&
            log->end + log->quiet - qlog_later(half[QLOG_SENT].last, half[QLOG_RECEIVED].last) >=
                QLOG_CLOSED_KEPT;
        count += marked[i];
    }
    return count;
}

static void forget_closed(const struct qlog_judging *judging,
                          const struct qlog_connection *connection)
{
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        struct qlog_log *log = qlog_log_at(connection, place);
        if (log == NULL || log->stream_count < CLOSED_KEPT)
            continue;
        bool *marked = memory_new(log->stream_count);
        if (mark_closed(judging, connection, log, marked) >= CLOSED_KEPT)
            qlog_log_forget(log, marked);
        free(marked);
    }
}

/* Marks the logs of a connection that was over long ago, and told; whether it was. */
static bool mark_done(const struct qlog_judging *judging, const struct qlog_connection *connection,
                      const struct qlog_judgement *judgements)
{
    bool done = connection->over >= 0 && is_told(judging, connection, judgements);
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        done = done && (log == NULL || log->done);
    }
    for (unsigned place = 0; place < QLOG_PLACES; place++)
        if (qlog_log_at(connection, place) != NULL)
            qlog_log_at(connection, place)->done = done;
    return done;
}

/* A file of several connections stays as long as it is there. */
static bool is_done(const struct qlog_followed_file *file, int64_t now)
{
    const struct qlog_reader *reader = &file->log->reader;
    if (file->gone && now - file->log->heard >= KEPT_MS)
        return true;
    return reader->log_count == 1 && reader->logs[0]->done;
}

static void let_go(struct qlog_judging *judging, struct qlog_followed_files *files,
                   const struct qlog_judgements *judgements, int64_t now)
{
    struct qlog_followed_file *file, *next;
    judging->now = (struct qlog_tally){0};
    for (size_t i = 0; i < judgements->connections->count; i++) {
        const struct qlog_connection *connection = judgements->connections->items[i];
        bool done = mark_done(judging, connection, judgements->items[i]);
        qlog_tally_add(done ? &judging->retired : &judging->now, connection);
        forget_closed(judging, connection);
    }
    DL_FOREACH_SAFE(files->all, file, next)
    {
        if (!is_done(file, now) || file->fed)
            continue;
        if (file->gone)
            qlog_followed_files_drop(files, file);
        else
            qlog_followed_retire(file->log);
    }
}

/* --- All of it --- */

static void begin(struct qlog_judging *judging, const struct qlog_connections *connections)
{
    struct qlog_tally there = {0};
    for (size_t i = 0; i < connections->count; i++)
        qlog_tally_add(&there, connections->items[i]);
    judging->began = true;
    judging->handlers->began(judging->context, &there);
}

int64_t qlog_judging_look(struct qlog_judging *judging, struct qlog_followed_files *files,
                          int64_t now)
{
    struct qlog_connections connections = {0};
    const struct qlog_followed_file *file;
    DL_FOREACH(files->all, file)
    {
        add_logs(file, now, &connections);
    }
    qlog_connections_join(&connections);
    struct qlog_judgements judgements = qlog_judge(&connections);
    for (size_t i = 0; i < connections.count; i++)
        find_undecidable(judging, connections.items[i]);
    if (!judging->began)
        begin(judging, &connections);
    qlog_standing_look(&judging->standing, &judgements, now);
    let_go(judging, files, &judgements, now);
    qlog_judgements_clear(&judgements);
    qlog_connections_clear(&connections);
    return judging->standing.due;
}

/* Nothing of it is known from there on; a log that tells streams up to there is judged by them, as
 * one is whose process was killed. */
static void tell_cut_off(struct qlog_judging *judging, const struct qlog_followed_file *file)
{
    const struct qlog_reader *reader = &file->log->reader;
    if (file->log->state != QLOG_FOLLOWED_ON || reader->log == NULL || !qlog_reader_is_amid(reader))
        return;
    if (reader->log->stream_frames == 0)
        tell_undecidable(judging, file->log->path,
                         "is cut off within a record, and no packets are known from there on: "
                         "whether streams were orphaned cannot be told from it");
    else
        judging->handlers->remark(judging->context, QLOG_REMARK_NOTE, file->log->path,
                                  "it ends within a record: what follows there is lost, or was not "
                                  "written yet");
}

void qlog_judging_end(struct qlog_judging *judging, struct qlog_followed_files *files, int64_t now)
{
    const struct qlog_followed_file *file;
    judging->ending = true;
    DL_FOREACH(files->all, file)
    {
        tell_cut_off(judging, file);
    }
    if (!judging->began || judging->standing.unsettled == 0)
        return;
    judging->standing.grace = 0;
    qlog_judging_look(judging, files, now);
}

struct qlog_tally qlog_judging_tally(const struct qlog_judging *judging)
{
    return (struct qlog_tally){
        .connections = judging->now.connections + judging->retired.connections,
        .logs = judging->now.logs + judging->retired.logs,
        .streams = judging->now.streams + judging->retired.streams,
        .let_go = judging->now.let_go + judging->retired.let_go,
    };
}

bool qlog_judging_has_failed(const struct qlog_judging *judging, const bool *fails)
{
    for (int verdict = 0; verdict < QLOG_VERDICTS; verdict++)
        if (fails[verdict] && judging->standing.told[verdict] > 0)
            return true;
    return false;
}

bool qlog_judging_is_clean(const struct qlog_judging *judging,
                           const struct qlog_followed_files *files, const bool *fails)
{
    return judging->began && qlog_judging_tally(judging).logs > 0 &&
           judging->standing.unsettled == 0 && !qlog_judging_has_failed(judging, fails) &&
           judging->undecided.count == 0 && judging->standing.told[QLOG_UNKNOWN] == 0 &&
           judging->standing.suspected == 0 && files->troubles.count == 0 &&
           files->not_found.count == 0;
}
