/* Base 58 with bitcoin's alphabet (base58btc), as peer ids are written; without a checksum. */
#ifndef COMMON_BASE58_H
#define COMMON_BASE58_H

#include "common/buffer.h"

/* The work grows with the square of the length: longer input is refused. */
enum { BASE58_BYTES_MAX = 256, BASE58_TEXT_MAX = 352 };

/* Writes the digits and a NUL to OUTPUT, which has room for BASE58_TEXT_MAX characters and the NUL;
 * INPUT has at most BASE58_BYTES_MAX bytes. Returns the number of digits. */
size_t base58_write(struct bytes input, char *output);
/* Appends what the SIZE characters of TEXT mean to OUTPUT; false, with OUTPUT as it was, where one
 * is no digit or there are more than BASE58_TEXT_MAX of them. */
bool base58_read(const char *text, size_t size, struct buffer *output);

#endif
