/*
 * A tap between nodes: for each node an endpoint with its identity, at which others dial it, and
 * from which it seems to dial others. Everything happens on one libevent loop.
 */
#ifndef NET_TAP_TAP_H
#define NET_TAP_TAP_H

#include <event2/event.h>

#include "net/tap/nodes.h"
#include "net/tap/pair.h"

enum { TAP_PAIRS_MAX = 1024 }; /* those that live; further dials are refused, and counted */

struct tap;

struct tap_settings {
    struct event_base *base;
    const char *qlog_folder; /* borrowed; NULL: no logs */
    uint64_t qlog_limit;     /* bytes of each leg's on disk, at least 64 KiB; 0: no limit */
    const struct tap_watcher *watcher; /* borrowed; NULL: nobody watches */
    void *context;                     /* borrowed; handed to it */
};

struct tap_statistics {
    uint64_t pairs, connected, front_first, refused_full, unknown_diallers;
    uint64_t narrow; /* legs that were given small windows, as those there are could be full */
    uint64_t streams, bytes[TAP_SIDES];
    size_t live;
};

/* SETTINGS are copied; what they borrow must outlive the tap. It has no nodes yet. */
struct tap *tap_new(const struct tap_settings *settings);
/* Opens the node's endpoint; PLAN's identity is taken over where it succeeds. Where it is must be
 * an address: see tap_plan_look_up(). False with ERROR_CONFLICT where there is one of that name or
 * key, or an address is taken: of nodes that are there no two are at one real address, and none
 * is where one is dialled.
 */
bool tap_add(struct tap *tap, struct tap_plan *plan, struct error *error);
/* The node of PLAN's name and key, which is at PLAN's real address from now on, and dialled where
 * it was. NULL with ERROR_CONFLICT where it is another's name or tap address, or there is none, or
 * an address is taken as above. */
const struct tap_node *tap_move(struct tap *tap, const struct tap_plan *plan, struct error *error);
/* The node of that name is not there any more, until tap_move() says where it is: who comes from
 * its real address is not taken for it. It keeps its place and number. LEAVES: it was there
 * until now. NULL with ERROR_NOT_FOUND where there is none. */
const struct tap_node *tap_leave(struct tap *tap, const char *name, bool *leaves,
                                 struct error *error);
bool tap_node_is_gone(const struct tap_node *node);
size_t tap_node_count(const struct tap *tap);
const struct tap_node *tap_node(const struct tap *tap, size_t index);
size_t tap_node_index(const struct tap_node *node);
/* NULL where there is none of that name. */
const struct tap_node *tap_node_named(const struct tap *tap, struct bytes name);

const char *tap_node_name(const struct tap_node *node);
const struct peer_id *tap_node_peer_id(const struct tap_node *node);
const struct identity *tap_node_identity(const struct tap_node *node);
/* Where it is dialled, with its peer id; where it really is. */
const struct multiaddr *tap_node_address(const struct tap_node *node);
const struct multiaddr *tap_node_real(const struct tap_node *node);
const struct quic_endpoint_statistics *tap_node_statistics(const struct tap_node *node);

struct tap_pair *tap_first_pair(const struct tap *tap);
const struct tap_statistics *tap_statistics(struct tap *tap);
/* Parts from all; run the loop until tap_is_quiet. */
void tap_shutdown(struct tap *tap);
bool tap_is_quiet(const struct tap *tap);
/* NULL is allowed. */
void tap_free(struct tap *tap);

#endif
