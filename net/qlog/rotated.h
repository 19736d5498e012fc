/*
 * Reads what a search found while nodes go on with it: of a log that rotates (net/qlog/writer.h),
 * the oldest part goes each time that another begins.
 */
#ifndef NET_QLOG_ROTATED_H
#define NET_QLOG_ROTATED_H

#include "net/qlog/read_files.h"

/*
 * As qlog_read_files(), whose readings it returns. A part that was found in a folder and is gone
 * before it is read is taken out of SEARCH where a newer part of the same log was read, which
 * repeats what matters of it. Where none was found, the folder is looked at again, and what came
 * since is added; where there is still none after a few looks, the part stays, as QLOG_FAILED.
 */
struct qlog_reading *qlog_read_rotated(struct qlog_search *search, unsigned jobs,
                                       const struct qlog_progress *progress);

#endif
