#include "net/protocols/reqresp.h"

#include "common/varint.h"
#include "tests/unit/support.h"
#include "tests/unit/vectors.h"

#define LITERAL(text) bytes_of(text, sizeof(text) - 1)
#define IDENTIFIER "\xff\x06\x00\x00sNaPpY"
#define ONE_TO_FOUR IDENTIFIER "\x01\x08\x00\x00\x39\x3d\x6b\xbc\x01\x02\x03\x04"

static struct buffer payload;
static struct error error;

static int clear(void **state)
{
    (void)state;
    buffer_clear(&payload);
    return 0;
}

static bool decode_request(struct bytes input, size_t limit)
{
    payload.size = 0;
    return reqresp_decode_request(input, limit, &payload, &error);
}

static void requests_decode_to_what_the_vectors_hold(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("reqresp_request.json");
    size_t i;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        struct buffer ssz = vector_bytes(json_object_get(vector, "input"), "sszData");
        struct buffer encoded = vector_bytes(json_object_get(vector, "output"), "encoded");
        if (!decode_request(buffer_bytes(&encoded), ssz.size))
            fail_msg("%s: %s", vector_text(vector, "name"), error.text);
        assert_true(bytes_equal(buffer_bytes(&payload), buffer_bytes(&ssz)));

        encoded.size = 0;
        reqresp_encode_request(buffer_bytes(&ssz), &encoded);
        assert_true(decode_request(buffer_bytes(&encoded), ssz.size));
        assert_true(bytes_equal(buffer_bytes(&payload), buffer_bytes(&ssz)));
        assert_true(encoded.size <= reqresp_encoded_max(ssz.size));
        buffer_clear(&encoded);
        buffer_clear(&ssz);
    }
    json_decref(vectors);
}

/* Decodes one chunk that must be what VECTOR holds; returns the bytes it takes. */
static size_t check_response(struct bytes input, const json_t *vector)
{
    uint8_t code = 99;
    payload.size = 0;
    long taken = reqresp_decode_response(input, REQRESP_PAYLOAD_MAX, &code, &payload, &error);
    if (taken <= 0)
        fail_msg("%s", error.text);
    struct buffer expected = vector_bytes(vector, "sszData");
    assert_int_equal(code, json_number_value(json_object_get(vector, "responseCode")));
    assert_true(bytes_equal(buffer_bytes(&payload), buffer_bytes(&expected)));
    buffer_clear(&expected);
    return (size_t)taken;
}

static void check_response_vector(const json_t *vector)
{
    const json_t *input = json_object_get(vector, "input");
    struct buffer encoded = vector_bytes(json_object_get(vector, "output"), "encoded");
    assert_int_equal(check_response(buffer_bytes(&encoded), input), encoded.size);

    struct buffer data = vector_bytes(input, "sszData");
    enum reqresp_code code =
        (enum reqresp_code)json_number_value(json_object_get(input, "responseCode"));
    encoded.size = 0;
    reqresp_encode_response(code, buffer_bytes(&data), &encoded);
    assert_int_equal(check_response(buffer_bytes(&encoded), input), encoded.size);
    buffer_clear(&data);
    buffer_clear(&encoded);
}

static void responses_decode_to_what_the_vectors_hold(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("reqresp_response.json");
    size_t i;
    json_t *vector;
    json_array_foreach(vectors, i, vector) check_response_vector(vector);
    json_decref(vectors);
}

static void streams_of_responses_decode_chunk_by_chunk(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("reqresp_response_stream.json");
    size_t i, j;
    json_t *vector, *chunk;
    json_array_foreach(vectors, i, vector)
    {
        struct buffer encoded = vector_bytes(json_object_get(vector, "output"), "encoded");
        struct bytes rest = buffer_bytes(&encoded);
        json_array_foreach(json_object_get(json_object_get(vector, "input"), "chunks"), j, chunk)
            rest = bytes_after(rest, check_response(rest, chunk));
        assert_int_equal(rest.size, 0);
        buffer_clear(&encoded);
    }
    json_decref(vectors);
}

static void broken_requests_are_refused(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("decode_failure.json");
    size_t i, tried = 0;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        if (strcmp(vector_text(vector, "decoder"), "reqresp_request") != 0)
            continue;
        struct buffer input = vector_bytes(vector, "input");
        assert_false(decode_request(buffer_bytes(&input), REQRESP_PAYLOAD_MAX));
        buffer_clear(&input);
        tried++;
    }
    assert_int_not_equal(tried, 0);
    json_decref(vectors);
}

