/*
 * What a signed block of Lean says of itself without knowledge of the chain. Consensus
 * specification: containers, SignedBlock; its root is hash_tree_root of the block without the
 * proof.
 */
#ifndef NET_PROTOCOLS_BLOCK_H
#define NET_PROTOCOLS_BLOCK_H

#include "common/ssz.h"
#include "net/protocols/blocks_by_root.h"

enum { BLOCK_SSZ_MAX = 10 * 1024 * 1024 }; /* what a response chunk may carry */

struct block_summary {
    uint64_t slot, proposer;
    uint8_t parent[BLOCK_ROOT_SIZE], root[BLOCK_ROOT_SIZE];
    size_t size; /* of the signed block's SSZ */
};

/* False with the error set where SSZ is no signed block of the types that are known. */
bool block_summarize(struct bytes ssz, struct block_summary *block, struct error *error);

#endif
