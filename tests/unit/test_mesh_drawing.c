#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/mesh/dot.h"
#include "net/mesh/drawing.h"
#include "net/mesh/labels.h"
#include "net/mesh/snapshot.h"

#include "tests/unit/json_text.h"
#include "tests/unit/support.h"

/*
 * A snapshot from a table such as "A: B C; B: A": the nodes, and whom each has in its mesh of topic
 * t and is connected to. Those that are only named were not asked.
 */
static json_t *snapshot_of(const char *table)
{
    json_t *snapshot = snapshot_new();
    char *copy = text_copy(table), *rows = copy;
    for (char *row; (row = strsep(&rows, ";")) != NULL;) {
        json_t *mesh = json_array(), *peers = json_array();
        row += strspn(row, " ");
        char *id = strsep(&row, ":");
        for (char *peer; row != NULL && (peer = strsep(&row, " ")) != NULL;) {
            if (*peer == '\0')
                continue;
            json_array_append_new(mesh, json_string(peer));
            json_array_append_new(
                peers, json_pack("{s:s,s:s,s:[s],s:[{s:s,s:s,s:s}],s:[]}", "peer_id", peer, "agent",
                                 "heard", "subscriptions", "t", "connections", "id", "c",
                                 "direction", "dialled", "remote", "r", "inbound_streams"));
        }
        json_array_append_new(json_object_get(snapshot, "nodes"),
                              json_pack("{s:s,s:[],s:{s:{s:b,s:O,s:O}},s:o,s:{s:s}}", "peer_id", id,
                                        "listen", "topics", "t", "subscribed", 1, "mesh", mesh,
                                        "subscribers", mesh, "peers", peers, "volatile", "api",
                                        id));
        json_decref(mesh);
    }
    free(copy);
    snapshot_sort(snapshot);
    return snapshot;
}

static json_t *drawing_of(const char *now, const char *before)
{
    struct error error;
    json_t *new = snapshot_of(now), *old = before != NULL ? snapshot_of(before) : NULL;
    json_t *drawing = mesh_drawing(new, old, NULL, &error);
    json_decref(new);
    json_decref(old);
    return drawing;
}

static const char *text(const json_t *object, const char *member)
{
    const char *value = json_string_value(json_object_get(object, member));
    return value != NULL ? value : "-";
}

/* "A>B one_way added", one edge after the other, with commas between; freed by the caller. */
static char *edges_text(const json_t *drawing, const char *member)
{
    char *lines = text_copy("");
    size_t index;
    const json_t *edge;
    json_array_foreach(json_object_get(drawing, member), index, edge)
    {
        const json_t *was = json_object_get(edge, "was");
        char *longer =
            text_format("%s%s%s>%s %s %s%s%s", lines, index > 0 ? ", " : "", text(edge, "from"),
                        text(edge, "to"), text(edge, "direction"), text(edge, "change"),
                        was != NULL ? " was " : "", was != NULL ? text(was, "direction") : "");
        free(lines);
        lines = longer;
    }
    return lines;
}

static void expect_edges(const char *now, const char *before, const char *expected)
{
    static const char *const both[] = {"edges", "connections"};
    json_t *drawing = drawing_of(now, before);
    for (size_t i = 0; i < 2; i++) {
        char *lines = edges_text(drawing, both[i]);
        assert_string_equal(lines, expected);
        free(lines);
    }
    json_decref(drawing);
}

static void an_edge_is_told_once_and_which_way(void **state)
{
    (void)state;
    expect_edges("A: B; B: A", NULL, "A>B mutual -");
    expect_edges("A:; B: A", NULL, "B>A one_way -");
    expect_edges("A: B; B:", NULL, "A>B one_way -");
    expect_edges("B: A", NULL, "B>A untold -");
    expect_edges("A: A", NULL, "");
    expect_edges("A: B C; B: C A; C: B", NULL, "A>B mutual -, A>C one_way -, B>C mutual -");
}

