/* Our nodes in the place of those of a genesis folder. */
#ifndef DEVNET_GENESIS_START_H
#define DEVNET_GENESIS_START_H

#include "devnet/genesis.h"
#include "devnet/start.h"

/* Freed with genesis_nodes_free. */
struct genesis_nodes {
    struct start_node *nodes;
    size_t count;
};

/*
 * How those of GENESIS that are not UP (by their index) and whose key is known are to be started in
 * DEVNET, whose lock is held: where the folder has them, on block, aggregation and the attestations
 * of each committee, with all others as bootnodes. Writes their keys into the devnet's folders.
 * Those whose key is not known are warned of. False with the error set where a file cannot be
 * written.
 */
bool genesis_nodes_plan(const struct genesis *genesis, const bool *up, const struct devnet *devnet,
                        struct genesis_nodes *plan, struct error *error);
void genesis_nodes_free(struct genesis_nodes *plan);

#endif
