/* A growing run of bytes. A zeroed struct is an empty buffer. */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include "common/bytes.h"

struct buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_byte(struct buffer *buffer, uint8_t byte);
void buffer_append_text(struct buffer *buffer, const char *text);
/* Grows the buffer by SIZE bytes of unspecified value and returns them. */
uint8_t *buffer_extend(struct buffer *buffer, size_t size);
/* Drops the first COUNT bytes. */
void buffer_consume(struct buffer *buffer, size_t count);
void buffer_clear(struct buffer *buffer);

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    return bytes_of(buffer->data, buffer->size);
}

#endif
