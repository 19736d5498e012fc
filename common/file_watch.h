/* Tells of files that change, by inotify(7). */
#ifndef COMMON_FILE_WATCH_H
#define COMMON_FILE_WATCH_H

#include <stddef.h>

#include "common/error.h"

struct file_watch;

enum file_watch_event {
    FILE_WRITTEN, /* it has grown, or was written to */
    FILE_MOVED,   /* it came, went or was renamed */
    FILES_MISSED, /* events were lost: anything may have changed; there is no path */
};

typedef void file_watch_handler(void *context, enum file_watch_event event, const char *path);

/* NULL with the error set where the system has no more of them. */
struct file_watch *file_watch_new(struct error *error);
void file_watch_free(struct file_watch *watch);
/* Readable when something has changed. */
int file_watch_descriptor(const struct file_watch *watch);
/* Watches a file, or the entries of a folder; again and again does no harm. */
bool file_watch_add(struct file_watch *watch, const char *path, struct error *error);
/* How many files and folders are watched. */
size_t file_watch_count(const struct file_watch *watch);
/* Calls the handler for what has changed; does not wait. */
void file_watch_read(struct file_watch *watch, file_watch_handler *handler, void *context);

#endif
