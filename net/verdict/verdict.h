/* What became of each stream, how sure that is, and why, in words. */
#ifndef NET_VERDICT_VERDICT_H
#define NET_VERDICT_VERDICT_H

#include "net/verdict/connections.h"

enum qlog_verdict {
    QLOG_LIVE,                             /* in use */
    QLOG_LIVE_UNTIL_CONNECTION_ENDED,      /* was in use when its connection ended */
    QLOG_ORPHANED,                         /* neither end has it registered */
    QLOG_ORPHANED_AT_OPENER,               /* the opener forgot it, the receiver waits on it */
    QLOG_UNREAD_AT_RECEIVER,               /* the opener sends on it, the receiver ignores it */
    QLOG_ORPHANED_AFTER_DEREGISTRATION,    /* was in use, its peer entry went, the stream stayed */
    QLOG_NEGOTIATION_FAILED_AND_LEFT_OPEN, /* answered `na`, then closed by nobody */
    QLOG_REQUEST_NEVER_ANSWERED,           /* request and FIN sent, no answer, no end */
    QLOG_DUPLICATE_ACROSS_CONNECTIONS,     /* in use, and one more than its peer needs */
    QLOG_REQRESP,                          /* request and response, ended both ways */
    QLOG_CLOSED,                           /* ended both ways otherwise */
    QLOG_HALF_CLOSED,                      /* ended one way */
    QLOG_OPEN_AT_END,                      /* amid something when the log ends */
    QLOG_NOT_OURS,                         /* another protocol than libp2p's */
    QLOG_UNKNOWN,                          /* the log cannot tell */
    QLOG_VERDICTS,
};

enum qlog_confidence { QLOG_EXACT, QLOG_HIGH, QLOG_MEDIUM, QLOG_LOW };

struct qlog_judgement {
    enum qlog_verdict verdict;
    enum qlog_confidence confidence;
    char *evidence;
    bool suspected; /* an orphan only by the habit of a stack that may be another: it accuses nobody
                     */
    bool one_way;   /* the one gossipsub stream in use between its two nodes, in either direction */
};

/* One for each stream of each connection, in their order. */
struct qlog_judgements {
    struct qlog_judgement **items;
    const struct qlog_connections *connections;
};

const char *qlog_verdict_name(enum qlog_verdict verdict);
/* Whether nothing about such a stream needs attention. */
bool qlog_verdict_is_healthy(enum qlog_verdict verdict);
/* The verdict called NAME; false where there is none. */
bool qlog_verdict_find(const char *name, enum qlog_verdict *verdict);
const char *qlog_confidence_name(enum qlog_confidence confidence);
/* Whether nobody will ever write, read or close such a stream as it was meant to be. */
bool qlog_verdict_is_orphan(enum qlog_verdict verdict);

/* CONNECTIONS have been joined, and outlive the judgements. */
struct qlog_judgements qlog_judge(const struct qlog_connections *connections);
void qlog_judgements_clear(struct qlog_judgements *judgements);

#endif
