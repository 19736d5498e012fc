/* Connects the nodes of a devnet to each other, through their APIs. */
#ifndef DEVNET_WIRE_H
#define DEVNET_WIRE_H

#include <stdint.h>

#include "devnet/state.h"
#include "devnet/wiring.h"

/* One connection, which has come as far as asked. */
struct wire_news {
    const struct devnet_node *dialler, *listener;
    const char *reached;
    size_t done, count; /* of all connections, this one included */
};

typedef void wire_report(void *context, const struct wire_news *news);

/*
 * Every connection is waited for until both have each other in the mesh, or, where one has more
 * peers than a mesh is sure to take, until their gossip streams are open; with another program,
 * until the handshake is done. False with the error set at the first that fails.
 */
bool devnet_wire(const struct devnet *devnet, const struct wiring *wiring, uint64_t timeout_ms,
                 wire_report *report, void *context, struct error *error);

#endif
