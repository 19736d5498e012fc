#include "net/qlog/log.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/memory.h"
#include "common/utf8.h"
#include "net/qlog/lost.h"
#include "net/qlog/packet.h"

/* Bytes of a STREAM frame before its data: type, stream id, offset, length. */
enum { SHORTEST_HEADER = 2, LONGEST_HEADER = 25 };

#define NEGOTIATION_HEAD ((UINT64_C(1) << QLOG_NEGOTIATION_SIZE) - 1)

/* Times after this many milliseconds are the calendar's, not relative: 1973 and later. */
static const double calendar_begins = 1e11;

/* Milliseconds, thirty thousand years: what is later is no time that could be told. */
static const double time_limit = 1e15;

static const double tie_step = 1e-6;

/* Milliseconds by which events may be out of order, where several threads log. */
static const double jitter = 1000;

/* Milliseconds, which no dial that sends a packet waits before it does. */
static const double first_packet = 1000;

/* Milliseconds within which what was lost is sent again. */
static const double repaired = 3000;

const char *qlog_role_name(enum qlog_role role)
{
    static const char *const names[] = {"client", "server", "unknown"};
    return names[role];
}

const char *qlog_leg_name(enum qlog_leg leg)
{
    static const char *const names[] = {NULL, "front", "back"};
    return names[leg];
}

struct qlog_log *qlog_log_new(const char *path)
{
    struct qlog_log *log = memory_new(sizeof(*log));
    log->path = text_copy(path);
    log->role = log->guess = QLOG_ROLE_UNKNOWN;
    log->time_unit = 1;
    log->active[QLOG_SENT] = log->active[QLOG_RECEIVED] = QLOG_NEVER;
    log->idle_limit = log->keys_gone = log->close.time = QLOG_NEVER;
    return log;
}

static void stream_free(struct qlog_stream *stream)
{
    if (stream->claims != NULL) {
        free(stream->claims->protocol);
        free(stream->claims->role);
        free(stream->claims->peer);
        free(stream->claims->reason);
        free(stream->claims);
    }
    if (stream->heard != NULL)
        free(stream->heard->protocol);
    free(stream->heard);
    free(stream);
}

void qlog_log_free(struct qlog_log *log)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < log->stream_count; i++)
        stream_free(log->streams[i]);
    free(log->streams);
    free(log->slots);
    free(log->path);
    free(log->writer);
    free(log->original_id);
    free(log->group_id);
    free(log->initial_id);
    free(log->retry_id);
    free(log->event_group);
    free(log->close.reason);
    free(log->trace_error);
    free(log->unread_why);
    free(log->unknown_event);
    free(log->unknown_frame);
    free(log->agent);
    free(log->local_peer);
    free(log->peer);
    for (int i = QLOG_CLIENT; i <= QLOG_SERVER; i++) {
        free(log->nodes[i].name);
        free(log->nodes[i].peer);
        free(log->nodes[i].agent);
    }
    free(log);
}

void qlog_text_set_bytes(char **text, struct bytes value)
{
    if (value.data == NULL)
        return;
    free(*text);
    size_t size = value.size < QLOG_TEXT_LIMIT ? value.size : QLOG_TEXT_LIMIT;
    *text = utf8_safe_text(bytes_of(value.data, size));
}

void qlog_text_set(char **text, const char *value)
{
    if (value != NULL)
        qlog_text_set_bytes(text, bytes_of_text(value));
}

/* Writers with whole milliseconds: what comes later in the file is later. */
static double break_tie(struct qlog_log *log, double since)
{
    log->ties = since == log->last_since ? log->ties + 1 : 0;
    log->last_since = since;
    since += (double)log->ties * tie_step;
    if (since > log->end)
        log->end = since;
    return since;
}

double qlog_log_clamp(double time)
{
    return time > QLOG_NEVER ? time < time_limit ? time : time_limit : QLOG_NEVER;
}

/* The calendar's milliseconds have thirteen digits: where there are more, smaller units are
 * counted, which the header does not say. */
