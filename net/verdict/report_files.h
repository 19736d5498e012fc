/* From files to one report: what was read of all that a search found, joined and judged once. */
#ifndef NET_VERDICT_REPORT_FILES_H
#define NET_VERDICT_REPORT_FILES_H

#include "net/qlog/reading.h"
#include "net/qlog/search.h"
#include "net/verdict/report.h"

/* Who hears what becomes of the files, on the way to a report. */
struct qlog_hearer {
    void (*on_reading)(void *context, const struct qlog_found *file,
                       const struct qlog_reading *reading);
    /* Before they are judged; may be NULL. */
    void (*on_joined)(void *context, const struct qlog_connections *connections);
    void *context;
};

/*
 * qlog_report() of every file of SEARCH, a new reference. READINGS, as qlog_read_files() made them
 * of the search, are taken over. HEARER is called for each file, in their order, and then once; a
 * file that is the same as one before it is not judged again, and SEARCH's handler hears of it.
 */
json_t *qlog_report_files(const struct qlog_search *search, struct qlog_reading *readings,
                          const struct qlog_hearer *hearer);

#endif
