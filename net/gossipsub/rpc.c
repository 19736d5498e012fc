#include "net/gossipsub/rpc.h"

#include "common/varint.h"

static ProtobufCBinaryData binary(struct bytes view)
{
    /* protobuf-c reads and never writes what it packs. */
    return (ProtobufCBinaryData){.len = view.size, .data = (uint8_t *)view.data};
}

/*
 * Appends MESSAGE. The protobufs of two messages of one type, one after the other, are the protobuf
 * of both merged: so an RPC can be written entry by entry.
 */
static void append(struct buffer *buffer, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    protobuf_c_message_pack(message, buffer_extend(buffer, size));
}

/* The writer says what its RPC is worth from its first entry on. */
static void note_entry(struct rpc_writer *writer, bool is_gossip)
{
    bool empty = rpc_writer_size(writer) == 0;
    writer->gossip_only = is_gossip && (empty || writer->gossip_only);
}

void rpc_write_subscription(struct rpc_writer *writer, struct bytes topic, bool subscribe)
{
    Gossipsub__RPC__SubOpts subscription = GOSSIPSUB__RPC__SUB_OPTS__INIT;
    subscription.has_subscribe = true;
    subscription.subscribe = subscribe;
    subscription.has_topic = true;
    subscription.topic = binary(topic);
    Gossipsub__RPC rpc = GOSSIPSUB__RPC__INIT;
    rpc.n_subscriptions = 1;
    rpc.subscriptions = &(Gossipsub__RPC__SubOpts *){&subscription};
    note_entry(writer, false);
    append(&writer->subscriptions, &rpc.base);
}

void rpc_write_graft(struct rpc_writer *writer, struct bytes topic)
{
    Gossipsub__ControlGraft graft = GOSSIPSUB__CONTROL_GRAFT__INIT;
    graft.has_topic = true;
    graft.topic = binary(topic);
    Gossipsub__ControlMessage control = GOSSIPSUB__CONTROL_MESSAGE__INIT;
    control.n_graft = 1;
    control.graft = &(Gossipsub__ControlGraft *){&graft};
    note_entry(writer, false);
    append(&writer->control, &control.base);
    writer->has_graft = true;
}

void rpc_write_prune(struct rpc_writer *writer, struct bytes topic, uint64_t backoff_seconds)
{
    Gossipsub__ControlPrune prune = GOSSIPSUB__CONTROL_PRUNE__INIT;
    prune.has_topic = true;
    prune.topic = binary(topic);
    prune.has_backoff = backoff_seconds > 0;
    prune.backoff = backoff_seconds;
    Gossipsub__ControlMessage control = GOSSIPSUB__CONTROL_MESSAGE__INIT;
    control.n_prune = 1;
    control.prune = &(Gossipsub__ControlPrune *){&prune};
    note_entry(writer, false);
    append(&writer->control, &control.base);
}

static void list_ids(const struct bytes *ids, size_t count, ProtobufCBinaryData list[RPC_IDS_MAX])
{
    for (size_t i = 0; i < count; i++)
        list[i] = binary(ids[i]);
}

void rpc_write_ihave_of(struct rpc_writer *writer, struct bytes topic, const struct bytes *ids,
                        size_t count)
{
    ProtobufCBinaryData list[RPC_IDS_MAX];
    list_ids(ids, count, list);
    Gossipsub__ControlIHave ihave = GOSSIPSUB__CONTROL_IHAVE__INIT;
    ihave.has_topic = true;
    ihave.topic = binary(topic);
    ihave.n_message_ids = count;
    ihave.message_ids = list;
    Gossipsub__ControlMessage control = GOSSIPSUB__CONTROL_MESSAGE__INIT;
    control.n_ihave = 1;
    control.ihave = &(Gossipsub__ControlIHave *){&ihave};
    note_entry(writer, true);
    append(&writer->control, &control.base);
}

