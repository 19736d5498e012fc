/* What a report says of how the nodes are. */
#ifndef CMD_DEVNET_REPORT_STATES_H
#define CMD_DEVNET_REPORT_STATES_H

#include <jansson.h>

#include "devnet/state.h"

/* "node1 and node2, up; mine, ended by itself; the relay, up", freed with free(): of the nodes, and
 * of what stands between them, by STATUS (of devnet_describe); of a devnet that is down, all are.
 */
char *report_states(const struct devnet *devnet, const json_t *status, bool live);

#endif
