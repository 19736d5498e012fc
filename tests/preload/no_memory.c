/*
 * Loaded before a program (LD_PRELOAD), lets it have no more memory from the NO_MEMORY_FROMth
 * allocation after the beginning of main on, NO_MEMORY_FOR times (default: for ever). At the end of
 * a program that had all, their number is written to the file NO_MEMORY_COUNT names.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static bool begun;
static unsigned long allocations, refused_from, refused_until;

static bool refuse(void)
{
    if (!begun)
        return false;
    unsigned long number = ++allocations;
    if (refused_from == 0 || number < refused_from || number >= refused_until)
        return false;
    errno = ENOMEM;
    return true;
}

/* What the programs' own malloc, and so on, call (common/memory.c). */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

void *__libc_malloc(size_t size)
{
    static void *(*next)(size_t);
    if (next == NULL)
        next = (void *(*)(size_t))(uintptr_t)real("__libc_malloc");
    return refuse() ? NULL : next(size);
}

void *__libc_calloc(size_t count, size_t size)
{
    static void *(*next)(size_t, size_t);
    if (next == NULL)
        next = (void *(*)(size_t, size_t))(uintptr_t)real("__libc_calloc");
    return refuse() ? NULL : next(count, size);
}

void *__libc_realloc(void *memory, size_t size)
{
    static void *(*next)(void *, size_t);
    if (next == NULL)
        next = (void *(*)(void *, size_t))(uintptr_t)real("__libc_realloc");
    return refuse() ? NULL : next(memory, size);
}

void *__libc_memalign(size_t alignment, size_t size)
{
    static void *(*next)(size_t, size_t);
    if (next == NULL)
        next = (void *(*)(size_t, size_t))(uintptr_t)real("__libc_memalign");
    return refuse() ? NULL : next(alignment, size);
}

static unsigned long number_in(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

typedef int main_function(int argc, char **argv, char **environment);
typedef int start_function(main_function *program, int argc, char **argv, void (*init)(void),
                           void (*fini)(void), void (*loader_fini)(void), void *stack_end);

static main_function *program_main;

static int counted_main(int argc, char **argv, char **environment)
{
    refused_from = number_in("NO_MEMORY_FROM", 0);
    unsigned long times = number_in("NO_MEMORY_FOR", 0);
    refused_until = times > 0 ? refused_from + times : (unsigned long)-1;
    begun = true;
    int status = program_main(argc, argv, environment);
    begun = false;
    const char *path = getenv("NO_MEMORY_COUNT");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file != NULL) {
        fprintf(file, "%lu\n", allocations);
        fclose(file);
    }
    return status;
}

int __libc_start_main(main_function *program, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end);

int __libc_start_main(main_function *program, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end)
{
    start_function *start = (start_function *)(uintptr_t)dlsym(RTLD_NEXT, "__libc_start_main");
    program_main = program;
    return start(counted_main, argc, argv, init, fini, loader_fini, stack_end);
}
