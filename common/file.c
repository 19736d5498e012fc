#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"

bool file_read(const char *path, size_t limit, struct buffer *output, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, "%s: %s", path, strerror(errno));
    size_t before = output->size;
    ssize_t count;
    do {
        uint8_t block[16384];
        count = read(fd, block, sizeof(block));
        if (count > 0)
            buffer_append(output, block, (size_t)count);
    } while ((count > 0 && output->size - before <= limit) || (count < 0 && errno == EINTR));
    int code = errno;
    close(fd);
    if (count < 0)
        return error_set(error, "%s: %s", path, strerror(code));
    if (output->size - before > limit)
        return error_set(error, "%s: larger than %zu bytes", path, limit);
    return true;
}

bool file_write_all(int fd, struct bytes contents)
{
    while (contents.size > 0) {
        ssize_t count = write(fd, contents.data, contents.size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        contents = bytes_after(contents, (size_t)count);
    }
    return true;
}

static mode_t current_umask(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return mask;
}

static bool write_whole(const char *path, struct bytes contents, mode_t mode)
{
    char *temporary = text_format("%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    bool written =
        fd >= 0 && fchmod(fd, mode & ~current_umask()) == 0 && file_write_all(fd, contents);
    int code = errno;
    if (fd >= 0 && close(fd) != 0 && written) {
        written = false;
        code = errno;
    }
    if (written && rename(temporary, path) != 0) {
        written = false;
        code = errno;
    }
    if (!written && fd >= 0)
        unlink(temporary);
    free(temporary);
    errno = code;
    return written;
}

static bool write_into(const char *path, struct bytes contents)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && file_write_all(fd, contents);
    int code = errno;
    if (fd >= 0)
        close(fd);
    errno = code;
    return written;
}

/* A device or a pipe, such as /dev/null: a file renamed to its name would take its place. */
static bool is_special(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode);
}

bool file_write(const char *path, struct bytes contents, mode_t mode, struct error *error)
{
    bool written;
    if (is_special(path)) {
        written = write_into(path, contents);
    } else {
        char *target = realpath(path, NULL); /* a link stays one */
        written = write_whole(target != NULL ? target : path, contents, mode);
        int code = errno;
        free(target);
        errno = code;
    }
    int code = errno;
    if (!written)
        error_set(error, "%s: cannot write: %s", path, strerror(code));
    errno = code;
    return written;
}

bool file_make_folder(const char *path, struct error *error)
{
    char *partial = text_copy(path);
    bool made = true;
    for (char *end = partial; made && *end != '\0';) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        char rest = *end;
        *end = '\0';
        made = mkdir(partial, 0777) == 0 || errno == EEXIST;
        *end = rest;
    }
    struct stat status;
    if (made && stat(path, &status) != 0) {
        made = false;
    } else if (made && !S_ISDIR(status.st_mode)) {
        made = false;
        errno = ENOTDIR;
    }
    int code = errno;
    free(partial);
    return made || error_set(error, "%s: cannot make the folder: %s", path, strerror(code));
}

void file_empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
}
