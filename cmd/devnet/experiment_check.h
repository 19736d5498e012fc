/* Whether the commands in an experiment can be carried out, as far as that is known before. */
#ifndef CMD_DEVNET_EXPERIMENT_CHECK_H
#define CMD_DEVNET_EXPERIMENT_CHECK_H

#include "devnet/experiment.h"

/* The programs that the commands are of, and devnet-node, check the arguments; names of nodes are
 * to be of such as there are by then. False with the error set: "FILE:LINE: what". */
bool experiment_check_commands(const struct experiment *experiment, struct error *error);

#endif
