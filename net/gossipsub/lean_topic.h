/* Lean's gossip topics. Consensus specification: p2p-interface, "Topics and messages". */
#ifndef NET_GOSSIPSUB_LEAN_TOPIC_H
#define NET_GOSSIPSUB_LEAN_TOPIC_H

#include "common/bytes.h"
#include "common/error.h"
#include "net/gossipsub/router.h"

/*
 * Writes "/leanconsensus/NETWORK/NAME/ssz_snappy" to TOPIC. NAME is "block", "aggregation",
 * "attestation_7" or whatever else a network agrees on. False with the error set where either is
 * empty or has a slash, or the topic is longer than GOSSIPSUB_TOPIC_SIZE_MAX.
 */
bool lean_topic_write(const char *network, const char *name,
                      char topic[GOSSIPSUB_TOPIC_SIZE_MAX + 1], struct error *error);
/* NAME of "lean:NAME", which people write for such a topic of the network at hand; NULL where TEXT
 * does not begin so. */
const char *lean_topic_name_in_short(const char *text);
/* False where TOPIC is not of that form; the parts are views into it. */
bool lean_topic_read(const char *topic, struct bytes *network, struct bytes *name);
/* The network alone, of whatever begins as such a topic does. */
bool lean_topic_network(const char *topic, struct bytes *network);

#endif
