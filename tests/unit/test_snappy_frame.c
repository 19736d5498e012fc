#include "common/snappy_frame.h"

#include <snappy-c.h>
#include <stdlib.h>

#include "tests/unit/support.h"
#include "tests/unit/vectors.h"

#define IDENTIFIER "\xff\x06\x00\x00sNaPpY"
#define ONE_TO_FOUR "\x01\x08\x00\x00\x39\x3d\x6b\xbc\x01\x02\x03\x04"

enum { LIMIT = 1 << 20 };

/* A string literal without its NUL. */
#define LITERAL(text) bytes_of(text, sizeof(text) - 1)

static struct buffer output;
static struct error error;

static int clear(void **state)
{
    (void)state;
    buffer_clear(&output);
    return 0;
}

/* Encoders may choose other matches, so bytes are not compared, but what they decode to. */
static void frames_decode_to_what_the_vectors_hold(void **state)
{
    json_t *vectors = vectors_load("snappy_frame.json");
    size_t i;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        struct buffer data = vector_bytes(json_object_get(vector, "input"), "data");
        struct buffer framed = vector_bytes(json_object_get(vector, "output"), "framed");
        if (!snappy_frame_decode(buffer_bytes(&framed), data.size, &output, &error))
            fail_msg("%s: %s", vector_text(vector, "name"), error.text);
        assert_true(bytes_equal(buffer_bytes(&output), buffer_bytes(&data)));
        clear(state);

        struct buffer ours = {0};
        snappy_frame_encode(buffer_bytes(&data), &ours);
        assert_true(snappy_frame_decode(buffer_bytes(&ours), data.size, &output, &error));
        assert_true(bytes_equal(buffer_bytes(&output), buffer_bytes(&data)));
        assert_true(ours.size <= snappy_frame_encoded_max(data.size));
        clear(state);
        buffer_clear(&ours);
        buffer_clear(&framed);
        buffer_clear(&data);
    }
    json_decref(vectors);
}

static void blocks_decode_to_what_the_vectors_hold(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("snappy_block.json");
    size_t i;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        struct buffer data = vector_bytes(json_object_get(vector, "input"), "data");
        struct buffer block = vector_bytes(json_object_get(vector, "output"), "compressed");
        size_t size = data.size;
        char *uncompressed = malloc(size + 1);
        assert_int_equal(snappy_uncompress((char *)block.data, block.size, uncompressed, &size),
                         SNAPPY_OK);
        assert_true(bytes_equal(bytes_of(uncompressed, size), buffer_bytes(&data)));
        free(uncompressed);
        buffer_clear(&block);
        buffer_clear(&data);
    }
    json_decref(vectors);
}

static void broken_frames_are_refused(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("decode_failure.json");
    size_t i, tried = 0;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        if (strcmp(vector_text(vector, "decoder"), "snappy_frame") != 0)
            continue;
        struct buffer input = vector_bytes(vector, "input");
        assert_false(snappy_frame_decode(buffer_bytes(&input), LIMIT, &output, &error));
        buffer_clear(&input);
        tried++;
    }
    assert_int_not_equal(tried, 0);
    json_decref(vectors);
}

