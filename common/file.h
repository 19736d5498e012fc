/* Files that matter are read with a limit and written whole. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <sys/types.h>

#include "common/buffer.h"
#include "common/error.h"

enum { FILE_WRITER_MS = 2000 };

/* Appends the file's contents to OUTPUT; false where it cannot be read or is over LIMIT bytes. */
bool file_read(const char *path, size_t limit, struct buffer *output, struct error *error);
/* The same of a plain file or a link to one alone, and never waits: of a pipe nobody knows whether
 * anything will come. */
bool file_read_plain(const char *path, size_t limit, struct buffer *output, struct error *error);
/* The same of what may be a pipe, such as a shell's <(...): one that nobody has opened to
 * write into for FILE_WRITER_MS is an error. */
bool file_read_pipe(const char *path, size_t limit, struct buffer *output, struct error *error);
/* Whether PATH is a folder, or a link to one. */
bool file_is_folder(const char *path);
/* Whether FOLDER has something called NAME. */
bool file_is_in(const char *folder, const char *name);
/* Whether both are there and are one file or folder, whatever their paths. */
bool file_is_same(const char *path, const char *other);
/* Writes a temporary file beside PATH and renames it: readers see the old or the new, never a
 * part. A file that is there keeps its mode; MODE, as the umask lets it be, is of a new one. Links
 * stay links: what one names is replaced, there or not, and a file with several names is written
 * into, as devices and pipes are, and a file in a folder that is not ours. Errors name PATH, and
 * errno says why, too. */
bool file_write(const char *path, struct bytes contents, mode_t mode, struct error *error);
/* Whether the errno CODE says that there is something about the path that was given, and not that
 * the disk is full or broken. */
bool file_path_is_to_blame(int code);
/* All of CONTENTS, whatever it takes; false with errno set. */
bool file_write_all(int fd, struct bytes contents);
/* Creates the folder and those above it, as `mkdir -p` does. Errors name PATH, and errno says why,
 * too. */
bool file_make_folder(const char *path, struct error *error);
/* Removes the files that are in the folder, if there is one, but for hidden ones and folders. */
void file_empty_folder(const char *path);

#endif
