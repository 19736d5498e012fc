/* Members of the JSON objects in a QUIC log: absent where they are of another type than asked. */
#ifndef NET_QLOG_JSON_H
#define NET_QLOG_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "common/bytes.h"

/* A text that ends with a zero byte after it; its data are NULL where there is none. */
static inline struct bytes qlog_json_text(const json_t *object, const char *key)
{
    const json_t *text = json_object_get(object, key);
    return bytes_of(json_string_value(text), json_string_length(text));
}

/* A number that is not negative; some writers give every one as a float. */
static inline bool qlog_json_number(const json_t *object, const char *key, uint64_t *value)
{
    const json_t *number = json_object_get(object, key);
    if (json_is_integer(number) && json_integer_value(number) >= 0) {
        *value = (uint64_t)json_integer_value(number);
        return true;
    }
    if (json_is_real(number) && json_real_value(number) >= 0 && json_real_value(number) < 0x1p62) {
        *value = (uint64_t)json_real_value(number);
        return true;
    }
    return false;
}

#endif
