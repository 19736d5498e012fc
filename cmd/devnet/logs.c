#include "cmd/devnet/devnet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"

/* A file that is shown as it grows. */
struct tail {
    const char *name;
    int fd;
    bool inside_line;
};

/* Shows what has come since the last time, each line after the node's name where NAMED. */
static void show_more(struct tail *tail, bool named)
{
    char block[16384];
    ssize_t size;
    struct stat status;
    if (fstat(tail->fd, &status) == 0 && status.st_size < lseek(tail->fd, 0, SEEK_CUR))
        lseek(tail->fd, 0, SEEK_SET); /* begun anew */
    while ((size = read(tail->fd, block, sizeof(block))) > 0) {
        for (char *rest = block, *end = block + size; rest < end;) {
            char *newline = memchr(rest, '\n', (size_t)(end - rest));
            char *stop = newline != NULL ? newline + 1 : end;
            if (named && !tail->inside_line)
                printf("%s%s |%s ", output_colour(stdout, COLOUR_DIM), tail->name,
                       output_colour_end(stdout));
            fwrite(rest, 1, (size_t)(stop - rest), stdout);
            tail->inside_line = newline == NULL;
            rest = stop;
        }
    }
    output_flush();
}

/* Until we are interrupted, or nobody reads what we print: that is seen at once. */
static void follow(struct tail *tails, size_t count, int inotify)
{
    char events[4096];
    struct pollfd waits[] = {{.fd = inotify, .events = POLLIN}, {.fd = STDOUT_FILENO}};
    while (inotify >= 0 && output_flush() && output_is_read() && poll(waits, 2, -1) > 0) {
        if (waits[0].revents == 0 || read(inotify, events, sizeof(events)) <= 0)
            continue;
        for (size_t i = 0; i < count; i++)
            show_more(&tails[i], count > 1);
    }
}

static bool open_tail(struct tail *tail, const struct devnet *devnet, const char *name, bool events,
                      int inotify)
{
    char *path = devnet_path(devnet, name, events ? "events.jsonl" : "log");
    *tail = (struct tail){.name = name, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (tail->fd < 0)
        log_error("%s: %s", path, strerror(errno));
    else if (inotify >= 0)
        inotify_add_watch(inotify, path, IN_MODIFY);
    free(path);
    return tail->fd >= 0;
}

static bool show(const struct devnet *devnet, const struct devnet_options *options)
{
    int inotify = options->follow ? inotify_init1(IN_CLOEXEC) : -1;
    struct tail *tails = memory_new(devnet->count * sizeof(*tails));
    size_t opened = 0;
    while (opened < devnet->count &&
           open_tail(&tails[opened], devnet, devnet->nodes[opened].name, options->events, inotify))
        show_more(&tails[opened++], devnet->count > 1);
    bool all = opened == devnet->count;
    if (all && options->follow)
        follow(tails, opened, inotify);
    for (size_t i = 0; i < opened; i++)
        close(tails[i].fd);
    if (inotify >= 0)
        close(inotify);
    free(tails);
    return all;
}

/* That node alone, or all where NAME is NULL. */
static int show_chosen(const struct devnet *devnet, const struct devnet_options *options,
                       const char *name)
{
    struct devnet chosen = *devnet;
    if (devnet->count == 0) {
        log_error("no devnet has been up in %s", devnet->folder);
        return DEVNET_FAILED;
    }
    if (name != NULL) {
        chosen.nodes = devnet_find(devnet, name);
        chosen.count = 1;
    }
    if (chosen.nodes == NULL) {
        char *names = devnet_names(devnet);
        log_error("%s: no such node in %s; there are %s", name, devnet->folder, names);
        free(names);
        return DEVNET_USAGE;
    }
    return show(&chosen, options) ? DEVNET_OK : DEVNET_FAILED;
}

int devnet_logs_command(const struct devnet_options *options, const char *name)
{
    struct devnet devnet;
    struct error error;
    devnet_init(&devnet, options->folder);
    int status = DEVNET_FAILED;
    if (devnet_load(&devnet, &error) && (devnet.count > 0 || devnet_load_left(&devnet, &error)))
        status = show_chosen(&devnet, options, name);
    else
        log_error("%s", error.text);
    devnet_clear(&devnet);
    return status;
}
