/*
 * For a program that `devnet` runs about all nodes of a devnet, and that looks at them for long:
 * tells of those that come meanwhile, and by what names nodes are known then.
 */
#ifndef DEVNET_NEWCOMERS_H
#define DEVNET_NEWCOMERS_H

#include <event2/event.h>
#include <jansson.h>

/* In the environment of such a program: the devnet's folder. */
#define NEWCOMERS_VARIABLE "DEVNET_FOLLOW"

struct newcomers;

/* NODES are those of devnet.json in FOLDER as it is now, each an object (devnet/state.h has them
 * read whole, which needs more than a program that looks at logs is to be linked to). */
typedef void newcomers_handler(void *context, const char *folder, const json_t *nodes);

/* Calls HANDLER on BASE, which outlives it, whenever devnet.json has changed. NULL where the
 * environment names no folder, or it cannot be watched, which is warned of. */
struct newcomers *newcomers_new(struct event_base *base, newcomers_handler *handler, void *context);
/* May be NULL. */
void newcomers_free(struct newcomers *newcomers);

#endif
