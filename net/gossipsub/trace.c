#include "net/gossipsub/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/gossipsub/message_id.h"
#include "net/gossipsub/payload.h"
#include "net/gossipsub/rpc.h"

/* ---- the object ---- */

static struct bytes view(const ProtobufCBinaryData *data)
{
    return bytes_of(data->data, data->len);
}

static json_t *safe_text(const ProtobufCBinaryData *data)
{
    struct bytes bytes = view(data);
    if (bytes.size > GOSSIPSUB_TOPIC_SIZE_MAX)
        bytes.size = GOSSIPSUB_TOPIC_SIZE_MAX;
    char *text = utf8_safe_text(bytes);
    json_t *string = json_string(text);
    free(text);
    return string;
}

static json_t *hex_string(struct bytes bytes)
{
    char *text = hex_text(bytes);
    json_t *string = json_string(text);
    free(text);
    return string;
}

static void add_ids(json_t *entry, const ProtobufCBinaryData *ids, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < TRACE_IDS_MAX; i++) {
        struct bytes id = view(&ids[i]);
        if (id.size > GOSSIPSUB_MESSAGE_ID_SIZE)
            id.size = GOSSIPSUB_MESSAGE_ID_SIZE;
        json_array_append_new(list, hex_string(id));
    }
    json_object_set_new(entry, "count", json_integer((json_int_t)count));
    json_object_set_new(entry, "ids", list);
}

static json_t *message_id_of(const Gossipsub__Message *message)
{
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    struct chunk *payload = payload_decompress(view(&message->data));
    gossipsub_message_id(view(&message->topic),
                         payload != NULL ? chunk_bytes(payload) : view(&message->data),
                         payload != NULL, id);
    chunk_unref(payload);
    return hex_string(bytes_of(id, sizeof(id)));
}

/* One function for each kind of entry, given the entry with index I of the list. */
typedef json_t *(*entry_writer)(void *const *list, size_t i);

static json_t *subscription_entry(void *const *list, size_t i)
{
    const Gossipsub__RPC__SubOpts *option = list[i];
    return json_pack("{s:o, s:b}", "topic", safe_text(&option->topic), "subscribe",
                     option->subscribe);
}

static json_t *message_entry(void *const *list, size_t i)
{
    const Gossipsub__Message *message = list[i];
    return json_pack("{s:o, s:o, s:I}", "topic", safe_text(&message->topic), "id",
                     message_id_of(message), "size", (json_int_t)message->data.len);
}

static json_t *ihave_entry(void *const *list, size_t i)
{
    const Gossipsub__ControlIHave *ihave = list[i];
    json_t *entry = json_pack("{s:o}", "topic", safe_text(&ihave->topic));
    add_ids(entry, ihave->message_ids, ihave->n_message_ids);
    return entry;
}

static json_t *iwant_entry(void *const *list, size_t i)
{
    const Gossipsub__ControlIWant *iwant = list[i];
    json_t *entry = json_object();
    add_ids(entry, iwant->message_ids, iwant->n_message_ids);
    return entry;
}

static json_t *graft_entry(void *const *list, size_t i)
{
    const Gossipsub__ControlGraft *graft = list[i];
    return json_pack("{s:o}", "topic", safe_text(&graft->topic));
}

static json_t *prune_entry(void *const *list, size_t i)
{
    const Gossipsub__ControlPrune *prune = list[i];
    json_t *entry = json_pack("{s:o}", "topic", safe_text(&prune->topic));
    uint64_t backoff = prune->backoff < INT64_MAX ? prune->backoff : INT64_MAX;
    if (prune->has_backoff)
        json_object_set_new(entry, "backoff", json_integer((json_int_t)backoff));
    if (prune->n_peers > 0)
        json_object_set_new(entry, "peers", json_integer((json_int_t)prune->n_peers));
    return entry;
}

static json_t *idontwant_entry(void *const *list, size_t i)
{
    const Gossipsub__ControlIDontWant *idontwant = list[i];
    json_t *entry = json_object();
    add_ids(entry, idontwant->message_ids, idontwant->n_message_ids);
    return entry;
}

static void add_list(json_t *object, const char *name, entry_writer write, void *list, size_t count)
{
    if (count == 0)
        return;
    json_t *entries = json_array();
    for (size_t i = 0; i < count && i < TRACE_ENTRIES_MAX; i++)
        json_array_append_new(entries, write(list, i));
    json_object_set_new(object, name, entries);
    if (count <= TRACE_ENTRIES_MAX)
        return;
    char left_out[32];
    snprintf(left_out, sizeof(left_out), "%s_left_out", name);
    json_object_set_new(object, left_out, json_integer((json_int_t)(count - TRACE_ENTRIES_MAX)));
}

