#include "common/rlp.h"

enum {
    STRING_BASE = 0x80, /* a byte below it stands for itself */
    LIST_BASE = 0xc0,
    SHORT_MAX = 55, /* a longer size has bytes of its own after the first */
    SIZE_BYTES = 8, /* at most */
};

/* Takes a big-endian number of COUNT bytes; false where some are missing or the first is 0. */
static bool take_size(struct bytes *input, size_t count, uint64_t *size)
{
    if (count > input->size || !rlp_number(bytes_of(input->data, count), size))
        return false;
    *input = bytes_after(*input, count);
    return true;
}

bool rlp_take(struct bytes *input, struct rlp_item *item, struct error *error)
{
    if (input->size == 0)
        return error_set(error, "RLP: ends where an item is expected");
    uint8_t first = input->data[0];
    struct bytes rest = first < STRING_BASE ? *input : bytes_after(*input, 1);
    item->is_list = first >= LIST_BASE;
    uint64_t size = first < STRING_BASE ? 1 : first - (item->is_list ? LIST_BASE : STRING_BASE);
    if (size > SHORT_MAX &&
        (!take_size(&rest, (size_t)size - SHORT_MAX, &size) || size <= SHORT_MAX))
        return error_set(error, "RLP: an item's size is cut off or not in its shortest form");
    if (size > rest.size)
        return error_set(error, "RLP: an item of %llu bytes where %zu are left",
                         (unsigned long long)size, rest.size);
    item->content = bytes_of(rest.data, (size_t)size);
    if (first == STRING_BASE + 1 && item->content.data[0] < STRING_BASE)
        return error_set(error, "RLP: a byte that stands for itself has a size before it");
    *input = bytes_after(rest, (size_t)size);
    return true;
}

bool rlp_take_string(struct bytes *input, struct bytes *string, struct error *error)
{
    struct rlp_item item = {0};
    if (!rlp_take(input, &item, error))
        return false;
    *string = item.content;
    return !item.is_list || error_set(error, "RLP: a list where a string is expected");
}

bool rlp_number(struct bytes string, uint64_t *number)
{
    if (string.size > sizeof(*number) || (string.size > 0 && string.data[0] == 0))
        return false;
    *number = 0;
    for (size_t i = 0; i < string.size; i++)
        *number = *number << 8 | string.data[i];
    return true;
}

static void append_size(struct buffer *output, uint8_t base, size_t size)
{
    if (size <= SHORT_MAX) {
        buffer_append_byte(output, (uint8_t)(base + size));
        return;
    }
    uint8_t bytes[SIZE_BYTES];
    size_t count = 0;
    for (; size > 0; size >>= 8)
        bytes[SIZE_BYTES - ++count] = (uint8_t)size;
    buffer_append_byte(output, (uint8_t)(base + SHORT_MAX + count));
    buffer_append(output, bytes + SIZE_BYTES - count, count);
}

void rlp_append_string(struct buffer *output, struct bytes string)
{
    if (string.size != 1 || string.data[0] >= STRING_BASE)
        append_size(output, STRING_BASE, string.size);
    buffer_append(output, string.data, string.size);
}

void rlp_append_list(struct buffer *output, struct bytes items)
{
    append_size(output, LIST_BASE, items.size);
    buffer_append(output, items.data, items.size);
}
