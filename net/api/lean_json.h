/*
 * What Lean's nodes answer at /lean/v0/..., of a node that keeps no chain: the checkpoints that it
 * was given, as its anchor, and nothing behind them.
 */
#ifndef NET_API_LEAN_JSON_H
#define NET_API_LEAN_JSON_H

#include <jansson.h>

#include "net/protocols/status.h"

/* New references. */
json_t *lean_health_json(void);
/* {"nodes": [{"root", "slot", "parent_root", "proposer_index", "weight"}], "head", "justified",
 * "finalized", "safe_target", "validator_count"}; VALIDATORS: as many as it was told of, up to
 * INT64_MAX. */
json_t *lean_fork_choice_json(const struct status *status, uint64_t validators);
/* {"root", "slot"}: the finalized one, as no later one is known. */
json_t *lean_justified_json(const struct status *status);

#endif
