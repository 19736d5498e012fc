#include "net/verdict/undecidable.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/memory.h"
#include "net/qlog/lost.h"

#define CANNOT_TELL ": whether streams were orphaned cannot be told from it"

/* Nothing is known of what streams carried. */
static char *why_nothing(const struct qlog_log *log)
{
    if (log->packets == 0 && log->unread_events > 0)
        return text_format("%" PRIu64 " of its events have no name where one is looked for, and it "
                           "holds no packets beside them" CANNOT_TELL,
                           log->unread_events);
    if (log->packets == 0 && log->unknown_event != NULL)
        return text_format("%sholds no packets, but events of kinds that are not known "
                           "(\"%s\")" CANNOT_TELL,
                           log->truncated ? "is cut off, and " : "", log->unknown_event);
    if (log->packets == 0)
        return text_copy(log->truncated ? "is cut off, and holds no packets" CANNOT_TELL
                                        : "holds no packets" CANNOT_TELL);
    if (log->frames == 0)
        return text_copy("its packets are logged without their frames" CANNOT_TELL);
    return NULL;
}

/* One direction of a connection that got beyond its handshake. */
static char *why_one_direction(const struct qlog_log *log)
{
    for (int i = QLOG_SENT; i <= QLOG_RECEIVED; i++) {
        enum qlog_direction there = (enum qlog_direction)i;
        enum qlog_direction other = there == QLOG_SENT ? QLOG_RECEIVED : QLOG_SENT;
        bool there_is_more = log->stream_framed[there] > 0 || log->has_application[there];
        if (there_is_more && log->framed[other] == 0)
            return text_format("the packets that were %s are missing from it" CANNOT_TELL,
                               other == QLOG_SENT ? "sent" : "received");
    }
    return NULL;
}

static char *why_unknown_frames(const struct qlog_log *log)
{
    uint64_t count = log->unknown_packets > 0 ? log->unknown_packets : log->unknown_beside;
    const char *type = log->unknown_frame, *quote = type != NULL ? "\"" : "";
    if (count == 0)
        return NULL;
    return text_format("%" PRIu64 " of its packets hold %sframes of types that are not known "
                       "(%s%s%s)" CANNOT_TELL,
                       count, log->unknown_packets > 0 ? "only " : "streams' ", quote,
                       type != NULL ? type : "none is given", quote);
}

/* Packets, or what a tap heard, are in records that cannot be read, or may be. */
static char *why_lost(const struct qlog_log *log)
{
    const struct qlog_lost *lost = &log->lost;
    if (lost->packets > 0)
        return text_format("%" PRIu64
                           " of its packets are in records that cannot be read" CANNOT_TELL,
                           lost->packets);
    if (lost->own_events > 0)
        return text_format("%" PRIu64 " of the events of the node or tap that wrote it are in "
                           "records that cannot be read" CANNOT_TELL,
                           lost->own_events);
    if (qlog_lost_may_be_packets(log, QLOG_TEARDOWN) ||
        (log->leg != QLOG_NO_TAP && lost->untold > 0))
        return text_format("%" PRIu64
                           " of its records cannot be read, and may be of packets" CANNOT_TELL,
                           lost->untold);
    return NULL;
}

/* Parts of what streams carried are missing. */
static char *why_patchy(const struct qlog_log *log)
{
    char *text = why_unknown_frames(log);
    if (text != NULL)
        return text;
    uint64_t bare = log->bare[QLOG_SENT] + log->bare[QLOG_RECEIVED];
    if (bare > 0)
        return text_format("%" PRIu64 " of its packets are logged without their frames" CANNOT_TELL,
                           bare);
    if (log->unread_frames > 0)
        return text_format("%" PRIu64 " of its frames cannot be read (%s)" CANNOT_TELL,
                           log->unread_frames, log->unread_why);
    char *why = why_lost(log);
    if (why != NULL)
        return why;
    why = why_one_direction(log);
    if (why != NULL)
        return why;
    const char *missing = qlog_log_missing(log);
    return missing != NULL ? text_format("%s from it" CANNOT_TELL, missing) : NULL;
}

/* What there is is whole, and more was there. A process that is killed cuts its log off, too, but
 * none of those that write all at once; a disk that is full does. */
