/*
 * All that a picture of a mesh shows, of one snapshot (net/mesh/snapshot.h) or of two: pictures are
 * made from this and nothing else.
 *
 *   {"format": "devnet-mesh-drawing", "version": 1,
 *    "compared": whether there was an earlier snapshot: only then is there any "change" and "was"
 *    "topics": [{"name", "label", "subscribed": how many nodes, "mutual", "one_way", "untold": how
 *                many edges there are now}],                                  by name
 *    "nodes": [...],                                                          by id
 *    "edges": [{"topic", "from", "to", "direction", "change", "was"}],        by topic, then ends
 *    "connections": [{"from", "to", "direction", "change", "was", "rtt_ms"}], by ends
 *    "findings": [...], "explanations": {...},                                as mesh_check says
 *    "changes": [{"text": for people, and what mesh_diff says}],
 *    "unreachable": [{"api", "error"}],
 *    "paths": [texts]}                                                        as the snapshot has
 *
 * An edge is drawn once for two nodes, whoever has the other in its mesh; a connection likewise.
 * "direction" is "mutual"; "one_way", where `from` has `to` and `to` was asked and has it not; or
 * "untold", where `to` was not asked. "change" is "added", "removed", "changed" or "kept"; a
 * changed one "was" {"from", "to", "direction"}, and one that is removed is told as it was.
 *
 * A node:
 *   {"id", "label": short, "state": "answered", "visited" (it has no API of ours, "foreign" in a
 *    snapshot), "heard" (peers tell of it), "stopped" (on purpose) or "unreachable",
 *    "told_by": "api" or "tap", of one that is answered; "name": the tap's for it,
 *    "change", "agent", "network", "api", "error", "listen": [], "status", "gossipsub": {...},
 *    "subscriptions": [topics],
 *    "topics": {name: {"subscribed", "mesh", "subscribers", "fanout",
 *                      "backoff": [{"peer_id", "left_ms"}]}},
 *    "peers": [{"peer_id", "agent", "rtt_ms", "connections": [{"id", "direction", "remote",
 *               "rtt_ms"}], "outbound_stream", "inbound_streams"}],
 *    "counters": {...},
 *    "severity": of the worst finding: "error", "warning", "note" or null,
 *    "findings": [indices of those that concern it]}
 * What is not known is null or empty. An API that did not answer is the node that answered there in
 * the earlier snapshot, or else one whose id is the API.
 */
#ifndef NET_MESH_DRAWING_H
#define NET_MESH_DRAWING_H

#include <jansson.h>

#include "common/error.h"

/*
 * BEFORE may be NULL. TOPIC, where not NULL, is the one topic of which edges, findings and changes
 * are told: as label_means_topic() says. NULL with the error set where no node knows it, or several
 * are meant. The caller owns the drawing. Linear in the size of the snapshots but for sorting.
 */
json_t *mesh_drawing(const json_t *now, const json_t *before, const char *topic,
                     struct error *error);

#endif
