/* Base 16, lower case when written, either when read. */
#ifndef COMMON_HEX_H
#define COMMON_HEX_H

#include "common/buffer.h"

/* Writes 2 * input.size digits and a NUL to OUTPUT. */
void hex_write(struct bytes input, char *output);
/* The same, allocated; freed with free(). */
char *hex_text(struct bytes input);
/* Appends what TEXT means to OUTPUT; false, with OUTPUT as it was, where TEXT is not an even number
 * of digits. A "0x" before them is allowed. */
bool hex_read(const char *text, struct buffer *output);

#endif
