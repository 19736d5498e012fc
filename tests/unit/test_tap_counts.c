/* What was seen of a node, in all and a second. */
#include "net/tap/counts.h"

#include "tests/unit/support.h"

static const struct tap_fact opened = {.kind = TAP_FACT_OPENED};

static double rate(const struct node_counts *counts, uint64_t now_s)
{
    return counter_rate(&counts->facts[TAP_FACT_OPENED], now_s);
}

static void assert_about(double value, double expected)
{
    assert_true(value > expected - 1e-9 && value < expected + 1e-9);
}

static void a_rate_is_of_the_last_seconds(void **state)
{
    (void)state;
    struct node_counts counts = {0};
    assert_about(rate(&counts, 0), 0);
    for (int i = 0; i < 5; i++)
        node_counts_add(&counts, &opened, 1000);
    assert_about(rate(&counts, 1000), 0.5);
    node_counts_add(&counts, &opened, 1004);
    assert_about(rate(&counts, 1004), 0.6);
    assert_about(rate(&counts, 1000 + RATE_SECONDS - 1), 0.6);
    assert_about(rate(&counts, 1000 + RATE_SECONDS), 0.1); /* those of the first are too old */
    assert_about(rate(&counts, 1004 + RATE_SECONDS), 0);
    assert_int_equal(counts.facts[TAP_FACT_OPENED].total, 6);
}

static void asking_for_a_rate_forgets_nothing(void **state)
{
    (void)state;
    struct node_counts counts = {0};
    node_counts_add(&counts, &opened, 7);
    assert_about(rate(&counts, 7 + 3 * RATE_SECONDS), 0);
    assert_about(rate(&counts, 7), 0.1);
}

static void what_comes_after_a_long_silence_is_alone(void **state)
{
    (void)state;
    struct node_counts counts = {0};
    for (uint64_t second = 0; second < 2 * RATE_SECONDS; second++)
        node_counts_add(&counts, &opened, second);
    assert_about(rate(&counts, 2 * RATE_SECONDS - 1), 1);
    node_counts_add(&counts, &opened, 1000 * 1000 + 3);
    assert_about(rate(&counts, 1000 * 1000 + 3), 0.1);
    assert_int_equal(counts.facts[TAP_FACT_OPENED].total, 2 * RATE_SECONDS + 1);
}

static void hear_rpc(struct node_counts *counts, const struct skimmed_rpc *rpc)
{
    const struct tap_fact fact = {.kind = TAP_FACT_RPC, .rpc = rpc};
    node_counts_add(counts, &fact, 0);
}

static void rpcs_are_counted_by_what_they_hold(void **state)
{
    (void)state;
    struct node_counts counts = {0};
    hear_rpc(&counts, &(struct skimmed_rpc){.size = 100, .message_count = 3, .signed_count = 1});
    hear_rpc(&counts, &(struct skimmed_rpc){.size = 20, .malformed = true});
    assert_int_equal(counts.facts[TAP_FACT_RPC].total, 2);
    assert_int_equal(counts.messages.total, 3);
    assert_int_equal(counts.rpc_bytes.total, 120);
    assert_about(counter_rate(&counts.rpc_bytes, 0), 12);
    assert_int_equal(counts.signed_messages, 1);
    assert_int_equal(counts.malformed_rpcs, 1);
}

static void an_rpc_is_over_each_limit_that_it_is_larger_than(void **state)
{
    (void)state;
    struct node_counts counts = {0};
    for (size_t i = 0; i < RPC_LIMITS; i++) {
        hear_rpc(&counts, &(struct skimmed_rpc){.size = rpc_limits[i].size});
        hear_rpc(&counts, &(struct skimmed_rpc){.size = rpc_limits[i].size + 1});
    }
    for (size_t i = 0; i < RPC_LIMITS; i++)
        assert_int_equal(counts.over_limits[i], 2 * (RPC_LIMITS - i) - 1);
}

static void contradictions_are_counted(void **state)
{
    (void)state;
    struct node_counts counts = {0};
    node_counts_add(&counts, &(struct tap_fact){.kind = TAP_FACT_STATUS, .contradicts = true}, 0);
    node_counts_add(&counts, &(struct tap_fact){.kind = TAP_FACT_STATUS}, 0);
    assert_int_equal(counts.facts[TAP_FACT_STATUS].total, 2);
    assert_int_equal(counts.contradictions, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_of_the_last_seconds),
        cmocka_unit_test(asking_for_a_rate_forgets_nothing),
        cmocka_unit_test(what_comes_after_a_long_silence_is_alone),
        cmocka_unit_test(rpcs_are_counted_by_what_they_hold),
        cmocka_unit_test(an_rpc_is_over_each_limit_that_it_is_larger_than),
        cmocka_unit_test(contradictions_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
