/* Nodes without an API of ours: what is kept of their RPCs and metrics, and how they are judged. */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/gossipsub/rpc.h"
#include "net/mesh/check.h"
#include "net/mesh/diff.h"
#include "net/mesh/heard.h"
#include "net/mesh/prometheus.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/target.h"

#include "tests/unit/change_lines.h"
#include "tests/unit/json_text.h"
#include "tests/unit/rpc_ids.h"
#include "tests/unit/support.h"

/* Takes VALUE over. */
static void expect_json(json_t *value, const char *expected_text)
{
    json_t *expected = json_of(expected_text);
    if (!json_equal(value, expected))
        fail_msg("got %s", json_dumps(value, JSON_SORT_KEYS | JSON_ENCODE_ANY));
    json_decref(expected);
    json_decref(value);
}

/* ---- what is heard ---- */

static const uint8_t ids[3][GOSSIPSUB_MESSAGE_ID_SIZE];

static void hear(json_t *heard, struct chunk *rpc)
{
    struct bytes whole = chunk_bytes(rpc);
    size_t prefix = 0;
    while (whole.data[prefix++] & 0x80) {
    }
    heard_rpc(heard, bytes_after(whole, prefix));
    chunk_unref(rpc);
}

static void rpcs_are_counted_by_what_they_say(void **state)
{
    (void)state;
    struct rpc_writer writer = {0};
    json_t *heard = heard_new();
    rpc_write_graft(&writer, bytes_of_text("t"));
    rpc_write_graft(&writer, bytes_of_text("u"));
    rpc_write_prune(&writer, bytes_of_text("t"), 60);
    rpc_write_ihave(&writer, bytes_of_text("t"), ids, 3);
    rpc_write_iwant(&writer, ids, 2);
    rpc_write_idontwant(&writer, ids, 1);
    hear(heard, rpc_writer_finish(&writer));
    rpc_write_graft(&writer, bytes_of_text("t"));
    hear(heard, rpc_writer_finish(&writer));
    hear(heard, rpc_encode_message(bytes_of_text("t"), bytes_of_text("data")));
    heard_rpc(heard, bytes_of_text("\xff\xff"));
    rpc_writer_clear(&writer);
    expect_json(heard, "{'rpcs':4,'malformed':1,'graft':{'t':2,'u':1},'prune':{'t':1},"
                       "'ihave':{'t':3},'iwant':2,'idontwant':1,'messages':{'t':1}}");
}

static void no_peer_fills_the_memory_with_topics(void **state)
{
    (void)state;
    struct rpc_writer writer = {0};
    json_t *heard = heard_new();
    for (int i = 0; i < 2 * HEARD_TOPICS_MAX; i++) {
        char *topic = text_format("topic %d", i);
        rpc_write_graft(&writer, bytes_of_text(topic));
        hear(heard, rpc_writer_finish(&writer));
        free(topic);
    }
    rpc_write_graft(&writer, bytes_of_text("topic 0"));
    rpc_write_graft(&writer, bytes_of_text(""));
    rpc_write_graft(&writer, bytes_of_text("\x1b\xff"));
    hear(heard, rpc_writer_finish(&writer));
    rpc_writer_clear(&writer);
    const json_t *grafts = json_object_get(heard, "graft");
    assert_int_equal(json_object_size(grafts), HEARD_TOPICS_MAX + 1);
    assert_int_equal(json_integer_value(json_object_get(grafts, "others")), HEARD_TOPICS_MAX + 2);
    assert_int_equal(json_integer_value(json_object_get(grafts, "topic 0")), 2);
    json_decref(heard);
}

/* ---- metrics ---- */

static void expect_metrics(const char *page, const char *expected)
{
    struct error error;
    json_t *metrics = prometheus_parse(bytes_of_text(page), "lean_", &error);
    if (metrics == NULL)
        fail_msg("%s: %s", page, error.text);
    expect_json(metrics, expected);
}