static void what_changed_between_two_is_marked(void **state)
{
    (void)state;
    expect_edges("A: B; B: A", "A: B; B: A", "A>B mutual kept");
    expect_edges("A: B; B: A", "A:; B:", "A>B mutual added");
    expect_edges("A:; B:", "A:; B: A", "B>A one_way removed");
    expect_edges("A: B; B:", "A: B; B: A", "A>B one_way changed was mutual");
    expect_edges("A: B; B:", "A:; B: A", "A>B one_way changed was one_way");
    expect_edges("A: B", "A: B; B: A", "A>B untold changed was mutual");
}

/* "A answered kept", and so on. */
static void expect_nodes(const char *now, const char *before, const char *expected)
{
    json_t *drawing = drawing_of(now, before);
    char *lines = text_copy("");
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(drawing, "nodes"), index, node)
    {
        char *longer = text_format("%s%s%s %s %s", lines, index > 0 ? ", " : "", text(node, "id"),
                                   text(node, "state"), text(node, "change"));
        free(lines);
        lines = longer;
    }
    assert_string_equal(lines, expected);
    free(lines);
    json_decref(drawing);
}

static void nodes_are_those_asked_and_those_heard_of(void **state)
{
    (void)state;
    expect_nodes("B: A", NULL, "A heard -, B answered -");
    expect_nodes("A: B; B: A", "A: C", "A answered kept, B answered added, C heard removed");
    expect_nodes("A: B", "A: B; B: A", "A answered kept, B heard changed");
    expect_nodes("A:", "A:; B:", "A answered kept, B answered removed");
}

static const json_t *node_named(const json_t *drawing, const char *id)
{
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(drawing, "nodes"), index, node)
    {
        if (strcmp(text(node, "id"), id) == 0)
            return node;
    }
    fail_msg("no node %s", id);
    return NULL;
}

/* That it is the only finding of the node. */
static void expect_finding(const json_t *drawing, const json_t *node, const char *message)
{
    const json_t *findings = json_object_get(node, "findings");
    assert_int_equal(json_array_size(findings), 1);
    size_t index = (size_t)json_integer_value(json_array_get(findings, 0));
    const json_t *finding = json_array_get(json_object_get(drawing, "findings"), index);
    assert_string_equal(text(finding, "message"), message);
    assert_string_equal(text(node, "severity"), "error");
}

static void a_node_that_does_not_answer_is_known_from_before(void **state)
{
    (void)state;
    struct error error;
    json_t *before = snapshot_of("A: B; B: A"), *now = snapshot_of("A:");
    snapshot_add_unreachable(now, "B", "cannot connect");
    snapshot_add_unreachable(now, "other", "refused");
    json_t *drawing = mesh_drawing(now, before, NULL, &error);
    const json_t *known = node_named(drawing, "B"), *unknown = node_named(drawing, "other");
    assert_string_equal(text(known, "state"), "unreachable");
    assert_string_equal(text(known, "error"), "cannot connect");
    assert_string_equal(text(known, "change"), "changed");
    expect_finding(drawing, known, "cannot connect");
    expect_finding(drawing, unknown, "refused");
    assert_string_equal(text(unknown, "state"), "unreachable");
    assert_int_equal(json_array_size(json_object_get(drawing, "nodes")), 3);
    json_decref(drawing);
    json_decref(now);
    json_decref(before);
}

static void expect_stopped(const char *now, const char *before, const char *change)
{
    struct error error;
    json_t *new = snapshot_of(now), *old = before != NULL ? snapshot_of(before) : NULL;
    json_t *ids = json_pack("{s:b,s:b}", "C", 1, "A", 1);
    snapshot_set_stopped(new, ids);
    json_t *drawing = mesh_drawing(new, old, NULL, &error);
    const json_t *nodes = json_object_get(drawing, "nodes");
    assert_int_equal(json_array_size(nodes), 3);
    assert_string_equal(text(json_array_get(nodes, 0), "state"), "answered"); /* all the same */
    assert_string_equal(text(json_array_get(nodes, 2), "id"), "C");
    assert_string_equal(text(json_array_get(nodes, 2), "state"), "stopped");
    assert_string_equal(text(json_array_get(nodes, 2), "change"), change);
    json_decref(drawing);
    json_decref(ids);
    json_decref(old);
    json_decref(new);
}

