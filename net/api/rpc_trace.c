#include "net/api/rpc_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/memory.h"
#include "common/utf8.h"

static void set_count(json_t *object, const char *key, uint64_t count)
{
    json_object_set_new(object, key, json_integer((json_int_t)count));
}

static json_t *id_json(struct bytes id)
{
    char digits[2 * GOSSIPSUB_WIRE_ID_SIZE_MAX + 1];
    hex_write(id, digits);
    return json_string(digits);
}

static void set_topic(json_t *object, struct bytes topic)
{
    char *text = utf8_safe_text(topic);
    json_object_set_new(object, "topic", json_string(text));
    free(text);
}

static void set_ids(json_t *object, const struct rpc_trace_entry *entry)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < rpc_trace_ids_shown(entry); i++)
        json_array_append_new(ids, id_json(entry->ids[i]));
    set_count(object, "count", entry->id_count);
    json_object_set_new(object, "ids", ids);
}

static json_t *entry_json(enum rpc_trace_kind kind, const struct rpc_trace_entry *entry)
{
    const struct rpc_trace_form *form = &rpc_trace_forms[kind];
    json_t *object = json_object();
    if (form->topic)
        set_topic(object, entry->topic);
    if (kind == TRACE_SUBSCRIPTIONS)
        json_object_set_new(object, "subscribe", json_boolean(entry->subscribe));
    if (form->message) {
        if (entry->id.size > 0)
            json_object_set_new(object, "id", id_json(bytes_of(entry->id.bytes, entry->id.size)));
        set_count(object, "size", entry->size);
    }
    if (form->ids)
        set_ids(object, entry);
    if (entry->has_backoff)
        set_count(object, "backoff", entry->backoff);
    if (entry->peers > 0)
        set_count(object, "peers", entry->peers);
    return object;
}

static void set_list(json_t *object, enum rpc_trace_kind kind, const struct rpc_trace_list *list)
{
    if (list->count == 0)
        return;
    const char *name = rpc_trace_forms[kind].list;
    json_t *entries = json_array();
    for (size_t i = 0; i < rpc_trace_shown(list); i++)
        json_array_append_new(entries, entry_json(kind, &list->entries[i]));
    json_object_set_new(object, name, entries);
    if (list->count <= TRACE_ENTRIES_MAX)
        return;
    char left_out[32];
    snprintf(left_out, sizeof(left_out), "%s_left_out", name);
    set_count(object, left_out, list->count - TRACE_ENTRIES_MAX);
}

json_t *rpc_trace_json(const struct rpc_trace *trace)
{
    json_t *object = json_pack("{s:s, s:I, s:s, s:s, s:I}", "trace", "rpc", "time",
                               (json_int_t)trace->time_ms, "peer_id", trace->peer, "direction",
                               trace->out ? "out" : "in", "bytes", (json_int_t)trace->bytes);
    if (trace->dropped)
        json_object_set_new(object, "dropped", json_true());
    for (enum rpc_trace_kind kind = 0; kind < TRACE_KINDS; kind++)
        set_list(object, kind, &trace->lists[kind]);
    if (trace->malformed)
        json_object_set_new(object, "malformed", json_true());
    return object;
}

void rpc_trace_print_json(const struct traced_rpc *traced)
{
    struct rpc_trace trace;
    traced_rpc_read(traced, &trace);
    json_t *object = rpc_trace_json(&trace);
    char *text = json_dumps(object, JSON_COMPACT);
    line_writer_add(traced->context, bytes_of_text(text));
    free(text);
    json_decref(object);
}

static void say_lost_json(uint64_t count, struct buffer *line)
{
    char *text = text_format("{\"trace\":\"lost\",\"count\":%llu}", (unsigned long long)count);
    buffer_append_text(line, text);
    free(text);
}

static void say_lost_text(uint64_t count, struct buffer *line)
{
    char *text = text_format("rpc: %llu lines are lost: nobody has read them in time",
                             (unsigned long long)count);
    buffer_append_text(line, text);
    free(text);
}

struct line_writer *rpc_trace_writer(struct event_base *base, bool json)
{
    return line_writer_new(base, STDERR_FILENO, "--trace rpc",
                           json ? say_lost_json : say_lost_text);
}
