/* Blocks by root or by range, asked for: each that comes is held to what was asked for, and told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/host/internal.h"
#include "net/protocols/blocks_reader.h"

struct asked {
    uint8_t (*roots)[BLOCK_ROOT_SIZE]; /* those that have not come */
    size_t root_count;
    struct block_range range; /* what is left of it */
    bool by_root, told;
    size_t taken; /* blocks that were asked for */
    struct blocks_reader reader;
};

/* ---- what is told ---- */

static void tell(struct protocol_stream *stream, struct host_event event)
{
    event.peer = stream->connection->peer;
    event.connection = stream->connection;
    event.count = ((const struct asked *)stream->state)->taken;
    host_tell(stream->connection->host, &event);
}

static void tell_end(struct protocol_stream *stream, enum protocol_end end, const char *reason)
{
    struct asked *asked = stream->state;
    if (asked->told)
        return;
    asked->told = true;
    enum host_event_kind kind = reason == NULL ? HOST_BLOCKS_RECEIVED : HOST_BLOCKS_FAILED;
    tell(stream, (struct host_event){.kind = kind, .end = end, .reason = reason});
}

static void malformed(struct protocol_stream *stream, const char *reason)
{
    tell_end(stream, PROTOCOL_MALFORMED, reason);
    protocol_stream_abort(stream, PROTOCOL_MALFORMED);
}

static void refused(struct protocol_stream *stream, uint8_t code, const struct buffer *payload)
{
    char *reason = reqresp_refusal_text(code, buffer_bytes(payload));
    tell_end(stream, PROTOCOL_CLOSED, reason);
    free(reason);
}

/* ---- what was asked for ---- */

static bool is_root_asked_for(struct asked *asked, const struct block_summary *block,
                              struct error *error)
{
    for (size_t i = 0; i < asked->root_count; i++) {
        if (memcmp(asked->roots[i], block->root, BLOCK_ROOT_SIZE) != 0)
            continue;
        asked->root_count--;
        memcpy(asked->roots[i], asked->roots[asked->root_count], BLOCK_ROOT_SIZE);
        return true;
    }
    return error_set(error, "a block came that was not asked for, of slot %llu",
                     (unsigned long long)block->slot);
}

/* Slots only grow. */
static bool is_slot_asked_for(struct asked *asked, const struct block_summary *block,
                              struct error *error)
{
    uint64_t end = asked->range.start + asked->range.count;
    if (block->slot < asked->range.start || block->slot >= end)
        return error_set(error, "a block of slot %llu came where those of %llu to %llu were due",
                         (unsigned long long)block->slot, (unsigned long long)asked->range.start,
                         (unsigned long long)end - 1);
    asked->range = (struct block_range){.start = block->slot + 1, .count = end - block->slot - 1};
    return true;
}

static bool take_block(struct protocol_stream *stream, struct bytes ssz, struct error *error)
{
    struct asked *asked = stream->state;
    struct block_summary block;
    if (!block_summarize(ssz, &block, error) ||
        !(asked->by_root ? is_root_asked_for : is_slot_asked_for)(asked, &block, error))
        return false;
    asked->taken++;
    tell(stream, (struct host_event){.kind = HOST_BLOCK, .block = &block, .payload = ssz});
    return true;
}

/* ---- the stream ---- */

void blocks_asked_data(struct protocol_stream *stream, struct bytes data)
{
    struct asked *asked = stream->state;
    if (asked->told)
        return;
    struct error error = {.text = ""};
    struct buffer payload = {0};
    uint8_t code;
    enum blocks_read read;
    blocks_reader_add(&asked->reader, data);
    while ((read = blocks_reader_next(&asked->reader, &code, &payload, &error)) ==
               BLOCKS_READ_BLOCK &&
           take_block(stream, buffer_bytes(&payload), &error))
        payload.size = 0;
    if (read == BLOCKS_READ_REFUSED)
        refused(stream, code, &payload);
    else if (read != BLOCKS_READ_MORE)
        malformed(stream, error.text);
    buffer_clear(&payload);
}

void blocks_asked_fin(struct protocol_stream *stream)
{
    const struct asked *asked = stream->state;
    struct error error;
    if (blocks_reader_end(&asked->reader, &error))
        tell_end(stream, PROTOCOL_CLOSED, NULL);
    else
        malformed(stream, error.text);
}

void blocks_asked_ended(struct protocol_stream *stream, enum protocol_end end)
{
    struct asked *asked = stream->state;
    tell_end(stream, end, protocol_end_text(end));
    blocks_reader_clear(&asked->reader);
    free(asked->roots);
    free(asked);
    stream->state = NULL;
}

static void encode(const struct host_blocks_request *request, struct buffer *encoded)
{
    struct buffer ssz = {0};
    if (request->root_count > 0)
        blocks_by_root_encode(request->roots, request->root_count, &ssz);
    else
        blocks_by_range_encode(request->range, buffer_extend(&ssz, BLOCKS_BY_RANGE_SSZ_SIZE));
    reqresp_encode_request(buffer_bytes(&ssz), encoded);
    buffer_clear(&ssz);
}

static struct asked *asked_new(const struct host_blocks_request *request)
{
    struct asked *asked = memory_new(sizeof(*asked));
    asked->by_root = request->root_count > 0;
    asked->root_count = request->root_count;
    asked->range = request->range;
    asked->reader.size_max = REQRESP_PAYLOAD_MAX;
    asked->reader.blocks_max = asked->by_root ? request->root_count : (size_t)request->range.count;
    asked->roots = memory_new((request->root_count + 1) * BLOCK_ROOT_SIZE);
    if (asked->by_root)
        memcpy(asked->roots, request->roots, request->root_count * BLOCK_ROOT_SIZE);
    return asked;
}

bool blocks_ask(struct peer_connection *connection, const struct host_blocks_request *request)
{
    struct asked *asked = asked_new(request);
    struct protocol_stream *stream = protocol_stream_open(
        connection, asked->by_root ? &blocks_by_root_protocol : &blocks_by_range_protocol, asked);
    if (stream == NULL) {
        free(asked->roots);
        free(asked);
        return false;
    }
    struct buffer encoded = {0};
    encode(request, &encoded);
    protocol_stream_write(stream, buffer_bytes(&encoded));
    buffer_clear(&encoded);
    quic_stream_finish(stream->quic);
    protocol_stream_deadline(stream, REQRESP_TIMEOUT_MS);
    return true;
}
