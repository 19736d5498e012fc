/* The SSZ types of Lean's requests. Consensus specification: p2p-interface, Req/Resp. */
#ifndef NET_PROTOCOLS_LEAN_TYPES_H
#define NET_PROTOCOLS_LEAN_TYPES_H

#include "common/ssz.h"

extern const struct ssz_type lean_slot;
extern const struct ssz_type lean_root;
extern const struct ssz_type lean_checkpoint;
extern const struct ssz_type lean_status;
extern const struct ssz_type lean_blocks_by_root_request;
extern const struct ssz_type lean_blocks_by_range_request;

#endif
