/* nodes.yaml: a YAML list of node records (EIP-778), as Lean clients take their bootnodes. */
#ifndef DEVNET_NODES_YAML_H
#define DEVNET_NODES_YAML_H

#include <stddef.h>

#include "common/error.h"

/* Writes COUNT records, each "enr:...", whole; NULL among them are left out. */
bool nodes_yaml_write(const char *path, const char *const *records, size_t count,
                      struct error *error);

#endif
