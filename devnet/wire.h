/* Connects the nodes of a devnet to each other, through their APIs. */
#ifndef DEVNET_WIRE_H
#define DEVNET_WIRE_H

#include <stdint.h>

#include "devnet/state.h"

enum wiring { WIRE_NONE, WIRE_LINE, WIRE_FULL };

/* Called for each connection once it has come as far as asked. */
typedef void wire_report(void *context, const struct devnet_node *dialler,
                         const struct devnet_node *listener, const char *reached);

/*
 * LINE: each node dials the next; FULL: each dials all after it. Every connection is waited for
 * until both have each other in the mesh, or, where there are more peers than a mesh is sure to
 * take, until their gossip streams are open. False with the error set at the first that fails.
 */
bool devnet_wire(const struct devnet *devnet, enum wiring wiring, uint64_t timeout_ms,
                 wire_report *report, void *context, struct error *error);

#endif
