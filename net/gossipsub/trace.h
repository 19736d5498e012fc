/* What RPCs say, one line each: `--trace rpc`. */
#ifndef NET_GOSSIPSUB_TRACE_H
#define NET_GOSSIPSUB_TRACE_H

#include <jansson.h>

#include "common/bytes.h"

enum {
    TRACE_ENTRIES_MAX = 16, /* shown of each kind; a longer list tells how many are left out */
    TRACE_IDS_MAX = 4,      /* shown of each entry */
};

/* An RPC on its way: between us and PEER, its base58 peer id. */
struct traced_rpc {
    const char *peer;
    bool out;
    bool dropped;     /* it does not go out: the peer's queue is full */
    struct bytes rpc; /* protobuf, without the length before it */
    void *context;    /* the tracer's own, as the host's settings have it */
};

/*
 * {"trace":"rpc", "time" (ms since 1970), "peer_id", "direction" ("in" or "out"), "bytes"}, and
 * what the RPC has of: "subscriptions" [{topic, subscribe}], "messages" [{topic, id, size}],
 * "ihave"
 * [{topic, count, ids}], "iwant" and "idontwant" [{count, ids}], "graft" [{topic}], "prune"
 * [{topic, backoff (seconds), peers}]. Of a long list the first are there, and "NAME_left_out" of
 * the others. "dropped" and "malformed" are true where they are there. The size is that of the
 * message's data.
 */
json_t *rpc_trace_json(const struct traced_rpc *traced);
/* One line of text of that object, without a newline; freed with free(). */
char *rpc_trace_text(const json_t *object);

/* Whoever wants to know of every RPC; see host.h. These print it on stderr. */
typedef void (*rpc_tracer)(const struct traced_rpc *traced);
void rpc_trace_print_text(const struct traced_rpc *traced);
void rpc_trace_print_json(const struct traced_rpc *traced);

#endif