void rpc_write_iwant_of(struct rpc_writer *writer, const struct bytes *ids, size_t count)
{
    ProtobufCBinaryData list[RPC_IDS_MAX];
    list_ids(ids, count, list);
    Gossipsub__ControlIWant iwant = GOSSIPSUB__CONTROL_IWANT__INIT;
    iwant.n_message_ids = count;
    iwant.message_ids = list;
    Gossipsub__ControlMessage control = GOSSIPSUB__CONTROL_MESSAGE__INIT;
    control.n_iwant = 1;
    control.iwant = &(Gossipsub__ControlIWant *){&iwant};
    note_entry(writer, true);
    append(&writer->control, &control.base);
}

void rpc_write_idontwant_of(struct rpc_writer *writer, const struct bytes *ids, size_t count)
{
    ProtobufCBinaryData list[RPC_IDS_MAX];
    list_ids(ids, count, list);
    Gossipsub__ControlIDontWant idontwant = GOSSIPSUB__CONTROL_IDONT_WANT__INIT;
    idontwant.n_message_ids = count;
    idontwant.message_ids = list;
    Gossipsub__ControlMessage control = GOSSIPSUB__CONTROL_MESSAGE__INIT;
    control.n_idontwant = 1;
    control.idontwant = &(Gossipsub__ControlIDontWant *){&idontwant};
    note_entry(writer, true);
    append(&writer->control, &control.base);
}

enum { TAG_PUBLISH = 2 << 3 | 2, TAG_CONTROL = 3 << 3 | 2 }; /* RPC's, length-delimited */

/* Bytes that a length-delimited field with a one-byte tag takes. */
static size_t field_size(size_t content)
{
    return 1 + varint_size(content) + content;
}

size_t rpc_writer_size(const struct rpc_writer *writer)
{
    size_t control = writer->control.size;
    return writer->subscriptions.size + (control > 0 ? field_size(control) : 0);
}

struct chunk *rpc_writer_finish(struct rpc_writer *writer)
{
    size_t size = rpc_writer_size(writer);
    struct chunk *chunk = chunk_new_empty(varint_size(size) + size);
    uint8_t *end = chunk->data + varint_write(size, chunk->data);
    if (writer->subscriptions.size > 0)
        end = mempcpy(end, writer->subscriptions.data, writer->subscriptions.size);
    if (writer->control.size > 0) {
        *end++ = TAG_CONTROL;
        end += varint_write(writer->control.size, end);
        memcpy(end, writer->control.data, writer->control.size);
    }
    writer->subscriptions.size = 0;
    writer->control.size = 0;
    writer->has_graft = false;
    return chunk;
}

void rpc_writer_clear(struct rpc_writer *writer)
{
    buffer_clear(&writer->subscriptions);
    buffer_clear(&writer->control);
    *writer = (struct rpc_writer){0};
}

struct chunk *rpc_encode_message(struct bytes topic, struct bytes data)
{
    Gossipsub__Message message = GOSSIPSUB__MESSAGE__INIT;
    message.has_topic = topic.size > 0;
    message.topic = binary(topic);
    message.has_data = data.size > 0;
    message.data = binary(data);
    return rpc_encode_whole(&message);
}

struct chunk *rpc_encode_whole(const Gossipsub__Message *message)
{
    size_t message_size = gossipsub__message__get_packed_size(message);
    size_t size = field_size(message_size);
    if (size > GOSSIPSUB_RPC_SIZE_MAX)
        return NULL;
    struct chunk *chunk = chunk_new_empty(varint_size(size) + size);
    uint8_t *end = chunk->data + varint_write(size, chunk->data);
    *end++ = TAG_PUBLISH;
    end += varint_write(message_size, end);
    gossipsub__message__pack(message, end);
    return chunk;
}

struct bytes rpc_message_data(const struct chunk *rpc, struct bytes topic, size_t data_size)
{
    /* protobuf-c writes fields in the order of their numbers: the topic follows the data. */
    return bytes_of(rpc->data + rpc->size - field_size(topic.size) - data_size, data_size);
}
