#include "net/address/names.h"

#include <stdlib.h>

#include "common/clock.h"
#include "tests/unit/support.h"

static struct names known(void)
{
    struct names names = {0};
    struct error error;
    assert_true(names_add_text(
        &names, "node1=16UiuAAA,http://127.0.0.1:80,/ip4/127.0.0.1/udp/9/quic-v1/p2p/16UiuAAA",
        &error));
    assert_true(names_add_text(&names, "mine=16UiuBBB", &error));
    return names;
}

static void assert_named(const char *text, const char *expected)
{
    struct names names = known();
    char *named = names_put_into(&names, text);
    assert_string_equal(named, expected);
    free(named);
    names_clear(&names);
}

static void ids_become_names(void **state)
{
    (void)state;
    assert_named("mesh: 16UiuAAA -> 16UiuBBB", "mesh: node1 -> mine");
    assert_named("16UiuAAA: (16UiuBBB), 16UiuAAA.\n", "node1: (mine), node1.\n");
    assert_named("the peer_id=16UiuBBB", "the peer_id=mine");
    assert_named("", "");
}

static void what_is_longer_or_not_known_is_left(void **state)
{
    (void)state;
    assert_named("16UiuAAAA x16UiuAAA 16UiuCCC", "16UiuAAAA x16UiuAAA 16UiuCCC");
    assert_named("/ip4/1.2.3.4/udp/9/quic-v1/p2p/16UiuAAA",
                 "/ip4/1.2.3.4/udp/9/quic-v1/p2p/16UiuAAA");
    assert_named("/p2p/16UiuBBB", "/p2p/16UiuBBB");
    assert_named("http://127.0.0.1:801/events", "http://127.0.0.1:801/events");
}

static void urls_and_addresses_follow_the_name(void **state)
{
    (void)state;
    assert_named("http://127.0.0.1:80/events: gone", "node1, http://127.0.0.1:80/events: gone");
    assert_named("http://127.0.0.1:80: gone", "node1, http://127.0.0.1:80: gone");
    assert_named("/ip4/127.0.0.1/udp/9/quic-v1/p2p/16UiuAAA: no answer",
                 "node1, /ip4/127.0.0.1/udp/9/quic-v1/p2p/16UiuAAA: no answer");
}

static void the_first_name_stays(void **state)
{
    (void)state;
    struct names names = known();
    names_add(&names, "16UiuAAA", "other");
    assert_string_equal(names_find(&names, "16UiuAAA"), "node1");
    assert_null(names_find(&names, "16UiuCCC"));
    assert_null(names_find(&names, NULL));
    names_clear(&names);
    assert_null(names_find(&names, "16UiuAAA"));
}

static void what_is_no_name_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "node1", "node1=", "=16UiuAAA"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct names names = {0};
        struct error error;
        assert_false(names_add_text(&names, wrong[i], &error));
        assert_null(names.by_id);
    }
}

static void the_environment_has_one_a_line(void **state)
{
    (void)state;
    struct names names = {0};
    struct error error;
    setenv(NAMES_VARIABLE, "node1=16UiuAAA,http://127.0.0.1:80\nmine=16UiuBBB,\n", 1);
    assert_true(names_add_environment(&names, &error));
    assert_string_equal(names_find(&names, "http://127.0.0.1:80"), "node1");
    assert_string_equal(names_find(&names, "16UiuBBB"), "mine");
    names_clear(&names);
    setenv(NAMES_VARIABLE, "nonsense", 1);
    assert_false(names_add_environment(&names, &error));
    assert_string_equal(error.text, "$DEVNET_NAMES: nonsense: expected NAME=ID, or NAME=ID,ID...");
    unsetenv(NAMES_VARIABLE);
    assert_true(names_add_environment(&names, &error));
    assert_null(names.by_id);
}

static void times_are_as_rfc_3339_has_them(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    clock_text(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_text(1709210096007, text);
    assert_string_equal(text, "2024-02-29T12:34:56.007Z");
    clock_text(UINT64_MAX, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_become_names),
        cmocka_unit_test(what_is_longer_or_not_known_is_left),
        cmocka_unit_test(urls_and_addresses_follow_the_name),
        cmocka_unit_test(the_first_name_stays),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(the_environment_has_one_a_line),
        cmocka_unit_test(times_are_as_rfc_3339_has_them),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
