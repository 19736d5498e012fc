/* Which validators a genesis folder has, and which node has which. */
#ifndef DEVNET_GENESIS_VALIDATORS_H
#define DEVNET_GENESIS_VALIDATORS_H

#include "common/yaml.h"
#include "devnet/genesis.h"

/* LIST is GENESIS_VALIDATORS, each with its keys' hexadecimal digits; 0: none is told. */
bool genesis_read_keys(struct genesis *genesis, const struct yaml_tree *yaml, yaml_item list,
                       struct error *error);
/* FILE is validators.yaml or annotated_validators.yaml: for each node, at the top or under
 * `validators`, a list of indices or of entries with an `index`, of which there may be one for each
 * of a validator's keys. What is read last counts. Warned of are nodes that the folder has not,
 * indices that config.yaml has no keys for, and what the two files say differently. */
bool genesis_read_assignment(struct genesis *genesis, const char *file,
                             const struct yaml_tree *yaml, struct error *error);
/* One line, where two nodes have the same validator. */
void genesis_warn_of_shared_validators(const struct genesis *genesis);

#endif
