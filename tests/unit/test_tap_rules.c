/* What rules do to nodes, and when. */
#include "net/tap/rules.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/support.h"

#define MESHSUB "/meshsub/1.2.0"

static const char *const names[] = {"a", "b"};

struct scene {
    struct tap_rules *rules;
    uint64_t at; /* where facts begin */
    char acted[512];
};

static void note(void *context, const struct tap_action *action)
{
    static const char *const kinds[] = {"hold", "release", "refuse", "reset"};
    static const char *const why[] = {"", " limit", " end"};
    struct scene *scene = context;
    char text[64];
    snprintf(text, sizeof(text), "%s %d/%d %s@%d%s; ", kinds[action->kind], (int)action->connection,
             (int)action->stream, names[action->from],
             action->offset == UINT64_MAX ? 0 : (int)action->offset, why[action->why]);
    assert_true(strlen(scene->acted) + strlen(text) < sizeof(scene->acted));
    memcpy(scene->acted + strlen(scene->acted), text, strlen(text) + 1);
}

static void start(struct scene *scene, enum tap_rule_kind kind, const char *const *texts)
{
    struct error error;
    struct tap_rule rule;
    *scene = (struct scene){.rules = tap_rules_new(note, scene), .at = 20};
    for (size_t i = 0; texts[i] != NULL; i++) {
        if (!tap_rule_parse(kind, texts[i], &rule, &error))
            fail_msg("%s: %s", texts[i], error.text);
        assert_true(tap_rules_add(scene->rules, &rule));
    }
}

/* At MS, on stream 4 where the dialler opened it and 1 where the listener did. */
static void see(const struct scene *scene, uint64_t ms, enum tap_fact_kind kind, enum tap_side by,
                enum tap_side opener)
{
    const struct tap_fact fact = {.kind = kind,
                                  .by = by,
                                  .opener = opener,
                                  .stream = opener == TAP_DIALLER ? 4 : 1,
                                  .at = scene->at,
                                  .answer = by != opener,
                                  .protocol = kind == TAP_FACT_OPENED ? "" : MESHSUB};
    tap_rules_fact(scene->rules, 7, names, &fact, ms * 1000);
}

static void assert_acted(struct scene *scene, const char *expected)
{
    assert_string_equal(scene->acted, expected);
    scene->acted[0] = '\0';
}

static void an_echo_is_held_until_the_other_proposes_and_longer(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, TAP_RULE_HOLD,
          (const char *const[]){
              "echo gossipsub from b until b proposes gossipsub plus 300ms limit 2s", NULL});
    see(&scene, 100, TAP_FACT_PROPOSED, TAP_DIALLER, TAP_DIALLER);
    assert_acted(&scene, "");
    assert_true(tap_rules_due_us(scene.rules) == UINT64_MAX);
    see(&scene, 110, TAP_FACT_AGREED, TAP_LISTENER, TAP_DIALLER);
    assert_acted(&scene, "hold 7/4 b@20; ");
    assert_int_equal(tap_rules_due_us(scene.rules), 2110000);
    see(&scene, 150, TAP_FACT_PROPOSED, TAP_LISTENER, TAP_LISTENER);
    assert_acted(&scene, "");
    assert_int_equal(tap_rules_due_us(scene.rules), 450000);
    tap_rules_time(scene.rules, 449999);
    assert_acted(&scene, "");
    tap_rules_time(scene.rules, 450000);
    assert_acted(&scene, "release 7/4 b@0; ");
    /* What it waited for is past: nothing is held any more on this connection. */
    see(&scene, 500, TAP_FACT_AGREED, TAP_LISTENER, TAP_DIALLER);
    assert_acted(&scene, "");
    tap_rules_closed(scene.rules, 7);
    see(&scene, 600, TAP_FACT_AGREED, TAP_LISTENER, TAP_DIALLER);
    assert_acted(&scene, "hold 7/4 b@20; ");
    tap_rules_time(scene.rules, 2600000);
    assert_acted(&scene, "release 7/4 b@0 limit; ");
    tap_rules_free(scene.rules);
}

