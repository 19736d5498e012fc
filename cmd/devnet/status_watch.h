/* devnet status --watch: a table that stays, or where standard output is no terminal, a new one, or
 * with --json a line, for each look. */
#ifndef CMD_DEVNET_STATUS_WATCH_H
#define CMD_DEVNET_STATUS_WATCH_H

#include "cmd/devnet/devnet.h"

/* Until a signal ends us, or nobody reads what we print. */
void status_watch(struct devnet *devnet, const struct genesis *genesis,
                  const struct devnet_options *options);

#endif
