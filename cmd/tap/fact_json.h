/* A fact as JSON. */
#ifndef CMD_TAP_FACT_JSON_H
#define CMD_TAP_FACT_JSON_H

#include <jansson.h>

#include "net/tap/fact.h"

/*
 * {"event": its name, "stream", "protocol", "by": "dialler" or "listener", "at"}, and what its kind
 * has: `rpc` the members of rpc_trace_json() (net/api/rpc_trace.h) that say what is in it, with
 * "signed", "cut", "over_limits": [who takes none of that size]; `status` "finalized", "head",
 * "contradicts"; others "size", "code", "text", "problem", "how", "unfinished". A new reference.
 */
json_t *fact_json(const struct tap_fact *fact);
/* TEXT as it can be shown. */
void fact_json_add_text(json_t *object, const char *name, struct bytes text);

#endif
