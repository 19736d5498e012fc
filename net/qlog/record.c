#include "net/qlog/record.h"

#include <inttypes.h>
#include <stdio.h>

enum { TRACE_DEPTH = 3, EVENTS_DEPTH = 4 };

void qlog_splitter_init(struct qlog_splitter *splitter, qlog_record_handler *handler, void *context)
{
    *splitter = (struct qlog_splitter){.handler = handler, .context = context};
}

void qlog_splitter_clear(struct qlog_splitter *splitter)
{
    buffer_clear(&splitter->value);
    buffer_clear(&splitter->event);
    qlog_packet_event_clear(&splitter->scanned);
}

static bool hand_out(struct qlog_splitter *splitter, enum qlog_record_kind kind, struct bytes text,
                     uint64_t offset, struct error *error)
{
    if (kind != QLOG_RECORD_TRACE_HEAD) /* its trace counts */
        splitter->record_number++;
    const struct qlog_record record = {
        .kind = kind, .text = text, .number = splitter->record_number, .offset = offset};
    return splitter->handler(splitter->context, &record, error);
}

static bool hand_out_scanned(struct qlog_splitter *splitter, enum qlog_record_kind kind,
                             struct bytes text, uint64_t offset, struct error *error)
{
    const struct qlog_record record = {.kind = kind,
                                       .text = text,
                                       .number = ++splitter->record_number,
                                       .offset = offset,
                                       .scanned = &splitter->scanned};
    return splitter->handler(splitter->context, &record, error);
}

/* A record that was gathered piece by piece. */
static bool hand_out_gathered(struct qlog_splitter *splitter, enum qlog_record_kind kind,
                              struct bytes text, uint64_t offset, struct error *error)
{
    if (qlog_packet_scan(&splitter->scanned, text) == text.size)
        return hand_out_scanned(splitter, kind, text, offset, error);
    return hand_out(splitter, kind, text, offset, error);
}

static bool flush_junk(struct qlog_splitter *splitter, struct error *error)
{
    if (splitter->junk == 0)
        return true;
    uint64_t junk = splitter->junk;
    splitter->junk = 0;
    return hand_out(splitter, QLOG_RECORD_JUNK, bytes_of("", 0), splitter->offset - junk, error);
}

static bool limit_passed(struct qlog_splitter *splitter, struct error *error, const char *what)
{
    return error_set(error, "record %" PRIu64 " at byte %" PRIu64 ": %s",
                     splitter->record_number + 1,
                     splitter->in_event ? splitter->event_offset : splitter->value_offset, what);
}

static bool keep(struct qlog_splitter *splitter, const uint8_t *data, size_t size,
                 struct error *error)
{
    char what[80];
    if (splitter->events_depth > 0 && !splitter->in_event) { /* commas and spaces, or no event */
        splitter->between += size;
        for (size_t i = 0; i < size; i++)
            splitter->junk += memchr(", \t\r\n", data[i], 5) == NULL;
        snprintf(what, sizeof(what), "more than %d bytes that are no event",
                 QLOG_RECORD_SIZE_LIMIT);
        return splitter->between <= QLOG_RECORD_SIZE_LIMIT || limit_passed(splitter, error, what);
    }
    struct buffer *target = splitter->in_event ? &splitter->event : &splitter->value;
    if (size > QLOG_RECORD_SIZE_LIMIT - target->size) {
        snprintf(what, sizeof(what), "longer than %d bytes", QLOG_RECORD_SIZE_LIMIT);
        return limit_passed(splitter, error, what);
    }
    buffer_append(target, data, size);
    return true;
}

/* The outermost value is given up at BYTE: what follows begins anew. */
static bool abandon(struct qlog_splitter *splitter, uint8_t byte, struct error *error)
{
    if (!flush_junk(splitter, error))
        return false;
    struct bytes cut = buffer_bytes(splitter->in_event ? &splitter->event : &splitter->value);
    splitter->depth = splitter->events_depth = 0;
    splitter->in_string = splitter->escaped = splitter->in_event = splitter->has_events = false;
    splitter->after_line = false;
    splitter->separated = byte == QLOG_RECORD_SEPARATOR;
    splitter->key_open = splitter->key_next = false;
    splitter->value.size = splitter->event.size = 0;
    return hand_out(splitter, QLOG_RECORD_CUT, cut, splitter->offset - cut.size, error);
}

static bool key_is(const struct qlog_splitter *splitter, unsigned depth, const char *name)
{
    return strcmp(splitter->keys[depth], name) == 0;
}

static bool inside_traces(const struct qlog_splitter *splitter)
{
    return splitter->depth >= 2 && splitter->brackets[0] == '{' && splitter->brackets[1] == '[' &&
           key_is(splitter, 1, "traces");
}

/* Most writers say how events are meant before the first of them. Once a trace: it may claim to
 * have events again and again, and each head would hold all before it. */
