/* A connection attempt as devnet-connect prints it and POST /connect answers it. */
#ifndef NET_API_ATTEMPT_JSON_H
#define NET_API_ATTEMPT_JSON_H

#include <jansson.h>

#include "net/host/attempt_driver.h"

/* {"step": ..., "ok": bool, "ms": real, ...}: what attempt_handlers.step was given. */
json_t *attempt_step_json(const struct attempt_told *told, const struct host_event *event);
/* {"target", "reached", "exit", "error", "steps": [...], ...}. STEPS, of the above, get a
 * reference; NULL: they are left out. */
json_t *attempt_result_json(const struct attempt_result *result, json_t *steps);

#endif
