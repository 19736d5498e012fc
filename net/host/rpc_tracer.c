#include "net/host/rpc_tracer.h"

#include "common/clock.h"
#include "common/line_writer.h"

void traced_rpc_read(const struct traced_rpc *traced, struct rpc_trace *trace)
{
    *trace = (struct rpc_trace){.time_ms = clock_epoch_ms(),
                                .peer = traced->peer,
                                .out = traced->out,
                                .dropped = traced->dropped};
    rpc_trace_read(trace, traced->rpc);
}

void rpc_trace_print_text(const struct traced_rpc *traced)
{
    struct rpc_trace trace;
    struct buffer line = {0};
    traced_rpc_read(traced, &trace);
    rpc_trace_text(&trace, &line);
    line_writer_add(traced->context, buffer_bytes(&line));
    buffer_clear(&line);
}
