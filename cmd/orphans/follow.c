#include "cmd/orphans/follow.h"
#include "common/event.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cmd/orphans/orphans.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/output.h"
#include "devnet/newcomers.h"
#include "devnet/state_watch.h"
#include "net/qlog/follow.h"
#include "net/verdict/judging.h"

struct follow {
    const struct follow_options *options;
    struct event_base *base;
    struct qlog_follow *logs;
    struct qlog_judging judging;
    const char *ended; /* why it ends; NULL while it goes on */
    json_int_t passed_over;
};

static void finish(struct follow *follow, const char *why)
{
    if (follow->ended == NULL)
        follow->ended = why;
    event_base_loopbreak(follow->base);
}

/* --- Telling --- */

/* What is printed and lost is not made up for by what comes after it. */
static void flush(struct follow *follow)
{
    if (!output_flush())
        finish(follow, "output_lost");
}

/* Milliseconds since 1970, and the same as RFC 3339 has it. */
static void set_time(json_t *line)
{
    char text[CLOCK_TEXT_SIZE];
    uint64_t now = clock_epoch_ms();
    clock_text(now, text);
    json_object_set_new(line, "time", json_integer((json_int_t)now));
    json_object_set_new(line, "t", json_string(text));
}

static json_t *names_at(const struct qlog_connection *connection)
{
    json_t *peers = json_pack("{s:s*, s:s*}", "client", qlog_peer_of(connection, QLOG_CLIENT),
                              "server", qlog_peer_of(connection, QLOG_SERVER));
    json_t *names = qlog_is_tapped(connection) ? qlog_report_names(connection) : NULL;
    names = names_over(names, peers);
    json_decref(peers);
    return names;
}

