#include <stdlib.h>
#include <string.h>

#include "net/relay/delay_queue.h"
#include "net/relay/impairment.h"
#include "net/relay/links.h"
#include "tests/unit/support.h"

enum { RUNS = 20000, MS = 1000000 };

static void a_path_without_impairment_leaves_datagrams_alone(void **state)
{
    (void)state;
    const struct impairment none = {.seed = 7};
    for (uint64_t number = 1; number <= 100; number++) {
        struct impairment_decision decision = impairment_decide(&none, FROM_SERVER, number);
        assert_false(decision.drop || decision.duplicate || decision.hold);
        assert_int_equal(decision.delay_ns, 0);
    }
}

static void a_hundred_percent_is_every_datagram(void **state)
{
    (void)state;
    const struct impairment all = {
        .loss_percent = 100, .duplicate_percent = 100, .reorder_percent = 100, .delay_ms = 50};
    for (uint64_t number = 1; number <= 1000; number++) {
        struct impairment_decision decision = impairment_decide(&all, FROM_CLIENT, number);
        assert_true(decision.drop && decision.duplicate && decision.hold);
        assert_int_equal(decision.delay_ns, (50 + IMPAIRMENT_HOLD_MS) * MS);
    }
}

static void shares_are_as_asked_for_and_independent(void **state)
{
    (void)state;
    const struct impairment impairment = {
        .seed = 3, .loss_percent = 10, .duplicate_percent = 20, .reorder_percent = 30};
    unsigned drops = 0, duplicates = 0, holds = 0, drops_and_duplicates = 0;
    for (uint64_t number = 1; number <= RUNS; number++) {
        struct impairment_decision decision = impairment_decide(&impairment, FROM_CLIENT, number);
        drops += decision.drop;
        duplicates += decision.duplicate;
        holds += decision.hold;
        drops_and_duplicates += decision.drop && decision.duplicate;
    }
    assert_in_range(drops, RUNS * 9 / 100, RUNS * 11 / 100);
    assert_in_range(duplicates, RUNS * 19 / 100, RUNS * 21 / 100);
    assert_in_range(holds, RUNS * 29 / 100, RUNS * 31 / 100);
    assert_in_range(drops_and_duplicates, RUNS * 15 / 1000, RUNS * 25 / 1000);
}

