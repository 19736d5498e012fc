#include "net/verdict/report.h"

#include <stdlib.h>

#include "common/utf8.h"
#include "net/verdict/ending.h"
#include "net/verdict/negotiation.h"
#include "net/verdict/undecidable.h"

/* Sets KEY where there is a value. JSON is UTF-8: what a log holds has passed the parser. */
static void set_text(json_t *object, const char *key, const char *value)
{
    if (value != NULL)
        json_object_set_new(object, key, json_string(value));
}

/* Microseconds are as fine as any writer's clock. */
static json_t *milliseconds(double time)
{
    return json_real((double)(int64_t)(time * 1000 + 0.5) / 1000);
}

static json_t *report_log(const struct qlog_log *log)
{
    char *path = utf8_safe_text(bytes_of_text(log->path));
    json_t *report = json_pack("{s:s, s:s, s:I, s:I, s:b, s:b}", "path", path, "role",
                               qlog_role_name(log->role), "records", (json_int_t)log->records,
                               "stream_frames", (json_int_t)log->stream_frames, "truncated",
                               log->truncated, "own_events", log->has_claims);
    free(path);
    set_text(report, "writer", log->writer);
    set_text(report, "leg", qlog_leg_name(log->leg));
    if (log->part > 0) {
        json_object_set_new(report, "part", json_integer((json_int_t)log->part));
        json_object_set_new(report, "packets_dropped",
                            json_integer((json_int_t)log->packets_dropped));
    }
    return report;
}

static void set_time(json_t *object, const char *key, double time)
{
    if (time >= 0)
        json_object_set_new(object, key, milliseconds(time));
}

/* Something that happened to a stream at one time. */
struct moment {
    double time;
    enum qlog_role by;
    const char *what;
};

enum { MOMENTS_OF_A_ROLE = 6, MOMENTS_MAX = 1 + 2 * MOMENTS_OF_A_ROLE };

static size_t add_moments(const struct qlog_connection *connection,
                          const struct qlog_joined_stream *stream, enum qlog_role role,
                          struct moment *moments)
{
    const struct qlog_half *half = &stream->half[role];
    const struct qlog_claims *claims = stream->claims[role];
    size_t count = 0;
    moments[count++] = (struct moment){half->fin, role, "fin"};
    moments[count++] = (struct moment){half->reset, role, "reset"};
    moments[count++] = (struct moment){half->stop, role, "stop_sending"};
    if (claims != NULL) {
        double registered = qlog_on_timeline(connection, role, claims->registered);
        double deregistered = qlog_on_timeline(connection, role, claims->deregistered);
        double closed = qlog_on_timeline(connection, role, claims->closed);
        moments[count++] = (struct moment){registered, role, "registered"};
        moments[count++] = (struct moment){deregistered, role, "deregistered"};
        moments[count++] = (struct moment){closed, role, "closed"};
    }
    return count;
}

static int by_time(const void *a, const void *b)
{
    double first = ((const struct moment *)a)->time, second = ((const struct moment *)b)->time;
    return first < second ? -1 : first > second;
}

static json_t *report_moments(const struct qlog_connection *connection,
                              const struct qlog_joined_stream *stream, const struct qlog_use *use)
{
    struct moment moments[MOMENTS_MAX];
    size_t count = 0;
    if (use->shape == QLOG_SHAPE_GOSSIP)
        moments[count++] = (struct moment){stream->completion, stream->opener, "negotiated"};
    count += add_moments(connection, stream, QLOG_CLIENT, &moments[count]);
    count += add_moments(connection, stream, QLOG_SERVER, &moments[count]);
    qsort(moments, count, sizeof(*moments), by_time);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (moments[i].time >= 0)
            json_array_append_new(
                list, json_pack("{s:o, s:s, s:s}", "at_ms", milliseconds(moments[i].time), "by",
                                qlog_role_name(moments[i].by), "what", moments[i].what));
    return list;
}

