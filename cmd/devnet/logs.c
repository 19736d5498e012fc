#include "cmd/devnet/devnet.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
    fflush(stdout);
}

/* Until we are interrupted, or nobody reads what we print. */
static void follow(struct tail *tails, size_t count, int inotify)
{
    char events[4096];
    while (!ferror(stdout) && read(inotify, events, sizeof(events)) > 0)
        for (size_t i = 0; i < count; i++)
            show_more(&tails[i], count > 1);
}

static int is_node_folder(const struct dirent *entry)
{
    return strncmp(entry->d_name, "node", 4) == 0;
}

/* Of a devnet that is down, the nodes whose folders are left. */
static void add_left_nodes(struct devnet *devnet)
{
    struct dirent **entries;
    int count = scandir(devnet->folder, &entries, is_node_folder, versionsort);
    for (int i = 0; i < count; i++) {
        devnet_add(devnet, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
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

int devnet_logs_command(const struct devnet_options *options, const char *name)
{
    struct devnet devnet;
    struct error error;
    devnet_init(&devnet, options->folder);
    bool loaded = devnet_load(&devnet, &error), shown = false;
    if (loaded && devnet.count == 0)
        add_left_nodes(&devnet);
    const struct devnet_node *node = name != NULL ? devnet_find(&devnet, name) : NULL;
    if (!loaded) {
        log_error("%s", error.text);
    } else if (name != NULL && node == NULL) {
        log_error("%s: no such node in %s", name, devnet.folder);
    } else if (devnet.count == 0) {
        log_error("no devnet has been up in %s", devnet.folder);
    } else {
        struct devnet chosen = devnet;
        if (node != NULL) {
            chosen.nodes = (struct devnet_node *)node;
            chosen.count = 1;
        }
        shown = show(&chosen, options);
    }
    devnet_clear(&devnet);
    return shown ? DEVNET_OK : DEVNET_FAILED;
}
