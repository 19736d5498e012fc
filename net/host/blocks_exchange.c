/* The two requests for blocks as tables: what is asked is blocks_ask.c's, and what is answered
 * blocks_answer.c's. */
#include "net/host/internal.h"
#include "net/protocols/reqresp.h"

static void on_open(struct protocol_stream *stream)
{
    protocol_stream_deadline(stream, REQRESP_TIMEOUT_MS);
}

static void on_data(struct protocol_stream *stream, struct bytes data)
{
    (stream->outbound ? blocks_asked_data : blocks_answer_data)(stream, data);
}

static void on_fin(struct protocol_stream *stream)
{
    (stream->outbound ? blocks_asked_fin : blocks_answer_fin)(stream);
}

static void on_acknowledged(struct protocol_stream *stream)
{
    if (!stream->outbound)
        blocks_answer_acknowledged(stream);
}

static void on_ended(struct protocol_stream *stream, enum protocol_end end)
{
    if (stream->outbound)
        blocks_asked_ended(stream, end);
    else
        blocks_answer_ended(stream);
}

const struct protocol blocks_by_root_protocol = {
    .name = REQRESP_BLOCKS_BY_ROOT_PROTOCOL,
    .inbound_role = "response",
    .outbound_role = "request",
    .open = on_open,
    .data = on_data,
    .fin = on_fin,
    .acknowledged = on_acknowledged,
    .ended = on_ended,
};

const struct protocol blocks_by_range_protocol = {
    .name = REQRESP_BLOCKS_BY_RANGE_PROTOCOL,
    .inbound_role = "response",
    .outbound_role = "request",
    .open = on_open,
    .data = on_data,
    .fin = on_fin,
    .acknowledged = on_acknowledged,
    .ended = on_ended,
};
