/*
 * Snappy's framing format: a stream identifier, then chunks of at most 64 KiB, each with a masked
 * CRC-32C of what it holds. Specification: google/snappy, framing_format.txt.
 */
#ifndef COMMON_SNAPPY_FRAME_H
#define COMMON_SNAPPY_FRAME_H

#include "common/buffer.h"
#include "common/error.h"

enum {
    SNAPPY_FRAME_BLOCK_MAX = 65536,   /* uncompressed bytes of a chunk */
    SNAPPY_FRAME_CHUNKS_MAX = 4096,   /* of one stream, padding counted */
    SNAPPY_FRAME_OVERHEAD_MAX = 1024, /* for padding, and chunks smaller than they might be */
};

/* Appends INPUT as one stream. */
void snappy_frame_encode(struct bytes input, struct buffer *output);

/*
 * Appends what the whole of INPUT, one stream, decodes to. Where it is malformed or decodes to more
 * than LIMIT bytes: false, the error set, and OUTPUT as it was.
 */
bool snappy_frame_decode(struct bytes input, size_t limit, struct buffer *output,
                         struct error *error);
/*
 * The same of a stream at the start of INPUT that decodes to SIZE bytes and ends with the chunk
 * that completes them. Returns the bytes it takes: 0 while some are missing, -1 with the error set
 * where it is malformed or goes beyond SIZE.
 */
long snappy_frame_decode_prefix(struct bytes input, size_t size, struct buffer *output,
                                struct error *error);
/* The most bytes that a stream of SIZE uncompressed bytes may take: buffer no more. */
size_t snappy_frame_encoded_max(size_t size);

#endif
