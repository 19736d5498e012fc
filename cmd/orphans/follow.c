#include "cmd/orphans/follow.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "cmd/orphans/followed_files.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"
#include "common/output.h"
#include "net/qlog/report.h"
#include "net/qlog/standing.h"

enum {
    BLOCK_SIZE = 64 * 1024,
    PAUSE_MS = 50,             /* between judgings, at the least */
    PAUSE_PER_JUDGING = 10,    /* so many times as long as the judging took */
    IDLE_PAUSE_MS = 1000,      /* time passes, even where no log grows */
    IDLE_PAUSE_MAX_MS = 10000, /* where none has for long */
    KEPT_MS = 120000,          /* what is over is let go of after twice an idle timeout */
    CLOSED_KEPT = 256,         /* closed streams of a connection, after that */
    PACKETS_THAT_TELL = 16,    /* a log without a frame in so many logs none */
};

struct follow {
    const struct follow_options *options;
    struct event_base *base;
    struct event *tick, *news, *input;
    struct followed_files files;
    struct followed_file *standard_input; /* NULL where it is not followed */
    struct qlog_standing standing;
    json_t *undecided;              /* troubles with logs that cannot tell */
    int64_t grown;                  /* when a log last grew */
    struct qlog_tally now, retired; /* in the last judging, and what is judged no more */
    int64_t next, earliest;         /* when the next tick is, and when it may be */
    bool input_open, ready;         /* standard input goes on; all that was there has been read */
    const char *ended;              /* why it ends; NULL while it goes on */
};

static void finish(struct follow *follow, const char *why)
{
    if (follow->ended == NULL)
        follow->ended = why;
    event_base_loopbreak(follow->base);
}

/* --- Telling --- */

static json_t *change_json(const struct qlog_connection *connection,
                           const struct qlog_joined_stream *stream,
                           const struct qlog_judgement *judgement, int before)
{
    json_t *change = json_pack(
        "{s:s, s:I, s:o, s:o}", "event", "verdict", "time", (json_int_t)clock_epoch_ms(), "stream",
        qlog_report_stream(connection, stream, judgement), "before",
        before == QLOG_NOT_TOLD ? json_null()
                                : json_string(qlog_verdict_name((enum qlog_verdict)before)));
    json_object_set_new(change, "connection",
                        connection->id != NULL ? json_string(connection->id) : json_null());
    return change;
}

static void print_clock(void)
{
    time_t now = time(NULL);
    struct tm local;
    char text[16];
    strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&now, &local));
    printf("%s ", text);
}

static void tell_change(void *context, const struct qlog_connection *connection,
                        const struct qlog_joined_stream *stream,
                        const struct qlog_judgement *judgement, int before)
{
    const struct follow *follow = context;
    json_t *change = change_json(connection, stream, judgement, before);
    bool shown = follow->options->verbose || !qlog_verdict_is_healthy(judgement->verdict) ||
                 (before != QLOG_NOT_TOLD && !qlog_verdict_is_healthy((enum qlog_verdict)before));
    if (follow->options->json) {
        output_json_line(change);
    } else if (shown) {
        print_clock();
        print_stream(connection->id, json_object_get(change, "stream"),
                     json_string_value(json_object_get(change, "before")));
        fflush(stdout);
    }
    json_decref(change);
}

static void tell_ready(struct follow *follow, const struct qlog_connections *connections)
{
    struct qlog_tally there = {0};
    for (size_t i = 0; i < connections->count; i++)
        qlog_tally_add(&there, connections->items[i]);
    follow->ready = true;
    if (follow->options->json) {
        json_t *line = json_pack("{s:s, s:I, s:I, s:I}", "event", "following", "time",
                                 (json_int_t)clock_epoch_ms(), "logs", (json_int_t)there.logs,
                                 "connections", (json_int_t)there.connections);
        output_json_line(line);
        json_decref(line);
    } else {
        log_info("following %llu log%s of %llu connection%s", (unsigned long long)there.logs,
                 there.logs == 1 ? "" : "s", (unsigned long long)there.connections,
                 there.connections == 1 ? "" : "s");
    }
}

/* --- Judging --- */

static void add_logs(struct follow *follow, struct followed_file *file, int64_t now,
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
    if (file->log->heard > follow->grown)
        follow->grown = file->log->heard;
    qlog_connections_add(connections, file->log->path, reader->logs, reader->log_count,
                         qlog_reader_mark(reader), &duplicate);
}

