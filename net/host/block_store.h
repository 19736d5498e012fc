/*
 * Blocks in folders, to answer requests from: each file is the SSZ of one signed block, whatever
 * its name. What is kept in memory is where each is; the blocks stay on disk.
 */
#ifndef NET_HOST_BLOCK_STORE_H
#define NET_HOST_BLOCK_STORE_H

#include "common/buffer.h"
#include "net/protocols/block.h"

enum { BLOCK_STORE_MAX = 65536 }; /* blocks */

struct block_store;

struct block_store *block_store_new(void);
/* Reads what is in FOLDER, too. Files that are no blocks are passed over with a warning, and more
 * than BLOCK_STORE_MAX; false where the folder itself cannot be read, of ERROR_NOT_FOUND where it
 * is none. */
bool block_store_load(struct block_store *store, const char *folder, struct error *error);
void block_store_free(struct block_store *store);
size_t block_store_count(const struct block_store *store);
uint64_t block_store_bytes(const struct block_store *store); /* of all its blocks */

/* The entries in the order of their slots, as numbers below the count, which hold until a block is
 * added; the count where there is none. */
size_t block_store_find(const struct block_store *store, const uint8_t root[BLOCK_ROOT_SIZE]);
/* The first at or behind SLOT. */
size_t block_store_from_slot(const struct block_store *store, uint64_t slot);
const struct block_summary *block_store_at(const struct block_store *store, size_t entry);
/* The block's SSZ, into a buffer that is empty. False where the file cannot be read or holds
 * another block by now. */
bool block_store_read(const struct block_store *store, size_t entry, struct buffer *ssz,
                      struct error *error);
/* BLOCK, of a root that is not there, is in the file at PATH, which is copied. The store has room
 * for it: fewer than BLOCK_STORE_MAX. */
void block_store_add(struct block_store *store, const struct block_summary *block,
                     const char *path);

/* Writes SSZ, which BLOCK summarizes, to FOLDER as SLOT-ROOT.ssz, whole or not at all; what is
 * there of that name is replaced. Returns the path, freed with free(); NULL with the error set. */
char *block_save(const char *folder, const struct block_summary *block, struct bytes ssz,
                 struct error *error);

#endif
