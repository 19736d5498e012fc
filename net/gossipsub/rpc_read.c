/* RPCs read slice by slice. */
#include "common/varint.h"
#include "net/gossipsub/rpc.h"
#include "net/gossipsub/wire_type.h"

enum kind {
    KIND_RPC,
    KIND_CONTROL,
    KIND_SUBSCRIPTION,
    KIND_MESSAGE,
    KIND_IHAVE,
    KIND_IWANT,
    KIND_IDONTWANT,
    KIND_GRAFT,
    KIND_PRUNE,
    KIND_PEER_INFO,
    KINDS,
};

/* What a field is: nothing that we know, a value, or a message of a kind. */
enum { NOTHING, NUMBER, BYTES, ID, MESSAGE_OF };

/* rpc.proto: what each field of each message is. */
static const uint8_t fields[KINDS][RPC_READER_FIELDS] = {
    [KIND_RPC] = {[1] = MESSAGE_OF + KIND_SUBSCRIPTION,
                  [2] = MESSAGE_OF + KIND_MESSAGE,
                  [3] = MESSAGE_OF + KIND_CONTROL},
    [KIND_CONTROL] = {[1] = MESSAGE_OF + KIND_IHAVE,
                      [2] = MESSAGE_OF + KIND_IWANT,
                      [3] = MESSAGE_OF + KIND_GRAFT,
                      [4] = MESSAGE_OF + KIND_PRUNE,
                      [5] = MESSAGE_OF + KIND_IDONTWANT},
    [KIND_SUBSCRIPTION] = {[1] = NUMBER, [2] = BYTES},
    [KIND_MESSAGE] = {[1] = BYTES, BYTES, BYTES, BYTES, BYTES, BYTES},
    [KIND_IHAVE] = {[1] = BYTES, [2] = ID},
    [KIND_IWANT] = {[1] = ID},
    [KIND_IDONTWANT] = {[1] = ID},
    [KIND_GRAFT] = {[1] = BYTES},
    [KIND_PRUNE] = {[1] = BYTES, [2] = MESSAGE_OF + KIND_PEER_INFO, [3] = NUMBER},
    [KIND_PEER_INFO] = {[1] = BYTES, [2] = BYTES},
};

/* One call of rpc_read. */
struct reading {
    struct rpc_reader *reader;
    struct bytes rpc;
    struct arena *arena;
    Gossipsub__RPC *slice;
    unsigned fields, entries, ids;
    size_t data;
    /* Of the list that is being read, its ids in this slice; NULL: there are none yet. */
    size_t *id_count;
    ProtobufCBinaryData **id_items;
};

/* ---- a slice is filled ---- */

/* With room for one item more, in an array whose capacity is 4 or the next power of two. */
static void *with_room(struct arena *arena, void *items, size_t count, size_t size)
{
    enum { FIRST = 4 };
    if (count > 0 && (count < FIRST || (count & (count - 1)) != 0))
        return items;
    void *more = arena_take(arena, (count > 0 ? 2 * count : FIRST) * size);
    if (count > 0)
        memcpy(more, items, count * size);
    return more;
}

/* Appends a copy of INITIAL to the array of pointers ITEMS and gives its place. */
#define APPEND(reading, type, items, count, initial)                                               \
    ({                                                                                             \
        type *entry_ = arena_take((reading)->arena, sizeof(type));                                 \
        *entry_ = (type)initial;                                                                   \
        (items) = with_room((reading)->arena, (items), (count), sizeof(*(items)));                 \
        (items)[(count)++] = entry_;                                                               \
        entry_;                                                                                    \
    })

static ProtobufCBinaryData value(const struct reading *reading, unsigned field)
{
    const struct rpc_span *span = &reading->reader->values[field];
    /* What reads a slice does not write to it. */
    return (ProtobufCBinaryData){.len = span->size,
                                 .data = (uint8_t *)reading->rpc.data + span->at};
}

static bool has(const struct reading *reading, unsigned field)
{
    return (reading->reader->has >> field & 1) != 0;
}

/* Into `has_NAME` and `NAME` of ENTRY. */
#define SET_BYTES(reading, entry, name, field)                                                     \
    do {                                                                                           \
        if (has(reading, field)) {                                                                 \
            (entry)->has_##name = true;                                                            \
            (entry)->name = value(reading, field);                                                 \
        }                                                                                          \
    } while (false)

