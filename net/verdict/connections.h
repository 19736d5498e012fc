/*
 * Logs joined into connections: the two ends of one connection share its original connection id,
 * and what both say is told once, on one timeline.
 */
#ifndef NET_VERDICT_CONNECTIONS_H
#define NET_VERDICT_CONNECTIONS_H

#include "net/qlog/log.h"

/* Milliseconds. */
#define QLOG_TEARDOWN 500.0  /* what ends so shortly before the connection ended with it */
#define QLOG_FAREWELL 5000.0 /* from the first FIN of a busy node's closing to the close */
#define QLOG_SETTLING 100.0  /* a log cut off so soon after a negotiation cannot tell */

/* A stream as both ends saw it, by enum qlog_role: who sent, who claims. */
struct qlog_joined_stream {
    uint64_t id;
    enum qlog_role opener;
    struct qlog_half half[2];            /* what the client, what the server sent */
    const struct qlog_claims *claims[2]; /* NULL where that end has none */
    double arrival;    /* when the receiver had the first byte, as near as the logs can tell */
    double answered;   /* when the receiver sent that whole answer; NEVER without its log */
    double completion; /* when the opener had the whole answer to its negotiation */
};

struct qlog_connection {
    size_t index;             /* in the list of all */
    char *id;                 /* NULL where no log names one */
    char *retry_id;           /* what a Retry named it instead; NULL where no log tells */
    struct qlog_log *ends[2]; /* by enum qlog_role; NULL where there is no log of that end */
    double shift[2];          /* what is added to that log's times */
    struct qlog_joined_stream *streams; /* sorted by id */
    size_t stream_count;
    double end;         /* of the longest log */
    double active[2];   /* the last packet that the client, the server sent */
    double over;        /* the connection ended, or NEVER: it may still live */
    double closed;      /* CONNECTION_CLOSE, or NEVER */
    double teardown[2]; /* what that end finishes from here on goes with the connection; or NEVER */
    bool foreign;       /* speaks another application protocol than libp2p */
    double epoch;       /* the calendar's time of time 0; 0 where unknown */
};

struct qlog_connections {
    struct qlog_connection **items;
    size_t count;
    struct qlog_connection_name *names; /* hash table: every id of a connection */
    struct qlog_known_file *files;      /* hash table: the files added, by mark */
};

/* Takes in the COUNT logs of the file at PATH. They stay the caller's, and outlive CONNECTIONS.
 * False, with DUPLICATE naming the file that is the same byte for byte, where that is in already.
 */
bool qlog_connections_add(struct qlog_connections *connections, const char *path,
                          struct qlog_log *const *logs, size_t count, struct qlog_mark mark,
                          const char **duplicate);
/* Joins what the ends say; called once, after the last file. */
void qlog_connections_join(struct qlog_connections *connections);
void qlog_connections_clear(struct qlog_connections *connections);

/* When ROLE ended its half, by FIN or reset or because it was told to stop; NEVER where it did not,
 * or by a FIN because the connection ended: closing puts one on every stream, and resets none. */
double qlog_half_ended(const struct qlog_connection *connection,
                       const struct qlog_joined_stream *stream, enum qlog_role role);

/* The same, by its own FIN or reset alone: NEVER where the other end told it to stop first. */
double qlog_half_finished(const struct qlog_connection *connection,
                          const struct qlog_joined_stream *stream, enum qlog_role role);

/* Whether the events of ours in that end's log decide what becomes of the stream there: it has
 * them, and goes on beyond the stream's negotiation. */
bool qlog_claims_decide(const struct qlog_connection *connection, uint64_t stream_id,
                        enum qlog_role end);
/* Whether the log was cut off in a record, or grows: that it ends tells nothing. */
bool qlog_may_go_on(const struct qlog_log *log);
/* Whether that is so of every log of the connection. */
bool qlog_cut_off(const struct qlog_connection *connection);
/* A time of ROLE's log on the connection's timeline; NEVER remains NEVER. */
double qlog_on_timeline(const struct qlog_connection *connection, enum qlog_role role, double time);

/* The other role. */
static inline enum qlog_role qlog_other(enum qlog_role role)
{
    return role == QLOG_CLIENT ? QLOG_SERVER : QLOG_CLIENT;
}

/* Closed streams of the connection of which neither log knows more. */
static inline uint64_t qlog_let_go(const struct qlog_connection *connection)
{
    uint64_t streams = connection->stream_count;
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++) {
        const struct qlog_log *log = connection->ends[end];
        if (log != NULL && log->stream_count + log->let_go > streams)
            streams = log->stream_count + log->let_go;
    }
    return streams - connection->stream_count;
}

static inline bool qlog_unidirectional(uint64_t stream_id)
{
    return (stream_id & 2) != 0;
}

#endif
