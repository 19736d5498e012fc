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

/* ---- blocks ---- */

enum { VALIDATORS_MAX = 4096, PROOF_MAX = 512 * 1024 };

static const struct ssz_type byte = {.kind = SSZ_UINT, .size = 1};
static const struct ssz_type aggregation_bits = {.kind = SSZ_BITLIST, .limit = VALIDATORS_MAX};
static const struct ssz_type proof_bytes = {.kind = SSZ_LIST, .limit = PROOF_MAX, .element = &byte};

static const struct ssz_type multi_message_aggregate = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"proof", &proof_bytes}, {NULL, NULL}},
};

static const struct ssz_type attestation_data = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"slot", &lean_slot},
                                         {"head", &lean_checkpoint},
                                         {"target", &lean_checkpoint},
                                         {"source", &lean_checkpoint},
                                         {NULL, NULL}},
};

static const struct ssz_type aggregated_attestation = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"aggregationBits", &aggregation_bits},
                                         {"data", &attestation_data},
                                         {NULL, NULL}},
};

static const struct ssz_type aggregated_attestations = {
    .kind = SSZ_LIST, .limit = VALIDATORS_MAX, .element = &aggregated_attestation};

static const struct ssz_type block_body = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"attestations", &aggregated_attestations}, {NULL, NULL}},
};

const struct ssz_type lean_block = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"slot", &lean_slot},
                                         {"proposerIndex", &lean_slot},
                                         {"parentRoot", &lean_root},
                                         {"stateRoot", &lean_root},
                                         {"body", &block_body},
                                         {NULL, NULL}},
};

const struct ssz_type lean_signed_block = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"block", &lean_block},
                                         {"proof", &multi_message_aggregate},
                                         {NULL, NULL}},
};