static void a_node_that_was_stopped_is_there_whoever_tells_of_it(void **state)
{
    (void)state;
    expect_stopped("A: B; B: A C", NULL, "-");
    expect_stopped("A: B; B: A", NULL, "-");
    expect_stopped("A: B; B: A", "A: B; B: A C; C: B", "changed");
    expect_stopped("A: B; B: A C", "A: B; B: A C", "kept");
}

static void what_is_heard_of_a_node_and_found_is_with_it(void **state)
{
    (void)state;
    json_t *drawing = drawing_of("A: C; B:", NULL);
    const json_t *heard = node_named(drawing, "C"), *asked = node_named(drawing, "A");
    json_t *topics = json_of("['t']");
    assert_string_equal(text(heard, "agent"), "heard");
    assert_true(json_equal(json_object_get(heard, "subscriptions"), topics));
    assert_string_equal(text(asked, "severity"), "error");
    size_t first =
        (size_t)json_integer_value(json_array_get(json_object_get(asked, "findings"), 0));
    const json_t *finding = json_array_get(json_object_get(drawing, "findings"), first);
    assert_string_equal(text(finding, "node"), "A");
    assert_non_null(
        json_object_get(json_object_get(drawing, "explanations"), text(finding, "invariant")));
    json_decref(topics);
    json_decref(drawing);
}

static void a_node_that_was_visited_is_told_from_one_that_was_not(void **state)
{
    (void)state;
    struct error error;
    json_t *now = snapshot_of("A: B C");
    json_object_set_new(now, "foreign",
                        json_of("[{'peer_id':'B','agent':'other','listen':['/ip4/127.0.0.1/udp/1'],"
                                "'topics':{'t':{'subscribed':true},'u':{'subscribed':false}}},"
                                "{'peer_id':5}]"));
    json_t *drawing = mesh_drawing(now, NULL, NULL, &error);
    const json_t *visited = node_named(drawing, "B");
    json_t *topics = json_of("['t']");
    char *edges = edges_text(drawing, "edges");
    assert_string_equal(text(visited, "state"), "visited");
    assert_string_equal(text(visited, "agent"), "other");
    assert_true(json_equal(json_object_get(visited, "subscriptions"), topics));
    assert_int_equal(json_array_size(json_object_get(visited, "listen")), 1);
    assert_string_equal(text(node_named(drawing, "C"), "state"), "heard");
    assert_string_equal(edges, "A>B untold -, A>C untold -");
    free(edges);
    json_decref(topics);
    json_decref(drawing);
    json_decref(now);
}

static void round_trips_are_in_milliseconds_and_the_least(void **state)
{
    (void)state;
    struct error error;
    json_t *now = snapshot_of("A: B");
    json_t *node = json_array_get(json_object_get(now, "nodes"), 0);
    json_t *told = json_of("{'peers':{'B':{'connections':{'c':{'rtt_us':2500}}}},"
                           "'statistics':{'rpcs_in':7},'topics':{}}");
    json_object_update(json_object_get(node, "volatile"), told);
    json_t *drawing = mesh_drawing(now, NULL, NULL, &error);
    const json_t *peer = json_array_get(json_object_get(node_named(drawing, "A"), "peers"), 0);
    const json_t *connection = json_array_get(json_object_get(drawing, "connections"), 0);
    assert_true(json_real_value(json_object_get(peer, "rtt_ms")) == 2.5);
    assert_true(json_real_value(json_object_get(connection, "rtt_ms")) == 2.5);
    assert_true(json_equal(json_object_get(node_named(drawing, "A"), "counters"),
                           json_object_get(told, "statistics")));
    json_decref(drawing);
    json_decref(told);
    json_decref(now);
}

