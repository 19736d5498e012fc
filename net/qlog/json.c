#include "net/qlog/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Digits with nothing around them, as strtoull() alone would not have it. */
static bool text_number(const char *text, uint64_t *number)
{
    bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hexadecimal ? text + 2 : text;
    size_t size = strspn(digits, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789");
    if (size == 0 || digits[size] != '\0')
        return false;
    errno = 0;
    *number = strtoull(digits, NULL, hexadecimal ? 16 : 10);
    return errno == 0;
}

bool qlog_json_uint(const json_t *value, uint64_t *number)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *number = (uint64_t)json_integer_value(value);
        return true;
    }
    double real = json_real_value(value);
    if (json_is_real(value) && real >= 0 && real < 0x1p62 && real == (double)(uint64_t)real) {
        *number = (uint64_t)real;
        return true;
    }
    return json_is_string(value) && text_number(json_string_value(value), number);
}

bool qlog_json_double(const json_t *value, double *number)
{
    if (json_is_number(value)) {
        *number = json_number_value(value);
        return true;
    }
    const char *text = json_string_value(value);
    if (text == NULL || *text == '\0' || strspn(text, "0123456789.eE+-") != strlen(text))
        return false;
    char *end;
    *number = strtod(text, &end);
    return *end == '\0' && isfinite(*number);
}