static void jitter_stays_between_nothing_and_its_maximum(void **state)
{
    (void)state;
    const struct impairment impairment = {.delay_ms = 20, .jitter_ms = 10};
    uint64_t least = UINT64_MAX, most = 0;
    for (uint64_t number = 1; number <= RUNS; number++) {
        uint64_t delay = impairment_decide(&impairment, FROM_CLIENT, number).delay_ns;
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    assert_in_range(least, 20 * MS, 20 * MS + MS / 10);
    assert_in_range(most, 30 * MS - MS / 10, 30 * MS);
}

static unsigned drops_that_differ(const struct impairment *a, enum direction of_a,
                                  const struct impairment *b, enum direction of_b)
{
    unsigned different = 0;
    for (uint64_t number = 1; number <= 1000; number++)
        different +=
            impairment_decide(a, of_a, number).drop != impairment_decide(b, of_b, number).drop;
    return different;
}

static void the_seed_and_the_direction_decide_and_nothing_else(void **state)
{
    (void)state;
    const struct impairment one = {.seed = 1, .loss_percent = 50};
    const struct impairment two = {.seed = 2, .loss_percent = 50};
    const struct impairment more = {
        .seed = 1, .loss_percent = 50, .delay_ms = 9, .duplicate_percent = 5, .reorder_percent = 5};
    assert_int_equal(drops_that_differ(&one, FROM_CLIENT, &one, FROM_CLIENT), 0);
    assert_int_equal(drops_that_differ(&one, FROM_CLIENT, &more, FROM_CLIENT), 0);
    assert_true(drops_that_differ(&one, FROM_CLIENT, &two, FROM_CLIENT) > 400);
    assert_true(drops_that_differ(&one, FROM_CLIENT, &one, FROM_SERVER) > 400);
}

static void listed_datagrams_are_dropped_in_their_direction(void **state)
{
    (void)state;
    struct impairment impairment = {0};
    assert_true(impairment_add_drop(&impairment, "client:3", NULL));
    assert_true(impairment_add_drop(&impairment, "server:1", NULL));
    assert_true(impairment_add_drop(&impairment, "5", NULL));
    for (uint64_t number = 1; number <= 10; number++) {
        assert_int_equal(impairment_decide(&impairment, FROM_CLIENT, number).drop,
                         number == 3 || number == 5);
        assert_int_equal(impairment_decide(&impairment, FROM_SERVER, number).drop, number == 1);
    }
}

static void what_names_no_datagram_is_refused(void **state)
{
    (void)state;
    struct impairment impairment = {0};
    const char *const bad[] = {"",   "0",         "client:", "client:0",
                               "-1", "server:1x", "both:1",  "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct error error = {.text = ""};
        assert_false(impairment_add_drop(&impairment, bad[i], &error));
        assert_non_null(strstr(error.text, bad[i]));
    }
    for (int i = 0; i < IMPAIRMENT_DROPS_MAX; i++)
        assert_true(impairment_add_drop(&impairment, "1", NULL));
    assert_false(impairment_add_drop(&impairment, "1", NULL));
}

static void datagrams_leave_in_the_order_of_their_times_then_of_arrival(void **state)
{
    (void)state;
    struct delay_queue queue = {0};
    assert_true(delay_queue_next(&queue) == UINT64_MAX);
    for (uint32_t i = 0; i < 1000; i++)
        assert_non_null(delay_queue_push(&queue, i * 7919 % 100, bytes_of(&i, sizeof(i))));
    assert_int_equal(delay_queue_next(&queue), 0);
    uint64_t time = 0;
    uint32_t before = 0;
    for (size_t i = 0; i < 1000; i++) {
        struct delayed *delayed = delay_queue_pop(&queue, 99);
        assert_non_null(delayed);
        uint32_t arrival;
        memcpy(&arrival, delayed->data, sizeof(arrival));
        assert_true(delayed->release_ns > time || i == 0 ||
                    (delayed->release_ns == time && arrival > before));
        time = delayed->release_ns;
        before = arrival;
        free(delayed);
    }
    assert_null(delay_queue_pop(&queue, UINT64_MAX));
    assert_int_equal(queue.bytes, 0);
    delay_queue_clear(&queue);
}

static void nothing_leaves_before_its_time(void **state)
{
    (void)state;
    struct delay_queue queue = {0};
    assert_non_null(delay_queue_push(&queue, 100, bytes_of(NULL, 0)));
    assert_null(delay_queue_pop(&queue, 99));
    struct delayed *delayed = delay_queue_pop(&queue, 100);
    assert_non_null(delayed);
    assert_int_equal(delayed->size, 0);
    free(delayed);
    delay_queue_clear(&queue);
}

static void a_full_queue_takes_no_more(void **state)
{
    (void)state;
    static const uint8_t large[1 << 20];
    struct delay_queue queue = {0};
    size_t taken = 0;
    while (delay_queue_push(&queue, taken, bytes_of(large, sizeof(large))) != NULL)
        taken++;
    assert_in_range(taken, 32, DELAY_QUEUE_BYTES_MAX / sizeof(large));
    free(delay_queue_pop(&queue, UINT64_MAX));
    assert_non_null(delay_queue_push(&queue, 0, bytes_of(large, sizeof(large))));
    delay_queue_clear(&queue);
}

static void a_cut_path_lets_nothing_through(void **state)
{
    (void)state;
    const struct impairment cut = {.cut = true, .duplicate_percent = 100};
    for (uint64_t number = 1; number <= 100; number++)
        assert_true(impairment_decide(&cut, FROM_SERVER, number).drop);
}

/* What RULES, which end with NULL, make of a clean path. */
static void rules_make(const char *const *rules, const char *expected)
{
    struct impairment path = {.seed = 1};
    struct path_rule rule, sum = {.settings.seed = 1};
    char text[PATH_TEXT_SIZE];
    for (size_t i = 0; rules[i] != NULL; i++) {
        assert_true(path_rule_parse(rules[i], &rule, NULL));
        path_rule_add(&sum, &rule);
        path_rule_clear(&rule);
    }
    path_rule_apply(&sum, &path);
    path_text(&path, text);
    assert_string_equal(text, expected);
    assert_int_equal(path_is_clean(&path), strcmp(expected, "clean") == 0);
}

static void rules_of_a_path_add_up_and_the_later_counts(void **state)
{
    (void)state;
    rules_make((const char *[]){"a,b:delay=1.5s,loss=0.5,seed=7", NULL},
               "delay=1500ms,loss=0.5,seed=7");
    rules_make((const char *[]){"a,b:loss=5,jitter=2ms", "b,a:loss=0,reorder=1", NULL},
               "jitter=2ms,reorder=1");
    rules_make((const char *[]){"a,b:loss=5", "a,b:clean,delay=3ms", NULL}, "delay=3ms");
    rules_make((const char *[]){"a,b:duplicate=5", "a,b:clean", NULL}, "clean");
    rules_make((const char *[]){"a,b:delay=0", NULL}, "clean");
}

static void a_rule_is_of_two_nodes_in_either_order(void **state)
{
    (void)state;
    struct path_rule rule;
    assert_true(path_rule_parse("a,b:loss=1", &rule, NULL));
    assert_true(path_rule_is_of(&rule, "a", "b"));
    assert_true(path_rule_is_of(&rule, "b", "a"));
    assert_false(path_rule_is_of(&rule, "a", "a"));
    assert_false(path_rule_is_of(&rule, "b", "c"));
    path_rule_clear(&rule);
    assert_true(path_rule_parse("all:loss=1", &rule, NULL));
    assert_null(rule.nodes[0]);
    path_rule_clear(&rule);
}

static void what_is_no_rule_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } wrong[] = {
        {"a,b", "a,b: expected NODE,NODE:KEY=VALUE,... or all:KEY=VALUE,..."},
        {"a:loss=1", "a:loss=1: 'a': expected two nodes, as in node1,node2, or all"},
        {"a,b,c:loss=1", "a,b,c:loss=1: 'a,b,c': expected two nodes, as in node1,node2, or all"},
        {"a,:loss=1", "a,:loss=1: 'a,': expected two nodes, as in node1,node2, or all"},
        {"a,a:loss=1", "a,a:loss=1: a is named twice: a path is between two nodes"},
        {"all:", "all:: '': expected KEY=VALUE, as in delay=50ms, or clean"},
        {"all:loss", "all:loss: 'loss': expected KEY=VALUE, as in delay=50ms, or clean"},
        {"all:los=1", "all:los=1: 'los' is no key: there are delay, jitter, loss, duplicate, "
                      "reorder and seed"},
        {"all:loss=1,loss=2", "all:loss=1,loss=2: loss is said twice"},
        {"all:loss=101", "all:loss=101: loss: '101' is no percentage, from 0 to 100"},
        {"all:loss=-1", "all:loss=-1: loss: '-1' is no percentage, from 0 to 100"},
        {"all:delay=50", "all:delay=50: delay: '50' is not a duration such as 500ms, 4s or 2m"},
        {"all:delay=61s", "all:delay=61s: delay: '61s' is over the maximum of 60 s"},
        {"all:seed=x", "all:seed=x: seed: 'x' is no number"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct path_rule rule;
        struct error error;
        assert_false(path_rule_parse(wrong[i].text, &rule, &error));
        assert_string_equal(error.text, wrong[i].error);
    }
}

