#include "devnet/propagation.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/support.h"

static const struct propagation_node nodes[] = {
    {"a", "A", true}, {"b", "B", true}, {"c", "C", true}, {"d", "D", false}};

static struct propagation *start(void)
{
    return propagation_new(nodes, 4, 0);
}

/* What the report says, but for its order. */
static void assert_report(const struct propagation *propagation, const char *expected)
{
    json_t *report = propagation_report(propagation);
    char *text = json_dumps(report, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    assert_string_equal(text, expected);
    free(text);
    json_decref(report);
}

static void nothing_published_is_nothing_missing(void **state)
{
    (void)state;
    struct propagation *propagation = start();
    assert_true(propagation_is_complete(propagation));
    assert_report(propagation,
                  "{\"arrivals\":[],\"arrived\":0,\"expected\":0,\"first_ms\":null,\"hops\":null,"
                  "\"last_ms\":null,\"median_ms\":null,\"messages\":0,\"nodes\":["
                  "{\"first_ms\":null,\"from\":{},\"got\":0,\"hops\":null,\"last_ms\":null,"
                  "\"median_ms\":null,\"name\":\"b\"},"
                  "{\"first_ms\":null,\"from\":{},\"got\":0,\"hops\":null,\"last_ms\":null,"
                  "\"median_ms\":null,\"name\":\"c\"}]}");
    propagation_free(propagation);
}

static void hops_follow_the_way_back(void **state)
{
    (void)state;
    struct propagation *propagation = start();
    assert_true(propagation_published(propagation, "m", 1000));
    propagation_arrived(propagation, 2, "m", "B", 4000);
    assert_false(propagation_is_complete(propagation));
    propagation_arrived(propagation, 1, "m", "A", 3000); /* told later than what came of it */
    assert_true(propagation_is_complete(propagation));
    assert_report(
        propagation,
        "{\"arrivals\":[{\"from\":\"a\",\"hops\":1,\"message\":0,\"ms\":2.0,\"node\":\"b\"},"
        "{\"from\":\"b\",\"hops\":2,\"message\":0,\"ms\":3.0,\"node\":\"c\"}],\"arrived\":2,"
        "\"expected\":2,\"first_ms\":2.0,\"hops\":2,\"last_ms\":3.0,\"median_ms\":2.5,"
        "\"messages\":1,\"nodes\":[{\"first_ms\":2.0,\"from\":{\"a\":1},\"got\":1,\"hops\":1,"
        "\"last_ms\":2.0,\"median_ms\":2.0,\"name\":\"b\"},{\"first_ms\":3.0,\"from\":{\"b\":1},"
        "\"got\":1,\"hops\":2,\"last_ms\":3.0,\"median_ms\":3.0,\"name\":\"c\"}]}");
    propagation_free(propagation);
}

/* Of the node NAME in the report, MEMBER; a new reference. */
static json_t *member_of(const struct propagation *propagation, const char *name,
                         const char *member)
{
    json_t *report = propagation_report(propagation), *found = NULL;
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(report, "nodes"), index, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "name")), name) == 0)
            found = json_incref(json_object_get(entry, member));
    }
    json_decref(report);
    return found;
}

static void assert_hops(const struct propagation *propagation, const char *name, int expected)
{
    json_t *hops = member_of(propagation, name, "hops");
    assert_non_null(hops);
    assert_int_equal(json_is_integer(hops) ? json_integer_value(hops) : -1, expected);
    json_decref(hops);
}

static void strangers_and_circles_have_no_hops(void **state)
{
    (void)state;
    struct propagation *propagation = start();
    propagation_published(propagation, "m", 0);
    propagation_arrived(propagation, 1, "m", "somebody", 1);
    propagation_arrived(propagation, 2, "m", "B", 2); /* behind it */
    assert_hops(propagation, "b", -1);
    assert_hops(propagation, "c", -1);
    propagation_published(propagation, "n", 0);
    propagation_arrived(propagation, 1, "n", "C", 1);
    propagation_arrived(propagation, 2, "n", "B", 1);
    assert_hops(propagation, "b", -1);
    propagation_free(propagation);
}

static void only_what_was_published_counts_and_once(void **state)
{
    (void)state;
    struct propagation *propagation = start();
    char hash[70];
    assert_true(propagation_published(propagation, "m", 10));
    assert_false(propagation_published(propagation, "m", 20));
    memset(hash, 'f', sizeof(hash) - 1);
    hash[sizeof(hash) - 1] = '\0';
    assert_false(propagation_published(propagation, hash, 20)); /* no hash */
    propagation_arrived(propagation, 1, hash, "A", 30);
    propagation_arrived(propagation, 1, "other", "A", 30);
    propagation_arrived(propagation, 0, "m", "B", 30); /* back at the origin */
    propagation_arrived(propagation, 3, "m", "A", 30); /* not expected, and told all the same */
    assert_false(propagation_is_complete(propagation));
    propagation_arrived(propagation, 1, "m", "A",
                        5); /* before it was published: no negative time */
    propagation_arrived(propagation, 1, "m", "C", 40); /* again */
    propagation_arrived(propagation, 2, "m", "A", 40);
    assert_true(propagation_is_complete(propagation));
    json_t *from = member_of(propagation, "b", "from"), *got = member_of(propagation, "d", "got"),
           *first = member_of(propagation, "b", "first_ms");
    assert_int_equal(json_integer_value(json_object_get(from, "a")), 1);
    assert_int_equal(json_object_size(from), 1);
    assert_int_equal(json_integer_value(got), 1);
    assert_true(json_real_value(first) == 0);
    json_decref(from);
    json_decref(got);
    json_decref(first);
    propagation_free(propagation);
}

static void there_is_an_end_to_messages(void **state)
{
    (void)state;
    struct propagation *propagation = start();
    char name[24];
    for (int i = 0; i < PROPAGATION_MESSAGES_MAX; i++) {
        snprintf(name, sizeof(name), "%d", i);
        assert_true(propagation_published(propagation, name, 0));
    }
    assert_false(propagation_published(propagation, "one more", 0));
    propagation_free(propagation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_published_is_nothing_missing),
        cmocka_unit_test(hops_follow_the_way_back),
        cmocka_unit_test(strangers_and_circles_have_no_hops),
        cmocka_unit_test(only_what_was_published_counts_and_once),
        cmocka_unit_test(there_is_an_end_to_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
