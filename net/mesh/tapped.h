/*
 * What a tap (devnet-tap) heard of the nodes that it stands between, as nodes of a snapshot: whom
 * they are connected to through it, what they said that they are subscribed to, and who has whom in
 * its mesh by the GRAFTs and PRUNEs that passed. What does not go through it, it does not know.
 */
#ifndef NET_MESH_TAPPED_H
#define NET_MESH_TAPPED_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

enum { TAPPED_VERSION = 1 };

/* Whether MESH, an answer to GET /mesh, is a tap's. */
bool tapped_is_answer(const json_t *mesh);
/* Adds to SNAPSHOT the nodes in MESH, a tap's answer at API, that have not told of themselves.
 * False where MESH is unsound; then none is added. */
bool tapped_add(json_t *snapshot, const char *api, const json_t *mesh, struct error *error);
/* Whether NODE, one of a snapshot's `nodes`, is known by a tap alone. */
bool tapped_is_node(const json_t *node);

#endif
