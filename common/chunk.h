/* Immutable bytes counted by reference: one message goes to many streams without a copy. */
#ifndef COMMON_CHUNK_H
#define COMMON_CHUNK_H

#include "common/bytes.h"

struct chunk {
    unsigned references;
    size_t size;
    uint8_t data[];
};

/* A copy of DATA, held by one reference. */
struct chunk *chunk_new(const void *data, size_t size);
/* Bytes to be filled in before the chunk is shared. */
struct chunk *chunk_new_empty(size_t size);
struct chunk *chunk_ref(struct chunk *chunk);
/* NULL is allowed. */
void chunk_unref(struct chunk *chunk);
/* Bytes in all chunks that there are. */
size_t chunk_total(void);

static inline struct bytes chunk_bytes(const struct chunk *chunk)
{
    return bytes_of(chunk->data, chunk->size);
}

#endif
