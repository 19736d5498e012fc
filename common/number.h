/* Numbers as people and files write them. */
#ifndef COMMON_NUMBER_H
#define COMMON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Up to here each whole number is a double that stands for no other: 2 to the 53rd. */
#define NUMBER_EXACT_MAX 0x1p53

/* Decimal digits and nothing around them, of at most 64 bits. */
bool number_read(const char *text, uint64_t *number);

#endif
