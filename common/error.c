#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(struct error *error, enum error_kind kind, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void set(struct error *error, enum error_kind kind, const char *format, va_list arguments)
{
    if (error == NULL)
        return;
    error->kind = kind;
    vsnprintf(error->text, sizeof(error->text), format, arguments);
}

bool error_set(struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(error, ERROR_INVALID, format, arguments);
    va_end(arguments);
    return false;
}

bool error_set_kind(struct error *error, enum error_kind kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(error, kind, format, arguments);
    va_end(arguments);
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    if (error == NULL)
        return false;
    char text[2 * ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, ERROR_TEXT_SIZE, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= ERROR_TEXT_SIZE)
        length = (int)strnlen(text, ERROR_TEXT_SIZE - 1);
    snprintf(text + length, sizeof(text) - (size_t)length, ": %s", error->text);
    text[ERROR_TEXT_SIZE - 1] = '\0';
    memcpy(error->text, text, ERROR_TEXT_SIZE);
    return false;
}
