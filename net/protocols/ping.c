/* Ping: whatever comes in pieces of 32 bytes goes back. libp2p specification: ping/ping.md. */
#include "net/host_state.h"

enum { PING_SIZE = 32 };

static void on_data(struct protocol_stream *stream, struct bytes data)
{
    if (stream->outbound)
        return;
    /* A peer that sends and does not read is not collected for: at most one piece is kept. */
    while (data.size > 0) {
        size_t missing = PING_SIZE - stream->input.size;
        size_t step = data.size < missing ? data.size : missing;
        buffer_append(&stream->input, data.data, step);
        data = bytes_after(data, step);
        if (stream->input.size < PING_SIZE)
            return;
        if (quic_stream_unsent(stream->quic) > PING_SIZE * 32) {
            protocol_stream_abort(stream, PROTOCOL_RESET);
            return;
        }
        protocol_stream_write(stream, buffer_bytes(&stream->input));
        stream->input.size = 0;
    }
}

static void on_fin(struct protocol_stream *stream)
{
    protocol_stream_finish(stream);
}

const struct protocol ping_protocol = {
    .name = "/ipfs/ping/1.0.0",
    .inbound_role = "response",
    .outbound_role = "request",
    .data = on_data,
    .fin = on_fin,
};