static Gossipsub__ControlMessage *control_of(struct reading *reading)
{
    Gossipsub__RPC *slice = reading->slice;
    if (slice->control == NULL) {
        slice->control = arena_take(reading->arena, sizeof(*slice->control));
        *slice->control = (Gossipsub__ControlMessage)GOSSIPSUB__CONTROL_MESSAGE__INIT;
    }
    return slice->control;
}

static void add_subscription(struct reading *reading)
{
    Gossipsub__RPC *slice = reading->slice;
    Gossipsub__RPC__SubOpts *option =
        APPEND(reading, Gossipsub__RPC__SubOpts, slice->subscriptions, slice->n_subscriptions,
               GOSSIPSUB__RPC__SUB_OPTS__INIT);
    option->has_subscribe = has(reading, 1);
    option->subscribe = option->has_subscribe && reading->reader->number != 0;
    SET_BYTES(reading, option, topic, 2);
}

static void add_message(struct reading *reading)
{
    Gossipsub__RPC *slice = reading->slice;
    Gossipsub__Message *message = APPEND(reading, Gossipsub__Message, slice->publish,
                                         slice->n_publish, GOSSIPSUB__MESSAGE__INIT);
    SET_BYTES(reading, message, from, 1);
    SET_BYTES(reading, message, data, 2);
    SET_BYTES(reading, message, seqno, 3);
    SET_BYTES(reading, message, topic, 4);
    SET_BYTES(reading, message, signature, 5);
    SET_BYTES(reading, message, key, 6);
    reading->data += message->data.len;
}

static void add_graft(struct reading *reading)
{
    Gossipsub__ControlMessage *control = control_of(reading);
    Gossipsub__ControlGraft *graft = APPEND(reading, Gossipsub__ControlGraft, control->graft,
                                            control->n_graft, GOSSIPSUB__CONTROL_GRAFT__INIT);
    SET_BYTES(reading, graft, topic, 1);
}

static void add_prune(struct reading *reading)
{
    Gossipsub__ControlMessage *control = control_of(reading);
    Gossipsub__ControlPrune *prune = APPEND(reading, Gossipsub__ControlPrune, control->prune,
                                            control->n_prune, GOSSIPSUB__CONTROL_PRUNE__INIT);
    SET_BYTES(reading, prune, topic, 1);
    prune->has_backoff = has(reading, 3);
    prune->backoff = prune->has_backoff ? reading->reader->number : 0;
    prune->n_peers = reading->reader->peers;
}

/* An entry with ids, or with more ids of the same list. */
static void begin_list(struct reading *reading, enum kind kind)
{
    static const enum rpc_list lists[KINDS] = {
        [KIND_IHAVE] = RPC_IHAVE, [KIND_IWANT] = RPC_IWANT, [KIND_IDONTWANT] = RPC_IDONTWANT};
    if (reading->reader->list_begun)
        reading->reader->continued = lists[kind];
    Gossipsub__ControlMessage *control = control_of(reading);
    if (kind == KIND_IHAVE) {
        Gossipsub__ControlIHave *ihave = APPEND(reading, Gossipsub__ControlIHave, control->ihave,
                                                control->n_ihave, GOSSIPSUB__CONTROL_IHAVE__INIT);
        SET_BYTES(reading, ihave, topic, 1);
        reading->id_count = &ihave->n_message_ids;
        reading->id_items = &ihave->message_ids;
    } else if (kind == KIND_IWANT) {
        Gossipsub__ControlIWant *iwant = APPEND(reading, Gossipsub__ControlIWant, control->iwant,
                                                control->n_iwant, GOSSIPSUB__CONTROL_IWANT__INIT);
        reading->id_count = &iwant->n_message_ids;
        reading->id_items = &iwant->message_ids;
    } else {
        Gossipsub__ControlIDontWant *idontwant =
            APPEND(reading, Gossipsub__ControlIDontWant, control->idontwant, control->n_idontwant,
                   GOSSIPSUB__CONTROL_IDONT_WANT__INIT);
        reading->id_count = &idontwant->n_message_ids;
        reading->id_items = &idontwant->message_ids;
    }
    reading->reader->list_begun = true;
    reading->entries++;
}

