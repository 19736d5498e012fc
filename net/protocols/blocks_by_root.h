/* Lean's request for blocks by their roots. Consensus specification: p2p-interface, BlocksByRoot.
 */
#ifndef NET_PROTOCOLS_BLOCKS_BY_ROOT_H
#define NET_PROTOCOLS_BLOCKS_BY_ROOT_H

#include "common/buffer.h"
#include "common/error.h"

enum {
    BLOCK_ROOT_SIZE = 32,
    BLOCKS_BY_ROOT_MAX = 1024,
    BLOCKS_BY_ROOT_SSZ_MAX = 4 + BLOCKS_BY_ROOT_MAX * BLOCK_ROOT_SIZE,
};

typedef const uint8_t (*block_root_list)[BLOCK_ROOT_SIZE];

/* Appends the request's SSZ. COUNT is at most BLOCKS_BY_ROOT_MAX. */
void blocks_by_root_encode(block_root_list roots, size_t count, struct buffer *ssz);
/* ROOTS are a view into SSZ. */
bool blocks_by_root_decode(struct bytes ssz, block_root_list *roots, size_t *count,
                           struct error *error);

#endif