static void assert_refused(struct bytes input, const char *reason)
{
    output.size = 0;
    buffer_append_byte(&output, 'x');
    assert_false(snappy_frame_decode(input, LIMIT, &output, &error));
    if (strstr(error.text, reason) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", reason, error.text);
    assert_int_equal(output.size, 1);
}

static void each_demand_of_the_format_is_made(void **state)
{
    (void)state;
    assert_refused(LITERAL(""), "ends within");
    assert_refused(LITERAL(ONE_TO_FOUR), "no stream identifier");
    assert_refused(LITERAL("\xff\x06\x00\x00sNaPpX"), "identifier");
    assert_refused(LITERAL("\xff\x05\x00\x00sNaPp"), "identifier");
    assert_refused(LITERAL(IDENTIFIER "\x02\x00\x00\x00"), "0x02");
    assert_refused(LITERAL(IDENTIFIER "\x7f\x00\x00\x00"), "0x7f");
    assert_refused(LITERAL(IDENTIFIER "\x01\x08\x00\x00\x39\x3d\x6b\xbd\x01\x02\x03\x04"),
                   "checksum");
    assert_refused(LITERAL(IDENTIFIER "\x01\x08\x00\x00\x39\x3d\x6b\xbc\x01\x02\x03"),
                   "ends within");
    assert_refused(LITERAL(IDENTIFIER "\x01\x03\x00\x00\x39\x3d\x6b"), "3 bytes");
    assert_refused(LITERAL(IDENTIFIER "\x01\x05\x00\x01"), "65541 bytes");
    assert_refused(LITERAL(IDENTIFIER "\x00\x06\x00\x00\x39\x3d\x6b\xbc\x04\xff"),
                   "cannot be uncompressed");
    /* 65537 bytes announced within a compressed chunk */
    assert_refused(LITERAL(IDENTIFIER "\x00\x08\x00\x00\x39\x3d\x6b\xbc\x81\x80\x04\x00"),
                   "wrong length");
    assert_refused(LITERAL(IDENTIFIER "\x00\x04\x00\x00\x39\x3d\x6b\xbc"), "wrong length");
}

static void padding_and_repeated_identifiers_are_passed_over(void **state)
{
    (void)state;
    assert_true(
        snappy_frame_decode(LITERAL(IDENTIFIER "\xfe\x02\x00\x00\x00\x00" IDENTIFIER
                                               "\x80\x01\x00\x00?" ONE_TO_FOUR "\xfd\x00\x00\x00"),
                            4, &output, &error));
    assert_true(bytes_equal(buffer_bytes(&output), LITERAL("\x01\x02\x03\x04")));
}

static void chunks_without_data_are_taken(void **state)
{
    (void)state;
    assert_true(snappy_frame_decode(LITERAL(IDENTIFIER "\x01\x04\x00\x00\xd8\xea\x82\xa2"
                                                       "\x00\x05\x00\x00\xd8\xea\x82\xa2\x00"),
                                    0, &output, &error));
    assert_int_equal(output.size, 0);
}

static void the_limit_counts_uncompressed_bytes(void **state)
{
    (void)state;
    struct bytes input = LITERAL(IDENTIFIER ONE_TO_FOUR);
    assert_false(snappy_frame_decode(input, 3, &output, &error));
    assert_int_equal(output.size, 0);
    assert_true(snappy_frame_decode(input, 4, &output, &error));
}

static void a_prefix_waits_for_its_last_byte_and_takes_no_more(void **state)
{
    (void)state;
    struct bytes input = LITERAL(IDENTIFIER ONE_TO_FOUR "\x03next");
    long whole = sizeof(IDENTIFIER ONE_TO_FOUR) - 1;
    for (size_t size = 0; size < input.size; size++) {
        long taken = snappy_frame_decode_prefix(bytes_of(input.data, size), 4, &output, &error);
        assert_int_equal(taken, (long)size < whole ? 0 : whole);
    }
    assert_int_equal(snappy_frame_decode_prefix(input, 3, &output, &error), -1);
    assert_int_equal(snappy_frame_decode_prefix(input, 5, &output, &error), -1);
    assert_int_equal(snappy_frame_decode_prefix(LITERAL(IDENTIFIER "\x03next"), 0, &output, &error),
                     10);
}

static void chunks_without_end_are_refused(void **state)
{
    (void)state;
    struct buffer input = {0};
    buffer_append(&input, IDENTIFIER, 10);
    for (size_t i = 1; i < SNAPPY_FRAME_CHUNKS_MAX; i++)
        buffer_append(&input, "\xfe\x00\x00\x00", 4);
    assert_true(snappy_frame_decode(buffer_bytes(&input), LIMIT, &output, &error));
    buffer_append(&input, "\xfe\x00\x00\x00", 4);
    assert_refused(buffer_bytes(&input), "too many");
    buffer_clear(&input);
}

#define CASE(function) cmocka_unit_test_teardown(function, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(frames_decode_to_what_the_vectors_hold),
        CASE(blocks_decode_to_what_the_vectors_hold),
        CASE(broken_frames_are_refused),
        CASE(each_demand_of_the_format_is_made),
        CASE(padding_and_repeated_identifiers_are_passed_over),
        CASE(chunks_without_data_are_taken),
        CASE(the_limit_counts_uncompressed_bytes),
        CASE(a_prefix_waits_for_its_last_byte_and_takes_no_more),
        CASE(chunks_without_end_are_refused),
    };
    return cmocka_run_group_tests_name("snappy_frame", tests, NULL, NULL);
}
