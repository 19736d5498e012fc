#include "net/protocols/blocks_by_root.h"

#include "net/protocols/lean_types.h"

void blocks_by_root_encode(block_root_list roots, size_t count, struct buffer *ssz)
{
    const uint8_t offset[SSZ_OFFSET_SIZE] = {SSZ_OFFSET_SIZE};
    buffer_append(ssz, offset, sizeof(offset));
    if (count > 0)
        buffer_append(ssz, roots, count * BLOCK_ROOT_SIZE);
}

bool blocks_by_root_decode(struct bytes ssz, block_root_list *roots, size_t *count,
                           struct error *error)
{
    if (!ssz_check(&lean_blocks_by_root_request, ssz, error))
        return error_prefix(error, "blocks by root");
    struct bytes list = bytes_after(ssz, SSZ_OFFSET_SIZE);
    *roots = (block_root_list)list.data;
    *count = list.size / BLOCK_ROOT_SIZE;
    return true;
}
