#include "common/base58.h"
#include "common/hex.h"

#include "tests/unit/support.h"

/* draft-msporny-base58, section 5, and what the leading zeros do. */
static const struct {
    const char *hex, *text;
} vectors[] = {
    {"", ""},
    {"00", "1"},
    {"0000", "11"},
    {"61", "2g"},
    {"48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U"},
    {"0000287fb4cd", "11233QC4"},
    {"54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f672e",
     "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"},
};

enum { VECTOR_COUNT = sizeof(vectors) / sizeof(*vectors) };

static void known_bytes_have_their_known_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        struct buffer bytes = {0};
        assert_true(hex_read(vectors[i].hex, &bytes));
        char text[BASE58_TEXT_MAX + 1];
        assert_int_equal(base58_write(buffer_bytes(&bytes), text), strlen(vectors[i].text));
        assert_string_equal(text, vectors[i].text);
        buffer_clear(&bytes);
    }
}

static void known_text_means_its_known_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        struct buffer expected = {0}, bytes = {0};
        assert_true(hex_read(vectors[i].hex, &expected));
        assert_true(base58_read(vectors[i].text, strlen(vectors[i].text), &bytes));
        assert_true(bytes_equal(buffer_bytes(&bytes), buffer_bytes(&expected)));
        buffer_clear(&expected);
        buffer_clear(&bytes);
    }
}

static void the_longest_bytes_survive_a_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[BASE58_BYTES_MAX];
    memset(bytes, 0xff, sizeof(bytes));
    char text[BASE58_TEXT_MAX + 1];
    size_t size = base58_write(bytes_of(bytes, sizeof(bytes)), text);
    struct buffer read = {0};
    assert_true(base58_read(text, size, &read));
    assert_true(bytes_equal(buffer_bytes(&read), bytes_of(bytes, sizeof(bytes))));
    buffer_clear(&read);
}

static void what_is_no_digit_is_refused_and_leaves_the_output_alone(void **state)
{
    (void)state;
    const char *const bad[] = {"0", "O", "I", "l", "2g ", "+", "2\xc3\xa9"};
    struct buffer output = {0};
    buffer_append_text(&output, "kept");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(base58_read(bad[i], strlen(bad[i]), &output));
    assert_false(base58_read("2\0g", 3, &output));
    assert_true(bytes_equal(buffer_bytes(&output), bytes_of_text("kept")));
    buffer_clear(&output);
}

static void text_over_the_limit_is_refused(void **state)
{
    (void)state;
    char text[BASE58_TEXT_MAX + 1];
    memset(text, 'z', sizeof(text));
    struct buffer output = {0};
    assert_false(base58_read(text, sizeof(text), &output));
    assert_true(base58_read(text, sizeof(text) - 1, &output));
    buffer_clear(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes_have_their_known_text),
        cmocka_unit_test(known_text_means_its_known_bytes),
        cmocka_unit_test(the_longest_bytes_survive_a_round_trip),
        cmocka_unit_test(what_is_no_digit_is_refused_and_leaves_the_output_alone),
        cmocka_unit_test(text_over_the_limit_is_refused),
    };
    return cmocka_run_group_tests_name("base58", tests, NULL, NULL);
}
