#include "net/qlog/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/number.h"

enum { LONG_NUMBER = 19 }; /* digits: shorter ones are below 2^63 */

/* --- Integers of any size --- */

/* The string that TEXT begins with, or what there is of it. */
static size_t string_size(struct bytes text)
{
    size_t size = 1;
    while (size < text.size && text.data[size] != '"')
        size += text.data[size] == '\\' ? 2 : 1;
    return size < text.size ? size + 1 : text.size;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* The number that TEXT begins with; of anything else, its first byte. */
static size_t number_size(struct bytes text)
{
    size_t size = 1;
    if (*text.data != '-' && !is_digit(*text.data))
        return size;
    while (size < text.size &&
           (is_digit(text.data[size]) || memchr(".+-Ee", text.data[size], strlen(".+-Ee")) != NULL))
        size++;
    return size;
}

/* Whether the number is a long integer, and AFTER it does not make a key of it. */
static bool is_long(struct bytes number, struct bytes after)
{
    if (*number.data == '-')
        number = bytes_after(number, 1);
    if (number.size < LONG_NUMBER || *number.data == '0')
        return false;
    for (size_t i = 0; i < number.size; i++)
        if (!is_digit(number.data[i]))
            return false;
    while (after.size > 0 && strchr(" \t\r\n", *after.data) != NULL && *after.data != '\0')
        after = bytes_after(after, 1);
    return after.size == 0 || *after.data != ':';
}

/* Appends TEXT to OUTPUT, with quotes around its long integers. */
static void quote_integers(struct bytes text, struct buffer *output)
{
    struct bytes rest = text; /* what is still to be appended */
    while (text.size > 0) {
        size_t size = *text.data == '"' ? string_size(text) : number_size(text);
        struct bytes token = bytes_of(text.data, size);
        text = bytes_after(text, size);
        if (*token.data == '"' || !is_long(token, text))
            continue;
        buffer_append(output, rest.data, (size_t)(token.data - rest.data));
        buffer_append_byte(output, '"');
        buffer_append(output, token.data, token.size);
        buffer_append_byte(output, '"');
        rest = text;
    }
    buffer_append(output, rest.data, rest.size);
}

json_t *qlog_json_load(struct bytes text, json_error_t *why)
{
    json_t *value = json_loadb((const char *)text.data, text.size, 0, why);
    if (value != NULL || json_error_code(why) != json_error_numeric_overflow)
        return value;
    struct buffer quoted = {0};
    quote_integers(text, &quoted);
    value = json_loadb((const char *)quoted.data, quoted.size, 0, why);
    buffer_clear(&quoted);
    return value;
}

/* --- Numbers and texts --- */

struct bytes qlog_json_id(const json_t *value, char *text)
{
    double real = json_real_value(value);
    if (json_is_integer(value))
        snprintf(text, QLOG_NUMBER_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value) && fabs(real) < NUMBER_EXACT_MAX && real == (double)(int64_t)real)
        snprintf(text, QLOG_NUMBER_SIZE, "%" PRId64, (int64_t)real);
    else
        return bytes_of(json_string_value(value), json_string_length(value));
    return bytes_of_text(text);
}

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
    if (json_is_string(value) && text_number(json_string_value(value), number))
        return true;
    double real;
    if (json_is_integer(value) || !qlog_json_double(value, &real) || !(real >= 0) ||
        real >= 0x1p62 || real != (double)(uint64_t)real)
        return false;
    *number = (uint64_t)real;
    return true;
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
