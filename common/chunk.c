#include "common/chunk.h"

#include <stdlib.h>

#include "common/memory.h"

static size_t total;

struct chunk *chunk_new_empty(size_t size)
{
    struct chunk *chunk = memory_resize(NULL, sizeof(*chunk) + size);
    chunk->references = 1;
    chunk->size = size;
    total += size;
    return chunk;
}

struct chunk *chunk_new(const void *data, size_t size)
{
    struct chunk *chunk = chunk_new_empty(size);
    if (size > 0)
        memcpy(chunk->data, data, size);
    return chunk;
}

struct chunk *chunk_ref(struct chunk *chunk)
{
    chunk->references++;
    return chunk;
}

void chunk_unref(struct chunk *chunk)
{
    if (chunk == NULL || --chunk->references > 0)
        return;
    total -= chunk->size;
    free(chunk);
}

size_t chunk_total(void)
{
    return total;
}
