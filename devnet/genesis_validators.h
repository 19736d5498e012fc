/* Which validators a genesis folder has, and which node has which. */
#ifndef DEVNET_GENESIS_VALIDATORS_H
#define DEVNET_GENESIS_VALIDATORS_H

#include "common/yaml.h"
#include "devnet/genesis.h"

/* LIST is GENESIS_VALIDATORS, each with its keys' hexadecimal digits; 0: none is told. */
bool genesis_read_keys(struct genesis *genesis, const struct yaml_tree *yaml, yaml_item list,
                       struct error *error);
/* annotated_validators.yaml: for each node a list of entries with an `index`, of which there may be
 * one for each of a validator's keys. Nodes that the folder has not are warned of, as are indices
 * that config.yaml has no keys for. */
bool genesis_read_annotated(struct genesis *genesis, const struct yaml_tree *yaml,
                            struct error *error);

#endif
