/* Members of the JSON objects in a QUIC log: absent where they are of another type than asked. */
#ifndef NET_QLOG_JSON_H
#define NET_QLOG_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <strings.h>

#include "common/bytes.h"

/* The JSON value that TEXT is. An integer that 64 bits with a sign do not hold is a text of the
 * same digits: JSON has them of any size, and some writers' infinity is 2^64 - 1. NULL where TEXT
 * is none: WHY says what is wrong. */
json_t *qlog_json_load(struct bytes text, json_error_t *why);

/* A text that ends with a zero byte after it; its data are NULL where there is none. */
static inline struct bytes qlog_json_text(const json_t *object, const char *key)
{
    const json_t *text = json_object_get(object, key);
    return bytes_of(json_string_value(text), json_string_length(text));
}

enum { QLOG_NUMBER_SIZE = 24 };

/* An id: a text, or a whole number, which is written to TEXT of that size. Its data are NULL where
 * VALUE is neither. */
struct bytes qlog_json_id(const json_t *value, char *text);

/* The member, of any type; NULL where it is null, too, which says nothing. */
static inline const json_t *qlog_json_member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

/* The member that is there of two names for the same thing. */
static inline const json_t *qlog_json_either(const json_t *object, const char *key,
                                             const char *other)
{
    const json_t *value = qlog_json_member(object, key);
    return value != NULL ? value : qlog_json_member(object, other);
}

/* A whole number that is not negative and below 2^64; false leaves NUMBER as it was. Some writers
 * give every one as a float, and qlog's main schema allows texts for those of 64 bits, decimal or
 * with 0x. */
bool qlog_json_uint(const json_t *value, uint64_t *number);
/* A time: any finite number, or a text that is one. */
bool qlog_json_double(const json_t *value, double *number);

static inline bool qlog_json_number(const json_t *object, const char *key, uint64_t *value)
{
    return qlog_json_uint(json_object_get(object, key), value);
}

/* Whether TEXT is WORD, which is in small letters, in letters of any case. */
static inline bool qlog_text_is(struct bytes text, const char *word)
{
    return text.size == strlen(word) && text.data != NULL &&
           strncasecmp((const char *)text.data, word, text.size) == 0;
}

#endif
