/* Logs that prove nothing: "no orphans" must not be read out of them. */
#ifndef NET_VERDICT_UNDECIDABLE_H
#define NET_VERDICT_UNDECIDABLE_H

#include "net/verdict/connections.h"

/* Why the log of that end of a connection can tell nothing; NULL where it can, or is not there. */
const char *qlog_why_undecidable(const struct qlog_connection *connection, enum qlog_role end);

#endif
