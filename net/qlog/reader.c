#include "net/qlog/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/memory.h"
#include "net/qlog/carry.h"
#include "net/qlog/format.h"
#include "net/qlog/header.h"
#include "net/qlog/json.h"
#include "net/qlog/lost.h"
#include "net/qlog/own_event.h"

enum {
    READ_SIZE = 128 * 1024,
    SAMPLED_WHOLE = 16 * 1024, /* bytes of a log that its fingerprint is of, and after that */
    SAMPLE_SIZE = 32,          /* so many */
    SAMPLE_INTERVAL = 4096,    /* of so many */
};

/* To be freed. */
static char *describe(const struct qlog_record *record, const char *text)
{
    return text_format("record %" PRIu64 " at byte %" PRIu64 ": %s", record->number, record->offset,
                       text);
}

static void add_note(struct qlog_reader *reader, const struct qlog_record *record, const char *text)
{
    if (reader->note == NULL)
        return;
    char *line = describe(record, text);
    reader->note(reader->note_context, reader->path, line);
    free(line);
}

static bool bad_record(struct qlog_reader *reader, const struct qlog_record *record,
                       const char *why, struct error *error)
{
    if (reader->log != NULL)
        reader->log->bad_records++;
    if (++reader->bad_records > QLOG_BAD_RECORDS_LIMIT)
        return error_set(error,
                         "record %" PRIu64 " at byte %" PRIu64 ": more than %d unreadable records",
                         record->number, record->offset, QLOG_BAD_RECORDS_LIMIT);
    add_note(reader, record, why);
    return true;
}

static bool begin_log(struct qlog_reader *reader, struct error *error)
{
    if (reader->log_count == QLOG_LOGS_PER_FILE_LIMIT)
        return error_set(error, "more than %d connections in one file", QLOG_LOGS_PER_FILE_LIMIT);
    reader->log = qlog_log_new(reader->path);
    reader->logs = memory_resize(reader->logs, (reader->log_count + 1) * sizeof(struct qlog_log *));
    reader->logs[reader->log_count++] = reader->log;
    reader->fields.known = false;
    reader->clock_is_set = false;
    return true;
}

/* As it is written: what is made fit to be shown would not be known again. */
static void set_group(struct qlog_log *log, struct bytes group)
{
    log->event_group = memory_new(group.size + 1);
    memcpy(log->event_group, group.data, group.size);
}

/* A connection of the file, with what the header says of them all. */
static bool begin_group(struct qlog_reader *reader, struct bytes group, struct error *error)
{
    const struct qlog_log *first = reader->log;
    struct qlog_event_fields fields = reader->fields;
    bool clock_is_set = reader->clock_is_set;
    if (!begin_log(reader, error))
        return false;
    reader->fields = fields;
    reader->clock_is_set = clock_is_set;
    struct qlog_log *log = reader->log;
    qlog_text_set(&log->writer, first->writer);
    log->role = first->role_inferred ? QLOG_ROLE_UNKNOWN : first->role;
    log->reference = first->reference;
    log->time_form = first->time_form;
    log->time_unit = first->time_unit;
    set_group(log, group);
    qlog_id_set(&log->group_id, group);
    return true;
}

static bool is_of_group(const struct qlog_log *log, struct bytes group)
{
    return log->event_group != NULL && bytes_equal(bytes_of_text(log->event_group), group);
}

/* Events may say which connection they are of: several share some files. What they say IS_ID where
 * it is more than a name. */
static bool choose_log(struct qlog_reader *reader, struct bytes group, bool is_id,
                       struct error *error)
{
    if (group.size == 0 || is_of_group(reader->log, group))
        return true;
    if (group.size > QLOG_TEXT_LIMIT)
        return error_set(error, "a group_id is longer than %d bytes", QLOG_TEXT_LIMIT);
    if (reader->log->event_group == NULL) {
        set_group(reader->log, group);
        if (reader->log->group_id == NULL || is_id)
            qlog_id_set(&reader->log->group_id, group);
        return true;
    }
    for (size_t i = 0; i < reader->log_count; i++)
        if (is_of_group(reader->logs[i], group)) {
            reader->log = reader->logs[i];
            return true;
        }
    return begin_group(reader, group, error);
}

