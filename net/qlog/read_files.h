/* Reads many files: by worker processes where that pays, in this one otherwise. */
#ifndef NET_QLOG_READ_FILES_H
#define NET_QLOG_READ_FILES_H

#include "net/qlog/reading.h"
#include "net/qlog/search.h"

enum { QLOG_JOBS_LIMIT = 64 };

/* How far the workers have come. */
struct qlog_progress {
    void (*show)(void *context, uint64_t done); /* the bytes read until now, as files have them */
    void *context;
    int interval; /* milliseconds, at the most, from one call to the next; -1: only where more has
                     been read whole */
};

/*
 * Reads every file that was found; the caller clears and frees as many readings as there are files,
 * in their order. JOBS workers do it, at most QLOG_JOBS_LIMIT; one a core for 0, where there is
 * much to read. A file whose worker was killed is read as QLOG_FAILED. PROGRESS may be NULL.
 */
struct qlog_reading *qlog_read_files(const struct qlog_search *search, unsigned jobs,
                                     const struct qlog_progress *progress);

#endif
