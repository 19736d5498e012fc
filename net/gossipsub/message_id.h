/* Lean's gossip message id. Consensus specification: p2p-interface, "The gossip domain". */
#ifndef NET_GOSSIPSUB_MESSAGE_ID_H
#define NET_GOSSIPSUB_MESSAGE_ID_H

#include "net/gossipsub/router.h"

/*
 * SHA-256 over domain, u64le topic length, topic and payload; its first 20 bytes. VALID_SNAPPY: the
 * payload is what the data decompressed to (domain 01000000), else the raw data (00000000).
 */
void gossipsub_message_id(struct bytes topic, struct bytes payload, bool valid_snappy,
                          uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE]);

/* The name by which the router knows the message that peers call WIRE_ID: that itself where it has
 * Lean's size, a hash of it otherwise. */
void gossipsub_message_key(struct bytes wire_id, uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE]);

#endif
