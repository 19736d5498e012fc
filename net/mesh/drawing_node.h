/* What a drawing (net/mesh/drawing.h) tells of one node. */
#ifndef NET_MESH_DRAWING_NODE_H
#define NET_MESH_DRAWING_NODE_H

#include <jansson.h>

/* What a node of a snapshot says of itself: "agent" to "counters". The caller owns it. */
json_t *drawing_asked_node(const json_t *node);
/* The same of what a visit found of a node without an API of ours, an entry of "foreign". */
json_t *drawing_visited_node(const json_t *entry);
/* The same members of one that was not asked: what a peer of it tells, or nothing where PEER is
 * NULL; SUBSCRIBED is the set of topics that its peers take it to be subscribed to, and may be
 * NULL. */
json_t *drawing_heard_node(const json_t *peer, const json_t *subscribed);

#endif
