/* From QUIC streams to protocols: each is negotiated once, and belongs to one handler from then on.
 */
#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "net/host/internal.h"
#include "net/qlog/events.h"

enum {
    RESET_CODE = 0,
    NEXT_PROPOSAL_MS = 2000, /* after our `na`, or our FIN behind it; then the stream is reset */
};

int64_t protocol_stream_id(const struct protocol_stream *stream)
{
    return quic_stream_id(stream->quic);
}

/* ---- our events in the QUIC log ---- */

static void log_event(struct protocol_stream *stream, const char *name, const char *protocol,
                      const char *role, const char *reason)
{
    struct quic_connection *quic = stream->connection->quic;
    if (!quic_connection_has_log(quic))
        return;
    const struct peer *peer = stream->connection->peer;
    const struct qlog_field fields[] = {
        {"stream_id", QLOG_NUMBER, .number = protocol_stream_id(stream)},
        {"initiator", QLOG_TEXT, .text = stream->outbound ? "local" : "remote"},
        {"protocol", QLOG_TEXT, .text = protocol},
        {"peer", QLOG_TEXT, .text = peer != NULL ? peer->name : NULL},
        {"role", QLOG_TEXT, .text = role},
        {"reason", QLOG_TEXT, .text = reason},
    };
    quic_connection_log(quic, name, fields, sizeof(fields) / sizeof(*fields));
}

static const char *role_of(const struct protocol_stream *stream)
{
    return stream->outbound ? stream->protocol->outbound_role : stream->protocol->inbound_role;
}

static void log_registered(struct protocol_stream *stream)
{
    if (!stream->unregistered)
        log_event(stream, QLOG_STREAM_REGISTERED, stream->protocol->name, role_of(stream), NULL);
}

/* ---- beginning and end ---- */

static void on_deadline(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    protocol_stream_abort(argument, PROTOCOL_TIMED_OUT);
}

void protocol_stream_deadline(struct protocol_stream *stream, uint64_t milliseconds)
{
    if (milliseconds == 0) {
        if (stream->deadline != NULL)
            event_free(stream->deadline);
        stream->deadline = NULL;
        return;
    }
    if (stream->deadline == NULL)
        stream->deadline =
            evtimer_new(stream->connection->host->settings.base, on_deadline, stream);
    struct timeval delay = clock_timeval(milliseconds * 1000);
    event_arm(stream->deadline, &delay);
}

static struct protocol_stream *stream_for(struct peer_connection *connection,
                                          struct quic_stream *quic, bool outbound)
{
    struct protocol_stream *stream = memory_new(sizeof(*stream));
    stream->connection = connection;
    stream->quic = quic;
    stream->outbound = outbound;
    stream->opened_ms = clock_now_ms();
    quic_stream_set_user(quic, stream);
    log_event(stream, QLOG_STREAM_OPENED, NULL, NULL, NULL);
    protocol_stream_deadline(stream, STREAM_NEGOTIATION_MS);
    return stream;
}

static void flush_negotiation(struct protocol_stream *stream, struct buffer *output)
{
    if (output->size > 0)
        quic_stream_write_bytes(stream->quic, buffer_bytes(output));
    buffer_clear(output);
}

struct protocol_stream *protocol_stream_open(struct peer_connection *connection,
                                             const struct protocol *protocol, void *state)
{
    struct quic_stream *quic = quic_stream_open(connection->quic);
    if (quic == NULL)
        return NULL;
    struct protocol_stream *stream = stream_for(connection, quic, true);
    stream->protocol = protocol;
    stream->state = state;
    struct buffer output = {0};
    multistream_open(&stream->negotiation, protocol->name, &output);
    flush_negotiation(stream, &output);
    return stream;
}

void protocol_stream_accept(struct peer_connection *connection, struct quic_stream *quic)
{
    struct protocol_stream *stream = stream_for(connection, quic, false);
    multistream_accept(&stream->negotiation);
}

/* The handler lets go; what follows on the QUIC stream finds nobody. */
static void release(struct protocol_stream *stream, enum protocol_end reason)
{
    if (stream->ended)
        return;
    stream->ended = true;
    protocol_stream_deadline(stream, 0);
    if (stream->protocol != NULL && stream->protocol->ended != NULL)
        stream->protocol->ended(stream, reason);
    if (stream->protocol != NULL && !stream->unregistered)
        log_event(stream, QLOG_STREAM_DEREGISTERED, NULL, NULL, protocol_end_text(reason));
}

void protocol_stream_abort(struct protocol_stream *stream, enum protocol_end reason)
{
    if (stream->ended)
        return;
    quic_stream_reset(stream->quic, RESET_CODE);
    release(stream, reason);
}

void protocol_stream_quic_closed(struct protocol_stream *stream, bool connection_lost)
{
    release(stream, connection_lost ? PROTOCOL_CONNECTION_LOST : PROTOCOL_CLOSED);
    log_event(stream, QLOG_STREAM_CLOSED, NULL, NULL,
              connection_lost ? "connection lost" : "ended");
    multistream_clear(&stream->negotiation);
    buffer_clear(&stream->input);
    quic_stream_set_user(stream->quic, NULL);
    free(stream);
}

