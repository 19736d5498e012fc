/*
 * Status: the dialler asks right after the handshake, the listener answers and never asks. Only
 * then does gossip begin, and a status that fails ends the connection.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/host/internal.h"
#include "net/protocols/reqresp.h"

static struct peer *peer_of(const struct protocol_stream *stream)
{
    return stream->connection->peer;
}

static void tell_status(struct protocol_stream *stream)
{
    struct host_event event = {.kind = HOST_STATUS,
                               .peer = peer_of(stream),
                               .connection = stream->connection,
                               .by = stream->outbound ? HOST_BY_US : HOST_BY_PEER};
    host_tell(stream->connection->host, &event);
}

static bool learn(struct protocol_stream *stream, struct bytes ssz, struct error *error)
{
    struct peer *peer = peer_of(stream);
    if (!status_decode(ssz, &peer->status, error))
        return false;
    peer->status_known = true;
    return true;
}

/* ---- asking ---- */

/* Not once it was answered, unless what is wrong came behind the answer. */
static bool may_fail(const struct peer_connection *connection, enum protocol_end end)
{
    return connection->status == STATUS_ASKED ||
           (connection->status == STATUS_DONE && end == PROTOCOL_UNINTELLIGIBLE);
}

/* The reason goes into the event; without a status the connection is mostly of no use. */
static void ask_failed(struct protocol_stream *stream, enum protocol_end end, const char *reason)
{
    struct peer_connection *connection = stream->connection;
    if (!may_fail(connection, end))
        return;
    bool not_spoken = protocol_not_spoken(end);
    connection->status = not_spoken ? STATUS_NOT_SPOKEN : STATUS_FAILED;
    struct host_event event = {.kind = HOST_STATUS_FAILED,
                               .peer = peer_of(stream),
                               .connection = connection,
                               .end = end,
                               .by = HOST_BY_US,
                               .reason = reason};
    host_tell(connection->host, &event);
    if (end == PROTOCOL_CONNECTION_LOST)
        return;
    if (not_spoken || connection->host->settings.status_optional)
        peer_dial_ready(peer_of(stream));
    else
        quic_connection_close(connection->quic, 1, "status failed");
}

static void ask_malformed(struct protocol_stream *stream, const char *reason)
{
    ask_failed(stream, PROTOCOL_UNINTELLIGIBLE, reason);
    protocol_stream_abort(stream, PROTOCOL_UNINTELLIGIBLE);
}

static void refused(struct protocol_stream *stream, uint8_t code, const struct buffer *payload)
{
    char *reason = reqresp_refusal_text(code, buffer_bytes(payload));
    ask_failed(stream, PROTOCOL_CLOSED, reason);
    free(reason);
}

/* Whether what is behind the answer, at the start of the input, is wrong; part of a second answer
 * is so once the rest or the end has come. */
static bool goes_on(const struct protocol_stream *stream, struct bytes behind, struct error *error)
{
    uint8_t code;
    struct buffer payload = {0};
    if (behind.size == 0)
        return false;
    long taken = reqresp_decode_response(behind, REQRESP_ERROR_TEXT_MAX, &code, &payload, error);
    buffer_clear(&payload);
    if (taken == 0 && !stream->fin_follows)
        return false;
    error_set(error,
              taken > 0 ? "a second answer came behind the first (%zu bytes)"
                        : "%zu bytes came behind the answer",
              behind.size);
    return true;
}

static void answered(struct protocol_stream *stream)
{
    stream->connection->status = STATUS_DONE;
    protocol_stream_deadline(stream, STREAM_CLOSE_MS);
    tell_status(stream);
    peer_dial_ready(peer_of(stream));
}

static void look_behind(struct protocol_stream *stream)
{
    struct error error;
    if (goes_on(stream, buffer_bytes(&stream->input), &error))
        ask_malformed(stream, error.text);
}

/* One chunk is the whole answer: the peer's FIN is not waited for. */
static void take_answer(struct protocol_stream *stream)
{
    uint8_t code = 0;
    struct buffer payload = {0};
    struct error error;
    long taken = reqresp_decode_response(buffer_bytes(&stream->input), REQRESP_ERROR_TEXT_MAX,
                                         &code, &payload, &error);
    struct bytes behind = bytes_after(buffer_bytes(&stream->input), taken > 0 ? (size_t)taken : 0);
    if (taken < 0) {
        ask_malformed(stream, error.text);
    } else if (taken > 0 && code != REQRESP_SUCCESS) {
        refused(stream, code, &payload);
    } else if (taken > 0 && (goes_on(stream, behind, &error) ||
                             !learn(stream, buffer_bytes(&payload), &error))) {
        ask_malformed(stream, error.text);
    } else if (taken > 0) {
        buffer_consume(&stream->input, (size_t)taken);
        answered(stream);
    }
    buffer_clear(&payload);
}

static void receive_answer(struct protocol_stream *stream, struct bytes data)
{
    enum status_state status = stream->connection->status;
    if (status != STATUS_ASKED && status != STATUS_DONE)
        return;
    if (stream->input.size + data.size > reqresp_encoded_max(REQRESP_ERROR_TEXT_MAX)) {
        ask_malformed(stream, "the answer is too large");
        return;
    }
    buffer_append(&stream->input, data.data, data.size);
    if (status == STATUS_ASKED)
        take_answer(stream);
    else
        look_behind(stream);
}

