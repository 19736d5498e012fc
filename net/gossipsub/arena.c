#include "net/gossipsub/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/memory.h"

enum {
    BLOCK_SIZE = 4096,
    KEPT_SIZE_MAX = 256 * 1024, /* of the block that the next user finds */
};

struct arena_block {
    struct arena_block *older;
    size_t capacity;
    alignas(max_align_t) uint8_t data[];
};

static void add_block(struct arena *arena, size_t capacity)
{
    /* Not zeroed: a large message's bytes are about to be written over it. */
    struct arena_block *block = memory_resize(NULL, sizeof(*block) + capacity);
    block->older = arena->blocks;
    block->capacity = capacity;
    arena->blocks = block;
    arena->used = 0;
}

void arena_reset(struct arena *arena, size_t limit)
{
    struct arena_block *kept = NULL;
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->older;
        if (block->capacity <= KEPT_SIZE_MAX &&
            (kept == NULL || kept->capacity < block->capacity)) {
            free(kept);
            kept = block;
        } else {
            free(block);
        }
    }
    if (kept != NULL)
        kept->older = NULL;
    arena->blocks = kept;
    arena->used = 0;
    arena->total = 0;
    arena->limit = limit;
}

void *arena_take(struct arena *arena, size_t size)
{
    if (size > arena->limit - arena->total)
        return NULL;
    arena->total += size;
    size_t rounded = (size + alignof(max_align_t) - 1) / alignof(max_align_t);
    rounded *= alignof(max_align_t);
    if (arena->blocks == NULL || arena->blocks->capacity - arena->used < rounded)
        add_block(arena, rounded > BLOCK_SIZE ? rounded : BLOCK_SIZE);
    void *piece = arena->blocks->data + arena->used;
    arena->used += rounded;
    return piece;
}

void arena_clear(struct arena *arena)
{
    arena_reset(arena, 0);
    free(arena->blocks);
    arena->blocks = NULL;
}
