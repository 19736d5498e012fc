/* Reads what a Lean node's own HTTP API answers. Pure. */
#ifndef NET_MESH_LEAN_ANSWER_H
#define NET_MESH_LEAN_ANSWER_H

#include <jansson.h>

#include "common/bytes.h"
#include "common/error.h"

enum lean_route { LEAN_HEALTH, LEAN_IDENTITY, LEAN_PEERS, LEAN_FORK_CHOICE, LEAN_ROUTES };

enum {
    LEAN_ANSWER_MAX = 16 * 1024 * 1024,
    LEAN_ANSWER_PEERS_MAX = 4096,
    LEAN_ANSWER_TEXT_MAX = 256, /* bytes of what it calls its state or version */
};

/* What a snapshot calls the route's answer, and where it is served. */
const char *lean_route_name(enum lean_route route);
const char *lean_route_path(enum lean_route route);

/*
 * What BODY, the answer of ROUTE, says; NULL with the error set where it is no such answer.
 *   health       the text of its "status", or healthy where that is all (ream, once)
 *   identity     {"version", "peer_id"}, each of which may be null
 *   peers        [{"peer_id", "state": null or "connected" and the like}]
 *   fork_choice  {"head", "justified", "finalized": {"root", "slot"}}, roots in lower case after 0x
 * Peers come as an object by peer id, of states or of objects (ream, then and now), or as a list of
 * ids or of objects, alone or as the member "data" (LeanViz) or "peers". Numbers may stand in
 * quotes.
 */
json_t *lean_answer_parse(enum lean_route route, struct bytes body, struct error *error);

/* Whether an item of such peers is connected: what tells no state is taken to be. */
bool lean_peer_is_connected(const json_t *peer);

#endif
