/* Logs that prove nothing, or not all: "no orphans" must not be read out of them. */
#ifndef NET_VERDICT_UNDECIDABLE_H
#define NET_VERDICT_UNDECIDABLE_H

#include "net/verdict/connections.h"

/* Why the log at that place of a connection cannot tell all; to be freed. NULL where it can, where
 * another one's does, or where it is not there. */
char *qlog_why_undecidable(const struct qlog_connection *connection, unsigned place);
/* Whether parts are missing from what the logs say of the connection's streams, so that silence
 * there proves nothing. */
bool qlog_is_patchy(const struct qlog_connection *connection);
/* From which end's own log events of ours may be missing. */
void qlog_find_lacking(const struct qlog_connection *connection, bool lacking[2]);
/* Whether a node may own the stream though its log does not say so: events of ours may be missing
 * from it, as LACKING has it, and none that is there shows the contrary. */
bool qlog_claims_may_be_missing(const bool lacking[2], const struct qlog_joined_stream *stream);

#endif
