/* The events of a devnet's nodes, and of what stands between them, as one list in order of time. */
#ifndef DEVNET_TIMELINE_H
#define DEVNET_TIMELINE_H

#include "devnet/state.h"

enum { TIMELINE_MAX = 200 * 1000 }; /* events */

/*
 * Writes FOLDER/timeline.jsonl of nodes/NAME/events.jsonl there, and of KIND/events.jsonl of what
 * stands between: all but messages and pongs, each with the name of its node (`node_name`) and of
 * the peer that it is about (`peer_name`), where that is one of the devnet's. What cannot be read
 * is passed over. CUT is set where there are more than TIMELINE_MAX: then it has the first ones
 * that were read. False with the error set where it cannot be written.
 */
bool timeline_write(const struct devnet *devnet, const char *folder, bool *cut,
                    struct error *error);

#endif