/* Many connections at their own limit are more than memory has room for: a compressed file of a
 * megabyte can hold them. */
static bool count_streams(struct qlog_reader *reader, size_t before, struct error *error)
{
    if (reader->log->stream_count > before)
        reader->stream_count += reader->log->stream_count - before;
    if (reader->stream_count <= QLOG_STREAMS_PER_FILE_LIMIT)
        return true;
    reader->stream_count = 0;
    for (size_t i = 0; i < reader->log_count; i++)
        reader->stream_count += reader->logs[i]->stream_count;
    return reader->stream_count <= QLOG_STREAMS_PER_FILE_LIMIT ||
           error_set(error, "more than %d streams in one file", QLOG_STREAMS_PER_FILE_LIMIT);
}

/* --- What is lost --- */

/* What is lost may be of any connection of the file, where its events say which they are of. */
static void lose(struct qlog_reader *reader, struct qlog_log *log, const struct qlog_lost *lost)
{
    size_t named = 0;
    for (size_t i = 0; i < reader->log_count; i++)
        named += reader->logs[i]->event_group != NULL;
    bool shared = log->event_group != NULL && named > 1;
    for (size_t i = 0; i < reader->log_count; i++) {
        struct qlog_log *other = reader->logs[i];
        if (other == log || (shared && other->event_group != NULL))
            qlog_lost_add(&other->lost, lost, other->end, shared);
    }
}

static void lose_record(struct qlog_reader *reader, struct bytes text)
{
    struct qlog_lost lost = {0};
    qlog_lost_record(&lost, text);
    lose(reader, reader->log, &lost);
}

/* A record that was cut off is lost where others follow. Otherwise its log ENDS with it, as one
 * does whose writer was killed: a header begins another. */