static void each_thing_that_may_be_held_has_its_moment(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        enum tap_fact_kind kind;
        enum tap_side by, opener;
        const char *acted;
    } rows[] = {
        {"answer * from b until a opens *", TAP_FACT_SPEAKS, TAP_LISTENER, TAP_DIALLER,
         "hold 7/4 b@20; "},
        {"rpc /meshsub/* from a until b sends *", TAP_FACT_SPEAKS, TAP_DIALLER, TAP_DIALLER,
         "hold 7/4 a@20; "},
        {"rpc /meshsub/* from a until b sends *", TAP_FACT_SPEAKS, TAP_DIALLER, TAP_LISTENER, ""},
        {"rpc /meshsub/1.1.0 from a until b sends *", TAP_FACT_SPEAKS, TAP_DIALLER, TAP_DIALLER,
         ""},
        {"stream " MESHSUB " from b until a opens *", TAP_FACT_PROPOSED, TAP_LISTENER, TAP_LISTENER,
         "hold 7/1 b@0; "},
        {"echo gossipsub from a until b proposes *", TAP_FACT_AGREED, TAP_LISTENER, TAP_DIALLER,
         ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct scene scene;
        start(&scene, TAP_RULE_HOLD, (const char *const[]){rows[i].rule, NULL});
        see(&scene, 1, rows[i].kind, rows[i].by, rows[i].opener);
        assert_acted(&scene, rows[i].acted);
        tap_rules_free(scene.rules);
    }
}

static void what_opens_and_what_sends_ends_a_wait(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, TAP_RULE_HOLD,
          (const char *const[]){"echo gossipsub from b until b opens *",
                                "answer gossipsub from b until b sends gossipsub", NULL});
    see(&scene, 1, TAP_FACT_AGREED, TAP_LISTENER, TAP_DIALLER);
    see(&scene, 2, TAP_FACT_SPEAKS, TAP_LISTENER, TAP_DIALLER);
    assert_acted(&scene, "hold 7/4 b@20; hold 7/4 b@20; ");
    see(&scene, 3, TAP_FACT_OPENED, TAP_LISTENER, TAP_LISTENER);
    /* The other rule holds the same half still. */
    assert_acted(&scene, "release 7/4 b@20; ");
    see(&scene, 4, TAP_FACT_SPEAKS, TAP_LISTENER, TAP_LISTENER);
    assert_acted(&scene, "release 7/4 b@0; ");
    tap_rules_free(scene.rules);
}

static void each_rule_ends_its_own_hold(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, TAP_RULE_HOLD,
          (const char *const[]){"echo gossipsub from b until b opens * plus 10ms",
                                "answer gossipsub from b until b sends gossipsub", NULL});
    see(&scene, 1, TAP_FACT_AGREED, TAP_LISTENER, TAP_DIALLER);
    scene.at = 40;
    see(&scene, 2, TAP_FACT_SPEAKS, TAP_LISTENER, TAP_DIALLER);
    assert_acted(&scene, "hold 7/4 b@20; hold 7/4 b@40; ");
    see(&scene, 3, TAP_FACT_OPENED, TAP_LISTENER, TAP_LISTENER);
    tap_rules_time(scene.rules, 13000);
    assert_acted(&scene, "release 7/4 b@40; ");
    /* What is held at a connection's end is released; what is to be lost stays so. */
    struct tap_rule rule;
    assert_true(tap_rule_parse(TAP_RULE_DROP_ECHO, "gossipsub from b", &rule, NULL) &&
                tap_rules_add(scene.rules, &rule));
    see(&scene, 20, TAP_FACT_AGREED, TAP_LISTENER, TAP_DIALLER);
    assert_acted(&scene, "hold 7/4 b@40; ");
    tap_rules_closed(scene.rules, 7);
    assert_acted(&scene, "release 7/4 b@40 end; ");
    assert_true(tap_rules_due_us(scene.rules) == UINT64_MAX);
    tap_rules_free(scene.rules);
}

