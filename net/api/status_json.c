#include "net/api/status_json.h"

#include <stdio.h>

#include "common/hex.h"

/* A peer may claim a slot beyond what a JSON integer holds here; a real keeps it a number. */
json_t *slot_json(uint64_t slot)
{
    return slot <= INT64_MAX ? json_integer((json_int_t)slot) : json_real((double)slot);
}

void slot_text(const json_t *slot, char text[SLOT_TEXT_SIZE])
{
    if (json_is_real(slot))
        snprintf(text, SLOT_TEXT_SIZE, "%.12g", json_real_value(slot));
    else
        snprintf(text, SLOT_TEXT_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(slot));
}

json_t *checkpoint_json(const struct status_checkpoint *checkpoint)
{
    char root[2 + 2 * STATUS_ROOT_SIZE + 1] = "0x";
    hex_write(bytes_of(checkpoint->root, STATUS_ROOT_SIZE), root + 2);
    return json_pack("{s:s, s:o}", "root", root, "slot", slot_json(checkpoint->slot));
}

json_t *status_json(const struct status *status)
{
    return json_pack("{s:o, s:o}", "finalized", checkpoint_json(&status->finalized), "head",
                     checkpoint_json(&status->head));
}
