#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "net/mesh/collect.h"
#include "net/mesh/diff.h"
#include "net/mesh/snapshot.h"

#include "tests/unit/change_lines.h"
#include "tests/unit/json_text.h"
#include "tests/unit/support.h"

/* What node A says, with lists out of order and all that is volatile. */
static const char answer_text[] =
    "{'peer_id':'A','agent':'devnet','network':'12345678','listen':['/ip4/127.0.0.1/udp/1'],"
    "'status':null,"
    "'topics':{'t':{'subscribed':true,'mesh':['C','B'],'subscribers':['C','B'],'fanout':[],"
    "'backoff':[{'peer_id':'D','left_ms':500}]}},"
    "'peers':[{'peer_id':'C','agent':null,'key_type':'secp256k1','protocols':['y','x'],"
    "'subscriptions':['t'],'status':null,'connections':[],'outbound_stream':null,"
    "'inbound_streams':[]},"
    "{'peer_id':'B','agent':'x','key_type':'secp256k1','protocols':[],'subscriptions':['t'],"
    "'status':null,'connections':[{'id':'bb','direction':'dialled','remote':'/ip4/1','age_ms':9,"
    "'rtt_us':10},{'id':'aa','direction':'accepted','remote':'/ip4/2','age_ms':9,'rtt_us':11}],"
    "'outbound_stream':{'state':'open','connection':'aa','stream_id':2},"
    "'inbound_streams':[{'connection':'aa','stream_id':9,'age_ms':8},"
    "{'connection':'aa','stream_id':3}]}],"
    "'statistics':{'rpcs':4}}";

static json_t *snapshot_of(const json_t *answer)
{
    struct error error;
    json_t *snapshot = snapshot_new();
    if (!snapshot_add_node(snapshot, "http://127.0.0.1:1", answer, &error))
        fail_msg("%s", error.text);
    snapshot_sort(snapshot);
    return snapshot;
}

static json_t *only_node(const json_t *snapshot)
{
    return json_array_get(json_object_get(snapshot, "nodes"), 0);
}

static void a_snapshot_is_sorted_and_what_is_volatile_is_apart(void **state)
{
    (void)state;
    json_t *answer = json_of(answer_text);
    json_t *snapshot = snapshot_of(answer);
    json_t *expected = json_of(
        "{'peer_id':'A','agent':'devnet','network':'12345678','listen':['/ip4/127.0.0.1/udp/1'],"
        "'status':null,"
        "'topics':{'t':{'subscribed':true,'mesh':['B','C'],'subscribers':['B','C'],'fanout':[],"
        "'backoff':[{'peer_id':'D'}]}},"
        "'peers':[{'peer_id':'B','agent':'x','key_type':'secp256k1','protocols':[],"
        "'subscriptions':['t'],'status':null,"
        "'connections':[{'id':'aa','direction':'accepted','remote':'/ip4/2'},"
        "{'id':'bb','direction':'dialled','remote':'/ip4/1'}],"
        "'outbound_stream':{'state':'open','connection':'aa','stream_id':2},"
        "'inbound_streams':[{'connection':'aa','stream_id':3},{'connection':'aa','stream_id':9}]},"
        "{'peer_id':'C','agent':null,'key_type':'secp256k1','protocols':['x','y'],"
        "'subscriptions':['t'],'status':null,'connections':[],'outbound_stream':null,"
        "'inbound_streams':[]}],"
        "'sources':{'*':'api'},"
        "'volatile':{'api':'http://127.0.0.1:1','statistics':{'rpcs':4},"
        "'topics':{'t':{'backoff':{'D':{'left_ms':500}}}},"
        "'peers':{'B':{'connections':{'aa':{'age_ms':9,'rtt_us':11},"
        "'bb':{'age_ms':9,'rtt_us':10}},"
        "'inbound_streams':{'aa/9':{'age_ms':8}}}}}}");
    if (!json_equal(only_node(snapshot), expected))
        fail_msg("got %s", json_dumps(only_node(snapshot), JSON_SORT_KEYS));
    json_decref(expected);
    json_decref(snapshot);
    json_decref(answer);
}