/* A snapshot in which A is in the mesh of B, of each of these topics. */
static json_t *snapshot_with_topics(const char *const *names)
{
    json_t *snapshot = snapshot_of("A:; B: A"), *topics = json_object();
    json_t *node = json_array_get(json_object_get(snapshot, "nodes"), 1);
    json_t *topic = json_object_get(json_object_get(node, "topics"), "t");
    for (; *names != NULL; names++)
        json_object_set(topics, *names, topic);
    json_object_set_new(node, "topics", topics);
    return snapshot;
}

static void one_topic_can_be_chosen(void **state)
{
    (void)state;
    static const char *const names[] = {"/leanconsensus/x/block/ssz_snappy",
                                        "/leanconsensus/x/vote/ssz_snappy",
                                        "/leanconsensus/y/vote/ssz_snappy", "vote", NULL};
    struct error error;
    json_t *snapshot = snapshot_with_topics(names);
    json_t *drawing = mesh_drawing(snapshot, NULL, "lean:block", &error);
    const json_t *topic = json_array_get(json_object_get(drawing, "topics"), 0);
    assert_string_equal(text(topic, "name"), names[0]);
    assert_string_equal(text(topic, "label"), "block");
    assert_int_equal(json_integer_value(json_object_get(topic, "one_way")), 1);
    assert_int_equal(json_array_size(json_object_get(drawing, "topics")), 1);
    assert_int_equal(json_array_size(json_object_get(drawing, "edges")), 1);
    json_decref(drawing);

    drawing = mesh_drawing(snapshot, NULL, "block", &error);
    assert_string_equal(text(json_array_get(json_object_get(drawing, "topics"), 0), "name"),
                        names[0]);
    json_decref(drawing);
    drawing = mesh_drawing(snapshot, NULL, "vote", &error); /* its own name goes first */
    assert_string_equal(text(json_array_get(json_object_get(drawing, "topics"), 0), "name"),
                        "vote");
    json_decref(drawing);

    assert_null(mesh_drawing(snapshot, NULL, "lean:vote", &error));
    assert_string_equal(error.text, "topic lean:vote: both /leanconsensus/x/vote/ssz_snappy and "
                                    "/leanconsensus/y/vote/ssz_snappy; name one of them");
    assert_null(mesh_drawing(snapshot, NULL, "none", &error));
    assert_non_null(strstr(error.text, "topic none: no node knows it; they know /lean"));
    json_decref(snapshot);
}

static void expect_labels(char **labels, size_t count, const char *const *expected)
{
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(labels[i], expected[i]);
        free(labels[i]);
    }
    free(labels);
}

static void labels_are_short_and_tell_apart(void **state)
{
    (void)state;
    static const char *const peers[] = {"n1",
                                        "16Uiu2HAm1111abcdef",
                                        "16Uiu2HAm22XZabcdef",
                                        "16Uiu2HAm22YZabcdef",
                                        "16Uiu2HAm222222222z",
                                        "16Uiu2HAm22222222\nb"};
    static const char *const short_peers[] = {"n1",        "…1abcdef", "…XZabcdef",
                                              "…YZabcdef", "…22222z",  "…2222\xef\xbf\xbd\x62"};
    expect_labels(labels_of_peers(peers, 6), 6, short_peers);
    expect_labels(labels_of_peers(NULL, 0), 0, NULL);

    static const char *const topics[] = {"/leanconsensus/x/block/ssz_snappy",
                                         "/leanconsensus/x/vote/ssz_snappy",
                                         "/leanconsensus/y/vote/ssz_snappy", "other"};
    const char *const short_topics[] = {"block", topics[1], topics[2], "other"};
    expect_labels(labels_of_topics(topics, 4), 4, short_topics);
}

