#include "common/varint.h"

#include "tests/unit/support.h"
#include "tests/unit/vectors.h"

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

/* The vectors' values are read as reals, which tell all of them apart. */
static void encodings_are_those_of_the_vectors(void **state)
{
    (void)state;
    json_t *vectors = vectors_load_reals("varint.json");
    size_t i;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        struct buffer encoded = vector_bytes(json_object_get(vector, "output"), "encoded");
        json_t *expected = json_object_get(json_object_get(vector, "input"), "value");
        uint64_t value;
        uint8_t ours[VARINT_SIZE_MAX];
        assert_int_equal(varint_read(buffer_bytes(&encoded), &value), encoded.size);
        assert_true((double)value == json_number_value(expected));
        size_t size = varint_write(value, ours);
        assert_true(bytes_equal(bytes_of(ours, size), buffer_bytes(&encoded)));
        buffer_clear(&encoded);
    }
    json_decref(vectors);
}

static void what_the_vectors_break_is_not_read(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("decode_failure.json");
    size_t i, tried = 0;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        if (strcmp(vector_text(vector, "decoder"), "varint") != 0)
            continue;
        struct buffer input = vector_bytes(vector, "input");
        uint64_t value;
        assert_true(varint_read(buffer_bytes(&input), &value) <= 0);
        buffer_clear(&input);
        tried++;
    }
    assert_int_not_equal(tried, 0);
    json_decref(vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_survive_a_round_trip),
        cmocka_unit_test(what_overflows_is_refused),
        cmocka_unit_test(encodings_are_those_of_the_vectors),
        cmocka_unit_test(what_the_vectors_break_is_not_read),
    };
    return cmocka_run_group_tests_name("varint", tests, NULL, NULL);
}
