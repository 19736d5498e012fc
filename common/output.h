/* Results on stdout: JSON for scripts, colour for people on a terminal. */
#ifndef COMMON_OUTPUT_H
#define COMMON_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/error.h"

/* One compact object a line, flushed, keys sorted. */
void output_json_line(const json_t *value);
/* Indented, keys sorted, with a newline at the end, flushed. */
void output_json(const json_t *value);

/* For what goes on: false where some of what was printed so far could not be written. */
bool output_flush(void);
/* Whether a pipe or terminal has a reader still: where not, output_end tells it, too, whether
 * anything was to be printed or not. */
bool output_is_read(void);
/* To be called when all has been printed; false where some of it could not be written. */
bool output_end(struct error *error);
/* The same for a program that would end with STATUS: FAILURE, and a word on stderr, where not. */
int output_end_status(int status, int failure);

enum output_colour { COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_DIM, COLOUR_BOLD };

/* The escape sequence, or "" where FILE is no terminal, TERM is dumb or NO_COLOR is not empty. */
const char *output_colour(FILE *file, enum output_colour colour);
const char *output_colour_end(FILE *file);

#endif
