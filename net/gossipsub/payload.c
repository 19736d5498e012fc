#include "net/gossipsub/payload.h"

#include <snappy-c.h>

struct chunk *payload_decompress(struct bytes data)
{
    const char *block = (const char *)data.data;
    size_t size;
    if (data.size == 0 || snappy_uncompressed_length(block, data.size, &size) != SNAPPY_OK)
        return NULL;
    if (size > PAYLOAD_SIZE_MAX || size / PAYLOAD_EXPANSION_MAX > data.size)
        return NULL;
    struct chunk *payload = chunk_new_empty(size);
    if (snappy_uncompress(block, data.size, (char *)payload->data, &size) == SNAPPY_OK)
        return payload;
    chunk_unref(payload);
    return NULL;
}

void payload_compress(struct bytes payload, struct buffer *output)
{
    size_t size = snappy_max_compressed_length(payload.size);
    output->size = 0;
    uint8_t *block = buffer_extend(output, size);
    /* Fails only where the output is too small. */
    snappy_compress((const char *)payload.data, payload.size, (char *)block, &size);
    output->size = size;
}
