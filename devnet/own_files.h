/*
 * Which files of a devnet's folder are its own, to be replaced and removed. The folder may be where
 * somebody works, or a genesis folder (devnet/genesis.h), and files there be called as a devnet's
 * are.
 */
#ifndef DEVNET_OWN_FILES_H
#define DEVNET_OWN_FILES_H

#include "devnet/state.h"

/* Whether a devnet is or was in FOLDER: otherwise no file there is one's. */
bool own_files_are_in(const char *folder);
/* Whether FOLDER says itself which nodes there are, by a validator-config.yaml: its nodes.yaml is
 * nobody else's, then. */
bool own_files_has_genesis(const char *folder);
/* Whether devnet.yaml and steps.jsonl are of the last devnet in FOLDER. */
bool own_files_has_experiment(const char *folder);
/* From now on they are; what was done is noted already. */
void own_files_note_experiment(const struct devnet *devnet);

/* False with the error set where a new devnet would replace what is not of an earlier one.
 * EXPERIMENT is the file that it is to be from, or NULL. */
bool own_files_check(const struct devnet *devnet, const char *experiment, struct error *error);
/* Of the folders that are there by the names of nodes that are to be, for which IS_PLANNED answers
 * with CONTEXT: false with the error set where logs in one would be replaced, and were of nobody
 * that a devnet ran. */
bool own_files_check_nodes(const struct devnet *devnet,
                           bool (*is_planned)(const void *context, const char *name),
                           const void *context, struct error *error);
/* Whether a devnet keeps a file of that name, as no node can be called, then. */
bool own_files_has_name(const char *name);
/* Removes what an earlier devnet in this folder left of its state. */
void own_files_remove(const struct devnet *devnet);

#endif
