/* What --trace rpc says of an RPC. */
#include "net/api/rpc_trace.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/gossipsub/payload.h"
#include "net/gossipsub/rpc.h"
#include "net/gossipsub/rpc_skim.h"
#include "tests/unit/gossip_scene.h"
#include "tests/unit/rpc_ids.h"
#include "tests/unit/support.h"

/* What is told of an RPC, both ways. */
struct told {
    json_t *object;
    struct buffer text; /* ends with NUL */
};

static struct told trace_of(struct bytes rpc)
{
    struct traced_rpc traced = {.peer = "16Uiu2HA", .out = true, .rpc = rpc};
    struct rpc_trace trace;
    traced_rpc_read(&traced, &trace);
    struct told told = {.object = rpc_trace_json(&trace)};
    rpc_trace_text(&trace, &told.text);
    buffer_append_byte(&told.text, '\0');
    assert_non_null(told.object);
    return told;
}

static struct told trace_of_writer(struct rpc_writer *writer)
{
    struct chunk *rpc = rpc_writer_finish(writer);
    struct told told = trace_of(scene_without_length(rpc));
    chunk_unref(rpc);
    rpc_writer_clear(writer);
    return told;
}

static const char *text_of(const struct told *told)
{
    return (const char *)told->text.data;
}

static void forget(struct told *told)
{
    buffer_clear(&told->text);
    json_decref(told->object);
}

/* A copy of TEXT in which ID1 is written out: the id that begins with 01. QUOTED: as JSON. */
static char *with_ids(const char *text, bool quoted)
{
    struct buffer copy = {0};
    for (; *text != '\0'; text++) {
        if (text[0] == 'I' && text[1] == 'D') {
            text += 2;
            char *id =
                text_format("%s0%c%038d%s", quoted ? "\"" : "", *text, 0, quoted ? "\"" : "");
            buffer_append_text(&copy, id);
            free(id);
        } else {
            buffer_append_byte(&copy, quoted && *text == '\'' ? '"' : (uint8_t)*text);
        }
    }
    buffer_append_byte(&copy, '\0');
    return (char *)copy.data;
}

/* The object is EXPECTED, and its text TEXT, both but for the time; forgets it. ID1 in them is the
 * id that begins with 01, and ' is ". */
static void check(struct told told, const char *expected, const char *text)
{
    json_t *object = told.object;
    char *wanted_line = with_ids(text, false);
    assert_string_equal(text_of(&told) + strlen("00:00:00.000 "), wanted_line);
    assert_true(json_integer_value(json_object_get(object, "time")) > 0);
    json_object_del(object, "time");
    char *wanted_text = with_ids(expected, true);
    json_t *wanted = json_loads(wanted_text, 0, NULL);
    char *shown = json_dumps(object, JSON_COMPACT);
    if (!json_equal(object, wanted))
        fail_msg("%s instead of %s", shown, wanted_text);
    free(wanted_line), free(wanted_text), free(shown);
    json_decref(wanted);
    forget(&told);
}

static void every_kind_of_entry_is_told(void **state)
{
    (void)state;
    static const uint8_t ids[6][GOSSIPSUB_MESSAGE_ID_SIZE] = {{1}, {2}, {3}, {4}, {5}, {6}};
    struct bytes t = bytes_of_text("t");
    struct rpc_writer writer = {0};
    rpc_write_subscription(&writer, t, true);
    rpc_write_subscription(&writer, t, false);
    rpc_write_graft(&writer, t);
    rpc_write_prune(&writer, t, 60);
    rpc_write_prune(&writer, t, 0);
    rpc_write_ihave(&writer, t, ids, 6);
    rpc_write_iwant(&writer, ids, 1);
    rpc_write_idontwant(&writer, ids, 2);
    check(trace_of_writer(&writer),
          "{'trace':'rpc','peer_id':'16Uiu2HA','direction':'out','bytes':242,"
          "'subscriptions':[{'topic':'t','subscribe':true},{'topic':'t','subscribe':false}],"
          "'graft':[{'topic':'t'}],'prune':[{'topic':'t','backoff':60},{'topic':'t'}],"
          "'ihave':[{'topic':'t','count':6,'ids':[ID1,ID2,ID3,ID4]}],"
          "'iwant':[{'count':1,'ids':[ID1]}],'idontwant':[{'count':2,'ids':[ID1,ID2]}]}",
          "rpc out 16Uiu2HA 242 bytes; subscribe t; unsubscribe t; ihave t 6 ids ID1 ID2 ID3 ID4 "
          "...; iwant 1 id ID1; graft t; prune t backoff 60s; prune t; idontwant 2 ids ID1 ID2");
}

static void a_message_is_told_with_its_id_and_the_size_of_its_data(void **state)
{
    (void)state;
    struct buffer data = {0};
    payload_compress(bytes_of_text("hello"), &data);
    struct chunk *rpc = rpc_encode_message(bytes_of_text("t"), buffer_bytes(&data));
    struct told told = trace_of(scene_without_length(rpc));
    const json_t *message = json_array_get(json_object_get(told.object, "messages"), 0);
    assert_int_equal(json_integer_value(json_object_get(message, "size")), data.size);
    assert_string_equal(json_string_value(json_object_get(message, "id")),
                        "553e810861ad9f2b3bde628d88fa25f26f01d329");
    forget(&told);
    /* Of data that was left out nobody knows it. */
    struct skimmed_rpc skimmed = {
        .rpc = scene_without_length(rpc), .left_out = {true}, .data_sizes = {70000}};
    skimmed.message_count = 1;
    struct rpc_trace trace = {.peer = ""};
    rpc_skim_trace(&skimmed, &trace);
    json_t *object = rpc_trace_json(&trace);
    message = json_array_get(json_object_get(object, "messages"), 0);
    assert_null(json_object_get(message, "id"));
    assert_int_equal(json_integer_value(json_object_get(message, "size")), 70000);
    json_decref(object);
    chunk_unref(rpc);
    buffer_clear(&data);
}

