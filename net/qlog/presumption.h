/*
 * What the logs of one node alone suggest about connections whose peers nobody names: that two of
 * them are with the same peer.
 */
#ifndef NET_QLOG_PRESUMPTION_H
#define NET_QLOG_PRESUMPTION_H

#include "net/qlog/peering.h"

enum { QLOG_PRESUMED_LIMIT = 2048 }; /* streams that are compared with each other */

/* Whether two connections look like one peering of nodes that dialled each other: the node that
 * logged both opened gossipsub streams on the one alone, and was opened streams on the other. */
bool qlog_presumed_crossing(const struct qlog_connection *a, const struct qlog_connection *b);
/* Refines what qlog_peerings_of found. */
void qlog_presume(struct qlog_peerings *peerings);

#endif
