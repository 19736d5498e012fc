/* How devnet-connect tells what it found: steps for people as they come, one object for scripts. */
#ifndef CMD_CONNECT_REPORT_H
#define CMD_CONNECT_REPORT_H

#include <jansson.h>

/* One line of text for a step. */
void report_step(const json_t *step);
/* One line of text for a block that was fetched. */
void report_block(const json_t *block);
/* The one object of --json. */
void report_result(const json_t *result);
/* The error, if there was one, on stderr: `devnet-connect: TARGET: what went wrong`. */
void report_error(const char *target, const json_t *result);

#endif
