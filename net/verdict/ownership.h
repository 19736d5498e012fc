/*
 * Who owns each gossipsub stream between two nodes. Where events of ours do not say, both nodes are
 * played through by the rules of real implementations: the first stream that is answered is the one
 * that is read, a second one is ignored for good; the opener writes on the one whose negotiation it
 * completed first; and who loses the stream that it reads, because its opener ends it or its
 * connection goes, forgets the peer and its own stream with it.
 */
#ifndef NET_VERDICT_OWNERSHIP_H
#define NET_VERDICT_OWNERSHIP_H

#include "net/verdict/peering.h"

/* Settles who owns what in PEERING, whose streams are in the order in which they were answered. */
void qlog_play(struct qlog_peering *peering);
/* Whether the opener writes on the stream and the receiver reads it, as far as the logs go. */
bool qlog_gossip_in_use(const struct qlog_gossip *gossip);

#endif