static void add_id(struct reading *reading, enum kind kind, struct rpc_span span)
{
    if (reading->id_count == NULL)
        begin_list(reading, kind);
    *reading->id_items = with_room(reading->arena, *reading->id_items, *reading->id_count,
                                   sizeof(**reading->id_items));
    (*reading->id_items)[(*reading->id_count)++] =
        (ProtobufCBinaryData){.len = span.size, .data = (uint8_t *)reading->rpc.data + span.at};
    reading->ids++;
}

static bool is_list(enum kind kind)
{
    return kind == KIND_IHAVE || kind == KIND_IWANT || kind == KIND_IDONTWANT;
}

/* The message of KIND has been read to its end. */
static void add_entry(struct reading *reading, enum kind kind)
{
    static void (*const adders[KINDS])(struct reading *) = {[KIND_SUBSCRIPTION] = add_subscription,
                                                            [KIND_MESSAGE] = add_message,
                                                            [KIND_GRAFT] = add_graft,
                                                            [KIND_PRUNE] = add_prune};
    if (adders[kind] != NULL) {
        adders[kind](reading);
        reading->entries++;
    } else if (is_list(kind) && !reading->reader->list_begun) {
        begin_list(reading, kind);
    }
    if (is_list(kind))
        reading->id_count = NULL;
}

/* ---- the walk ---- */

static void open_message(struct rpc_reader *reader, enum kind kind, struct rpc_span span)
{
    reader->open[reader->depth].kind = kind;
    reader->open[reader->depth].begin = span.at;
    reader->open[reader->depth].end = span.at + span.size;
    reader->depth++;
    reader->at = span.at;
    if (kind == KIND_PEER_INFO)
        return; /* part of a PRUNE */
    reader->has = 0;
    reader->peers = 0;
    reader->list_begun = false;
    reader->seeking = reader->valid && kind == KIND_IHAVE;
}

/* The innermost message is over. */
static void close_message(struct reading *reading)
{
    struct rpc_reader *reader = reading->reader;
    enum kind kind = reader->open[reader->depth - 1].kind;
    if (reader->seeking) {
        reader->seeking = false;
        reader->at = reader->open[reader->depth - 1].begin;
        return;
    }
    if (kind == KIND_PEER_INFO)
        reader->peers++;
    else if (reader->valid)
        add_entry(reading, kind);
    reader->depth--;
}

/* Takes a varint in front of END; false where there is none. */
static bool take_varint(struct reading *reading, size_t end, uint64_t *number)
{
    struct rpc_reader *reader = reading->reader;
    int size = varint_read(bytes_of(reading->rpc.data + reader->at, end - reader->at), number);
    if (size <= 0)
        return false;
    reader->at += (size_t)size;
    return true;
}

/* Takes a field's value; SPAN is that of WIRE_BYTES, NUMBER that of WIRE_VARINT. */
static bool take_value(struct reading *reading, enum wire_type wire, size_t end,
                       struct rpc_span *span, uint64_t *number)
{
    struct rpc_reader *reader = reading->reader;
    uint64_t size = 0;
    if (wire == WIRE_VARINT)
        return take_varint(reading, end, number);
    if (wire == WIRE_BYTES && !take_varint(reading, end, &size))
        return false;
    if (wire == WIRE_FIXED64)
        size = sizeof(uint64_t);
    else if (wire == WIRE_FIXED32)
        size = sizeof(uint32_t);
    else if (wire != WIRE_BYTES)
        return false;
    if (size > end - reader->at)
        return false;
    *span = (struct rpc_span){.at = reader->at, .size = (size_t)size};
    reader->at += (size_t)size;
    return true;
}

/* A field of the innermost message; false where its wire type is another's. */
static bool note_field(struct reading *reading, unsigned field, enum wire_type wire,
                       struct rpc_span span, uint64_t number)
{
    struct rpc_reader *reader = reading->reader;
    enum kind kind = reader->open[reader->depth - 1].kind;
    uint8_t what = fields[kind][field];
    if (wire != (what == NUMBER ? WIRE_VARINT : WIRE_BYTES))
        return false;
    if (what >= MESSAGE_OF) {
        open_message(reader, (enum kind)(what - MESSAGE_OF), span);
        return true;
    }
    if (!reader->valid || kind == KIND_PEER_INFO)
        return true;
    if (what == ID && !reader->seeking)
        add_id(reading, kind, span);
    /* An IHAVE's topic is the last one, which was sought. */
    if (what == ID || (kind == KIND_IHAVE && !reader->seeking))
        return true;
    reader->has |= (uint8_t)(1U << field);
    if (what == NUMBER)
        reader->number = number;
    else
        reader->values[field] = span;
    return true;
}

