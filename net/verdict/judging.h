/*
 * Judges logs that are followed, again and again while they grow: tells what becomes of their
 * streams once it stands, and lets go of what is over, so that it can go on for days. It has no
 * clock of its own: times are of CLOCK_MONOTONIC in milliseconds, as those of the logs are.
 */
#ifndef NET_VERDICT_JUDGING_H
#define NET_VERDICT_JUDGING_H

#include "net/qlog/followed_files.h"
#include "net/verdict/report.h"
#include "net/verdict/standing.h"

struct qlog_judging_handlers {
    /* Of the first judging, before anything else is told: what there is. */
    void (*began)(void *context, const struct qlog_tally *there);
    /* A verdict stands that did not before. */
    qlog_standing_handler *changed;
    /* A log can tell nothing (QLOG_REMARK_TROUBLE); once each. */
    qlog_remark_handler *remark;
};

struct qlog_judging {
    const struct qlog_judging_handlers *handlers;
    void *context;
    int64_t grace;
    struct qlog_standing standing;
    struct qlog_remarks undecided;  /* logs that can tell nothing */
    struct qlog_tally now, retired; /* in the last judging, and what is judged no more */
    bool began, ending;
};

/* GRACE is how long a verdict stands before it is told, ms. HANDLERS are borrowed. JUDGING does not
 * move from here on. */
void qlog_judging_init(struct qlog_judging *judging, int64_t grace,
                       const struct qlog_judging_handlers *handlers, void *context);
void qlog_judging_clear(struct qlog_judging *judging);
/* Judges what has been read of FILES, and lets go of what is over there: logs, and files that are
 * gone. Returns when a verdict comes due though no log grows; INT64_MAX: none does. */
int64_t qlog_judging_look(struct qlog_judging *judging, struct qlog_followed_files *files,
                          int64_t now);
/* The last judging: no verdict stands any longer than until now, and one that fails must not pass
 * for none. */
void qlog_judging_end(struct qlog_judging *judging, struct qlog_followed_files *files, int64_t now);

/* What was judged from the beginning on, what was let go of included. */
struct qlog_tally qlog_judging_tally(const struct qlog_judging *judging);
/* Whether a verdict stands for which FAILS, by enum qlog_verdict, is set. */
bool qlog_judging_has_failed(const struct qlog_judging *judging, const bool *fails);
/* Whether there are logs, each of their verdicts stands, none fails, and nothing is in doubt. */
bool qlog_judging_is_clean(const struct qlog_judging *judging,
                           const struct qlog_followed_files *files, const bool *fails);

#endif
