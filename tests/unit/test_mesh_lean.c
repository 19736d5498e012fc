/* What Lean nodes' own APIs answer: how it is read, how it is judged, and whom it links. */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/mesh/check.h"
#include "net/mesh/lean_answer.h"
#include "net/mesh/links.h"
#include "net/mesh/prometheus.h"
#include "net/mesh/snapshot.h"

#include "tests/unit/json_text.h"
#include "tests/unit/support.h"

#define ROOT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ROOT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_X "16Uiu2HAmEYVGUf1QFtWzyHANEF7gPCr49NfkDTCLtRyyJqKYe3bN"
#define ID_Y "16Uiu2HAmQj1RDNAxopeeeCFPRr3zhJYmH6DEPHYKmxLViLahWcFE"

/* ---- answers ---- */

/* The text of JSON with " for '. Freed with free(). */
static char *quoted(const char *text)
{
    char *copy = text_copy(text);
    for (char *at = copy; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    return copy;
}

static void expect_answer(enum lean_route route, const char *body, const char *expected_text)
{
    struct error error;
    char *text = quoted(body);
    json_t *told = lean_answer_parse(route, bytes_of_text(text), &error);
    if (told == NULL)
        fail_msg("%s: %s", body, error.text);
    json_t *holder = json_of(expected_text);
    if (!json_equal(told, json_array_get(holder, 0)))
        fail_msg("got %s", json_dumps(told, JSON_SORT_KEYS | JSON_ENCODE_ANY));
    json_decref(holder);
    json_decref(told);
    free(text);
}

static void expect_refused(enum lean_route route, const char *body, const char *what)
{
    struct error error;
    char *text = quoted(body);
    json_t *told = lean_answer_parse(route, bytes_of_text(text), &error);
    assert_null(told);
    if (strstr(error.text, what) == NULL)
        fail_msg("%s: %s, and not: %s", body, error.text, what);
    free(text);
}

static void health_and_identity_are_read(void **state)
{
    (void)state;
    expect_answer(LEAN_HEALTH, "{'status':'healthy','service':'lean-rpc-api'}", "['healthy']");
    expect_answer(LEAN_HEALTH, "healthy", "['healthy']");
    expect_answer(LEAN_HEALTH, "healthy\n", "['healthy']");
    expect_refused(LEAN_HEALTH, "healthy!", "not JSON");
    expect_refused(LEAN_PEERS, "healthy", "not JSON");
    expect_refused(LEAN_HEALTH, "{'service':'x'}", "\"status\"");
    expect_refused(LEAN_HEALTH, "['healthy']", "\"status\"");
    expect_refused(LEAN_HEALTH, "{'status':'a','status':'b'}", "not JSON: line 1");
    expect_refused(LEAN_HEALTH, "", "not JSON");
    expect_refused(LEAN_HEALTH, "<html>", "not JSON");
    expect_answer(LEAN_IDENTITY, "{'version':'x/1','peer_id':'" ID_X "'}",
                  "[{'version':'x/1','peer_id':'" ID_X "'}]");
    expect_answer(LEAN_IDENTITY, "{'version':'x/1'}", "[{'version':'x/1','peer_id':null}]");
    expect_refused(LEAN_IDENTITY, "{'peer_id':'nonsense'}", "\"peer_id\": ");
    expect_refused(LEAN_IDENTITY, "{}", "is expected");
}

static void peers_are_read_in_each_form(void **state)
{
    (void)state;
    expect_answer(LEAN_PEERS, "{'" ID_X "':'connected'}",
                  "[[{'peer_id':'" ID_X "','state':'connected'}]]");
    expect_answer(LEAN_PEERS, "{'" ID_X "':{'state':'Disconnected','direction':'inbound'}}",
                  "[[{'peer_id':'" ID_X "','state':'Disconnected'}]]");
    /* As ream's is today, and as it was. */
    expect_answer(LEAN_PEERS,
                  "{'" ID_X "':{'peer_id':'" ID_X "','last_seen_p2p_address':null,'state':"
                  "'connected','direction':'outbound','last_seen':{'secs':3,'nanos':5},'peer_score'"
                  ":127,'last_status_update':null,'head_checkpoint':{'root':'0x" ROOT_A
                  "','slot':3},'finalized_checkpoint':null}}",
                  "[[{'peer_id':'" ID_X "','state':'connected'}]]");
    expect_answer(LEAN_PEERS, "{'" ID_X "':'Connected'}",
                  "[[{'peer_id':'" ID_X "','state':'Connected'}]]");
    expect_answer(LEAN_PEERS, "['" ID_X "']", "[[{'peer_id':'" ID_X "','state':null}]]");
    expect_answer(LEAN_PEERS,
                  "{'data':[{'peer_id':'" ID_X "','state':'connecting'}],'meta':{'count':'1'}}",
                  "[[{'peer_id':'" ID_X "','state':'connecting'}]]");
    expect_answer(LEAN_PEERS, "{'peers':[{'id':'" ID_X "'}]}",
                  "[[{'peer_id':'" ID_X "','state':null}]]");
    expect_answer(LEAN_PEERS, "[]", "[[]]");
    expect_answer(LEAN_PEERS, "{}", "[[]]");
    expect_refused(LEAN_PEERS, "{'peers':3}", "a list of peers");
    expect_refused(LEAN_PEERS, "['" ID_X "','" ID_X "']", "peer 2: it is listed twice");
    expect_refused(LEAN_PEERS, "['" ID_X "',{}]", "peer 2: a peer id is expected");
    expect_refused(LEAN_PEERS, "{'x':'connected'}", "peer 1: ");
}

static void fork_choice_is_read(void **state)
{
    (void)state;
    static const char read[] = "[{'head':{'root':'0x" ROOT_A "','slot':9},"
                               "'justified':{'root':'0x" ROOT_A "','slot':7},"
                               "'finalized':{'root':'0x" ROOT_B "','slot':5}}]";
    static const char rest[] = "'justified':{'root':'" ROOT_A "','slot':7},"
                               "'finalized':{'root':'0x" ROOT_B "','slot':'5'}}";
    const struct {
        const char *start, *fault;
    } cases[] = {
        {"{'nodes':[{'root':'0x" ROOT_B "','slot':8},{'root':'0x" ROOT_A "','slot':9}],"
         "'head':'0x" ROOT_A "',",
         NULL},
        {"{'nodes':[],'head':{'root':'0x" ROOT_A "','slot':'9'},", NULL},
        {"{'nodes':[{'root':'0x" ROOT_A "','slot':-1}],'head':'0x" ROOT_A "',", "no slot"},
        {"{'nodes':[],'head':'0x" ROOT_A "',", "\"head\" is none of \"nodes\""},
        {"{'nodes':[],'head':'0x',", "\"head\": a root"},
        {"{'nodes':{},", "\"head\": a root"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *body = text_format("%s%s", cases[i].start, rest);
        if (cases[i].fault == NULL)
            expect_answer(LEAN_FORK_CHOICE, body, read);
        else
            expect_refused(LEAN_FORK_CHOICE, body, cases[i].fault);
        free(body);
    }
    expect_refused(LEAN_FORK_CHOICE, "{'head':{'root':'" ROOT_A "','slot':1}}", "\"justified\"");
    expect_refused(LEAN_FORK_CHOICE, "", "not JSON: it is empty");
    /* Numbers of 64 bits, of what is asked for or of other things. */
    expect_answer(LEAN_FORK_CHOICE,
                  "{'nodes':[{'root':'" ROOT_B "','slot':8,'weight':18446744073709551615},"
                  "{'root':'0X" ROOT_A "','slot':9,'weight':1}],'head':'" ROOT_A "',"
                  "'justified':{'root':'" ROOT_A "','slot':7},"
                  "'finalized':{'root':'" ROOT_B "','slot':5}}",
                  read);
    expect_answer(LEAN_FORK_CHOICE,
                  "{'head':{'root':'" ROOT_A "','slot':18446744073709551615},"
                  "'justified':{'root':'" ROOT_A "','slot':'18446744073709551615'},"
                  "'finalized':{'root':'" ROOT_B "','slot':5}}",
                  "[{'head':{'root':'0x" ROOT_A "','slot':18446744073709551615.0},"
                  "'justified':{'root':'0x" ROOT_A "','slot':18446744073709551615.0},"
                  "'finalized':{'root':'0x" ROOT_B "','slot':5}}]");
    expect_refused(LEAN_FORK_CHOICE,
                   "{'head':{'root':'" ROOT_A "','slot':1.5},'justified':{'root':'" ROOT_A
                   "','slot':18446744073709551615}}",
                   "\"head\": a root");
}

static void answers_have_limits(void **state)
{
    (void)state;
    struct error error;
    char *huge = memory_new(LEAN_ANSWER_MAX + 1);
    memset(huge, ' ', LEAN_ANSWER_MAX + 1);
    assert_null(lean_answer_parse(LEAN_HEALTH, bytes_of(huge, LEAN_ANSWER_MAX + 1), &error));
    assert_string_equal(error.text, "larger than 16 MiB");
    /* A state, and a version, that are too long. */
    memset(huge, 'x', LEAN_ANSWER_TEXT_MAX + 1);
    huge[LEAN_ANSWER_TEXT_MAX + 1] = '\0';
    char *status = text_format("{'status':'%s'}", huge);
    char *version = text_format("{'version':'%s'}", huge);
    char *peers = text_format("{'" ID_X "':'%s'}", huge);
    expect_refused(LEAN_HEALTH, status, "a short text is expected");
    expect_refused(LEAN_IDENTITY, version, "a short text is expected");
    expect_refused(LEAN_PEERS, peers, "peer 1: its state is no short text");
    free(status);
    free(version);
    free(peers);
    /* As deep as it may be large. */
    memset(huge, '[', 100000);
    assert_null(lean_answer_parse(LEAN_PEERS, bytes_of(huge, 100000), &error));
    free(huge);
}

/* ---- what is found ---- */

/* X, which was visited, with LEAN, and Y, whose API is unknown, and is just there. */
static json_t *snapshot_of(const char *lean_text, const char *metrics)
{
    struct error error;
    json_t *snapshot = snapshot_new(), *lean = json_of(lean_text);
    const char *const ids[] = {ID_X, ID_Y};
    for (size_t i = 0; i < 2; i++) {
        json_t *entry = json_pack(
            "{s:s, s:s, s:n, s:[], s:[], s:n, s:{}, s:{s:n, s:n, s:{s:n, s:[]}}, s:{}, s:{}}",
            "peer_id", ids[i], "key_type", "secp256k1", "agent", "protocols", "listen", "status",
            "topics", "visit", "ended", "status", "streams", "ours", "theirs", "sources",
            "volatile");
        if (i == 0)
            snapshot_set_lean(entry, "http://127.0.0.1:1", lean);
        if (i == 0 && metrics != NULL)
            snapshot_set_metrics(entry, "http://127.0.0.1:1/metrics", json_of(metrics));
        assert_true(snapshot_add_foreign(snapshot, "/ip4", entry, &error));
        json_decref(entry);
    }
    snapshot_sort(snapshot);
    json_decref(lean);
    return snapshot;
}

/* "SEVERITY INVARIANT" each; FINALIZED is of another's API. */
static void expect_findings(const char *lean, const char *metrics, const char *others_lean,
                            const char *expected)
{
    json_t *snapshot = snapshot_of(lean, metrics), *others = json_of(others_lean);
    snapshot_add_lean_endpoint(snapshot, "http://127.0.0.1:2", others, NULL, NULL);
    snapshot_sort(snapshot);
    json_t *result = mesh_check(snapshot);
    char *found = text_copy("");
    size_t index;
    const json_t *finding;
    json_array_foreach(json_object_get(result, "findings"), index, finding)
    {
        const char *severity = json_string_value(json_object_get(finding, "severity"));
        const char *invariant = json_string_value(json_object_get(finding, "invariant"));
        char *longer = text_format("%s%s %s\n", found, severity, invariant);
        free(found);
        found = longer;
    }
    assert_string_equal(found, expected);
    free(found);
    json_decref(result);
    json_decref(others);
    json_decref(snapshot);
}

/* CHOICE, IDENTITY and PEERS as JSON. */
static char *lean_of(const char *choice, const char *identity, const char *peers)
{
    return text_format("{'health':'healthy','identity':%s,'peers':%s,'fork_choice':%s}", identity,
                       peers, choice);
}

static char *choice_of(int head, const char *root, int finalized, const char *finalized_root)
{
    return text_format("{'head':{'root':'%s','slot':%d},'justified':{'root':'%s','slot':%d},"
                       "'finalized':{'root':'%s','slot':%d}}",
                       root, head, root, head, finalized_root, finalized);
}

static void chains_that_cannot_both_be_are_found(void **state)
{
    (void)state;
    const struct {
        int head;
        const char *root;
        int finalized;
        const char *finalized_root, *expected;
    } cases[] = {
        {9, "h", 5, "f", ""},
        {9, "h", 4, "other", ""}, /* at a slot where nobody else says what is finalized */
        {9, "h", 5, "other", "error status_compatible\n"},
        /* Of its own finalized block, and of the other's: by the head and by what is justified. */
        {5, "h", 4, "g", "error chain_possible\nerror chain_possible\n"},
        {3, "h", 4, "g", "error chain_possible\nerror chain_possible\n"},
        {5, "f", 5, "f", ""},
    };
    char *others_choice = choice_of(8, "x", 5, "f");
    char *others = lean_of(others_choice, "null", "null");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *choice =
            choice_of(cases[i].head, cases[i].root, cases[i].finalized, cases[i].finalized_root);
        char *lean = lean_of(choice, "null", "null");
        expect_findings(lean, NULL, others, cases[i].expected);
        free(lean);
        free(choice);
    }
    free(others);
    free(others_choice);
}

static void expect_of_peers(const char *identity, const char *peers, const char *metrics,
                            const char *expected)
{
    char *lean = lean_of("null", identity, peers), *others = lean_of("null", "null", "null");
    expect_findings(lean, metrics, others, expected);
    free(lean);
    free(others);
}

static void peers_are_compared_with_the_nodes_that_there_are(void **state)
{
    (void)state;
    static const char few[] = "warning peers_complete\n";
    expect_of_peers("null", "[{'peer_id':'" ID_Y "','state':null}]", NULL, "");
    expect_of_peers("null", "[{'peer_id':'" ID_Y "','state':'Connected'}]", NULL, "");
    expect_of_peers("null", "[{'peer_id':'" ID_Y "','state':'disconnected'}]", NULL, few);
    expect_of_peers("null", "[]", NULL, few);
    /* Of one that does not list them, its metrics tell how many there are; or nobody knows. */
    expect_of_peers("null", "null", NULL, "");
    expect_of_peers("null", "null", "{'lean_connected_peers{client=\\'x\\'}':1}", "");
    expect_of_peers("null", "null", "{'lean_connected_peers':0}", few);
    expect_of_peers("null", "null", "{'lean_connected_peers_x':0}", "");
}

static void an_api_of_another_node_is_found(void **state)
{
    (void)state;
    expect_of_peers("{'version':null,'peer_id':'" ID_X "'}", "null", NULL, "");
    expect_of_peers("{'version':null,'peer_id':'" ID_Y "'}", "null", NULL, "error api_own\n");
}

static void metrics_are_added_up(void **state)
{
    (void)state;
    double sum;
    json_t *samples = json_of("{'a{x=\\'1\\'}':1,'a{x=\\'2\\'}':2,'ab':4,'c':'NaN'}");
    assert_true(prometheus_sum(samples, "a", &sum));
    assert_int_equal((int)sum, 3);
    assert_false(prometheus_sum(samples, "b", &sum));
    assert_false(prometheus_sum(samples, "c", &sum));
    json_decref(samples);
}

/* ---- links ---- */

static void peers_that_an_api_tells_of_are_links(void **state)
{
    (void)state;
    char *lean = lean_of("null", "null",
                         "[{'peer_id':'" ID_Y "','state':'connected'},"
                         "{'peer_id':'gone','state':'disconnected'},"
                         "{'peer_id':'heard','state':null}]");
    json_t *snapshot = snapshot_of(lean, NULL);
    struct mesh_links links;
    bool reversed;
    mesh_links_init(&links, snapshot, NULL);
    assert_int_equal(links.vertex_count, 3);
    assert_int_equal(links.link_count, 2);
    for (size_t i = 0; i < links.link_count; i++) {
        assert_true(links.links[i].topic == LINK_CONNECTION);
        assert_int_equal(mesh_link_direction(&links, &links.links[i], LOOK_NOW, &reversed),
                         LINK_UNTOLD);
        assert_string_equal(links.vertices[reversed ? links.links[i].b : links.links[i].a].id,
                            ID_X);
    }
    mesh_links_clear(&links);
    json_decref(snapshot);
    free(lean);
}

/* ---- files ---- */

static void what_was_told_survives_a_file(void **state)
{
    (void)state;
    struct error error;
    char *choice = choice_of(2, "a", 1, "b");
    char *lean = lean_of(choice, "{'version':'v','peer_id':null}", "[]");
    json_t *snapshot = snapshot_of(lean, NULL);
    char *text = snapshot_text(snapshot);
    json_t *again = snapshot_parse(bytes_of_text(text), &error);
    if (again == NULL)
        fail_msg("%s", error.text);
    assert_true(json_equal(snapshot, again));
    json_t *entry = json_array_get(json_object_get(again, "foreign"), 0);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(entry, "sources"), "lean")), "lean_api");
    json_object_set_new(json_object_get(entry, "lean"), "peers", json_string("many"));
    char *broken = snapshot_text(again);
    assert_null(snapshot_parse(bytes_of_text(broken), &error));
    assert_string_equal(error.text, "foreign[0].lean.peers: an array is expected");
    free(broken);
    free(text);
    free(lean);
    free(choice);
    json_decref(again);
    json_decref(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_and_identity_are_read),
        cmocka_unit_test(peers_are_read_in_each_form),
        cmocka_unit_test(fork_choice_is_read),
        cmocka_unit_test(answers_have_limits),
        cmocka_unit_test(chains_that_cannot_both_be_are_found),
        cmocka_unit_test(peers_are_compared_with_the_nodes_that_there_are),
        cmocka_unit_test(an_api_of_another_node_is_found),
        cmocka_unit_test(metrics_are_added_up),
        cmocka_unit_test(peers_that_an_api_tells_of_are_links),
        cmocka_unit_test(what_was_told_survives_a_file),
    };
    return cmocka_run_group_tests_name("mesh_lean", tests, NULL, NULL);
}
