/* An RPC as protobuf-c has it, as a whole: what programs read slice by slice (rpc_read). */
#ifndef TESTS_UNIT_RPC_WHOLE_H
#define TESTS_UNIT_RPC_WHOLE_H

#include "net/gossipsub/rpc.h"

static inline void *rpc_whole_take(void *arena, size_t size)
{
    return arena_take(arena, size);
}

static inline void rpc_whole_free(void *arena, void *pointer)
{
    (void)arena, (void)pointer; /* arena_reset gives everything back at once */
}

/* The RPC without its length, valid until the arena is used again; NULL where it is malformed, or
 * has groups, which protobuf-c does not read. */
static inline const Gossipsub__RPC *rpc_whole(struct bytes rpc, struct arena *arena)
{
    ProtobufCAllocator allocator = {
        .alloc = rpc_whole_take, .free = rpc_whole_free, .allocator_data = arena};
    arena_reset(arena, SIZE_MAX);
    return gossipsub__rpc__unpack(&allocator, rpc.size, rpc.data);
}

#endif