static void guess_unit(struct qlog_log *log, double time)
{
    static const double microseconds = 1e14, nanoseconds = 1e17;
    if (log->time_unit == 1 && log->reference == 0 && time >= microseconds)
        log->time_unit = time >= nanoseconds ? 1e-6 : 1e-3;
}

double qlog_log_time(struct qlog_log *log, double time)
{
    if (!log->has_origin)
        guess_unit(log, time);
    time *= log->time_unit;
    if (log->carrying)
        return qlog_log_clamp(time > log->origin ? time - log->origin : 0);
    if (!log->has_origin) {
        log->origin = time;
        log->has_origin = true;
    }
    log->set_back |= log->origin - time > jitter;
    double since = time > log->origin ? time - log->origin : 0;
    return break_tie(log, since < time_limit ? since : time_limit);
}

double qlog_log_same_time(struct qlog_log *log)
{
    return break_tie(log, log->last_since);
}

double qlog_log_zero(const struct qlog_log *log)
{
    return log->time_form == QLOG_TIME_ABSOLUTE ? 0 : log->reference;
}

double qlog_log_epoch(const struct qlog_log *log)
{
    double epoch = qlog_log_zero(log) + log->origin;
    return epoch >= calendar_begins && epoch < time_limit ? epoch : 0;
}

const char *qlog_log_id(const struct qlog_log *log)
{
    if (log->original_id != NULL)
        return log->original_id;
    return log->group_id != NULL ? log->group_id : log->initial_id;
}

/* A log that leaves packets out still has what the peer's handshake said, or lasts; one that tells
 * nothing between the beginning and the end leaves everything out. */
bool qlog_log_never_began(const struct qlog_log *log)
{
    return log->packets == 0 && log->configured && !log->peer_heard && log->stream_count == 0 &&
           log->keys_gone >= 0 && log->end < first_packet;
}

