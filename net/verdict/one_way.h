/* Peerings whose gossip flows in one direction only: one side has a gossipsub stream in use, and
 * the other has none. */
#ifndef NET_VERDICT_ONE_WAY_H
#define NET_VERDICT_ONE_WAY_H

#include "net/verdict/peering.h"

/* Finds in PEERINGS the streams that are the only ones in use between their two nodes, and marks
 * them. */
void qlog_mark_one_way(struct qlog_peerings *peerings);

#endif
