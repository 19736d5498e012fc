#include "net/verdict/ending.h"

#include "net/qlog/error_code.h"

/* RFC 9000, section 20.1. */
enum {
    FLOW_CONTROL_ERROR = 3,
    STREAM_STATE_ERROR = 5,
    FINAL_SIZE_ERROR = 6,
    NO_VIABLE_PATH = 0x10,
};

static bool breaks_protocol(uint64_t code)
{
    static const uint64_t faults = 1 << 0x3 | 1 << 0x4 | 1 << 0x5 | 1 << 0x6 | 1 << 0x7 | 1 << 0x8 |
                                   1 << 0x9 | 1 << 0xa | 1 << 0xd | 1 << 0xe;
    return code <= NO_VIABLE_PATH && (faults >> code & 1) != 0;
}

/* An end at two offsets, or bytes beyond it. */
static bool changes_size(const struct qlog_half *half)
{
    return half->final_size_changed || (half->fin >= 0 && half->bytes > half->final_size);
}

/* The stream that shows the fault, or else the last one that the offender sent on where the code
 * says that a stream was at fault. */
static const struct qlog_joined_stream *culprit(const struct qlog_connection *connection,
                                                enum qlog_role offender, uint64_t code)
{
    bool of_streams = code >= FLOW_CONTROL_ERROR && code <= STREAM_STATE_ERROR;
    const struct qlog_joined_stream *found = NULL;
    for (size_t i = 0; i < connection->stream_count; i++) {
        const struct qlog_joined_stream *stream = &connection->streams[i];
        const struct qlog_half *half = &stream->half[offender];
        bool suspect = code == FINAL_SIZE_ERROR ? changes_size(half) : of_streams;
        if (suspect && half->last >= 0 &&
            (found == NULL || half->last >= found->half[offender].last))
            found = stream;
    }
    return found;
}

/* Whether who closed it had heard anything from the other: by its own logs, or else by the
 * other's. */
static bool had_heard(const struct qlog_connection *connection, enum qlog_role closer)
{
    bool own = false, received = false, sent = false;
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        bool is_closers = qlog_role_at(place) == closer;
        own |= log != NULL && is_closers;
        received |= log != NULL && is_closers && log->active[QLOG_RECEIVED] >= 0;
        sent |= log != NULL && !is_closers && log->active[QLOG_SENT] >= 0;
    }
    return own ? received : sent;
}

struct qlog_ending qlog_ending_of(const struct qlog_connection *connection)
{
    struct qlog_ending ending = {.by = QLOG_ROLE_UNKNOWN};
    double first = 0;
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        double time = log != NULL ? log->close.time + qlog_shift_at(connection, place) : 0;
        if (log == NULL || log->close.time < 0 ||
            (ending.close != NULL && (!qlog_is_tapped(connection) || time >= first)))
            continue;
        first = time;
        ending.close = &log->close;
        ending.by = log->close.direction == QLOG_SENT ? qlog_role_at(place)
                                                      : qlog_other(qlog_role_at(place));
    }
    if (ending.close == NULL || ending.close->application || ending.close->uncoded)
        return ending;
    uint64_t code = ending.close->code;
    ending.error = qlog_error_name(code);
    ending.broken = breaks_protocol(code) && had_heard(connection, ending.by);
    if (ending.broken)
        ending.stream = culprit(connection, qlog_other(ending.by), code);
    return ending;
}