/* Where the stream is in the table of slots, or the free slot where it belongs. */
static size_t slot_of(const struct qlog_log *log, uint64_t id)
{
    size_t mask = log->slot_count - 1;
    size_t slot = (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;
    while (log->slots[slot] != 0 && log->streams[log->slots[slot] - 1]->id != id)
        slot = (slot + 1) & mask;
    return slot;
}

static void fill_slots(struct qlog_log *log)
{
    memset(log->slots, 0, log->slot_count * sizeof(*log->slots));
    for (size_t i = 0; i < log->stream_count; i++)
        log->slots[slot_of(log, log->streams[i]->id)] = (uint32_t)i + 1;
}

static void grow_slots(struct qlog_log *log)
{
    log->slot_count = log->slot_count > 0 ? 2 * log->slot_count : 16;
    log->slots = memory_resize(log->slots, log->slot_count * sizeof(*log->slots));
    log->streams = memory_resize(log->streams, log->slot_count * sizeof(struct qlog_stream *));
    fill_slots(log);
}

const struct qlog_stream *qlog_log_find(const struct qlog_log *log, uint64_t stream_id)
{
    if (log->slot_count == 0)
        return NULL;
    uint32_t index = log->slots[slot_of(log, stream_id)];
    return index > 0 ? log->streams[index - 1] : NULL;
}

static void half_init(struct qlog_half *half)
{
    half->first = half->last = half->grew = half->began = half->negotiated = QLOG_NEVER;
    half->head_last = half->fin = half->reset = half->stop = QLOG_NEVER;
}

struct qlog_stream *qlog_log_add(struct qlog_log *log, uint64_t stream_id)
{
    if (2 * (log->stream_count + 1) > log->slot_count)
        grow_slots(log);
    size_t slot = slot_of(log, stream_id);
    if (log->slots[slot] != 0)
        return log->streams[log->slots[slot] - 1];
    struct qlog_stream *stream = memory_new(sizeof(*stream));
    stream->id = stream_id;
    stream->delivered = QLOG_NEVER;
    half_init(&stream->half[QLOG_SENT]);
    half_init(&stream->half[QLOG_RECEIVED]);
    log->streams[log->stream_count++] = stream;
    log->slots[slot] = (uint32_t)log->stream_count;
    return stream;
}

void qlog_log_forget(struct qlog_log *log, const bool *marked)
{
    size_t kept = 0;
    for (size_t i = 0; i < log->stream_count; i++) {
        struct qlog_stream *stream = log->streams[i];
        if (!marked[i]) {
            log->streams[kept++] = stream;
            continue;
        }
        uint64_t *below = &log->forgotten[stream->id & 3];
        *below = stream->id >= *below ? stream->id + 1 : *below;
        stream_free(stream);
        log->let_go++;
    }
    log->stream_count = kept;
    if (log->slot_count > 0)
        fill_slots(log);
}

void qlog_log_take_over(struct qlog_log *log, struct qlog_log *earlier)
{
    for (size_t i = 0; i < earlier->stream_count; i++) {
        struct qlog_stream *stream = earlier->streams[i];
        if (log->stream_count < QLOG_STREAMS_LIMIT && qlog_log_find(log, stream->id) == NULL) {
            struct qlog_stream *taken = qlog_log_add(log, stream->id), fresh = *taken;
            log->let_go -= log->let_go > 0;
            *taken = *stream;
            *stream = fresh; /* what it owns is taken */
        }
        stream_free(stream);
    }
    earlier->stream_count = 0;
    if (earlier->slot_count > 0)
        fill_slots(earlier);
    for (size_t i = 0; i < 4; i++)
        earlier->forgotten[i] = UINT64_MAX;
}

/* Makes room for at least a quarter more streams, by those that were closed a while ago; false
 * where that is not to be had. */
static bool make_room(struct qlog_log *log)
{
    bool *marked = memory_new(log->stream_count);
    size_t count = 0;
    for (size_t i = 0; i < log->stream_count; i++) {
        const struct qlog_half *half = log->streams[i]->half;
        double last = qlog_later(half[QLOG_SENT].last, half[QLOG_RECEIVED].last);
        marked[i] = half[QLOG_SENT].fin >= 0 && half[QLOG_RECEIVED].fin >= 0 &&
                    log->end - last >= QLOG_CLOSED_KEPT;
        count += marked[i];
    }
    bool enough = count >= QLOG_STREAMS_LIMIT / 4;
    if (enough)
        qlog_log_forget(log, marked);
    free(marked);
    return enough;
}

struct qlog_stream *qlog_log_stream(struct qlog_log *log, uint64_t id, struct error *error)
{
    if (log->slot_count > 0) {
        uint32_t index = log->slots[slot_of(log, id)];
        if (index > 0)
            return log->streams[index - 1];
    }
    if (id > QLOG_STREAM_ID_MAX) {
        error_set(error, "stream id %" PRIu64 " is larger than QUIC allows", id);
        return NULL;
    }
    if (log->stream_count == QLOG_STREAMS_LIMIT && !make_room(log)) {
        error_set(error,
                  "stream %" PRIu64
                  " is one more than the %d open ones of a connection that are read",
                  id, QLOG_STREAMS_LIMIT);
        return NULL;
    }
    return qlog_log_add(log, id);
}

bool qlog_log_is_forgotten(const struct qlog_log *log, uint64_t stream_id)
{
    return stream_id < log->forgotten[stream_id & 3] && qlog_log_find(log, stream_id) == NULL;
}

struct qlog_claims *qlog_log_claims(struct qlog_log *log, uint64_t stream_id, struct error *error)
{
    struct qlog_stream *stream = qlog_log_stream(log, stream_id, error);
    if (stream == NULL || stream->claims != NULL)
        return stream != NULL ? stream->claims : NULL;
    struct qlog_claims *claims = stream->claims = memory_new(sizeof(*claims));
    claims->opened = claims->negotiated = claims->failed = QLOG_NEVER;
    claims->registered = claims->deregistered = claims->closed = QLOG_NEVER;
    return claims;
}

struct qlog_heard *qlog_log_heard(struct qlog_log *log, uint64_t stream_id, struct error *error)
{
    struct qlog_stream *stream = qlog_log_stream(log, stream_id, error);
    if (stream == NULL || stream->heard != NULL)
        return stream != NULL ? stream->heard : NULL;
    struct qlog_heard *heard = stream->heard = memory_new(sizeof(*heard));
    heard->negotiated = heard->refused = QLOG_NEVER;
    return heard;
}

/* --- Packets --- */

/* Which of the numbers that were passed over have come. */
static void take_late(struct qlog_gaps *gaps, uint64_t number)
{
    for (size_t i = 0; i < gaps->count; i++) {
        if (number < gaps->items[i].first || number > gaps->items[i].last)
            continue;
        uint64_t last = gaps->items[i].last;
        bool acked = gaps->items[i].acked;
        gaps->items[i].last = number - 1;
        if (number == gaps->items[i].first)
            gaps->items[i] = gaps->items[--gaps->count];
        if (number < last && gaps->count < QLOG_GAPS) {
            gaps->items[gaps->count].first = number + 1;
            gaps->items[gaps->count].last = last;
            gaps->items[gaps->count++].acked = acked;
        }
        return;
    }
}

static void add_gap(struct qlog_gaps *gaps, uint64_t first, uint64_t last, bool acked)
{
    if (gaps->count == QLOG_GAPS)
        return;
    gaps->items[gaps->count].first = first;
    gaps->items[gaps->count].last = last;
    gaps->items[gaps->count++].acked = acked;
}

/* Numbers may begin anywhere, and the spaces of some stacks share them. */
static void take_number(struct qlog_gaps *gaps, uint64_t number)
{
    if (number < gaps->next) {
        take_late(gaps, number);
        return;
    }
    if (number > gaps->next)
        add_gap(gaps, gaps->next, number - 1, false);
    gaps->next = number + 1;
}

/* What was acknowledged has been there. */
static void acknowledge_gaps(struct qlog_gaps *gaps, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < gaps->count; i++)
        gaps->items[i].acked |= first <= gaps->items[i].last && last >= gaps->items[i].first;
    if (last < gaps->next || last == UINT64_MAX)
        return;
    add_gap(gaps, first > gaps->next ? first : gaps->next, last, true);
    gaps->next = last + 1;
}

