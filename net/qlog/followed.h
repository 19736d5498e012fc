/*
 * A log that is read on as it grows. Files that were cut short or written anew are noticed by the
 * bytes before those that are new, and logs that go on in another file by the missing header.
 */
#ifndef NET_QLOG_FOLLOWED_H
#define NET_QLOG_FOLLOWED_H

#include <sys/stat.h>

#include "net/qlog/reader.h"

enum {
    QLOG_TAIL_SIZE = 256,        /* bytes before the new ones that are compared */
    QLOG_HEADER_SIGHT = 4096,    /* a header shows within so many bytes */
    QLOG_READ_AT_ONCE = 1 << 24, /* bytes of a file that are read before others have their turn */
};

enum qlog_followed_state {
    QLOG_FOLLOWED_ON,
    QLOG_FOLLOWED_NO_LOG,  /* it is no QUIC log, `error` says why */
    QLOG_FOLLOWED_FAILED,  /* it cannot be read on, `error` says why; what was read stays */
    QLOG_FOLLOWED_RETIRED, /* its connections are over, and have been let go of */
};

struct qlog_followed {
    char *path; /* "-" is standard input */
    bool named; /* on the command line */
    enum qlog_followed_state state;
    struct error error;
    struct qlog_reader reader;
    uint64_t offset;              /* of the next byte in the file */
    uint8_t tail[QLOG_TAIL_SIZE]; /* the last bytes before it */
    size_t tail_size;
    int64_t heard; /* when it last grew, CLOCK_MONOTONIC in ms; before the boot: negative */
};

enum qlog_followed_news {
    QLOG_NEWS_NONE,
    QLOG_NEWS_GROWN,
    QLOG_NEWS_MORE,     /* grown, and there is still more to read */
    QLOG_NEWS_REPLACED, /* other bytes stand there now: it is another log */
    QLOG_NEWS_GONE,     /* no such file any more */
    QLOG_NEWS_TROUBLE,  /* it cannot be read now, `error` says why */
};

/* How a file begins. */
enum qlog_beginning {
    QLOG_BEGINS_ANEW,   /* with the header of a log, or something else that is no part of one */
    QLOG_BEGINS_AMID,   /* with a record that has its header in another file */
    QLOG_BEGINS_UNTOLD, /* there is too little of it yet */
};

/* ABOUT is the file's; NULL for standard input, whose bytes are fed. */
struct qlog_followed *qlog_followed_new(const char *path, const struct stat *about,
                                        qlog_note_handler *note, void *context);
void qlog_followed_free(struct qlog_followed *followed);
/* Reads on in the file. */
enum qlog_followed_news qlog_followed_read(struct qlog_followed *followed);
/* Whether the file at PATH has what was read, where that ended, or nothing was. */
bool qlog_followed_is_in(const struct qlog_followed *followed, const char *path);
/* Takes bytes that came otherwise, at the time NOW. */
void qlog_followed_feed(struct qlog_followed *followed, struct bytes input, int64_t now);
/* The same log goes on in another file, from its first byte: it was rotated, or cut to nothing. */
void qlog_followed_go_on(struct qlog_followed *followed);
/* Lets go of what was read. */
void qlog_followed_retire(struct qlog_followed *followed);

enum qlog_beginning qlog_beginning_of(const char *path);

#endif
