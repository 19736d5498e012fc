#include "cmd/node/event_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"

struct event_writer {
    int fd;
    bool broken; /* nobody will ever read */
    struct event *writable;
    struct buffer queue;
    uint64_t lost; /* since the queue was full */
};

/* O_NONBLOCK would be shared with whoever has the same pipe or terminal: it is asked instead, and
 * given no more than it takes without blocking once it says that it is writable. */
static bool is_writable(const struct event_writer *writer, int timeout_ms)
{
    struct pollfd entry = {.fd = writer->fd, .events = POLLOUT};
    return poll(&entry, 1, timeout_ms) == 1;
}

static void append_line(struct buffer *queue, const json_t *event)
{
    char *text = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
    buffer_append_text(queue, text);
    buffer_append_byte(queue, '\n');
    free(text);
}

static void append_lost(struct event_writer *writer)
{
    json_t *event =
        json_pack("{s:s, s:I}", "event", "events_lost", "count", (json_int_t)writer->lost);
    append_line(&writer->queue, event);
    json_decref(event);
    writer->lost = 0;
}

static size_t write_some(struct event_writer *writer, struct bytes data)
{
    size_t size = data.size < PIPE_BUF ? data.size : PIPE_BUF;
    ssize_t written = write(writer->fd, data.data, size);
    if (written >= 0)
        return (size_t)written;
    writer->broken = errno != EAGAIN && errno != EINTR;
    if (writer->broken)
        log_warn("standard output: no more events are printed: %s", strerror(errno));
    return 0;
}

static void write_queue(struct event_writer *writer)
{
    size_t written = 0, step = 1;
    while (written < writer->queue.size && step > 0 && is_writable(writer, 0)) {
        step = write_some(writer, bytes_after(buffer_bytes(&writer->queue), written));
        written += step;
    }
    buffer_consume(&writer->queue, written);
    if (writer->broken)
        buffer_clear(&writer->queue);
    else if (writer->queue.size == 0 && writer->lost > 0)
        append_lost(writer);
}

static void flush(struct event_writer *writer)
{
    write_queue(writer);
    if (writer->queue.size > 0)
        event_arm(writer->writable, NULL);
    else
        buffer_clear(&writer->queue);
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    flush(argument);
}

struct event_writer *event_writer_new(struct event_base *base, int fd)
{
    struct event_writer *writer = memory_new(sizeof(*writer));
    writer->fd = fd;
    writer->writable = event_new(base, fd, EV_WRITE, on_writable, writer);
    return writer;
}

bool event_writer_free(struct event_writer *writer)
{
    if (writer == NULL)
        return true;
    uint64_t end = clock_now_ms() + EVENT_WRITER_LINGER_MS, now;
    while (writer->queue.size > 0 && (now = clock_now_ms()) < end &&
           is_writable(writer, (int)(end - now)))
        write_queue(writer);
    bool unread = writer->queue.size > 0 || writer->lost > 0, whole = !writer->broken && !unread;
    if (unread)
        log_warn("standard output: its reader took too long: the last events are lost");
    event_free(writer->writable);
    buffer_clear(&writer->queue);
    free(writer);
    return whole;
}

void event_writer_add(struct event_writer *writer, const json_t *event)
{
    if (writer->broken)
        return;
    if (writer->lost > 0 || writer->queue.size > EVENT_WRITER_QUEUE_MAX) {
        writer->lost++;
        return;
    }
    append_line(&writer->queue, event);
    flush(writer);
}
