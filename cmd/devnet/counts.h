/* What changes all the time about a node: round trips, messages, and what only others tell. */
#ifndef CMD_DEVNET_COUNTS_H
#define CMD_DEVNET_COUNTS_H

#include <jansson.h>

/*
 * Adds to ENTRY what ANSWER, a node's own in a snapshot, tells: "rtt_ms", the median of its peers'
 * round trips, and "messages_in" and "messages_out" since its start; of another's node what its
 * page of metrics has of them. What is not known is null.
 */
void counts_add(json_t *entry, const json_t *answer);

/* Adds to ENTRY, where nodes of the snapshot know PEER_ID, what they tell of it: "told" with
 * "peers", how many of them have a connection to it, "mesh", how many have it in the mesh by topic,
 * and "rtt_ms", the median of their round trips to it, or null. */
void counts_add_told(json_t *entry, const json_t *snapshot, const char *peer_id);

#endif
