#include "net/protocols/lean_types.h"

#include "net/protocols/blocks_by_root.h"

const struct ssz_type lean_slot = {.kind = SSZ_UINT, .size = sizeof(uint64_t)};
const struct ssz_type lean_root = {.kind = SSZ_BYTES, .size = SSZ_ROOT_SIZE};

const struct ssz_type lean_checkpoint = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"root", &lean_root}, {"slot", &lean_slot}, {NULL, NULL}},
};

const struct ssz_type lean_status = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"finalized", &lean_checkpoint},
                                         {"head", &lean_checkpoint},
                                         {NULL, NULL}},
};

static const struct ssz_type requested_roots = {
    .kind = SSZ_LIST, .limit = BLOCKS_BY_ROOT_MAX, .element = &lean_root};

const struct ssz_type lean_blocks_by_root_request = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"roots", &requested_roots}, {NULL, NULL}},
};

const struct ssz_type lean_blocks_by_range_request = {
    .kind = SSZ_CONTAINER,
    .fields =
        (const struct ssz_field[]){{"startSlot", &lean_slot}, {"count", &lean_slot}, {NULL, NULL}},
};
