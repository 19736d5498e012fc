#include "common/utf8.h"

#include <stdlib.h>

#include "tests/unit/support.h"

#define UNKNOWN "\xef\xbf\xbd"

static void assert_safe(struct bytes text, const char *expected)
{
    char *safe = utf8_safe_text(text);
    assert_string_equal(safe, expected);
    free(safe);
}

static void text_is_kept(void **state)
{
    (void)state;
    assert_safe(bytes_of_text(""), "");
    assert_safe(bytes_of_text("Lean/0.1 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x80 \xf4\x8f\xbf\xbf"),
                "Lean/0.1 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x80 \xf4\x8f\xbf\xbf");
}

static void control_characters_are_replaced(void **state)
{
    (void)state;
    assert_safe(bytes_of("a\0b", 3), "a" UNKNOWN "b");
    assert_safe(bytes_of_text("\x1b[31m\x7f\n"), UNKNOWN "[31m" UNKNOWN UNKNOWN);
    assert_safe(bytes_of_text("\xc2\x9b"
                              "1m\xc2\xa0"),
                UNKNOWN "1m\xc2\xa0");
}

static void what_is_not_well_formed_is_replaced_byte_by_byte(void **state)
{
    (void)state;
    assert_safe(bytes_of_text("\x80-\xff-\xf8\x88\x80\x80\x80"),
                UNKNOWN "-" UNKNOWN "-" UNKNOWN UNKNOWN UNKNOWN UNKNOWN UNKNOWN);
    assert_safe(bytes_of_text("\xc0\xaf"), UNKNOWN UNKNOWN);                         /* overlong */
    assert_safe(bytes_of_text("\xe0\x80\xaf"), UNKNOWN UNKNOWN UNKNOWN);             /* overlong */
    assert_safe(bytes_of_text("\xed\xa0\x80"), UNKNOWN UNKNOWN UNKNOWN);             /* surrogate */
    assert_safe(bytes_of_text("\xf4\x90\x80\x80"), UNKNOWN UNKNOWN UNKNOWN UNKNOWN); /* too large */
    assert_safe(bytes_of_text("\xe2\x82"), UNKNOWN UNKNOWN);                         /* cut short */
    assert_safe(bytes_of_text("\xe2\x82x"), UNKNOWN UNKNOWN "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_kept),
        cmocka_unit_test(control_characters_are_replaced),
        cmocka_unit_test(what_is_not_well_formed_is_replaced_byte_by_byte),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
