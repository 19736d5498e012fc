/* Joins what the logs of one connection say. */
#ifndef NET_VERDICT_JOIN_H
#define NET_VERDICT_JOIN_H

#include "net/verdict/connections.h"

/* Fills in all of CONNECTION but its index, its ids and its logs, which are there. */
void qlog_join(struct qlog_connection *connection);

static inline enum qlog_role qlog_opener_of(uint64_t stream_id)
{
    return (stream_id & 1) != 0 ? QLOG_SERVER : QLOG_CLIENT;
}

#endif
