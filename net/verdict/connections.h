/*
 * Logs joined into connections: the two ends of one connection share its original connection id,
 * and so do the two legs of one that a tap carries. What all say is told once, on one timeline.
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
    struct qlog_half half[2]; /* what the client, what the server sent */
    uint64_t reached[2];      /* bytes of it that the other end had: fewer where a tap holds some */
    bool end_held[2];         /* its FIN or reset has not reached the other end: a tap holds it */
    const struct qlog_claims *claims[2]; /* NULL where that end has none */
    const struct qlog_heard *heard;      /* NULL where no tap heard anything */
    double arrival;    /* when the receiver had the first byte, as near as the logs can tell */
    double answered;   /* when the receiver sent that whole answer; NEVER without its log */
    double completion; /* when the opener had the whole answer to its negotiation */
    double back;       /* when it had come as far as to a tap's leg to the receiver; or the same */
};

/*
 * The places of a connection's logs, in the order in which the client's bytes pass them: the
 * client's own, the tap's front, the tap's back, the server's own.
 */
enum { QLOG_PLACES = 4 };

struct qlog_connection {
    size_t index;             /* in the list of all */
    char *id;                 /* NULL where no log names one */
    char *retry_id;           /* what a Retry named it instead; NULL where no log tells */
    struct qlog_log *ends[2]; /* by enum qlog_role; NULL where there is no log of that end */
    double shift[2];          /* what is added to that log's times */
    struct qlog_log *taps[2]; /* the tap's of its leg to that end; NULL where there is none */
    double tap_shift[2];
    struct qlog_joined_stream *streams; /* sorted by id */
    size_t stream_count;
    double end;         /* of the longest log */
    double active[2];   /* the last packet that the client, the server sent */
    double over;        /* the connection ended, or NEVER: it may still live */
    double closed;      /* CONNECTION_CLOSE, or NEVER */
    double teardown[2]; /* what that end finishes from here on goes with the connection; or NEVER */
    bool foreign;       /* speaks another application protocol than libp2p */
    double epoch;       /* the calendar's time of time 0; 0 where unknown */
    const char *initial_id; /* what the client's first packet was addressed to; NULL: unknown */
    /* By place, logs of that end that are left out though the one there says not all of it. */
    const struct qlog_log *displaced[QLOG_PLACES];
};

/* A log of the same end as another that says all of it. */
struct qlog_copy {
    const struct qlog_log *log, *of;
};

struct qlog_connections {
    struct qlog_connection **items;
    size_t count;
    struct qlog_connection_name *names; /* hash table: every id of a connection */
    struct qlog_known_file *files;      /* hash table: the files added, by mark */
    struct qlog_copy *copies;           /* what was left out, as another log says it, too */
    size_t copy_count;
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

/* The same, by its own FIN or reset alone, which the other end has heard of: NEVER where that told
 * it to stop first. */
double qlog_half_finished(const struct qlog_connection *connection,
                          const struct qlog_joined_stream *stream, enum qlog_role role);

/* Whether the events of ours in that end's log decide what becomes of the stream there: it has
 * them, and goes on beyond the stream's negotiation. */
bool qlog_claims_decide(const struct qlog_connection *connection, uint64_t stream_id,
                        enum qlog_role end);
/* The peer id of that end, and a tap's name for it; NULL where no log tells. */
const char *qlog_peer_of(const struct qlog_connection *connection, enum qlog_role role);
const char *qlog_node_name_of(const struct qlog_connection *connection, enum qlog_role role);
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

static inline bool qlog_place_is_tap(unsigned place)
{
    return place == 1 || place == 2;
}

/* NULL where there is none. */
static inline struct qlog_log *qlog_log_at(const struct qlog_connection *connection, unsigned place)
{
    return qlog_place_is_tap(place) ? connection->taps[place / 2] : connection->ends[place / 2];
}

static inline double qlog_shift_at(const struct qlog_connection *connection, unsigned place)
{
    return qlog_place_is_tap(place) ? connection->tap_shift[place / 2]
                                    : connection->shift[place / 2];
}

/* Whose part the log's owner plays there: a tap that of the node behind it. */
static inline enum qlog_role qlog_role_at(unsigned place)
{
    return place % 2 == 0 ? QLOG_CLIENT : QLOG_SERVER;
}

static inline bool qlog_is_tapped(const struct qlog_connection *connection)
{
    return connection->taps[QLOG_CLIENT] != NULL || connection->taps[QLOG_SERVER] != NULL;
}

/* How many logs there are of it. */
static inline unsigned qlog_log_count(const struct qlog_connection *connection)
{
    unsigned count = 0;
    for (unsigned place = 0; place < QLOG_PLACES; place++)
        count += qlog_log_at(connection, place) != NULL;
    return count;
}

/* Closed streams of the connection of which no log knows more. */
static inline uint64_t qlog_let_go(const struct qlog_connection *connection)
{
    uint64_t streams = connection->stream_count;
    for (unsigned place = 0; place < QLOG_PLACES; place++) {
        const struct qlog_log *log = qlog_log_at(connection, place);
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
