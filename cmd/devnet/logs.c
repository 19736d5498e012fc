#include "cmd/devnet/devnet.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/names.h"
#include "common/output.h"

enum { LINE_MAX_SHOWN = 1024 * 1024 }; /* longer ones are shown in parts */

/* A file that is shown as it grows. */
struct tail {
    const char *name;
    int fd;
    struct buffer line; /* what has come of a line that is not whole yet */
};

/* How it is shown. */
struct manner {
    bool named, events; /* each line after its node's name; lines are events */
    struct names names; /* of the devnet's nodes */
};

/* An event with the name of the peer that it is about; NULL where it is none, or has none. */
static char *name_peer(const char *line, const struct names *names)
{
    json_t *event = json_loads(line, 0, NULL);
    const char *id = json_string_value(json_object_get(event, "peer_id"));
    const char *kind = json_string_value(json_object_get(event, "event"));
    const char *name = names_find(names, id); /* "ready" tells its own */
    char *text = NULL;
    if (name != NULL && kind != NULL && strcmp(kind, "ready") != 0) {
        json_object_set_new(event, "peer_name", json_string(name));
        text = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
    }
    json_decref(event);
    return text;
}

/* Shows the line and begins another. Of a log, nodes are called by their names. */
static void show_line(struct tail *tail, const struct manner *manner, const char *end)
{
    buffer_append(&tail->line, "", 1);
    const char *line = (const char *)tail->line.data;
    char *told =
        manner->events ? name_peer(line, &manner->names) : names_put_into(&manner->names, line);
    if (manner->named)
        printf("%s%s |%s ", output_colour(stdout, COLOUR_DIM), tail->name,
               output_colour_end(stdout));
    printf("%s%s", told != NULL ? told : line, end);
    free(told);
    tail->line.size = 0;
}

/* Shows what has come since the last time. */
static void show_more(struct tail *tail, const struct manner *manner)
{
    char block[16384];
    ssize_t size;
    struct stat status;
    if (fstat(tail->fd, &status) == 0 && status.st_size < lseek(tail->fd, 0, SEEK_CUR))
        lseek(tail->fd, 0, SEEK_SET); /* begun anew */
    while ((size = read(tail->fd, block, sizeof(block))) > 0) {
        for (char *rest = block, *end = block + size; rest < end;) {
            char *newline = memchr(rest, '\n', (size_t)(end - rest));
            char *stop = newline != NULL ? newline : end;
            buffer_append(&tail->line, rest, (size_t)(stop - rest));
            if (newline != NULL)
                show_line(tail, manner, "\n");
            else if (tail->line.size > LINE_MAX_SHOWN)
                show_line(tail, manner, "");
            rest = newline != NULL ? stop + 1 : end;
        }
    }
    output_flush();
}

/* What there is of a last line. */
static void close_tail(struct tail *tail, const struct manner *manner)
{
    if (tail->line.size > 0)
        show_line(tail, manner, "");
    buffer_clear(&tail->line);
    close(tail->fd);
}

/* Until we are interrupted, or nobody reads what we print: that is seen at once. */
static void follow(struct tail *tails, size_t count, const struct manner *manner, int inotify)
{
    char events[4096];
    struct pollfd waits[] = {{.fd = inotify, .events = POLLIN}, {.fd = STDOUT_FILENO}};
    while (inotify >= 0 && output_flush() && output_is_read() && poll(waits, 2, -1) > 0) {
        if (waits[0].revents == 0 || read(inotify, events, sizeof(events)) <= 0)
            continue;
        for (size_t i = 0; i < count; i++)
            show_more(&tails[i], manner);
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

static bool show(const struct devnet *devnet, const struct manner *manner, bool on)
{
    int inotify = on ? inotify_init1(IN_CLOEXEC) : -1;
    struct tail *tails = memory_new(devnet->count * sizeof(*tails));
    size_t opened = 0;
    while (opened < devnet->count &&
           open_tail(&tails[opened], devnet, devnet->nodes[opened].name, manner->events, inotify))
        show_more(&tails[opened++], manner);
    bool all = opened == devnet->count;
    if (all && on)
        follow(tails, opened, manner, inotify);
    for (size_t i = 0; i < opened; i++)
        close_tail(&tails[i], manner);
    if (inotify >= 0)
        close(inotify);
    free(tails);
    return all;
}

/* That node alone, or what stands between nodes and is called so, or all where NAME is NULL. */
static int show_chosen(const struct devnet *devnet, const struct devnet_options *options,
                       const char *name)
{
    struct devnet chosen = *devnet;
    if (devnet->count == 0) {
        log_error("no devnet has been up in %s", devnet->folder);
        return DEVNET_FAILED;
    }
    const struct devnet_between *between = name != NULL ? devnet_find_between(devnet, name) : NULL;
    struct devnet_node other = {.name = between != NULL ? between->kind : NULL};
    if (name != NULL) {
        chosen.nodes = between != NULL ? &other : devnet_find(devnet, name);
        chosen.count = 1;
    }
    if (chosen.nodes == NULL) {
        char *names = devnet_names(devnet);
        log_error("%s: no such node in %s; there are %s", name, devnet->folder, names);
        free(names);
        return DEVNET_USAGE;
    }
    struct manner manner = {.named = chosen.count > 1, .events = options->events};
    for (size_t i = 0; i < devnet->count; i++)
        devnet_name_node(&devnet->nodes[i], &manner.names);
    bool shown = show(&chosen, &manner, options->follow);
    names_clear(&manner.names);
    return shown ? DEVNET_OK : DEVNET_FAILED;
}

int devnet_logs_command(const struct devnet_options *options, const char *name)
{
    struct devnet devnet;
    struct error error;
    devnet_init(&devnet, options->folder);
    int status = DEVNET_FAILED;
    if (devnet_load(&devnet, &error) && (devnet.count > 0 || devnet_load_left(&devnet, &error))) {
        status = show_chosen(&devnet, options, name);
    } else {
        log_error("%s", error.text);
        status = devnet_load_status(&error);
    }
    devnet_clear(&devnet);
    return status;
}