static bool hand_out_head(struct qlog_splitter *splitter, struct error *error)
{
    if (splitter->head_known)
        return true;
    splitter->head_known = true;
    struct buffer head = {0};
    struct bytes text = bytes_after(buffer_bytes(&splitter->value), splitter->trace_start);
    buffer_append(&head, text.data, text.size);
    buffer_append_text(&head, "]}");
    bool more = hand_out(splitter, QLOG_RECORD_TRACE_HEAD, buffer_bytes(&head),
                         splitter->value_offset, error);
    buffer_clear(&head);
    return more;
}

static bool open_bracket(struct qlog_splitter *splitter, uint8_t byte, struct error *error)
{
    if (splitter->depth == QLOG_RECORD_DEPTH_LIMIT) {
        char what[80];
        snprintf(what, sizeof(what), "nested deeper than %d levels", QLOG_RECORD_DEPTH_LIMIT);
        return limit_passed(splitter, error, what);
    }
    if (splitter->events_depth > 0 && splitter->depth == splitter->events_depth) {
        if (!flush_junk(splitter, error))
            return false;
        splitter->in_event = true;
        splitter->between = 0;
        splitter->event_offset = splitter->offset;
        splitter->event.size = 0;
    }
    splitter->brackets[splitter->depth++] = (char)byte;
    splitter->key_next = byte == '{';
    if (splitter->depth <= EVENTS_DEPTH)
        splitter->keys[splitter->depth][0] = '\0';
    if (!keep(splitter, &byte, 1, error))
        return false;
    if (splitter->in_event || !inside_traces(splitter))
        return true;
    if (splitter->depth == TRACE_DEPTH && byte == '{') {
        splitter->trace_start = splitter->value.size - 1;
        splitter->has_events = true;
        splitter->head_known = false;
        return hand_out(splitter, QLOG_RECORD_TRACE_BEGIN, bytes_of("", 0), splitter->offset,
                        error);
    }
    if (splitter->depth == EVENTS_DEPTH && byte == '[' && splitter->brackets[2] == '{' &&
        key_is(splitter, 3, "events")) {
        splitter->events_depth = EVENTS_DEPTH;
        return hand_out_head(splitter, error);
    }
    return true;
}

static bool end_event(struct qlog_splitter *splitter, struct error *error)
{
    splitter->in_event = false;
    return hand_out_gathered(splitter, QLOG_RECORD_EVENT, buffer_bytes(&splitter->event),
                             splitter->event_offset, error);
}

static bool end_value(struct qlog_splitter *splitter, struct error *error)
{
    struct bytes text = buffer_bytes(&splitter->value);
    bool more =
        splitter->has_events
            ? hand_out(splitter, QLOG_RECORD_DOCUMENT, text, splitter->value_offset, error)
            : hand_out_gathered(splitter, QLOG_RECORD_VALUE, text, splitter->value_offset, error);
    splitter->value.size = 0;
    splitter->has_events = splitter->separated = false;
    return more;
}

static bool close_bracket(struct qlog_splitter *splitter, uint8_t byte, struct error *error)
{
    char opened = splitter->brackets[splitter->depth - 1];
    if ((byte == '}') != (opened == '{'))
        return limit_passed(splitter, error, "brackets do not match");
    if (!splitter->in_event && splitter->depth == splitter->events_depth) {
        if (!flush_junk(splitter, error))
            return false;
        splitter->events_depth = 0;
    }
    splitter->depth--;
    splitter->key_next = false;
    if (!keep(splitter, &byte, 1, error))
        return false;
    if (splitter->in_event)
        return splitter->depth > splitter->events_depth || end_event(splitter, error);
    if (splitter->depth == TRACE_DEPTH - 1 && byte == '}' && inside_traces(splitter)) {
        struct bytes text = bytes_after(buffer_bytes(&splitter->value), splitter->trace_start);
        return hand_out(splitter, QLOG_RECORD_TRACE, text, splitter->value_offset, error);
    }
    return splitter->depth > 0 || end_value(splitter, error);
}

static void read_key(struct qlog_splitter *splitter, const uint8_t *data, size_t size)
{
    if (!splitter->key_open || splitter->depth > EVENTS_DEPTH)
        return;
    char *key = splitter->keys[splitter->depth];
    while (size-- > 0 && splitter->key_size < QLOG_KEY_SIZE - 1)
        key[splitter->key_size++] = (char)*data++;
    key[splitter->key_size] = '\0';
}

/* The run of plain characters of a string at DATA. */
static size_t string_run(const uint8_t *data, size_t size)
{
    size_t run = 0;
    while (run < size && data[run] != '"' && data[run] != '\\' && data[run] != '\n' &&
           data[run] != QLOG_RECORD_SEPARATOR)
        run++;
    return run;
}

/* Reads on inside a string: sets USED to the bytes taken. */
static bool read_string(struct qlog_splitter *splitter, struct bytes input, size_t *used,
                        struct error *error)
{
    size_t run = splitter->escaped ? 0 : string_run(input.data, input.size);
    *used = run > 0 ? run : 1;
    if (run > 0)
        read_key(splitter, input.data, run);
    else if (splitter->escaped)
        splitter->escaped = false;
    else if (*input.data == '\\')
        splitter->escaped = true;
    else if (*input.data == '"')
        splitter->in_string = splitter->key_open = false;
    else
        return abandon(splitter, *input.data, error); /* JSON has no line end inside a string */
    return keep(splitter, input.data, *used, error);
}

