#include "net/api/block_json.h"

#include <stdlib.h>

#include "common/hex.h"
#include "net/api/status_json.h"

json_t *root_json(const uint8_t root[BLOCK_ROOT_SIZE])
{
    char *digits = hex_text(bytes_of(root, BLOCK_ROOT_SIZE));
    json_t *text = json_sprintf("0x%s", digits);
    free(digits);
    return text;
}

json_t *block_json(const struct block_summary *block)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:I}", "slot", slot_json(block->slot), "proposer",
                     slot_json(block->proposer), "parent_root", root_json(block->parent), "root",
                     root_json(block->root), "size", (json_int_t)block->size);
}