static void add_rpc(json_t *object, const Gossipsub__RPC *rpc)
{
    add_list(object, "subscriptions", subscription_entry, rpc->subscriptions, rpc->n_subscriptions);
    add_list(object, "messages", message_entry, rpc->publish, rpc->n_publish);
    const Gossipsub__ControlMessage *control = rpc->control;
    if (control == NULL)
        return;
    add_list(object, "ihave", ihave_entry, control->ihave, control->n_ihave);
    add_list(object, "iwant", iwant_entry, control->iwant, control->n_iwant);
    add_list(object, "graft", graft_entry, control->graft, control->n_graft);
    add_list(object, "prune", prune_entry, control->prune, control->n_prune);
    add_list(object, "idontwant", idontwant_entry, control->idontwant, control->n_idontwant);
}

json_t *rpc_trace_json(const struct traced_rpc *traced)
{
    json_t *object = json_pack("{s:s, s:I, s:s, s:s, s:I}", "trace", "rpc", "time",
                               (json_int_t)clock_epoch_ms(), "peer_id", traced->peer, "direction",
                               traced->out ? "out" : "in", "bytes", (json_int_t)traced->rpc.size);
    if (traced->dropped)
        json_object_set_new(object, "dropped", json_true());
    struct arena arena = {0};
    const Gossipsub__RPC *rpc = rpc_decode(traced->rpc, &arena);
    if (rpc != NULL)
        add_rpc(object, rpc);
    else
        json_object_set_new(object, "malformed", json_true());
    arena_clear(&arena);
    return object;
}

/* ---- its text ---- */

static void append_integer(struct buffer *line, const char *before, const json_t *value,
                           const char *after)
{
    if (value == NULL)
        return;
    char *text = text_format("%s%lld%s", before, (long long)json_integer_value(value), after);
    buffer_append_text(line, text);
    free(text);
}

static void append_string(struct buffer *line, const json_t *value)
{
    if (value == NULL)
        return;
    buffer_append_text(line, " ");
    buffer_append_text(line, json_string_value(value));
}

static void append_ids(struct buffer *line, const json_t *entry)
{
    const json_t *count = json_object_get(entry, "count"), *ids = json_object_get(entry, "ids");
    append_integer(line, " ", count, json_integer_value(count) == 1 ? " id" : " ids");
    size_t i;
    const json_t *id;
    json_array_foreach(ids, i, id) append_string(line, id);
    if (json_integer_value(count) > (json_int_t)json_array_size(ids))
        buffer_append_text(line, " ...");
}

static void append_entry(struct buffer *line, const char *kind, const json_t *entry)
{
    const json_t *subscribe = json_object_get(entry, "subscribe");
    if (subscribe != NULL)
        kind = json_is_true(subscribe) ? "subscribe" : "unsubscribe";
    buffer_append_text(line, "; ");
    buffer_append_text(line, kind);
    append_string(line, json_object_get(entry, "topic"));
    append_string(line, json_object_get(entry, "id"));
    append_integer(line, " ", json_object_get(entry, "size"), " bytes");
    append_ids(line, entry);
    append_integer(line, " backoff ", json_object_get(entry, "backoff"), "s");
    append_integer(line, " peers ", json_object_get(entry, "peers"), "");
}

static void append_list(struct buffer *line, const json_t *object, const char *name,
                        const char *kind)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(json_object_get(object, name), i, entry) append_entry(line, kind, entry);
    char left_out[32];
    snprintf(left_out, sizeof(left_out), "%s_left_out", name);
    append_integer(line, "; and ", json_object_get(object, left_out), " more");
}

static void append_time(struct buffer *line, uint64_t epoch_ms)
{
    time_t seconds = (time_t)(epoch_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char *text = text_format("%02d:%02d:%02d.%03u", utc.tm_hour, utc.tm_min, utc.tm_sec,
                             (unsigned)(epoch_ms % 1000));
    buffer_append_text(line, text);
    free(text);
}

char *rpc_trace_text(const json_t *object)
{
    struct buffer line = {0};
    append_time(&line, (uint64_t)json_integer_value(json_object_get(object, "time")));
    buffer_append_text(&line, " rpc");
    append_string(&line, json_object_get(object, "direction"));
    append_string(&line, json_object_get(object, "peer_id"));
    append_integer(&line, " ", json_object_get(object, "bytes"), " bytes");
    if (json_object_get(object, "dropped") != NULL)
        buffer_append_text(&line, "; dropped");
    if (json_object_get(object, "malformed") != NULL)
        buffer_append_text(&line, "; malformed");
    append_list(&line, object, "subscriptions", "subscribe");
    append_list(&line, object, "messages", "message");
    append_list(&line, object, "ihave", "ihave");
    append_list(&line, object, "iwant", "iwant");
    append_list(&line, object, "graft", "graft");
    append_list(&line, object, "prune", "prune");
    append_list(&line, object, "idontwant", "idontwant");
    buffer_append_byte(&line, '\0');
    return (char *)line.data;
}

/* ---- printed ---- */

void rpc_trace_print_text(const struct traced_rpc *traced)
{
    json_t *object = rpc_trace_json(traced);
    char *text = rpc_trace_text(object);
    fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(object);
}

void rpc_trace_print_json(const struct traced_rpc *traced)
{
    json_t *object = rpc_trace_json(traced);
    char *text = json_dumps(object, JSON_COMPACT);
    fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(object);
}
