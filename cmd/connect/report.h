/* How devnet-connect tells what it found: steps for people as they come, one object for scripts. */
#ifndef CMD_CONNECT_REPORT_H
#define CMD_CONNECT_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

/* Calls nodes by their names, where $DEVNET_NAMES (net/address/names.h) has them; false where it
 * has something else. */
bool report_take_names(struct error *error);
void report_clear(void);
/* Adds "peer_name" to what has a "peer_id" that is called something. */
void report_name_peer(json_t *object);

/* One line of text for a step. */
void report_step(const json_t *step);
/* One line of text for a block that was fetched. */
void report_block(const json_t *block);
/* One line of text for an event of gossip: a message, one that was refused, or what became of
 * recording it. */
void report_gossip(const json_t *event);
/* One line of text for what was published. */
void report_published(const json_t *published);
/* A line of JSON. */
void report_line(const json_t *object);
/* The one object of --json. */
void report_result(const json_t *result);
/* The error, if there was one, on stderr: `devnet-connect: [NAME, ]TARGET: what went wrong`. */
void report_error(const char *target, const json_t *result);

#endif