static json_t *change_json(const struct qlog_connection *connection,
                           const struct qlog_joined_stream *stream,
                           const struct qlog_judgement *judgement, int before)
{
    json_t *change = json_pack("{s:s, s:o, s:o}", "event", "verdict", "stream",
                               qlog_report_stream(connection, stream, judgement), "before",
                               before == QLOG_NOT_TOLD
                                   ? json_null()
                                   : json_string(qlog_verdict_name((enum qlog_verdict)before)));
    set_time(change);
    json_object_set_new(change, "connection",
                        connection->id != NULL ? json_string(connection->id) : json_null());
    json_t *names = names_at(connection);
    if (names != NULL)
        json_object_set_new(change, "names", names);
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

static void print_change(const json_t *change)
{
    json_t *connection = json_pack("{s:O?, s:O*}", "id", json_object_get(change, "connection"),
                                   "names", json_object_get(change, "names"));
    print_stream(connection, json_object_get(change, "stream"),
                 json_string_value(json_object_get(change, "before")));
    json_decref(connection);
}

static void tell_change(void *context, const struct qlog_connection *connection,
                        const struct qlog_joined_stream *stream,
                        const struct qlog_judgement *judgement, int before)
{
    struct follow *follow = context;
    json_t *change = change_json(connection, stream, judgement, before);
    bool shown = follow->options->verbose || follow->options->fails[judgement->verdict] ||
                 !qlog_verdict_is_healthy(judgement->verdict) ||
                 (before != QLOG_NOT_TOLD && !qlog_verdict_is_healthy((enum qlog_verdict)before));
    if (follow->options->json) {
        output_json_line(change);
    } else if (shown) {
        print_clock();
        print_change(change);
    }
    json_decref(change);
    flush(follow);
}

/* What was passed over in a log is no part of what is told of it. */
static void hear_remark(void *context, enum qlog_remark_kind kind, const char *path,
                        const char *text)
{
    struct follow *follow = context;
    tell_remark(NULL, kind, path, text);
    if (kind != QLOG_REMARK_NOTE)
        return;
    follow->passed_over++;
    if (!follow->options->json)
        return;
    json_t *line = make_trouble(path, text);
    json_object_set_new(line, "event", json_string("passed_over"));
    set_time(line);
    output_json_line(line);
    json_decref(line);
    flush(follow);
}

static void tell_began(void *context, const struct qlog_tally *there)
{
    struct follow *follow = context;
    if (follow->options->json) {
        json_t *line =
            json_pack("{s:s, s:I, s:I}", "event", "following", "logs", (json_int_t)there->logs,
                      "connections", (json_int_t)there->connections);
        set_time(line);
        output_json_line(line);
        json_decref(line);
    } else {
        log_info("following %llu log%s of %llu connection%s", (unsigned long long)there->logs,
                 there->logs == 1 ? "" : "s", (unsigned long long)there->connections,
                 there->connections == 1 ? "" : "s");
    }
    flush(follow);
}

/* --- The end --- */

static void add_troubles(json_t *troubles, const struct qlog_remarks *remarks)
{
    for (size_t i = 0; i < remarks->count; i++)
        json_array_append_new(troubles,
                              make_trouble(remarks->items[i].path, remarks->items[i].text));
}

static json_t *troubles_of(const struct follow *follow)
{
    const struct qlog_followed_files *files = qlog_follow_files(follow->logs);
    json_t *troubles = json_array();
    add_troubles(troubles, &files->not_found);
    add_troubles(troubles, &files->troubles);
    add_troubles(troubles, &follow->judging.undecided);
    if (qlog_judging_tally(&follow->judging).logs == 0 && json_array_size(troubles) == 0) {
        log_error("no QUIC log was found in what was named");
        json_array_append_new(troubles, json_pack("{s:s}", "message", "no QUIC log was found"));
    }
    return troubles;
}

/* Prints what it came to; returns the exit status. */
static int tell_end(const struct follow *follow)
{
    const uint64_t *told = follow->judging.standing.told;
    struct qlog_tally tally = qlog_judging_tally(&follow->judging);
    json_t *summary = qlog_report_summary(&tally, told, follow->judging.standing.suspected),
           *troubles = troubles_of(follow);
    bool troubled = json_array_size(troubles) > 0 || told[QLOG_UNKNOWN] > 0 ||
                    follow->judging.standing.suspected > 0;
    if (follow->options->json) {
        json_t *line =
            json_pack("{s:s, s:s, s:O, s:O, s:I}", "event", "end", "reason", follow->ended,
                      "summary", summary, "troubles", troubles, "passed_over", follow->passed_over);
        set_time(line);
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
    return qlog_judging_has_failed(&follow->judging, follow->options->fails) ? SOME_ORPHANS
           : troubled                                                        ? TROUBLE
                                                                             : NO_ORPHANS;
}

static void look_for_end(struct follow *follow)
{
    const struct follow_options *options = follow->options;
    const struct qlog_judging *judging = &follow->judging;
    if (options->until_orphan && qlog_judging_has_failed(judging, options->fails))
        finish(follow, "orphan");
    else if (options->until_clean &&
             qlog_judging_is_clean(judging, qlog_follow_files(follow->logs), options->fails))
        finish(follow, "clean");
    else if (qlog_follow_has_ended(follow->logs) && judging->standing.unsettled == 0)
        finish(follow, "input_ended");
}

/* --- All of it --- */

static int64_t look(void *context, int64_t now)
{
    struct follow *follow = context;
    int64_t due = qlog_judging_look(&follow->judging, qlog_follow_files(follow->logs), now);
    look_for_end(follow);
    return due;
}

/* Not by devnet/state.h: TLS's library would come along. */
static void nodes_changed(void *context, const char *folder)
{
    const struct follow *follow = context;
    char *path = text_format("%s/" STATE_FILE, folder);
    json_t *state = json_load_file(path, 0, NULL);
    size_t i;
    const json_t *node;
    json_array_foreach(json_object_get(state, "nodes"), i, node)
    {
        const char *name = json_string_value(json_object_get(node, "name"));
        const char *id = json_string_value(json_object_get(node, "peer_id"));
        if (name == NULL || id == NULL)
            continue;
        char *logs = text_format("%s/%s/qlog", folder, name);
        names_add(&orphans_names, id, name);
        if (access(logs, F_OK) == 0)
            qlog_follow_add(follow->logs, logs);
        free(logs);
    }
    json_decref(state);
    free(path);
}

static void stop(evutil_socket_t signal, short what, void *argument)
{
    (void)what;
    finish(argument, signal >= 0 ? "signal" : "timeout");
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
    event_base_dispatch(base);
    qlog_judging_end(&follow->judging, qlog_follow_files(follow->logs), (int64_t)clock_now_ms());
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        event_free(ends[i]);
}

int follow(const struct follow_options *options, char *const *operands, size_t count)
{
    static const struct qlog_follow_handlers handlers = {.remark = hear_remark, .look = look};
    static const struct qlog_judging_handlers judging_handlers = {
        .began = tell_began, .changed = tell_change, .remark = hear_remark};
    struct follow follow = {.options = options, .base = event_base_make(0)};
    struct error error;
    int status = TROUBLE;
    qlog_judging_init(&follow.judging, (int64_t)options->grace, &judging_handlers, &follow);
    follow.logs = qlog_follow_new(follow.base, operands, count, &handlers, &follow, &error);
    if (follow.logs != NULL) {
        struct newcomers *newcomers = newcomers_new(follow.base, nodes_changed, &follow);
        run(&follow);
        newcomers_free(newcomers);
        status = tell_end(&follow);
        qlog_follow_free(follow.logs);
    } else {
        log_error("%s", error.text);
    }
    qlog_judging_clear(&follow.judging);
    event_base_free(follow.base);
    return status;
}
