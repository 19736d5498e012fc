/* A Lean genesis folder through the tap: its nodes, and the folder as others are to see it. */
#ifndef CMD_TAP_FOLDER_H
#define CMD_TAP_FOLDER_H

#include "net/tap/tap.h"

/* Adds each node of the folder, at its address's host and any port. One whose key is not at hand is
 * left out, with a warning. */
bool folder_add(struct tap *tap, const char *folder, struct error *error);
/*
 * Makes OUT, or what is in it anew: nodes.yaml and validator-config.yaml with the tap's ports in
 * place of the nodes' own, and records that are signed anew; links to all else in FOLDER.
 */
bool folder_write(const struct tap *tap, const char *folder, const char *out, struct error *error);

#endif
