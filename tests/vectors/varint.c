#include "common/varint.h"

#include "tests/vectors/kinds.h"

void check_varint(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name input output");
    const json_t *input = case_object(test, vector, "input", "value");
    const json_t *output = case_object(test, vector, "output", "encoded byteLength");
    uint64_t value = case_number(test, input, "value"), decoded = 0;
    struct bytes encoded = case_bytes(test, output, "encoded");

    uint8_t ours[VARINT_SIZE_MAX];
    size_t size = varint_write(value, ours);
    expect_bytes(test, "encoded", encoded, bytes_of(ours, size));
    expect_number(test, "byteLength", case_number(test, output, "byteLength"), varint_size(value));
    expect_number(test, "bytes decoded", encoded.size, (uint64_t)varint_read(encoded, &decoded));
    expect_number(test, "value decoded", value, decoded);
}