static void a_partition_is_of_groups_that_share_nobody(void **state)
{
    (void)state;
    struct error error;
    const struct impairment clean = {.seed = 1};
    struct relay_links *links = relay_links_new(NULL, &clean);
    assert_true(relay_groups_check((const char *[]){"a,b", "c,ab"}, 2, &error));
    relay_links_part(links, (const char *[]){"a,b", "c,ab"}, 2);
    assert_true(relay_links_cut(links, "a", "c"));
    assert_true(relay_links_cut(links, "ab", "b"));
    assert_false(relay_links_cut(links, "a", "b"));
    assert_false(relay_links_cut(links, "a", "d")); /* in no group */
    relay_links_part(links, (const char *[]){"a,b"}, 1);
    assert_false(relay_links_cut(links, "a", "b"));
    assert_true(relay_links_cut(links, "c", "b"));
    assert_false(relay_links_cut(links, "c", "d"));
    relay_links_part(links, NULL, 0);
    assert_false(relay_links_cut(links, "c", "b"));
    relay_links_free(links);
    assert_false(relay_groups_check((const char *[]){"a,b", "c,a"}, 2, &error));
    assert_string_equal(error.text, "a is in two groups: 'a,b' and 'c,a'");
    assert_false(relay_groups_check((const char *[]){"a,,b"}, 1, &error));
    assert_false(relay_groups_check((const char *[]){"a,"}, 1, &error));
    assert_false(relay_groups_check(NULL, 0, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_without_impairment_leaves_datagrams_alone),
        cmocka_unit_test(a_hundred_percent_is_every_datagram),
        cmocka_unit_test(shares_are_as_asked_for_and_independent),
        cmocka_unit_test(jitter_stays_between_nothing_and_its_maximum),
        cmocka_unit_test(the_seed_and_the_direction_decide_and_nothing_else),
        cmocka_unit_test(listed_datagrams_are_dropped_in_their_direction),
        cmocka_unit_test(what_names_no_datagram_is_refused),
        cmocka_unit_test(datagrams_leave_in_the_order_of_their_times_then_of_arrival),
        cmocka_unit_test(nothing_leaves_before_its_time),
        cmocka_unit_test(a_full_queue_takes_no_more),
        cmocka_unit_test(a_cut_path_lets_nothing_through),
        cmocka_unit_test(rules_of_a_path_add_up_and_the_later_counts),
        cmocka_unit_test(a_rule_is_of_two_nodes_in_either_order),
        cmocka_unit_test(what_is_no_rule_is_named),
        cmocka_unit_test(a_partition_is_of_groups_that_share_nobody),
    };
    return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