static void a_node_is_taken_once_and_nonsense_not_at_all(void **state)
{
    (void)state;
    struct error error;
    json_t *answer = json_of(answer_text);
    json_t *snapshot = snapshot_of(answer);
    assert_false(snapshot_add_node(snapshot, "http://127.0.0.1:2", answer, &error));
    assert_string_equal(error.text,
                        "http://127.0.0.1:2 is node A, which http://127.0.0.1:1 is too");

    json_array_append_new(
        json_object_get(json_array_get(json_object_get(answer, "peers"), 1), "connections"),
        json_pack("{s:s}", "id", "cc"));
    assert_false(snapshot_add_node(snapshot, "http://127.0.0.1:3", answer, &error));
    assert_string_equal(error.text, "http://127.0.0.1:3/mesh: peers[1].connections[2].direction: "
                                    "a string is expected");
    json_decref(snapshot);
    json_decref(answer);
}

/* Replaces the value at PATH (members and indices, such as "peers.1.agent") of node A's answer. */
static json_t *answer_with(const char *path, const char *value)
{
    json_t *answer = json_of(answer_text);
    json_t *place = answer;
    char *copy = text_copy(path), *rest = copy, *last = strsep(&rest, ".");
    for (char *next; (next = strsep(&rest, ".")) != NULL; last = next)
        place = json_is_array(place) ? json_array_get(place, (size_t)atoi(last))
                                     : json_object_get(place, last);
    json_t *holder = json_of(value);
    json_object_set(place, last, json_array_get(holder, 0));
    json_decref(holder);
    free(copy);
    return answer;
}

/* What diff says, line by line, when the value at PATH becomes VALUE (in an array of one). */
static void expect_lines(const char *path, const char *value, const char *expected)
{
    json_t *answer = json_of(answer_text), *changed = answer_with(path, value);
    json_t *before = snapshot_of(answer), *after = snapshot_of(changed);
    json_t *changes = mesh_diff(before, after);
    char *lines = lines_of(changes);
    assert_string_equal(lines, expected);
    free(lines);
    json_decref(changes);
    json_decref(before);
    json_decref(after);
    json_decref(answer);
    json_decref(changed);
}

static void each_kind_of_change_has_its_line(void **state)
{
    (void)state;
    expect_lines("topics.t.mesh", "[['B']]", "- mesh t: A -> C\n");
    expect_lines("topics.t.mesh", "[['B','C','D']]", "+ mesh t: A -> D\n");
    expect_lines("topics.t.fanout", "[['B']]", "+ fanout t: A -> B\n");
    expect_lines("topics.t.backoff", "[[]]", "- backoff t: A -> D\n");
    expect_lines("topics.t.subscribed", "[false]", "- subscription t: A\n");
    expect_lines("topics.t.subscribers", "[['B']]", "- subscriber t: A <- C\n");
    expect_lines("peers.0.subscriptions", "[[]]", "- subscriber t: A <- C\n");
    expect_lines("network", "['x']", "~ node A: network: \"12345678\" => \"x\"\n");
    expect_lines("news", "[1]", "~ node A: news: nothing => 1\n");
    expect_lines("peers.0.agent", "['go']", "~ peer A -> C: agent: null => \"go\"\n");
    expect_lines("peers.1.connections", "[[]]",
                 "- connection A -> B: "
                 "{\"direction\":\"accepted\",\"id\":\"aa\",\"remote\":\"/ip4/2\"}\n"
                 "- connection A -> B: "
                 "{\"direction\":\"dialled\",\"id\":\"bb\",\"remote\":\"/ip4/1\"}\n");
    expect_lines("peers.1.inbound_streams", "[[{'connection':'aa','stream_id':3}]]",
                 "- inbound_stream A <- B: {\"connection\":\"aa\",\"stream_id\":9}\n");
    expect_lines("peers.1.outbound_stream", "[{'state':'waiting'}]",
                 "~ peer A -> B: outbound_stream: "
                 "{\"connection\":\"aa\",\"state\":\"open\",\"stream_id\":2} => "
                 "{\"state\":\"waiting\"}\n");
    expect_lines("peers", "[[]]", "- peer A -> B\n- peer A -> C\n");
    expect_lines("topics", "[{}]",
                 "- topic t: A\n- subscription t: A\n- subscriber t: A <- B\n"
                 "- subscriber t: A <- C\n- mesh t: A -> B\n- mesh t: A -> C\n"
                 "- backoff t: A -> D\n");
    expect_lines("peer_id", "['B']", "- node A\n+ node B\n");
}

static void what_is_volatile_makes_no_difference(void **state)
{
    (void)state;
    expect_lines("statistics", "[{'rpcs':5}]", "");
    expect_lines("topics.t.backoff", "[[{'peer_id':'D','left_ms':1}]]", "");
    expect_lines("topics.t.mesh", "[['B','C']]", "");
}

