/* Lean's topics by their parts. What is one and how it is written is in the vectors. */
#include "net/gossipsub/lean_topic.h"

#include "tests/unit/support.h"

static void the_short_form_names_what_follows_its_colon(void **state)
{
    (void)state;
    assert_string_equal(lean_topic_name_in_short("lean:block"), "block");
    assert_string_equal(lean_topic_name_in_short("lean:"), "");
    assert_null(lean_topic_name_in_short("lean"));
    assert_null(lean_topic_name_in_short("/leanconsensus/1/block/ssz_snappy"));
}

static void expect_network(const char *topic, const char *expected)
{
    struct bytes network;
    assert_true(lean_topic_network(topic, &network));
    assert_true(bytes_equal(network, bytes_of_text(expected)));
}

/* Of a foreign node all that begins so tells on which network it is. */
static void the_network_is_that_of_whatever_begins_as_a_topic(void **state)
{
    (void)state;
    expect_network("/leanconsensus/devnet0/block/ssz_snappy", "devnet0");
    expect_network("/leanconsensus/1/t", "1");
    expect_network("/leanconsensus/1", "1");
    expect_network("/leanconsensus/", "");
    struct bytes network;
    assert_false(lean_topic_network("/leanconsensus", &network));
    assert_false(lean_topic_network("leanconsensus/1/t", &network));
}

static void what_is_no_topic_of_leans_is_not_read(void **state)
{
    (void)state;
    const char *topics[] = {
        "",
        "block",
        "/leanconsensus/1",
        "/leanconsensus/1/t",
        "/leanconsensus//t/ssz_snappy",
        "/leanconsensus/1//ssz_snappy",
        "/leanconsensus/1/ssz_snappy",
        "/leanconsensus/1/t/ssz",
        "/leanconsensus/1/t/u/ssz_snappy",
        "/leanconsensus/1/t/ssz_snappy/",
    };
    struct bytes network, name;
    for (size_t i = 0; i < sizeof(topics) / sizeof(*topics); i++)
        if (lean_topic_read(topics[i], &network, &name))
            fail_msg("\"%s\" was taken", topics[i]);
    assert_true(lean_topic_read("/leanconsensus/1/t/ssz_snappy", &network, &name));
    assert_true(bytes_equal(network, bytes_of_text("1")));
    assert_true(bytes_equal(name, bytes_of_text("t")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_short_form_names_what_follows_its_colon),
        cmocka_unit_test(the_network_is_that_of_whatever_begins_as_a_topic),
        cmocka_unit_test(what_is_no_topic_of_leans_is_not_read),
    };
    return cmocka_run_group_tests_name("lean_topic", tests, NULL, NULL);
}
