/*
 * Keeps the blocks that gossip brings: each is written whole into a folder, and answered from there
 * at once. What is not recorded is told (HOST_BLOCK_NOT_RECORDED), and logged.
 */
#ifndef NET_HOST_BLOCK_RECORDER_H
#define NET_HOST_BLOCK_RECORDER_H

#include "net/host/host.h"

struct block_recorder_settings {
    const char *folder;  /* borrowed; NULL: nothing is recorded */
    uint64_t blocks_max; /* at most BLOCK_STORE_MAX */
    uint64_t bytes_max;
};

#define BLOCK_RECORDER_DEFAULT                                                                     \
    {                                                                                              \
        .blocks_max = BLOCK_STORE_MAX, .bytes_max = (uint64_t)1 << 30                              \
    }

struct block_recorder;

/* Observes HOST, which outlives it, as do the BLOCKS, to which is added what is recorded, and which
 * count towards the limits. Who observes after this is told of a message before it is told of its
 * recording. NULL where nothing is to be recorded. */
struct block_recorder *block_recorder_new(struct host *host,
                                          const struct block_recorder_settings *settings,
                                          struct block_store *blocks);
/* NULL is allowed. */
void block_recorder_free(struct block_recorder *recorder);

/* A store of what is in RECORD, which is made where it is absent, and in GIVEN: of either, neither
 * or both, NULL where there is none. It is the caller's; false with the error set, which names the
 * option. */
bool block_recorder_open(const char *record, const char *given, struct block_store **blocks,
                         struct error *error);

#endif
