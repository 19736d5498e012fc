#include "common/ssz.h"

#include <stdlib.h>

#include "common/hex.h"
#include "common/sha256.h"
#include "net/protocols/blocks_by_root.h"
#include "net/protocols/lean_types.h"
#include "tests/unit/support.h"

static const struct ssz_type uint16 = {.kind = SSZ_UINT, .size = 2};
static const struct ssz_type numbers = {.kind = SSZ_LIST, .limit = 33, .element = &uint16};
static const struct ssz_type bytes96 = {.kind = SSZ_BYTES, .size = 96};
static const struct ssz_type mixed = {
    .kind = SSZ_CONTAINER,
    .fields =
        (const struct ssz_field[]){{"a", &numbers}, {"b", &uint16}, {"c", &numbers}, {NULL, NULL}},
};

static struct error error;

static void assert_refused(const struct ssz_type *type, const char *hex, const char *reason)
{
    struct buffer ssz = {0};
    assert_true(hex_read(hex, &ssz));
    assert_false(ssz_check(type, buffer_bytes(&ssz), &error));
    if (strstr(error.text, reason) == NULL)
        fail_msg("%s: says \"%s\", not \"%s\"", hex, error.text, reason);
    buffer_clear(&ssz);
}

static void assert_taken(const struct ssz_type *type, const char *hex)
{
    struct buffer ssz = {0};
    assert_true(hex_read(hex, &ssz));
    if (!ssz_check(type, buffer_bytes(&ssz), &error))
        fail_msg("%s: %s", hex, error.text);
    buffer_clear(&ssz);
}

static void offsets_must_be_the_only_ones_possible(void **state)
{
    (void)state;
    assert_taken(&mixed, "0x0a0000000100"
                         "0a000000");
    assert_taken(&mixed, "0x0a0000000100"
                         "0c000000"
                         "aabb"
                         "ccddeeff");
    assert_refused(&mixed,
                   "0x0a0000000100"
                   "0a0000",
                   "9 bytes; expected 10");
    assert_refused(&mixed,
                   "0x0b0000000100"
                   "0b000000"
                   "aa",
                   "first offset");
    assert_refused(&mixed,
                   "0x090000000100"
                   "0a000000",
                   "first offset");
    assert_refused(&mixed,
                   "0x0a0000000100"
                   "09000000",
                   "a: its offset");
    assert_refused(&mixed,
                   "0x0a0000000100"
                   "0b000000"
                   "aabb",
                   "a: 1 bytes");
    assert_refused(&mixed,
                   "0x0a0000000100"
                   "ffffffff",
                   "a: its offset");
    assert_refused(&mixed,
                   "0x0a0000000100"
                   "0a000000"
                   "aabbcc",
                   "c: 3 bytes");
}

static void fixed_sizes_are_exact(void **state)
{
    (void)state;
    assert_refused(&lean_slot, "0x00000000000000", "7 bytes; expected 8");
    assert_refused(&lean_slot, "0x000000000000000000", "9 bytes; expected 8");
    assert_refused(&lean_status, "0x00", "1 bytes; expected 80");
}

/* The tree's root by hand: no other code of the module than the one under test. */
static void roots_are_those_of_the_definition(void **state)
{
    (void)state;
    uint8_t value[128] = {0}, pair[64], left[32], right[32], expected[32], root[32];
    for (size_t i = 0; i < 96; i++)
        value[i] = (uint8_t)i;
    sha256(bytes_of(value, 64), left);
    sha256(bytes_of(value + 64, 64), right);
    memcpy(pair, left, 32);
    memcpy(pair + 32, right, 32);
    sha256(bytes_of(pair, 64), expected);
    ssz_root(&bytes96, bytes_of(value, 96), root);
    assert_memory_equal(root, expected, 32);

    /* 33 numbers of two bytes: three chunks at most, so a tree of four leaves; here is one */
    uint8_t packed[32] = {1, 0, 2, 0}, zeros[64] = {0};
    memcpy(pair, packed, 32);
    memset(pair + 32, 0, 32);
    sha256(bytes_of(pair, 64), left);
    sha256(bytes_of(zeros, 64), right);
    memcpy(pair, left, 32);
    memcpy(pair + 32, right, 32);
    sha256(bytes_of(pair, 64), expected);
    memset(pair, 0, sizeof(pair));
    memcpy(pair, expected, 32);
    pair[32] = 2;
    sha256(bytes_of(pair, 64), expected);
    ssz_root(&numbers, bytes_of(packed, 4), root);
    assert_memory_equal(root, expected, 32);
}