static void report_times(json_t *report, const struct qlog_half *opener,
                         const struct qlog_half *receiver)
{
    double last = qlog_later(opener->last, receiver->last);
    double first = qlog_earlier(opener->first, receiver->first);
    if (first >= 0) {
        set_time(report, "first_activity_ms", first);
        set_time(report, "last_activity_ms", last);
    }
    set_time(report, "first_out_ms", opener->began);
    set_time(report, "last_out_ms", opener->grew);
    set_time(report, "first_back_ms", receiver->began);
    set_time(report, "last_back_ms", receiver->grew);
}

static json_t *count_bytes(const struct qlog_half *half)
{
    return half->open ? json_null() : json_integer((json_int_t)half->bytes);
}

json_t *qlog_report_stream(const struct qlog_connection *connection,
                           const struct qlog_joined_stream *stream,
                           const struct qlog_judgement *judgement)
{
    const struct qlog_half *opener = &stream->half[stream->opener];
    const struct qlog_half *receiver = &stream->half[qlog_other(stream->opener)];
    struct qlog_use use = qlog_use_of(connection, stream);
    json_t *report = json_pack(
        "{s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "id", (json_int_t)stream->id, "opened_by",
        qlog_role_name(stream->opener), "verdict", qlog_verdict_name(judgement->verdict),
        "confidence", qlog_confidence_name(judgement->confidence), "evidence", judgement->evidence,
        "shape", qlog_use_name(&use), "bytes_out", count_bytes(opener), "bytes_back",
        count_bytes(receiver), "moments", report_moments(connection, stream, &use));
    json_object_set_new(
        report, "orphan",
        json_boolean(qlog_verdict_is_orphan(judgement->verdict) && !judgement->suspected));
    if (judgement->suspected)
        json_object_set_new(report, "suspected", json_true());
    json_object_set_new(report, "healthy",
                        json_boolean(qlog_verdict_is_healthy(judgement->verdict)));
    set_text(report, "protocol", qlog_protocol_of(stream));
    report_times(report, opener, receiver);
    return report;
}

static void report_end(json_t *report, const struct qlog_connection *connection)
{
    if (connection->over < 0)
        return;
    json_t *ended = json_pack("{s:o}", "at_ms", milliseconds(connection->over));
    struct qlog_ending ending = qlog_ending_of(connection);
    if (ending.close != NULL) {
        set_text(ended, "by", qlog_role_name(ending.by));
        set_text(ended, "space", ending.close->application ? "application" : "transport");
        if (!ending.close->uncoded)
            json_object_set_new(ended, "code", json_integer((json_int_t)ending.close->code));
        set_text(ended, "reason", ending.close->reason);
        set_text(ended, "error", ending.error);
    }
    if (ending.broken) {
        json_t *broken = json_pack("{s:s}", "role", qlog_role_name(qlog_other(ending.by)));
        if (ending.stream != NULL)
            json_object_set_new(broken, "stream_id", json_integer((json_int_t)ending.stream->id));
        json_object_set_new(ended, "broken_by", broken);
    }
    json_object_set_new(report, "ended", ended);
}

static void report_one_way(json_t *report, const struct qlog_connection *connection,
                           const struct qlog_judgement *judgements)
{
    for (size_t i = 0; i < connection->stream_count; i++) {
        const struct qlog_joined_stream *stream = &connection->streams[i];
        if (judgements[i].one_way)
            json_object_set_new(report, "one_way",
                                json_pack("{s:s, s:I}", "from", qlog_role_name(stream->opener),
                                          "stream_id", (json_int_t)stream->id));
    }
}

static void report_unknown(json_t *report, const struct qlog_connection *connection)
{
    json_t *unknown = json_array();
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        char *why = qlog_why_undecidable(connection, place);
        if (why == NULL)
            continue;
        char *path = utf8_safe_text(bytes_of_text(log->path));
        json_array_append_new(unknown, json_pack("{s:s, s:s}", "path", path, "reason", why));
        free(path);
        free(why);
    }
    if (json_array_size(unknown) > 0)
        json_object_set(report, "unknown", unknown);
    json_decref(unknown);
}

