/* Connects nodes that were started again with those that they were connected to by `up`. */
#ifndef DEVNET_REDIAL_H
#define DEVNET_REDIAL_H

#include <stdint.h>

#include "devnet/wire.h"

/*
 * FRESH says of each node, by its index, whether it was started since SINCE_MS (clock_now_ms). Each
 * connection of DEVNET's between one of those and another that is up is dialled by whoever dialled
 * it before, again and again until it stands; of another program that dials by itself that is
 * waited for, and after half of TIMEOUT_MS the other end dials it. Connections that nobody with an
 * API is at are left to those at their ends, and those that a partition cuts to devnet heal.
 * Another program that shows another peer id than before is known by it from then on. False with
 * the error set where one does not come to be within TIMEOUT_MS.
 */
bool devnet_redial(struct devnet *devnet, const bool *fresh, uint64_t since_ms, uint64_t timeout_ms,
                   wire_report *report, void *context, struct error *error);

#endif
