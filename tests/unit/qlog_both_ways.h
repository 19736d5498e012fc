/* Holds the two ways in which an event of a QUIC log is read equal: the scanner's and Jansson's. */
#ifndef TESTS_UNIT_QLOG_BOTH_WAYS_H
#define TESTS_UNIT_QLOG_BOTH_WAYS_H

#include "net/qlog/json.h"
#include "net/qlog/packet.h"

static inline bool same_frame(const struct qlog_frame *a, const struct qlog_frame *b)
{
    return a->type == b->type && a->stream_id == b->stream_id && a->offset == b->offset &&
           a->length == b->length && a->sized == b->sized && a->framed == b->framed &&
           a->fin == b->fin && a->code == b->code && a->application == b->application &&
           bytes_equal(a->reason, b->reason) &&
           (a->reason.data == NULL) == (b->reason.data == NULL);
}

static inline bool same_packet(const struct qlog_packet_event *a, const struct qlog_packet_event *b)
{
    if (a->packet.direction != b->packet.direction || a->packet.initial != b->packet.initial ||
        a->packet.application != b->packet.application || a->unknown != b->unknown ||
        a->unreadable != b->unreadable || a->packet.number != b->packet.number ||
        a->listed != b->listed || a->pings != b->pings || a->frame_count != b->frame_count ||
        !bytes_equal(a->packet.destination_id, b->packet.destination_id))
        return false;
    for (size_t i = 0; i < a->frame_count; i++)
        if (!same_frame(&a->frames[i], &b->frames[i]))
            return false;
    return true;
}

static inline bool parsed_as(const struct qlog_packet_event *scanned, const json_t *event)
{
    const json_t *name = json_object_get(event, "name"), *time = json_object_get(event, "time");
    if (!json_is_string(name) || !json_is_number(time) || json_number_value(time) != scanned->time)
        return false;
    if (!bytes_equal(qlog_json_text(event, "group_id"), scanned->group) ||
        json_object_get(event, "ODCID") != NULL || json_object_get(event, "time_format") != NULL ||
        json_object_get(event, "reference_time") != NULL)
        return false;
    struct bytes text = bytes_of(json_string_value(name), json_string_length(name));
    enum qlog_direction direction;
    if (qlog_packet_direction(text, &direction) != scanned->is_packet)
        return false;
    if (!scanned->is_packet)
        return !qlog_event_is_read(text);
    struct qlog_packet_event parsed = {0};
    qlog_packet_parse(&parsed, direction, json_object_get(event, "data"));
    bool same = same_packet(scanned, &parsed);
    qlog_packet_event_clear(&parsed);
    return same;
}

/* Whether what was SCANNED from TEXT is what Jansson reads there. */
static inline bool same_both_ways(const struct qlog_packet_event *scanned, struct bytes text)
{
    json_t *event = json_loadb((const char *)text.data, text.size, 0, NULL);
    bool same = parsed_as(scanned, event);
    json_decref(event);
    return same;
}

#endif
