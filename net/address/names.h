/* What people call things whose ids are long: nodes by "node1" and not by their peer ids. */
#ifndef NET_ADDRESS_NAMES_H
#define NET_ADDRESS_NAMES_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

#define NAMES_VARIABLE "DEVNET_NAMES"
#define PATHS_VARIABLE "DEVNET_PATHS"
#define STOPPED_VARIABLE "DEVNET_STOPPED"
#define ENDED_VARIABLE "DEVNET_ENDED"
enum { NAMES_VARIABLE_MAX = 100 * 1024 }; /* Linux takes 128 KiB */

/* Begins as {0}, which has none. */
struct names {
    json_t *by_id; /* id: name */
};

void names_clear(struct names *names);
/* ID is known as NAME from now on, where it has no name yet. */
void names_add(struct names *names, const char *id, const char *name);
/* "NAME=ID" or "NAME=ID,ID...": ids, URLs and addresses of one thing. False where it is not that.
 */
bool names_add_text(struct names *names, const char *text, struct error *error);
/* What a program that runs this one says of them: NAMES_VARIABLE holds a line of that form for
 * each. False where one is not. */
bool names_add_environment(struct names *names, struct error *error);
/* What such a program says of the paths between them, each for people, as "node1,node2: loss=1" or
 * "all: delay=20ms" or "parted: node1 | node2": the lines of LINES, which may be NULL, or of
 * PATHS_VARIABLE. NULL where there are none. */
json_t *names_paths(const char *lines);
json_t *names_paths_environment(void);
/* Likewise the ids of nodes that it stopped and so does not name to look at: the lines of
 * STOPPED_VARIABLE. NULL where there are none. */
json_t *names_stopped_environment(void);
/* Likewise where nodes were that ended by themselves and so cannot be asked: the lines of
 * ENDED_VARIABLE. NULL where there are none. */
json_t *names_ended_environment(void);
/* An object of ids and their names; what is no string in it is passed over. May be NULL. */
void names_add_json(struct names *names, const json_t *by_id);
/* NULL where there is none; ID may be NULL. */
const char *names_find(const struct names *names, const char *id);
/* Adds "peer_name" to an event or the like whose "peer_id" has a name. Not to a "ready" one, which
 * is about who tells it. */
void names_add_peer(const struct names *names, json_t *event);
/* TEXT with the names of what it speaks of: in place of ids, and before URLs and addresses. What
 * follows "/p2p/" is part of an address, and is left. Freed with free(). */
char *names_put_into(const struct names *names, const char *text);

#endif
