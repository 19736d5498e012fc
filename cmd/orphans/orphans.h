/* What the files of devnet-orphans share. */
#ifndef CMD_ORPHANS_ORPHANS_H
#define CMD_ORPHANS_ORPHANS_H

#include <jansson.h>
#include <stdbool.h>

#include "net/qlog/connections.h"

enum { FOLDER_DEPTH_LIMIT = 16 };

struct search {
    struct qlog_connections connections;
    json_t *troubles; /* of {path, message} */
    json_t *skipped;  /* of {path, reason} */
    size_t files;     /* that were QUIC logs, duplicates included */
};

/* Reads the file, or every log in the folder and those below it. */
void search_path(struct search *search, const char *path);
/* Adds what the logs that were read cannot decide to the troubles. */
void search_undecidable(struct search *search);
void search_clear(struct search *search);

/* Whether something could not be read, or not be decided. */
bool leaves_doubt(const json_t *report);
/* Prints the report for people: the streams of interest, or all. */
void print_text(const json_t *report, bool all);

#endif
