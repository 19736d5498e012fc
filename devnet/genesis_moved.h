/* A genesis folder (devnet/genesis.h) as others are to see it where something stands before its
 * nodes. */
#ifndef DEVNET_GENESIS_MOVED_H
#define DEVNET_GENESIS_MOVED_H

#include "devnet/genesis.h"

/* A node that is to be dialled elsewhere. */
struct genesis_place {
    const struct identity *identity;
    const struct multiaddr *address; /* with its peer id */
    const char *record;              /* there; or NULL: it can have none */
};

/*
 * Makes the folder OUT, or what is in it anew: nodes.yaml and validator-config.yaml with the ports
 * of COUNT places in place of the nodes' own, and records that say all else as before and are
 * signed anew; links to all else in the genesis folder. Nodes without a place stay as they are;
 * places of nodes that the folder does not have are added to nodes.yaml. False with the error set
 * where something cannot be read or written, or OUT is the folder itself.
 */
bool genesis_write_moved(const struct genesis *genesis, const struct genesis_place *places,
                         size_t count, const char *out, struct error *error);

#endif
