#include "common/line_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"

struct line_writer {
    int fd;
    const char *name;
    line_writer_lost lost_line;
    bool broken; /* nobody will ever read */
    struct event *writable;
    struct buffer queue;
    uint64_t lost; /* since the queue was full */
};

/* O_NONBLOCK would be shared with whoever has the same pipe or terminal: it is asked instead, and
 * given no more than it takes without blocking once it says that it is writable. */
static bool is_writable(const struct line_writer *writer, int timeout_ms)
{
    struct pollfd entry = {.fd = writer->fd, .events = POLLOUT};
    return poll(&entry, 1, timeout_ms) == 1;
}

static void append_lost(struct line_writer *writer)
{
    writer->lost_line(writer->lost, &writer->queue);
    buffer_append_byte(&writer->queue, '\n');
    writer->lost = 0;
}

static size_t write_some(struct line_writer *writer, struct bytes data)
{
    size_t size = data.size < PIPE_BUF ? data.size : PIPE_BUF;
    ssize_t written = write(writer->fd, data.data, size);
    if (written >= 0)
        return (size_t)written;
    writer->broken = errno != EAGAIN && errno != EINTR;
    if (writer->broken)
        log_warn("%s: no more events are printed: %s", writer->name, strerror(errno));
    return 0;
}

static void write_queue(struct line_writer *writer)
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

static void flush(struct line_writer *writer)
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

struct line_writer *line_writer_new(struct event_base *base, int fd, const char *name,
                                    line_writer_lost lost)
{
    struct line_writer *writer = memory_new(sizeof(*writer));
    writer->fd = fd;
    writer->name = name;
    writer->lost_line = lost;
    writer->writable = event_new(base, fd, EV_WRITE, on_writable, writer);
    return writer;
}

static uint64_t lines_in(struct bytes text)
{
    uint64_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    return count;
}

bool line_writer_free(struct line_writer *writer)
{
    if (writer == NULL)
        return true;
    uint64_t end = clock_now_ms() + LINE_WRITER_LINGER_MS, now;
    while (writer->queue.size > 0 && (now = clock_now_ms()) < end &&
           is_writable(writer, (int)(end - now)))
        write_queue(writer);
    uint64_t untold = writer->lost + lines_in(buffer_bytes(&writer->queue));
    bool whole = !writer->broken && untold == 0;
    if (untold > 0)
        log_warn("%s: its reader did not take the last %llu lines", writer->name,
                 (unsigned long long)untold);
    event_free(writer->writable);
    buffer_clear(&writer->queue);
    free(writer);
    return whole;
}

void line_writer_add(struct line_writer *writer, struct bytes line)
{
    if (writer->broken)
        return;
    if (writer->lost > 0 || writer->queue.size > LINE_WRITER_QUEUE_MAX) {
        writer->lost++;
        return;
    }
    buffer_append(&writer->queue, line.data, line.size);
    buffer_append_byte(&writer->queue, '\n');
    flush(writer);
}
