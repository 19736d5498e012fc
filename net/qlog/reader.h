/*
 * Reads QUIC logs in the dialects of all writers known to us, told apart by content, compressed or
 * not: one pass, and memory that depends on the number of streams alone.
 */
#ifndef NET_QLOG_READER_H
#define NET_QLOG_READER_H

#include "net/qlog/event.h"
#include "net/qlog/log.h"
#include "net/qlog/record.h"
#include "net/qlog/unpack.h"

enum {
    QLOG_BAD_RECORDS_LIMIT = 1000, /* unreadable records of a file that are passed over */
    QLOG_LOGS_PER_FILE_LIMIT = 1024,
    QLOG_STREAMS_PER_FILE_LIMIT = 1 << 18, /* of all its connections, each of which has its own */
};

/* Called for what is worth a note: the text names the record and its offset. */
typedef void qlog_note_handler(void *context, const char *path, const char *text);

/* Of the bytes read until now: a sample tells logs apart, whose times and packets differ. */
struct qlog_fingerprint {
    uint64_t size, sampled, mixed;
    uint64_t unmixed; /* bytes that are not part of it yet */
};

struct qlog_reader {
    const char *path;
    struct qlog_splitter splitter;
    struct qlog_log **logs; /* one a connection, in the order of the file */
    size_t log_count;
    size_t before_document;   /* of these, those that began before the document being read */
    struct qlog_log *log;     /* the one being filled, or NULL before any header */
    struct qlog_log *cut_log; /* of which a record was cut off last, or NULL */
    struct qlog_lost cut;     /* what that record was of */
    bool is_log;              /* a header of a QUIC log, or one of its events, has been seen */
    bool not_a_log;           /* why reading stopped */
    bool ends_early;          /* it is none, as it is cut off before anything tells what it is */
    uint64_t bad_records;
    size_t stream_count; /* of all logs; more where some were forgotten since */
    struct qlog_fingerprint fingerprint;
    struct qlog_packet_event parsed;
    struct qlog_event_fields fields; /* of the trace being read */
    double clock;                    /* the time of its last event, of all logs, in their terms */
    bool clock_is_set;               /* there was one */
    unsigned mark_bytes;             /* of a byte order mark, passed over */
    struct qlog_unpacker *unpacker;  /* NULL where the file is not compressed */
    qlog_note_handler *note;
    void *note_context;
    uint64_t *progress; /* to which the bytes read from the file are added; may be NULL */
};

enum qlog_outcome {
    QLOG_READ,      /* to its end, or to where it is cut off */
    QLOG_NOT_A_LOG, /* ERROR says why */
    QLOG_FAILED, /* cannot be opened or read, or passes a limit; what was read until then stays */
};

/* PATH is borrowed. NOTE may be NULL. */
void qlog_reader_init(struct qlog_reader *reader, const char *path, qlog_note_handler *note,
                      void *context);
/* Frees what the reader holds, the logs with it. */
void qlog_reader_clear(struct qlog_reader *reader);
/* The mark of all that was read until now. */
struct qlog_mark qlog_reader_mark(const struct qlog_reader *reader);
/* Reads on. False once a limit is passed, or INPUT is damaged or no QUIC log: what would have
 * followed counts as lost. */
bool qlog_reader_feed(struct qlog_reader *reader, struct bytes input, struct error *error);
/* Whether what was fed so far ends within a record. */
bool qlog_reader_is_amid(const struct qlog_reader *reader);
/* The end of the file. */
enum qlog_outcome qlog_reader_end(struct qlog_reader *reader, struct error *error);
/* All of the file named at init, "-" for standard input. ERROR does not repeat the path, and is of
 * the kind ERROR_NOT_FOUND where there is no such file. */
enum qlog_outcome qlog_reader_file(struct qlog_reader *reader, struct error *error);

#endif
