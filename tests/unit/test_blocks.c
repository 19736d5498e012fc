/* Blocks of Lean and the requests for them. */
#include <stdio.h>
#include <stdlib.h>

#include "common/file.h"
#include "common/hex.h"
#include "net/protocols/block.h"
#include "net/protocols/blocks_by_range.h"
#include "net/protocols/blocks_reader.h"

#include "tests/unit/support.h"

static struct buffer ssz;
static struct error error;

static int clear(void **state)
{
    (void)state;
    buffer_clear(&ssz);
    return 0;
}

static void load(unsigned slot)
{
    char path[64];
    snprintf(path, sizeof(path), "tests/fixtures/blocks/%u.ssz", slot);
    ssz.size = 0;
    if (!file_read(path, BLOCK_SSZ_MAX, &ssz, &error))
        fail_msg("%s", error.text);
}

static void assert_hex(const char *expected, const uint8_t root[BLOCK_ROOT_SIZE])
{
    char *text = hex_text(bytes_of(root, BLOCK_ROOT_SIZE));
    assert_string_equal(text, expected);
    free(text);
}

/* The roots are those of another implementation. */
static void a_block_says_slot_proposer_parent_and_root(void **state)
{
    (void)state;
    static const char *const roots[] = {
        "1111111111111111111111111111111111111111111111111111111111111111",
        "4e4f92b99055121575d84de429dfadce83522bcf92eb34666d0b992e9906c65b",
        "002ab2a951a8a05d04597cdde566d210dd7df5f907b5980fb137e48166a36d71",
        "bc7112a4786411cffa89eab039dbb6de166174475b66185e911e3df0dfa47f65",
        "683863e177955c1f06352f7d1d1b7a52b92cd80b95f17818c6b56b9496b61d39"};
    static const struct {
        unsigned slot, proposer;
    } blocks[] = {{1, 0}, {5, 3}, {6, 1}, {9, 2}};
    for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
        struct block_summary block;
        load(blocks[i].slot);
        if (!block_summarize(buffer_bytes(&ssz), &block, &error))
            fail_msg("%u: %s", blocks[i].slot, error.text);
        assert_int_equal(block.slot, blocks[i].slot);
        assert_int_equal(block.proposer, blocks[i].proposer);
        assert_int_equal(block.size, ssz.size);
        assert_hex(roots[i], block.parent);
        assert_hex(roots[i + 1], block.root);
    }
}

/* Cut anywhere but in the proof, or with any byte of the first offset changed. */
static void what_is_no_block_is_refused(void **state)
{
    (void)state;
    struct block_summary block;
    load(6);
    size_t whole = ssz.size, proof_size = 4 + 256;
    for (size_t size = 0; size < whole - proof_size; size++)
        assert_false(block_summarize(bytes_of(ssz.data, size), &block, &error));
    for (size_t i = 0; i < SSZ_OFFSET_SIZE; i++) {
        ssz.data[i] ^= 0x80;
        assert_false(block_summarize(buffer_bytes(&ssz), &block, &error));
        assert_non_null(strstr(error.text, "no signed block"));
        ssz.data[i] ^= 0x80;
    }
    assert_true(block_summarize(buffer_bytes(&ssz), &block, &error));
}

static bool decode(uint64_t start, uint64_t count, struct block_range *range)
{
    uint8_t encoded[BLOCKS_BY_RANGE_SSZ_SIZE];
    blocks_by_range_encode((struct block_range){.start = start, .count = count}, encoded);
    return blocks_by_range_decode(bytes_of(encoded, sizeof(encoded)), range, &error);
}

static void ranges_have_a_count_and_an_end(void **state)
{
    (void)state;
    struct block_range range;
    assert_true(decode(0x0102030405060708, BLOCKS_BY_RANGE_MAX, &range));
    assert_true(range.start == 0x0102030405060708 && range.count == BLOCKS_BY_RANGE_MAX);
    assert_true(decode(UINT64_MAX - 1, 1, &range));
    assert_false(decode(7, 0, &range));
    assert_false(decode(7, BLOCKS_BY_RANGE_MAX + 1, &range));
    assert_false(decode(UINT64_MAX, 1, &range));
    assert_false(blocks_by_range_decode(bytes_of("", 0), &range, &error));
}

/* ---- answers, in whatever pieces ---- */

static struct blocks_reader reader;
static struct buffer answer, payload;

static int clear_answer(void **state)
{
    blocks_reader_clear(&reader);
    buffer_clear(&answer);
    buffer_clear(&payload);
    return clear(state);
}

static void expect_blocks(size_t count)
{
    reader = (struct blocks_reader){.blocks_max = count, .size_max = REQRESP_PAYLOAD_MAX};
}