static void expect_refused(const char *text, const char *problem)
{
    char path[] = "/tmp/test_mesh.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct error error;
    json_t *snapshot = snapshot_read(path, &error);
    unlink(path);
    assert_null(snapshot);
    if (strstr(error.text, problem) == NULL || strstr(error.text, path) != error.text)
        fail_msg("%s: %s", text, error.text);
}

static void files_that_are_no_snapshot_are_refused(void **state)
{
    (void)state;
    expect_refused("", "not JSON");
    expect_refused("{\"format\":\"devnet-mesh-snap", "not JSON: line 1");
    expect_refused("[]", "not a mesh snapshot");
    expect_refused("{\"format\":\"devnet-mesh-snapshot\"}", "\"version\" is missing");
    expect_refused("{\"format\":\"devnet-mesh-snapshot\",\"version\":\"1\"}",
                   "\"version\": a whole number is expected");
    expect_refused("{\"format\":\"devnet-mesh-snapshot\",\"version\":2}",
                   "version 2 of the snapshot format; this program reads version 1");
    expect_refused("{\"format\":\"devnet-mesh-snapshot\",\"version\":1,\"nodes\":{}}",
                   "nodes: an array is expected");
    expect_refused("{\"format\":\"devnet-mesh-snapshot\",\"version\":1,\"unreachable\":[],"
                   "\"nodes\":[{\"peer_id\":\"A\",\"listen\":[1]}]}",
                   "nodes[0].listen[0]: a string is expected");
    expect_refused("{\"format\":\"devnet-mesh-snapshot\",\"version\":1,\"unreachable\":[],"
                   "\"nodes\":[{\"peer_id\":\"A\",\"listen\":[],\"topics\":{},\"peers\":[]},"
                   "{\"peer_id\":\"A\",\"listen\":[],\"topics\":{},\"peers\":[]}]}",
                   "node A is in it twice");
    struct error error;
    assert_null(snapshot_read("/nowhere/at/all", &error));
    assert_string_equal(error.text, "/nowhere/at/all: No such file or directory");
}

static void a_snapshot_survives_a_file(void **state)
{
    (void)state;
    json_t *answer = json_of(answer_text), *snapshot = snapshot_of(answer);
    snapshot_add_unreachable(snapshot, "http://127.0.0.1:9", "Connection refused");
    char path[] = "/tmp/test_mesh.XXXXXX";
    close(mkstemp(path));
    char *text = snapshot_text(snapshot);
    struct error error;
    assert_true(file_write(path, bytes_of_text(text), 0600, &error));
    json_t *again = snapshot_read(path, &error);
    unlink(path);
    assert_true(json_equal(snapshot, again));
    free(text);
    json_decref(again);
    json_decref(snapshot);
    json_decref(answer);
}

static void an_error_that_is_no_text_is_told_all_the_same(void **state)
{
    (void)state;
    json_t *snapshot = snapshot_new();
    snapshot_add_unreachable(snapshot, "http://127.0.0.1:9", "cut: \xc3");
    const json_t *entry = json_array_get(json_object_get(snapshot, "unreachable"), 0);
    assert_string_equal(json_string_value(json_object_get(entry, "error")), "cut: \xef\xbf\xbd");
    json_decref(snapshot);
}

static void an_api_that_is_none_is_an_error(void **state)
{
    (void)state;
    const char *const apis[] = {"http://127.0.0.1:1", "nonsense"};
    struct error error;
    const struct mesh_manner manner = {.timeout_ms = 1000};
    assert_null(mesh_collect(apis, 2, &manner, &error));
    assert_non_null(strstr(error.text, "nonsense: not an API address"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_is_sorted_and_what_is_volatile_is_apart),
        cmocka_unit_test(a_node_is_taken_once_and_nonsense_not_at_all),
        cmocka_unit_test(each_kind_of_change_has_its_line),
        cmocka_unit_test(what_is_volatile_makes_no_difference),
        cmocka_unit_test(files_that_are_no_snapshot_are_refused),
        cmocka_unit_test(a_snapshot_survives_a_file),
        cmocka_unit_test(an_error_that_is_no_text_is_told_all_the_same),
        cmocka_unit_test(an_api_that_is_none_is_an_error),
    };
    return cmocka_run_group_tests_name("mesh", tests, NULL, NULL);
}
