/* An error is a value that says what failed and where. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include <stdbool.h>

enum { ERROR_TEXT_SIZE = 400 };

struct error {
    char text[ERROR_TEXT_SIZE];
};

/* Sets the text and returns false, so that a function can `return error_set(...)`. ERROR may be
 * NULL. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts "WHAT: " before the text, and returns false. */
bool error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
