/* The part of `devnet up` that connects the nodes, and tells how far that is. */
#ifndef CMD_DEVNET_UP_CONNECT_H
#define CMD_DEVNET_UP_CONNECT_H

#include "cmd/devnet/devnet.h"
#include "devnet/wiring.h"

/* What the options ask for; a seed that they do not give is made. False with the error set where
 * there is no such shape. */
bool up_wiring(const struct devnet_options *options, struct wiring *wiring, struct error *error);
/* Connects all; prints each pair where the options ask for it, and a line about all of them, unless
 * they ask for JSON. False with the error set at the first that fails. */
bool up_connect(struct devnet *devnet, const struct devnet_options *options,
                const struct wiring *wiring, struct error *error);
/* The same for the pairs of an experiment whose listener is another program, once that is up;
 * whoever is connected by now is passed over. */
bool up_connect_programs(struct devnet *devnet, const struct devnet_options *options,
                         struct error *error);
/* {how, seed, pairs}, the seed only where it decides. */
json_t *up_wiring_json(const struct devnet *devnet, const struct devnet_options *options,
                       const struct wiring *wiring);

#endif
