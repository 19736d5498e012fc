/*
 * The paths between a devnet's nodes, where a relay stands between them: one process with a link
 * for whoever dials whom (cmd/relay/api.h). What is said of paths: net/relay/path_rule.h.
 */
#ifndef DEVNET_PATHS_H
#define DEVNET_PATHS_H

#include <jansson.h>

#include "devnet/state.h"

/* NULL where nodes dial each other directly. */
const struct devnet_between *devnet_find_relay(const struct devnet *devnet);

/* Starts PROGRAM, the path of devnet-relay, with RULES, which are sound. As devnet_start_between.
 */
bool devnet_start_relay(struct devnet *devnet, const char *program, const char *const *rules,
                        size_t count, uint64_t timeout_ms, struct error *error);

/*
 * Asks the relay's API, and waits for the answer, the caller's to release; BODY is taken over, and
 * NULL with GET. NULL with the error set where there is no answer, or it is an error; of the kind
 * ERROR_CONFLICT where there is no relay.
 */
json_t *paths_ask(const struct devnet *devnet, const char *path, json_t *body, struct error *error);

#endif