/* What OF says of the client and the server. */
static void set_ends(json_t *object, const struct qlog_connection *connection,
                     const char *(*of)(const struct qlog_connection *, enum qlog_role))
{
    set_text(object, qlog_role_name(QLOG_CLIENT), of(connection, QLOG_CLIENT));
    set_text(object, qlog_role_name(QLOG_SERVER), of(connection, QLOG_SERVER));
}

json_t *qlog_report_names(const struct qlog_connection *connection)
{
    json_t *names = json_object();
    set_ends(names, connection, qlog_node_name_of);
    return names;
}

static json_t *report_connection(const struct qlog_connection *connection,
                                 const struct qlog_judgement *judgements)
{
    json_t *logs = json_array(), *streams = json_array(), *peers = json_object();
    for (unsigned place = 0; place < QLOG_PLACES; place++)
        if (qlog_log_at(connection, place) != NULL)
            json_array_append_new(logs, report_log(qlog_log_at(connection, place)));
    set_ends(peers, connection, qlog_peer_of);
    for (size_t i = 0; i < connection->stream_count; i++)
        json_array_append_new(
            streams, qlog_report_stream(connection, &connection->streams[i], &judgements[i]));
    json_t *report = json_pack("{s:o, s:o, s:o, s:o}", "logs", logs, "streams", streams, "peers",
                               peers, "duration_ms", milliseconds(connection->end));
    set_text(report, "id", connection->id);
    if (qlog_is_tapped(connection))
        json_object_set_new(report, "names", qlog_report_names(connection));
    if (connection->epoch > 0)
        set_time(report, "epoch_ms", connection->epoch);
    report_unknown(report, connection);
    report_end(report, connection);
    report_one_way(report, connection, judgements);
    return report;
}

void qlog_tally_add(struct qlog_tally *tally, const struct qlog_connection *connection)
{
    tally->connections++;
    tally->logs += qlog_log_count(connection);
    tally->streams += connection->stream_count;
    tally->let_go += qlog_let_go(connection);
}

json_t *qlog_report_summary(const struct qlog_tally *tally, const uint64_t *verdicts,
                            uint64_t suspected)
{
    json_t *counts = json_object();
    uint64_t orphans = 0;
    for (int i = 0; i < QLOG_VERDICTS; i++) {
        enum qlog_verdict verdict = (enum qlog_verdict)i;
        if (verdicts[i] > 0)
            json_object_set_new(counts, qlog_verdict_name(verdict),
                                json_integer((json_int_t)verdicts[i]));
        orphans += qlog_verdict_is_orphan(verdict) ? verdicts[i] : 0;
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "connections",
                     (json_int_t)tally->connections, "logs", (json_int_t)tally->logs, "streams",
                     (json_int_t)(tally->streams + tally->let_go), "let_go",
                     (json_int_t)tally->let_go, "orphans", (json_int_t)orphans, "suspected",
                     (json_int_t)suspected, "verdicts", counts);
}

json_t *qlog_report(const struct qlog_judgements *judgements)
{
    const struct qlog_connections *connections = judgements->connections;
    struct qlog_tally tally = {0};
    uint64_t verdicts[QLOG_VERDICTS] = {0}, suspected = 0;
    json_t *list = json_array();
    for (size_t i = 0; i < connections->count; i++) {
        const struct qlog_connection *connection = connections->items[i];
        json_array_append_new(list, report_connection(connection, judgements->items[i]));
        qlog_tally_add(&tally, connection);
        for (size_t k = 0; k < connection->stream_count; k++)
            ++*(judgements->items[i][k].suspected ? &suspected
                                                  : &verdicts[judgements->items[i][k].verdict]);
    }
    return json_pack("{s:i, s:o, s:o}", "schema_version", QLOG_REPORT_VERSION, "connections", list,
                     "summary", qlog_report_summary(&tally, verdicts, suspected));
}