static bool read_outside(struct qlog_splitter *splitter, uint8_t byte, struct error *error)
{
    if (byte == '{' || (byte == '[' && splitter->record_number > 0)) {
        if (!flush_junk(splitter, error))
            return false;
        splitter->value_offset = splitter->offset;
        return open_bracket(splitter, byte, error);
    }
    if (byte == QLOG_RECORD_SEPARATOR)
        splitter->separated = true;
    else if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t')
        splitter->junk++;
    return true;
}

/* The run of bytes at DATA that open, close and separate nothing. */
static size_t plain_run(const uint8_t *data, size_t size)
{
    size_t run = 0;
    while (run < size && data[run] > QLOG_RECORD_SEPARATOR && strchr("{}[]\",:", data[run]) == NULL)
        run++;
    return run;
}

/* A line that begins with a bracket amid a value begins a new one: the other was cut off. One
 * behind a separator may be of many lines: RFC 7464, section 2.1. */
static bool begins_anew(const struct qlog_splitter *splitter, uint8_t byte)
{
    return byte == '{' && splitter->after_line && !splitter->separated && !splitter->has_events &&
           !inside_traces(splitter);
}

static bool read_bracket(struct qlog_splitter *splitter, uint8_t byte, struct error *error)
{
    bool anew = begins_anew(splitter, byte);
    splitter->after_line = byte == '\n';
    if (anew)
        return abandon(splitter, byte, error) && read_outside(splitter, byte, error);
    switch (byte) {
    case '{':
    case '[':
        return open_bracket(splitter, byte, error);
    case '}':
    case ']':
        return close_bracket(splitter, byte, error);
    case QLOG_RECORD_SEPARATOR:
        return abandon(splitter, byte, error);
    case '"':
        splitter->in_string = true;
        splitter->key_open = splitter->key_next;
        splitter->key_size = 0;
        break;
    case ',':
        splitter->key_next = splitter->brackets[splitter->depth - 1] == '{';
        break;
    case ':':
        splitter->key_next = false;
        break;
    default:
        break;
    }
    return keep(splitter, &byte, 1, error);
}

/* Reads on inside a value: sets USED to the bytes taken. */
static bool read_inside(struct qlog_splitter *splitter, struct bytes input, size_t *used,
                        struct error *error)
{
    size_t run = plain_run(input.data, input.size);
    if (run == 0)
        return read_bracket(splitter, *input.data, error);
    *used = run;
    splitter->after_line = false;
    return keep(splitter, input.data, run, error);
}

static bool at_record(const struct qlog_splitter *splitter, uint8_t byte)
{
    return byte == '{' && !splitter->in_string &&
           (splitter->depth == 0 ||
            (splitter->depth == splitter->events_depth && !splitter->in_event));
}

/* The run of commas and spaces between the events of a document. */
static size_t separating_run(const struct qlog_splitter *splitter, struct bytes input)
{
    size_t run = 0;
    if (splitter->events_depth == 0 || splitter->depth != splitter->events_depth ||
        splitter->in_event || splitter->in_string)
        return 0;
    while (run < input.size && (input.data[run] == ',' || input.data[run] == ' '))
        run++;
    return run;
}

/* Takes a record that INPUT holds whole where it is: sets USED to its size, 0 where the scanner
 * does not know it. */
static bool read_scanned(struct qlog_splitter *splitter, struct bytes input, size_t *used,
                         struct error *error)
{
    if (input.size > QLOG_RECORD_SIZE_LIMIT)
        input.size = QLOG_RECORD_SIZE_LIMIT;
    *used = qlog_packet_scan(&splitter->scanned, input);
    if (*used == 0)
        return true;
    bool outermost = splitter->depth == 0;
    if (!flush_junk(splitter, error))
        return false;
    splitter->after_line = false;
    splitter->separated &= !outermost;
    return hand_out_scanned(splitter, outermost ? QLOG_RECORD_VALUE : QLOG_RECORD_EVENT,
                            bytes_of(input.data, *used), splitter->offset, error);
}

bool qlog_splitter_read(struct qlog_splitter *splitter, struct bytes input, struct error *error)
{
    while (input.size > 0) {
        size_t used = separating_run(splitter, input);
        bool more = true;
        if (used == 0 && at_record(splitter, *input.data))
            more = read_scanned(splitter, input, &used, error);
        if (!more)
            return false;
        if (used > 0) {
            splitter->offset += used;
            input = bytes_after(input, used);
            continue;
        }
        used = 1;
        if (splitter->in_string)
            more = read_string(splitter, input, &used, error);
        else if (splitter->depth > 0)
            more = read_inside(splitter, input, &used, error);
        else
            more = read_outside(splitter, *input.data, error);
        if (!more)
            return false;
        splitter->offset += used;
        input = bytes_after(input, used);
    }
    return true;
}

bool qlog_splitter_end(struct qlog_splitter *splitter, bool *truncated, struct error *error)
{
    *truncated = splitter->depth > 0;
    return *truncated || flush_junk(splitter, error);
}
