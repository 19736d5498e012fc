#include "net/qlog/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/memory.h"
#include "net/qlog/events.h"

enum { READ_SIZE = 64 * 1024 };

static void add_note(struct qlog_reader *reader, const struct qlog_record *record, const char *text)
{
    if (reader->note == NULL)
        return;
    char *line = text_format("record %" PRIu64 " at byte %" PRIu64 ": %s", record->number,
                             record->offset, text);
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
    return true;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* A number that is not negative: false where there is none. */
static bool number_of(const json_t *object, const char *key, uint64_t *value)
{
    const json_t *number = json_object_get(object, key);
    if (json_is_integer(number) && json_integer_value(number) >= 0) {
        *value = (uint64_t)json_integer_value(number);
        return true;
    }
    /* Some writers give every number as a float. */
    if (json_is_real(number) && json_real_value(number) >= 0 && json_real_value(number) < 0x1p62) {
        *value = (uint64_t)json_real_value(number);
        return true;
    }
    return false;
}

/* --- The header --- */

static void read_vantage_point(struct qlog_log *log, const json_t *trace)
{
    const json_t *vantage = json_object_get(trace, "vantage_point");
    const char *type = text_of(vantage, "type");
    qlog_text_set(&log->writer, text_of(vantage, "name"));
    if (type == NULL)
        return;
    enum qlog_role role = strcmp(type, "client") == 0   ? QLOG_CLIENT
                          : strcmp(type, "server") == 0 ? QLOG_SERVER
                                                        : QLOG_ROLE_UNKNOWN;
    if (role != QLOG_ROLE_UNKNOWN) {
        log->role = role;
        log->role_inferred = false;
    }
}

static void set_id(char **id, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    qlog_text_set(id, value);
    for (char *digit = *id; *digit != '\0'; digit++)
        if (*digit >= 'A' && *digit <= 'F')
            *digit += 'a' - 'A';
}

static void read_header(struct qlog_log *log, const json_t *trace)
{
    read_vantage_point(log, trace);
    const json_t *fields = json_object_get(trace, "common_fields");
    if (log->group_id == NULL)
        set_id(&log->group_id, text_of(fields, "group_id"));
    set_id(&log->group_id, text_of(fields, "ODCID"));
    const char *format = text_of(fields, "time_format");
    log->times_are_deltas = format != NULL && strcmp(format, "delta") == 0;
    const json_t *reference = json_object_get(fields, "reference_time");
    if (json_is_number(reference))
        log->reference = json_number_value(reference);
}

/* --- Packets --- */

/* A frame's length is written in three ways. */
static uint64_t length_of(const json_t *frame)
{
    uint64_t length = 0;
    const json_t *raw = json_object_get(frame, "raw");
    if (!number_of(frame, "length", &length) && !number_of(raw, "payload_length", &length))
        number_of(raw, "length", &length);
    return length;
}

static bool read_ack(struct qlog_log *log, const struct qlog_packet *packet, const json_t *frame,
                     struct error *error)
{
    const json_t *ranges = json_object_get(frame, "acked_ranges");
    for (size_t i = 0; i < json_array_size(ranges); i++) {
        const json_t *range = json_array_get(ranges, i);
        const json_t *first = json_array_get(range, 0);
        const json_t *last = json_array_get(range, json_array_size(range) - 1);
        if (!json_is_integer(first) || !json_is_integer(last) ||
            json_integer_value(last) < json_integer_value(first))
            continue;
        const struct qlog_frame ack = {
            .type = QLOG_FRAME_ACK,
            .offset = (uint64_t)json_integer_value(first),
            .length = (uint64_t)(json_integer_value(last) - json_integer_value(first)) + 1,
        };
        if (!qlog_log_frame(log, packet, &ack, error))
            return false;
    }
    return true;
}

static bool read_close(struct qlog_log *log, const struct qlog_packet *packet, const json_t *frame,
                       struct error *error)
{
    const char *space = text_of(frame, "error_space");
    struct qlog_frame close = {
        .type = QLOG_FRAME_CLOSE,
        .application = space != NULL && strncmp(space, "application", 11) == 0,
        .reason = text_of(frame, "reason"),
    };
    if (!number_of(frame, "raw_error_code", &close.code))
        number_of(frame, "error_code", &close.code);
    return qlog_log_frame(log, packet, &close, error);
}

static bool read_stream_frame(struct qlog_log *log, const struct qlog_packet *packet,
                              const json_t *frame, enum qlog_frame_type type, struct error *error)
{
    struct qlog_frame read = {.type = type};
    if (!number_of(frame, "stream_id", &read.stream_id))
        return error_set(error, "a frame's stream_id is no number that QUIC allows");
    if (type == QLOG_FRAME_STREAM) {
        number_of(frame, "offset", &read.offset);
        read.length = length_of(frame);
        read.fin = json_is_true(json_object_get(frame, "fin"));
    }
    return qlog_log_frame(log, packet, &read, error);
}

static bool read_frame(struct qlog_log *log, const struct qlog_packet *packet, const json_t *frame,
                       struct error *error)
{
    static const struct {
        const char *name;
        enum qlog_frame_type type;
    } stream_frames[] = {
        {"stream", QLOG_FRAME_STREAM},
        {"reset_stream", QLOG_FRAME_RESET},
        {"reset_stream_at", QLOG_FRAME_RESET},
        {"stop_sending", QLOG_FRAME_STOP},
    };
    const char *name = text_of(frame, "frame_type");
    if (name == NULL)
        return true;
    for (size_t i = 0; i < sizeof(stream_frames) / sizeof(*stream_frames); i++)
        if (strcmp(name, stream_frames[i].name) == 0)
            return read_stream_frame(log, packet, frame, stream_frames[i].type, error);
    if (strcmp(name, "ack") == 0)
        return read_ack(log, packet, frame, error);
    return strcmp(name, "connection_close") != 0 || read_close(log, packet, frame, error);
}

static bool read_packet(struct qlog_log *log, double time, enum qlog_direction direction,
                        const json_t *data, struct error *error)
{
    const json_t *header = json_object_get(data, "header");
    const char *type = text_of(header, "packet_type");
    struct qlog_packet packet = {
        .time = time,
        .direction = direction,
        .initial = type != NULL && strcmp(type, "initial") == 0,
        .destination_id = text_of(header, "dcid"),
        .number = UINT64_MAX,
    };
    number_of(header, "packet_number", &packet.number);
    qlog_log_packet(log, &packet);
    const json_t *frames = json_object_get(data, "frames");
    log->frames += json_array_size(frames);
    for (size_t i = 0; i < json_array_size(frames); i++)
        if (!read_frame(log, &packet, json_array_get(frames, i), error))
            return false;
    return true;
}

/* --- Other events --- */

static void read_parameters(struct qlog_log *log, const json_t *data)
{
    set_id(&log->original_id, text_of(data, "original_destination_connection_id"));
    uint64_t idle = 0;
    if (number_of(data, "max_idle_timeout", &idle) && idle > 0 &&
        (log->idle_limit < 0 || (double)idle < log->idle_limit))
        log->idle_limit = (double)idle;
}

static void read_alpn(struct qlog_log *log, const json_t *data)
{
    const json_t *chosen = json_object_get(data, "chosen_alpn");
    const char *name = json_string_value(chosen);
    if (name == NULL)
        name = text_of(chosen, "string_value");
    log->foreign |= name != NULL && strcmp(name, "libp2p") != 0;
}

static void read_keys_gone(struct qlog_log *log, double time, const json_t *data)
{
    const char *type = text_of(data, "key_type"), *trigger = text_of(data, "trigger");
    bool update = trigger != NULL && strstr(trigger, "update") != NULL;
    if (type != NULL && strstr(type, "1rtt") != NULL && !update && log->keys_gone < 0)
        log->keys_gone = time;
}

static bool read_claim(struct qlog_log *log, double time, const char *name, const json_t *data,
                       struct error *error)
{
    log->has_claims = true;
    if (strcmp(name, QLOG_PEER_IDENTIFIED) == 0) {
        qlog_text_set(&log->peer, text_of(data, "peer"));
        qlog_text_set(&log->local_peer, text_of(data, "local_peer"));
        return true;
    }
    uint64_t id;
    if (!number_of(data, "stream_id", &id))
        return true;
    struct qlog_claims *claims = qlog_log_claims(log, id, error);
    if (claims == NULL)
        return false;
    if (strcmp(name, QLOG_STREAM_OPENED) == 0)
        claims->opened = time;
    else if (strcmp(name, QLOG_STREAM_NEGOTIATED) == 0)
        claims->negotiated = time;
    else if (strcmp(name, QLOG_NEGOTIATION_FAILED) == 0)
        claims->failed = time;
    else if (strcmp(name, QLOG_STREAM_REGISTERED) == 0)
        claims->registered = time;
    else if (strcmp(name, QLOG_STREAM_DEREGISTERED) == 0)
        claims->deregistered = time;
    else if (strcmp(name, QLOG_STREAM_CLOSED) == 0)
        claims->closed = time;
    qlog_text_set(&claims->protocol, text_of(data, "protocol"));
    qlog_text_set(&claims->role, text_of(data, "role"));
    qlog_text_set(&claims->peer, text_of(data, "peer"));
    qlog_text_set(&claims->reason, text_of(data, "reason"));
    return true;
}

/* Dialects differ in what stands before the colon. */
static bool read_event(struct qlog_log *log, const json_t *event, struct error *error)
{
    const char *name = text_of(event, "name");
    const json_t *stamp = json_object_get(event, "time"), *data = json_object_get(event, "data");
    if (name == NULL || !json_is_number(stamp))
        return true;
    double time = qlog_log_time(log, json_number_value(stamp));
    log->records++;
    if (strncmp(name, "libp2p:", 7) == 0)
        return read_claim(log, time, name, data, error);
    const char *colon = strrchr(name, ':');
    const char *suffix = colon != NULL ? colon + 1 : name;
    if (strcmp(suffix, "packet_sent") == 0)
        return read_packet(log, time, QLOG_SENT, data, error);
    if (strcmp(suffix, "packet_received") == 0)
        return read_packet(log, time, QLOG_RECEIVED, data, error);
    if (strcmp(suffix, "parameters_set") == 0)
        read_parameters(log, data);
    else if (strcmp(suffix, "alpn_information") == 0)
        read_alpn(log, data);
    else if (strcmp(suffix, "key_retired") == 0)
        read_keys_gone(log, time, data);
    else if (strcmp(suffix, "connection_closed") == 0 && log->keys_gone < 0)
        log->keys_gone = time;
    return true;
}

/* --- Records --- */

static bool is_header(const json_t *value)
{
    return json_object_get(value, "qlog_version") != NULL ||
           json_object_get(value, "qlog_format") != NULL ||
           json_object_get(value, "file_schema") != NULL;
}

static bool not_a_log(struct qlog_reader *reader, const char *why, struct error *error)
{
    reader->not_a_log = true;
    return error_set(error, "not a QUIC log: %s", why);
}

static bool read_value(struct qlog_reader *reader, const json_t *value, struct error *error)
{
    if (is_header(value)) {
        reader->is_log = true;
        if (!begin_log(reader, error))
            return false;
        read_header(reader->log, json_object_get(value, "trace"));
        return true;
    }
    if (reader->log == NULL)
        return not_a_log(reader, "its first record is not a qlog header", error);
    return read_event(reader->log, value, error);
}

static bool read_parsed(struct qlog_reader *reader, const struct qlog_record *record,
                        const json_t *value, struct error *error)
{
    switch (record->kind) {
    case QLOG_RECORD_VALUE:
        return read_value(reader, value, error);
    case QLOG_RECORD_EVENT:
        reader->is_log |= json_object_get(value, "name") != NULL;
        return read_event(reader->log, value, error);
    case QLOG_RECORD_TRACE:
        read_header(reader->log, value);
        return true;
    default:
        reader->is_log |= is_header(value);
        return true;
    }
}

static bool handle_record(void *context, const struct qlog_record *record, struct error *error)
{
    struct qlog_reader *reader = context;
    if (record->kind == QLOG_RECORD_TRACE_BEGIN)
        return begin_log(reader, error);
    if (record->kind == QLOG_RECORD_JUNK) {
        if (reader->log == NULL)
            return not_a_log(reader, "it does not begin with a JSON object", error);
        return bad_record(reader, record, "bytes that are no JSON are passed over", error);
    }
    json_error_t why;
    json_t *value = json_loadb((const char *)record->text.data, record->text.size, 0, &why);
    if (value == NULL && !reader->is_log && reader->log == NULL)
        return not_a_log(reader, "its first record is not JSON", error);
    if (value == NULL)
        return bad_record(reader, record, why.text, error);
    bool more = read_parsed(reader, record, value, error);
    json_decref(value);
    if (!more && !reader->not_a_log)
        error_prefix(error, "record %" PRIu64 " at byte %" PRIu64, record->number, record->offset);
    return more;
}

void qlog_reader_init(struct qlog_reader *reader, const char *path, qlog_note_handler *note,
                      void *context)
{
    *reader = (struct qlog_reader){.path = path,
                                   .note = note,
                                   .note_context = context,
                                   .fingerprint = UINT64_C(0xcbf29ce484222325)};
    qlog_splitter_init(&reader->splitter, handle_record, reader);
}

void qlog_reader_clear(struct qlog_reader *reader)
{
    for (size_t i = 0; i < reader->log_count; i++)
        qlog_log_free(reader->logs[i]);
    free(reader->logs);
    qlog_splitter_clear(&reader->splitter);
    *reader = (struct qlog_reader){0};
}

/* What the first bytes rule out, so that no large file of another kind is searched for JSON. */
static bool may_be_a_log(struct bytes input)
{
    while (input.size > 0 && strchr("\x1e \t\r\n", *input.data) != NULL && *input.data != '\0')
        input = bytes_after(input, 1);
    return input.size == 0 || *input.data == '{';
}

bool qlog_reader_feed(struct qlog_reader *reader, struct bytes input, struct error *error)
{
    if (reader->size == 0 && !may_be_a_log(input))
        return not_a_log(reader, "it does not begin with a JSON object", error);
    /* FNV-1a: only equality within one run counts. */
    for (size_t i = 0; i < input.size; i++)
        reader->fingerprint = (reader->fingerprint ^ input.data[i]) * UINT64_C(0x100000001b3);
    reader->size += input.size;
    if (qlog_splitter_read(&reader->splitter, input, error))
        return true;
    if (!reader->is_log && reader->log == NULL)
        reader->not_a_log = true;
    return false;
}

enum qlog_outcome qlog_reader_end(struct qlog_reader *reader, struct error *error)
{
    bool truncated = false;
    if (!qlog_splitter_end(&reader->splitter, &truncated, error))
        return reader->not_a_log ? QLOG_NOT_A_LOG : QLOG_FAILED;
    if (!reader->is_log) {
        not_a_log(reader, reader->size == 0 ? "it is empty" : "it has no qlog header", error);
        return QLOG_NOT_A_LOG;
    }
    if (reader->log != NULL)
        reader->log->truncated = truncated;
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
        more = size > 0 ? qlog_reader_feed(reader, bytes_of(block, (size_t)size), error)
                        : error_set(error, "cannot be read: %s", strerror(errno));
    }
    free(block);
    if (!more)
        return reader->not_a_log ? QLOG_NOT_A_LOG : QLOG_FAILED;
    return qlog_reader_end(reader, error);
}

enum qlog_outcome qlog_reader_file(struct qlog_reader *reader, struct error *error)
{
    int descriptor = open(reader->path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        error_set(error, "cannot be opened: %s", strerror(errno));
        return QLOG_FAILED;
    }
    enum qlog_outcome outcome = read_descriptor(reader, descriptor, error);
    close(descriptor);
    return outcome;
}
