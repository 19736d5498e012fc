/*
 * What changed between two snapshots (net/mesh/snapshot.h): nodes, peers, connections, streams, and
 * by topic mesh edges, subscriptions, fanout and backoff. What is volatile is not looked at, nor
 * are foreign nodes and endpoints where one of the snapshots never asked for any.
 */
#ifndef NET_MESH_DIFF_H
#define NET_MESH_DIFF_H

#include <jansson.h>

/*
 * An array of changes, sorted, empty where the two are equal; the caller owns it. A change is
 *   {"change": "added" | "removed" | "changed", "kind": ..., "topic", "node", "peer", "connection",
 *    "field", "before", "after", "known_from": "tap" of a node that a tap alone knew or knows}
 * with those members that apply, and "api" for what was asked. Kinds: unreachable, endpoint, node,
 * foreign, peer, connection, inbound_stream; within a topic: topic, subscription (the node's own),
 * subscriber (that the node knows of), mesh, fanout, backoff. A changed one names the field, and
 * what it was and is.
 */
json_t *mesh_diff(const json_t *before, const json_t *after);

/* Ends with NULL. */
extern const char *const mesh_change_kinds[];

/* One line for people, without a newline, such as "+ mesh TOPIC: A -> B"; freed with free(). */
char *mesh_change_text(const json_t *change);

#endif
