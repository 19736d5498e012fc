#include "net/qlog/packet.h"

#include <stdlib.h>

#include "common/memory.h"
#include "net/qlog/json.h"

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

bool qlog_frame_type_of(struct bytes name, enum qlog_frame_type *type)
{
    static const struct {
        const char *name;
        size_t size;
        enum qlog_frame_type type;
    } types[] = {
        {"stream", 6, QLOG_FRAME_STREAM},       {"ack", 3, QLOG_FRAME_ACK},
        {"reset_stream", 12, QLOG_FRAME_RESET}, {"reset_stream_at", 15, QLOG_FRAME_RESET},
        {"stop_sending", 12, QLOG_FRAME_STOP},  {"connection_close", 16, QLOG_FRAME_CLOSE},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (name.size == types[i].size && memcmp(name.data, types[i].name, name.size) == 0) {
            *type = types[i].type;
            return true;
        }
    return false;
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
    *direction = bytes_equal(suffix, bytes_of_text("packet_sent")) ? QLOG_SENT : QLOG_RECEIVED;
    return *direction == QLOG_SENT || bytes_equal(suffix, bytes_of_text("packet_received"));
}

bool qlog_event_is_read(struct bytes name)
{
    static const char *const others[] = {"parameters_set", "alpn_information", "key_retired",
                                         "key_discarded", "connection_closed"};
    enum qlog_direction direction;
    if (qlog_packet_direction(name, &direction) ||
        (name.size >= 7 && memcmp(name.data, "libp2p:", 7) == 0))
        return true;
    struct bytes suffix = suffix_of(name);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (bytes_equal(suffix, bytes_of_text(others[i])))
            return true;
    return false;
}

/* A frame's length is written in three ways. */
static uint64_t length_of(const json_t *frame)
{
    uint64_t length = 0;
    const json_t *raw = json_object_get(frame, "raw");
    if (!qlog_json_number(frame, "length", &length) &&
        !qlog_json_number(raw, "payload_length", &length))
        qlog_json_number(raw, "length", &length);
    return length;
}

static void parse_ack(struct qlog_packet_event *event, const json_t *frame)
{
    const json_t *ranges = json_object_get(frame, "acked_ranges");
    for (size_t i = 0; i < json_array_size(ranges); i++) {
        const json_t *range = json_array_get(ranges, i);
        const json_t *first = json_array_get(range, 0);
        const json_t *last = json_array_get(range, json_array_size(range) - 1);
        if (!json_is_integer(first) || !json_is_integer(last) || json_integer_value(first) < 0 ||
            json_integer_value(last) < json_integer_value(first))
            continue;
        struct qlog_frame *ack = qlog_packet_event_add(event);
        ack->type = QLOG_FRAME_ACK;
        ack->offset = (uint64_t)json_integer_value(first);
        ack->length = (uint64_t)(json_integer_value(last) - json_integer_value(first)) + 1;
    }
}

static void parse_close(struct qlog_packet_event *event, const json_t *frame)
{
    struct bytes space = qlog_json_text(frame, "error_space");
    struct qlog_frame *close = qlog_packet_event_add(event);
    close->type = QLOG_FRAME_CLOSE;
    close->application = space.size >= 11 && memcmp(space.data, "application", 11) == 0;
    close->reason = qlog_json_text(frame, "reason");
    if (!qlog_json_number(frame, "raw_error_code", &close->code))
        qlog_json_number(frame, "error_code", &close->code);
}

static bool parse_stream_frame(struct qlog_packet_event *event, const json_t *json,
                               enum qlog_frame_type type, struct error *error)
{
    struct qlog_frame *frame = qlog_packet_event_add(event);
    frame->type = type;
    if (!qlog_json_number(json, "stream_id", &frame->stream_id))
        return error_set(error, "a frame's stream_id is no number that QUIC allows");
    if (type == QLOG_FRAME_STREAM) {
        qlog_json_number(json, "offset", &frame->offset);
        frame->length = length_of(json);
        frame->fin = json_is_true(json_object_get(json, "fin"));
    }
    return true;
}

static bool parse_frame(struct qlog_packet_event *event, const json_t *frame, struct error *error)
{
    enum qlog_frame_type type;
    struct bytes name = qlog_json_text(frame, "frame_type");
    if (name.data == NULL || !qlog_frame_type_of(name, &type))
        return true;
    if (type == QLOG_FRAME_ACK)
        parse_ack(event, frame);
    else if (type == QLOG_FRAME_CLOSE)
        parse_close(event, frame);
    else
        return parse_stream_frame(event, frame, type, error);
    return true;
}

bool qlog_packet_parse(struct qlog_packet_event *event, enum qlog_direction direction,
                       const json_t *data, struct error *error)
{
    const json_t *header = json_object_get(data, "header");
    event->is_packet = true;
    event->frame_count = 0;
    event->packet = (struct qlog_packet){
        .direction = direction,
        .initial = bytes_equal(qlog_json_text(header, "packet_type"), bytes_of_text("initial")),
        .destination_id = qlog_json_text(header, "dcid"),
        .number = UINT64_MAX,
    };
    qlog_json_number(header, "packet_number", &event->packet.number);
    const json_t *frames = json_object_get(data, "frames");
    event->listed = json_array_size(frames);
    for (size_t i = 0; i < event->listed; i++)
        if (!parse_frame(event, json_array_get(frames, i), error))
            return false;
    return true;
}
