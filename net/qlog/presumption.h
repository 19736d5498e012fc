/*
 * What the logs of one node alone suggest about connections whose peers nobody names: that two of
 * them are with the same peer. It refines what qlog_peerings_of found for each connection alone.
 */
#ifndef NET_QLOG_PRESUMPTION_H
#define NET_QLOG_PRESUMPTION_H

#include "net/qlog/peering.h"

enum { QLOG_PRESUMED_LIMIT = 2048 }; /* streams that are compared with each other */

void qlog_presume(struct qlog_peerings *peerings);

#endif
