#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *error, const char *format, ...)
{
    if (error == NULL)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
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
