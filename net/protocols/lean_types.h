/* The SSZ types of Lean's requests and blocks. Consensus specification: p2p-interface, Req/Resp,
 * and the containers of the fork lstar. */
#ifndef NET_PROTOCOLS_LEAN_TYPES_H
#define NET_PROTOCOLS_LEAN_TYPES_H

#include "common/ssz.h"

extern const struct ssz_type lean_slot;
extern const struct ssz_type lean_root;
extern const struct ssz_type lean_checkpoint;
extern const struct ssz_type lean_status;
extern const struct ssz_type lean_blocks_by_root_request;
extern const struct ssz_type lean_blocks_by_range_request;
extern const struct ssz_type lean_block;
extern const struct ssz_type lean_signed_block; /* what peers send */
extern const struct ssz_type lean_attestation_data;
extern const struct ssz_type lean_attestation; /* of one validator, without its signature */
extern const struct ssz_type lean_signature;   /* in a signed attestation no offset is before it */
extern const struct ssz_type lean_signed_aggregation;

#endif
