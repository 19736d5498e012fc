#include "net/qlog/follow.h"
#include "common/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utlist.h>

#include "common/clock.h"
#include "common/memory.h"

enum {
    BLOCK_SIZE = 64 * 1024,
    PAUSE_MS = 50,             /* between looks, at the least */
    PAUSE_PER_LOOK = 10,       /* so many times as long as the look took */
    IDLE_PAUSE_MS = 1000,      /* time passes, even where no log grows */
    IDLE_PAUSE_MAX_MS = 10000, /* where none has for long */
};

struct qlog_follow {
    const struct qlog_follow_handlers *handlers;
    void *context;
    struct event *tick, *news, *input;
    char **paths;       /* the operands that are no standard input */
    size_t first_added; /* among those: from there on they are our own */
    struct qlog_followed_files files;
    struct qlog_followed_file *standard_input; /* NULL where it is not followed */
    int64_t grown;                             /* when a log last grew */
    int64_t due;                               /* when the caller wants to look again */
    int64_t next, earliest;                    /* when the next tick is, and when it may be */
    bool input_open, ready; /* standard input goes on; all that was there has been read */
};

static void tick_at(struct qlog_follow *follow, int64_t when)
{
    int64_t now = (int64_t)clock_now_ms();
    struct timeval pause = clock_timeval(when > now ? (uint64_t)(when - now) * 1000 : 0);
    follow->next = when;
    event_arm(follow->tick, &pause);
}

/* How long nothing needs to be looked at where no log grows. */
static int64_t idle_pause(const struct qlog_follow *follow, int64_t now)
{
    int64_t idle = follow->files.unwatched ? 0 : (now - follow->grown) / 10;
    idle = idle < IDLE_PAUSE_MS ? IDLE_PAUSE_MS : idle;
    idle = idle > IDLE_PAUSE_MAX_MS ? IDLE_PAUSE_MAX_MS : idle;
    int64_t due = follow->due;
    return due == INT64_MAX || due > now + idle ? idle : due > now ? due - now : 0;
}

static void tick_again(struct qlog_follow *follow, int64_t began, bool more)
{
    int64_t now = (int64_t)clock_now_ms(), least = (now - began) * PAUSE_PER_LOOK;
    least = least < PAUSE_MS ? PAUSE_MS : least > IDLE_PAUSE_MAX_MS ? IDLE_PAUSE_MAX_MS : least;
    follow->earliest = now + least;
    if (!follow->ready)
        tick_at(follow, now);
    else
        tick_at(follow, more || idle_pause(follow, now) < least ? follow->earliest
                                                                : now + idle_pause(follow, now));
}

static void look(struct qlog_follow *follow, int64_t now)
{
    const struct qlog_followed_file *file;
    DL_FOREACH(follow->files.all, file)
    {
        if (file->log->reader.log_count > 0 && file->log->heard > follow->grown)
            follow->grown = file->log->heard;
    }
    follow->ready = true;
    follow->due = follow->handlers->look(follow->context, now);
}

static void tick(evutil_socket_t descriptor, short what, void *argument)
{
    struct qlog_follow *follow = argument;
    int64_t began = (int64_t)clock_now_ms();
    (void)descriptor;
    (void)what;
    qlog_followed_files_hear(&follow->files);
    event_arm(follow->news, NULL);
    bool more = qlog_followed_files_read(&follow->files);
    /* What was there at the start is looked at once it has all been read. */
    if (follow->ready || !more)
        look(follow, began);
    tick_again(follow, began, more);
}

static void expect_news(struct qlog_follow *follow)
{
    int64_t soon = (int64_t)clock_now_ms() + PAUSE_MS;
    soon = soon < follow->earliest ? follow->earliest : soon;
    if (soon < follow->next)
        tick_at(follow, soon);
}

static void news_came(evutil_socket_t descriptor, short what, void *argument)
{
    struct qlog_follow *follow = argument;
    (void)descriptor;
    (void)what;
    event_del(follow->news);
    expect_news(follow);
}