void protocol_stream_write(struct protocol_stream *stream, struct bytes data)
{
    quic_stream_write_bytes(stream->quic, data);
}

void protocol_stream_finish(struct protocol_stream *stream)
{
    if (stream->outbound)
        quic_stream_finish(stream->quic);
    else
        quic_stream_finish_apart(stream->quic);
    if (!stream->finished)
        protocol_stream_deadline(stream, STREAM_CLOSE_MS);
}

/* ---- negotiation ---- */

static bool knows(void *context, const char *name)
{
    return host_protocol_find(context, name) != NULL;
}

static void log_failure(struct protocol_stream *stream, const char *why)
{
    log_event(stream, QLOG_NEGOTIATION_FAILED, stream->negotiation.protocol, NULL, why);
    log_debug("stream %lld: %s: %s", (long long)protocol_stream_id(stream),
              stream->negotiation.protocol, why);
}

static void negotiation_failed(struct protocol_stream *stream, enum protocol_end reason)
{
    log_failure(stream, reason == PROTOCOL_REJECTED ? "na" : stream->error.text);
    protocol_stream_abort(stream, reason);
}

static void negotiated(struct protocol_stream *stream)
{
    struct host *host = stream->connection->host;
    protocol_stream_deadline(stream, 0);
    if (!stream->outbound)
        stream->protocol = host_protocol_find(host, stream->negotiation.protocol);
    log_event(stream, QLOG_STREAM_NEGOTIATED, stream->protocol->name, NULL, NULL);
    log_registered(stream);
    if (stream->protocol->open != NULL)
        stream->protocol->open(stream);
}

/* Answered `na`, and nothing that we speak was proposed since. */
static bool was_refused(const struct protocol_stream *stream)
{
    return !stream->outbound && stream->negotiation.state != MULTISTREAM_DONE &&
           stream->negotiation.proposals > 0;
}

/* What follows our `na` is no proposal but what the opener sent at once, in the hope that we speak
 * the protocol. A reset would take the `na` with it before it is read. */
static void end_refused(struct protocol_stream *stream)
{
    log_failure(stream, stream->error.text);
    quic_stream_finish(stream->quic);
    protocol_stream_deadline(stream, NEXT_PROPOSAL_MS);
}

static bool resets_refused(const struct protocol_stream *stream)
{
    return (stream->connection->host->settings.faults & FAULT_NOT_SPOKEN_RESET) != 0 &&
           was_refused(stream);
}

/* Returns what is behind the negotiation. */
static struct bytes negotiate(struct protocol_stream *stream, struct bytes data)
{
    struct buffer output = {0};
    struct multistream *negotiation = &stream->negotiation;
    size_t taken = multistream_receive(negotiation, data, knows, stream->connection->host, &output,
                                       &stream->error);
    flush_negotiation(stream, &output);
    if (negotiation->state == MULTISTREAM_DONE)
        negotiated(stream);
    else if (negotiation->state == MULTISTREAM_REJECTED)
        negotiation_failed(stream, PROTOCOL_REJECTED);
    else if (resets_refused(stream))
        protocol_stream_abort(stream, PROTOCOL_REJECTED);
    else if (negotiation->state == MULTISTREAM_FAILED && was_refused(stream))
        end_refused(stream);
    else if (negotiation->state == MULTISTREAM_FAILED)
        negotiation_failed(stream, PROTOCOL_UNINTELLIGIBLE);
    else if (was_refused(stream))
        protocol_stream_deadline(stream, NEXT_PROPOSAL_MS);
    return bytes_after(data, taken);
}

static void receive_fin(struct protocol_stream *stream)
{
    stream->finished = true;
    if (stream->ended)
        return;
    if (stream->negotiation.state != MULTISTREAM_DONE) {
        error_set(&stream->error, "the stream ended during negotiation");
        if (was_refused(stream))
            quic_stream_finish(stream->quic);
        else
            negotiation_failed(stream, PROTOCOL_UNINTELLIGIBLE);
    } else if (stream->protocol->fin != NULL) {
        stream->protocol->fin(stream);
    }
}

void protocol_stream_receive(struct protocol_stream *stream, struct bytes data, bool fin)
{
    size_t size = data.size;
    stream->fin_follows = fin;
    if (!stream->ended && stream->negotiation.state == MULTISTREAM_PENDING && data.size > 0)
        data = negotiate(stream, data);
    bool told = !stream->ended && stream->negotiation.state == MULTISTREAM_DONE && data.size > 0 &&
                stream->protocol->data != NULL;
    quic_stream_credit(stream->quic, told && stream->protocol->credits ? size - data.size : size);
    if (told)
        stream->protocol->data(stream, data);
    if (fin)
        receive_fin(stream);
}
