/* Memory for one decoded RPC: taken piece by piece up to a limit, given back at once. */
#ifndef NET_GOSSIPSUB_ARENA_H
#define NET_GOSSIPSUB_ARENA_H

#include <stddef.h>

struct arena_block;

/* A zeroed struct is an empty arena, with a limit of 0 bytes. */
struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* of the newest block */
    size_t total;               /* taken in all, against LIMIT */
    size_t limit;
};

/* Gives everything back but one block, kept for the next user, and sets the limit. */
void arena_reset(struct arena *arena, size_t limit);
/* Aligned for any type, unspecified contents; NULL where the limit would be passed. */
void *arena_take(struct arena *arena, size_t size);
void arena_clear(struct arena *arena);

#endif
