/* A Lean genesis folder through the tap: its nodes, and the folder as others are to see it. */
#ifndef CMD_TAP_FOLDER_H
#define CMD_TAP_FOLDER_H

#include "devnet/genesis.h"
#include "net/tap/tap.h"

/* Adds each node of the folder, at its address's host and any port, and takes its identity over.
 * One whose key is not at hand is left out, with a warning. */
bool folder_add(struct tap *tap, struct genesis *genesis, struct error *error);
/*
 * Makes OUT, or what is in it anew: nodes.yaml and validator-config.yaml with the tap's ports in
 * place of the nodes' own, and records that say all else as before and are signed anew; links to
 * all else in the folder. What a node that was left out has there stays as it is.
 */
bool folder_write(const struct tap *tap, const struct genesis *genesis, const char *out,
                  struct error *error);

#endif
