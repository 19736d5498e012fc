#include "common/crc32c.h"

#include "tests/unit/support.h"

/* RFC 3720, appendix B.4. */
static void the_examples_of_the_rfc_hold(void **state)
{
    (void)state;
    uint8_t data[32] = {0};
    assert_int_equal(crc32c(bytes_of(data, 32)), 0x8a9136aa);
    memset(data, 0xff, sizeof(data));
    assert_int_equal(crc32c(bytes_of(data, 32)), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        data[i] = i;
    assert_int_equal(crc32c(bytes_of(data, 32)), 0x46dd794e);
    assert_int_equal(crc32c(bytes_of_text("123456789")), 0xe3069283);
    assert_int_equal(crc32c(bytes_of(NULL, 0)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_hold),
    };
    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
