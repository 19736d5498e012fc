/* Ping: 32 random bytes go out and come back. libp2p specification: ping/ping.md. */
#include <gnutls/crypto.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/memory.h"
#include "net/host/internal.h"

enum {
    PING_SIZE = 32,
    PING_QUEUE_MAX = 32 * PING_SIZE, /* echoes that a peer leaves unread */
    PING_TIMEOUT_MS = 10000,
};

struct ping {
    uint8_t sent[PING_SIZE];
    uint64_t sent_at_ns;
};

static void tell(struct protocol_stream *stream, uint64_t rtt_us, enum protocol_end end,
                 const char *reason)
{
    struct host_event event = {.kind = reason == NULL ? HOST_PONG : HOST_PING_FAILED,
                               .peer = stream->connection->peer,
                               .connection = stream->connection,
                               .rtt_us = rtt_us,
                               .end = end,
                               .reason = reason};
    host_tell(stream->connection->host, &event);
}

/* ---- asking ---- */

static void take_echo(struct protocol_stream *stream, struct bytes data)
{
    struct ping *ping = stream->state;
    if (ping == NULL)
        return; /* whatever follows the echo */
    buffer_append(&stream->input, data.data, data.size);
    if (stream->input.size < PING_SIZE)
        return;
    struct bytes sent = bytes_of(ping->sent, sizeof(ping->sent));
    bool same = bytes_equal(buffer_bytes(&stream->input), sent);
    uint64_t rtt_us = (clock_now_ns() - ping->sent_at_ns) / 1000;
    free(ping);
    stream->state = NULL;
    tell(stream, rtt_us, PROTOCOL_CLOSED, same ? NULL : "the echo differs from what was sent");
    if (same)
        protocol_stream_finish(stream);
    else
        protocol_stream_abort(stream, PROTOCOL_UNINTELLIGIBLE);
}

bool ping_ask(struct peer_connection *connection)
{
    struct ping *ping = memory_new(sizeof(*ping));
    struct protocol_stream *stream = protocol_stream_open(connection, &ping_protocol, ping);
    if (stream == NULL) {
        free(ping);
        return false;
    }
    gnutls_rnd(GNUTLS_RND_NONCE, ping->sent, sizeof(ping->sent));
    ping->sent_at_ns = clock_now_ns();
    protocol_stream_write(stream, bytes_of(ping->sent, sizeof(ping->sent)));
    return true;
}

/* ---- answering: a peer that sends and does not read is not collected for ---- */

static void echo(struct protocol_stream *stream, struct bytes data)
{
    while (data.size > 0) {
        size_t missing = PING_SIZE - stream->input.size;
        size_t step = data.size < missing ? data.size : missing;
        buffer_append(&stream->input, data.data, step);
        data = bytes_after(data, step);
        if (stream->input.size < PING_SIZE)
            return;
        if (quic_stream_unsent(stream->quic) > PING_QUEUE_MAX) {
            protocol_stream_abort(stream, PROTOCOL_RESET);
            return;
        }
        protocol_stream_write(stream, buffer_bytes(&stream->input));
        stream->input.size = 0;
    }
}

/* ---- one table for both directions ---- */

static void on_open(struct protocol_stream *stream)
{
    if (stream->outbound)
        protocol_stream_deadline(stream, PING_TIMEOUT_MS);
}

static void on_data(struct protocol_stream *stream, struct bytes data)
{
    if (stream->outbound)
        take_echo(stream, data);
    else
        echo(stream, data);
}

static void on_fin(struct protocol_stream *stream)
{
    protocol_stream_finish(stream);
}

static void on_ended(struct protocol_stream *stream, enum protocol_end end)
{
    if (stream->state == NULL)
        return;
    free(stream->state);
    stream->state = NULL;
    tell(stream, 0, end, protocol_end_text(end));
}

const struct protocol ping_protocol = {
    .name = "/ipfs/ping/1.0.0",
    .inbound_role = "response",
    .outbound_role = "request",
    .open = on_open,
    .data = on_data,
    .fin = on_fin,
    .ended = on_ended,
};
