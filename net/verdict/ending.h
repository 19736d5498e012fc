/* How a connection was closed, and which stream broke the protocol where that was why. */
#ifndef NET_VERDICT_ENDING_H
#define NET_VERDICT_ENDING_H

#include "net/verdict/connections.h"

struct qlog_ending {
    const struct qlog_close *close; /* NULL where nobody closed it, as far as the logs tell */
    enum qlog_role by;              /* who did */
    const char *error;              /* RFC 9000's name; NULL for another space or code */
    bool broken;                    /* the other side, which was heard, had broken the protocol */
    const struct qlog_joined_stream *stream; /* the one on which it had; NULL where unknown */
};

struct qlog_ending qlog_ending_of(const struct qlog_connection *connection);

#endif
