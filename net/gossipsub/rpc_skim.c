#include "net/gossipsub/rpc_skim.h"

#include <string.h>

#include "common/varint.h"
#include "net/gossipsub/wire_type.h"

/* Fields of RPC and Message: rpc.proto. */
enum {
    FIELD_PUBLISH = 2,
    MESSAGE_FROM = 1,
    MESSAGE_DATA = 2,
    MESSAGE_SEQNO = 3,
    MESSAGE_SIGNATURE = 5,
    MESSAGE_KEY = 6,
};

static void keep(struct rpc_skim *skim, struct bytes data)
{
    struct buffer *to = skim->in_message ? &skim->message : &skim->kept;
    if (skim->rpc.cut || skim->kept.size + skim->message.size + data.size > RPC_SKIM_MAX) {
        skim->rpc.cut = true;
        return;
    }
    buffer_append(to, data.data, data.size);
}

static void keep_number(struct rpc_skim *skim, uint64_t number)
{
    uint8_t text[VARINT_SIZE_MAX];
    keep(skim, bytes_of(text, varint_write(number, text)));
}

static void keep_tag(struct rpc_skim *skim, enum wire_type type)
{
    keep_number(skim, skim->field << WIRE_BITS | type);
}

/* Of what is left of the RPC, and of the message that is read. */
static bool take(struct rpc_skim *skim, uint64_t size)
{
    if (size > skim->rpc_left || (skim->in_message && size > skim->message_left))
        return false;
    skim->rpc_left -= size;
    if (skim->in_message)
        skim->message_left -= size;
    return true;
}

static void end_rpc(struct rpc_skim *skim, rpc_skim_told *told, void *context)
{
    size_t size = skim->rpc.cut ? skim->whole : skim->kept.size;
    skim->rpc.rpc = bytes_of(skim->kept.data, skim->rpc.malformed ? 0 : size);
    told(context, &skim->rpc);
    skim->rpc = (struct skimmed_rpc){.at = skim->read};
    buffer_clear(&skim->kept);
    buffer_clear(&skim->message);
    skim->whole = 0;
    skim->in_message = false;
    skim->state = RPC_SKIM_SIZE;
}

static void end_message(struct rpc_skim *skim)
{
    struct skimmed_rpc *rpc = &skim->rpc;
    skim->in_message = false;
    if (!rpc->cut) {
        struct buffer message = skim->message;
        skim->message = (struct buffer){0};
        skim->field = FIELD_PUBLISH;
        keep_tag(skim, WIRE_BYTES);
        keep_number(skim, message.size);
        keep(skim, buffer_bytes(&message));
        buffer_clear(&message);
    }
    if (rpc->message_count < TRACE_ENTRIES_MAX) {
        rpc->data_sizes[rpc->message_count] = skim->data_size;
        rpc->left_out[rpc->message_count] = skim->data_left_out;
    }
    rpc->message_count++;
    rpc->signed_count += skim->is_signed;
    if (skim->data_size > rpc->largest_data)
        rpc->largest_data = skim->data_size;
}

/* A field has ended, or a length that was nothing. */
static void go_on(struct rpc_skim *skim, rpc_skim_told *told, void *context)
{
    skim->state = RPC_SKIM_TAG;
    if (skim->in_message && skim->message_left == 0)
        end_message(skim);
    if (!skim->in_message && !skim->rpc.cut)
        skim->whole = skim->kept.size;
    if (skim->rpc_left == 0)
        end_rpc(skim, told, context);
}

/* What follows of it is passed over. */
static void give_up(struct rpc_skim *skim, rpc_skim_told *told, void *context)
{
    skim->rpc.malformed = true;
    skim->state = RPC_SKIM_REST;
    skim->head_size = 0;
    if (skim->rpc_left == 0)
        end_rpc(skim, told, context);
}

static void begin_rpc(struct rpc_skim *skim, uint64_t size, rpc_skim_told *told, void *context)
{
    skim->rpc.size = skim->rpc_left = size;
    go_on(skim, told, context);
}

static bool begin_field(struct rpc_skim *skim, uint64_t tag)
{
    enum wire_type type = tag & WIRE_MASK;
    skim->field = tag >> WIRE_BITS;
    if (skim->field == 0 || type > WIRE_FIXED32)
        return false;
    if (type == WIRE_BYTES) {
        skim->state = RPC_SKIM_LENGTH;
        return true;
    }
    keep_tag(skim, type);
    skim->body_left = type == WIRE_FIXED64 ? 8 : type == WIRE_FIXED32 ? 4 : 0;
    skim->keeps_body = true;
    skim->state = type == WIRE_VARINT ? RPC_SKIM_NUMBER : RPC_SKIM_BODY;
    return true;
}

static void begin_message(struct rpc_skim *skim, uint64_t size)
{
    buffer_clear(&skim->message);
    skim->in_message = true;
    skim->message_left = size;
    skim->is_signed = skim->data_left_out = false;
    skim->data_size = 0;
    skim->body_left = 0;
}

