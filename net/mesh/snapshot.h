/*
 * A snapshot: what the nodes of a network say of themselves at one time, as versioned JSON.
 *
 *   {"format": "devnet-mesh-snapshot", "version": 1,
 *    "nodes": [what GET /mesh answered, and "volatile": {...}; or what a tap heard of a node, and
 *              its "name" there (net/mesh/tapped.h)], sorted by peer id
 *    "foreign": [{"peer_id", "key_type", "agent", "protocols", "listen", "status",
 *      "topics": {name: {"subscribed", "has_visitor": whether we were in its mesh}},
 *      "visit": {"ended": null, or why it went before we did, "status": how it took our asking,
 *                "streams": {"ours": protocol, "theirs": [protocol]}},
 *      "node_info": {"name", "version"},
 *      "lean": {"url", "health", "identity", "peers", "fork_choice"}, what its own API answered
 *               (net/mesh/lean_answer.h), by route; null where it does not serve that
 *      "sources", "volatile"}]                                   nodes without an API of ours
 *    "endpoints": [{"url", "node_info", "lean", "sources", "volatile"}]  pages of metrics, and APIs
 *                                                               of Lean nodes, of nobody visited
 *    "unreachable": [{"api": what was asked, or would be, "error"}], sorted by it
 *    "names": {id: name},                                       what people call the nodes
 *    "paths": ["node1,node2: loss=1", ...],                     what is wrong between them, by the
 *                                                               program that makes it so
 *    "stopped": [id]}                                           nodes that were stopped on purpose,
 *                                                               and so not asked; sorted
 *
 * "foreign" and "endpoints" are left out where they were never asked for, "names", "paths"
 * and "stopped" where none are known. "sources" says of each
 * member where it is from: "api", "tls", "identify", "status", "gossipsub" (the node's RPCs),
 * "visit" (what we saw), "tap", "lean_api" or "metrics"; "*" stands for all. A member of a foreign
 * node's that is not in it is not known. snapshot.schema.json, installed in share/devnet, has it
 * all.
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
#include "net/address/names.h"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_FILE_MAX = 512 * 1024 * 1024,
    SNAPSHOT_NODES_MAX = 10000,
};

/* Empty; freed with json_decref. */
json_t *snapshot_new(void);
/* MESH is an answer to GET /mesh, borrowed. False where it is none, or its node is in already. */
bool snapshot_add_node(json_t *snapshot, const char *api, const json_t *mesh, struct error *error);
/* The same of what the SOURCE at API told, as an answer to GET /mesh would. */
bool snapshot_add_told(json_t *snapshot, const char *api, const json_t *mesh, const char *source,
                       struct error *error);
/* Makes the lists that are asked for, so that nobody there differs from nobody asked. */
void snapshot_expect(json_t *snapshot, bool foreign, bool endpoints);
/* ENTRY is what came of a visit (net/mesh/visit.h) at ADDRESS, borrowed. False where that node is
 * in already. */
bool snapshot_add_foreign(json_t *snapshot, const char *address, const json_t *entry,
                          struct error *error);
/* Adds METRICS (net/mesh/prometheus.h), taken over, of the page at URL to a foreign node's entry.
 */
void snapshot_set_metrics(json_t *entry, const char *url, json_t *metrics);
/* The same where it is not known whose they are; once for each URL. */
void snapshot_add_endpoint(json_t *snapshot, const char *url, json_t *metrics);
/* Adds LEAN (net/mesh/lean_ask.h), borrowed, of the API at URL to an entry of either kind. */
void snapshot_set_lean(json_t *entry, const char *url, const json_t *lean);
/* An endpoint that is a Lean node's API; PAGE and METRICS, taken over, may be NULL. Once for each
 * URL. */
void snapshot_add_lean_endpoint(json_t *snapshot, const char *url, const json_t *lean,
                                const char *page, json_t *metrics);
void snapshot_add_unreachable(json_t *snapshot, const char *api, const char *error);
/* Notes what those that are in it are called: their ids, and what was asked of those unreachable.
 */
void snapshot_set_names(json_t *snapshot, const struct names *names);
/* Notes what is wrong with paths (net/address/names.h), taken over; NULL: nothing is known. */
void snapshot_set_paths(json_t *snapshot, json_t *paths);
/* Notes which nodes were not asked as they were stopped on purpose: the names in IDS, borrowed. */
void snapshot_set_stopped(json_t *snapshot, const json_t *ids);
/* Sorts the nodes, once all are in. */
void snapshot_sort(json_t *snapshot);

/* Reads and checks a snapshot or the file of one; NULL with the error set where it is no snapshot
 * that we understand. */
json_t *snapshot_parse(struct bytes text, struct error *error);
json_t *snapshot_read(const char *path, struct error *error);
/* Indented and sorted, with a newline at the end; freed with free(). */
char *snapshot_text(const json_t *snapshot);

/* The order of a list's items, and what tells them apart: strings, or objects by `peer_id`, `id`,
 * `api`, `url`, or `connection` and `stream_id`. */
int snapshot_item_compare(const json_t *a, const json_t *b);
/* What names the item: the string, or the `peer_id`, `id`, `api` or `url`; NULL where there is
 * none. */
const char *snapshot_item_name(const json_t *item);
/* The first item of LIST that is called NAME; NULL where there is none, or NAME is NULL. LIST need
 * not be in order. */
json_t *snapshot_find_item(const json_t *list, const char *name);
/* Whose entry it is: the peer id of a node or, by what its own API told, of an endpoint; NULL where
 * nobody knows. */
const char *snapshot_teller(const json_t *entry);

#endif
