/*
 * A tap between all nodes of a devnet (`devnet up --tap`): one devnet-tap, which speaks for each
 * with the node's own key, DIR/NAME/key. It is given a node once it is known where that is, and
 * whoever is to dial the node is told its place at the tap then (devnet_node_address).
 */
#ifndef DEVNET_TAP_H
#define DEVNET_TAP_H

#include <stdint.h>

#include "devnet/state.h"

/* NULL where nodes dial each other directly. */
const struct devnet_between *devnet_find_tap(const struct devnet *devnet);

/* Its API, which tells of all nodes; NULL where there is no tap. One that has died is asked all the
 * same, so that nobody takes what it does not tell for a sound mesh. */
const char *devnet_tap_api(const struct devnet *devnet);
/* The folder of its QUIC logs, freed with free(); NULL where there is or was none. */
char *devnet_tap_logs(const struct devnet *devnet);

/* Starts PROGRAM, the path of devnet-tap, between nobody yet; its QUIC logs are bounded as those of
 * nodes are. As devnet_start_between. */
bool devnet_start_tap(struct devnet *devnet, const char *program, uint64_t timeout_ms,
                      struct error *error);

/* Gives NODE, which has a key and listens somewhere, to the tap, if there is one; again where it
 * was started again. False with the error set where the tap does not take it. The state is not
 * saved. */
bool devnet_tap_node(const struct devnet *devnet, struct devnet_node *node, struct error *error);

/* NODE was ended, or is one no more: the tap, if one runs, tells of it as a node no more until it
 * is given again. False with the error set where the tap does not take that. */
bool devnet_tap_leave(const struct devnet *devnet, const struct devnet_node *node,
                      struct error *error);

/* Whether the tap, if there is one, carries a connection of NODE's. Its partner sees one before it
 * is proven who NODE is. */
bool devnet_tap_carries(const struct devnet *devnet, const struct devnet_node *node);

#endif
