#include "cmd/tap/fact_json.h"

#include <stdlib.h>

#include "common/memory.h"
#include "common/utf8.h"
#include "net/api/rpc_trace.h"
#include "net/api/status_json.h"
#include "net/tap/limits.h"

static json_t *over_limits(uint64_t size)
{
    json_t *over = json_array();
    for (size_t i = 0; i < RPC_LIMITS && size > rpc_limits[i].size; i++)
        json_array_append_new(over, json_string(rpc_limits[i].whose));
    return over;
}

static void add_rpc(json_t *object, const struct skimmed_rpc *rpc)
{
    static const char *const callers[] = {"trace", "time", "peer_id", "direction"};
    struct rpc_trace *trace = memory_new(sizeof(*trace));
    trace->peer = "";
    rpc_skim_trace(rpc, trace);
    json_t *said = rpc_trace_json(trace);
    free(trace);
    for (size_t i = 0; i < sizeof(callers) / sizeof(*callers); i++)
        json_object_del(said, callers[i]);
    json_object_update(object, said);
    json_decref(said);
    if (rpc->signed_count > 0)
        json_object_set_new(object, "signed", json_integer((json_int_t)rpc->signed_count));
    if (rpc->cut)
        json_object_set_new(object, "cut", json_true());
    if (rpc->size > rpc_limits[0].size)
        json_object_set_new(object, "over_limits", over_limits(rpc->size));
}

void fact_json_add_text(json_t *object, const char *name, struct bytes text)
{
    char *safe = utf8_safe_text(text);
    json_object_set_new(object, name, json_string(safe));
    free(safe);
}

static void add_status(json_t *object, const struct tap_fact *fact)
{
    json_t *status = status_json(fact->status);
    json_object_update(object, status);
    json_decref(status);
    json_object_set_new(object, "contradicts", json_boolean(fact->contradicts));
}

static void add_end(json_t *object, const struct tap_fact *fact)
{
    static const char *const ends[] = {
        [TAP_FIN] = "fin", [TAP_RESET] = "reset_stream", [TAP_STOP] = "stop_sending"};
    json_object_set_new(object, "how", json_string(ends[fact->how]));
    if (fact->how != TAP_FIN)
        json_object_set_new(object, "code", json_integer((json_int_t)fact->code));
}

static void add_problem(json_t *object, const struct tap_fact *fact)
{
    if (fact->problem == NULL)
        return;
    json_object_set_new(object, "problem", json_string(fact->problem));
    if (fact->size > 0) /* as announced, which may be anything */
        json_object_set_new(
            object, "bytes",
            json_integer(fact->size < INT64_MAX ? (json_int_t)fact->size : INT64_MAX));
    if (fact->size > rpc_limits[0].size)
        json_object_set_new(object, "over_limits", over_limits(fact->size));
}

static void add_kind(json_t *object, const struct tap_fact *fact)
{
    switch (fact->kind) {
    case TAP_FACT_RPC:
        add_rpc(object, fact->rpc);
        break;
    case TAP_FACT_STATUS:
        add_status(object, fact);
        break;
    case TAP_FACT_BLOCKS:
        json_object_set_new(object, "size", json_integer((json_int_t)fact->size));
        break;
    case TAP_FACT_ERROR_CODE:
        json_object_set_new(object, "code", json_integer((json_int_t)fact->code));
        fact_json_add_text(object, "text", fact->text);
        break;
    case TAP_FACT_AGENT:
        fact_json_add_text(object, "agent", fact->text);
        break;
    case TAP_FACT_ENDED:
        add_end(object, fact);
        break;
    case TAP_FACT_CLOSED:
        json_object_set_new(object, "unfinished", json_boolean(fact->unfinished));
        break;
    default:
        add_problem(object, fact);
        break;
    }
}

json_t *fact_json(const struct tap_fact *fact)
{
    json_t *object = json_pack("{s:s, s:I, s:s, s:I}", "event", tap_fact_name(fact->kind), "stream",
                               (json_int_t)fact->stream, "by", tap_side_name(fact->by), "at",
                               (json_int_t)fact->at);
    if (fact->protocol[0] != '\0')
        fact_json_add_text(object, "protocol", bytes_of_text(fact->protocol));
    add_kind(object, fact);
    return object;
}