static void streams_that_are_over_are_not_held(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, TAP_RULE_HOLD,
          (const char *const[]){"echo * from b until a opens /x limit 1s", NULL});
    see(&scene, 1, TAP_FACT_AGREED, TAP_LISTENER, TAP_DIALLER);
    see(&scene, 2, TAP_FACT_CLOSED, TAP_DIALLER, TAP_DIALLER);
    tap_rules_time(scene.rules, 10000000);
    assert_acted(&scene, "hold 7/4 b@20; ");
    for (int i = 0; i < TAP_HOLDS_MAX + 3; i++)
        see(&scene, 3, TAP_FACT_AGREED, TAP_LISTENER, TAP_DIALLER), scene.acted[0] = '\0';
    assert_int_equal(tap_rules_not_held(scene.rules), 3);
    tap_rules_free(scene.rules);
}

static void refusals_resets_and_lost_echoes(void **state)
{
    (void)state;
    struct scene scene;
    start(&scene, TAP_RULE_REFUSE, (const char *const[]){"gossipsub from a", NULL});
    see(&scene, 1, TAP_FACT_PROPOSED, TAP_LISTENER, TAP_LISTENER);
    see(&scene, 1, TAP_FACT_AGREED, TAP_DIALLER, TAP_LISTENER);
    assert_acted(&scene, "");
    see(&scene, 1, TAP_FACT_PROPOSED, TAP_DIALLER, TAP_DIALLER);
    see(&scene, 2, TAP_FACT_PROPOSED, TAP_DIALLER, TAP_DIALLER);
    assert_acted(&scene, "refuse 7/4 a@21; refuse 7/4 a@21; "); /* behind its length */
    tap_rules_free(scene.rules);
    start(&scene, TAP_RULE_REFUSE,
          (const char *const[]){"* from b", "gossipsub from a", "* from a", NULL});
    see(&scene, 1, TAP_FACT_PROPOSED, TAP_DIALLER, TAP_DIALLER);
    assert_acted(&scene, "refuse 7/4 a@21; ");
    tap_rules_free(scene.rules);
    start(&scene, TAP_RULE_RESET, (const char *const[]){"gossipsub from a code 9", NULL});
    see(&scene, 1, TAP_FACT_PROPOSED, TAP_LISTENER, TAP_LISTENER);
    see(&scene, 1, TAP_FACT_PROPOSED, TAP_DIALLER, TAP_DIALLER);
    assert_acted(&scene, "reset 7/4 a@0; ");
    tap_rules_free(scene.rules);
    start(&scene, TAP_RULE_DROP_ECHO, (const char *const[]){"gossipsub from b", NULL});
    see(&scene, 1, TAP_FACT_AGREED, TAP_LISTENER, TAP_DIALLER);
    tap_rules_time(scene.rules, UINT64_MAX - 1);
    assert_acted(&scene, "hold 7/4 b@20; ");
    assert_true(tap_rules_due_us(scene.rules) == UINT64_MAX);
    tap_rules_free(scene.rules);
}

