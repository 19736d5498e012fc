#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"

static bool fault(const char *path, struct error *error)
{
    return error_set_kind(error, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
}

/* Not to wait for a writer of a pipe that nothing will ever come of. */
static int open_at_once(const char *path, struct stat *about)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, about) == 0)
        return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

static ssize_t read_some(int fd, void *block, size_t size)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    for (;;) {
        ssize_t count = read(fd, block, size);
        if (count >= 0 || (errno != EINTR && errno != EAGAIN))
            return count;
        if (errno == EAGAIN) /* of a pipe whose writer is there */
            poll(&entry, 1, -1);
    }
}

/* Closes FD. */
static bool read_all(const char *path, int fd, size_t limit, struct buffer *output,
                     struct error *error)
{
    size_t before = output->size;
    ssize_t count;
    do {
        uint8_t block[16384];
        count = read_some(fd, block, sizeof(block));
        if (count > 0)
            buffer_append(output, block, (size_t)count);
    } while (count > 0 && output->size - before <= limit);
    int code = errno;
    close(fd);
    errno = code;
    if (count < 0)
        return fault(path, error);
    return output->size - before <= limit ||
           error_set(error, "%s: larger than %zu bytes", path, limit);
}

bool file_read(const char *path, size_t limit, struct buffer *output, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? read_all(path, fd, limit, output, error) : fault(path, error);
}

bool file_read_plain(const char *path, size_t limit, struct buffer *output, struct error *error)
{
    struct stat about;
    int fd = open_at_once(path, &about);
    if (fd < 0)
        return fault(path, error);
    if (S_ISREG(about.st_mode))
        return read_all(path, fd, limit, output, error);
    close(fd);
    return error_set(error, "%s: not a plain file", path);
}

bool file_read_pipe(const char *path, size_t limit, struct buffer *output, struct error *error)
{
    struct stat about;
    size_t before = output->size;
    int fd = open_at_once(path, &about);
    if (fd < 0)
        return fault(path, error);
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&entry, 1, FILE_WRITER_MS);
    while (ready < 0 && errno == EINTR);
    bool nothing = ready == 0;
    if (!read_all(path, fd, limit, output, error))
        return false;
    return !nothing || output->size > before ||
           error_set(error, "%s: a pipe that nobody writes into", path);
}

bool file_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

bool file_is_in(const char *folder, const char *name)
{
    char *path = text_format("%s/%s", folder, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

bool file_is_same(const char *path, const char *other)
{
    struct stat one, two;
    return stat(path, &one) == 0 && stat(other, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
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

/* Beside PATH, and renamed to it. */
static bool write_whole(const char *path, struct bytes contents, mode_t mode)
{
    char *temporary = text_format("%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    bool written = fd >= 0 && fchmod(fd, mode) == 0 && file_write_all(fd, contents);
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
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    bool written = fd >= 0 && file_write_all(fd, contents);
    int code = errno;
    if (fd >= 0 && close(fd) != 0 && written) {
        written = false;
        code = errno;
    }
    errno = code;
    return written;
}

/* What PATH means, whether it is there or not: a link is followed to where it points. NULL where
 * there is no end of links. Freed with free(). */
static char *follow_links(const char *path)
{
    enum { LINKS_MAX = 40 };
    char *at = text_copy(path);
    for (int i = 0; i < LINKS_MAX; i++) {
        char target[PATH_MAX];
        ssize_t size = readlink(at, target, sizeof(target) - 1);
        if (size < 0)
            return at;
        target[size] = '\0';
        const char *slash = strrchr(at, '/');
        char *next = target[0] == '/' || slash == NULL
                         ? text_copy(target)
                         : text_format("%.*s/%s", (int)(slash - at), at, target);
        free(at);
        at = next;
    }
    free(at);
    errno = ELOOP;
    return NULL;
}

static bool write_to(const char *path, struct bytes contents, mode_t mode)
{
    struct stat about;
    bool there = stat(path, &about) == 0;
    if (there && S_ISDIR(about.st_mode)) {
        errno = EISDIR;
        return false;
    }
    /* Of a device, a pipe such as /dev/stdout, or a file with other names, a file renamed to one of
     * them would take the place. */
    if (there && (!S_ISREG(about.st_mode) || about.st_nlink > 1))
        return write_into(path, contents);
    mode_t kept = there ? about.st_mode & 07777 : mode & ~current_umask();
    return write_whole(path, contents, kept) ||
           (there && (errno == EACCES || errno == EPERM) && write_into(path, contents));
}

bool file_write(const char *path, struct bytes contents, mode_t mode, struct error *error)
{
    char *target = follow_links(path);
    bool written = target != NULL && write_to(target, contents, mode);
    int code = errno;
    free(target);
    if (!written)
        error_set_kind(error, ERROR_SYSTEM, "%s: cannot write: %s", path, strerror(code));
    errno = code;
    return written;
}

bool file_path_is_to_blame(int code)
{
    static const int codes[] = {ENOENT, ENOTDIR, EISDIR, EACCES,       EPERM,
                                EROFS,  EEXIST,  ELOOP,  ENAMETOOLONG, EINVAL};
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (codes[i] == code)
            return true;
    return false;
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
    if (!made)
        error_set_kind(error, ERROR_SYSTEM, "%s: cannot make the folder: %s", path, strerror(code));
    errno = code;
    return made;
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