static bool open_group(struct rpc_reader *reader, uint32_t field)
{
    if (reader->group_depth == RPC_GROUP_DEPTH)
        return false;
    reader->groups[reader->group_depth++] = field;
    return true;
}

static bool close_group(struct rpc_reader *reader, uint32_t field)
{
    return reader->group_depth > 0 && reader->groups[--reader->group_depth] == field;
}

/* One field of the innermost message; false where the RPC is malformed. */
static bool read_field(struct reading *reading)
{
    struct rpc_reader *reader = reading->reader;
    enum { FIELD_MAX = (1 << 29) - 1 };
    size_t end = reader->open[reader->depth - 1].end;
    uint64_t tag;
    if (!take_varint(reading, end, &tag) || tag >> WIRE_BITS == 0 || tag >> WIRE_BITS > FIELD_MAX)
        return false;
    enum wire_type wire = (enum wire_type)(tag & WIRE_MASK);
    uint64_t field = tag >> WIRE_BITS;
    if (wire == WIRE_GROUP)
        return open_group(reader, (uint32_t)field);
    if (wire == WIRE_GROUP_END)
        return close_group(reader, (uint32_t)field);
    struct rpc_span span = {0};
    uint64_t number = 0;
    if (!take_value(reading, wire, end, &span, &number))
        return false;
    enum kind kind = reader->open[reader->depth - 1].kind;
    bool known =
        reader->group_depth == 0 && field < RPC_READER_FIELDS && fields[kind][field] != NOTHING;
    return !known || note_field(reading, (unsigned)field, wire, span, number);
}

static bool is_full(const struct reading *reading)
{
    return reading->fields >= RPC_SLICE_FIELDS || reading->entries >= RPC_SLICE_ENTRIES ||
           reading->ids >= RPC_SLICE_IDS || reading->data >= RPC_SLICE_DATA;
}

/* A field, or the end of a message. */
static bool read_step(struct reading *reading)
{
    struct rpc_reader *reader = reading->reader;
    reading->fields++;
    if (reader->at < reader->open[reader->depth - 1].end)
        return read_field(reading);
    if (reader->group_depth > 0)
        return false;
    close_message(reading);
    return true;
}

enum rpc_read rpc_read(struct rpc_reader *reader, struct bytes rpc, struct arena *arena,
                       Gossipsub__RPC *slice)
{
    struct reading reading = {.reader = reader, .rpc = rpc, .arena = arena, .slice = slice};
    const struct rpc_span whole = {.size = rpc.size};
    *slice = (Gossipsub__RPC)GOSSIPSUB__RPC__INIT;
    if (rpc.size > GOSSIPSUB_RPC_SIZE_MAX)
        return RPC_READ_MALFORMED;
    arena_reset(arena, RPC_SLICE_MEMORY);
    reader->continued = RPC_NO_LIST;
    if (reader->depth == 0)
        open_message(reader, KIND_RPC, whole);
    while (!is_full(&reading)) {
        if (!read_step(&reading))
            return RPC_READ_MALFORMED;
        if (reader->depth > 0)
            continue;
        if (reader->valid)
            return RPC_READ_END;
        reader->valid = true;
        open_message(reader, KIND_RPC, whole);
    }
    return RPC_READ_MORE;
}

bool rpc_read_all(struct bytes rpc, rpc_slice_told *told, void *context)
{
    struct arena arena = {0};
    struct rpc_reader reader = {0};
    Gossipsub__RPC slice;
    enum rpc_read read;
    do {
        read = rpc_read(&reader, rpc, &arena, &slice);
        if (read != RPC_READ_MALFORMED)
            told(context, &slice, reader.continued);
    } while (read == RPC_READ_MORE);
    arena_clear(&arena);
    return read != RPC_READ_MALFORMED;
}
