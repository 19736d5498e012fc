#include "devnet/state_watch.h"

#include <stdlib.h>
#include <string.h>

#include "common/file_watch.h"
#include "common/memory.h"

struct state_watch {
    struct file_watch *files;
    bool changed;
};

struct state_watch *state_watch_new(const char *folder, struct error *error)
{
    struct file_watch *files = file_watch_new(error);
    if (files == NULL || !file_watch_add(files, folder, error)) {
        file_watch_free(files);
        return NULL;
    }
    struct state_watch *watch = memory_new(sizeof(*watch));
    watch->files = files;
    return watch;
}

void state_watch_free(struct state_watch *watch)
{
    if (watch != NULL)
        file_watch_free(watch->files);
    free(watch);
}

int state_watch_descriptor(const struct state_watch *watch)
{
    return file_watch_descriptor(watch->files);
}

static void look(void *context, enum file_watch_event event, const char *path)
{
    struct state_watch *watch = context;
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    watch->changed |=
        event == FILES_MISSED || (slash != NULL && strcmp(slash + 1, STATE_FILE) == 0);
}

bool state_watch_read(struct state_watch *watch)
{
    watch->changed = false;
    file_watch_read(watch->files, look, watch);
    return watch->changed;
}
