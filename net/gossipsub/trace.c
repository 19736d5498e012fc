#include "net/gossipsub/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hex.h"
#include "common/utf8.h"
#include "net/gossipsub/message_id.h"
#include "net/gossipsub/payload.h"
#include "net/gossipsub/rpc.h"
#include "net/gossipsub/signing.h"

const struct rpc_trace_form rpc_trace_forms[TRACE_KINDS] = {
    [TRACE_SUBSCRIPTIONS] = {.list = "subscriptions", .name = "subscribe", .topic = true},
    [TRACE_MESSAGES] = {.list = "messages", .name = "message", .topic = true, .message = true},
    [TRACE_IHAVE] = {.list = "ihave", .name = "ihave", .topic = true, .ids = true},
    [TRACE_IWANT] = {.list = "iwant", .name = "iwant", .ids = true},
    [TRACE_GRAFT] = {.list = "graft", .name = "graft", .topic = true},
    [TRACE_PRUNE] = {.list = "prune", .name = "prune", .topic = true},
    [TRACE_IDONTWANT] = {.list = "idontwant", .name = "idontwant", .ids = true},
};

/* ---- read ---- */

static struct bytes view(const ProtobufCBinaryData *data)
{
    return bytes_of(data->data, data->len);
}

static struct bytes view_of_at_most(const ProtobufCBinaryData *data, size_t size)
{
    return bytes_of(data->data, data->len < size ? data->len : size);
}

static void read_topic(struct rpc_trace_entry *entry, const ProtobufCBinaryData *topic)
{
    entry->topic = view_of_at_most(topic, GOSSIPSUB_TOPIC_SIZE_MAX);
}

/* What of the entry's ids is in this slice of the RPC. */
static void read_ids(struct rpc_trace_entry *entry, const ProtobufCBinaryData *ids, size_t count)
{
    for (size_t i = 0; i < count && entry->id_count + i < TRACE_IDS_MAX; i++)
        entry->ids[entry->id_count + i] = view_of_at_most(&ids[i], GOSSIPSUB_WIRE_ID_SIZE_MAX);
    entry->id_count += count;
}

/* One function for each kind, given the protobuf of one of its entries. */
typedef void (*entry_reader)(struct rpc_trace_entry *entry, const void *protobuf);

static void read_subscription(struct rpc_trace_entry *entry, const void *protobuf)
{
    const Gossipsub__RPC__SubOpts *option = protobuf;
    read_topic(entry, &option->topic);
    entry->subscribe = option->subscribe;
}

static void read_message(struct rpc_trace_entry *entry, const void *protobuf)
{
    const Gossipsub__Message *message = protobuf;
    enum gossipsub_refusal refusal;
    read_topic(entry, &message->topic);
    entry->size = message->data.len;
    if (signing_id(message, &entry->id, &refusal))
        return;
    struct chunk *payload = payload_decompress(view(&message->data));
    entry->id.size = GOSSIPSUB_MESSAGE_ID_SIZE;
    gossipsub_message_id(view(&message->topic),
                         payload != NULL ? chunk_bytes(payload) : view(&message->data),
                         payload != NULL, entry->id.bytes);
    chunk_unref(payload);
}

static void read_ihave(struct rpc_trace_entry *entry, const void *protobuf)
{
    const Gossipsub__ControlIHave *ihave = protobuf;
    read_topic(entry, &ihave->topic);
    read_ids(entry, ihave->message_ids, ihave->n_message_ids);
}

static void read_iwant(struct rpc_trace_entry *entry, const void *protobuf)
{
    const Gossipsub__ControlIWant *iwant = protobuf;
    read_ids(entry, iwant->message_ids, iwant->n_message_ids);
}

static void read_graft(struct rpc_trace_entry *entry, const void *protobuf)
{
    const Gossipsub__ControlGraft *graft = protobuf;
    read_topic(entry, &graft->topic);
}

static void read_prune(struct rpc_trace_entry *entry, const void *protobuf)
{
    const Gossipsub__ControlPrune *prune = protobuf;
    read_topic(entry, &prune->topic);
    entry->has_backoff = prune->has_backoff;
    entry->backoff = prune->backoff < INT64_MAX ? prune->backoff : INT64_MAX;
    entry->peers = prune->n_peers;
}

static void read_idontwant(struct rpc_trace_entry *entry, const void *protobuf)
{
    const Gossipsub__ControlIDontWant *idontwant = protobuf;
    read_ids(entry, idontwant->message_ids, idontwant->n_message_ids);
}

static void read_list(struct rpc_trace_list *list, entry_reader read, void *protobufs, size_t count)
{
    void *const *each = protobufs;
    for (size_t i = 0; i < count; i++) {
        if (list->count < TRACE_ENTRIES_MAX)
            read(&list->entries[list->count], each[i]);
        list->count++;
    }
}

