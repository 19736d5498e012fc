/* Events as lines, for a reader that may be slow, asleep or gone: the node never waits for it. */
#ifndef CMD_NODE_EVENT_WRITER_H
#define CMD_NODE_EVENT_WRITER_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>

enum {
    EVENT_WRITER_QUEUE_MAX = 4 << 20, /* bytes that wait for the reader */
    EVENT_WRITER_LINGER_MS = 200,     /* given to it at the end */
};

struct event_writer;

/* FD stays the caller's. */
struct event_writer *event_writer_new(struct event_base *base, int fd);
/* What the reader still takes is written. False where events were lost that no line in their place
 * tells of. */
bool event_writer_free(struct event_writer *writer);
/*
 * Writes what the reader takes at once and keeps the rest. Where too much waits already, the event
 * and all that follow it are lost, until the reader has caught up: a line {"event": "events_lost",
 * "count": N} then stands in their place.
 */
void event_writer_add(struct event_writer *writer, const json_t *event);

#endif