static void what_is_no_rule_is_said(void **state)
{
    (void)state;
    static const struct {
        enum tap_rule_kind kind;
        const char *text, *error;
    } rows[] = {
        {TAP_RULE_HOLD, "", "it ends where echo, answer, rpc or stream should follow"},
        {TAP_RULE_HOLD, "all gossipsub", "'all': expected echo, answer, rpc or stream"},
        {TAP_RULE_HOLD, "echo gossip",
         "'gossip': expected a protocol: /NAME, /BEGINNING*, gossipsub, status or identify"},
        {TAP_RULE_HOLD, "echo gossipsub b", "'b': expected from"},
        {TAP_RULE_HOLD, "echo gossipsub from", "it ends where the name of a node should follow"},
        {TAP_RULE_HOLD, "echo gossipsub from b until b closes *",
         "'closes': expected proposes, opens or sends"},
        {TAP_RULE_HOLD, "echo gossipsub from b until b opens * plus",
         "it ends where a duration should follow"},
        {TAP_RULE_HOLD, "echo gossipsub from b until b opens * for 3s",
         "'for': expected plus DURATION or limit DURATION"},
        {TAP_RULE_HOLD, "echo /mesh*sub from b until b opens *",
         "'/mesh*sub': a * stands at the end alone, for any ending"},
        {TAP_RULE_HOLD, "echo * from b until b opens /mesh**",
         "'/mesh**': a * stands at the end alone, for any ending"},
        {TAP_RULE_RESET, "/mesh*sub from a",
         "'/mesh*sub': a * stands at the end alone, for any ending"},
        {TAP_RULE_HOLD, "echo * from b until b opens * limit 0ms",
         "limit 0ms: nothing would be held"},
        {TAP_RULE_HOLD, "echo * from b until b opens * limit 18446744073709551615ms",
         "limit 18446744073709551615ms: longer than a day"},
        {TAP_RULE_HOLD, "echo * from b until b opens * plus 1s limit 86401s",
         "limit 86401s: longer than a day"},
        {TAP_RULE_HOLD, "echo * from b until b opens * plus 10s limit 5s",
         "plus 10000ms is no shorter than the limit, 5000ms: it would never pass"},
        {TAP_RULE_HOLD, "echo * from b until b opens * plus 5s",
         "plus 5000ms is no shorter than the limit, 5000ms: it would never pass"},
        {TAP_RULE_HOLD, "echo * from b until b opens * plus 1s plus 2s", "plus stands twice"},
        {TAP_RULE_HOLD, "echo * from b until b opens * limit 1s plus 0s limit 1s",
         "limit stands twice"},
        {TAP_RULE_HOLD, "echo * from b until b proposes /\xff limit 500ms",
         "byte 33 is 0xff: a rule is of printable ASCII characters"},
        {TAP_RULE_HOLD, "echo /\x1b[2J from b until b opens *",
         "byte 7 is 0x1b: a rule is of printable ASCII characters"},
        {TAP_RULE_REFUSE, "/\x7f from a",
         "byte 2 is 0x7f: a rule is of printable ASCII characters"},
        {TAP_RULE_RESET, "gossipsub from a code x", "'x': expected a number under 2^62"},
        {TAP_RULE_REFUSE, "gossipsub from a code 1", "'code': the rule has ended before"},
        {TAP_RULE_DROP_ECHO, "gossipsub from a code 1", "'code': the rule has ended before"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct tap_rule rule;
        struct error error = {0};
        assert_false(tap_rule_parse(rows[i].kind, rows[i].text, &rule, &error));
        assert_string_equal(error.text, rows[i].error);
    }
}

static void a_rule_that_is_too_long_is_none(void **state)
{
    (void)state;
    char text[TAP_RULE_TEXT_MAX + 2];
    struct tap_rule rule;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_false(tap_rule_parse(TAP_RULE_HOLD, text, &rule, NULL));
    for (size_t i = 0; i < sizeof(text) - 1; i += 2)
        text[i] = ' ';
    assert_false(tap_rule_parse(TAP_RULE_HOLD, text, &rule, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_echo_is_held_until_the_other_proposes_and_longer),
        cmocka_unit_test(each_thing_that_may_be_held_has_its_moment),
        cmocka_unit_test(what_opens_and_what_sends_ends_a_wait),
        cmocka_unit_test(each_rule_ends_its_own_hold),
        cmocka_unit_test(streams_that_are_over_are_not_held),
        cmocka_unit_test(refusals_resets_and_lost_echoes),
        cmocka_unit_test(what_is_no_rule_is_said),
        cmocka_unit_test(a_rule_that_is_too_long_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