static void metrics_are_read(void **state)
{
    (void)state;
    expect_metrics("", "{}");
    expect_metrics("# HELP lean_a A.\n# TYPE lean_a counter\nlean_a 1\nother 2\n", "{'lean_a':1}");
    expect_metrics("lean_a 1.5\r\nlean_b -3 1700000000000\n\n  lean_c\t1e3", /* no newline */
                   "{'lean_a':1.5,'lean_b':-3,'lean_c':1000}");
    expect_metrics("lean_a NaN\nlean_b +Inf\nlean_c -Inf\n",
                   "{'lean_a':'NaN','lean_b':'+Inf','lean_c':'-Inf'}");
    expect_metrics("lean_a{} 1\nlean_b{ z = \"1\" , a=\"2\", } 2\n",
                   "{'lean_a':1,'lean_b{a=\\'2\\',z=\\'1\\'}':2}");
    expect_metrics("lean_a{b=\"} 3,\\\"\"} 1\n", "{'lean_a{b=\\'} 3,\\\\\\'\\'}':1}");
    expect_metrics("lean_a_total 3 # {trace_id=\"x\"} 1 2\n# EOF\n", "{'lean_a_total':3}");
}

static void expect_no_metrics(const char *page, const char *problem)
{
    struct error error;
    json_t *metrics = prometheus_parse(bytes_of_text(page), "lean_", &error);
    assert_null(metrics);
    assert_string_equal(error.text, problem);
}

static void what_is_no_page_of_metrics_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "<html>",           "{\"a\":1}",       "lean_a",           "lean_a one",
        "lean_a{b} 1",      "lean_a{b=\"c} 1", "lean_a{b=\"c\" 1", "lean_a{b=\"c\"d=\"e\"} 1",
        "lean_a{b=c} 1",    "lean_a{b=\"\\",   "1lean 2",          "lean_a 1 nobody",
        "lean_a{\"b\"=1} 1"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        char *page = text_format("lean_z 1\n%s", lines[i]);
        struct error error;
        json_t *metrics = prometheus_parse(bytes_of_text(page), "lean_", &error);
        if (metrics != NULL)
            fail_msg("%s was read", lines[i]);
        free(page);
    }
    expect_no_metrics("lean_z 1\n<html>", "line 2: not a metric in Prometheus' text format");
}

static void metrics_have_limits(void **state)
{
    (void)state;
    struct buffer page = {0};
    struct error error;
    for (int i = 0; i <= PROMETHEUS_SAMPLES_MAX; i++) {
        char *line = text_format("lean_a%d 1\n", i);
        buffer_append_text(&page, line);
        free(line);
    }
    assert_null(prometheus_parse(buffer_bytes(&page), "lean_", &error));
    assert_string_equal(error.text, "line 4097: more than 4096 metrics that begin with lean_");
    buffer_clear(&page);

    memset(buffer_extend(&page, PROMETHEUS_PAGE_MAX + 1), '\n', PROMETHEUS_PAGE_MAX + 1);
    assert_null(prometheus_parse(buffer_bytes(&page), "lean_", &error));
    assert_string_equal(error.text, "more than 16777216 bytes");
    buffer_clear(&page);

    buffer_append_text(&page, "lean_a{");
    for (int i = 0; i <= PROMETHEUS_LABELS_MAX; i++)
        buffer_append_text(&page, "b=\"\",");
    buffer_append_text(&page, "} 1");
    assert_null(prometheus_parse(buffer_bytes(&page), "lean_", &error));
    buffer_clear(&page);
}

static void expect_label(const char *series, const char *label, const char *expected)
{
    char *value = prometheus_label(series, label);
    if (expected == NULL)
        assert_null(value);
    else
        assert_string_equal(value, expected);
    free(value);
}

static void labels_are_found(void **state)
{
    (void)state;
    expect_label("lean_node_info{name=\"x\\\"y\\\\\",version=\"1\"}", "name", "x\"y\\");
    expect_label("lean_node_info{name=\"x\",version=\"1\"}", "version", "1");
    expect_label("lean_node_info{name=\"x\"}", "nam", NULL);
    expect_label("lean_node_info", "name", NULL);
}

/* ---- targets ---- */

static void expect_target(const char *text, bool api, bool address, const char *page)
{
    struct mesh_target target;
    struct error error;
    if (!mesh_target_parse(text, &target, &error))
        fail_msg("%s: %s", text, error.text);
    assert_int_equal(target.api != NULL, api);
    assert_int_equal(target.has_address, address);
    assert_int_equal(target.page != NULL, page != NULL);
    if (page != NULL)
        assert_string_equal(target.page, page);
    mesh_target_clear(&target);
}

