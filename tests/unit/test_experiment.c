/* An experiment's file as it is read, and what is said of one that is not sound. */
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/random.h"
#include "devnet/experiment.h"
#include "tests/unit/support.h"

static struct error error;

static struct experiment parse(const char *text)
{
    struct experiment experiment;
    if (!experiment_parse("f.yaml", bytes_of_text(text), &experiment, &error))
        fail_msg("%s", error.text);
    return experiment;
}

static void assert_words(char *const *words, const char *const *expected)
{
    size_t i = 0;
    for (; expected[i] != NULL; i++) {
        assert_non_null(words[i]);
        assert_string_equal(words[i], expected[i]);
    }
    assert_null(words[i]);
}
#define ASSERT_WORDS(words, ...) assert_words(words, (const char *const[]){__VA_ARGS__, NULL})

static void a_number_of_nodes_is_enough(void **state)
{
    (void)state;
    struct experiment experiment = parse("nodes: 3\n");
    assert_int_equal(experiment.count, 3);
    assert_int_equal(experiment.own, 3);
    assert_string_equal(experiment.nodes[2].name, "node3");
    assert_null(experiment.connect);
    assert_false(experiment.listed);
    assert_int_equal(experiment.seed, UINT64_MAX);
    assert_int_equal(experiment.timeline.count, 0);
    assert_int_equal(experiment.checks.count, 2);
    ASSERT_WORDS(experiment.checks.items[0].words, "mesh", "check", "--wait", "10s");
    ASSERT_WORDS(experiment.checks.items[1].words, "orphans");
    assert_int_equal(experiment.checks.items[1].line, 0);
    experiment_clear(&experiment);
}

static const char whole[] = "version: 1\n"
                            "nodes:\n"
                            "  - count: 2\n"
                            "    options: --d 4\n"
                            "  - late\n"
                            "  - name: mine\n"
                            "    command: my-client {port}\n"
                            "  - {name: other, options: [--agent, a b]}\n"
                            "options: --heartbeat 200ms\n"
                            "connect:\n"
                            "  - node1 node2\n"
                            "  - [late, mine]\n"
                            "paths: [\"node1,late:delay=5ms\", all:loss=1]\n"
                            "partitionable: false\n"
                            "seed: 7\n"
                            "timeout: 20s\n"
                            "timeline:\n"
                            "  - at 500ms kill node2\n"
                            "  - at 1s expect 1 publish node1 block 'hello there'\n"
                            "  - [at, 1s, expect, any, start, node2]\n"
                            "checks:\n"
                            "  - mesh\n"
                            "  - expect 1 mesh check\n"
                            "wait: 30s\n"
                            "report: bug\n";

static void everything_in_it_is_read(void **state)
{
    (void)state;
    struct experiment experiment = parse(whole);
    assert_int_equal(experiment.count, 5);
    assert_int_equal(experiment.own, 4);
    ASSERT_WORDS(experiment.nodes[1].options, "--d", "4");
    assert_null(experiment.nodes[2].options);
    assert_int_equal(experiment.nodes[2].line, 5);
    assert_string_equal(experiment.nodes[3].with, "mine=my-client {port}");
    ASSERT_WORDS(experiment.nodes[4].options, "--agent", "a b");
    ASSERT_WORDS(experiment.options, "--heartbeat", "200ms");
    assert_true(experiment.listed);
    assert_int_equal(experiment.pair_count, 2);
    assert_string_equal(experiment.pairs[1].dialler, "late");
    assert_string_equal(experiment.pairs[1].listener, "mine");
    ASSERT_WORDS(experiment.paths, "node1,late:delay=5ms", "all:loss=1");
    assert_false(experiment.partitionable);
    assert_int_equal(experiment.seed, 7);
    assert_int_equal(experiment.timeout_ms, 20000);
    const struct experiment_step *steps = experiment.timeline.items;
    assert_int_equal(experiment.timeline.count, 3);
    assert_int_equal(steps[0].at_ms, 500);
    assert_int_equal(steps[0].line, 18);
    ASSERT_WORDS(steps[0].words, "kill", "node2");
    assert_int_equal(steps[1].expected, 1);
    ASSERT_WORDS(steps[1].words, "publish", "node1", "block", "hello there");
    assert_int_equal(steps[2].expected, EXPERIMENT_ANY_STATUS);
    ASSERT_WORDS(experiment.checks.items[0].words, "mesh", "check", "--wait", "30s");
    assert_int_equal(experiment.checks.items[1].expected, 1);
    ASSERT_WORDS(experiment.checks.items[1].words, "mesh", "check");
    assert_string_equal(experiment.report, "bug");
    experiment_clear(&experiment);
}

