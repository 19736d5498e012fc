#include "net/api/status_json.h"

#include <stdlib.h>

#include "tests/unit/support.h"
#include "tests/unit/vectors.h"

#define ROOT "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static struct status status;
static struct error error;

static void check_vector(const json_t *vector)
{
    struct buffer ssz = vector_bytes(vector, "serialized");
    uint8_t encoded[STATUS_SSZ_SIZE];
    assert_true(status_decode(buffer_bytes(&ssz), &status, &error));
    status_encode(&status, encoded);
    assert_true(bytes_equal(bytes_of(encoded, sizeof(encoded)), buffer_bytes(&ssz)));
    buffer_clear(&ssz);

    json_t *json = status_json(&status);
    const char *names[] = {"finalized", "head"};
    for (size_t i = 0; i < 2; i++) {
        json_t *actual = json_object_get(json, names[i]);
        json_t *expected = json_object_get(json_object_get(vector, "value"), names[i]);
        assert_string_equal(vector_text(actual, "root"), vector_text(expected, "root"));
        assert_true(json_number_value(json_object_get(actual, "slot")) ==
                    json_number_value(json_object_get(expected, "slot")));
    }
    json_decref(json);
}

static void statuses_are_what_the_vectors_hold(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("ssz.json");
    size_t i, tried = 0;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        if (strcmp(vector_text(vector, "type"), "Status") != 0)
            continue;
        check_vector(vector);
        tried++;
    }
    assert_int_not_equal(tried, 0);
    json_decref(vectors);
}

static void another_size_is_refused(void **state)
{
    (void)state;
    uint8_t ssz[STATUS_SSZ_SIZE + 1] = {0};
    assert_false(status_decode(bytes_of(ssz, STATUS_SSZ_SIZE - 1), &status, &error));
    assert_string_equal(error.text, "status: 79 bytes of SSZ, expected 80");
    assert_false(status_decode(bytes_of(ssz, STATUS_SSZ_SIZE + 1), &status, &error));
    assert_false(status_decode(bytes_of(NULL, 0), &status, &error));
}

static void the_largest_slot_survives_as_a_number(void **state)
{
    (void)state;
    status = (struct status){.head.slot = UINT64_MAX};
    json_t *json = status_json(&status);
    json_t *slot = json_object_get(json_object_get(json, "head"), "slot");
    assert_true(json_number_value(slot) == (double)UINT64_MAX);
    json_decref(json);
}

static void checkpoints_are_parsed(void **state)
{
    (void)state;
    struct status_checkpoint plain, prefixed;
    assert_true(status_checkpoint_parse(ROOT ":0", &plain, &error));
    assert_int_equal(plain.root[1], 0x11);
    assert_int_equal(plain.root[31], 0xff);
    assert_int_equal(plain.slot, 0);
    assert_true(status_checkpoint_parse("0x" ROOT ":18446744073709551615", &prefixed, &error));
    assert_memory_equal(plain.root, prefixed.root, STATUS_ROOT_SIZE);
    assert_true(prefixed.slot == UINT64_MAX);
}

static void what_is_no_checkpoint_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    const char *texts[] = {
        "",
        ROOT,
        ":",
        ":1",
        ROOT ":",
        ROOT ":-1",
        ROOT ": 1",
        ROOT ":1x",
        ROOT "0:1",
        "0x0x" ROOT ":1",
        "0x" ROOT "",
        "g" ROOT ":1",
        "0x"
        ":1",
        ROOT ":1:1",
        ROOT ":18446744073709551616",
        "0x00:1",
        " " ROOT ":1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct status_checkpoint checkpoint = {.slot = 42};
        if (status_checkpoint_parse(texts[i], &checkpoint, &error))
            fail_msg("\"%s\" was taken", texts[i]);
        assert_int_equal(checkpoint.slot, 42);
    }
}

static void two_roots_finalized_at_one_slot_contradict_each_other(void **state)
{
    (void)state;
    struct status one = {.finalized = {.slot = 7}, .head = {.slot = 9}};
    struct status two = one;
    two.finalized.root[31] = 1;
    assert_false(status_contradicts(&one, &two)); /* a root of zero is no claim */
    one.finalized.root[31] = 2;
    assert_true(status_contradicts(&one, &two));
    assert_true(status_contradicts(&two, &one));
    two.finalized.slot = 8;
    assert_false(status_contradicts(&one, &two));
    two = one;
    two.head.root[0] = 1;
    assert_false(status_contradicts(&one, &two));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_are_what_the_vectors_hold),
        cmocka_unit_test(another_size_is_refused),
        cmocka_unit_test(the_largest_slot_survives_as_a_number),
        cmocka_unit_test(two_roots_finalized_at_one_slot_contradict_each_other),
        cmocka_unit_test(checkpoints_are_parsed),
        cmocka_unit_test(what_is_no_checkpoint_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
