/* What RPCs say, as JSON. */
#ifndef NET_API_RPC_TRACE_H
#define NET_API_RPC_TRACE_H

#include <jansson.h>

#include "common/line_writer.h"
#include "net/host/rpc_tracer.h"

/*
 * {"trace":"rpc", "time" (ms since 1970), "peer_id", "direction" ("in" or "out"), "bytes"}, and
 * what the RPC has of: "subscriptions" [{topic, subscribe}], "messages" [{topic, id, size}],
 * "ihave" [{topic, count, ids}], "iwant" and "idontwant" [{count, ids}], "graft" [{topic}], "prune"
 * [{topic, backoff (seconds), peers}]. Of a long list the first are there, and "NAME_left_out" of
 * the others. "dropped" and "malformed" are true where they are there. The size is that of the
 * message's data; a message whose data was not kept has no id. A new reference.
 */
json_t *rpc_trace_json(const struct rpc_trace *trace);
/* A tracer: its context is an rpc_trace_writer(), which takes that object as a line. */
void rpc_trace_print_json(const struct traced_rpc *traced);
/* Writes to stderr, and tells in place of lines that its reader was too slow for how many they
 * were: {"trace":"lost", "count"}, or as text, for rpc_trace_print_text. */
struct line_writer *rpc_trace_writer(struct event_base *base, bool json);

#endif
