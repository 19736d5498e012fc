/* Lines for a reader that may be slow, asleep or gone: the program never waits for it. */
#ifndef COMMON_LINE_WRITER_H
#define COMMON_LINE_WRITER_H

#include <event2/event.h>
#include <stdbool.h>

#include "common/buffer.h"

enum {
    LINE_WRITER_QUEUE_MAX = 4 << 20, /* bytes that wait for the reader */
    LINE_WRITER_LINGER_MS = 200,     /* given to it at the end */
};

struct line_writer;

/* Appends what stands in the place of COUNT lines that were lost, without its newline. */
typedef void (*line_writer_lost)(uint64_t count, struct buffer *line);

/* FD stays the caller's; NAME, static, is what messages call it: "standard output". */
struct line_writer *line_writer_new(struct event_base *base, int fd, const char *name,
                                    line_writer_lost lost);
/* What the reader still takes is written; a log line says how many lines it did not take. False
 * where lines were lost that none in their place tells of. */
bool line_writer_free(struct line_writer *writer);
/*
 * Writes what the reader takes at once and keeps the rest. Where too much waits already, the line
 * and all that follow it are lost, until the reader has caught up: what LOST says then stands in
 * their place. LINE is without its newline.
 */
void line_writer_add(struct line_writer *writer, struct bytes line);

#endif
