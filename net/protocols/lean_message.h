/*
 * What a message of Lean's gossip topics says of itself without knowledge of the chain. Consensus
 * specification: p2p-interface, "Topics and messages", and the containers of the fork lstar.
 */
#ifndef NET_PROTOCOLS_LEAN_MESSAGE_H
#define NET_PROTOCOLS_LEAN_MESSAGE_H

#include "net/protocols/block.h"
#include "net/protocols/status.h"

enum lean_message_kind {
    LEAN_BLOCK,
    LEAN_ATTESTATION, /* of any committee */
    LEAN_AGGREGATION,
    LEAN_OTHER, /* whatever else a network agrees on */
    LEAN_MESSAGE_KINDS,
};

/* What attesters vote for. */
struct attestation_summary {
    uint64_t slot;
    uint8_t root[SSZ_ROOT_SIZE]; /* of the data: the same in an aggregation of it */
    struct status_checkpoint head, target, source;
    uint64_t validator;  /* of an attestation */
    size_t participants; /* of an aggregation */
};

struct lean_message {
    enum lean_message_kind kind;
    union {
        struct block_summary block;
        struct attestation_summary attestation; /* of an aggregation, too */
    };
};

/* "block", "attestation", "aggregation" or "other". */
const char *lean_message_kind_name(enum lean_message_kind kind);
/* By the topic's NAME, such as "attestation_7". */
enum lean_message_kind lean_message_kind(struct bytes name);
/* False with the error set where SSZ, the payload, is not what its KIND says, or nothing is known
 * of that kind. Signatures and proofs are not verified. */
bool lean_message_read(enum lean_message_kind kind, struct bytes ssz, struct lean_message *message,
                       struct error *error);
uint64_t lean_message_slot(const struct lean_message *message);
const uint8_t *lean_message_root(const struct lean_message *message); /* SSZ_ROOT_SIZE bytes */

#endif
