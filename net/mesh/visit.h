/*
 * A visit to a node that has no API of ours: connects as a peer with an identity of its own,
 * subscribes to what the node subscribes to, takes its GRAFTs and makes none, and goes again.
 *
 * What comes of it is an entry of a snapshot's "foreign" list (net/mesh/snapshot.h). A fact whose
 * source is missing is not known: the node has not spoken of it.
 */
#ifndef NET_MESH_VISIT_H
#define NET_MESH_VISIT_H

#include <jansson.h>

#include "net/address/resolver.h"

enum { VISIT_TOPICS_MAX = 64 }; /* of the node's, that we subscribe to */

struct visit_settings {
    struct event_base *base;
    struct resolver *resolver;
    uint64_t timeout_ms; /* until the node has accepted us */
    uint64_t stay_ms;    /* from then on; two heartbeats of the node's at least */
};

/* Once, at the end: ENTRY is the callee's. Where the node cannot be reached ENTRY is NULL, and the
 * error says why. */
typedef void (*visit_done)(void *context, json_t *entry, const char *error);

struct visit;

/* Ends by itself, never before it returns. NULL with the error set where it cannot begin. */
struct visit *visit_begin(const struct visit_settings *settings, const struct node_address *address,
                          visit_done done, void *context, struct error *error);
/* Takes leave of the node now; DONE follows soon, without an entry. */
void visit_cancel(struct visit *visit);

#endif
