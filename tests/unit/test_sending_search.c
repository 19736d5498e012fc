/*
 * Every interleaving of two routers over channels that stall and streams that are lost: when all
 * flows again, both believe the same. With a state's number as argument it prints how that state is
 * come to; with a search's number behind it, in which (searches, below). DEEP=1 has all that may
 * happen happen together, in 2.4 million states.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sending_search.h"
#include "tests/unit/support.h"

static const struct sending_bounds twofold = {.channel = 2}, lossy = {.channel = 1, .losses = true},
                                   crowded = {.channel = 1, .stalls = true, .crowds = true},
                                   deep = {.channel = 2, .stalls = true, .crowds = true},
                                   deep_lossy = {.channel = 1,
                                                 .stalls = true,
                                                 .losses = true,
                                                 .crowds = true};

static const struct {
    const struct sending_bounds *bounds;
    unsigned mutation;
    const char *name;
} searches[] = {
    {&twofold, 0, "as it is, two RPCs under way"},
    {&lossy, 0, "as it is, streams are lost"},
    {&crowded, 0, "as it is, channels stall, and meshes are full of others"},
    {&crowded, SENDING_DROPS_WHEN_FULL, "control is dropped while the channel is full"},
    {&lossy, SENDING_FORGETS_UNSUBSCRIBE, "UNSUBSCRIBE is not repeated on a fresh stream"},
    {&lossy, SENDING_FORGETS_PRUNE, "PRUNE is not repeated on a fresh stream"},
    {&crowded, SENDING_FORGETS_IGNORED_GRAFT, "a GRAFT is ignored while UNSUBSCRIBE waits"},
    {&crowded, SENDING_FORGETS_CROSSING, "a GRAFT that UNSUBSCRIBE crosses is not answered"},
    {&deep, 0, "as it is, two RPCs under way, channels stall, and meshes are full of others"},
    {&deep_lossy, 0, "as it is, streams are lost, channels stall, and meshes are full of others"},
};
enum { SEARCHES = sizeof(searches) / sizeof(*searches), MUTANTS_FROM = 3, DEEP_FROM = 8 };

static void run(struct state_search *search, size_t i)
{
    sending_search_run(search, *searches[i].bounds, searches[i].mutation);
}

static void hold(size_t i, size_t happened[SENDING_KINDS])
{
    struct state_search search;
    run(&search, i);
    print_message("%s: %u states, %zu transitions, %s\n", searches[i].name, search.state_count,
                  search.transitions, search.closed ? "closed" : "not closed");
    if (search.violation != NULL) {
        sending_search_print_path(&search, search.violating);
        fail_msg("state %u: %s", search.violating, search.violation);
    }
    assert_true(search.closed);
    for (size_t kind = 0; kind < SENDING_KINDS; kind++)
        happened[kind] += search.happened[kind];
    state_search_clear(&search);
}

static void both_believe_the_same_when_all_flows_again(void **state)
{
    (void)state;
    size_t happened[SENDING_KINDS] = {0};
    for (size_t i = 0; i < MUTANTS_FROM; i++)
        hold(i, happened);
    for (size_t kind = 0; kind < SENDING_KINDS; kind++)
        assert_int_not_equal(happened[kind], 0);
    for (size_t i = DEEP_FROM; getenv("DEEP") != NULL && i < SEARCHES; i++)
        hold(i, happened);
}

static void every_mutant_is_caught(void **state)
{
    (void)state;
    for (size_t i = MUTANTS_FROM; i < DEEP_FROM; i++) {
        struct state_search search;
        run(&search, i);
        print_message("search %zu, %s: state %u: %s\n", i, searches[i].name, search.violating,
                      search.violation != NULL ? search.violation : "not caught");
        assert_non_null(search.violation);
        assert_string_equal(search.violation,
                            "nothing more happens, and the two believe different things");
        state_search_clear(&search);
    }
}

static int print_state(unsigned long number, unsigned long which)
{
    if (which >= SEARCHES) {
        fprintf(stderr, "there are %d searches\n", SEARCHES);
        return 2;
    }
    struct state_search search;
    run(&search, which);
    bool found = number < search.state_count;
    if (found)
        sending_search_print_path(&search, (uint32_t)number);
    else
        fprintf(stderr, "there are %u states\n", search.state_count);
    state_search_clear(&search);
    return found ? 0 : 2;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_believe_the_same_when_all_flows_again),
        cmocka_unit_test(every_mutant_is_caught),
    };
    if (argc > 1)
        return print_state(strtoul(argv[1], NULL, 10), argc > 2 ? strtoul(argv[2], NULL, 10) : 0);
    return cmocka_run_group_tests_name("sending_search", tests, NULL, NULL);
}
