/* A block's summary as JSON. */
#ifndef NET_API_BLOCK_JSON_H
#define NET_API_BLOCK_JSON_H

#include <jansson.h>

#include "net/protocols/block.h"

/* 0x and 64 digits. */
json_t *root_json(const uint8_t root[BLOCK_ROOT_SIZE]);
/* slot, proposer, parent_root, root, size; roots as 0x and 64 digits. */
json_t *block_json(const struct block_summary *block);

#endif