static void json_is_as_good_and_checks_may_be_none(void **state)
{
    (void)state;
    struct experiment experiment =
        parse("{\"nodes\": 1, \"connect\": \"ring\", \"checks\": [], \"timeline\": null}");
    assert_string_equal(experiment.connect, "ring");
    assert_int_equal(experiment.checks.count, 0);
    experiment_clear(&experiment);
}

static const struct {
    const char *text, *expected;
} faults[] = {
    {"", "f.yaml:1: nodes: is missing: a number, or a list"},
    {"- a\n", "f.yaml:1: expected a mapping: nodes, connect, timeline and so on"},
    {"nodes: 1\n\tchecks: []\n", "f.yaml:2: not YAML: "},
    {"nodes: 1\nnodes: 2\n", "f.yaml:2: nodes: is there already, on line 1"},
    {"nodes: 1\nconect:\n  - a\n", "f.yaml:2: conect: no such key here; is connect meant?"},
    {"nodes: 1\n? [a]\n: b\n", "f.yaml:2: a key that is no text: no such key here"},
    {"nodes: 1\nversion: 2\n", "f.yaml:2: version: only 1 is known"},
    {"nodes: many\n", "f.yaml:1: nodes: expected a number from 1 to 500"},
    {"nodes: 501\n", "f.yaml:1: nodes: expected a number from 1 to 500"},
    {"nodes: {}\n", "f.yaml:1: nodes: expected a list"},
    {"nodes: []\n", "f.yaml:1: nodes: at least one is to be of ours"},
    {"nodes:\n  - count: 499\n  - a\n  - b\n", "f.yaml:4: a devnet has at most 500 nodes"},
    {"nodes:\n  - a\n  - a\n", "f.yaml:3: a: is there already, on line 2"},
    {"nodes:\n  - node2\n  - count: 2\n", "f.yaml:3: node2: is there already, on line 2"},
    {"nodes:\n  - 'no name'\n", "f.yaml:2: no name: not a name for a node"},
    {"nodes:\n  - []\n", "f.yaml:2: node: expected a text"},
    {"nodes:\n  - nam: a\n", "f.yaml:2: nam: no such key here; is name meant?"},
    {"nodes:\n  - options: --d 1\n", "f.yaml:2: a node has a name, or some a count"},
    {"nodes:\n  - {name: a, count: 2}\n", "f.yaml:2: a node has a name, or some a count"},
    {"nodes:\n  - {name: a, command: b, options: c}\n", "f.yaml:2: a program with a command "},
    {"nodes:\n  - {name: node1, command: b}\n", "f.yaml:2: node1: not a name for a node"},
    {"nodes:\n  - {name: a, command: [b]}\n", "f.yaml:2: command: expected a text"},
    {"nodes:\n  - {name: a, options: 'x}\n", "f.yaml:3: not YAML: "},
    {"nodes:\n  - {name: a, options: \"'x\"}\n", "f.yaml:2: options: a ' is not closed"},
    {"nodes:\n  - {name: a, options: [{b: c}]}\n", "f.yaml:2: options: each word is a text"},
    {"nodes: 2\nconnect: rings\n", "f.yaml:2: connect: 'rings' is not one of "},
    {"nodes: 2\nconnect: {a: b}\n", "f.yaml:2: connect: expected a text, not a mapping"},
    {"nodes: 2\nconnect:\n  - node1\n", "f.yaml:3: connect: expected two nodes"},
    {"nodes: 2\nconnect:\n  - node1 node3\n", "f.yaml:3: connect: node3: no such node"},
    {"nodes: 2\nconnect:\n  - node1 node1\n", "f.yaml:3: connect: node1: to itself"},
    {"nodes: 2\nconnect:\n  - node1 node2\n  - node2 node1\n",
     "f.yaml:4: connect: node2 and node1 are joined already"},
    {"nodes:\n  - a\n  - {name: b, command: c}\nconnect:\n  - b a\n",
     "f.yaml:5: connect: b: a program of its own is not told to dial"},
    {"nodes: 2\npaths: all:loss=1\n", "f.yaml:2: paths: expected a list"},
    {"nodes: 2\npaths:\n  - a: b\n", "f.yaml:3: paths: each word is a text"},
    {"nodes: 2\npaths:\n  - node1,node3:loss=1\n", "f.yaml:3: paths: node1,node3:loss=1: node3"},
    {"nodes: 2\npaths:\n  - all:los=1\n", "f.yaml:3: paths: all:los=1: "},
    {"nodes: 2\npartitionable: 1\n", "f.yaml:2: partitionable: expected true or false"},
    {"nodes: 2\ntap: 1\n", "f.yaml:2: tap: expected true or false"},
    {"nodes: 2\ntap: true\npaths: [all:delay=1ms]\n", "f.yaml:2: tap: not with paths"},
    {"nodes: 2\npartitionable: true\ntap: true\n", "f.yaml:3: tap: not with paths"},
    {"nodes: [node1, {name: a, command: b}]\ntap: true\n",
     "f.yaml:2: tap: the command of a has to take {key}"},
    {"nodes: 2\ntimeline:\n  - at 2s heal\n", "f.yaml:3: heal: needs partitionable: true"},
    {"nodes: 2\nseed: -1\n", "f.yaml:2: seed: expected a number from 0 to "},
    {"nodes: 2\ntimeout: 10\n", "f.yaml:2: timeout: '10' is not a duration"},
    {"nodes: 2\ntimeout: 20m\n", "f.yaml:2: timeout: '20m' is over the maximum of 600s"},
    {"nodes: 2\ntimeout: 0s\n", "f.yaml:2: timeout: '0s' is under the minimum of 1ms"},
    {"nodes: 2\nwait: 11m\n", "f.yaml:2: wait: '11m' is over the maximum of 600s"},
    {"nodes: 2\nwait: []\n", "f.yaml:2: wait: expected a text"},
    {"nodes: 2\nreport:\n  a: b\n", "f.yaml:3: report: expected a text, not a mapping"},
    {"nodes: 2\ntimeline: now\n", "f.yaml:2: timeline: expected a list"},
    {"nodes: 2\ntimeline:\n  - kill node1\n", "f.yaml:3: timeline: a step is: at TIME "},
    {"nodes: 2\ntimeline:\n  - at: 10s\n", "f.yaml:3: timeline: expected a text, not a map"},
    {"nodes: 2\ntimeline:\n  - ''\n", "f.yaml:3: timeline: expected a text"},
    {"nodes: 2\ntimeline:\n  - ' '\n", "f.yaml:3: timeline: a step is: at TIME "},
    {"nodes: 2\ntimeline:\n  - at\n", "f.yaml:3: timeline: a step is: at TIME "},
    {"nodes: 2\ntimeline:\n  - at noon kill node1\n", "f.yaml:3: timeline: 'noon' is not a"},
    {"nodes: 2\ntimeline:\n  - at 25h kill node1\n", "f.yaml:3: timeline: '25h' is not a"},
    {"nodes: 2\ntimeline:\n  - at 1441m kill node1\n", "f.yaml:3: timeline: 1441m: over the"},
    {"nodes: 2\ntimeline:\n  - at 2s kill node1\n  - at 1s start node1\n",
     "f.yaml:4: timeline: at 1s: is before the step above"},
    {"nodes: 2\ntimeline:\n  - at 2s\n", "f.yaml:3: a command is missing"},
    {"nodes: 2\ntimeline:\n  - at 2s expect\n", "f.yaml:3: expect: expected an exit status"},
    {"nodes: 2\ntimeline:\n  - at 2s expect 256 kill a\n", "f.yaml:3: expect: expected an"},
    {"nodes: 2\ntimeline:\n  - at 2s expect 1\n", "f.yaml:3: a command is missing"},
    {"nodes: 2\ntimeline:\n  - at 2s klil a\n", "f.yaml:3: klil: cannot be a step; is kill meant?"},
    {"nodes: 2\ntimeline:\n  - at 2s down\n", "f.yaml:3: down: cannot be a step"},
    {"nodes: 2\nchecks:\n  - mesh watch\n", "f.yaml:3: mesh watch: does not end by itself"},
    {"nodes: 2\nchecks:\n  - logs -f\n", "f.yaml:3: logs -f: does not end by itself"},
    {"nodes: 2\nchecks:\n  - at 1s mesh\n", "f.yaml:3: at: cannot be a step"},
};

