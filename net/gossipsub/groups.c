#include "net/gossipsub/groups.h"

#include "common/varint.h"
#include "net/gossipsub/rpc_reader.h"

enum wire_type { WIRE_VARINT, WIRE_FIXED64, WIRE_BYTES, WIRE_GROUP, WIRE_GROUP_END, WIRE_FIXED32 };

static bool take_varint(struct bytes *input, uint64_t *value)
{
    int size = varint_read(*input, value);
    if (size <= 0)
        return false;
    *input = bytes_after(*input, (size_t)size);
    return true;
}

static bool take(struct bytes *input, uint64_t size, struct bytes *taken)
{
    if (size > input->size)
        return false;
    *taken = bytes_of(input->data, (size_t)size);
    *input = bytes_after(*input, (size_t)size);
    return true;
}

/* What is behind the key of a field that is no group; of bytes without their length. */
static bool take_value(struct bytes *input, enum wire_type type, struct bytes *value)
{
    uint64_t size;
    const uint8_t *start = input->data;
    switch (type) {
    case WIRE_VARINT:
        if (!take_varint(input, &size))
            return false;
        *value = bytes_of(start, (size_t)(input->data - start));
        return true;
    case WIRE_FIXED64:
        return take(input, sizeof(uint64_t), value);
    case WIRE_FIXED32:
        return take(input, sizeof(uint32_t), value);
    case WIRE_BYTES:
        return take_varint(input, &size) && take(input, size, value);
    default:
        return false;
    }
}

/* Up to the end of the group NUMBER, whose beginning was taken. */
static bool skip_group(struct bytes *input, uint64_t number)
{
    uint64_t open[RPC_GROUP_DEPTH] = {number}, key;
    size_t depth = 1;
    while (depth > 0) {
        struct bytes value;
        if (!take_varint(input, &key))
            return false;
        enum wire_type type = key & 7;
        if (type == WIRE_GROUP) {
            if (depth == RPC_GROUP_DEPTH)
                return false;
            open[depth++] = key >> 3;
        } else if (type == WIRE_GROUP_END) {
            if (open[--depth] != key >> 3)
                return false;
        } else if (!take_value(input, type, &value)) {
            return false;
        }
    }
    return true;
}

static const ProtobufCMessageDescriptor *type_within(const ProtobufCMessageDescriptor *type,
                                                     uint64_t number)
{
    const ProtobufCFieldDescriptor *field =
        number <= UINT32_MAX ? protobuf_c_message_descriptor_get_field(type, (unsigned)number)
                             : NULL;
    return field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
}

/* Types do not hold themselves: so deep this goes and no deeper. */
// NOLINTNEXTLINE(misc-no-recursion)
static long copy_message(const ProtobufCMessageDescriptor *type, struct bytes message,
                         struct buffer *output)
{
    struct buffer copy = {0};
    long count = groups_drop(type, message, &copy);
    if (count >= 0) {
        varint_append(output, copy.size);
        buffer_append(output, copy.data, copy.size);
    }
    buffer_clear(&copy);
    return count;
}

// NOLINTNEXTLINE(misc-no-recursion)
long groups_drop(const ProtobufCMessageDescriptor *type, struct bytes message,
                 struct buffer *output)
{
    long count = 0;
    while (message.size > 0) {
        const uint8_t *start = message.data;
        uint64_t key;
        struct bytes value;
        if (!take_varint(&message, &key))
            return -1;
        if ((key & 7) == WIRE_GROUP) {
            if (!skip_group(&message, key >> 3))
                return -1;
            count++;
            continue;
        }
        if (!take_value(&message, key & 7, &value))
            return -1;
        const ProtobufCMessageDescriptor *within =
            (key & 7) == WIRE_BYTES ? type_within(type, key >> 3) : NULL;
        if (within == NULL) {
            buffer_append(output, start, (size_t)(message.data - start));
            continue;
        }
        varint_append(output, key);
        long inner = copy_message(within, value, output);
        if (inner < 0)
            return -1;
        count += inner;
    }
    return count;
}