/* Logs without frames, a while after they began. */
static void find_undecidable(struct follow *follow, const struct qlog_connection *connection)
{
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++) {
        const struct qlog_log *log = connection->ends[end];
        const char *why = why_undecidable(connection, (enum qlog_role)end);
        if (log == NULL || why == NULL ||
            (follow->ended == NULL && log->quiet < (double)follow->options->grace &&
             log->packets < PACKETS_THAT_TELL))
            continue;
        json_t *trouble = make_trouble(log->path, why);
        if (!has_trouble(follow->undecided, trouble)) {
            tell(LOG_ERROR, log->path, why);
            json_array_append(follow->undecided, trouble);
        }
        json_decref(trouble);
    }
}

/* --- Letting go --- */

static bool is_told(const struct follow *follow, const struct qlog_connection *connection,
                    const struct qlog_judgement *judgements)
{
    for (size_t i = 0; i < connection->stream_count; i++)
        if (qlog_standing_told(&follow->standing, connection, connection->streams[i].id) !=
            (int)judgements[i].verdict)
            return false;
    return true;
}

/* Marks in LOG what was closed long ago, and told; how much that is. */
static size_t mark_closed(const struct follow *follow, const struct qlog_connection *connection,
                          const struct qlog_log *log, bool *marked)
{
    size_t count = 0;
    for (size_t i = 0; i < log->stream_count; i++) {
        const struct qlog_half *half = log->streams[i]->half;
        int told = qlog_standing_told(&follow->standing, connection, log->streams[i]->id);
        marked[i] =
            (told == QLOG_REQRESP || told == QLOG_CLOSED) &&
            log->end + log->quiet - qlog_later(half[QLOG_SENT].last, half[QLOG_RECEIVED].last) >=
                QLOG_CLOSED_KEPT;
        count += marked[i];
    }
    return count;
}

static void forget_closed(const struct follow *follow, const struct qlog_connection *connection)
{
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++) {
        struct qlog_log *log = connection->ends[end];
        if (log == NULL || log->stream_count < CLOSED_KEPT)
            continue;
        bool *marked = memory_new(log->stream_count);
        if (mark_closed(follow, connection, log, marked) >= CLOSED_KEPT)
            qlog_log_forget(log, marked);
        free(marked);
    }
}

/* Marks the logs of a connection that was over long ago, and told; whether it was. */
static bool mark_done(const struct follow *follow, const struct qlog_connection *connection,
                      const struct qlog_judgement *judgements)
{
    bool done = connection->over >= 0 && is_told(follow, connection, judgements);
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++)
        done = done && (connection->ends[end] == NULL || connection->ends[end]->done);
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++)
        if (connection->ends[end] != NULL)
            connection->ends[end]->done = done;
    return done;
}

/* A file of several connections stays as long as it is there. */
static bool is_done(const struct followed_file *file, int64_t now)
{
    const struct qlog_reader *reader = &file->log->reader;
    if (file->gone && now - file->log->heard >= KEPT_MS)
        return true;
    return reader->log_count == 1 && reader->logs[0]->done;
}

static void let_go(struct follow *follow, const struct qlog_judgements *judgements)
{
    struct followed_file *file, *next;
    int64_t now = (int64_t)clock_now_ms();
    follow->now = (struct qlog_tally){0};
    for (size_t i = 0; i < judgements->connections->count; i++) {
        const struct qlog_connection *connection = judgements->connections->items[i];
        bool done = mark_done(follow, connection, judgements->items[i]);
        qlog_tally_add(done ? &follow->retired : &follow->now, connection);
        forget_closed(follow, connection);
    }
    DL_FOREACH_SAFE(follow->files.all, file, next)
    {
        if (!is_done(file, now) || file == follow->standard_input)
            continue;
        if (file->gone)
            followed_files_drop(&follow->files, file);
        else
            qlog_followed_retire(file->log);
    }
}

/* --- All of it --- */

static void judge(struct follow *follow, int64_t now)
{
    struct qlog_connections connections = {0};
    struct followed_file *file;
    DL_FOREACH(follow->files.all, file)
    {
        add_logs(follow, file, now, &connections);
    }
    qlog_connections_join(&connections);
    struct qlog_judgements judgements = qlog_judge(&connections);
    for (size_t i = 0; i < connections.count; i++)
        find_undecidable(follow, connections.items[i]);
    if (!follow->ready)
        tell_ready(follow, &connections);
    qlog_standing_look(&follow->standing, &judgements, now);
    let_go(follow, &judgements);
    qlog_judgements_clear(&judgements);
    qlog_connections_clear(&connections);
}

/* --- The end --- */

static json_t *summary_of(const struct follow *follow)
{
    struct qlog_tally all = {
        .connections = follow->now.connections + follow->retired.connections,
        .logs = follow->now.logs + follow->retired.logs,
        .streams = follow->now.streams + follow->retired.streams,
        .let_go = follow->now.let_go + follow->retired.let_go,
    };
    return qlog_report_summary(&all, follow->standing.told);
}

