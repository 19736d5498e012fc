/* What node records are made of: Keccak-256, base64url and RLP. */
#include "common/base64url.h"
#include "common/hex.h"
#include "common/keccak256.h"
#include "common/rlp.h"
#include "tests/unit/support.h"

#define LITERAL(text) bytes_of(text, sizeof(text) - 1)

static void assert_keccak(struct bytes input, const char *expected)
{
    uint8_t digest[KECCAK256_SIZE];
    char hex[2 * KECCAK256_SIZE + 1];
    keccak256(input, digest);
    hex_write(bytes_of(digest, sizeof(digest)), hex);
    assert_string_equal(hex, expected);
}

/* Of 135, 136 and 137 bytes: around the size of a block. */
static void keccak_hashes_as_ethereum_does(void **state)
{
    (void)state;
    uint8_t letters[137];
    memset(letters, 'a', sizeof(letters));
    assert_keccak(LITERAL(""), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    assert_keccak(LITERAL("abc"),
                  "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
    assert_keccak(bytes_of(letters, 135),
                  "34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446");
    assert_keccak(bytes_of(letters, 136),
                  "a6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e");
    assert_keccak(bytes_of(letters, 137),
                  "d869f639c7046b4929fc92a4d988a8b22c55fbadb802c0c66ebcd484f1915f39");
}

static void base64url_survives_a_round_trip(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0xfb, 0xff, 0xbe, 0x00, 0x10};
    const char *const texts[] = {"", "-w", "-_8", "-_--", "-_--AA", "-_--ABA"};
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        char text[BASE64URL_TEXT_SIZE(sizeof(bytes)) + 1];
        struct buffer read = {0};
        base64url_write(bytes_of(bytes, size), text);
        assert_string_equal(text, texts[size]);
        assert_int_equal(strlen(text), BASE64URL_TEXT_SIZE(size));
        assert_true(base64url_read(text, strlen(text), &read));
        assert_true(bytes_equal(buffer_bytes(&read), bytes_of(bytes, size)));
        buffer_clear(&read);
    }
}

static void other_base64_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"A", "AAAAA", "-w==", "+w", "/w", "A A", "-x", "-_9", "\n"};
    struct buffer read = {0};
    buffer_append_byte(&read, 'x');
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (base64url_read(bad[i], strlen(bad[i]), &read))
            fail_msg("\"%s\" was read", bad[i]);
        assert_int_equal(read.size, 1);
    }
    buffer_clear(&read);
}

/* ---- RLP ---- */

/* FIRST is what the encoding begins with, for SIZE bytes of value 'x'. */
static void assert_string_begins(size_t size, struct bytes first)
{
    uint8_t bytes[1024];
    memset(bytes, 'x', sizeof(bytes));
    struct buffer encoded = {0};
    rlp_append_string(&encoded, bytes_of(bytes, size));
    assert_int_equal(encoded.size, first.size + size);
    assert_memory_equal(encoded.data, first.data, first.size);
    struct bytes rest = buffer_bytes(&encoded), string;
    assert_true(rlp_take_string(&rest, &string, NULL));
    assert_int_equal(rest.size, 0);
    assert_true(bytes_equal(string, bytes_of(bytes, size)));
    buffer_clear(&encoded);
}

static void strings_have_their_shortest_form(void **state)
{
    (void)state;
    assert_string_begins(0, LITERAL("\x80"));
    assert_string_begins(1, LITERAL(""));
    assert_string_begins(2, LITERAL("\x82"));
    assert_string_begins(55, LITERAL("\xb7"));
    assert_string_begins(56, LITERAL("\xb8\x38"));
    assert_string_begins(255, LITERAL("\xb8\xff"));
    assert_string_begins(256, LITERAL("\xb9\x01\x00"));
    struct buffer encoded = {0};
    rlp_append_string(&encoded, LITERAL("\x80"));
    assert_true(bytes_equal(buffer_bytes(&encoded), LITERAL("\x81\x80")));
    buffer_clear(&encoded);
}

static void a_list_is_a_view_of_its_items(void **state)
{
    (void)state;
    struct buffer items = {0}, list = {0};
    rlp_append_string(&items, LITERAL("cat"));
    rlp_append_string(&items, LITERAL("dog"));
    rlp_append_list(&list, buffer_bytes(&items));
    assert_true(bytes_equal(buffer_bytes(&list), LITERAL("\xc8\x83"
                                                         "cat\x83"
                                                         "dog")));
    struct bytes rest = buffer_bytes(&list), string;
    struct rlp_item item;
    assert_false(rlp_take_string(&rest, &string, NULL));
    rest = buffer_bytes(&list);
    assert_true(rlp_take(&rest, &item, NULL));
    assert_true(item.is_list);
    assert_true(bytes_equal(item.content, buffer_bytes(&items)));
    buffer_clear(&items);
    buffer_clear(&list);
}

static void rlp_in_any_other_form_is_refused(void **state)
{
    (void)state;
    const struct bytes bad[] = {
        LITERAL(""),
        LITERAL("\x81"),
        LITERAL("\x81\x7f"), /* a byte that stands for itself */
        LITERAL("\x83"
                "ab"),
        LITERAL("\xb8"),
        LITERAL("\xb8\x01x"), /* a short size in the long form */
        LITERAL("\xb9\x00\x38xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        LITERAL("\xbf\xff\xff\xff\xff\xff\xff\xff\xff"),
        LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        LITERAL("\xc2x"),
        LITERAL("\xf8\x00"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct bytes rest = bad[i];
        struct rlp_item item;
        struct error error = {.text = ""};
        if (rlp_take(&rest, &item, &error) || error.text[0] == '\0')
            fail_msg("case %zu was read", i);
        assert_int_equal(rest.size, bad[i].size);
    }
}

static void numbers_have_no_leading_zeros(void **state)
{
    (void)state;
    uint64_t number;
    assert_true(rlp_number(LITERAL(""), &number) && number == 0);
    assert_true(rlp_number(LITERAL("\x04\x00"), &number) && number == 1024);
    assert_true(rlp_number(LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff"), &number) &&
                number == UINT64_MAX);
    assert_false(rlp_number(LITERAL("\x00"), &number));
    assert_false(rlp_number(LITERAL("\x01\x00\x00\x00\x00\x00\x00\x00\x00"), &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keccak_hashes_as_ethereum_does),
        cmocka_unit_test(base64url_survives_a_round_trip),
        cmocka_unit_test(other_base64_is_refused),
        cmocka_unit_test(strings_have_their_shortest_form),
        cmocka_unit_test(a_list_is_a_view_of_its_items),
        cmocka_unit_test(rlp_in_any_other_form_is_refused),
        cmocka_unit_test(numbers_have_no_leading_zeros),
    };
    return cmocka_run_group_tests_name("Ethereum's codecs", tests, NULL, NULL);
}
