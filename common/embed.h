/* Files that are part of a program, such as the templates of the pages it writes. */
#ifndef COMMON_EMBED_H
#define COMMON_EMBED_H

#include "common/bytes.h"

/*
 * Defines a function NAME that returns the bytes of the file at PATH, a literal, seen from the
 * folder that make runs in. The Makefile knows that X.c embeds the X.html, X.css and X.js beside
 * it: other files would change without the object.
 */
#define EMBED(name, path)                                                                          \
    extern const uint64_t name##_embedded_size __attribute__((visibility("hidden")));              \
    extern const uint8_t name##_embedded[] __attribute__((visibility("hidden")));                  \
    __asm__(".pushsection .rodata\n"                                                               \
            ".globl " #name "_embedded_size, " #name "_embedded\n"                                 \
            ".hidden " #name "_embedded_size\n"                                                    \
            ".hidden " #name "_embedded\n"                                                         \
            ".balign 8\n" #name "_embedded_size:\n"                                                \
            ".quad 2f - 1f\n" #name "_embedded:\n"                                                 \
            "1: .incbin \"" path "\"\n"                                                            \
            "2: .popsection\n");                                                                   \
    static struct bytes name(void)                                                                 \
    {                                                                                              \
        return bytes_of(name##_embedded, (size_t)name##_embedded_size);                            \
    }

#endif