static void begin_bytes(struct rpc_skim *skim, uint64_t size)
{
    bool is_data = skim->in_message && skim->field == MESSAGE_DATA;
    skim->state = RPC_SKIM_BODY;
    skim->body_left = size;
    skim->keeps_body = true;
    if (!skim->in_message && skim->field == FIELD_PUBLISH) {
        begin_message(skim, size);
        return;
    }
    if (skim->in_message)
        skim->is_signed |= skim->field == MESSAGE_FROM || skim->field == MESSAGE_SEQNO ||
                           skim->field == MESSAGE_SIGNATURE || skim->field == MESSAGE_KEY;
    if (is_data) {
        skim->data_size = size;
        skim->data_left_out = size > RPC_SKIM_DATA_MAX;
        skim->keeps_body = !skim->data_left_out;
    }
    if (skim->keeps_body) {
        keep_tag(skim, WIRE_BYTES);
        keep_number(skim, size);
    }
}

static bool fits(const struct rpc_skim *skim, uint64_t size)
{
    return size <= skim->rpc_left && (!skim->in_message || size <= skim->message_left);
}

/* A whole varint. */
static void read_number(struct rpc_skim *skim, uint64_t number, rpc_skim_told *told, void *context)
{
    enum rpc_skim_state state = skim->state;
    if (state == RPC_SKIM_SIZE) {
        begin_rpc(skim, number, told, context);
    } else if (state == RPC_SKIM_TAG) {
        if (!begin_field(skim, number))
            give_up(skim, told, context);
        else if (skim->state == RPC_SKIM_BODY && skim->body_left == 0)
            go_on(skim, told, context); /* a group's begin or end */
        else if (skim->state == RPC_SKIM_BODY && !fits(skim, skim->body_left))
            give_up(skim, told, context);
    } else if (state == RPC_SKIM_NUMBER) {
        keep_number(skim, number);
        go_on(skim, told, context);
    } else if (!fits(skim, number)) {
        give_up(skim, told, context);
    } else {
        begin_bytes(skim, number);
        if (skim->body_left == 0)
            go_on(skim, told, context);
    }
}

/* How many bytes of DATA were taken: one, of a varint. */
static size_t read_head(struct rpc_skim *skim, struct bytes data, rpc_skim_told *told,
                        void *context)
{
    uint64_t number;
    bool within = skim->state != RPC_SKIM_SIZE;
    if (within && !take(skim, 1)) {
        give_up(skim, told, context);
        return 0;
    }
    skim->head[skim->head_size++] = data.data[0];
    skim->read++;
    int size = varint_read(bytes_of(skim->head, skim->head_size), &number);
    if (size == 0 && within && !fits(skim, 1))
        give_up(skim, told, context);
    if (size == 0)
        return 1;
    skim->head_size = 0;
    if (size > 0)
        read_number(skim, number, told, context);
    else if (within)
        give_up(skim, told, context);
    else
        skim->state = RPC_SKIM_LOST;
    if (skim->state == RPC_SKIM_LOST) {
        skim->rpc.malformed = true;
        told(context, &skim->rpc);
    }
    return 1;
}

static size_t at_most(struct bytes data, uint64_t size)
{
    return data.size < size ? data.size : (size_t)size;
}

static size_t read_body(struct rpc_skim *skim, struct bytes data, rpc_skim_told *told,
                        void *context)
{
    size_t size = at_most(data, skim->body_left);
    if (skim->keeps_body)
        keep(skim, bytes_of(data.data, size));
    take(skim, size);
    skim->read += size;
    skim->body_left -= size;
    if (skim->body_left == 0)
        go_on(skim, told, context);
    return size;
}

static size_t read_rest(struct rpc_skim *skim, struct bytes data, rpc_skim_told *told,
                        void *context)
{
    size_t size = at_most(data, skim->rpc_left);
    skim->rpc_left -= size;
    skim->read += size;
    if (skim->rpc_left == 0)
        end_rpc(skim, told, context);
    return size;
}

void rpc_skim(struct rpc_skim *skim, struct bytes data, rpc_skim_told *told, void *context)
{
    while (data.size > 0) {
        size_t taken = data.size;
        if (skim->state == RPC_SKIM_BODY)
            taken = read_body(skim, data, told, context);
        else if (skim->state == RPC_SKIM_REST)
            taken = read_rest(skim, data, told, context);
        else if (skim->state != RPC_SKIM_LOST)
            taken = read_head(skim, data, told, context);
        else
            skim->read += taken;
        data = bytes_of(data.data + taken, data.size - taken);
    }
}

bool rpc_skim_is_within(const struct rpc_skim *skim)
{
    return skim->state != RPC_SKIM_SIZE || skim->head_size > 0;
}

uint64_t rpc_skim_announced(const struct rpc_skim *skim)
{
    return rpc_skim_is_within(skim) ? skim->rpc.size : 0;
}

void rpc_skim_clear(struct rpc_skim *skim)
{
    buffer_clear(&skim->kept);
    buffer_clear(&skim->message);
    *skim = (struct rpc_skim){0};
}

void rpc_skim_trace(const struct skimmed_rpc *skimmed, struct rpc_trace *trace)
{
    struct rpc_trace_list *messages = &trace->lists[TRACE_MESSAGES];
    if (skimmed->malformed)
        trace->malformed = true;
    else
        rpc_trace_read(trace, skimmed->rpc);
    trace->bytes = (size_t)skimmed->size;
    for (size_t i = 0; i < rpc_trace_shown(messages) && i < skimmed->message_count; i++) {
        messages->entries[i].size = (size_t)skimmed->data_sizes[i];
        if (skimmed->left_out[i])
            messages->entries[i].id = (struct gossipsub_wire_id){0};
    }
}
