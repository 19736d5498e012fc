#include "net/qlog/carry.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/qlog/event.h"
#include "net/qlog/events.h"
#include "net/qlog/json.h"

/* --- The members that are carried over --- */

enum kind {
    NUMBER,
    TIME, /* or a duration: milliseconds, QLOG_NEVER where it did not happen */
    FLAG,
    TEXT,
};

/* Of a struct. What is as a new one has it is not written. */
struct member {
    const char *name;
    enum kind kind;
    size_t offset;
};

#define LOG(name, kind, member)                                                                    \
    {                                                                                              \
        name, kind, offsetof(struct qlog_log, member)                                              \
    }
#define HALF(kind, member)                                                                         \
    {                                                                                              \
#member, kind, offsetof(struct qlog_half, member)                                          \
    }

static const struct member log_members[] = {
    LOG("original_id", TEXT, original_id),
    LOG("initial_id", TEXT, initial_id),
    LOG("initial_sent", FLAG, initial_sent),
    LOG("retry_id", TEXT, retry_id),
    LOG("last_since", TIME, last_since),
    LOG("ties", NUMBER, ties),
    LOG("end", TIME, end),
    LOG("active_sent", TIME, active[QLOG_SENT]),
    LOG("active_received", TIME, active[QLOG_RECEIVED]),
    LOG("idle_limit", TIME, idle_limit),
    LOG("keys_gone", TIME, keys_gone),
    LOG("peer_heard", FLAG, peer_heard),
    LOG("configured", FLAG, configured),
    LOG("set_back", FLAG, set_back),
    LOG("close_time", TIME, close.time),
    LOG("close_application", FLAG, close.application),
    LOG("close_code", NUMBER, close.code),
    LOG("close_uncoded", FLAG, close.uncoded),
    LOG("close_reason", TEXT, close.reason),
    LOG("records", NUMBER, records),
    LOG("packets", NUMBER, packets),
    LOG("lost_packets", NUMBER, lost.packets),
    LOG("lost_own_events", NUMBER, lost.own_events),
    LOG("lost_untold", NUMBER, lost.untold),
    LOG("lost_in_gaps", NUMBER, lost.in_gaps),
    LOG("unread_events", NUMBER, unread_events),
    LOG("frames", NUMBER, frames),
    LOG("stream_frames", NUMBER, stream_frames),
    LOG("framed_sent", NUMBER, framed[QLOG_SENT]),
    LOG("framed_received", NUMBER, framed[QLOG_RECEIVED]),
    LOG("bare_sent", NUMBER, bare[QLOG_SENT]),
    LOG("bare_received", NUMBER, bare[QLOG_RECEIVED]),
    LOG("stream_framed_sent", NUMBER, stream_framed[QLOG_SENT]),
    LOG("stream_framed_received", NUMBER, stream_framed[QLOG_RECEIVED]),
    LOG("unknown_packets", NUMBER, unknown_packets),
    LOG("unknown_beside", NUMBER, unknown_beside),
    LOG("unknown_frame", TEXT, unknown_frame),
    LOG("unread_frames", NUMBER, unread_frames),
    LOG("unread_why", TEXT, unread_why),
    LOG("application_sent", FLAG, has_application[QLOG_SENT]),
    LOG("application_received", FLAG, has_application[QLOG_RECEIVED]),
    LOG("has_acks", FLAG, has_acks),
    LOG("has_claims", FLAG, has_claims),
    LOG("foreign", FLAG, foreign),
    LOG("libp2p", FLAG, libp2p),
    LOG("plain_lengths", FLAG, plain_lengths),
    LOG("framed_lengths", FLAG, framed_lengths),
    LOG("let_go", NUMBER, let_go),
    LOG("forgotten_0", NUMBER, forgotten[0]),
    LOG("forgotten_1", NUMBER, forgotten[1]),
    LOG("forgotten_2", NUMBER, forgotten[2]),
    LOG("forgotten_3", NUMBER, forgotten[3]),
    {0},
};