static void a_request_has_up_to_1024_roots(void **state)
{
    (void)state;
    uint8_t(*roots)[BLOCK_ROOT_SIZE] = calloc(BLOCKS_BY_ROOT_MAX, BLOCK_ROOT_SIZE);
    struct buffer ssz = {0};
    block_root_list read;
    size_t count;
    roots[BLOCKS_BY_ROOT_MAX - 1][31] = 9;
    blocks_by_root_encode((block_root_list)roots, BLOCKS_BY_ROOT_MAX, &ssz);
    assert_int_equal(ssz.size, BLOCKS_BY_ROOT_SSZ_MAX);
    assert_true(blocks_by_root_decode(buffer_bytes(&ssz), &read, &count, &error));
    assert_int_equal(count, BLOCKS_BY_ROOT_MAX);
    assert_memory_equal(read, roots, BLOCKS_BY_ROOT_MAX * BLOCK_ROOT_SIZE);
    buffer_append(&ssz, roots[0], BLOCK_ROOT_SIZE);
    assert_false(blocks_by_root_decode(buffer_bytes(&ssz), &read, &count, &error));
    assert_non_null(strstr(error.text, "1025 elements; at most 1024"));
    ssz.size = 0;
    blocks_by_root_encode(NULL, 0, &ssz);
    assert_true(blocks_by_root_decode(buffer_bytes(&ssz), &read, &count, &error));
    assert_int_equal(count, 0);
    buffer_clear(&ssz);
    free(roots);
}

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    assert_refused(&lean_blocks_by_root_request, "0x", "0 bytes; expected 4");
    assert_refused(&lean_blocks_by_root_request, "0x05000000", "first offset");
    assert_refused(&lean_blocks_by_root_request, "0x0400000000", "roots: 1 bytes");
}

static const struct ssz_type bits = {.kind = SSZ_BITLIST, .limit = 10};
static const struct ssz_type list_of_bits = {.kind = SSZ_LIST, .limit = 2, .element = &bits};

static void bits_are_ended_by_one_of_theirs(void **state)
{
    (void)state;
    assert_taken(&bits, "0x01");
    assert_taken(&bits, "0xff07");
    assert_refused(&bits, "0x", "no bit ends");
    assert_refused(&bits, "0xff00", "no bit ends");
    assert_refused(&bits, "0xff08", "11 bits; at most 10");
}

static void elements_that_vary_have_offsets(void **state)
{
    (void)state;
    assert_taken(&list_of_bits, "0x");
    assert_taken(&list_of_bits, "0x0400000001");
    assert_taken(&list_of_bits, "0x08000000090000000107");
    assert_refused(&list_of_bits, "0x040000", "first offset");
    assert_refused(&list_of_bits, "0x00000000", "first offset");
    assert_refused(&list_of_bits, "0x0500000001", "first offset");
    assert_refused(&list_of_bits, "0x0800000001", "first offset");
    assert_refused(&list_of_bits, "0x0c0000000d0000000e000000010101", "3 elements; at most 2");
    assert_refused(&list_of_bits, "0x080000000b0000000107", "element 0: its offset is wrong");
    assert_refused(&list_of_bits, "0x08000000070000000107", "element 0: its offset is wrong");
    assert_refused(&list_of_bits, "0x04000000", "element 0: no bit ends");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_must_be_the_only_ones_possible),
        cmocka_unit_test(bits_are_ended_by_one_of_theirs),
        cmocka_unit_test(elements_that_vary_have_offsets),
        cmocka_unit_test(fixed_sizes_are_exact),
        cmocka_unit_test(roots_are_those_of_the_definition),
        cmocka_unit_test(a_request_has_up_to_1024_roots),
        cmocka_unit_test(what_is_no_request_is_refused),
    };
    return cmocka_run_group_tests_name("ssz", tests, NULL, NULL);
}
