/*
 * What one file held: the logs in it, and what went wrong. It can be packed into bytes, with which
 * a worker process hands it to the process that judges.
 */
#ifndef NET_QLOG_READING_H
#define NET_QLOG_READING_H

#include "common/buffer.h"
#include "net/qlog/reader.h"

struct qlog_reading {
    enum qlog_outcome outcome;
    struct error error; /* set unless it is QLOG_READ; does not repeat the path */
    bool ends_early;    /* it is no log, as it is cut off before anything tells what it is */
    char **notes;       /* of what was passed over; at most QLOG_BAD_RECORDS_LIMIT */
    size_t note_count;
    struct qlog_log **logs;
    size_t log_count;
    struct qlog_mark mark;
};

/* Reads the file at PATH to its end; "-" is standard input. The bytes read are added to *PROGRESS,
 * which may be shared between processes, or be NULL. */
void qlog_reading_make(struct qlog_reading *reading, const char *path, uint64_t *progress);
void qlog_reading_clear(struct qlog_reading *reading);

/* Appends READING. The bytes mean something to processes of the same program only. */
void qlog_reading_pack(const struct qlog_reading *reading, struct buffer *output);
/* False, with READING empty, where INPUT is not the whole of what was packed. */
bool qlog_reading_unpack(struct qlog_reading *reading, struct bytes input);

#endif