static const struct member half_members[] = {
    HALF(NUMBER, bytes),
    HALF(NUMBER, head),
    {"cuts_low", NUMBER, offsetof(struct qlog_half, cuts[0])},
    {"cuts_high", NUMBER, offsetof(struct qlog_half, cuts[1])},
    HALF(TIME, first),
    HALF(TIME, last),
    HALF(TIME, grew),
    HALF(NUMBER, growths),
    HALF(NUMBER, said),
    HALF(TIME, began),
    HALF(TIME, negotiated),
    HALF(TIME, head_last),
    HALF(TIME, fin),
    HALF(TIME, reset),
    HALF(TIME, stop),
    HALF(NUMBER, final_size),
    HALF(FLAG, final_size_changed),
    HALF(FLAG, open),
    HALF(NUMBER, open_offset),
    HALF(NUMBER, open_limit),
    HALF(TIME, open_time),
    HALF(FLAG, hole),
    HALF(NUMBER, hole_first),
    HALF(NUMBER, hole_end),
    HALF(TIME, hole_time),
    {0},
};

static const struct member heard_members[] = {
    {"proposed", NUMBER, offsetof(struct qlog_heard, proposed)},
    {"negotiated", TIME, offsetof(struct qlog_heard, negotiated)},
    {"refused", TIME, offsetof(struct qlog_heard, refused)},
    {"protocol", TEXT, offsetof(struct qlog_heard, protocol)},
    {0},
};

static const struct member stream_members[] = {
    {"delivered", TIME, offsetof(struct qlog_stream, delivered)},
    {"delivered_packet", NUMBER, offsetof(struct qlog_stream, delivered_packet)},
    {0},
};

/* --- Writing --- */

/* JSON's integers are signed here: of two halves of the numbers the upper is text, as qlog allows.
 */
static json_t *number_json(uint64_t number)
{
    char text[24];
    if (number <= INT64_MAX)
        return json_integer((json_int_t)number);
    snprintf(text, sizeof(text), "%" PRIu64, number);
    return json_string(text);
}

static json_t *member_json(const struct member *member, const void *from, const void *fresh)
{
    const char *value = (const char *)from + member->offset;
    const char *usual = (const char *)fresh + member->offset;
    switch (member->kind) {
    case NUMBER:
        return *(const uint64_t *)value != *(const uint64_t *)usual
                   ? number_json(*(const uint64_t *)value)
                   : NULL;
    case TIME:
        return *(const double *)value != *(const double *)usual ? json_real(*(const double *)value)
                                                                : NULL;
    case FLAG:
        return *(const bool *)value ? json_true() : NULL;
    default:
        return *(char *const *)value != NULL ? json_string(*(char *const *)value) : NULL;
    }
}

/* What differs in FROM from a FRESH one. */
static void set_members(json_t *object, const struct member *members, const void *from,
                        const void *fresh)
{
    for (; members->name != NULL; members++) {
        json_t *value = member_json(members, from, fresh);
        if (value != NULL)
            json_object_set_new(object, members->name, value);
    }
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL)
        json_object_set_new(object, name, json_string(text));
}

static json_t *gaps_json(const struct qlog_gaps *gaps)
{
    json_t *items = json_array();
    for (size_t i = 0; i < gaps->count; i++)
        json_array_append_new(items,
                              json_pack("[o, o, b]", number_json(gaps->items[i].first),
                                        number_json(gaps->items[i].last), gaps->items[i].acked));
    return json_pack("{s:o, s:o}", "next", number_json(gaps->next), "missing", items);
}

static json_t *undelivered_json(const struct qlog_log *log)
{
    json_t *list = json_array();
    for (size_t i = 0; i < log->undelivered_count; i++)
        json_array_append_new(list, json_pack("[o, o, f]", number_json(log->undelivered[i].stream),
                                              number_json(log->undelivered[i].packet),
                                              log->undelivered[i].time));
    return list;
}

static json_t *resumed_json(const struct qlog_log *log)
{
    struct qlog_log *fresh = qlog_log_new("");
    json_t *data =
        json_pack("{s:o, s:o, s:o, s:o, s:b}", "gaps_sent", gaps_json(&log->gaps[QLOG_SENT]),
                  "gaps_received", gaps_json(&log->gaps[QLOG_RECEIVED]), "gaps",
                  gaps_json(&log->all_gaps), "undelivered", undelivered_json(log), "close_received",
                  log->close.time >= 0 && log->close.direction == QLOG_RECEIVED);
    set_members(data, log_members, log, fresh);
    qlog_log_free(fresh);
    return data;
}

