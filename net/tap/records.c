/*
 * What ngtcp2 tells in the records of its QUIC log alone: PINGs, by which some stacks keep a
 * connection up that others let die, and the codes of STOP_SENDING.
 */
#include <string.h>

#include "net/qlog/json.h"
#include "net/tap/internal.h"

enum { NAME_WITHIN = 64 }; /* bytes from a record's beginning, after the time */

/* memmem prepares a table for each search, which costs more than it saves in so short a text. */
static bool has(struct bytes text, const char *word)
{
    size_t size = strlen(word);
    while (text.size >= size) {
        const uint8_t *at = memchr(text.data, word[0], text.size - size + 1);
        if (at == NULL)
            return false;
        if (memcmp(at, word, size) == 0)
            return true;
        text = bytes_after(text, (size_t)(at - text.data) + 1);
    }
    return false;
}

/* Most records are of neither: they are not read. There are several for each packet, so that both
 * frames' names are looked for by their common end first, in which few words end. */
static bool may_matter(struct bytes record)
{
    struct bytes beginning = record;
    if (beginning.size > NAME_WITHIN)
        beginning.size = NAME_WITHIN;
    return has(beginning, "packet_received\"") && has(record, "g\"") &&
           (has(record, "\"ping\"") || has(record, "\"stop_sending\""));
}

/* Each record begins with the separator of JSON text sequences (RFC 7464). */
static struct bytes event_of(struct bytes record)
{
    return record.size > 0 && record.data[0] == 0x1e ? bytes_after(record, 1) : record;
}

static void pass_on(struct tap_pair *pair, enum tap_side side,
                    const struct qlog_packet_event *event)
{
    if (event->packet.direction != QLOG_RECEIVED)
        return;
    struct quic_connection *other = pair->legs[tap_other(side)];
    if (event->pings > 0 && other != NULL)
        quic_connection_ping(other);
    for (size_t i = 0; i < event->frame_count; i++) {
        const struct qlog_frame *frame = &event->frames[i];
        struct tap_stream *stream = frame->type == QLOG_FRAME_STOP
                                        ? tap_stream_find(pair, (int64_t)frame->stream_id)
                                        : NULL;
        if (stream != NULL)
            tap_stream_stopped(stream, side, frame->code);
    }
}

/* What the scanner leaves alone, such as codes of nineteen digits. */
static void read_slowly(struct tap_pair *pair, enum tap_side side, struct bytes text)
{
    struct qlog_packet_event *event = &pair->tap->record;
    json_t *json = json_loadb((const char *)text.data, text.size, JSON_DISABLE_EOF_CHECK, NULL);
    enum qlog_direction direction;
    if (json != NULL && qlog_packet_direction(qlog_json_text(json, "name"), &direction)) {
        qlog_packet_parse(event, direction, json_object_get(json, "data"));
        pass_on(pair, side, event);
    }
    json_decref(json);
}

void tap_record(struct tap_pair *pair, enum tap_side side, struct bytes record)
{
    struct qlog_packet_event *event = &pair->tap->record;
    if (!may_matter(record))
        return;
    struct bytes text = event_of(record);
    if (qlog_packet_scan(event, text) == 0)
        read_slowly(pair, side, text);
    else if (event->is_packet)
        pass_on(pair, side, event);
}
