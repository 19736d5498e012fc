#include "common/memory.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/program.h"

void memory_exhausted(void)
{
    program_fail("out of memory");
}

static void *checked(void *memory)
{
    if (memory == NULL)
        memory_exhausted();
    return memory;
}

#if !defined(__GLIBC__)
#define HAS_OTHER_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_OTHER_ALLOCATOR 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_OTHER_ALLOCATOR 1
#endif

#ifndef HAS_OTHER_ALLOCATOR

enum { CACHED_MAX = 1032 }; /* bytes: glibc's blocks that each thread keeps to itself */

/* The C library's, which the names below stand before in all that the program loads. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

/* More than there can ever be is a mistake of who asked for it, and answered as always. */
static void *checked_for(void *memory, size_t size)
{
    return size <= PTRDIFF_MAX ? checked(memory) : memory;
}

void *malloc(size_t size)
{
    return checked_for(__libc_malloc(size), size);
}

void *calloc(size_t count, size_t size)
{
    size_t whole;
    if (__builtin_mul_overflow(count, size, &whole))
        whole = SIZE_MAX;
    /* The C library's calloc, before 2.41, does not look into the cache from which malloc takes. */
    if (whole <= CACHED_MAX)
        return memset(checked(__libc_malloc(whole)), 0, whole);
    return checked_for(__libc_calloc(count, size), whole);
}

void *realloc(void *memory, size_t size)
{
    void *resized = __libc_realloc(memory, size);
    return size > 0 ? checked_for(resized, size) : resized; /* which frees */
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return checked_for(__libc_memalign(alignment, size), size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = aligned_alloc(alignment, size);
    return *memory != NULL ? 0 : ENOMEM;
}

#endif

void *memory_new(size_t size)
{
    return checked(calloc(1, size > 0 ? size : 1));
}

void *memory_resize(void *memory, size_t size)
{
    return checked(realloc(memory, size > 0 ? size : 1));
}

void memory_give_back(void)
{
#ifndef HAS_OTHER_ALLOCATOR
    malloc_trim(0);
#endif
}

char *text_copy(const char *text)
{
    return checked(strdup(text));
}

char *text_format(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return checked(text);
}
