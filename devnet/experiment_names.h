/*
 * The names of nodes in an experiment's commands: what each command takes as its operands, and
 * which nodes there are by then, as commands add and remove some. Where files may stand, a name
 * that is none of a node is one of a file: that is there now, or that a command before writes.
 */
#ifndef DEVNET_EXPERIMENT_NAMES_H
#define DEVNET_EXPERIMENT_NAMES_H

#include <jansson.h>

#include "devnet/experiment.h"

struct experiment_names {
    const struct experiment *experiment; /* outlives them */
    json_t *known;                       /* {name: true}: of the nodes that there are by now */
    bool relay, tap;                     /* what stands between them, and has a name, too */
};

/* Of the nodes that there are before the first command. */
void experiment_names_init(struct experiment_names *names, const struct experiment *experiment);
void experiment_names_clear(struct experiment_names *names);

/* Takes the commands one after the other. OPERANDS are those of STEP, and end with NULL. False with
 * the error set where the command takes others, or they are of nodes that are not there by then. */
bool experiment_names_step(struct experiment_names *names, const struct experiment_step *step,
                           char *const *operands, struct error *error);

#endif
