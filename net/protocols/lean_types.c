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

const struct ssz_type lean_attestation_data = {
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
                                         {"data", &lean_attestation_data},
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

/* ---- attestations ---- */

const struct ssz_type lean_attestation = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"validatorIndex", &lean_slot},
                                         {"data", &lean_attestation_data},
                                         {NULL, NULL}},
};

/* Of XMSS, whatever its parameters: how long the two lists are follows from them. */
enum { DIGEST_SIZE = 32, RANDOMNESS_SIZE = 28, DIGESTS_MAX = 1 << 17 };

static const struct ssz_type digest = {.kind = SSZ_BYTES, .size = DIGEST_SIZE};
static const struct ssz_type randomness = {.kind = SSZ_BYTES, .size = RANDOMNESS_SIZE};
static const struct ssz_type digests = {.kind = SSZ_LIST, .limit = DIGESTS_MAX, .element = &digest};

static const struct ssz_type tree_opening = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"siblings", &digests}, {NULL, NULL}},
};

const struct ssz_type lean_signature = {
    .kind = SSZ_CONTAINER,
    .fields =
        (const struct ssz_field[]){
            {"path", &tree_opening}, {"rho", &randomness}, {"hashes", &digests}, {NULL, NULL}},
};

static const struct ssz_type single_message_aggregate = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"participants", &aggregation_bits},
                                         {"proof", &proof_bytes},
                                         {NULL, NULL}},
};

const struct ssz_type lean_signed_aggregation = {
    .kind = SSZ_CONTAINER,
    .fields = (const struct ssz_field[]){{"data", &lean_attestation_data},
                                         {"proof", &single_message_aggregate},
                                         {NULL, NULL}},
};
