/* What an experiment's commands take, and which nodes there are by then. */
#include "devnet/experiment_names.h"

#include "common/words.h"
#include "tests/unit/support.h"

static struct error error;

static struct experiment_names names_of(const char *text)
{
    struct experiment experiment;
    struct experiment_names names;
    if (!experiment_parse("f.yaml", bytes_of_text(text), &experiment, &error))
        fail_msg("%s", error.text);
    experiment_names_init(&names, &experiment);
    experiment_clear(&experiment);
    return names;
}

/* COMMAND has no options but those of `add`: all other words are operands. */
static bool take(struct experiment_names *names, const char *command)
{
    char **words = words_split(command, &error);
    assert_non_null(words);
    const struct experiment_step step = {.words = words};
    bool taken = experiment_names_step(names, &step, words + 1, &error);
    words_free(words);
    return taken;
}

static void assert_taken(struct experiment_names *names, const char *command)
{
    if (!take(names, command))
        fail_msg("%s: %s", command, error.text);
}

static void assert_refused(struct experiment_names *names, const char *command, const char *why)
{
    assert_false(take(names, command));
    assert_string_equal(error.text, why);
}

static void nodes_come_and_go_with_the_commands(void **state)
{
    (void)state;
    struct experiment_names names = names_of("nodes: 2\n");
    assert_taken(&names, "stop node1 node2");
    assert_refused(&names, "kill node3", "node3: no such node by then; there are node1, node2");
    assert_taken(&names, "add node3 extra");
    assert_taken(&names, "kill node3");
    assert_refused(&names, "add extra", "extra: there is a node of that name already");
    assert_taken(&names, "add --with mine=client --to extra");
    assert_taken(&names, "restart mine");
    assert_refused(&names, "add --to nobody",
                   "nobody: no such node by then; there are node1, node2, node3, extra, mine");
    assert_taken(&names, "remove node1 mine extra node3");
    assert_refused(&names, "pause mine", "mine: no such node by then; there are node2");
    experiment_names_clear(&names);
}

static void each_command_takes_so_many_operands(void **state)
{
    (void)state;
    struct experiment_names names = names_of("nodes: 2\n");
    assert_refused(&names, "stop", "stop: too few operands");
    assert_refused(&names, "publish node1", "publish: too few operands");
    assert_taken(&names, "publish node1 topic text");
    assert_refused(&names, "publish node1 topic text more", "publish: too many operands");
    assert_refused(&names, "publish node1 topic",
                   "publish: give a FILE or TEXT, or --size, and not both");
    assert_refused(&names, "add", "add: name the nodes, or a program by --with");
    assert_refused(&names, "heal node1", "heal: too many operands");
    assert_taken(&names, "anything that it takes");
    experiment_names_clear(&names);
}

static void names_stand_where_the_command_has_them(void **state)
{
    (void)state;
    struct experiment_names names = names_of("nodes: 3\npartitionable: true\n");
    assert_taken(&names, "connect node1 /ip4/127.0.0.1/udp/9000/quic-v1");
    assert_refused(&names, "connect node1 node9",
                   "node9: no such node by then; there are node1, node2, node3");
    assert_taken(&names, "logs relay node1");
    assert_refused(&names, "logs tap", "tap: no such node by then; there are node1, node2, node3");
    assert_taken(&names, "partition node1 node2,node3");
    assert_refused(&names, "partition node1 node2,node9",
                   "node9: no such node by then; there are node1, node2, node3");
    assert_false(take(&names, "partition node1 node1,node2"));
    assert_taken(&names, "path node1,node2:loss=5");
    assert_false(take(&names, "path node1,node9:loss=5"));
    experiment_names_clear(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_come_and_go_with_the_commands),
        cmocka_unit_test(each_command_takes_so_many_operands),
        cmocka_unit_test(names_stand_where_the_command_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
