#include "net/verdict/undecidable.h"

/* A log without frames proves nothing, unless the other end's log has them. */
const char *qlog_why_undecidable(const struct qlog_connection *connection, enum qlog_role end)
{
    const struct qlog_log *log = connection->ends[end];
    const struct qlog_log *other = connection->ends[qlog_other(end)];
    if (log == NULL || log->frames > 0 || (other != NULL && other->frames > 0) ||
        qlog_log_never_began(log))
        return NULL;
    return log->packets > 0
               ? "its packets are logged without their frames: whether streams were orphaned "
                 "cannot be told from it"
               : "holds no packets: whether streams were orphaned cannot be told from it";
}