static void count_packet(struct qlog_log *log, const struct qlog_packet *packet)
{
    log->has_application[packet->direction] |= packet->application;
    if (packet->number == UINT64_MAX)
        return;
    qlog_lost_take_packet(&log->lost, packet);
    if (qlog_packet_may_be_application(packet))
        take_number(&log->gaps[packet->direction], packet->number);
    if (!log->has_acks && log->all_gaps.next == 0)
        log->all_gaps.next = packet->number;
    if (!log->has_acks)
        take_number(&log->all_gaps, packet->number);
}

void qlog_log_packet(struct qlog_log *log, const struct qlog_packet *packet)
{
    log->packets++;
    log->active[packet->direction] = packet->time;
    count_packet(log, packet);
    if (!packet->initial || log->initial_id != NULL)
        return;
    /* The first Initial of a connection is the client's. */
    if (log->role == QLOG_ROLE_UNKNOWN && log->packets == 1) {
        log->role = packet->direction == QLOG_SENT ? QLOG_CLIENT : QLOG_SERVER;
        log->guess = log->role;
        log->role_inferred = true;
    }
    if (log->packets == 1 && packet->destination_id.size > 0) {
        qlog_text_set_bytes(&log->initial_id, packet->destination_id);
        log->initial_sent = packet->direction == QLOG_SENT;
    }
}

