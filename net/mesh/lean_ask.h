/* Asks a Lean node's own HTTP API (net/mesh/lean_answer.h). Asynchronous, on libevent. */
#ifndef NET_MESH_LEAN_ASK_H
#define NET_MESH_LEAN_ASK_H

#include <event2/event.h>
#include <jansson.h>
#include <stdint.h>

/*
 * LEAN is what it told, {"health", "identity", "peers", "fork_choice"}, each null where the node
 * does not serve it, or not yet; NULL where it is no Lean node's API. FAULTS: [[URL, what was
 * wrong, status]], of answers that were none, or of the health without which nothing else is asked;
 * the status is HTTP's, or 0 where there was no answer. Both are borrowed.
 */
typedef void (*lean_asked)(void *context, json_t *lean, const json_t *faults);

/* URL is one that api_url_check takes. Each answer must come within TIMEOUT_MS: the health first,
 * and the others together then. */
void lean_ask(struct event_base *base, const char *url, uint64_t timeout_ms, lean_asked done,
              void *context);

#endif
