/* What a node says of its chain. */
#ifndef NET_API_STATUS_JSON_H
#define NET_API_STATUS_JSON_H

#include <jansson.h>

#include "net/protocols/status.h"

/* {"finalized": {"root": "0x...", "slot": 0}, "head": {...}}, a new reference. */
json_t *status_json(const struct status *status);

#endif