static bool has_failed(const struct follow *follow)
{
    for (int verdict = 0; verdict < QLOG_VERDICTS; verdict++)
        if (follow->options->fails[verdict] && follow->standing.told[verdict] > 0)
            return true;
    return false;
}

static json_t *troubles_of(const struct follow *follow)
{
    json_t *troubles = json_copy(follow->files.found.troubles);
    json_array_extend(troubles, follow->files.troubles);
    json_array_extend(troubles, follow->undecided);
    if (follow->now.logs + follow->retired.logs == 0 && json_array_size(troubles) == 0) {
        log_error("no QUIC log was found in what was named");
        json_array_append_new(troubles, json_pack("{s:s}", "message", "no QUIC log was found"));
    }
    return troubles;
}

/* Prints what it came to; returns the exit status. */
static int tell_end(const struct follow *follow)
{
    json_t *summary = summary_of(follow), *troubles = troubles_of(follow);
    bool troubled = json_array_size(troubles) > 0 || follow->standing.told[QLOG_UNKNOWN] > 0;
    if (follow->options->json) {
        json_t *line = json_pack("{s:s, s:I, s:s, s:O, s:O}", "event", "end", "time",
                                 (json_int_t)clock_epoch_ms(), "reason", follow->ended, "summary",
                                 summary, "troubles", troubles);
        output_json_line(line);
        json_decref(line);
    } else {
        print_summary(summary, troubled);
    }
    json_decref(summary);
    json_decref(troubles);
    struct error error;
    if (!output_end(&error)) {
        log_error("%s", error.text);
        return TROUBLE;
    }
    return has_failed(follow) ? SOME_ORPHANS : troubled ? TROUBLE : NO_ORPHANS;
}

static bool is_clean(const struct follow *follow)
{
    return follow->ready && follow->now.logs + follow->retired.logs > 0 &&
           follow->standing.unsettled == 0 && !has_failed(follow) &&
           json_array_size(follow->undecided) == 0 && follow->standing.told[QLOG_UNKNOWN] == 0 &&
           json_array_size(follow->files.troubles) == 0 &&
           json_array_size(follow->files.found.troubles) == 0;
}

static void look_for_end(struct follow *follow)
{
    if (follow->options->until_orphan && has_failed(follow))
        finish(follow, "orphan");
    else if (follow->options->until_clean && is_clean(follow))
        finish(follow, "clean");
    else if (follow->standard_input != NULL && !follow->input_open &&
             follow->files.operand_count == 0 && follow->standing.unsettled == 0)
        finish(follow, "input_ended");
}

/* --- The loop --- */

static void tick_at(struct follow *follow, int64_t when)
{
    int64_t now = (int64_t)clock_now_ms();
    struct timeval pause = clock_timeval(when > now ? (uint64_t)(when - now) * 1000 : 0);
    follow->next = when;
    event_arm(follow->tick, &pause);
}

/* How long nothing needs to be looked at where no log grows: verdicts come due, and time itself
 * tells something. */
static int64_t idle_pause(const struct follow *follow, int64_t now)
{
    int64_t idle = follow->files.unwatched ? 0 : (now - follow->grown) / 10;
    idle = idle < IDLE_PAUSE_MS ? IDLE_PAUSE_MS : idle;
    idle = idle > IDLE_PAUSE_MAX_MS ? IDLE_PAUSE_MAX_MS : idle;
    int64_t due = follow->standing.due;
    return due == INT64_MAX || due > now + idle ? idle : due > now ? due - now : 0;
}

static void tick_again(struct follow *follow, int64_t began, bool more)
{
    int64_t now = (int64_t)clock_now_ms(), least = (now - began) * PAUSE_PER_JUDGING;
    least = least < PAUSE_MS ? PAUSE_MS : least > IDLE_PAUSE_MAX_MS ? IDLE_PAUSE_MAX_MS : least;
    follow->earliest = now + least;
    if (!follow->ready)
        tick_at(follow, now);
    else
        tick_at(follow, more || idle_pause(follow, now) < least ? follow->earliest
                                                                : now + idle_pause(follow, now));
}

static void tick(evutil_socket_t descriptor, short what, void *argument)
{
    struct follow *follow = argument;
    int64_t began = (int64_t)clock_now_ms();
    (void)descriptor;
    (void)what;
    followed_files_hear(&follow->files);
    event_arm(follow->news, NULL);
    bool more = followed_files_read(&follow->files);
    /* What was there at the start is judged once it has all been read. */
    if (follow->ready || !more) {
        judge(follow, began);
        look_for_end(follow);
    }
    tick_again(follow, began, more);
}