static void the_announced_length_must_be_what_is_there(void **state)
{
    (void)state;
    assert_true(decode_request(LITERAL("\x04" ONE_TO_FOUR), 4));
    assert_false(decode_request(LITERAL("\x05" ONE_TO_FOUR), 10));
    assert_string_equal(error.text, "request/response: 5 bytes announced, 4 uncompressed");
    assert_int_equal(payload.size, 0);
    assert_false(decode_request(LITERAL("\x03" ONE_TO_FOUR), 10));
    assert_false(decode_request(LITERAL("\x04" ONE_TO_FOUR), 3));
    assert_string_equal(error.text, "request/response: 4 bytes announced, at most 3 allowed");
    assert_false(decode_request(LITERAL(""), 10));
    assert_false(decode_request(LITERAL("\x00"), 10));
}

static void a_response_waits_for_its_last_byte(void **state)
{
    (void)state;
    struct bytes input = LITERAL("\x00\x04" ONE_TO_FOUR);
    uint8_t code;
    for (size_t size = 0; size < input.size; size++)
        assert_int_equal(
            reqresp_decode_response(bytes_of(input.data, size), 4, &code, &payload, &error), 0);
    assert_int_equal(payload.size, 0);
    assert_int_equal(reqresp_decode_response(input, 4, &code, &payload, &error), input.size);
    assert_int_equal(payload.size, 4);
}

static void a_response_over_the_limit_fails_before_its_data_has_come(void **state)
{
    (void)state;
    uint8_t code;
    assert_int_equal(reqresp_decode_response(LITERAL("\x00\x51"), 80, &code, &payload, &error), -1);
    assert_int_equal(
        reqresp_decode_response(LITERAL("\x02\x81\x02"), 10000, &code, &payload, &error), -1);
    assert_string_equal(error.text, "request/response: 257 bytes announced, at most 256 allowed");
    assert_int_equal(
        reqresp_decode_response(LITERAL("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), 80, &code,
                                &payload, &error),
        -1);
}

static void an_answer_without_a_code_is_told_from_an_error(void **state)
{
    (void)state;
    uint8_t code;
    assert_int_equal(reqresp_decode_response(LITERAL("\x50\xff\x06"), 80, &code, &payload, &error),
                     -1);
    assert_string_equal(error.text, "request/response: no code before the length");
    assert_int_equal(reqresp_decode_response(LITERAL("\x50\xff"), 80, &code, &payload, &error), 0);
    assert_int_equal(
        reqresp_decode_response(LITERAL("\x50\x04" ONE_TO_FOUR), 80, &code, &payload, &error), 24);
    assert_int_equal(code, 0x50);
}

static void an_error_fits_where_a_short_answer_was_expected(void **state)
{
    (void)state;
    struct buffer encoded = {0};
    uint8_t text[REQRESP_ERROR_TEXT_MAX], code;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 167);
    reqresp_encode_response(REQRESP_RESOURCE_UNAVAILABLE, bytes_of(text, sizeof(text)), &encoded);
    assert_true(encoded.size <= reqresp_encoded_max(80));
    assert_int_equal(reqresp_decode_response(buffer_bytes(&encoded), 80, &code, &payload, &error),
                     encoded.size);
    assert_int_equal(code, REQRESP_RESOURCE_UNAVAILABLE);
    buffer_clear(&encoded);
}

#define CASE(function) cmocka_unit_test_teardown(function, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(requests_decode_to_what_the_vectors_hold),
        CASE(responses_decode_to_what_the_vectors_hold),
        CASE(streams_of_responses_decode_chunk_by_chunk),
        CASE(broken_requests_are_refused),
        CASE(the_announced_length_must_be_what_is_there),
        CASE(a_response_waits_for_its_last_byte),
        CASE(a_response_over_the_limit_fails_before_its_data_has_come),
        CASE(an_answer_without_a_code_is_told_from_an_error),
        CASE(an_error_fits_where_a_short_answer_was_expected),
    };
    return cmocka_run_group_tests_name("reqresp", tests, NULL, NULL);
}