static void read_control(struct rpc_trace_list *lists, const Gossipsub__ControlMessage *control,
                         enum rpc_list continued)
{
    static const enum rpc_trace_kind kinds[] = {
        [RPC_IHAVE] = TRACE_IHAVE, [RPC_IWANT] = TRACE_IWANT, [RPC_IDONTWANT] = TRACE_IDONTWANT};
    if (continued != RPC_NO_LIST)
        lists[kinds[continued]].count--; /* its first one is read on */
    read_list(&lists[TRACE_IHAVE], read_ihave, control->ihave, control->n_ihave);
    read_list(&lists[TRACE_IWANT], read_iwant, control->iwant, control->n_iwant);
    read_list(&lists[TRACE_GRAFT], read_graft, control->graft, control->n_graft);
    read_list(&lists[TRACE_PRUNE], read_prune, control->prune, control->n_prune);
    read_list(&lists[TRACE_IDONTWANT], read_idontwant, control->idontwant, control->n_idontwant);
}

static void read_slice(void *context, const Gossipsub__RPC *slice, enum rpc_list continued)
{
    struct rpc_trace_list *lists = context;
    read_list(&lists[TRACE_SUBSCRIPTIONS], read_subscription, slice->subscriptions,
              slice->n_subscriptions);
    read_list(&lists[TRACE_MESSAGES], read_message, slice->publish, slice->n_publish);
    if (slice->control != NULL)
        read_control(lists, slice->control, continued);
}

void rpc_trace_read(struct rpc_trace *trace, struct bytes rpc)
{
    trace->bytes = rpc.size;
    if (!rpc_read_all(rpc, read_slice, trace->lists))
        trace->malformed = true;
}

size_t rpc_trace_shown(const struct rpc_trace_list *list)
{
    return list->count < TRACE_ENTRIES_MAX ? list->count : TRACE_ENTRIES_MAX;
}

size_t rpc_trace_ids_shown(const struct rpc_trace_entry *entry)
{
    return entry->id_count < TRACE_IDS_MAX ? entry->id_count : TRACE_IDS_MAX;
}

/* ---- as text ---- */

static void append_number(struct buffer *line, const char *before, uint64_t number,
                          const char *after)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    buffer_append_text(line, before);
    buffer_append_text(line, digits);
    buffer_append_text(line, after);
}

static void append_word(struct buffer *line, const char *word)
{
    buffer_append_byte(line, ' ');
    buffer_append_text(line, word);
}

static void append_id(struct buffer *line, struct bytes id)
{
    char digits[2 * GOSSIPSUB_WIRE_ID_SIZE_MAX + 1];
    hex_write(id, digits);
    append_word(line, digits);
}

static void append_topic(struct buffer *line, struct bytes topic)
{
    char *text = utf8_safe_text(topic);
    append_word(line, text);
    free(text);
}

static void append_ids(struct buffer *line, const struct rpc_trace_entry *entry)
{
    append_number(line, " ", entry->id_count, entry->id_count == 1 ? " id" : " ids");
    for (size_t i = 0; i < rpc_trace_ids_shown(entry); i++)
        append_id(line, entry->ids[i]);
    if (entry->id_count > TRACE_IDS_MAX)
        buffer_append_text(line, " ...");
}

static void append_entry(struct buffer *line, enum rpc_trace_kind kind,
                         const struct rpc_trace_entry *entry)
{
    const struct rpc_trace_form *form = &rpc_trace_forms[kind];
    bool off = kind == TRACE_SUBSCRIPTIONS && !entry->subscribe;
    buffer_append_text(line, "; ");
    buffer_append_text(line, off ? "unsubscribe" : form->name);
    if (form->topic)
        append_topic(line, entry->topic);
    if (form->message) {
        append_id(line, bytes_of(entry->id.bytes, entry->id.size));
        append_number(line, " ", entry->size, " bytes");
    }
    if (form->ids)
        append_ids(line, entry);
    if (entry->has_backoff)
        append_number(line, " backoff ", entry->backoff, "s");
    if (entry->peers > 0)
        append_number(line, " peers ", entry->peers, "");
}

static void append_list(struct buffer *line, enum rpc_trace_kind kind,
                        const struct rpc_trace_list *list)
{
    for (size_t i = 0; i < rpc_trace_shown(list); i++)
        append_entry(line, kind, &list->entries[i]);
    if (list->count > TRACE_ENTRIES_MAX)
        append_number(line, "; and ", list->count - TRACE_ENTRIES_MAX, " more");
}

static void append_time(struct buffer *line, uint64_t epoch_ms)
{
    char text[sizeof("00:00:00.000")];
    unsigned milliseconds = (unsigned)(epoch_ms % (24 * 60 * 60 * 1000));
    unsigned seconds = milliseconds / 1000, minutes = seconds / 60;
    snprintf(text, sizeof(text), "%02u:%02u:%02u.%03u", minutes / 60 % 24, minutes % 60,
             seconds % 60, milliseconds % 1000);
    buffer_append_text(line, text);
}

void rpc_trace_text(const struct rpc_trace *trace, struct buffer *line)
{
    append_time(line, trace->time_ms);
    buffer_append_text(line, trace->out ? " rpc out" : " rpc in");
    append_word(line, trace->peer);
    append_number(line, " ", trace->bytes, " bytes");
    if (trace->dropped)
        buffer_append_text(line, "; dropped");
    if (trace->malformed)
        buffer_append_text(line, "; malformed");
    for (enum rpc_trace_kind kind = 0; kind < TRACE_KINDS; kind++)
        append_list(line, kind, &trace->lists[kind]);
}
