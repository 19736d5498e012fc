/* Lean's request for blocks by their slots. Consensus specification: p2p-interface, BlocksByRange.
 */
#ifndef NET_PROTOCOLS_BLOCKS_BY_RANGE_H
#define NET_PROTOCOLS_BLOCKS_BY_RANGE_H

#include "common/bytes.h"
#include "common/error.h"

enum { BLOCKS_BY_RANGE_MAX = 1024, BLOCKS_BY_RANGE_SSZ_SIZE = 16 };

struct block_range {
    uint64_t start, count; /* slots; the count is 1 to BLOCKS_BY_RANGE_MAX */
};

void blocks_by_range_encode(struct block_range range, uint8_t ssz[BLOCKS_BY_RANGE_SSZ_SIZE]);
/* A count out of its range is an error, and slots beyond 64 bits. */
bool blocks_by_range_decode(struct bytes ssz, struct block_range *range, struct error *error);

#endif