static char *why_not_all(const struct qlog_log *log)
{
    if (log->unread_events > 0)
        return text_format("%" PRIu64
                           " of its events have no name where one is looked for" CANNOT_TELL,
                           log->unread_events);
    if (log->truncated && !log->followed && (log->document_cut || log->stream_frames == 0))
        return text_copy("is cut off, and no packets are known from there on" CANNOT_TELL);
    return NULL;
}

/* Whether a claim may be missing from it, which no other log has. */
static bool may_lack_claims(const struct qlog_log *log)
{
    return log->has_claims &&
           (log->lost.own_events > 0 || log->lost.untold > 0 || qlog_log_missing(log) != NULL);
}

static char *why_claims(const struct qlog_log *log)
{
    if (!log->has_claims || log->lost.untold == 0)
        return NULL;
    return text_format("%" PRIu64
                       " of its records cannot be read, and may be of events of the node "
                       "that wrote it" CANNOT_TELL,
                       log->lost.untold);
}

static char *why(const struct qlog_log *log, bool foreign)
{
    if (qlog_log_never_began(log))
        return NULL;
    char *text = why_nothing(log);
    if (text != NULL || foreign)
        return text;
    text = why_patchy(log);
    if (text == NULL)
        text = why_claims(log);
    return text != NULL ? text : why_not_all(log);
}

/* The other end saw all that passed, too, unless its log is no better. */
static bool is_whole(const struct qlog_log *log)
{
    char *text = log != NULL ? why(log, false) : NULL;
    free(text);
    return log != NULL && text == NULL;
}

/* Whether a log at another place than PLACE is. */
static bool another_is_whole(const struct qlog_connection *connection, unsigned place)
{
    for (unsigned other = 0; other < QLOG_PLACES; other++)
        if (other != place && is_whole(qlog_log_at(connection, other)))
            return true;
    return false;
}

static bool has_times(const struct qlog_connection *connection)
{
    bool has = false;
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        has |= log != NULL && log->has_origin;
    }
    return has;
}

/* What came first, of what logs have, their times do not tell; NULL where they do. */
static const char *why_times(const struct qlog_connection *connection, const struct qlog_log *log)
{
    if (log->set_back)
        return "its times go back to long before its first event's" CANNOT_TELL;
    return log->packets > 0 && !log->has_origin && has_times(connection)
               ? "its events have no times, by which those of the connection's other log could be "
                 "set beside them" CANNOT_TELL
               : NULL;
}

static bool tells_times(const struct qlog_connection *connection)
{
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        if (log != NULL && why_times(connection, log) != NULL)
            return false;
    }
    return true;
}

/* Logs of one end under one id, of which one is read. */
static char *why_displaced(const struct qlog_log *log)
{
    return text_format("stands in the place of %s, which is of the same end by its id and says "
                       "something else: whether streams were orphaned cannot be told from that",
                       log->path);
}

char *qlog_why_undecidable(const struct qlog_connection *connection, unsigned place)
{
    const struct qlog_log *log = qlog_log_at(connection, place);
    if (connection->displaced[place] != NULL)
        return why_displaced(connection->displaced[place]);
    const char *times = log != NULL ? why_times(connection, log) : NULL;
    if (times != NULL)
        return text_copy(times);
    if (log == NULL || (another_is_whole(connection, place) && !may_lack_claims(log)))
        return NULL;
    return why(log, connection->foreign);
}

bool qlog_is_patchy(const struct qlog_connection *connection)
{
    bool patchy = false;
    if (!tells_times(connection))
        return !connection->foreign;
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
        bool in_parts = connection->displaced[place] != NULL;
        if (is_whole(log) && !in_parts)
            return false;
        char *text = log != NULL ? why_patchy(log) : NULL;
        patchy |= text != NULL || in_parts;
        free(text);
    }
    return patchy && !connection->foreign;
}

/* A node that owns a stream lets go of it before it is closed. */
static bool is_told(const struct qlog_claims *claims)
{
    return claims != NULL && claims->deregistered < 0 &&
           (claims->registered >= 0 || claims->closed >= 0);
}

void qlog_find_lacking(const struct qlog_connection *connection, bool lacking[2])
{
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++)
        lacking[end] = connection->ends[end] != NULL && may_lack_claims(connection->ends[end]);
}

bool qlog_claims_may_be_missing(const bool lacking[2], const struct qlog_joined_stream *stream)
{
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++)
        if (lacking[end] && !is_told(stream->claims[end]))
            return true;
    return false;
}
