/* A snapshot's insides: what snapshot.c, which makes them, and snapshot_read.c share. */
#ifndef NET_MESH_SNAPSHOT_PARTS_H
#define NET_MESH_SNAPSHOT_PARTS_H

#include "common/shape.h"
#include "net/mesh/snapshot.h"

/* ---- snapshot.c ---- */

/* Every list in a node is a set, and is put into one order. */
void snapshot_sort_lists(json_t *value);

/* ---- snapshot_read.c ---- */

extern const char snapshot_format[];
/* Of what GET /mesh answers, and of a node in a snapshot. */
extern const struct shape snapshot_node_shape[];

#endif
