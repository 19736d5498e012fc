/*
 * Cuts a QUIC log into records without holding the whole of it: a file of one JSON value a line
 * (with or without the record separator 0x1E of RFC 7464), or one document whose traces[].events[]
 * may be gigabytes on a single line. Memory is one record.
 */
#ifndef NET_QLOG_RECORD_H
#define NET_QLOG_RECORD_H

#include "common/buffer.h"
#include "common/error.h"
#include "net/qlog/packet.h"

enum {
    QLOG_RECORD_SIZE_LIMIT = 1 << 20, /* one record, or a document without its events */
    QLOG_RECORD_DEPTH_LIMIT = 64,
    QLOG_KEY_SIZE = 16,           /* keys are compared up to here */
    QLOG_RECORD_SEPARATOR = 0x1e, /* RFC 7464, section 2.2 */
};

enum qlog_record_kind {
    QLOG_RECORD_VALUE,       /* a whole value of the outermost level: a header or an event */
    QLOG_RECORD_TRACE_BEGIN, /* a trace of a document begins; no text */
    QLOG_RECORD_TRACE_HEAD,  /* what stands in the trace before its events; a copy without them */
    QLOG_RECORD_EVENT,       /* an event of that trace */
    QLOG_RECORD_TRACE,       /* the trace without its events: the header, which comes last */
    QLOG_RECORD_DOCUMENT,    /* the document without its events */
    QLOG_RECORD_JUNK,        /* bytes that belong to no record */
    QLOG_RECORD_CUT,         /* what there is of a record that was cut off, with others after it */
};

struct qlog_record {
    enum qlog_record_kind kind;
    struct bytes text;                 /* valid during the call */
    uint64_t number;                   /* counted from 1 */
    uint64_t offset;                   /* in the file, of its first byte */
    struct qlog_packet_event *scanned; /* what it says; NULL where the text is to be parsed */
};

/* False stops the splitter; the handler has set ERROR. */
typedef bool qlog_record_handler(void *context, const struct qlog_record *record,
                                 struct error *error);

struct qlog_splitter {
    qlog_record_handler *handler;
    void *context;
    struct buffer value; /* the outermost value, its events left out */
    struct buffer event; /* the event being read */
    struct qlog_packet_event scanned;
    uint64_t offset;         /* of the next byte */
    uint64_t record_number;  /* of the last record handed out */
    uint64_t value_offset;   /* where the outermost value began */
    uint64_t event_offset;   /* where the event began */
    uint64_t junk;           /* bytes that belong to no record since the last one */
    uint64_t between;        /* bytes between the events of a document since the last one */
    size_t trace_start;      /* of the trace, in `value` */
    unsigned depth;          /* open brackets */
    unsigned events_depth;   /* depth inside of traces[].events[], or 0 */
    bool in_string, escaped; /* lexical state */
    bool after_line;         /* the last byte ended a line */
    bool separated;          /* a record separator stands before the outermost value */
    bool in_event;           /* inside an element of events[] */
    bool has_events;         /* the outermost value is a document */
    bool head_known;         /* what stands before the first events of the trace was handed out */
    bool key_next;           /* the next string is a key */
    bool key_open;           /* the string being read is a key */
    char brackets[QLOG_RECORD_DEPTH_LIMIT];
    char keys[5][QLOG_KEY_SIZE]; /* the last key at each of the outer depths */
    size_t key_size;
};

void qlog_splitter_init(struct qlog_splitter *splitter, qlog_record_handler *handler,
                        void *context);
/* Reads on; calls the handler for every record that ends in INPUT. False where the handler said so
 * or a limit is passed: the error names the record and its offset. */
bool qlog_splitter_read(struct qlog_splitter *splitter, struct bytes input, struct error *error);
/* The end of the file: sets TRUNCATED where a record is cut off. */
bool qlog_splitter_end(struct qlog_splitter *splitter, bool *truncated, struct error *error);
void qlog_splitter_clear(struct qlog_splitter *splitter);

#endif
