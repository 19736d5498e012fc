/* Whoever wants to know of every gossipsub RPC as it goes by: `--trace rpc`. */
#ifndef NET_HOST_RPC_TRACER_H
#define NET_HOST_RPC_TRACER_H

#include "net/gossipsub/trace.h"

/* An RPC on its way: between us and PEER, its base58 peer id. */
struct traced_rpc {
    const char *peer;
    bool out;
    bool dropped;     /* it does not go out: the peer's queue is full */
    struct bytes rpc; /* protobuf, without the length before it */
    void *context;    /* the tracer's own, as the host's settings have it */
};

typedef void (*rpc_tracer)(const struct traced_rpc *traced);

/* What it says, as of now; valid as long as TRACED is. */
void traced_rpc_read(const struct traced_rpc *traced, struct rpc_trace *trace);
/* A tracer: its context is a line_writer, which takes a line of text. */
void rpc_trace_print_text(const struct traced_rpc *traced);

#endif
