/* Base 64 with the alphabet that URLs take, without padding. RFC 4648, section 5. */
#ifndef COMMON_BASE64URL_H
#define COMMON_BASE64URL_H

#include "common/buffer.h"

/* Digits that SIZE bytes take. */
#define BASE64URL_TEXT_SIZE(size) (((size)*8 + 5) / 6)

/* Writes BASE64URL_TEXT_SIZE(input.size) digits and a NUL to OUTPUT. */
void base64url_write(struct bytes input, char *output);
/* Appends what the SIZE characters of TEXT mean to OUTPUT; false, with OUTPUT as it was, where they
 * are not what base64url_write writes: no padding, no bits left over. */
bool base64url_read(const char *text, size_t size, struct buffer *output);

#endif
