#include "tests/fuzz/virtual_loop.h"

#include <event2/event.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/fuzz/fuzz.h"

enum {
    BEGINNING_S = 1000,
    SECOND_NS = 1000000000,
    MICROSECOND_NS = 1000,
    CALL_NS = 1, /* that a callback takes: ngtcp2 has timers that are due, and over only later */
    CALLS_AT_ONCE_MAX = 100000, /* of callbacks while no time passes: more will never end */
};

static const uint64_t epoch_ms = 1767225600000; /* 2026-01-01 */

struct event {
    int fd;
    short what;
    event_callback_fn callback;
    void *argument;
    bool waits; /* for its time, where it has one */
    bool active;
    bool added;
    uint64_t due, period, order;
    TAILQ_ENTRY(event) link;
    TAILQ_ENTRY(event) active_link;
};

static TAILQ_HEAD(, event) events = TAILQ_HEAD_INITIALIZER(events);
static TAILQ_HEAD(active_events, event) active = TAILQ_HEAD_INITIALIZER(active);
static uint64_t now_ns, last_order;
static unsigned calls_at_once;

/* ---- common/clock.h ---- */

uint64_t __wrap_clock_now_ns(void);
uint64_t __wrap_clock_now_ms(void);
uint64_t __wrap_clock_epoch_ms(void);
time_t __wrap_time(time_t *output);

uint64_t __wrap_clock_now_ns(void)
{
    return now_ns;
}

uint64_t __wrap_clock_now_ms(void)
{
    return now_ns / MICROSECOND_NS / 1000;
}

uint64_t __wrap_clock_epoch_ms(void)
{
    return epoch_ms + __wrap_clock_now_ms();
}

/* Stands still: certificates are made once, and not at the beginning of each input. */
time_t __wrap_time(time_t *output)
{
    time_t now = (time_t)(epoch_ms / 1000);
    if (output != NULL)
        *output = now;
    return now;
}

/* ---- libevent ---- */

struct event *event_new(struct event_base *base, evutil_socket_t fd, short what,
                        event_callback_fn callback, void *argument)
{
    (void)base;
    struct event *event = memory_new(sizeof(*event));
    event->fd = fd;
    event->what = what;
    event->callback = callback;
    event->argument = argument;
    TAILQ_INSERT_TAIL(&events, event, link);
    return event;
}

static void wait_for(struct event *event, uint64_t due)
{
    event->waits = true;
    event->due = due;
    event->order = ++last_order;
}

int event_add(struct event *event, const struct timeval *timeout)
{
    event->added = true;
    if (timeout == NULL)
        return 0;
    event->period =
        (uint64_t)timeout->tv_sec * SECOND_NS + (uint64_t)timeout->tv_usec * MICROSECOND_NS;
    wait_for(event, now_ns + event->period);
    return 0;
}

static void deactivate(struct event *event)
{
    if (event->active)
        TAILQ_REMOVE(&active, event, active_link);
    event->active = false;
}

int event_del(struct event *event)
{
    deactivate(event);
    event->added = event->waits = false;
    return 0;
}

void event_free(struct event *event)
{
    event_del(event);
    TAILQ_REMOVE(&events, event, link);
    free(event);
}

void event_active(struct event *event, int what, short calls)
{
    (void)what, (void)calls;
    if (!event->active)
        TAILQ_INSERT_TAIL(&active, event, active_link);
    event->active = true;
}

int event_pending(const struct event *event, short what, struct timeval *timeout)
{
    (void)timeout;
    bool pending = event->active || (event->waits && (what & EV_TIMEOUT) != 0) ||
                   (event->added && (event->what & what & EV_READ) != 0);
    return pending ? what : 0;
}

/* ---- the loop ---- */

void virtual_loop_begin(void)
{
    require(TAILQ_EMPTY(&events));
    now_ns = (uint64_t)BEGINNING_S * SECOND_NS;
    last_order = 0;
}

size_t virtual_loop_event_count(void)
{
    size_t count = 0;
    struct event *event;
    TAILQ_FOREACH(event, &events, link)
    count++;
    return count;
}

void virtual_loop_readable(int fd)
{
    struct event *event;
    TAILQ_FOREACH(event, &events, link)
    {
        if (event->fd == fd && event->added)
            event_active(event, EV_READ, 0);
    }
}

static struct event *first_due(void)
{
    struct event *event, *first = NULL;
    TAILQ_FOREACH(event, &events, link)
    {
        if (event->waits && (first == NULL || event->due < first->due ||
                             (event->due == first->due && event->order < first->order)))
            first = event;
    }
    return first;
}

static void call_active(void)
{
    struct event *event = TAILQ_FIRST(&active);
    require(++calls_at_once < CALLS_AT_ONCE_MAX);
    deactivate(event);
    if ((event->what & EV_PERSIST) == 0 && event->fd >= 0)
        event->added = false;
    event->callback(event->fd, event->what, event->argument);
    now_ns += CALL_NS;
}

/* One callback, or the time of the next; false where there is none before END. */
static bool step(uint64_t end)
{
    if (!TAILQ_EMPTY(&active)) {
        call_active();
        return true;
    }
    struct event *event = first_due();
    if (event == NULL || event->due > end)
        return false;
    if (event->due > now_ns) {
        now_ns = event->due;
        calls_at_once = 0;
    }
    event->waits = false;
    if ((event->what & EV_PERSIST) != 0)
        wait_for(event, now_ns + event->period);
    event_active(event, EV_TIMEOUT, 0);
    return true;
}

bool virtual_loop_run_until(bool (*condition)(const void *context), const void *context,
                            uint64_t nanoseconds)
{
    uint64_t end = now_ns + nanoseconds;
    while (!condition(context)) {
        if (step(end))
            continue;
        now_ns = now_ns > end ? now_ns : end; /* calls may have taken longer */
        calls_at_once = 0;
        return condition(context);
    }
    return true;
}

static bool never(const void *context)
{
    (void)context;
    return false;
}

void virtual_loop_run(uint64_t nanoseconds)
{
    virtual_loop_run_until(never, NULL, nanoseconds);
}