static void expect_lean_target(const char *text, const char *lean, bool lean_may_be_missing,
                               const char *page, bool page_may_be_missing)
{
    struct mesh_target target;
    struct error error;
    if (!mesh_target_parse(text, &target, &error))
        fail_msg("%s: %s", text, error.text);
    assert_true(target.has_address);
    assert_string_equal(target.lean, lean);
    assert_string_equal(target.page != NULL ? target.page : "", page);
    assert_int_equal(target.lean_may_be_missing, lean_may_be_missing);
    assert_int_equal(target.page_may_be_missing, page_may_be_missing);
    mesh_target_clear(&target);
}

static void an_address_may_have_an_api_and_a_page(void **state)
{
    (void)state;
    expect_lean_target("/ip4/1.2.3.4/udp/1=http://10.0.0.1:1", "http://10.0.0.1:1", false, "",
                       false);
    expect_lean_target("/ip4/1.2.3.4/udp/1=?http://10.0.0.1:1/", "http://10.0.0.1:1/", true, "",
                       false);
    expect_lean_target("/ip4/1.2.3.4/udp/1=http://[::1]:1=?http://[::1]:2/m?a=b", "http://[::1]:1",
                       false, "http://[::1]:2/m?a=b", true);
    expect_lean_target("/ip4/1.2.3.4/udp/1=http://[::1]:2/m?a=b=?http://[::1]:1", "http://[::1]:1",
                       true, "http://[::1]:2/m?a=b", false);
}

static void targets_are_told_apart(void **state)
{
    (void)state;
    expect_target("http://127.0.0.1:1", true, false, NULL);
    expect_target("127.0.0.1:1/", true, false, NULL);
    expect_target("http://127.0.0.1:1/metrics", false, false, "http://127.0.0.1:1/metrics");
    expect_target("http://[::1]:1/a?b=c", false, false, "http://[::1]:1/a?b=c");
    expect_target("/ip4/127.0.0.1/udp/1/quic-v1", false, true, NULL);
    expect_target("/dns4/x/udp/1=http://10.0.0.1:1/metrics", false, true,
                  "http://10.0.0.1:1/metrics");
    expect_target("/ip4/127.0.0.1/udp/1=?http://10.0.0.1:1/metrics", false, true,
                  "http://10.0.0.1:1/metrics");
    static const char *const none[] = {
        "",
        "x",
        "http://",
        "http:///metrics",
        "/ip4/1",
        "/ip4/127.0.0.1/udp/1=",
        "/ip4/127.0.0.1/udp/1=?",
        "http://127.0.0.1:1/a b",
        "http://127.0.0.1:1/\xff",
        "/ip4/127.0.0.1/udp/1=http://x",
        "/ip4/127.0.0.1/udp/1=http://127.0.0.1:1=http://127.0.0.1:2",
        "/ip4/127.0.0.1/udp/1=http://127.0.0.1:1/a=?http://127.0.0.1:1/b"};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        struct mesh_target target;
        struct error error;
        assert_false(mesh_target_parse(none[i], &target, &error));
        assert_true(strlen(error.text) > 0);
        mesh_target_clear(&target);
    }
}

/* ---- snapshots ---- */

/* Node A, which is connected to X and has it in its mesh for topic t. */
static const char node_text[] =
    "{'peer_id':'A','network':'1','listen':[],"
    "'status':{'finalized':{'root':'aa','slot':1},'head':{'root':'aa','slot':1}},"
    "'topics':{'/leanconsensus/1/t':{'subscribed':true,'mesh':['X'],'subscribers':['X'],"
    "'fanout':[],'backoff':[]}},"
    "'peers':[{'peer_id':'X','protocols':['/meshsub/1.2.0'],'subscriptions':['/leanconsensus/1/t'],"
    "'status':{'finalized':{'root':'bb','slot':1},'head':{'root':'bb','slot':1}},"
    "'connections':[],'outbound_stream':{'state':'open','connection':'c','stream_id':1},"
    "'inbound_streams':[{'connection':'c','stream_id':2}]}]}";