static void answer_ended(struct protocol_stream *stream)
{
    struct bytes input = buffer_bytes(&stream->input);
    struct buffer payload = {0};
    struct error error;
    if (stream->connection->status == STATUS_DONE) {
        look_behind(stream);
    } else if (stream->connection->status == STATUS_ASKED && input.size == 0) {
        ask_malformed(stream, "the answer is empty: the stream was ended before its first byte");
    } else if (stream->connection->status == STATUS_ASKED) {
        reqresp_decode_request(bytes_after(input, 1), REQRESP_ERROR_TEXT_MAX, &payload, &error);
        error_prefix(&error, "the answer ended early");
        ask_malformed(stream, error.text);
    }
    buffer_clear(&payload);
}

void status_ask(struct peer_connection *connection)
{
    connection->status = STATUS_ASKED;
    struct protocol_stream *stream = protocol_stream_open(connection, &status_protocol, NULL);
    if (stream == NULL) {
        connection->status = STATUS_FAILED;
        quic_connection_close(connection->quic, 1, "no stream for status");
        return;
    }
    uint8_t ssz[STATUS_SSZ_SIZE];
    status_encode(&connection->host->settings.status, ssz);
    struct buffer request = {0};
    reqresp_encode_request(bytes_of(ssz, sizeof(ssz)), &request);
    protocol_stream_write(stream, buffer_bytes(&request));
    buffer_clear(&request);
    quic_stream_finish(stream->quic);
    protocol_stream_deadline(stream, REQRESP_TIMEOUT_MS);
}

/* ---- answering ---- */

static void respond(struct protocol_stream *stream, enum reqresp_code code, struct bytes payload)
{
    struct buffer response = {0};
    reqresp_encode_response(code, payload, &response);
    protocol_stream_write(stream, buffer_bytes(&response));
    buffer_clear(&response);
    protocol_stream_finish(stream);
}

enum { ENDLESS_SIZE = 65536, ENDLESS_QUEUE = 262144 };

static void misbehave(struct protocol_stream *stream, unsigned faults)
{
    static const uint8_t nonsense[64] = {0x00, 0x50, 0xff, 0x06, 0x00, 0x00, 's', 'N'};
    static const uint8_t endless[ENDLESS_SIZE];
    if ((faults & FAULT_STATUS_REFUSED) != 0)
        respond(stream, REQRESP_SERVER_ERROR, bytes_of_text("no status yet"));
    else if ((faults & FAULT_STATUS_MALFORMED) != 0)
        protocol_stream_write(stream, bytes_of(nonsense, sizeof(nonsense)));
    else if ((faults & FAULT_STATUS_ENDLESS) != 0 &&
             quic_stream_unsent(stream->quic) < ENDLESS_QUEUE)
        protocol_stream_write(stream, bytes_of(endless, sizeof(endless)));
}

static void answer(struct protocol_stream *stream)
{
    const struct host *host = stream->connection->host;
    uint8_t ssz[STATUS_SSZ_SIZE];
    status_encode(&host->settings.status, ssz);
    struct buffer request = {0};
    struct error error;
    bool decoded =
        reqresp_decode_request(buffer_bytes(&stream->input), STATUS_SSZ_SIZE, &request, &error) &&
        learn(stream, buffer_bytes(&request), &error);
    buffer_clear(&request);
    unsigned faults = host->settings.faults & (FAULT_STATUS_SILENT | FAULT_STATUS_REFUSED |
                                               FAULT_STATUS_MALFORMED | FAULT_STATUS_ENDLESS);
    if (faults != 0) {
        misbehave(stream, faults);
        return;
    }
    if (!decoded) {
        respond(stream, REQRESP_INVALID_REQUEST, bytes_of_text(error.text));
        struct host_event event = {.kind = HOST_STATUS_FAILED,
                                   .peer = peer_of(stream),
                                   .connection = stream->connection,
                                   .by = HOST_BY_PEER,
                                   .end = PROTOCOL_UNINTELLIGIBLE,
                                   .reason = error.text};
        host_tell(stream->connection->host, &event);
        return;
    }
    respond(stream, REQRESP_SUCCESS, bytes_of(ssz, sizeof(ssz)));
    tell_status(stream);
}

static void receive_request(struct protocol_stream *stream, struct bytes data)
{
    if (stream->input.size + data.size > reqresp_encoded_max(STATUS_SSZ_SIZE)) {
        protocol_stream_abort(stream, PROTOCOL_UNINTELLIGIBLE);
        return;
    }
    buffer_append(&stream->input, data.data, data.size);
}

/* ---- one table for both directions ---- */

static void on_open(struct protocol_stream *stream)
{
    protocol_stream_deadline(stream, REQRESP_TIMEOUT_MS);
}

static void on_data(struct protocol_stream *stream, struct bytes data)
{
    if (stream->outbound)
        receive_answer(stream, data);
    else
        receive_request(stream, data);
}

static void on_fin(struct protocol_stream *stream)
{
    if (!stream->outbound)
        answer(stream);
    else
        answer_ended(stream);
}

static void on_ended(struct protocol_stream *stream, enum protocol_end end)
{
    if (!stream->outbound)
        return;
    const char *why = end == PROTOCOL_UNINTELLIGIBLE && stream->error.text[0] != '\0'
                          ? stream->error.text
                          : protocol_end_text(end);
    ask_failed(stream, end, why);
}

const struct protocol status_protocol = {
    .name = REQRESP_STATUS_PROTOCOL,
    .inbound_role = "response",
    .outbound_role = "request",
    .open = on_open,
    .data = on_data,
    .fin = on_fin,
    .ended = on_ended,
};