/* Hands over the answer in pieces of SIZE; returns what it led to in the end. */
static enum blocks_read read_in_pieces(size_t size, uint8_t *code)
{
    enum blocks_read read = BLOCKS_READ_MORE;
    payload.size = 0;
    for (size_t at = 0; at < answer.size && read == BLOCKS_READ_MORE; at += size) {
        size_t left = answer.size - at;
        blocks_reader_add(&reader, bytes_of(answer.data + at, left < size ? left : size));
        do
            read = blocks_reader_next(&reader, code, &payload, &error);
        while (read == BLOCKS_READ_BLOCK);
    }
    return read;
}

static void an_answer_may_come_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const unsigned slots[] = {1, 9, 6};
    struct buffer expected = {0};
    for (size_t i = 0; i < 3; i++) {
        load(slots[i]);
        buffer_append(&expected, ssz.data, ssz.size);
        reqresp_encode_response(REQRESP_SUCCESS, buffer_bytes(&ssz), &answer);
    }
    static const size_t sizes[] = {1, 2, 3, 7, 1200, 65536, 1000000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        uint8_t code = 0;
        expect_blocks(3);
        assert_int_equal(read_in_pieces(sizes[i], &code), BLOCKS_READ_MORE);
        assert_true(blocks_reader_end(&reader, &error));
        assert_int_equal(reader.blocks, 3);
        assert_true(bytes_equal(buffer_bytes(&payload), buffer_bytes(&expected)));
        blocks_reader_clear(&reader);
    }
    buffer_clear(&expected);
}

static void an_answer_that_ends_within_a_chunk_is_not_whole(void **state)
{
    (void)state;
    load(5);
    reqresp_encode_response(REQRESP_SUCCESS, buffer_bytes(&ssz), &answer);
    size_t whole = answer.size;
    for (answer.size = 0; answer.size < whole; answer.size++) {
        uint8_t code = 0;
        expect_blocks(1);
        assert_int_equal(read_in_pieces(1, &code), BLOCKS_READ_MORE);
        assert_true(blocks_reader_end(&reader, &error) == (answer.size == 0));
        blocks_reader_clear(&reader);
    }
}

static void an_answer_is_held_to_its_limits(void **state)
{
    (void)state;
    uint8_t code = 0;
    load(5);
    reqresp_encode_response(REQRESP_SUCCESS, buffer_bytes(&ssz), &answer);
    reqresp_encode_response(REQRESP_SUCCESS, buffer_bytes(&ssz), &answer);
    expect_blocks(1);
    assert_int_equal(read_in_pieces(1, &code), BLOCKS_READ_MALFORMED);
    assert_string_equal(error.text, "more blocks than were asked for (1)");
    assert_true(bytes_equal(buffer_bytes(&payload), buffer_bytes(&ssz)));
    blocks_reader_clear(&reader);

    expect_blocks(2);
    reader.size_max = ssz.size - 1;
    assert_int_equal(read_in_pieces(1, &code), BLOCKS_READ_MALFORMED);
    assert_non_null(strstr(error.text, "bytes announced, at most"));
    blocks_reader_clear(&reader);

    /* Padding, which may be skipped, without end. */
    answer.size = 0;
    buffer_append(&answer, "\0\x10\xff\x06\0\0sNaPpY\xfe\0\0\x10", 16);
    memset(buffer_extend(&answer, 1 << 20), 0, 1 << 20);
    expect_blocks(1);
    reader.size_max = 16;
    assert_int_equal(read_in_pieces(1000, &code), BLOCKS_READ_MALFORMED);
    assert_non_null(strstr(error.text, "a chunk of the answer takes more than"));
    assert_true(reader.input.size < 2 * reqresp_encoded_max(16) + 1000);
}

static void a_refusal_may_come_behind_blocks(void **state)
{
    (void)state;
    uint8_t code = 0;
    load(5);
    reqresp_encode_response(REQRESP_SUCCESS, buffer_bytes(&ssz), &answer);
    reqresp_encode_response(REQRESP_SERVER_ERROR, bytes_of_text("no more"), &answer);
    expect_blocks(2);
    assert_int_equal(read_in_pieces(1, &code), BLOCKS_READ_REFUSED);
    assert_int_equal(code, REQRESP_SERVER_ERROR);
    assert_int_equal(reader.blocks, 1);
    assert_true(
        bytes_equal(bytes_after(buffer_bytes(&payload), ssz.size), bytes_of_text("no more")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_block_says_slot_proposer_parent_and_root, clear),
        cmocka_unit_test_teardown(what_is_no_block_is_refused, clear),
        cmocka_unit_test(ranges_have_a_count_and_an_end),
        cmocka_unit_test_teardown(an_answer_may_come_in_pieces_of_any_size, clear_answer),
        cmocka_unit_test_teardown(an_answer_that_ends_within_a_chunk_is_not_whole, clear_answer),
        cmocka_unit_test_teardown(an_answer_is_held_to_its_limits, clear_answer),
        cmocka_unit_test_teardown(a_refusal_may_come_behind_blocks, clear_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