/* News come in crowds: they are looked at together. */
static void expect_news(struct follow *follow)
{
    int64_t soon = (int64_t)clock_now_ms() + PAUSE_MS;
    soon = soon < follow->earliest ? follow->earliest : soon;
    if (soon < follow->next)
        tick_at(follow, soon);
}

static void news_came(evutil_socket_t descriptor, short what, void *argument)
{
    struct follow *follow = argument;
    (void)descriptor;
    (void)what;
    event_del(follow->news);
    expect_news(follow);
}

static void input_came(evutil_socket_t descriptor, short what, void *argument)
{
    static uint8_t block[BLOCK_SIZE];
    struct follow *follow = argument;
    (void)what;
    ssize_t size = read(descriptor, block, sizeof(block));
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (size > 0) {
        qlog_followed_feed(follow->standard_input->log, bytes_of(block, (size_t)size),
                           clock_now_ms());
        followed_files_tell(&follow->files, follow->standard_input);
    } else {
        follow->input_open = false;
        event_del(follow->input);
    }
    expect_news(follow);
}

static void stop(evutil_socket_t signal, short what, void *argument)
{
    (void)what;
    finish(argument, signal >= 0 ? "signal" : "timeout");
}

/* Whether what comes from standard input can be waited for. */
static bool is_stream(void)
{
    struct stat about;
    return isatty(STDIN_FILENO) || (fstat(STDIN_FILENO, &about) == 0 &&
                                    (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode)));
}

/* Standard input is one of the operands, once. */
static void open_input(struct follow *follow)
{
    follow->standard_input = followed_files_add_fed(&follow->files, "-");
    follow->standard_input->log->named = true;
    follow->input_open = true;
    if (is_stream()) {
        event_arm(follow->input, NULL);
        return;
    }
    /* Of a device that never ends, no more than shows that it is no log. */
    while (follow->input_open && follow->standard_input->log->state == QLOG_FOLLOWED_ON)
        input_came(STDIN_FILENO, 0, follow);
    follow->input_open = false;
}

/* No verdict stands any longer than until now: one that fails must not pass for none. */
static void judge_finally(struct follow *follow)
{
    if (!follow->ready || follow->standing.unsettled == 0)
        return;
    follow->standing.grace = 0;
    judge(follow, (int64_t)clock_now_ms());
}

static void run(struct follow *follow)
{
    struct event_base *base = follow->base;
    struct event *ends[] = {evsignal_new(base, SIGINT, stop, follow),
                            evsignal_new(base, SIGTERM, stop, follow),
                            event_new(base, -1, EV_TIMEOUT, stop, follow)};
    struct timeval limit = clock_timeval(follow->options->timeout * 1000);
    event_arm(ends[0], NULL);
    event_arm(ends[1], NULL);
    if (follow->options->timeout > 0)
        event_arm(ends[2], &limit);
    tick_at(follow, clock_now_ms());
    event_base_dispatch(base);
    judge_finally(follow);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        event_free(ends[i]);
}

static void follow_init(struct follow *follow, bool input)
{
    follow->base = event_base_make(0);
    follow->undecided = json_array();
    follow->standing = (struct qlog_standing){
        .handler = tell_change, .context = follow, .grace = (int64_t)follow->options->grace};
    follow->tick = evtimer_new(follow->base, tick, follow);
    follow->news = event_new(follow->base, file_watch_descriptor(follow->files.watch), EV_READ,
                             news_came, follow);
    follow->input = event_new(follow->base, STDIN_FILENO, EV_READ | EV_PERSIST, input_came, follow);
    if (input)
        open_input(follow);
}

static void follow_clear(struct follow *follow)
{
    event_free(follow->tick);
    event_free(follow->news);
    event_free(follow->input);
    event_base_free(follow->base);
    qlog_standing_clear(&follow->standing);
    followed_files_clear(&follow->files);
    json_decref(follow->undecided);
}

int follow(const struct follow_options *options, char *const *operands, size_t count)
{
    struct follow follow = {.options = options};
    char **paths = memory_new((count + 1) * sizeof(*paths));
    struct error error;
    size_t path_count = 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(operands[i], "-") != 0)
            paths[path_count++] = operands[i];
    if (!followed_files_init(&follow.files, paths, path_count, &error)) {
        log_error("%s", error.text);
        free(paths);
        return TROUBLE;
    }
    follow_init(&follow, path_count < count);
    run(&follow);
    int status = tell_end(&follow);
    follow_clear(&follow);
    free(paths);
    return status;
}