static void settle_cut(struct qlog_reader *reader, bool ends)
{
    if (reader->cut_log == NULL)
        return;
    if (ends)
        reader->cut_log->truncated = true;
    else
        lose(reader, reader->cut_log, &reader->cut);
    reader->cut_log = NULL;
    reader->cut = (struct qlog_lost){0};
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* --- Packets --- */

static bool add_packet(struct qlog_log *log, double time, struct qlog_packet_event *event,
                       struct error *error)
{
    event->packet.time = time;
    qlog_log_packet(log, &event->packet);
    qlog_log_count_frames(log, event);
    for (size_t i = 0; i < event->frame_count; i++)
        if (!qlog_log_frame(log, &event->packet, &event->frames[i], error))
            return false;
    return true;
}

/* What a time is counted from that is of this form and relative to REFERENCE, or where that is 0 to
 * the log's: in the log's own terms. */
static double start_of(const struct qlog_reader *reader, enum qlog_time_form form, double reference)
{
    const struct qlog_log *log = reader->log;
    double zero = qlog_log_zero(log) / log->time_unit;
    if (form == QLOG_TIME_ABSOLUTE)
        return -zero;
    if (form == QLOG_TIME_DELTA && reader->clock_is_set)
        return reader->clock;
    return (reference != 0 ? reference : log->reference / log->time_unit) - zero;
}

static double keep_time(struct qlog_reader *reader, double time)
{
    reader->clock = time;
    reader->clock_is_set = true;
    return qlog_log_time(reader->log, time);
}

/* The time of an event that says no more than that. A difference is to the event before it,
 * whichever log of the file that is of. */
static double time_of(struct qlog_reader *reader, double time)
{
    bool delta = reader->log->time_form == QLOG_TIME_DELTA;
    return keep_time(reader, delta ? time + start_of(reader, QLOG_TIME_DELTA, 0) : time);
}

/* The same where the event may say how it means its time. */
static double time_as_said(struct qlog_reader *reader, const struct qlog_event *event)
{
    enum qlog_time_form form = event->time_form;
    if (form == QLOG_TIME_UNSAID)
        form = reader->log->time_form;
    return keep_time(reader, event->time + start_of(reader, form, event->reference));
}

/* Whoever writes packets by other names than all others is told which. */
static void name_unknown(struct qlog_log *log, struct bytes name)
{
    if (log->packets == 0 && log->unknown_event == NULL && !qlog_event_is_known(name))
        qlog_text_set_bytes(&log->unknown_event, name);
}

static bool add_scanned(struct qlog_reader *reader, struct qlog_packet_event *event,
                        struct error *error)
{
    struct qlog_log *log = reader->log;
    double time = time_of(reader, event->time);
    log->records++;
    if (event->is_packet)
        return add_packet(log, time, event, error);
    name_unknown(log, event->name);
    return true;
}

static bool read_packet(struct qlog_reader *reader, const struct qlog_record *record, double time,
                        enum qlog_direction direction, const json_t *data, struct error *error)
{
    struct qlog_packet_event *event = &reader->parsed;
    qlog_packet_parse(event, direction, data);
    if (!add_packet(reader->log, time, event, error))
        return false;
    if (event->unreadable == 0)
        return true;
    if (reader->log->unread_why == NULL)
        reader->log->unread_why = describe(record, event->fault);
    return bad_record(reader, record, event->fault, error);
}

/* --- Other events --- */

static void read_parameters(struct qlog_log *log, const json_t *data)
{
    qlog_id_set(&log->original_id, qlog_json_text(data, "original_destination_connection_id"));
    qlog_id_set(&log->retry_id, qlog_json_text(data, "retry_source_connection_id"));
    const char *owner = json_string_value(qlog_json_either(data, "owner", "initiator"));
    log->peer_heard |= owner != NULL && strcasecmp(owner, "remote") == 0;
    log->configured |= owner != NULL && strcasecmp(owner, "local") == 0;
    uint64_t idle = 0;
    if (qlog_json_uint(qlog_json_either(data, "max_idle_timeout", "idle_timeout"), &idle) &&
        idle > 0 && (log->idle_limit < 0 || (double)idle < log->idle_limit))
        log->idle_limit = (double)idle;
}

static void read_alpn(struct qlog_log *log, const json_t *data)
{
    const json_t *chosen = json_object_get(data, "chosen_alpn");
    const char *name = json_string_value(chosen);
    if (name == NULL)
        name = text_of(chosen, "string_value");
    bool libp2p = name != NULL && strcmp(name, "libp2p") == 0;
    log->libp2p |= libp2p;
    log->foreign |= name != NULL && !libp2p;
}

static void read_keys_gone(struct qlog_log *log, double time, const json_t *data)
{
    const char *type = text_of(data, "key_type"), *trigger = text_of(data, "trigger");
    /* quic-go names the generation of keys that an update replaced. */
    bool update = (trigger != NULL && strstr(trigger, "update") != NULL) ||
                  json_object_get(data, "key_phase") != NULL;
    if (type != NULL && strstr(type, "1rtt") != NULL && !update && log->keys_gone < 0)
        log->keys_gone = time;
}

/* Keys beyond the first are those of a handshake that the peer took part in. */
static void read_keys_come(struct qlog_log *log, const json_t *data)
{
    const char *type = text_of(data, "key_type");
    log->peer_heard |= type != NULL && strstr(type, "initial") == NULL;
}

static void read_other(struct qlog_log *log, struct bytes name, double time, const json_t *data)
{
    if (qlog_text_is(name, "parameters_set"))
        read_parameters(log, data);
    else if (qlog_text_is(name, "alpn_information"))
        read_alpn(log, data);
    else if (qlog_text_is(name, "key_updated"))
        read_keys_come(log, data);
    else if (qlog_text_is(name, "key_retired") || qlog_text_is(name, "key_discarded"))
        read_keys_gone(log, time, data);
    else if (qlog_text_is(name, "connection_closed") && log->keys_gone < 0)
        log->keys_gone = time;
}

static bool read_named(struct qlog_reader *reader, const struct qlog_record *record,
                       const struct qlog_event *event, struct error *error)
{
    struct qlog_log *log = reader->log;
    if (qlog_carry_is(event->name))
        return qlog_carry_read(log, event->name, event->data, error);
    double time = isnan(event->time) ? qlog_log_same_time(log) : time_as_said(reader, event);
    log->records++;
    if (qlog_own_event_is(bytes_of_text(event->name)))
        return qlog_own_event_read(log, time, event->name, event->data, error);
    enum qlog_direction direction;
    if (qlog_packet_direction(bytes_of_text(event->name), &direction))
        return read_packet(reader, record, time, direction, event->data, error);
    name_unknown(log, bytes_of_text(event->name));
    const char *colon = strrchr(event->name, ':');
    read_other(log, bytes_of_text(colon != NULL ? colon + 1 : event->name), time, event->data);
    return true;
}

/* An event of any connection is of none that is known. */
static bool refuse_group(struct qlog_reader *reader, const struct qlog_record *record,
                         const struct qlog_event *event, struct error *error)
{
    enum qlog_direction direction;
    struct bytes name = bytes_of_text(event->name);
    struct qlog_lost lost = {.packets = qlog_packet_direction(name, &direction),
                             .own_events = qlog_own_event_is(name)};
    lose(reader, reader->log, &lost);
    return bad_record(reader, record, "its group_id or ODCID is neither a text nor a whole number",
                      error);
}

static bool read_event(struct qlog_reader *reader, const struct qlog_record *record,
                       const json_t *value, struct error *error)
{
    struct qlog_event event;
    if (!qlog_event_read(&event, value, &reader->fields)) {
        reader->log->unread_events++;
        lose_record(reader, (struct bytes){0});
        return true;
    }
    reader->is_log = true;
    if (event.group_unreadable)
        return refuse_group(reader, record, &event, error);
    if (!choose_log(reader, event.group, event.group_is_id, error))
        return false;
    size_t before = reader->log->stream_count;
    return read_named(reader, record, &event, error) && count_streams(reader, before, error);
}

/* --- Records --- */

static bool not_a_log(struct qlog_reader *reader, const char *why, struct error *error)
{
    reader->not_a_log = true;
    return error_set(error, "not a QUIC log: %s", why);
}

static bool no_header(struct qlog_reader *reader, struct error *error)
{
    return not_a_log(reader, "its first record is not a qlog header", error);
}

static void read_header(struct qlog_reader *reader, const json_t *trace)
{
    qlog_header_read(reader->log, trace);
    if (reader->log->writer == NULL)
        qlog_text_set(&reader->log->writer, text_of(trace, "title"));
    qlog_event_fields_read(&reader->fields, trace);
    if (reader->fields.known && reader->fields.deltas)
        reader->log->time_form = QLOG_TIME_DELTA;
}

static bool read_value(struct qlog_reader *reader, const struct qlog_record *record,
                       const json_t *value, struct error *error)
{
    if (qlog_is_header(value)) {
        reader->is_log = true;
        if (!begin_log(reader, error))
            return false;
        reader->before_document = reader->log_count;
        read_header(reader, json_object_get(value, "trace"));
        if (reader->log->writer == NULL)
            qlog_text_set(&reader->log->writer, text_of(value, "title"));
        return true;
    }
    if (reader->log == NULL)
        return no_header(reader, error);
    return read_event(reader, record, value, error);
}

/* What a document says of itself it says of its traces, too. */
static void title_traces(struct qlog_reader *reader, const char *title)
{
    for (size_t i = reader->before_document; i < reader->log_count; i++)
        if (reader->logs[i]->writer == NULL)
            qlog_text_set(&reader->logs[i]->writer, title);
    reader->before_document = reader->log_count;
}

static bool read_parsed(struct qlog_reader *reader, const struct qlog_record *record,
                        const json_t *value, struct error *error)
{
    switch (record->kind) {
    case QLOG_RECORD_VALUE:
        return read_value(reader, record, value, error);
    case QLOG_RECORD_EVENT:
        return read_event(reader, record, value, error);
    case QLOG_RECORD_TRACE_HEAD:
    case QLOG_RECORD_TRACE:
        read_header(reader, value);
        return true;
    default:
        reader->is_log |= qlog_is_header(value);
        title_traces(reader, text_of(value, "title"));
        return true;
    }
}

static bool place_error(const struct qlog_reader *reader, const struct qlog_record *record,
                        struct error *error)
{
    if (!reader->not_a_log)
        error_prefix(error, "record %" PRIu64 " at byte %" PRIu64, record->number, record->offset);
    return false;
}

static bool read_scanned(struct qlog_reader *reader, const struct qlog_record *record,
                         struct error *error)
{
    if (reader->log == NULL)
        return no_header(reader, error);
    reader->is_log = true;
    if (!choose_log(reader, record->scanned->group, false, error))
        return place_error(reader, record, error);
    size_t before = reader->log->stream_count;
    return (add_scanned(reader, record->scanned, error) && count_streams(reader, before, error)) ||
           place_error(reader, record, error);
}

/* Bytes that say nothing: between records, or of one that is not whole. */
static bool pass_over(struct qlog_reader *reader, const struct qlog_record *record,
                      struct error *error)
{
    if (reader->log == NULL)
        return not_a_log(reader, "it does not begin with a JSON object", error);
    bool cut = record->kind == QLOG_RECORD_CUT;
    if (cut)
        settle_cut(reader, false);
    reader->cut_log = reader->log;
    qlog_lost_record(&reader->cut, record->text);
    return bad_record(reader, record,
                      cut ? "a record that was cut off is passed over"
                          : "bytes that are no JSON are passed over",
                      error);
}

/* A record with an end, and no JSON. */
static bool pass_over_value(struct qlog_reader *reader, const struct qlog_record *record,
                            const char *why, struct error *error)
{
    if (!reader->is_log && reader->log == NULL)
        return not_a_log(reader, "its first record is not JSON", error);
    if (record->kind == QLOG_RECORD_TRACE_HEAD)
        return true; /* it comes again, behind the events */
    if (record->kind == QLOG_RECORD_VALUE || record->kind == QLOG_RECORD_EVENT)
        lose_record(reader, record->text);
    return bad_record(reader, record, why, error);
}

static bool handle_record(void *context, const struct qlog_record *record, struct error *error)
{
    struct qlog_reader *reader = context;
    if (record->kind == QLOG_RECORD_JUNK || record->kind == QLOG_RECORD_CUT)
        return pass_over(reader, record, error);
    if (record->kind == QLOG_RECORD_TRACE_BEGIN) {
        settle_cut(reader, false);
        return begin_log(reader, error);
    }
    if (record->scanned != NULL) {
        settle_cut(reader, false);
        return read_scanned(reader, record, error);
    }
    json_error_t why;
    json_t *value = qlog_json_load(record->text, &why);
    settle_cut(reader, record->kind == QLOG_RECORD_VALUE && qlog_is_header(value));
    if (value == NULL)
        return pass_over_value(reader, record, why.text, error);
    bool more = read_parsed(reader, record, value, error);
    json_decref(value);
    return more || place_error(reader, record, error);
}

void qlog_reader_init(struct qlog_reader *reader, const char *path, qlog_note_handler *note,
                      void *context)
{
    *reader = (struct qlog_reader){.path = path, .note = note, .note_context = context};
    qlog_splitter_init(&reader->splitter, handle_record, reader);
}

void qlog_reader_clear(struct qlog_reader *reader)
{
    for (size_t i = 0; i < reader->log_count; i++)
        qlog_log_free(reader->logs[i]);
    free(reader->logs);
    qlog_packet_event_clear(&reader->parsed);
    qlog_unpacker_free(reader->unpacker);
    qlog_splitter_clear(&reader->splitter);
    *reader = (struct qlog_reader){0};
}

/* Whether the first bytes may begin a log, so that no large file of another kind is searched for
 * JSON. */
static bool may_be_a_log(struct bytes input)
{
    while (input.size > 0 && strchr("\x1e \t\r\n", *input.data) != NULL && *input.data != '\0')
        input = bytes_after(input, 1);
    return input.size == 0 || *input.data == '{';
}

/* Without a byte order mark, which some editors put before any text. */
static struct bytes without_mark(struct qlog_reader *reader, struct bytes input)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    while (reader->mark_bytes < sizeof(mark) && input.size > 0 &&
           *input.data == mark[reader->mark_bytes]) {
        reader->mark_bytes++;
        input = bytes_after(input, 1);
    }
    if (input.size > 0)
        reader->mark_bytes = sizeof(mark); /* once only */
    return input;
}