static void a_long_list_is_cut_and_what_is_left_out_is_counted(void **state)
{
    (void)state;
    struct rpc_writer writer = {0};
    for (size_t i = 0; i < 1000; i++)
        rpc_write_graft(&writer, bytes_of_text("t"));
    struct told told = trace_of_writer(&writer);
    assert_int_equal(json_array_size(json_object_get(told.object, "graft")), TRACE_ENTRIES_MAX);
    assert_int_equal(json_integer_value(json_object_get(told.object, "graft_left_out")),
                     1000 - TRACE_ENTRIES_MAX);
    assert_non_null(strstr(text_of(&told), "graft t; and 984 more"));
    forget(&told);
}

/* It is read a slice at a time: a list that goes on in the next ones is one entry still. */
static void a_list_of_many_ids_is_one_entry(void **state)
{
    (void)state;
    enum { EACH = 700 }; /* so a slice ends in an IWANT, an IHAVE and an IDONTWANT */
    struct bytes ids[EACH];
    struct rpc_writer writer = {0};
    for (size_t i = 0; i < EACH; i++)
        ids[i] = bytes_of_text("id");
    rpc_write_ihave_of(&writer, bytes_of_text("a"), ids, EACH);
    rpc_write_iwant_of(&writer, ids, EACH);
    rpc_write_ihave_of(&writer, bytes_of_text("b"), ids, EACH);
    rpc_write_ihave_of(&writer, bytes_of_text("c"), ids, EACH);
    rpc_write_idontwant_of(&writer, ids, EACH);
    struct told told = trace_of_writer(&writer);
    assert_string_equal(
        strchr(text_of(&told), ';'),
        "; ihave a 700 ids 6964 6964 6964 6964 ...; ihave b 700 ids 6964 6964 6964 "
        "6964 ...; ihave c 700 ids 6964 6964 6964 6964 ...; iwant 700 ids 6964 6964 "
        "6964 6964 ...; idontwant 700 ids 6964 6964 6964 6964 ...");
    forget(&told);
}

/* As a whole it would take thirty times its size. */
static void an_rpc_of_many_small_entries_is_told_as_any_other(void **state)
{
    (void)state;
    enum { MANY = 1 << 20 };
    struct buffer rpc = {0};
    for (size_t i = 0; i < MANY; i++)
        buffer_append(&rpc, "\x0a\x00", 2);
    struct told told = trace_of(buffer_bytes(&rpc));
    assert_int_equal(json_integer_value(json_object_get(told.object, "subscriptions_left_out")),
                     MANY - TRACE_ENTRIES_MAX);
    assert_null(json_object_get(told.object, "malformed"));
    forget(&told);
    buffer_clear(&rpc);
}

static void the_peers_of_a_prune_are_counted(void **state)
{
    (void)state;
    static const char rpc[] = "\x1a\x10\x22\x05\x0a\x01t\x12\x00\x22\x07\x0a\x01t\x12\x00\x12\x00";
    struct told told = trace_of(bytes_of(rpc, sizeof(rpc) - 1));
    assert_string_equal(strchr(text_of(&told), ';'), "; prune t peers 1; prune t peers 2");
    forget(&told);
}

static void what_is_malformed_or_could_garble_the_line_is_safe(void **state)
{
    (void)state;
    check(trace_of(bytes_of_text("nonsense")),
          "{'trace':'rpc','peer_id':'16Uiu2HA','direction':'out','bytes':8,'malformed':true}",
          "rpc out 16Uiu2HA 8 bytes; malformed");
    struct rpc_writer writer = {0};
    rpc_write_graft(&writer, bytes_of_text("\x1b[31m\n\xff"));
    struct told told = trace_of_writer(&writer);
    assert_null(strpbrk(text_of(&told), "\x1b\n\xff"));
    forget(&told);
}

/* Whoever has no clock and no peer ids, such as a reader of what others recorded, can trace too. */
static void the_time_and_the_name_are_the_callers(void **state)
{
    (void)state;
    struct rpc_trace trace = {.time_ms = 86400000 + 45296007, .peer = "node1", .dropped = true};
    struct buffer line = {0};
    rpc_trace_read(&trace, bytes_of(NULL, 0));
    rpc_trace_text(&trace, &line);
    assert_int_equal(line.size, strlen("12:34:56.007 rpc in node1 0 bytes; dropped"));
    assert_memory_equal(line.data, "12:34:56.007 rpc in node1 0 bytes; dropped", line.size);
    buffer_clear(&line);
}

static void an_empty_rpc_says_nothing(void **state)
{
    (void)state;
    check(trace_of(bytes_of(NULL, 0)),
          "{'trace':'rpc','peer_id':'16Uiu2HA','direction':'out','bytes':0}",
          "rpc out 16Uiu2HA 0 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_entry_is_told),
        cmocka_unit_test(a_message_is_told_with_its_id_and_the_size_of_its_data),
        cmocka_unit_test(a_long_list_is_cut_and_what_is_left_out_is_counted),
        cmocka_unit_test(a_list_of_many_ids_is_one_entry),
        cmocka_unit_test(an_rpc_of_many_small_entries_is_told_as_any_other),
        cmocka_unit_test(the_peers_of_a_prune_are_counted),
        cmocka_unit_test(what_is_malformed_or_could_garble_the_line_is_safe),
        cmocka_unit_test(the_time_and_the_name_are_the_callers),
        cmocka_unit_test(an_empty_rpc_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
