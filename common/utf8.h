/* Text that strangers sent, made fit for a terminal and for JSON. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include "common/bytes.h"

/* Bytes of the character at the start of TEXT: 0 where there is none, or it is not well formed
 * (overlong, a surrogate, beyond U+10FFFF). Unicode 15, section 3.9. */
size_t utf8_read(struct bytes text, uint32_t *character);
/* How many bytes the byte order mark takes that some editors put before a text: 3, or 0. */
size_t utf8_mark_size(struct bytes text);
/* A copy with U+FFFD for each byte that is not UTF-8 and for each control character. Freed with
 * free(). */
char *utf8_safe_text(struct bytes text);

#endif
