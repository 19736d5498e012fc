#include "net/qlog/packet.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"
#include "net/qlog/error_code.h"
#include "net/qlog/json.h"
#include "net/qlog/own_event.h"

enum { FRAMES_AT_FIRST = 16 };

void qlog_packet_event_clear(struct qlog_packet_event *event)
{
    free(event->frames);
    *event = (struct qlog_packet_event){0};
}

struct qlog_frame *qlog_packet_event_add(struct qlog_packet_event *event)
{
    if (event->frame_count == event->frame_capacity) {
        event->frame_capacity =
            event->frame_capacity > 0 ? 2 * event->frame_capacity : FRAMES_AT_FIRST;
        event->frames =
            memory_resize(event->frames, event->frame_capacity * sizeof(*event->frames));
    }
    struct qlog_frame *frame = &event->frames[event->frame_count++];
    *frame = (struct qlog_frame){0};
    return frame;
}

void qlog_frame_doubt_length(struct qlog_frame *frame)
{
    frame->sized = frame->length == 0; /* no frame is as short */
    frame->framed = !frame->sized;
}

/* Dialects differ in what stands before the colon. */
static struct bytes suffix_of(struct bytes name)
{
    const uint8_t *colon = name.size > 0 ? memrchr(name.data, ':', name.size) : NULL;
    return colon != NULL ? bytes_after(name, (size_t)(colon - name.data) + 1) : name;
}

bool qlog_packet_direction(struct bytes name, enum qlog_direction *direction)
{
    struct bytes suffix = suffix_of(name);
    *direction = qlog_text_is(suffix, "packet_sent") ? QLOG_SENT : QLOG_RECEIVED;
    return *direction == QLOG_SENT || qlog_text_is(suffix, "packet_received");
}

bool qlog_space_is_application(struct bytes space)
{
    return space.size >= 11 && qlog_text_is(bytes_of(space.data, 11), "application");
}

static bool is_without_streams(struct bytes type)
{
    static const char *const types[] = {"handshake", "retry", "version_negotiation",
                                        "versionnegotiation", "stateless_reset"};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (qlog_text_is(type, types[i]))
            return true;
    return false;
}

void qlog_packet_set_type(struct qlog_packet *packet, struct bytes type)
{
    packet->initial = qlog_text_is(type, "initial");
    packet->application = bytes_equal(type, bytes_of_text("1RTT")) || qlog_text_is(type, "1rtt") ||
                          qlog_text_is(type, "0rtt") || qlog_text_is(type, "onertt") ||
                          qlog_text_is(type, "zerortt");
    packet->untold = !packet->initial && !packet->application && !is_without_streams(type);
}

bool qlog_event_is_read(struct bytes name)
{
    static const char *const others[] = {"parameters_set", "alpn_information",  "key_retired",
                                         "key_discarded",  "connection_closed", "key_updated"};
    enum qlog_direction direction;
    if (qlog_packet_direction(name, &direction) || qlog_own_event_is(name))
        return true;
    struct bytes suffix = suffix_of(name);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (qlog_text_is(suffix, others[i]))
            return true;
    return false;
}

/* A frame's length is written in three ways, or not at all. The third is of the whole frame by the
 * drafts, and of its data alone by some writers. */
static void parse_length(const json_t *json, struct qlog_frame *frame)
{
    const json_t *raw = json_object_get(json, "raw");
    frame->sized = qlog_json_number(json, "length", &frame->length) ||
                   qlog_json_number(raw, "payload_length", &frame->length);
    if (!frame->sized && qlog_json_number(raw, "length", &frame->length))
        qlog_frame_doubt_length(frame);
}

static void parse_ack(struct qlog_packet_event *event, const json_t *frame)
{
    const json_t *ranges = json_object_get(frame, "acked_ranges");
    for (size_t i = 0; i < json_array_size(ranges); i++) {
        const json_t *range = json_array_get(ranges, i);
        uint64_t first, last;
        if (!qlog_json_uint(json_array_get(range, 0), &first) ||
            !qlog_json_uint(json_array_get(range, json_array_size(range) - 1), &last) ||
            last < first)
            continue;
        struct qlog_frame *ack = qlog_packet_event_add(event);
        ack->type = QLOG_FRAME_ACK;
        ack->offset = first;
        ack->length = last - first + 1;
    }
}

