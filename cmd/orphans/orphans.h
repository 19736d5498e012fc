/* What the files of devnet-orphans share. */
#ifndef CMD_ORPHANS_ORPHANS_H
#define CMD_ORPHANS_ORPHANS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"
#include "net/address/names.h"
#include "net/qlog/reading.h"
#include "net/qlog/search.h"
#include "net/verdict/connections.h"

enum {
    NO_ORPHANS = 0, /* exit statuses */
    SOME_ORPHANS = 1,
    TROUBLE = 2,
};

/* What nodes are called, by --name. */
extern struct names orphans_names;

/* {"client": name, "server": name} of a connection between PEERS {"client", "server"}, those that
 * have one; NULL where none has. NAMES, taken over, are what a tap calls them, or NULL. */
json_t *names_over(json_t *names, const json_t *peers);

/* What was said about the files, for the report. */
struct findings {
    json_t *troubles; /* of {path, message} */
    json_t *skipped;  /* of {path, reason} */
};

void findings_init(struct findings *findings);
void findings_clear(struct findings *findings);

/* A trouble as JSON, for a list of them: what is no UTF-8 in a path is replaced. */
json_t *make_trouble(const char *path, const char *message);
/* Tells of it on stderr, made fit for a terminal: names and logs are not let through as they are.
 * CONTEXT is not looked at. */
void tell_remark(void *context, enum qlog_remark_kind kind, const char *path, const char *text);
/* Notes it in the struct findings that CONTEXT is, and tells of it. */
void note_remark(void *context, enum qlog_remark_kind kind, const char *path, const char *text);
/* Tells what the reading of a file came to. */
void tell_reading(struct findings *findings, const struct qlog_found *file,
                  const struct qlog_reading *reading);
/* Adds what the logs that were read cannot decide to the troubles. */
void tell_undecidable(struct findings *findings, const struct qlog_connections *connections);

/* Whether something could not be read, or not be decided. */
bool leaves_doubt(const json_t *report);
/* Prints the report for people: the streams of interest, or all; or the counts that --stats adds in
 * place of those of interest. Those are of interest, too, whose verdict FAILS, by enum
 * qlog_verdict. */
void print_text(const json_t *report, bool all, const bool *fails);
/* One of CONNECTION's streams ("id" and, where they have names, "names"); BEFORE is the verdict
 * that it had, or NULL. */
void print_stream(const json_t *connection, const json_t *stream, const char *before);
void print_summary(const json_t *summary, bool troubled);
/* Writes a page of timelines; false where it cannot. */
bool write_page(const char *path, const json_t *report, struct error *error);
/* Prints the counts of net/verdict/stats.h. */
void print_stats(const json_t *stats);

#endif