static const char foreign_text[] =
    "{'peer_id':'X','key_type':'rsa','agent':'x','protocols':['b','a'],'listen':[],"
    "'status':{'finalized':{'root':'aa','slot':1},'head':{'root':'aa','slot':1}},"
    "'topics':{'/leanconsensus/1/t':{'subscribed':true,'has_visitor':false}},"
    "'visit':{'ended':null,'status':'answered',"
    "'streams':{'ours':'/meshsub/1.2.0','theirs':['/meshsub/1.2.0']}},"
    "'sources':{'peer_id':'tls','topics':'gossipsub'},'volatile':{'address':'/ip4'}}";

/* With MEMBER of the foreign node replaced, where it is not NULL, by the item of VALUE. */
static json_t *snapshot_with(const char *member, const char *value)
{
    struct error error;
    json_t *snapshot = snapshot_new(), *node = json_of(node_text), *entry = json_of(foreign_text);
    if (member != NULL) {
        json_t *holder = json_of(value);
        json_object_set(entry, member, json_array_get(holder, 0));
        json_decref(holder);
    }
    assert_true(snapshot_add_node(snapshot, "http://127.0.0.1:1", node, &error));
    assert_true(snapshot_add_foreign(snapshot, "/ip4", entry, &error));
    snapshot_sort(snapshot);
    json_decref(node);
    json_decref(entry);
    return snapshot;
}

static void a_foreign_node_is_taken_once_and_survives_a_file(void **state)
{
    (void)state;
    struct error error;
    json_t *snapshot = snapshot_with(NULL, NULL), *entry = json_of(foreign_text);
    assert_false(snapshot_add_foreign(snapshot, "/ip6", entry, &error));
    assert_string_equal(error.text, "/ip6 is node X, which was visited at another address too");
    json_t *metrics = json_of("{'lean_node_info{name=\\'m\\',version=\\'2\\'}':1}");
    snapshot_add_endpoint(snapshot, "http://127.0.0.1:2/metrics", metrics);
    char *text = snapshot_text(snapshot);
    json_t *again = snapshot_parse(bytes_of_text(text), &error);
    if (again == NULL)
        fail_msg("%s", error.text);
    assert_true(json_equal(snapshot, again));
    const json_t *endpoint = json_array_get(json_object_get(again, "endpoints"), 0);
    expect_json(json_incref(json_object_get(endpoint, "node_info")), "{'name':'m','version':'2'}");
    free(text);
    json_decref(again);
    json_decref(snapshot);
    json_decref(entry);
}

/* What check finds, "INVARIANT NODE PEER" each; nothing else. */
static void expect_findings(const char *member, const char *value, const char *expected)
{
    json_t *snapshot = snapshot_with(member, value), *result = mesh_check(snapshot);
    char *found = text_copy("");
    size_t index;
    const json_t *finding;
    json_array_foreach(json_object_get(result, "findings"), index, finding)
    {
        const char *peer = json_string_value(json_object_get(finding, "peer"));
        char *longer = text_format(
            "%s%s %s %s %s\n", found, json_string_value(json_object_get(finding, "severity")),
            json_string_value(json_object_get(finding, "invariant")),
            json_string_value(json_object_get(finding, "node")), peer ? peer : "-");
        free(found);
        found = longer;
    }
    assert_string_equal(found, expected);
    free(found);
    json_decref(result);
    json_decref(snapshot);
}

