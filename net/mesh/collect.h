/* Asks many nodes for their mesh at once. */
#ifndef NET_MESH_COLLECT_H
#define NET_MESH_COLLECT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { MESH_COLLECT_AT_ONCE = 64, MESH_VISITS_AT_ONCE = 32 };

struct mesh_manner {
    uint64_t timeout_ms; /* until a node has answered, or has accepted a visitor */
    uint64_t stay_ms;    /* of a visit; two heartbeats of the node's at least */
};

/*
 * A snapshot (net/mesh/snapshot.h) of what TARGETS (net/mesh/target.h) name. Those that do not
 * answer soundly in time are in it as unreachable. NULL with the error set where one is no target.
 *
 * A target may be a tap's API: its nodes are in the snapshot where they do not tell of themselves.
 * APIs and pages of metrics are asked first, and the other nodes visited then: so that nobody takes
 * our visitors for members of the mesh.
 */
json_t *mesh_collect(const char *const *targets, size_t count, const struct mesh_manner *manner,
                     struct error *error);

#endif
