#include "common/file_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/hash_table.h"

enum {
    WRITTEN = IN_MODIFY | IN_CLOSE_WRITE,
    MOVED = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF,
    BLOCK_SIZE = 64 * (sizeof(struct inotify_event) + NAME_MAX + 1),
};

struct watched_path {
    int watch; /* as inotify numbers it */
    char *path;
    UT_hash_handle hh;
};

struct file_watch {
    int descriptor;
    struct watched_path *paths; /* hash table */
};

struct file_watch *file_watch_new(struct error *error)
{
    int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor < 0) {
        error_set_kind(error, ERROR_SYSTEM, "inotify: %s", strerror(errno));
        return NULL;
    }
    struct file_watch *watch = memory_new(sizeof(*watch));
    watch->descriptor = descriptor;
    return watch;
}

static void forget(struct file_watch *watch, struct watched_path *path)
{
    HASH_DEL(watch->paths, path);
    free(path->path);
    free(path);
}

void file_watch_free(struct file_watch *watch)
{
    struct watched_path *path, *next;
    if (watch == NULL)
        return;
    HASH_ITER(hh, watch->paths, path, next)
    {
        forget(watch, path);
    }
    close(watch->descriptor);
    free(watch);
}

int file_watch_descriptor(const struct file_watch *watch)
{
    return watch->descriptor;
}

bool file_watch_add(struct file_watch *watch, const char *path, struct error *error)
{
    struct watched_path *known = NULL;
    int number = inotify_add_watch(watch->descriptor, path, WRITTEN | MOVED);
    if (number < 0)
        return error_set_kind(error, ERROR_SYSTEM, "%s: cannot be watched: %s", path,
                              errno == ENOSPC ? "too many are already (fs.inotify.max_user_watches)"
                                              : strerror(errno));
    HASH_FIND_INT(watch->paths, &number, known);
    if (known == NULL) {
        known = memory_new(sizeof(*known));
        known->watch = number;
        known->path = text_copy(path);
        HASH_ADD_INT(watch->paths, watch, known);
    } else if (strcmp(known->path, path) != 0) { /* renamed since */
        free(known->path);
        known->path = text_copy(path);
    }
    return true;
}

size_t file_watch_count(const struct file_watch *watch)
{
    return HASH_COUNT(watch->paths);
}

static void tell(struct file_watch *watch, const struct inotify_event *event,
                 file_watch_handler *handler, void *context)
{
    struct watched_path *known = NULL;
    HASH_FIND_INT(watch->paths, &event->wd, known);
    if ((event->mask & IN_Q_OVERFLOW) != 0)
        handler(context, FILES_MISSED, NULL);
    if (known == NULL)
        return;
    const char *slash = known->path[strlen(known->path) - 1] == '/' ? "" : "/";
    char *path = event->len > 0 ? text_format("%s%s%s", known->path, slash, event->name)
                                : text_copy(known->path);
    if ((event->mask & WRITTEN) != 0)
        handler(context, FILE_WRITTEN, path);
    if ((event->mask & MOVED) != 0)
        handler(context, FILE_MOVED, path);
    free(path);
    if ((event->mask & IN_IGNORED) != 0)
        forget(watch, known);
}

void file_watch_read(struct file_watch *watch, file_watch_handler *handler, void *context)
{
    _Alignas(struct inotify_event) char block[BLOCK_SIZE];
    ssize_t size;
    while ((size = read(watch->descriptor, block, sizeof(block))) > 0) {
        for (char *next = block; next < block + size;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)next;
            tell(watch, event, handler, context);
            next += sizeof(*event) + event->len;
        }
    }
}