static json_t *stream_json(const struct qlog_stream *stream, const struct qlog_stream *fresh)
{
    json_t *sent = json_object(), *received = json_object();
    json_t *data = json_pack("{s:o}", "stream_id", number_json(stream->id));
    set_members(data, stream_members, stream, fresh);
    set_members(sent, half_members, &stream->half[QLOG_SENT], &fresh->half[QLOG_SENT]);
    set_members(received, half_members, &stream->half[QLOG_RECEIVED], &fresh->half[QLOG_RECEIVED]);
    json_object_set_new(data, "sent", sent);
    json_object_set_new(data, "received", received);
    if (stream->heard != NULL) {
        json_t *heard = json_object();
        set_members(heard, heard_members, stream->heard, fresh->heard);
        json_object_set_new(data, "heard", heard);
    }
    return data;
}

/* --- Our own events, once more --- */

static void append(const struct qlog_log *log, double since, const char *name, json_t *data,
                   struct buffer *output)
{
    qlog_event_append(output, json_real(log->origin + since), name, data);
}

static void repeat_peer(const struct qlog_log *log, struct buffer *output)
{
    json_t *data = json_object(), *agent = json_object();
    set_text(data, "peer", log->peer);
    set_text(data, "direction", log->role == QLOG_CLIENT ? "dialled" : "accepted");
    set_text(data, "local_peer", log->local_peer);
    set_text(agent, "peer", log->peer);
    set_text(agent, "agent", log->agent);
    if (log->peer != NULL)
        append(log, log->end, QLOG_PEER_IDENTIFIED, json_incref(data), output);
    if (log->agent != NULL)
        append(log, log->end, QLOG_PEER_AGENT, json_incref(agent), output);
    json_decref(data);
    json_decref(agent);
}

static void repeat_tap(const struct qlog_log *log, struct buffer *output)
{
    if (log->leg == QLOG_NO_TAP)
        return;
    const struct qlog_node *dialler = &log->nodes[QLOG_CLIENT],
                           *listener = &log->nodes[QLOG_SERVER];
    json_t *data = json_pack("{s:s}", "leg", qlog_leg_name(log->leg));
    set_text(data, "dialler", dialler->name);
    set_text(data, "dialler_peer", dialler->peer);
    set_text(data, "listener", listener->name);
    set_text(data, "listener_peer", listener->peer);
    append(log, log->end, QLOG_TAP_CONNECTION, data, output);
    for (int i = QLOG_CLIENT; i <= QLOG_SERVER; i++) {
        if (log->nodes[i].agent == NULL)
            continue;
        json_t *agent = json_object();
        set_text(agent, "node", log->nodes[i].name);
        set_text(agent, "agent", log->nodes[i].agent);
        append(log, log->end, QLOG_TAP_NODE_AGENT, agent, output);
    }
}

/* What an event of the stream says beside that it happened: its protocol is told by the first that
 * knows it, the reason by what came last. */
static json_t *claim_json(const struct qlog_log *log, const struct qlog_stream *stream,
                          const char *name, bool first, bool last)
{
    const struct qlog_claims *claims = stream->claims;
    bool local = ((stream->id & 1) != 0) == (log->role == QLOG_SERVER);
    json_t *data = json_pack("{s:o, s:s}", "stream_id", number_json(stream->id), "initiator",
                             local ? "local" : "remote");
    if (first) {
        set_text(data, "protocol", claims->protocol);
        set_text(data, "peer", claims->peer);
    }
    if (strcmp(name, QLOG_STREAM_REGISTERED) == 0)
        set_text(data, "role", claims->role);
    if (last)
        set_text(data, "reason", claims->reason);
    return data;
}

static void repeat_claims(const struct qlog_log *log, const struct qlog_stream *stream,
                          struct buffer *output)
{
    const struct qlog_claims *claims = stream->claims;
    const struct {
        const char *name;
        double time;
    } events[] = {
        {QLOG_STREAM_OPENED, claims->opened},
        {QLOG_STREAM_NEGOTIATED, claims->negotiated},
        {QLOG_NEGOTIATION_FAILED, claims->failed},
        {QLOG_STREAM_REGISTERED, claims->registered},
        {QLOG_STREAM_DEREGISTERED, claims->deregistered},
        {QLOG_STREAM_CLOSED, claims->closed},
    };
    double last = QLOG_NEVER;
    bool told = false;
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
        last = qlog_later(last, events[i].time);
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        if (events[i].time < 0)
            continue;
        bool first = !told && (i > 0 || events[i].time == last);
        append(log, events[i].time, events[i].name,
               claim_json(log, stream, events[i].name, first, events[i].time == last), output);
        told |= first;
    }
}

