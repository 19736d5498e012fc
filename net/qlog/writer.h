/*
 * Writes one connection's QUIC log: JSON text sequences (RFC 7464), the QUIC library's records and
 * ours between them, whole records only.
 */
#ifndef NET_QLOG_WRITER_H
#define NET_QLOG_WRITER_H

#include "common/buffer.h"
#include "common/error.h"
#include "net/qlog/events.h"

struct qlog_writer;

/* FOLDER/ID_ROLE.sqlog, ROLE being "client" or "server", or FOLDER/ID_ROLE-2.sqlog and so on where
 * there is one: a client chooses the id, and must not choose which log to write over. NULL with the
 * error set where it cannot be written. */
struct qlog_writer *qlog_writer_new(const char *folder, const char *id, const char *role,
                                    struct error *error);
/*
 * Before anything is written: the log takes no more than LIMIT bytes of disk from now on. It is cut
 * into parts of a quarter of that, FOLDER/ID_ROLE.part2.sqlog and so on; each repeats the header
 * and what is known up to there (net/qlog/carry.h), and with each that would be the fifth the
 * oldest goes. A part in which more than half would be repeated becomes longer: twice that. At
 * least QLOG_WRITER_LIMIT_MIN.
 */
enum { QLOG_WRITER_LIMIT_MIN = 65536 };
void qlog_writer_limit(struct qlog_writer *writer, uint64_t limit);
void qlog_writer_free(struct qlog_writer *writer); /* flushes; NULL is allowed */
/* Takes the file away too. */
void qlog_writer_discard(struct qlog_writer *writer);
/* One whole record as the library formats it, its separator included. The first is the header:
 * where it leaves the reference time 0, that becomes the calendar's time, epoch milliseconds. */
void qlog_writer_record(struct qlog_writer *writer, struct bytes record);
/* An event of ours, NAME one of events.h, whose data are COUNT fields in that order; TIME_MS is on
 * the log's clock. U+FFFD stands for what is no UTF-8. */
void qlog_writer_event(struct qlog_writer *writer, uint64_t time_ms, const char *name,
                       const struct qlog_field *fields, size_t count);
/* Hands what was written to the system; done by itself from time to time. */
void qlog_writer_flush(struct qlog_writer *writer);

#endif
