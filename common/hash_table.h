/*
 * uthash as all of this project uses it. Walking a table visits its entries in the order in which
 * they were added; nothing may depend on the order of the buckets.
 */
#ifndef COMMON_HASH_TABLE_H
#define COMMON_HASH_TABLE_H

#include "common/memory.h"

/* The default, HASH_JEN, falls through its switch in a way that clang warns about. */
#define HASH_FUNCTION(key, size, hash) HASH_FNV(key, size, hash)
#define uthash_malloc(size) memory_new(size)

#include <uthash.h>

#endif
