/* Which nodes of a devnet are asked what they see, by what, and what they say. */
#ifndef DEVNET_ASK_H
#define DEVNET_ASK_H

#include <jansson.h>

#include "devnet/state.h"

/* Which of the nodes without an API of ours are asked: they are visited, as a peer. */
enum devnet_visits {
    DEVNET_VISITS_NONE,
    DEVNET_VISITS_GENESIS, /* those of a genesis folder alone: visits would be in the logs of those
                            * that `devnet up` runs */
    DEVNET_VISITS_UNSEEN,  /* all that no tap tells of */
};

/* What devnet-mesh is to look at (net/mesh/target.h): nodes that are not stopped on purpose, and
 * the API of the tap, if there is one. Freed by devnet_targets_free(). */
char **devnet_targets(const struct devnet *devnet, enum devnet_visits visits, size_t *count);
void devnet_targets_free(char **targets, size_t count);
/* Those that ended by themselves and so are not asked, as a new object: their addresses, and what
 * is wrong with each, for people. Ours are asked where they were, and do not answer. */
json_t *devnet_unasked(const struct devnet *devnet, enum devnet_visits visits);
/* The same of all that devnet_ask passes over, though they are not stopped: those of ours that have
 * ended or are paused, by their APIs, too. */
json_t *devnet_not_awake(const struct devnet *devnet);
/* The peer ids of those that are stopped on purpose, as the names of a new object. */
json_t *devnet_stopped_ids(const struct devnet *devnet);

/* A snapshot (net/mesh/snapshot.h) of what nodes say of themselves, with visits to those of a
 * genesis folder. Who does not run, or is paused, is not asked. A node has TIMEOUT_MS to answer. */
json_t *devnet_ask(const struct devnet *devnet, uint64_t timeout_ms);

#endif
