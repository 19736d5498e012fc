#include "net/protocols/blocks_reader.h"

void blocks_reader_add(struct blocks_reader *reader, struct bytes data)
{
    buffer_append(&reader->input, data.data, data.size);
}

static enum blocks_read incomplete(const struct blocks_reader *reader, struct error *error)
{
    size_t limit = reqresp_encoded_max(reader->size_max);
    if (reader->input.size <= limit)
        return BLOCKS_READ_MORE;
    error_set(error, "a chunk of the answer takes more than %zu bytes", limit);
    return BLOCKS_READ_MALFORMED;
}

enum blocks_read blocks_reader_next(struct blocks_reader *reader, uint8_t *code,
                                    struct buffer *payload, struct error *error)
{
    size_t before = payload->size;
    long taken = reqresp_decode_response(buffer_bytes(&reader->input), reader->size_max, code,
                                         payload, error);
    if (taken == 0)
        return incomplete(reader, error);
    if (taken < 0)
        return BLOCKS_READ_MALFORMED;
    buffer_consume(&reader->input, (size_t)taken);
    if (*code != REQRESP_SUCCESS)
        return BLOCKS_READ_REFUSED;
    if (reader->blocks < reader->blocks_max) {
        reader->blocks++;
        return BLOCKS_READ_BLOCK;
    }
    payload->size = before;
    error_set(error, "more blocks than were asked for (%zu)", reader->blocks_max);
    return BLOCKS_READ_MALFORMED;
}

bool blocks_reader_end(const struct blocks_reader *reader, struct error *error)
{
    return reader->input.size == 0 ||
           error_set(error, "the answer ended within a chunk, behind %zu blocks", reader->blocks);
}

void blocks_reader_clear(struct blocks_reader *reader)
{
    buffer_clear(&reader->input);
}
