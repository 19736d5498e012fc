/*
 * Follows files, folders and standard input on a libevent loop: reads what is new in them, and has
 * the caller look at it. News come in crowds, and are looked at together: no sooner than 50 ms
 * after the last look, and no more than a tenth of the time. Where no log grows, the caller looks
 * now and then all the same, since time itself tells something: every second, and every ten where
 * none has for long.
 */
#ifndef NET_QLOG_FOLLOW_H
#define NET_QLOG_FOLLOW_H

#include <event2/event.h>

#include "net/qlog/followed_files.h"

struct qlog_follow_handlers {
    qlog_remark_handler *remark;
    /* All that was there has been read (the first time), or there may be news. NOW is of
     * CLOCK_MONOTONIC in ms, from before the reading. Returns until when to look again though no
     * log grows, INT64_MAX where nothing is due. May break the loop. */
    int64_t (*look)(void *context, int64_t now);
};

struct qlog_follow;

/* OPERANDS are files, folders, which need not exist yet, and "-", standard input: borrowed, and
 * they, HANDLERS and BASE outlive it. A standard input that cannot be waited for, such as a file,
 * is read to its end here. NULL with ERROR set where the system cannot watch files. */
struct qlog_follow *qlog_follow_new(struct event_base *base, char *const *operands, size_t count,
                                    const struct qlog_follow_handlers *handlers, void *context,
                                    struct error *error);
/* One more file or folder, unless it is followed already. */
void qlog_follow_add(struct qlog_follow *follow, const char *path);
/* Not from a handler. */
void qlog_follow_free(struct qlog_follow *follow);
/* What is followed, for those who look; lives as long as FOLLOW. */
struct qlog_followed_files *qlog_follow_files(struct qlog_follow *follow);
/* Whether no log can grow any more: standard input has ended, and nothing else was asked for. */
bool qlog_follow_has_ended(const struct qlog_follow *follow);

#endif