static bool parse_code(const json_t *json, struct qlog_frame *frame)
{
    return qlog_json_number(json, "raw_error_code", &frame->code) ||
           qlog_json_number(json, "error_code", &frame->code);
}

/* By the drafts the code of a known error is its name: in `error_code`, and in `error` by the later
 * ones. */
static bool parse_code_name(const json_t *json, struct qlog_frame *frame)
{
    static const char *const members[] = {"error", "error_code"};
    for (size_t i = 0; i < 2; i++) {
        const char *name = json_string_value(json_object_get(json, members[i]));
        if (name != NULL && qlog_error_code(name, &frame->code))
            return true;
    }
    return false;
}

static void parse_close(struct qlog_packet_event *event, const json_t *frame, bool application)
{
    struct qlog_frame *close = qlog_packet_event_add(event);
    close->type = QLOG_FRAME_CLOSE;
    close->application =
        application || qlog_space_is_application(qlog_json_text(frame, "error_space"));
    close->reason = qlog_json_text(frame, "reason");
    close->uncoded =
        !parse_code(frame, close) && (close->application || !parse_code_name(frame, close));
}

/* Takes back the frame that was added last. */
static void refuse(struct qlog_packet_event *event, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void refuse(struct qlog_packet_event *event, const char *format, ...)
{
    va_list arguments;
    event->frame_count--;
    if (event->unreadable++ > 0)
        return;
    va_start(arguments, format);
    vsnprintf(event->fault, sizeof(event->fault), format, arguments);
    va_end(arguments);
}

/* A truth value, 1 or 0, or the text of one; false where it is none of these. */
static bool parse_flag(const json_t *flag, bool *set)
{
    struct bytes text = bytes_of(json_string_value(flag), json_string_length(flag));
    uint64_t number = 2;
    qlog_json_uint(flag, &number);
    *set = json_is_true(flag) || qlog_text_is(text, "true") || number == 1;
    return *set || number == 0 || json_is_false(flag) || qlog_text_is(text, "false");
}

static void parse_stream_frame(struct qlog_packet_event *event, const json_t *json,
                               enum qlog_frame_type type, bool fin)
{
    struct qlog_frame *frame = qlog_packet_event_add(event);
    frame->type = type;
    if (!qlog_json_uint(qlog_json_either(json, "stream_id", "id"), &frame->stream_id)) {
        refuse(event, "a frame's stream_id is no number that QUIC allows");
        return;
    }
    if (frame->stream_id > QLOG_STREAM_ID_MAX) {
        refuse(event, "stream id %" PRIu64 " is larger than QUIC allows", frame->stream_id);
        return;
    }
    if (type == QLOG_FRAME_RESET)
        frame->sized = qlog_json_number(json, "final_size", &frame->length);
    if (type != QLOG_FRAME_STREAM) {
        parse_code(json, frame);
        return;
    }
    const json_t *offset = json_object_get(json, "offset"); /* 0 where it is not there */
    if (offset != NULL && !qlog_json_uint(offset, &frame->offset)) {
        refuse(event, "a frame's offset on stream %" PRIu64 " is no number that QUIC allows",
               frame->stream_id);
        return;
    }
    parse_length(json, frame);
    const json_t *flag = qlog_json_member(json, "fin");
    frame->fin = fin;
    if (flag != NULL && !parse_flag(flag, &frame->fin))
        refuse(event, "a frame's fin on stream %" PRIu64 " is neither true nor false",
               frame->stream_id);
    else if (frame->offset > QLOG_STREAM_ID_MAX ||
             frame->length > QLOG_STREAM_ID_MAX - frame->offset)
        refuse(event, "stream %" PRIu64 " is longer than QUIC allows", frame->stream_id);
}

/* The number that a frame's type is given by; false where a name is. Who does not know the type
 * writes the name `unknown`, and the number beside it. */
static bool type_number(const json_t *frame, const json_t *type, uint64_t *number)
{
    static const char *const beside[] = {"frame_type_bytes", "raw_frame_type", "frame_type_value"};
    if (qlog_json_uint(type, number))
        return true;
    for (size_t i = 0; i < sizeof(beside) / sizeof(*beside); i++)
        if (qlog_json_number(frame, beside[i], number))
            return true;
    return false;
}

static bool holds_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasestr(text, words[i]) != NULL)
            return true;
    return false;
}