/* A packet has frames: only Retry and Version Negotiation have none, and those are no 1-RTT. */
void qlog_log_count_frames(struct qlog_log *log, const struct qlog_packet_event *event)
{
    enum qlog_direction direction = event->packet.direction;
    log->frames += event->listed;
    log->framed[direction] += event->listed > 0;
    log->bare[direction] += event->listed == 0 && qlog_packet_may_be_application(&event->packet);
    log->unread_frames += event->unreadable;
    bool only = event->unknown > 0 && event->unknown == event->listed;
    if (!only && event->unknown_of_streams == 0)
        return;
    if (log->unknown_packets == 0 && (only || log->unknown_beside == 0))
        qlog_text_set_bytes(&log->unknown_frame, event->unknown_type);
    log->unknown_packets += only;
    log->unknown_beside += !only;
}

/* --- Frames --- */

/* Bits FIRST to LAST - 1 of a 64-bit word. */
static uint64_t bits(uint64_t first, uint64_t last)
{
    if (first >= 64 || first >= last)
        return 0;
    uint64_t below_last = last >= 64 ? UINT64_MAX : (UINT64_C(1) << last) - 1;
    return below_last & ~((UINT64_C(1) << first) - 1);
}

/* Bytes that follow others with some missing between them; or those that were. */
static void watch_hole(struct qlog_half *half, double time, uint64_t first, uint64_t end)
{
    if (!half->hole && first > half->bytes) {
        half->hole = true;
        half->hole_first = half->bytes;
        half->hole_end = first;
        half->hole_time = time;
    } else if (half->hole && first <= half->hole_first && end > half->hole_first) {
        half->hole_first = end;
        half->hole = end < half->hole_end;
    } else if (half->hole && first < half->hole_end && end >= half->hole_end) {
        half->hole_end = first;
        half->hole = half->hole_first < first;
    }
}

static void half_data(struct qlog_half *half, double time, uint64_t first, uint64_t length)
{
    uint64_t end = first + length;
    uint64_t seen = bits(first, end);
    half->head |= seen;
    if ((seen & 1) != 0 && half->began < 0)
        half->began = time;
    if ((half->head & NEGOTIATION_HEAD) == NEGOTIATION_HEAD && half->negotiated < 0)
        half->negotiated = time;
    if ((seen & NEGOTIATION_HEAD) != 0)
        half->head_last = time;
    if (half->hole || first > half->bytes)
        watch_hole(half, time, first, end);
    if (end > half->bytes) {
        half->bytes = end;
        half->grew = time;
        half->growths++;
        half->said += end > QLOG_NEGOTIATION_SIZE && length < QLOG_FULL_FRAME;
    }
    if (length > 0 && end < QLOG_CUTS)
        half->cuts[end / 64] |= UINT64_C(1) << (end % 64);
}

/* A frame without a length goes up to the next one's offset, or to the stream's final size. */
static void settle_open(struct qlog_half *half, uint64_t end)
{
    if (!half->open || end <= half->open_offset)
        return;
    uint64_t size = end - half->open_offset;
    if (half->open_limit > 0 && size > half->open_limit)
        size = half->open_limit;
    half->open = false;
    half_data(half, half->open_time, half->open_offset, size);
}

static void begin_open(struct qlog_half *half, double time, uint64_t offset, uint64_t limit)
{
    half->open = true;
    half->open_offset = offset;
    half->open_limit = limit;
    half->open_time = time;
}

/* LIMIT is as in struct qlog_half. */
static void half_open(struct qlog_half *half, double time, uint64_t offset, uint64_t limit)
{
    uint64_t highest =
        half->open && half->open_offset > half->bytes ? half->open_offset : half->bytes;
    uint64_t end = offset + limit;
    if (half->open && offset <= half->open_offset && end > half->open_offset + half->open_limit)
        half->open_limit = end - half->open_offset;
    if (half->open && half->open_offset == offset)
        return; /* sent again */
    if (offset >= highest) {
        begin_open(half, time, offset, limit);
        return;
    }
    bool within = limit > 0 && end < highest; /* later ones have come before it */
    half_data(half, time, offset, (within ? end : highest) - offset);
    if (!half->open && end > highest)
        begin_open(half, time, highest, end - highest);
}

