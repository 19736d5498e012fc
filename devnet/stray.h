/*
 * Processes of a devnet that its devnet.json does not know: it was deleted while they ran, say.
 * They are known by where their standard output and error go, which a deleted folder does not
 * change.
 */
#ifndef DEVNET_STRAY_H
#define DEVNET_STRAY_H

#include "devnet/state.h"

struct stray {
    char *name; /* of the node, or of what stands between */
    struct process process;
};

/* Whoever writes to DIR/NAME/events.jsonl and DIR/NAME/log and has none of the process ids that
 * DEVNET knows; where DEVNET is not locked, only those whose files were deleted. Returns how many;
 * freed with devnet_free_strays(). None where /proc does not tell. */
size_t devnet_find_strays(const struct devnet *devnet, struct stray **strays);
void devnet_free_strays(struct stray *strays, size_t count);

#endif
