/* Writes genesis folders (devnet/genesis.h) for nodes that are yet to be run. */
#ifndef DEVNET_GENESIS_WRITE_H
#define DEVNET_GENESIS_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct genesis_plan {
    const char *folder;
    const char *name; /* the nodes are NAME_0, NAME_1 and so on */
    size_t count;
    const char *ip;
    /* Of the first node, the others count on; 0: free ones on 127.0.0.1. */
    uint64_t port, api_port, metrics_port;
    bool force; /* files of an earlier folder may be replaced; others are left */
};

/*
 * Makes a key for each node and writes validator-config.yaml, validators.yaml, nodes.yaml,
 * config.yaml and NAME.key, keys for us alone to read. The folder is there whole or as it was; one
 * that is not empty is refused without FORCE, with which each file is replaced whole. Errors name
 * the path; errno says why, too.
 */
bool genesis_write(const struct genesis_plan *plan, struct error *error);

#endif
