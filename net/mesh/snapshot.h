/*
 * A snapshot: what the nodes of a network say of themselves at one time, as versioned JSON.
 *
 *   {"format": "devnet-mesh-snapshot", "version": 1,
 *    "nodes": [what GET /mesh answered, and "volatile": {...}], sorted by peer id
 *    "unreachable": [{"api", "error"}]}                         sorted by API
 *
 * Keys and lists are sorted, and what changes all the time (ages, round-trip times, counters, the
 * API's address) is moved to "volatile", where it keeps its path: list items under their id. So two
 * snapshots of a quiet mesh differ in nothing but that.
 */
#ifndef NET_MESH_SNAPSHOT_H
#define NET_MESH_SNAPSHOT_H

#include <jansson.h>

#include "common/bytes.h"
#include "common/error.h"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_FILE_MAX = 512 * 1024 * 1024,
    SNAPSHOT_NODES_MAX = 10000,
};

/* Empty; freed with json_decref. */
json_t *snapshot_new(void);
/* MESH is an answer to GET /mesh, borrowed. False where it is none, or its node is in already. */
bool snapshot_add_node(json_t *snapshot, const char *api, const json_t *mesh, struct error *error);
void snapshot_add_unreachable(json_t *snapshot, const char *api, const char *error);
/* Sorts the nodes, once all are in. */
void snapshot_sort(json_t *snapshot);

/* Reads and checks a snapshot or the file of one; NULL with the error set where it is no snapshot
 * that we understand. */
json_t *snapshot_parse(struct bytes text, struct error *error);
json_t *snapshot_read(const char *path, struct error *error);
/* Indented and sorted, with a newline at the end; freed with free(). */
char *snapshot_text(const json_t *snapshot);

/* The order of a list's items, and what tells them apart: strings, or objects by `peer_id`, `id`,
 * `api`, or `connection` and `stream_id`. */
int snapshot_item_compare(const json_t *a, const json_t *b);
/* What names the item: the string, or the `peer_id`, `id` or `api`; NULL where there is none. */
const char *snapshot_item_name(const json_t *item);

#endif
