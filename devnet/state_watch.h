/* Tells when the state of a devnet has changed: for who looks at its nodes for long, and is to know
 * of those that come meanwhile. */
#ifndef DEVNET_STATE_WATCH_H
#define DEVNET_STATE_WATCH_H

#include <stdbool.h>

#include "common/error.h"

/* In a devnet's folder: all that is kept of it (devnet/state.h). */
#define STATE_FILE "devnet.json"

struct state_watch;

/* FOLDER is there. NULL with the error set where the system has no more watches. */
struct state_watch *state_watch_new(const char *folder, struct error *error);
void state_watch_free(struct state_watch *watch);
/* Readable when it may have changed. */
int state_watch_descriptor(const struct state_watch *watch);
/* Whether it may have, since the last time; does not wait. */
bool state_watch_read(struct state_watch *watch);

#endif
