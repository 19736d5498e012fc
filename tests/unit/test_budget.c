#include "common/budget.h"

#include "tests/unit/support.h"

enum { SECOND_NS = 1000000000 };

static unsigned take_all(struct budget *budget, uint64_t now_ns)
{
    unsigned count = 0;
    while (budget_take(budget, now_ns))
        count++;
    return count;
}

static void it_is_full_at_first_and_after_a_second(void **state)
{
    (void)state;
    struct budget budget = budget_full(100, 5);
    assert_int_equal(take_all(&budget, 5), 100);
    assert_int_equal(take_all(&budget, 5 + SECOND_NS / 2), 50);
    assert_int_equal(take_all(&budget, 5 + SECOND_NS / 2 + 60ULL * SECOND_NS), 100);
}

static void it_refills_however_often_it_is_asked(void **state)
{
    (void)state;
    struct budget budget = budget_full(100, 0);
    take_all(&budget, 0);
    unsigned count = 0;
    for (uint64_t now = 0; now <= 2ULL * SECOND_NS; now += 1000003)
        count += budget_take(&budget, now);
    assert_in_range(count, 198, 200);
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
    (void)state;
    struct budget budget = budget_full(10, SECOND_NS);
    assert_int_equal(take_all(&budget, SECOND_NS), 10);
    assert_int_equal(take_all(&budget, 0), 0);
    assert_int_equal(take_all(&budget, SECOND_NS / 2), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_full_at_first_and_after_a_second),
        cmocka_unit_test(it_refills_however_often_it_is_asked),
        cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