static void foreign_nodes_are_judged_by_what_is_known(void **state)
{
    (void)state;
    /* What A heard from it earlier, another status, is of no interest beside what it said to us. */
    expect_findings(NULL, NULL, "");
    expect_findings("status", "[null]", "error status_compatible A X\n");
    expect_findings("status",
                    "[{'finalized':{'root':'cc','slot':1},'head':{'root':'cc','slot':1}}]",
                    "error status_compatible X -\n");
    expect_findings("topics",
                    "[{'/leanconsensus/1/t':{'subscribed':true,'has_visitor':false},"
                    "'/leanconsensus/2/t':{'subscribed':true,'has_visitor':false}}]",
                    "");
    expect_findings("topics", "[{'/leanconsensus/2/t':{'subscribed':true,'has_visitor':false}}]",
                    "error same_network X -\nerror member_subscribed A X\n");
    expect_findings("topics", "[{}]", "error member_subscribed A X\n");
    expect_findings("visit",
                    "[{'ended':null,'status':null,'streams':{'ours':'m','theirs':['m','m']}}]",
                    "warning inbound_stream X -\n");
    expect_findings("visit", "[{'ended':null,'status':null,'streams':{'ours':'m','theirs':[]}}]",
                    "warning outbound_stream X -\n");
    expect_findings("visit", "[{'ended':'x','status':null,'streams':{'ours':'m','theirs':[]}}]",
                    "");
    expect_findings("visit", "[{'ended':null,'status':null,'streams':{'ours':null,'theirs':[]}}]",
                    "");
}

static void topics_that_it_has_not_told_are_not_held_against_it(void **state)
{
    (void)state;
    json_t *snapshot = snapshot_with("topics", "[{}]");
    json_t *entry = json_array_get(json_object_get(snapshot, "foreign"), 0);
    json_object_del(json_object_get(entry, "sources"), "topics");
    json_t *result = mesh_check(snapshot);
    assert_true(json_is_true(json_object_get(result, "sound")));
    assert_int_equal(json_integer_value(json_object_get(result, "foreign")), 1);
    json_decref(result);
    json_decref(snapshot);
}

/* ---- diff ---- */

static void expect_lines(const char *member, const char *value, const char *expected)
{
    json_t *before = snapshot_with(NULL, NULL), *after = snapshot_with(member, value);
    json_t *changes = mesh_diff(before, after);
    char *lines = lines_of(changes);
    assert_string_equal(lines, expected);
    free(lines);
    json_decref(changes);
    json_decref(before);
    json_decref(after);
}

static void foreign_nodes_that_were_not_asked_for_are_not_missed(void **state)
{
    (void)state;
    json_t *with = snapshot_with(NULL, NULL), *without = snapshot_with(NULL, NULL);
    json_object_del(without, "foreign");
    json_t *changes = mesh_diff(with, without);
    assert_int_equal(json_array_size(changes), 0);
    json_decref(changes);
    snapshot_expect(without, true, false);
    changes = mesh_diff(with, without);
    assert_int_equal(json_array_size(changes), 1);
    json_decref(changes);
    json_decref(with);
    json_decref(without);
}

static void changes_of_foreign_nodes_are_told(void **state)
{
    (void)state;
    expect_lines(NULL, NULL, "");
    expect_lines("volatile", "[{'address':'/ip6'}]", "");
    expect_lines("sources", "[{}]", "");
    expect_lines("agent", "['y']", "~ foreign X: agent: \"x\" => \"y\"\n");
    expect_lines("peer_id", "['Y']", "- foreign X\n+ foreign Y\n");
    expect_lines("topics", "[{}]",
                 "- topic /leanconsensus/1/t: X\n- subscription /leanconsensus/1/t: X\n");
    expect_lines("topics", "[{'/leanconsensus/1/t':{'subscribed':true,'has_visitor':true}}]",
                 "~ topic /leanconsensus/1/t: X: has_visitor: false => true\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rpcs_are_counted_by_what_they_say),
        cmocka_unit_test(no_peer_fills_the_memory_with_topics),
        cmocka_unit_test(metrics_are_read),
        cmocka_unit_test(what_is_no_page_of_metrics_is_refused),
        cmocka_unit_test(metrics_have_limits),
        cmocka_unit_test(labels_are_found),
        cmocka_unit_test(targets_are_told_apart),
        cmocka_unit_test(an_address_may_have_an_api_and_a_page),
        cmocka_unit_test(a_foreign_node_is_taken_once_and_survives_a_file),
        cmocka_unit_test(foreign_nodes_are_judged_by_what_is_known),
        cmocka_unit_test(topics_that_it_has_not_told_are_not_held_against_it),
        cmocka_unit_test(foreign_nodes_that_were_not_asked_for_are_not_missed),
        cmocka_unit_test(changes_of_foreign_nodes_are_told),
    };
    return cmocka_run_group_tests_name("mesh_foreign", tests, NULL, NULL);
}
