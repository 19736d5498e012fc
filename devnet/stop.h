/* Stops the nodes of a devnet. */
#ifndef DEVNET_STOP_H
#define DEVNET_STOP_H

#include <stdint.h>

#include "devnet/family.h"
#include "devnet/state.h"

/* Called for each node, in order, and what stands between (NAME is its kind), once all have ended.
 */
typedef void stop_report(void *context, const char *name, const struct process *process,
                         enum process_end end);

/*
 * Asks all nodes to end, and what they started, kills after PATIENCE_MS those that have not, does
 * the same with what stands between them, which has carried their parting words by then, and
 * forgets the devnet. False where one was left; the devnet is not forgotten then if that one is
 * known to run, or a later look at /proc may tell more. REPORT may be NULL.
 */
bool devnet_stop(const struct devnet *devnet, uint64_t patience_ms, stop_report *report,
                 void *context);

#endif
