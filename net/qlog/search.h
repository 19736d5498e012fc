/* Finds the files that may be logs: those that are named, and those in folders. */
#ifndef NET_QLOG_SEARCH_H
#define NET_QLOG_SEARCH_H

#include <stdint.h>

#include "net/qlog/remark.h"

enum { QLOG_FOLDER_DEPTH_LIMIT = 16 }; /* a named folder's own files are at depth 1 */

/* A file that may be a log. */
struct qlog_found {
    char *path; /* "-" is standard input */
    bool named; /* itself, and not found in a folder */
    bool link;
    uint64_t size; /* bytes; 0 where it is no regular file */
};

/* A zeroed struct with its handler set is ready for use. */
struct qlog_search {
    struct qlog_found *files; /* in the order in which they were found: of a folder, by name */
    size_t count;
    char **folders; /* that were searched */
    size_t folder_count;
    char **links; /* to folders, which were not followed */
    size_t link_count;
    qlog_remark_handler *handler; /* hears of what is skipped, and of troubles */
    void *context;
};

/* Adds the file, or every file in the folder and those below it. Links are followed to files but
 * not to folders; one that leads nowhere and has a log's name is trouble. */
void qlog_search_path(struct qlog_search *search, const char *path);
/* The end of the search: links to folders that were not searched by another path are trouble. */
void qlog_search_end(struct qlog_search *search);
/* The bytes of all that was found. */
uint64_t qlog_search_size(const struct qlog_search *search);
void qlog_search_clear(struct qlog_search *search);

#endif