/* --- What need not be carried over --- */

static double last_of(const struct qlog_stream *stream)
{
    double last = qlog_later(stream->half[QLOG_SENT].last, stream->half[QLOG_RECEIVED].last);
    return stream->claims != NULL ? qlog_later(last, stream->claims->closed) : last;
}

static bool has_ended(const struct qlog_half *half, const struct qlog_half *other)
{
    return half->fin >= 0 || half->reset >= 0 || other->stop >= 0;
}

/* Nobody's any more, at either end; an owner of it here has said so. */
static bool is_closed(const struct qlog_stream *stream)
{
    const struct qlog_half *sent = &stream->half[QLOG_SENT];
    const struct qlog_half *received = &stream->half[QLOG_RECEIVED];
    return has_ended(sent, received) && has_ended(received, sent) &&
           (stream->claims == NULL || stream->claims->closed >= 0);
}

/* What became of a gossipsub stream says something of the next one. */
static bool is_gossip(const struct qlog_stream *stream)
{
    const char *protocol = stream->claims != NULL  ? stream->claims->protocol
                           : stream->heard != NULL ? stream->heard->protocol
                                                   : NULL;
    return protocol == NULL || strncmp(protocol, "/meshsub/", 9) == 0;
}

struct closed {
    size_t index; /* in the log's streams */
    double last;
    bool gossip;
};

static int newest_first(const void *a, const void *b)
{
    double first = ((const struct closed *)a)->last, second = ((const struct closed *)b)->last;
    return first > second ? -1 : first < second;
}

static void forget_closed(struct qlog_log *log)
{
    struct closed *closed = memory_new((log->stream_count + 1) * sizeof(*closed));
    bool *marked = memory_new(log->stream_count + 1);
    size_t count = 0, kept[2] = {0};
    for (size_t i = 0; i < log->stream_count; i++)
        if (is_closed(log->streams[i]))
            closed[count++] = (struct closed){
                .index = i, .last = last_of(log->streams[i]), .gossip = is_gossip(log->streams[i])};
    qsort(closed, count, sizeof(*closed), newest_first);
    for (size_t i = 0; i < count; i++)
        marked[closed[i].index] = kept[closed[i].gossip]++ >= QLOG_CLOSED_CARRIED;
    qlog_log_forget(log, marked);
    free(marked);
    free(closed);
}

void qlog_carry_write(struct qlog_log *log, const struct qlog_part *part, struct buffer *output)
{
    struct qlog_log *others = qlog_log_new("");
    const struct qlog_stream *fresh = qlog_log_add(others, 0);
    qlog_log_heard(others, 0, NULL);
    forget_closed(log);
    json_t *begun = json_pack("{s:o, s:o, s:o, s:f}", "part", number_json(part->number),
                              "parts_dropped", number_json(part->parts_dropped), "packets_dropped",
                              number_json(part->packets_dropped), "origin", log->origin);
    append(log, log->end, QLOG_PART_BEGUN, begun, output);
    repeat_peer(log, output);
    repeat_tap(log, output);
    for (size_t i = 0; i < log->stream_count; i++) {
        if (log->streams[i]->claims != NULL)
            repeat_claims(log, log->streams[i], output);
        append(log, log->end, QLOG_PART_STREAM, stream_json(log->streams[i], fresh), output);
    }
    append(log, log->end, QLOG_PART_RESUMED, resumed_json(log), output);
    qlog_log_free(others);
}

/* --- Reading --- */

static double read_time(const json_t *value)
{
    double time = QLOG_NEVER;
    qlog_json_double(value, &time);
    return qlog_log_clamp(time);
}

static void read_member(const struct member *member, const json_t *value, void *into)
{
    char *place = (char *)into + member->offset;
    switch (member->kind) {
    case NUMBER:
        qlog_json_uint(value, (uint64_t *)(void *)place);
        break;
    case TIME:
        *(double *)(void *)place = read_time(value);
        break;
    case FLAG:
        *(bool *)place = json_is_true(value);
        break;
    default:
        qlog_text_set((char **)(void *)place, json_string_value(value));
        break;
    }
}