static void what_is_wrong_is_said_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        struct experiment experiment;
        assert_false(
            experiment_parse("f.yaml", bytes_of_text(faults[i].text), &experiment, &error));
        if (strncmp(error.text, faults[i].expected, strlen(faults[i].expected)) != 0)
            fail_msg("%s: %s, and not %s", faults[i].text, error.text, faults[i].expected);
    }
}

/* TEXT, so often, in BUFFER. */
static void repeat(struct buffer *buffer, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buffer_append_text(buffer, text);
}

static void assert_refused(struct buffer *text, const char *expected)
{
    struct experiment experiment;
    assert_false(experiment_parse("f.yaml", buffer_bytes(text), &experiment, &error));
    if (strstr(error.text, expected) == NULL)
        fail_msg("%s, and not %s", error.text, expected);
    buffer_clear(text);
}

static void what_is_too_much_is_refused(void **state)
{
    struct buffer text = {0};
    (void)state;
    repeat(&text, "nodes: 1\ntimeline:\n", 1);
    repeat(&text, "  - at 1s kill node1\n", EXPERIMENT_STEPS_MAX + 1);
    assert_refused(&text, "f.yaml:3: timeline: more than 1000");
    repeat(&text, "nodes: ", 1);
    repeat(&text, "[", 100);
    assert_refused(&text, "f.yaml:1: nested deeper than 64");
    repeat(&text, "nodes: [", 1);
    repeat(&text, "&a x, ", 1001);
    assert_refused(&text, "f.yaml:1: more than 1000 anchors");
    /* Each step refers to the same words. */
    repeat(&text, "nodes: 1\noptions: &x [", 1);
    repeat(&text, "aaaaaaaa, ", 10000);
    repeat(&text, "]\ntimeline: [", 1);
    repeat(&text, "*x, ", 1000);
    repeat(&text, "]\n", 1);
    assert_refused(&text, "f.yaml:2: timeline: a step is: ");
    repeat(&text, "nodes: 1\nchecks: [&x [mesh, ", 1);
    repeat(&text, "aaaaaaaa, ", 10000);
    repeat(&text, "], ", 1);
    repeat(&text, "*x, ", 900);
    repeat(&text, "]\n", 1);
    assert_refused(&text, "f.yaml:2: checks: aliases make it larger than ");
    repeat(&text, "nodes: 1\nchecks: &x [*x]\n", 1);
    assert_refused(&text, "f.yaml:2: checks: each word is a text");
}

