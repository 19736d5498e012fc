/* What of a devnet has ended by itself: it was started, and nobody stopped it on purpose. */
#ifndef DEVNET_ENDED_H
#define DEVNET_ENDED_H

#include <jansson.h>

#include "devnet/state.h"

/* Nothing runs that came of the node. False of one that the state does not say was started, such
 * as all of a devnet that is down. */
bool devnet_node_has_ended(const struct devnet_node *node);

/* The names of those, and the kinds of what stands between the nodes and has ended; a new array. */
json_t *devnet_ended(const struct devnet *devnet);

#endif
