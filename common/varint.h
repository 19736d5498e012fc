/* Unsigned LEB128, as protobuf and multiformats write it: at most 10 bytes, 64 bits. */
#ifndef COMMON_VARINT_H
#define COMMON_VARINT_H

#include "common/buffer.h"

enum { VARINT_SIZE_MAX = 10 };

/* Bytes read: 0 while INPUT holds only a part, -1 where it is longer than ten bytes or overflows
 * 64 bits. */
int varint_read(struct bytes input, uint64_t *value);
/* Bytes written to OUTPUT, which has room for VARINT_SIZE_MAX. */
size_t varint_write(uint64_t value, uint8_t *output);
size_t varint_size(uint64_t value);
void varint_append(struct buffer *buffer, uint64_t value);

#endif