static void half_frame(struct qlog_half *half, double time, const struct qlog_frame *frame)
{
    uint64_t end = frame->offset + frame->length;
    settle_open(half, frame->offset);
    if (frame->sized && half->open && half->open_offset >= frame->offset && half->open_offset < end)
        half->open = false; /* sent again, with its length */
    if (frame->sized)
        half_data(half, time, frame->offset, frame->length);
    else
        half_open(half, time, frame->offset, frame->framed ? frame->length : 0);
    if (!frame->fin)
        return;
    if (half->fin < 0) {
        half->fin = time;
        half->final_size = end;
    }
    half->final_size_changed |= frame->sized && end != half->final_size;
}

/* What a length was of, by where the next frame begins: its data, or all of the frame. */
static void weigh_length(struct qlog_log *log, const struct qlog_half *half, uint64_t next)
{
    if (!half->open || half->open_limit == 0 || next <= half->open_offset)
        return;
    uint64_t end = half->open_offset + half->open_limit;
    log->plain_lengths |= next == end;
    log->framed_lengths |=
        next < end && end - next >= SHORTEST_HEADER && end - next <= LONGEST_HEADER;
}

static void watch_delivery(struct qlog_log *log, const struct qlog_packet *packet,
                           const struct qlog_stream *stream, const struct qlog_frame *frame)
{
    if (packet->direction != QLOG_SENT || packet->number == UINT64_MAX || frame->offset != 0 ||
        (frame->sized && frame->length == 0) || stream->delivered >= 0 ||
        log->undelivered_count == QLOG_UNDELIVERED_LIMIT)
        return;
    log->undelivered[log->undelivered_count++] = (struct qlog_undelivered){
        .stream = stream->id, .packet = packet->number, .time = packet->time};
}

static bool read_stream(struct qlog_log *log, const struct qlog_packet *packet,
                        const struct qlog_frame *frame, struct qlog_stream *stream,
                        struct error *error)
{
    log->stream_frames++;
    if (frame->offset > QLOG_STREAM_ID_MAX || frame->length > QLOG_STREAM_ID_MAX - frame->offset)
        return error_set(error, "stream %" PRIu64 " is longer than QUIC allows", frame->stream_id);
    log->stream_framed[packet->direction]++;
    weigh_length(log, &stream->half[packet->direction], frame->offset);
    half_frame(&stream->half[packet->direction], packet->time, frame);
    watch_delivery(log, packet, stream, frame);
    return true;
}

static void acknowledge(struct qlog_log *log, const struct qlog_frame *range)
{
    size_t kept = 0;
    for (size_t i = 0; i < log->undelivered_count; i++) {
        const struct qlog_undelivered *opening = &log->undelivered[i];
        if (opening->packet < range->offset || opening->packet - range->offset >= range->length) {
            log->undelivered[kept++] = *opening;
            continue;
        }
        if (qlog_log_is_forgotten(log, opening->stream))
            continue;
        struct qlog_stream *stream = qlog_log_stream(log, opening->stream, NULL);
        if (stream->delivered < 0 || opening->packet < stream->delivered_packet) {
            stream->delivered = opening->time;
            stream->delivered_packet = opening->packet;
        }
    }
    log->undelivered_count = kept;
}

static void read_close(struct qlog_log *log, const struct qlog_packet *packet,
                       const struct qlog_frame *frame)
{
    if (log->close.time >= 0)
        return;
    /* Nothing follows this packet that would make a gap before it one amid a connection. */
    struct qlog_gaps *gaps = &log->all_gaps;
    if (gaps->count > 0 && gaps->items[gaps->count - 1].last + 1 == packet->number)
        gaps->count--;
    log->close.time = packet->time;
    log->close.direction = packet->direction;
    log->close.application = frame->application;
    log->close.code = frame->code;
    log->close.uncoded = frame->uncoded;
    qlog_text_set_bytes(&log->close.reason, frame->reason);
}

