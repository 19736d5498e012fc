#include "net/quic/der.h"

#include <assert.h>

/* A length below this is one byte; otherwise that byte is this and how many bytes follow. */
enum { LONG_FORM = 0x80, LENGTH_BYTES_MAX = 4 };

static bool take_length(struct bytes *input, size_t *length)
{
    if (input->size == 0)
        return false;
    uint8_t first = input->data[0];
    *input = bytes_after(*input, 1);
    *length = first;
    if (first < LONG_FORM)
        return true;

    size_t count = first - LONG_FORM;
    if (count == 0 || count > LENGTH_BYTES_MAX || count > input->size)
        return false;
    *length = 0;
    for (size_t i = 0; i < count; i++)
        *length = *length << 8 | input->data[i];
    bool shortest = input->data[0] != 0 && *length >= LONG_FORM;
    *input = bytes_after(*input, count);
    return shortest;
}

bool der_take(struct bytes *input, unsigned tag, struct der_value *value)
{
    struct bytes rest = *input;
    size_t length;
    if (rest.size == 0 || rest.data[0] != tag)
        return false;
    rest = bytes_after(rest, 1);
    if (!take_length(&rest, &length) || length > rest.size)
        return false;
    value->contents = bytes_of(rest.data, length);
    rest = bytes_after(rest, length);
    value->whole = bytes_of(input->data, (size_t)(rest.data - input->data));
    *input = rest;
    return true;
}

bool der_take_bits(struct bytes *input, struct bytes *bits)
{
    struct bytes rest = *input;
    struct der_value value;
    if (!der_take(&rest, DER_BIT_STRING, &value) || value.contents.size == 0 ||
        value.contents.data[0] != 0)
        return false;
    *bits = bytes_after(value.contents, 1);
    *input = rest;
    return true;
}

void der_append(struct buffer *output, unsigned tag, struct bytes contents)
{
    assert(contents.size <= UINT16_MAX);
    buffer_append_byte(output, (uint8_t)tag);
    if (contents.size > UINT8_MAX) {
        buffer_append_byte(output, LONG_FORM + 2);
        buffer_append_byte(output, (uint8_t)(contents.size >> 8));
    } else if (contents.size >= LONG_FORM) {
        buffer_append_byte(output, LONG_FORM + 1);
    }
    buffer_append_byte(output, (uint8_t)contents.size);
    buffer_append(output, contents.data, contents.size);
}
