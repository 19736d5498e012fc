/*
 * Records that cannot be read: which of them may be missed. One that is cut off, or overwritten,
 * may have been a packet's or an event of ours, unless what is left of it names another kind.
 */
#ifndef NET_QLOG_LOST_H
#define NET_QLOG_LOST_H

#include "net/qlog/log.h"

/* Counts a record by what is left of it; none is left where bytes tell nothing. */
void qlog_lost_record(struct qlog_lost *lost, struct bytes text);
/* Counts what is MORE, lost at TIME of the log. Which connection of several in a file it was of,
 * where it is SHARED, nothing tells. */
void qlog_lost_add(struct qlog_lost *lost, const struct qlog_lost *more, double time, bool shared);
/* Takes in a packet that has a number: one that follows in order shows that none of its direction
 * is missing before it. */
void qlog_lost_take_packet(struct qlog_lost *lost, const struct qlog_packet *packet);
/* The same of a range that the log's owner acknowledges: it has received none that is higher. */
void qlog_lost_take_ack(struct qlog_lost *lost, const struct qlog_frame *range);
/* Whether one of the untold records may be a packet's that is missed: what was lost less than a
 * MARGIN before the connection was closed is not. */
bool qlog_lost_may_be_packets(const struct qlog_log *log, double margin);

#endif