static void set_once(double *time, double value)
{
    if (*time < 0)
        *time = value;
}

bool qlog_log_frame(struct qlog_log *log, const struct qlog_packet *packet,
                    const struct qlog_frame *frame, struct error *error)
{
    if (frame->type == QLOG_FRAME_ACK) {
        enum qlog_direction acked = packet->direction == QLOG_SENT ? QLOG_RECEIVED : QLOG_SENT;
        log->has_acks = true;
        if (qlog_packet_may_be_application(packet) &&
            (log->gaps[acked].count > 0 || log->gaps[acked].next == 0 ||
             frame->offset + frame->length > log->gaps[acked].next))
            acknowledge_gaps(&log->gaps[acked], frame->offset, frame->offset + frame->length - 1);
        if (packet->direction == QLOG_RECEIVED)
            acknowledge(log, frame);
        else if (qlog_packet_may_be_application(packet))
            qlog_lost_take_ack(&log->lost, frame);
        return true;
    }
    if (frame->type == QLOG_FRAME_CLOSE) {
        read_close(log, packet, frame);
        return true;
    }
    if (qlog_log_is_forgotten(log, frame->stream_id))
        return true;
    struct qlog_stream *stream = qlog_log_stream(log, frame->stream_id, error);
    if (stream == NULL ||
        (frame->type == QLOG_FRAME_STREAM && !read_stream(log, packet, frame, stream, error)))
        return false;
    struct qlog_half *half = &stream->half[packet->direction];
    set_once(&half->first, packet->time);
    half->last = packet->time;
    if (frame->type == QLOG_FRAME_RESET) {
        set_once(&half->reset, packet->time);
        if (frame->sized)
            settle_open(half, frame->length);
    }
    if (frame->type == QLOG_FRAME_STOP)
        set_once(&half->stop, packet->time);
    return true;
}

void qlog_log_settle(struct qlog_log *log)
{
    if (!log->plain_lengths || log->framed_lengths)
        return;
    for (size_t i = 0; i < log->stream_count; i++)
        for (int way = QLOG_SENT; way <= QLOG_RECEIVED; way++) {
            struct qlog_half *half = &log->streams[i]->half[way];
            settle_open(half, half->open_offset + half->open_limit);
        }
}

/* --- What is missing --- */

/* Where nothing is acknowledged, numbers alone tell: no stack leaves out two in a row on purpose,
 * and where both directions share them, none is lost. */
static bool has_wide_gap(const struct qlog_log *log)
{
    for (size_t i = 0; i < log->all_gaps.count && !log->has_acks; i++)
        if (log->all_gaps.items[i].last > log->all_gaps.items[i].first)
            return true;
    return false;
}

static bool has_acked_gap(const struct qlog_gaps *gaps)
{
    for (size_t i = 0; i < gaps->count; i++)
        if (gaps->items[i].acked)
            return true;
    return false;
}

/* Whoever sends does so in order, and sends again what was lost, but for what it has reset. */
static bool has_hole(const struct qlog_log *log)
{
    for (size_t i = 0; i < log->stream_count; i++) {
        const struct qlog_half *sent = &log->streams[i]->half[QLOG_SENT];
        const struct qlog_half *received = &log->streams[i]->half[QLOG_RECEIVED];
        if (sent->hole ||
            (received->hole && received->reset < 0 && log->end - received->hole_time > repaired))
            return true;
    }
    return false;
}

const char *qlog_log_missing(const struct qlog_log *log)
{
    if (has_hole(log))
        return "bytes of streams are missing amid others";
    if (has_acked_gap(&log->gaps[QLOG_SENT]))
        return "packets that its peer acknowledged are missing";
    if (has_acked_gap(&log->gaps[QLOG_RECEIVED]))
        return "packets that it acknowledged are missing";
    if (has_wide_gap(log))
        return "packets are missing between others, as their numbers show,";
    return NULL;
}
