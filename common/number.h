/* Numbers as people and files write them. */
#ifndef COMMON_NUMBER_H
#define COMMON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits and nothing around them, of at most 64 bits. */
bool number_read(const char *text, uint64_t *number);

#endif
