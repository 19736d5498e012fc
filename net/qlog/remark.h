/*
 * What there is to say about a file or folder while logs are found, read and followed: whoever does
 * that tells its caller, who prints it or keeps it.
 */
#ifndef NET_QLOG_REMARK_H
#define NET_QLOG_REMARK_H

#include <stdbool.h>
#include <stddef.h>

enum qlog_remark_kind {
    QLOG_REMARK_NOTE,      /* something in it was passed over */
    QLOG_REMARK_ANEW,      /* it was written anew: another log stands there now */
    QLOG_REMARK_SKIPPED,   /* it was not asked for by name, and is no log */
    QLOG_REMARK_NOT_YET,   /* it cannot be read, and will be once it can */
    QLOG_REMARK_TROUBLE,   /* it cannot be read, or can tell nothing */
    QLOG_REMARK_UNWATCHED, /* not all changes are heard of: they are looked for, which costs more;
                              there is no path */
};

/* PATH and TEXT are borrowed, and as the file system and logs have them: not fit for a terminal or
 * for JSON. TEXT does not repeat the path. */
typedef void qlog_remark_handler(void *context, enum qlog_remark_kind kind, const char *path,
                                 const char *text);

struct qlog_remark {
    char *path, *text;
};

/* A zeroed struct is an empty list. */
struct qlog_remarks {
    struct qlog_remark *items;
    size_t count;
};

/* Copies both. */
void qlog_remarks_add(struct qlog_remarks *remarks, const char *path, const char *text);
/* Whether an equal one is in it. */
bool qlog_remarks_has(const struct qlog_remarks *remarks, const char *path, const char *text);
void qlog_remarks_clear(struct qlog_remarks *remarks);

#endif
