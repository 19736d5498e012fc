/*
 * For a program that `devnet` runs about all nodes of a devnet, and that looks at them for long:
 * tells when some may have come meanwhile, or be called otherwise.
 */
#ifndef DEVNET_NEWCOMERS_H
#define DEVNET_NEWCOMERS_H

#include <event2/event.h>

/* In the environment of such a program: the devnet's folder. */
#define NEWCOMERS_VARIABLE "DEVNET_FOLLOW"

struct newcomers;

typedef void newcomers_handler(void *context, const char *folder);

/* Calls HANDLER on BASE, which outlives it, with the devnet's folder whenever the STATE_FILE in it
 * has changed. NULL where the environment names no folder, or it cannot be watched, which is warned
 * of. */
struct newcomers *newcomers_new(struct event_base *base, newcomers_handler *handler, void *context);
/* May be NULL. */
void newcomers_free(struct newcomers *newcomers);

#endif
