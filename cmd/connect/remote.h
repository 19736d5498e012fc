/* devnet-connect --from: a running node dials, and tells its steps over its API. */
#ifndef CMD_CONNECT_REMOTE_H
#define CMD_CONNECT_REMOTE_H

#include "cmd/connect/settings.h"

/* The exit code. */
int connect_remote(const struct connect_settings *settings);

#endif
