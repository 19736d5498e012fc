/* What a peer's gossipsub RPCs said, counted: for whoever visits a node and listens. Pure. */
#ifndef NET_MESH_HEARD_H
#define NET_MESH_HEARD_H

#include <jansson.h>

#include "common/bytes.h"

enum { HEARD_TOPICS_MAX = 128 }; /* counted by name, of each kind; others together, as "others" */

/*
 * {"rpcs", "malformed",                                          RPCs
 *  "graft", "prune", "messages": {topic: count}, "ihave": {topic: ids},
 *  "iwant", "idontwant": ids}
 * with those members that apply; empty at first, freed with json_decref.
 */
json_t *heard_new(void);
/* RPC is protobuf, without the length before it. */
void heard_rpc(json_t *heard, struct bytes rpc);

#endif
