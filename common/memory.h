/*
 * Allocation that cannot fail: a program that is out of memory says so and ends (program.h). That
 * holds for what libraries allocate, too, many of which crash or blame a peer otherwise; but not
 * with the sanitizers, which have an allocator of their own, and on glibc only.
 */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stddef.h>

/* For what could not be allocated all the same. */
_Noreturn void memory_exhausted(void);
/* Zeroed; freed with free(). */
void *memory_new(size_t size);
void *memory_resize(void *memory, size_t size);
char *text_copy(const char *text);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Gives what was freed back to the system, as far as the allocator can. It looks at all that there
 * is. */
void memory_give_back(void);

#endif
