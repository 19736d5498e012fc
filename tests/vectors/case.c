#include "tests/vectors/case.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hex.h"
#include "common/memory.h"

enum {
    BYTES_SHOWN_MAX = 40, /* of each of two that differ */
    MEMBER_NAME_SIZE = 32,
};

/* What is freed when the case ends: newest first. */
struct kept {
    struct kept *next;
    struct buffer buffer;
    max_align_t memory[];
};

struct vector_case {
    struct kept *kept;
    char *failure;
};

char *case_run(vector_check check, const json_t *vector)
{
    struct vector_case test = {0};
    check(&test, vector);
    while (test.kept != NULL) {
        struct kept *kept = test.kept;
        test.kept = kept->next;
        buffer_clear(&kept->buffer);
        free(kept);
    }
    return test.failure;
}

/* ---- memory ---- */

static struct kept *keep(struct vector_case *test, size_t size)
{
    struct kept *kept = memory_new(sizeof(*kept) + size);
    kept->next = test->kept;
    test->kept = kept;
    return kept;
}

void *case_memory(struct vector_case *test, size_t size)
{
    return keep(test, size)->memory;
}

struct buffer *case_buffer(struct vector_case *test)
{
    return &keep(test, 0)->buffer;
}

/* ---- failures ---- */

bool case_failed(const struct vector_case *test)
{
    return test->failure != NULL;
}

void case_fail(struct vector_case *test, const char *what, const char *expected, const char *got)
{
    if (test->failure == NULL)
        test->failure = text_format("%s: expected %s, got %s", what, expected, got);
}

bool expect(struct vector_case *test, bool holds, const char *what, const char *expected,
            const char *got)
{
    if (!holds)
        case_fail(test, what, expected, got);
    return holds;
}

/* Some bytes from START on, with the size of all of them. */
static char *shown_bytes(struct bytes bytes, size_t start)
{
    struct bytes part = bytes.size > start ? bytes_after(bytes, start) : (struct bytes){0};
    const char *more = part.size > BYTES_SHOWN_MAX ? "..." : "";
    if (*more != '\0')
        part.size = BYTES_SHOWN_MAX;
    char *hex = hex_text(part);
    char *text = text_format("%s%s%s (%zu bytes)", start > 0 ? "..." : "0x", hex, more, bytes.size);
    free(hex);
    return text;
}

void expect_bytes(struct vector_case *test, const char *what, struct bytes expected,
                  struct bytes got)
{
    if (case_failed(test) || bytes_equal(expected, got))
        return;
    size_t same = 0;
    while (same < expected.size && same < got.size && expected.data[same] == got.data[same])
        same++;
    size_t start = same > BYTES_SHOWN_MAX / 2 ? same - BYTES_SHOWN_MAX / 2 : 0;
    char *a = shown_bytes(expected, start), *b = shown_bytes(got, start);
    case_fail(test, what, a, b);
    free(a);
    free(b);
}

void expect_text(struct vector_case *test, const char *what, const char *expected, const char *got)
{
    if (strcmp(expected, got) != 0)
        case_fail(test, what, expected, got);
}

void expect_number(struct vector_case *test, const char *what, uint64_t expected, uint64_t got)
{
    char a[24], b[24];
    snprintf(a, sizeof(a), "%" PRIu64, expected);
    snprintf(b, sizeof(b), "%" PRIu64, got);
    expect_text(test, what, a, b);
}

void expect_boolean(struct vector_case *test, const char *what, bool expected, bool got)
{
    expect_text(test, what, expected ? "true" : "false", got ? "true" : "false");
}

/* ---- reading ---- */

/* Takes the next name of a list with spaces between; false at its end. */
static bool take_name(const char **names, char name[MEMBER_NAME_SIZE], bool *optional)
{
    *names += strspn(*names, " ");
    *optional = **names == '?';
    *names += *optional;
    size_t size = strcspn(*names, " ");
    snprintf(name, MEMBER_NAME_SIZE, "%.*s", (int)size, *names);
    *names += size;
    return size > 0;
}

static bool is_named(const char *names, const char *key)
{
    char name[MEMBER_NAME_SIZE];
    bool optional;
    while (take_name(&names, name, &optional))
        if (strcmp(name, key) == 0)
            return true;
    return false;
}

const json_t *case_object(struct vector_case *test, const json_t *parent, const char *key,
                          const char *members)
{
    const json_t *object = key != NULL ? json_object_get(parent, key) : parent;
    const char *what = key != NULL ? key : "the case", *rest = members, *present;
    char name[MEMBER_NAME_SIZE];
    bool optional;
    json_t *value;
    if (!expect(test, json_is_object(object), what, "an object", "something else"))
        return NULL;
    while (take_name(&rest, name, &optional))
        if (!optional && json_object_get(object, name) == NULL)
            case_fail(test, what, name, "no such member");
    json_object_foreach((json_t *)object, present, value) if (!is_named(members, present))
        case_fail(test, what, "no other members", present);
    return object;
}

const json_t *case_array(struct vector_case *test, const json_t *object, const char *key)
{
    const json_t *array = json_object_get(object, key);
    expect(test, array == NULL || json_is_array(array), key, "an array", "something else");
    return array;
}

const json_t *case_map(struct vector_case *test, const json_t *object, const char *key)
{
    const json_t *map = json_object_get(object, key);
    expect(test, map == NULL || json_is_object(map), key, "an object", "something else");
    return map;
}

bool case_has(const json_t *object, const char *key)
{
    return json_object_get(object, key) != NULL;
}

const char *case_text(struct vector_case *test, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    expect(test, text != NULL, key, "a text", "something else");
    return text != NULL ? text : "";
}

bool case_boolean(struct vector_case *test, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    expect(test, json_is_boolean(value), key, "true or false", "something else");
    return json_is_true(value);
}

/* The number that TEXT says in decimal digits, after a '#' where the runner made the text. */
static bool read_digits(const char *text, uint64_t *number)
{
    text += *text == '#';
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

uint64_t case_integer(struct vector_case *test, const char *what, const json_t *value)
{
    uint64_t number = (uint64_t)json_integer_value(value);
    bool sound = json_is_string(value) ? read_digits(json_string_value(value), &number)
                                       : json_is_integer(value) && json_integer_value(value) >= 0;
    expect(test, sound, what, "an integer of 64 bits", "something else");
    return sound ? number : 0;
}

uint64_t case_number(struct vector_case *test, const json_t *object, const char *key)
{
    return case_integer(test, key, json_object_get(object, key));
}

uint64_t case_milliseconds(struct vector_case *test, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    double seconds = json_number_value(value);
    bool sound = json_is_number(value) && seconds >= 0 && seconds < 1e12;
    expect(test, sound, key, "seconds", "something else");
    return sound ? (uint64_t)llround(1000 * seconds) : 0;
}

struct bytes case_hex(struct vector_case *test, const char *what, const json_t *text)
{
    struct buffer *bytes = case_buffer(test);
    const char *digits = json_string_value(text);
    expect(test, digits != NULL && hex_read(digits, bytes), what, "hexadecimal digits",
           "something else");
    return buffer_bytes(bytes);
}

struct bytes case_bytes(struct vector_case *test, const json_t *object, const char *key)
{
    return case_hex(test, key, json_object_get(object, key));
}
