/* Stops the nodes of a devnet. */
#ifndef DEVNET_STOP_H
#define DEVNET_STOP_H

#include <stdint.h>

#include "devnet/state.h"

/* Called for each node, in order, once all have ended. */
typedef void stop_report(void *context, const struct devnet_node *node, enum process_end end);

/* Asks all nodes to end, kills after PATIENCE_MS those that have not, and forgets the devnet.
 * REPORT may be NULL. */
void devnet_stop(const struct devnet *devnet, uint64_t patience_ms, stop_report *report,
                 void *context);

#endif
