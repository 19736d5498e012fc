#include "devnet/stray.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "devnet/family.h"

/* The folder as /proc has it, which need not be there any more, with a slash; NULL where what it
 * was in is not there either. */
static char *find_folder(const char *folder)
{
    char *real = realpath(folder, NULL), *copy = text_copy(folder);
    for (size_t end = strlen(copy); end > 1 && copy[end - 1] == '/';)
        copy[--end] = '\0';
    char *slash = strrchr(copy, '/');
    if (real == NULL && slash != NULL) {
        *slash = '\0';
        char *above = realpath(slash > copy ? copy : "/", NULL);
        real = above != NULL ? text_format("%s/%s", above, slash + 1) : NULL;
        free(above);
    }
    char *whole = real != NULL ? text_format("%s/", real) : NULL;
    free(real);
    free(copy);
    return whole;
}

struct place {
    char *folder; /* with a slash; NULL where nothing can be in it */
    bool locked;  /* otherwise what is there may be another's, who is at work */
};

/* The name in the folder's NAME/FILE, where that is what a process has open as FD, or was until it
 * was deleted: its length, or 0. PATH has room for PATH_MAX. */
static size_t find_name(const char *pid, int fd, const struct place *place, const char *file,
                        char *path)
{
    const char *folder = place->folder;
    char link[64];
    size_t before = strlen(folder);
    snprintf(link, sizeof(link), "/proc/%.16s/fd/%d", pid, fd);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = '\0';
    if (strncmp(path, folder, before) != 0)
        return 0;
    size_t length = strcspn(path + before, "/"), end = strlen(file);
    const char *rest = path + before + length;
    /* A process of a container may have another file of the same path. */
    if (strncmp(rest, file, end) != 0 ||
        (rest[end] == '\0' ? !place->locked || !file_is_same(link, path)
                           : strcmp(rest + end, " (deleted)") != 0))
        return 0;
    memmove(path, path + before, length);
    path[length] = '\0';
    return length;
}

static bool is_known(const struct devnet *devnet, pid_t pid)
{
    for (size_t i = 0; i < devnet->count; i++)
        if (devnet->nodes[i].process.pid == pid)
            return true;
    for (size_t i = 0; i < devnet->between_count; i++)
        if (devnet->between[i].process.pid == pid)
            return true;
    return false;
}

size_t devnet_find_strays(const struct devnet *devnet, struct stray **strays)
{
    size_t count = 0;
    char name[PATH_MAX], other[PATH_MAX];
    const struct place place = {find_folder(devnet->folder), devnet->lock >= 0};
    DIR *processes = place.folder != NULL ? opendir("/proc") : NULL;
    const struct dirent *entry;
    *strays = NULL;
    while (processes != NULL && (entry = readdir(processes)) != NULL) {
        struct process_facts facts;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || pid == getpid() || is_known(devnet, pid) ||
            find_name(entry->d_name, STDOUT_FILENO, &place, "/events.jsonl", name) == 0 ||
            find_name(entry->d_name, STDERR_FILENO, &place, "/log", other) == 0 ||
            strcmp(name, other) != 0 || !process_look(pid, &facts))
            continue;
        *strays = memory_resize(*strays, (count + 1) * sizeof(**strays));
        struct stray *stray = &(*strays)[count++];
        *stray = (struct stray){.name = text_copy(name),
                                .process = {.pid = pid, .start_time = facts.start_time}};
        family_read_mark(&stray->process);
    }
    if (processes != NULL)
        closedir(processes);
    free(place.folder);
    return count;
}

void devnet_free_strays(struct stray *strays, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(strays[i].name);
    free(strays);
}
