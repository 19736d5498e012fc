#include "common/snappy_frame.h"

#include <snappy-c.h>

#include "common/crc32c.h"

enum {
    CHUNK_COMPRESSED = 0x00,
    CHUNK_UNCOMPRESSED = 0x01,
    CHUNK_SKIPPABLE_FIRST = 0x80, /* to 0xfe, which is padding; those below are unskippable */
    CHUNK_IDENTIFIER = 0xff,
    HEADER_SIZE = 4, /* type, and length in three bytes */
    CHECKSUM_SIZE = 4,
};

static const uint8_t identifier[] = {CHUNK_IDENTIFIER, 6, 0, 0, 's', 'N', 'a', 'P', 'p', 'Y'};

struct chunk_view {
    uint8_t type;
    struct bytes checksum;
    struct bytes body;
    size_t size; /* uncompressed */
};

static uint32_t masked_checksum(struct bytes data)
{
    uint32_t crc = crc32c(data);
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static void write_little_endian(uint32_t value, size_t size, uint8_t *output)
{
    for (size_t i = 0; i < size; i++)
        output[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t read_little_endian(const uint8_t *input, size_t size)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint32_t)input[i] << 8 * i;
    return value;
}

/* ---- encoding ---- */

static void encode_block(struct bytes block, struct buffer *output)
{
    size_t start = output->size;
    size_t size = snappy_max_compressed_length(block.size);
    uint8_t *header = buffer_extend(output, HEADER_SIZE + CHECKSUM_SIZE + size);
    uint8_t *body = header + HEADER_SIZE + CHECKSUM_SIZE;
    snappy_compress((const char *)block.data, block.size, (char *)body, &size);
    /* What saves less than an eighth is not worth the reader's time: other encoders do so too. */
    bool compressed = size < block.size - block.size / 8;
    if (!compressed) {
        size = block.size;
        memcpy(body, block.data, size);
    }
    header[0] = compressed ? CHUNK_COMPRESSED : CHUNK_UNCOMPRESSED;
    write_little_endian((uint32_t)(CHECKSUM_SIZE + size), 3, header + 1);
    write_little_endian(masked_checksum(block), CHECKSUM_SIZE, header + HEADER_SIZE);
    output->size = start + HEADER_SIZE + CHECKSUM_SIZE + size;
}

void snappy_frame_encode(struct bytes input, struct buffer *output)
{
    buffer_append(output, identifier, sizeof(identifier));
    while (input.size > 0) {
        size_t size = input.size < SNAPPY_FRAME_BLOCK_MAX ? input.size : SNAPPY_FRAME_BLOCK_MAX;
        encode_block(bytes_of(input.data, size), output);
        input = bytes_after(input, size);
    }
}

size_t snappy_frame_encoded_max(size_t size)
{
    size_t blocks = size / SNAPPY_FRAME_BLOCK_MAX + 1;
    size_t block_max = HEADER_SIZE + CHECKSUM_SIZE + snappy_max_compressed_length(0);
    return sizeof(identifier) + blocks * block_max + size + size / 6 + SNAPPY_FRAME_OVERHEAD_MAX;
}

/* ---- decoding ---- */

static long malformed(struct error *error, const char *what)
{
    error_set(error, "snappy frame: %s", what);
    return -1;
}

static bool holds_data(uint8_t type)
{
    return type == CHUNK_COMPRESSED || type == CHUNK_UNCOMPRESSED;
}

/* What can be told of a chunk by its header; no more of a bad one is waited for. */
static bool check_header(uint8_t type, size_t length, struct error *error)
{
    size_t data_max = CHECKSUM_SIZE + (type == CHUNK_COMPRESSED
                                           ? snappy_max_compressed_length(SNAPPY_FRAME_BLOCK_MAX)
                                           : SNAPPY_FRAME_BLOCK_MAX);
    if (!holds_data(type) && type < CHUNK_SKIPPABLE_FIRST)
        return error_set(error, "snappy frame: chunk type 0x%02x may not be skipped", type);
    if (holds_data(type) && (length < CHECKSUM_SIZE || length > data_max))
        return error_set(error, "snappy frame: a chunk of type %u has %zu bytes", type, length);
    if (type == CHUNK_IDENTIFIER && length != sizeof(identifier) - HEADER_SIZE)
        return error_set(error, "snappy frame: wrong stream identifier");
    return true;
}

static bool check_body(struct chunk_view *chunk, struct bytes whole, struct error *error)
{
    chunk->size = 0;
    if (chunk->type == CHUNK_IDENTIFIER && !bytes_equal(whole, bytes_of(identifier, whole.size)))
        return error_set(error, "snappy frame: wrong stream identifier");
    if (!holds_data(chunk->type))
        return true;
    chunk->checksum = bytes_of(whole.data + HEADER_SIZE, CHECKSUM_SIZE);
    chunk->body = bytes_after(whole, HEADER_SIZE + CHECKSUM_SIZE);
    chunk->size = chunk->body.size;
    if (chunk->type == CHUNK_COMPRESSED &&
        (snappy_uncompressed_length((const char *)chunk->body.data, chunk->body.size,
                                    &chunk->size) != SNAPPY_OK ||
         chunk->size > SNAPPY_FRAME_BLOCK_MAX))
        return error_set(error, "snappy frame: a compressed chunk has a wrong length");
    return true;
}

/* The chunk at the start of INPUT; returns the bytes it takes, 0 while some are missing, or -1. */
static long read_chunk(struct bytes input, struct chunk_view *chunk, struct error *error)
{
    if (input.size < HEADER_SIZE)
        return 0;
    chunk->type = input.data[0];
    size_t length = read_little_endian(input.data + 1, 3);
    if (!check_header(chunk->type, length, error))
        return -1;
    size_t size = HEADER_SIZE + length;
    if (input.size < size)
        return 0;
    return check_body(chunk, bytes_of(input.data, size), error) ? (long)size : -1;
}

/*
 * Walks over chunks without decoding them, so that a stream that arrives in many pieces is decoded
 * once. STOP ends the walk when SIZE is complete; otherwise it ends with INPUT.
 */
static long measure(struct bytes input, size_t size, bool stop, struct error *error)
{
    struct chunk_view chunk;
    struct bytes rest = input;
    size_t total = 0;
    for (unsigned count = 0;; count++) {
        bool complete = stop ? total == size : rest.size == 0;
        if (count > 0 && complete)
            return (long)(input.size - rest.size);
        if (count == SNAPPY_FRAME_CHUNKS_MAX)
            return malformed(error, "too many chunks");
        if (count == 0 && rest.size > 0 && rest.data[0] != CHUNK_IDENTIFIER)
            return malformed(error, "no stream identifier at the start");
        long taken = read_chunk(rest, &chunk, error);
        if (taken <= 0)
            return taken;
        if (chunk.size > size - total)
            return malformed(error, "more data than announced or allowed");
        total += chunk.size;
        rest = bytes_after(rest, (size_t)taken);
    }
}

static bool unpack_chunk(const struct chunk_view *chunk, struct buffer *output, struct error *error)
{
    size_t start = output->size;
    size_t size = chunk->size;
    if (chunk->type == CHUNK_UNCOMPRESSED)
        buffer_append(output, chunk->body.data, size);
    else if (snappy_uncompress((const char *)chunk->body.data, chunk->body.size,
                               (char *)buffer_extend(output, size), &size) != SNAPPY_OK)
        return error_set(error, "snappy frame: a compressed chunk cannot be uncompressed");
    uint32_t checksum = masked_checksum(bytes_after(buffer_bytes(output), start));
    if (checksum != read_little_endian(chunk->checksum.data, CHECKSUM_SIZE))
        return error_set(error, "snappy frame: a chunk has a wrong checksum");
    return true;
}

/* Decodes INPUT, which has been measured. A chunk without data has nothing to decode or check. */
static bool unpack(struct bytes input, struct buffer *output, struct error *error)
{
    size_t before = output->size;
    struct chunk_view chunk = {0};
    while (input.size > 0) {
        input = bytes_after(input, (size_t)read_chunk(input, &chunk, NULL));
        if (chunk.size > 0 && !unpack_chunk(&chunk, output, error)) {
            output->size = before;
            return false;
        }
    }
    return true;
}

bool snappy_frame_decode(struct bytes input, size_t limit, struct buffer *output,
                         struct error *error)
{
    long size = measure(input, limit, false, error);
    if (size == 0)
        malformed(error, "ends within a chunk");
    return size > 0 && unpack(input, output, error);
}

long snappy_frame_decode_prefix(struct bytes input, size_t size, struct buffer *output,
                                struct error *error)
{
    long taken = measure(input, size, true, error);
    if (taken <= 0)
        return taken;
    return unpack(bytes_of(input.data, (size_t)taken), output, error) ? taken : -1;
}
