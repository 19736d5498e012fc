/* What the files of devnet-orphans share. */
#ifndef CMD_ORPHANS_ORPHANS_H
#define CMD_ORPHANS_ORPHANS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/log.h"
#include "net/qlog/reading.h"
#include "net/verdict/connections.h"

enum {
    NO_ORPHANS = 0, /* exit statuses */
    SOME_ORPHANS = 1,
    TROUBLE = 2,
    FOLDER_DEPTH_LIMIT = 16,
    JOBS_LIMIT = 64,
};

/* A file that may be a log. */
struct log_file {
    char *path; /* "-" is standard input */
    bool named; /* on the command line, and not found in a folder */
    bool link;
    uint64_t size;
};

/* The files to read, and what was said about them. */
struct search {
    struct log_file *files;
    size_t count;
    char **folders; /* that were searched */
    size_t folder_count;
    json_t *troubles; /* of {path, message} */
    json_t *skipped;  /* of {path, reason} */
    bool silent;      /* troubles are noted and not told */
};

void search_init(struct search *search);
void search_clear(struct search *search);
/* Adds the file, or every file in the folder and those below it. */
void search_path(struct search *search, const char *path);

/* A trouble as JSON, for a list of them: what is no UTF-8 in a path is replaced. */
json_t *make_trouble(const char *path, const char *message);
/* Notes a trouble or a file that is passed over, and tells of it on stderr. */
void tell_trouble(struct search *search, const char *path, const char *message);
void tell_skipped(struct search *search, const char *path, const char *reason);
/* TEXT about a path, made fit for a terminal: names and logs are not let through as they are. */
void tell(enum log_level level, const char *path, const char *text);
/* Tells what the reading of a file came to. */
void tell_reading(struct search *search, const struct log_file *file,
                  const struct qlog_reading *reading);

/* Reads every file that was found; the caller clears and frees as many readings as there are files.
 * JOBS workers do it, one a core for 0. */
struct qlog_reading *read_files(const struct search *search, unsigned jobs);

/* Adds what the logs that were read cannot decide to the troubles. */
void tell_undecidable(struct search *search, const struct qlog_connections *connections);

/* Whether the list has an equal one. */
bool has_trouble(const json_t *troubles, const json_t *trouble);
/* Why the log of that end of a connection can tell nothing; NULL where it can, or is not there. */
const char *why_undecidable(const struct qlog_connection *connection, enum qlog_role end);

/* Whether something could not be read, or not be decided. */
bool leaves_doubt(const json_t *report);
/* Prints the report for people: the streams of interest, or all; or the counts that --stats adds in
 * place of those of interest. */
void print_text(const json_t *report, bool all);
/* One of its streams; BEFORE is the verdict that it had, or NULL. */
void print_stream(const char *connection_id, const json_t *stream, const char *before);
void print_summary(const json_t *summary, bool troubled);
/* Writes a page of timelines; false where it cannot. */
bool write_page(const char *path, const json_t *report, struct error *error);
/* Prints the counts of net/verdict/stats.h. */
void print_stats(const json_t *stats);

#endif
