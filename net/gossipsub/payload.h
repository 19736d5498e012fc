/* What a message's data holds: one raw snappy block. Consensus specification: p2p-interface,
 * "Encodings". */
#ifndef NET_GOSSIPSUB_PAYLOAD_H
#define NET_GOSSIPSUB_PAYLOAD_H

#include "common/buffer.h"
#include "common/chunk.h"

enum {
    PAYLOAD_SIZE_MAX = 10 * 1024 * 1024, /* uncompressed */
    /* No snappy element turns a byte into more: a copy of 64 bytes takes three. */
    PAYLOAD_EXPANSION_MAX = 22,
};

/* One reference; NULL where the block is invalid or announces a size that it may not or cannot
 * have, for which nothing is allocated. */
struct chunk *payload_decompress(struct bytes data);
/* Replaces OUTPUT's contents. PAYLOAD has at most PAYLOAD_SIZE_MAX bytes. */
void payload_compress(struct bytes payload, struct buffer *output);

#endif
