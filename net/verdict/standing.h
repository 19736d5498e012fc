/*
 * Which verdict of each stream stands, over many judgings of logs that grow: a verdict is told once
 * it has stood for a while, and then again only when another one has. Pure: times are given, in
 * milliseconds of any clock that does not go back; what was long ago may be before its zero.
 */
#ifndef NET_VERDICT_STANDING_H
#define NET_VERDICT_STANDING_H

#include "net/verdict/verdict.h"

enum { QLOG_NOT_TOLD = -1 };

/* The verdict of STREAM has changed from BEFORE, an enum qlog_verdict or QLOG_NOT_TOLD. */
typedef void qlog_standing_handler(void *context, const struct qlog_connection *connection,
                                   const struct qlog_joined_stream *stream,
                                   const struct qlog_judgement *judgement, int before);

/* A zeroed struct with its handler and grace set is ready for use. */
struct qlog_standing {
    qlog_standing_handler *handler;
    void *context;
    int64_t grace;                          /* how long a verdict stands before it is told */
    struct qlog_standing_connection *table; /* hash table, by id */
    struct qlog_standing_connection **seen; /* in the last judging, in its order */
    uint64_t round;                         /* of judgings */
    uint64_t told[QLOG_VERDICTS];           /* streams by the verdict that was told last, those of
                                               connections that are there no more included */
    uint64_t suspected;                     /* those that are suspected only, not in `told` */
    uint64_t unsettled;                     /* streams whose verdict has not been told yet */
    int64_t due;                            /* when the next is, INT64_MAX where none is */
};

/* Looks at a new judging. A verdict that is new stands since its connection's logs last grew. */
void qlog_standing_look(struct qlog_standing *standing, const struct qlog_judgements *judgements,
                        int64_t now);
/* What was told of a stream of the last judging, QLOG_NOT_TOLD where nothing was. */
int qlog_standing_told(const struct qlog_standing *standing,
                       const struct qlog_connection *connection, uint64_t stream_id);
void qlog_standing_clear(struct qlog_standing *standing);

#endif
