/* An error is a value that says what failed and where. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include <stdbool.h>

enum { ERROR_TEXT_SIZE = 400 };

/* For callers that do one thing or another by it. */
enum error_kind {
    ERROR_INVALID,   /* what was asked for makes no sense; the kind of all that name no other */
    ERROR_NOT_FOUND, /* what it is about is not there */
    ERROR_CONFLICT,  /* it cannot be as things are: it is there already */
    ERROR_FULL,      /* a limit of ours is reached, which is named in the text */
    ERROR_SYSTEM,    /* the system or a library failed */
};

struct error {
    char text[ERROR_TEXT_SIZE];
    enum error_kind kind;
};

/* Sets the text and returns false, so that a function can `return error_set(...)`. ERROR may be
 * NULL. The kind is ERROR_INVALID. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool error_set_kind(struct error *error, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "WHAT: " before the text, leaves the kind, and returns false. */
bool error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
