/*
 * Signed messages: what is signed, and what of a message says who made it.
 * libp2p specification: pubsub/README.md, "Message Signing" and "Message Identification".
 */
#ifndef NET_GOSSIPSUB_SIGNING_H
#define NET_GOSSIPSUB_SIGNING_H

#include "net/gossipsub/router.h"
#include "net/gossipsub/rpc.pb-c.h"

enum {
    SEQNO_SIZE = 8,
    SIGNING_OTHER_IDS = 2,
};

/* The message's id: author and seqno. False with the refusal where it lacks what it must have. */
bool signing_id(const Gossipsub__Message *message, struct gossipsub_wire_id *id,
                enum gossipsub_refusal *refusal);
/*
 * The names (gossipsub_message_key) of message ID where implementations call it otherwise by
 * default: rust-libp2p by author and seqno as text, js-libp2p by key and seqno. KEY is what comes
 * with the message, or empty. How many there are.
 */
size_t signing_other_ids(const struct gossipsub_wire_id *id, struct bytes key,
                         uint8_t ids[SIGNING_OTHER_IDS][GOSSIPSUB_MESSAGE_ID_SIZE]);
/* Whether it was made by its author. */
bool signing_verify(const struct gossipsub_signing *signing, const Gossipsub__Message *message,
                    enum gossipsub_refusal *refusal);
/* An RPC, with its length before it, of a message of our own; its id. NULL where it is over
 * GOSSIPSUB_RPC_SIZE_MAX. */
struct chunk *signing_encode(struct gossipsub_signing *signing, struct bytes topic,
                             struct bytes data, struct gossipsub_wire_id *id);

#endif
