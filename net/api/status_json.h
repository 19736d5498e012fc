/* What a node says of its chain. */
#ifndef NET_API_STATUS_JSON_H
#define NET_API_STATUS_JSON_H

#include <jansson.h>

#include "net/protocols/status.h"

enum { SLOT_TEXT_SIZE = 32 };

/* A number, exact up to the largest integer of JSON here. */
json_t *slot_json(uint64_t slot);
/* As exact as the number is. */
void slot_text(const json_t *slot, char text[SLOT_TEXT_SIZE]);
/* {"root": "0x...", "slot": 0} */
json_t *checkpoint_json(const struct status_checkpoint *checkpoint);
/* {"finalized": {"root": "0x...", "slot": 0}, "head": {...}}, a new reference. */
json_t *status_json(const struct status *status);

#endif