static void read_members(const struct member *members, const json_t *object, void *into)
{
    for (; members->name != NULL; members++) {
        const json_t *value = json_object_get(object, members->name);
        if (value != NULL)
            read_member(members, value, into);
    }
}

static void read_gaps(struct qlog_gaps *gaps, const json_t *object)
{
    const json_t *missing = json_object_get(object, "missing");
    *gaps = (struct qlog_gaps){0};
    qlog_json_number(object, "next", &gaps->next);
    for (size_t i = 0; i < json_array_size(missing) && gaps->count < QLOG_GAPS; i++) {
        const json_t *item = json_array_get(missing, i);
        uint64_t first, last;
        if (!qlog_json_uint(json_array_get(item, 0), &first) ||
            !qlog_json_uint(json_array_get(item, 1), &last))
            continue;
        gaps->items[gaps->count].first = first;
        gaps->items[gaps->count].last = last;
        gaps->items[gaps->count++].acked = json_is_true(json_array_get(item, 2));
    }
}

static void read_undelivered(struct qlog_log *log, const json_t *list)
{
    log->undelivered_count = 0;
    for (size_t i = 0; i < json_array_size(list) && log->undelivered_count < QLOG_UNDELIVERED_LIMIT;
         i++) {
        const json_t *item = json_array_get(list, i);
        struct qlog_undelivered *opening = &log->undelivered[log->undelivered_count];
        if (qlog_json_uint(json_array_get(item, 0), &opening->stream) &&
            qlog_log_find(log, opening->stream) != NULL &&
            qlog_json_uint(json_array_get(item, 1), &opening->packet)) {
            opening->time = read_time(json_array_get(item, 2));
            log->undelivered_count++;
        }
    }
}

static void read_begun(struct qlog_log *log, const json_t *data)
{
    double origin;
    if (log->records > 0 || !qlog_json_number(data, "part", &log->part) ||
        !qlog_json_double(json_object_get(data, "origin"), &origin))
        return;
    qlog_json_number(data, "parts_dropped", &log->parts_dropped);
    qlog_json_number(data, "packets_dropped", &log->packets_dropped);
    log->origin = origin;
    log->has_origin = log->carrying = true;
}

static void read_resumed(struct qlog_log *log, const json_t *data)
{
    log->carrying = false;
    read_members(log_members, data, log);
    read_gaps(&log->gaps[QLOG_SENT], json_object_get(data, "gaps_sent"));
    read_gaps(&log->gaps[QLOG_RECEIVED], json_object_get(data, "gaps_received"));
    read_gaps(&log->all_gaps, json_object_get(data, "gaps"));
    read_undelivered(log, json_object_get(data, "undelivered"));
    log->close.direction =
        json_is_true(json_object_get(data, "close_received")) ? QLOG_RECEIVED : QLOG_SENT;
}

bool qlog_carry_is(const char *name)
{
    return strcmp(name, QLOG_PART_BEGUN) == 0 || strcmp(name, QLOG_PART_STREAM) == 0 ||
           strcmp(name, QLOG_PART_RESUMED) == 0;
}

bool qlog_carry_read(struct qlog_log *log, const char *name, const json_t *data,
                     struct error *error)
{
    uint64_t id;
    if (strcmp(name, QLOG_PART_BEGUN) == 0) {
        read_begun(log, data);
    } else if (log->carrying && strcmp(name, QLOG_PART_RESUMED) == 0) {
        read_resumed(log, data);
    } else if (log->carrying && qlog_json_number(data, "stream_id", &id)) {
        struct qlog_stream *stream = qlog_log_stream(log, id, error);
        if (stream == NULL)
            return false;
        read_members(stream_members, data, stream);
        read_members(half_members, json_object_get(data, "sent"), &stream->half[QLOG_SENT]);
        read_members(half_members, json_object_get(data, "received"), &stream->half[QLOG_RECEIVED]);
        const json_t *heard = json_object_get(data, "heard");
        if (json_is_object(heard))
            read_members(heard_members, heard, qlog_log_heard(log, id, error));
    }
    return true;
}
