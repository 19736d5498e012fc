/* What GET /mesh of a tap answers. */
#ifndef CMD_TAP_MESH_JSON_H
#define CMD_TAP_MESH_JSON_H

#include <jansson.h>

#include "net/tap/tap.h"
#include "net/tap/wire_mesh.h"

/*
 * {"format": "devnet-tap", "version": 1, "nodes": [{"name", "peer_id", "key_type", "address",
 *   "real", "agent", "status", "topics": {NAME: {"subscribed", "mesh": [peer id],
 *   "subscribers": [peer id], "backoff": [{"peer_id", "left_ms"}]}},
 *   "peers": [{"peer_id", "name", "subscriptions", "connections": [{"id", "direction", "age_ms"}],
 *     "outbound_stream": {"connection", "stream_id", "protocol"} or null, "inbound_streams": [...],
 *     "status", "agent", "counts": {"rpcs", "messages", "grafts", "prunes"}, "not_seen": what the
 *     two said to each other that did not fit (wire_peer.left_out), where there is any}]}],
 *  "left_out"}
 * in the words of net/mesh/snapshot.schema.json: each node as it stands by what went over the wire,
 * and its peers as they told it. Nodes count in the order of the tap's. A new reference.
 */
json_t *tap_mesh_json(const struct tap *tap, const struct wire_mesh *mesh, uint64_t now_us);

#endif
