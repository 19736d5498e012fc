#include "common/buffer.h"

#include <stdlib.h>

#include "common/memory.h"

uint8_t *buffer_extend(struct buffer *buffer, size_t size)
{
    if (buffer->capacity - buffer->size < size) {
        size_t capacity = buffer->capacity > 0 ? buffer->capacity : 64;
        while (capacity - buffer->size < size)
            capacity *= 2;
        buffer->data = memory_resize(buffer->data, capacity);
        buffer->capacity = capacity;
    }
    uint8_t *start = buffer->data + buffer->size;
    buffer->size += size;
    return start;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (size > 0)
        memcpy(buffer_extend(buffer, size), data, size);
}

void buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
    *buffer_extend(buffer, 1) = byte;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    buffer->size -= count;
    if (buffer->size > 0 && count > 0)
        memmove(buffer->data, buffer->data + count, buffer->size);
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