/* The whole one with bytes changed, doubled, dropped and cut: it is read, or refused with its line.
 */
static void any_text_is_read_or_refused_with_its_line(void **state)
{
    static const char bytes[] = "\n\t :-[]{}&*'\"#?|>%@`!,\0\xff"
                                "a1~";
    struct random random;
    size_t accepted = 0;
    (void)state;
    random_seed(&random, 5);
    for (size_t i = 0; i < 20000; i++) {
        struct buffer text = {0};
        struct experiment experiment;
        buffer_append_text(&text, whole);
        for (size_t change = 1 + random_below(&random, 3); change > 0 && text.size > 1; change--) {
            size_t at = random_below(&random, (uint32_t)text.size);
            if (random_below(&random, 8) == 0)
                text.size = at;
            else
                text.data[at] = (uint8_t)bytes[random_below(&random, sizeof(bytes) - 1)];
        }
        error.text[0] = '\0';
        if (experiment_parse("f.yaml", buffer_bytes(&text), &experiment, &error)) {
            accepted++;
            assert_in_range(experiment.own, 1, experiment.count);
            experiment_clear(&experiment);
        } else if (strncmp(error.text, "f.yaml:", 7) != 0) {
            fail_msg("%.*s: %s", (int)text.size, (const char *)text.data, error.text);
        }
        buffer_clear(&text);
    }
    assert_in_range(accepted, 1000, 19000); /* neither is rare */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_of_nodes_is_enough),
        cmocka_unit_test(everything_in_it_is_read),
        cmocka_unit_test(json_is_as_good_and_checks_may_be_none),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(what_is_too_much_is_refused),
        cmocka_unit_test(any_text_is_read_or_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