static inline uint64_t mix(uint64_t fingerprint, uint64_t word)
{
    uint64_t mixed = (fingerprint ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return mixed << 29 | mixed >> 35;
}

/* By words of eight bytes, wherever blocks end. */
static void take_sample(struct qlog_fingerprint *fingerprint, struct bytes input)
{
    for (; input.size > 0; input = bytes_after(input, 1)) {
        unsigned place = fingerprint->sampled++ % 8;
        fingerprint->unmixed |= (uint64_t)*input.data << 8 * place;
        if (place < 7)
            continue;
        fingerprint->mixed = mix(fingerprint->mixed, fingerprint->unmixed);
        fingerprint->unmixed = 0;
    }
}

/* All of the beginning, and then some bytes here and there. */
static void take_fingerprint(struct qlog_fingerprint *fingerprint, struct bytes input)
{
    while (input.size > 0) {
        uint64_t at = fingerprint->size, place = at % SAMPLE_INTERVAL;
        bool sampled = at < SAMPLED_WHOLE || place < SAMPLE_SIZE;
        uint64_t run = at < SAMPLED_WHOLE ? SAMPLED_WHOLE - at
                       : sampled          ? SAMPLE_SIZE - place
                                          : SAMPLE_INTERVAL - place;
        struct bytes piece = bytes_of(input.data, input.size < run ? input.size : (size_t)run);
        if (sampled)
            take_sample(fingerprint, piece);
        fingerprint->size += piece.size;
        input = bytes_after(input, piece.size);
    }
}

struct qlog_mark qlog_reader_mark(const struct qlog_reader *reader)
{
    const struct qlog_fingerprint *fingerprint = &reader->fingerprint;
    return (struct qlog_mark){.size = fingerprint->size,
                              .fingerprint = mix(fingerprint->mixed, fingerprint->unmixed)};
}

static bool feed_plain(void *context, struct bytes input, struct error *error)
{
    struct qlog_reader *reader = context;
    struct bytes whole = input;
    if (reader->fingerprint.size < 3)
        input = without_mark(reader, input);
    if (reader->fingerprint.size == 0 && !may_be_a_log(input)) {
        const char *format = qlog_format_of(whole);
        char why[96];
        snprintf(why, sizeof(why), "it is %s, which is not read", format);
        return not_a_log(reader, format != NULL ? why : "it does not begin with a JSON object",
                         error);
    }
    take_fingerprint(&reader->fingerprint, whole);
    if (qlog_splitter_read(&reader->splitter, input, error))
        return true;
    if (!reader->is_log && reader->log == NULL)
        reader->not_a_log = true;
    return false;
}

static bool feed(struct qlog_reader *reader, struct bytes input, struct error *error)
{
    if (reader->fingerprint.size == 0 && reader->unpacker == NULL && input.size > 0 &&
        qlog_is_packed(*input.data) && qlog_format_of(input) == NULL)
        reader->unpacker = qlog_unpacker_new(*input.data, feed_plain, reader);
    if (reader->unpacker == NULL)
        return feed_plain(reader, input, error);
    if (qlog_unpacker_read(reader->unpacker, input, error))
        return true;
    reader->not_a_log |= !reader->is_log;
    return false;
}

/* All that follows is not read, and may be anything. */
static void lose_rest(struct qlog_reader *reader)
{
    if (reader->log != NULL)
        lose_record(reader, (struct bytes){0});
}

bool qlog_reader_feed(struct qlog_reader *reader, struct bytes input, struct error *error)
{
    if (feed(reader, input, error))
        return true;
    lose_rest(reader);
    return false;
}

bool qlog_reader_is_amid(const struct qlog_reader *reader)
{
    return reader->splitter.depth > 0 || reader->cut_log != NULL ||
           (reader->unpacker != NULL && qlog_unpacker_is_amid(reader->unpacker));
}

enum qlog_outcome qlog_reader_end(struct qlog_reader *reader, struct error *error)
{
    bool truncated = false;
    if (!qlog_splitter_end(&reader->splitter, &truncated, error))
        return reader->not_a_log ? QLOG_NOT_A_LOG : QLOG_FAILED;
    if (!reader->is_log) {
        bool packed = reader->fingerprint.size == 0 && reader->unpacker != NULL;
        reader->ends_early = truncated || packed;
        not_a_log(reader,
                  truncated                      ? "it has no qlog header, cut off within it"
                  : reader->fingerprint.size > 0 ? "it has no qlog header"
                  : packed                       ? "it is cut off before anything can be unpacked"
                                                 : "it is empty",
                  error);
        return QLOG_NOT_A_LOG;
    }
    if (reader->log != NULL) {
        reader->log->truncated = qlog_reader_is_amid(reader);
        reader->log->document_cut = truncated && reader->splitter.has_events;
    }
    return QLOG_READ;
}

static enum qlog_outcome read_descriptor(struct qlog_reader *reader, int descriptor,
                                         struct error *error)
{
    uint8_t *block = memory_new(READ_SIZE);
    ssize_t size;
    bool more = true;
    while (more && (size = read(descriptor, block, READ_SIZE)) != 0) {
        if (size < 0 && errno == EINTR)
            continue;
        if (size > 0 && reader->progress != NULL)
            __atomic_add_fetch(reader->progress, (uint64_t)size, __ATOMIC_RELAXED);
        more = size > 0 && qlog_reader_feed(reader, bytes_of(block, (size_t)size), error);
        if (size < 0) {
            error_set_kind(error, ERROR_SYSTEM, "cannot be read: %s", strerror(errno));
            lose_rest(reader);
        }
    }
    free(block);
    if (!more)
        return reader->not_a_log ? QLOG_NOT_A_LOG : QLOG_FAILED;
    return qlog_reader_end(reader, error);
}

enum qlog_outcome qlog_reader_file(struct qlog_reader *reader, struct error *error)
{
    if (strcmp(reader->path, "-") == 0)
        return read_descriptor(reader, STDIN_FILENO, error);
    int descriptor = open(reader->path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        error_set_kind(error, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_SYSTEM,
                       "cannot be opened: %s", strerror(errno));
        return QLOG_FAILED;
    }
    enum qlog_outcome outcome = read_descriptor(reader, descriptor, error);
    close(descriptor);
    return outcome;
}
