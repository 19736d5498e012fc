/*
 * What the logs of one node alone suggest about connections whose peers nobody names: that two of
 * them are with the same peer.
 */
#ifndef NET_VERDICT_PRESUMPTION_H
#define NET_VERDICT_PRESUMPTION_H

#include "net/verdict/peering.h"

enum { QLOG_PRESUMED_LIMIT = 2048 }; /* streams, or connections, that are compared */

enum qlog_side { QLOG_NEITHER_SIDE, QLOG_OUR_SIDE, QLOG_THEIR_SIDE };

/* Who alone opened gossipsub streams there: the node that logged it, or its peer. Neither where
 * both did or none, both logs are there, or events of ours name the peer. */
enum qlog_side qlog_sole_opener(const struct qlog_connection *connection);
/* Whether one node logged both, dialled in the one and was dialled in the other at the same time.
 * Where it is also the sole opener in one, and its peer in the other, they look like one peering of
 * nodes that dialled each other. */
bool qlog_presumed_crossing(const struct qlog_connection *a, const struct qlog_connection *b);
/* Refines what qlog_peerings_of found. */
void qlog_presume(struct qlog_peerings *peerings);

#endif