/* --- Standard input --- */

static void input_came(evutil_socket_t descriptor, short what, void *argument)
{
    uint8_t block[BLOCK_SIZE];
    struct qlog_follow *follow = argument;
    (void)what;
    ssize_t size = read(descriptor, block, sizeof(block));
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (size > 0) {
        qlog_followed_feed(follow->standard_input->log, bytes_of(block, (size_t)size),
                           clock_now_ms());
        qlog_followed_files_tell(&follow->files, follow->standard_input);
    } else {
        follow->input_open = false;
        event_del(follow->input);
    }
    expect_news(follow);
}

/* Whether what comes from standard input can be waited for. */
static bool is_stream(void)
{
    struct stat about;
    return isatty(STDIN_FILENO) || (fstat(STDIN_FILENO, &about) == 0 &&
                                    (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode)));
}

/* Standard input is one of the operands, once. */
static void open_input(struct qlog_follow *follow)
{
    follow->standard_input = qlog_followed_files_add_fed(&follow->files, "-");
    follow->standard_input->log->named = true;
    follow->input_open = true;
    if (is_stream()) {
        event_arm(follow->input, NULL);
        return;
    }
    /* Of a device that never ends, no more than shows that it is no log. */
    while (follow->input_open && follow->standard_input->log->state == QLOG_FOLLOWED_ON)
        input_came(STDIN_FILENO, 0, follow);
    follow->input_open = false;
}

/* --- All of it --- */

struct qlog_follow *qlog_follow_new(struct event_base *base, char *const *operands, size_t count,
                                    const struct qlog_follow_handlers *handlers, void *context,
                                    struct error *error)
{
    struct qlog_follow *follow = memory_new(sizeof(*follow));
    size_t path_count = 0;
    follow->handlers = handlers;
    follow->context = context;
    follow->due = INT64_MAX;
    follow->paths = memory_new((count + 1) * sizeof(*follow->paths));
    for (size_t i = 0; i < count; i++)
        if (strcmp(operands[i], "-") != 0)
            follow->paths[path_count++] = operands[i];
    if (!qlog_followed_files_init(&follow->files, follow->paths, path_count, handlers->remark,
                                  context, error)) {
        free(follow->paths);
        free(follow);
        return NULL;
    }
    follow->first_added = path_count;
    follow->tick = evtimer_new(base, tick, follow);
    follow->news =
        event_new(base, file_watch_descriptor(follow->files.watch), EV_READ, news_came, follow);
    follow->input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, input_came, follow);
    if (path_count < count)
        open_input(follow);
    tick_at(follow, (int64_t)clock_now_ms());
    return follow;
}

void qlog_follow_free(struct qlog_follow *follow)
{
    event_free(follow->tick);
    event_free(follow->news);
    event_free(follow->input);
    for (size_t i = follow->first_added; i < follow->files.operand_count; i++)
        free(follow->paths[i]);
    qlog_followed_files_clear(&follow->files);
    free(follow->paths);
    free(follow);
}

void qlog_follow_add(struct qlog_follow *follow, const char *path)
{
    struct qlog_followed_files *files = &follow->files;
    for (size_t i = 0; i < files->operand_count; i++)
        if (strcmp(files->operands[i], path) == 0)
            return;
    size_t size = (files->operand_count + 2) * sizeof(*follow->paths);
    follow->paths = memory_resize(follow->paths, size);
    follow->paths[files->operand_count++] = text_copy(path);
    files->operands = follow->paths;
    files->look_around = true;
    expect_news(follow);
}

struct qlog_followed_files *qlog_follow_files(struct qlog_follow *follow)
{
    return &follow->files;
}

bool qlog_follow_has_ended(const struct qlog_follow *follow)
{
    return follow->standard_input != NULL && !follow->input_open &&
           follow->files.operand_count == 0;
}
