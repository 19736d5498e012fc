#include "common/varint.h"

int varint_read(struct bytes input, uint64_t *value)
{
    uint64_t result = 0;
    for (size_t i = 0; i < VARINT_SIZE_MAX; i++) {
        if (i == input.size)
            return 0;
        uint8_t byte = input.data[i];
        if (i == VARINT_SIZE_MAX - 1 && byte > 1)
            return -1;
        result |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *value = result;
            return (int)i + 1;
        }
    }
    return -1;
}

size_t varint_write(uint64_t value, uint8_t *output)
{
    size_t size = 0;
    while (value >= 0x80) {
        output[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    output[size++] = (uint8_t)value;
    return size;
}

size_t varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >>= 7)
        size++;
    return size;
}

void varint_append(struct buffer *buffer, uint64_t value)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    buffer_append(buffer, bytes, varint_write(value, bytes));
}
