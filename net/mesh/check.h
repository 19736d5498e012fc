/* Whether the mesh of a snapshot (net/mesh/snapshot.h) is sound: what must hold of it, and what
 * does not. */
#ifndef NET_MESH_CHECK_H
#define NET_MESH_CHECK_H

#include <jansson.h>
#include <stdbool.h>

enum mesh_invariant {
    MESH_NODE_REACHABLE,
    MESH_SEEN_BY_TAP,
    MESH_SAME_NETWORK,
    MESH_STATUS_COMPATIBLE,
    MESH_CHAIN_POSSIBLE,
    MESH_API_OWN,
    MESH_PEERING_MUTUAL,
    MESH_OUTBOUND_STREAM,
    MESH_STREAM_HEARD,
    MESH_INBOUND_STREAM,
    MESH_PEER_STREAM,
    MESH_PEERS_COMPLETE,
    MESH_EDGE_MUTUAL,
    MESH_DEGREE,
    MESH_NOT_EMPTY,
    MESH_MEMBER_SUBSCRIBED,
    MESH_MEMBER_BACKOFF,
    MESH_MESSAGES_ACCEPTED,
    MESH_TOPIC_CONNECTED,
    MESH_NO_CUT_NODE,
    MESH_NO_BRIDGE,
    MESH_INVARIANTS,
};

/* An error makes the mesh unsound; a warning or a note does not. */
enum mesh_severity { MESH_ERROR, MESH_WARNING, MESH_NOTE };

/*
 * {"sound": whether there is no error, "nodes", "foreign", "topics": how many were looked at,
 *  "tapped": how many of the nodes a tap alone knows,
 *  "findings": [{"severity": "error" | "warning" | "note", "invariant", "topic", "node", "peer",
 *                "message", "known_from": "tap" where a tap alone knows of what is found, or of
 *                some of it}],        by invariant; those members that apply
 *  "counts": {invariant: how many findings}, of those that were found not to hold
 *  "not_asked": [peer ids] of which only what others tell is known
 *  "explanations": {invariant: ...}}  of the same
 * The caller owns it.
 */
json_t *mesh_check(const json_t *snapshot);

#endif
