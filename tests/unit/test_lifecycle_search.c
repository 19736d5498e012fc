/*
 * Every interleaving of two peers over at most two connections, with any number of hostile events.
 * With a state's number as argument it prints how that state is come to; with a mutant's number
 * behind it, how that mutant comes to it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "net/host/lifecycle_search.h"
#include "tests/unit/lifecycle_mutants.h"
#include "tests/unit/support.h"

static void print_step(const struct state_search *search, const struct lifecycle_module *module,
                       uint32_t state, size_t step)
{
    static const char *const states[] = {"none", "opening", "open", "waiting"};
    static const char *const phases[] = {"none",    "proposed", "echoed", "established",
                                         "refused", "reset",    "ended",  "deaf"};
    static const char ends[] = "-+x";
    struct lifecycle_model_event event = lifecycle_search_event(search, state);
    struct lifecycle_model_view view =
        lifecycle_model_view(module, lifecycle_search_key(search, state));
    fprintf(stderr, "%3zu. %s %c, connection %d: %-49s [", step,
            lifecycle_model_is_hostile(event) ? "hostile:" : "        ", "AB"[event.side],
            event.connection, lifecycle_model_event_text(event));
    fprintf(stderr, "connections %c%c %c%c; A %s, stream %s; B %s, stream %s]\n",
            ends[view.ends[0][0]], ends[view.ends[0][1]], ends[view.ends[1][0]],
            ends[view.ends[1][1]], states[view.states[0]], phases[view.streams[0]],
            states[view.states[1]], phases[view.streams[1]]);
}

/* How STATE is come to, an event a line. */
static void print_path(const struct state_search *search, const struct lifecycle_module *module,
                       uint32_t state)
{
    size_t length;
    uint32_t *path = state_search_path(search, state, &length);
    for (size_t i = 0; i < length; i++)
        print_step(search, module, path[i], i + 1);
    free(path);
}

static void one_stream_each_way_whatever_happens(void **state)
{
    (void)state;
    struct state_search search;
    lifecycle_search_run(&search, &lifecycle_real);
    print_message("%s: %u states, %zu transitions, %s; settled after at most %u events\n",
                  lifecycle_real.name, search.state_count, search.transitions,
                  search.closed ? "closed" : "not closed", search.longest_way);
    if (search.violation != NULL) {
        print_path(&search, &lifecycle_real, search.violating);
        fail_msg("state %u: %s", search.violating, search.violation);
    }
    assert_true(search.closed);
    for (size_t kind = 0; kind < LIFECYCLE_MODEL_KINDS; kind++)
        assert_int_not_equal(search.happened[kind], 0);
    state_search_clear(&search);
}

static void every_mutant_is_caught(void **state)
{
    (void)state;
    for (size_t i = 0; i < lifecycle_mutant_count; i++) {
        const struct lifecycle_mutant mutant = lifecycle_mutant(i);
        struct state_search search;
        lifecycle_search_run(&search, &mutant.module);
        print_message("mutant %zu %s: state %u: %s\n", i + 1, mutant.module.name, search.violating,
                      search.violation != NULL ? search.violation : "not caught");
        assert_non_null(search.violation);
        assert_string_equal(search.violation, mutant.violation);
        state_search_clear(&search);
    }
}

static int print_state(unsigned long number, unsigned long mutant)
{
    if (mutant > lifecycle_mutant_count) {
        fprintf(stderr, "there are %zu mutants\n", lifecycle_mutant_count);
        return 2;
    }
    struct state_search search;
    const struct lifecycle_module wrong = lifecycle_mutant(mutant > 0 ? mutant - 1 : 0).module;
    const struct lifecycle_module *module = mutant > 0 ? &wrong : &lifecycle_real;
    lifecycle_search_run(&search, module);
    bool found = number < search.state_count;
    if (found)
        print_path(&search, module, (uint32_t)number);
    else
        fprintf(stderr, "there are %u states\n", search.state_count);
    state_search_clear(&search);
    return found ? 0 : 2;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_stream_each_way_whatever_happens),
        cmocka_unit_test(every_mutant_is_caught),
    };
    if (argc > 1)
        return print_state(strtoul(argv[1], NULL, 10), argc > 2 ? strtoul(argv[2], NULL, 10) : 0);
    return cmocka_run_group_tests_name("lifecycle_search", tests, NULL, NULL);
}