#define HOLDS_ONE_OF(text, words) holds_one_of(text, words, sizeof(words) / sizeof(*(words)))

/* Whether a frame of a type that is not known may be of a stream: it has the id of one, however
 * that is called, or its own name says so, and of no limit. */
static bool may_be_of_stream(const json_t *frame, const char *name)
{
    static const char *const ids[] = {"stream_id", "streamId", "stream", "id", "sid"};
    static const char *const words[] = {"stream", "rst", "reset", "stop"};
    static const char *const limits[] = {"max", "block", "limit"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        if (qlog_json_member(frame, ids[i]) != NULL)
            return true;
    return name != NULL && HOLDS_ONE_OF(name, words) && !HOLDS_ONE_OF(name, limits);
}

static void count_unknown(struct qlog_packet_event *event, const json_t *frame, struct bytes name,
                          const json_t *number)
{
    bool of_stream = may_be_of_stream(frame, (const char *)name.data);
    bool first = of_stream ? event->unknown_of_streams == 0 : event->unknown == 0;
    event->unknown++;
    event->unknown_of_streams += of_stream;
    if (!first)
        return;
    event->unknown_type = name;
    if (!json_is_integer(number))
        return;
    snprintf(event->unknown_number, sizeof(event->unknown_number), "%" JSON_INTEGER_FORMAT,
             json_integer_value(number));
    event->unknown_type = bytes_of_text(event->unknown_number);
}

static void parse_frame(struct qlog_packet_event *event, const json_t *frame)
{
    const json_t *type = qlog_json_either(frame, "frame_type", "type");
    struct bytes name = bytes_of(json_string_value(type), json_string_length(type));
    enum qlog_frame_type kind = name.data != NULL ? qlog_frame_type_of(name) : QLOG_FRAME_UNKNOWN;
    bool fin = false, application = qlog_text_is(name, "application_close");
    uint64_t number;
    if (kind == QLOG_FRAME_UNKNOWN && type_number(frame, type, &number)) {
        kind = qlog_frame_type_numbered(number);
        fin = (number & 1) != 0;      /* RFC 9000, section 19.8 */
        application = number == 0x1d; /* 19.19 */
    }
    if (kind == QLOG_FRAME_OTHER)
        event->pings += qlog_text_is(name, "ping");
    if (kind == QLOG_FRAME_UNKNOWN)
        count_unknown(event, frame, name, type);
    else if (kind == QLOG_FRAME_ACK)
        parse_ack(event, frame);
    else if (kind == QLOG_FRAME_CLOSE)
        parse_close(event, frame, application);
    else if (kind != QLOG_FRAME_OTHER)
        parse_stream_frame(event, frame, kind, fin);
}

void qlog_packet_event_begin(struct qlog_packet_event *event)
{
    event->listed = event->pings = event->frame_count = event->unreadable = 0;
    event->unknown = event->unknown_of_streams = 0;
    event->packet = (struct qlog_packet){.untold = true, .number = UINT64_MAX};
}

void qlog_packet_parse(struct qlog_packet_event *event, enum qlog_direction direction,
                       const json_t *data)
{
    const json_t *header = json_object_get(data, "header");
    struct bytes type = qlog_json_text(header, "packet_type");
    qlog_packet_event_begin(event);
    event->is_packet = true;
    event->packet.direction = direction;
    event->packet.destination_id = qlog_json_text(header, "dcid");
    qlog_packet_set_type(&event->packet,
                         type.data != NULL ? type : qlog_json_text(data, "packet_type"));
    qlog_json_number(header, "packet_number", &event->packet.number);
    const json_t *frames = json_object_get(data, "frames");
    event->listed = json_array_size(frames);
    for (size_t i = 0; i < event->listed; i++)
        parse_frame(event, json_array_get(frames, i));
}
