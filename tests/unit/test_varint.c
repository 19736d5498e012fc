#include "common/varint.h"

#include "tests/unit/support.h"

static void values_survive_a_round_trip(void **state)
{
    (void)state;
    const uint64_t values[] = {0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        uint8_t bytes[VARINT_SIZE_MAX];
        size_t size = varint_write(values[i], bytes);
        assert_int_equal(size, varint_size(values[i]));
        uint64_t value = 0;
        assert_int_equal(varint_read(bytes_of(bytes, size), &value), size);
        assert_true(value == values[i]);
        for (size_t part = 0; part < size; part++)
            assert_int_equal(varint_read(bytes_of(bytes, part), &value), 0);
    }
}

static void what_overflows_is_refused(void **state)
{
    (void)state;
    const uint8_t eleven[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01};
    const uint8_t overflow[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    uint64_t value;
    assert_int_equal(varint_read(bytes_of(eleven, sizeof(eleven)), &value), -1);
    assert_int_equal(varint_read(bytes_of(overflow, sizeof(overflow)), &value), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_survive_a_round_trip),
        cmocka_unit_test(what_overflows_is_refused),
    };
    return cmocka_run_group_tests_name("varint", tests, NULL, NULL);
}
