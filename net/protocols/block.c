#include "net/protocols/block.h"

#include <string.h>

#include "net/protocols/lean_types.h"

enum { SLOT_AT = 0, PROPOSER_AT = 8, PARENT_AT = 16, NUMBER_SIZE = 8 };

bool block_summarize(struct bytes ssz, struct block_summary *block, struct error *error)
{
    if (!ssz_check(&lean_signed_block, ssz, error))
        return error_prefix(error, "no signed block");
    size_t start = (size_t)ssz_number(ssz, 0, SSZ_OFFSET_SIZE);
    size_t end = (size_t)ssz_number(ssz, SSZ_OFFSET_SIZE, SSZ_OFFSET_SIZE);
    struct bytes unsigned_block = bytes_of(ssz.data + start, end - start);
    *block = (struct block_summary){
        .slot = ssz_number(unsigned_block, SLOT_AT, NUMBER_SIZE),
        .proposer = ssz_number(unsigned_block, PROPOSER_AT, NUMBER_SIZE),
        .size = ssz.size,
    };
    memcpy(block->parent, unsigned_block.data + PARENT_AT, BLOCK_ROOT_SIZE);
    ssz_root(&lean_block, unsigned_block, block->root);
    return true;
}