static void expect_dot(const json_t *drawing, bool connections, const char *expected)
{
    char *dot = mesh_dot(drawing, connections);
    if (strstr(dot, expected) == NULL)
        fail_msg("not in: %s", dot);
    free(dot);
}

static void edges_of_dot_show_which_way_they_go(void **state)
{
    (void)state;
    json_t *drawing = drawing_of("A: B C; B: A D; C:", NULL);
    expect_dot(drawing, false, "\n  \"A\" -> \"B\" [dir=\"both\"];\n");
    expect_dot(drawing, false,
               "\n  \"A\" -> \"C\" [dir=\"forward\", label=\"one way\", color=\"#b42318\"");
    expect_dot(drawing, false, "\n  \"B\" -> \"D\" [dir=\"forward\", color=\"#6b7280\"");
    json_decref(drawing);
    drawing = drawing_of("A: B; B:", "A: C; B: A");
    expect_dot(drawing, false, "label=\"one way\\nwas the other way\"");
    expect_dot(drawing, false, "label=\"removed\"");
    json_decref(drawing);
}

static void connections_of_dot_are_those_without_an_edge(void **state)
{
    (void)state;
    json_t *drawing = drawing_of("A: B C; B: A; C: A", NULL);
    json_array_remove(json_object_get(drawing, "edges"), 0);
    char *dot = mesh_dot(drawing, false);
    assert_null(strstr(dot, "\"A\" -> \"B\""));
    free(dot);
    expect_dot(drawing, true, "\"A\" -> \"B\" [dir=\"none\", style=\"dotted\"");
    dot = mesh_dot(drawing, true);
    const char *edge = strstr(dot, "\"A\" -> \"C\"");
    assert_non_null(edge);
    assert_null(strstr(edge + 1, "\"A\" -> \"C\""));
    free(dot);
    json_decref(drawing);
}

static void what_peers_say_stays_text_in_dot(void **state)
{
    (void)state;
    json_t *drawing = drawing_of("A:", NULL);
    json_object_set_new(json_array_get(json_object_get(drawing, "nodes"), 0), "agent",
                        json_string("a\"];\n\\N\\&lt;"));
    expect_dot(drawing, false, "a\\\"];\xef\xbf\xbd\\\\N\\\\&amp;lt;");
    char *endless = memory_new(1001);
    memset(endless, 'x', 1000);
    memcpy(endless + DOT_TEXT_MAX - 1, "é", 2);
    json_object_set_new(json_array_get(json_object_get(drawing, "nodes"), 0), "agent",
                        json_string(endless));
    expect_dot(drawing, false, "xxx\", tooltip=");
    free(endless);
    json_decref(drawing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edge_is_told_once_and_which_way),
        cmocka_unit_test(what_changed_between_two_is_marked),
        cmocka_unit_test(nodes_are_those_asked_and_those_heard_of),
        cmocka_unit_test(a_node_that_does_not_answer_is_known_from_before),
        cmocka_unit_test(a_node_that_was_stopped_is_there_whoever_tells_of_it),
        cmocka_unit_test(what_is_heard_of_a_node_and_found_is_with_it),
        cmocka_unit_test(a_node_that_was_visited_is_told_from_one_that_was_not),
        cmocka_unit_test(round_trips_are_in_milliseconds_and_the_least),
        cmocka_unit_test(one_topic_can_be_chosen),
        cmocka_unit_test(labels_are_short_and_tell_apart),
        cmocka_unit_test(edges_of_dot_show_which_way_they_go),
        cmocka_unit_test(connections_of_dot_are_those_without_an_edge),
        cmocka_unit_test(what_peers_say_stays_text_in_dot),
    };
    return cmocka_run_group_tests_name("mesh_drawing", tests, NULL, NULL);
}
