/* Allocation that cannot fail: a program that is out of memory says so and aborts. */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stddef.h>

/* Zeroed; freed with free(). */
void *memory_new(size_t size);
void *memory_resize(void *memory, size_t size);
char *text_copy(const char *text);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
