/* What an observer makes of two nodes' bytes, in every segmentation. */
#include "net/tap/observer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/varint.h"
#include "net/gossipsub/rpc.h"
#include "net/protocols/identify.h"
#include "net/protocols/reqresp.h"
#include "net/tap/fact_text.h"
#include "tests/unit/support.h"

#define BLOCK "/leanconsensus/12345678/block/ssz_snappy"
#define MESHSUB "/meshsub/1.2.0"

static const char *const names[] = {"a", "b"};

/* What was told, a line each. */
struct told {
    struct buffer lines;
};

static void note(void *context, const struct tap_fact *fact)
{
    struct told *told = context;
    if (tap_fact_text(fact, names, &told->lines))
        buffer_append_byte(&told->lines, '\n');
    else if (fact->kind == TAP_FACT_CLOSED)
        buffer_append_text(&told->lines, fact->unfinished ? "closed unfinished\n" : "closed\n");
}

static void say_text(struct buffer *said, const char *text)
{
    varint_append(said, strlen(text) + 1);
    buffer_append_text(said, text);
    buffer_append_byte(said, '\n');
}

static void say_header(struct buffer *said, const char *protocol)
{
    say_text(said, "/multistream/1.0.0");
    if (protocol != NULL)
        say_text(said, protocol);
}

/* A part of a conversation: who says what, in one go or in pieces of SIZE bytes. */
struct part {
    enum tap_side by;
    const struct buffer *said;
};

static char *play(const struct part *parts, size_t count, size_t size, enum tap_end end)
{
    struct told told = {0};
    struct tap_observer *observer = tap_observer_new(note, &told);
    tap_observer_opened(observer, 4, parts[0].by, 0);
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < parts[i].said->size; at += size) {
            size_t left = parts[i].said->size - at;
            tap_observer_data(observer, 4, parts[i].by,
                              bytes_of(parts[i].said->data + at, left < size ? left : size), 0);
        }
    tap_observer_ended(observer, 4, TAP_DIALLER, end, 7, 0);
    tap_observer_ended(observer, 4, TAP_LISTENER, end, 7, 0);
    tap_observer_closed(observer, 4, 0);
    tap_observer_free(observer);
    buffer_append_byte(&told.lines, '\0');
    return (char *)told.lines.data;
}

/* Whole, byte by byte and in pieces of a few sizes. */
static void assert_told(const struct part *parts, size_t count, enum tap_end end,
                        const char *expected)
{
    static const size_t sizes[] = {SIZE_MAX, 1, 2, 3, 7, 19, 20, 21, 1000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        char *told = play(parts, count, sizes[i], end);
        assert_string_equal(told, expected);
        free(told);
    }
}

static void append_chunk(struct buffer *said, struct chunk *chunk)
{
    buffer_append(said, chunk->data, chunk->size);
    chunk_unref(chunk);
}

static void say_message(struct buffer *said, const char *topic, size_t size)
{
    uint8_t *data = memory_new(size + 1);
    append_chunk(said, rpc_encode_message(bytes_of_text(topic), bytes_of(data, size)));
    free(data);
}

static void gossip_is_told_by_its_kind(void **state)
{
    (void)state;
    struct buffer opener = {0}, other = {0};
    struct rpc_writer writer = {0};
    say_header(&opener, MESHSUB);
    say_header(&other, MESHSUB);
    rpc_write_subscription(&writer, bytes_of_text(BLOCK), true);
    rpc_write_subscription(&writer, bytes_of_text("/chat/1"), false);
    rpc_write_graft(&writer, bytes_of_text(BLOCK));
    append_chunk(&opener, rpc_writer_finish(&writer));
    say_message(&opener, BLOCK, 3);
    say_message(&opener, BLOCK, RPC_SKIM_DATA_MAX + 1);
    buffer_append_byte(&opener, 0);
    rpc_write_prune(&writer, bytes_of_text(BLOCK), 60);
    append_chunk(&opener, rpc_writer_finish(&writer));
    rpc_writer_clear(&writer);
    const struct part parts[] = {{TAP_LISTENER, &opener}, {TAP_DIALLER, &other}};
    assert_told(
        parts, 2, TAP_FIN,
        "b -> a stream 4 /meshsub/1.2.0: proposes it\n"
        "b -> a stream 4 /meshsub/1.2.0: subscribe block; unsubscribe /chat/1; graft block\n"
        "b -> a stream 4 /meshsub/1.2.0: message block 3 bytes\n"
        "b -> a stream 4 /meshsub/1.2.0: message block 65537 bytes; 65587 bytes, over the limit of "
        "rust-libp2p by default\n"
        "b -> a stream 4 /meshsub/1.2.0: an empty RPC\n"
        "b -> a stream 4 /meshsub/1.2.0: prune block backoff 60s\n"
        "a -> b stream 4 /meshsub/1.2.0: agrees\n"
        "a -> b stream 4 /meshsub/1.2.0: ends after 36 bytes (FIN)\n"
        "b -> a stream 4 /meshsub/1.2.0: ends after 65832 bytes (FIN)\n"
        "closed\n");
    buffer_clear(&opener);
    buffer_clear(&other);
}

static void what_is_refused_may_be_proposed_again(void **state)
{
    (void)state;
    struct buffer first = {0}, refusal = {0}, again = {0}, agreed = {0};
    say_header(&first, "/meshsub/1.3.0");
    buffer_append_text(&first, "\x02\xff\xff"); /* said in hope */
    say_header(&refusal, "na");
    say_text(&again, MESHSUB);
    say_text(&agreed, MESHSUB);
    const struct part parts[] = {{TAP_DIALLER, &first},
                                 {TAP_LISTENER, &refusal},
                                 {TAP_DIALLER, &again},
                                 {TAP_LISTENER, &agreed}};
    assert_told(parts, 4, TAP_RESET,
                "a -> b stream 4 /meshsub/1.3.0: proposes it\n"
                "a -> b stream 4 /meshsub/1.3.0: a malformed RPC of 2 bytes\n"
                "b -> a stream 4 /meshsub/1.3.0: refuses it (na)\n"
                "a -> b stream 4 /meshsub/1.2.0: proposes it\n"
                "b -> a stream 4 /meshsub/1.2.0: agrees\n"
                "a -> b stream 4 /meshsub/1.2.0: resets after 55 bytes (RESET_STREAM, code 7)\n"
                "b -> a stream 4 /meshsub/1.2.0: resets after 40 bytes (RESET_STREAM, code 7)\n"
                "closed\n");
    struct buffer *all[] = {&first, &refusal, &again, &agreed};
    for (size_t i = 0; i < 4; i++)
        buffer_clear(all[i]);
}

static void statuses_are_compared(void **state)
{
    (void)state;
    struct status asked = {.finalized = {.slot = 5}, .head = {.slot = 9}}, answered = asked;
    asked.finalized.root[0] = 1;
    answered.finalized.root[0] = 2;
    uint8_t ssz[STATUS_SSZ_SIZE];
    struct buffer opener = {0}, other = {0};
    say_header(&opener, REQRESP_STATUS_PROTOCOL);
    say_header(&other, REQRESP_STATUS_PROTOCOL);
    status_encode(&asked, ssz);
    reqresp_encode_request(bytes_of(ssz, sizeof(ssz)), &opener);
    status_encode(&answered, ssz);
    reqresp_encode_response(REQRESP_SUCCESS, bytes_of(ssz, sizeof(ssz)), &other);
    const struct part parts[] = {{TAP_DIALLER, &opener}, {TAP_LISTENER, &other}};
    char *told = play(parts, 2, 5, TAP_FIN);
    assert_non_null(strstr(told, "a -> b stream 4 " REQRESP_STATUS_PROTOCOL ": sends its status: "
                                 "finalized 0x01000000 slot 5, head 0x00000000 slot 9\n"));
    assert_non_null(strstr(told, "b -> a stream 4 " REQRESP_STATUS_PROTOCOL
                                 ": answers with its status: finalized 0x02000000 slot 5, head "
                                 "0x00000000 slot 9; this and the other's cannot both be true\n"));
    free(told);
    buffer_clear(&other);
    say_header(&other, REQRESP_STATUS_PROTOCOL);
    reqresp_encode_response(REQRESP_SERVER_ERROR, bytes_of_text("not\nyet"), &other);
    told = play(parts, 2, SIZE_MAX, TAP_FIN);
    assert_non_null(strstr(told, ": answers with code 2: not\xef\xbf\xbdyet\n"));
    free(told);
    buffer_clear(&opener);
    buffer_clear(&other);
}

static void blocks_are_refused_with_a_text(void **state)
{
    (void)state;
    struct buffer opener = {0}, other = {0};
    say_header(&opener, REQRESP_BLOCKS_BY_ROOT_PROTOCOL);
    reqresp_encode_request(bytes_of_text("roots"), &opener);
    say_header(&other, REQRESP_BLOCKS_BY_ROOT_PROTOCOL);
    reqresp_encode_response(REQRESP_RESOURCE_UNAVAILABLE, bytes_of_text("no such block"), &other);
    const struct part parts[] = {{TAP_DIALLER, &opener}, {TAP_LISTENER, &other}};
    for (size_t piece = 1; piece < other.size; piece++) {
        char *told = play(parts, 2, piece, TAP_FIN);
        assert_non_null(strstr(told, ": a request of 2"));
        assert_non_null(strstr(told, ": answers with code 3: no such block\n"));
        free(told);
    }
    /* One that goes on for ever has its code alone. */
    buffer_clear(&other);
    say_header(&other, REQRESP_BLOCKS_BY_ROOT_PROTOCOL);
    buffer_append_byte(&other, REQRESP_SERVER_ERROR);
    memset(buffer_extend(&other, TAP_PAYLOAD_MAX), 0xff, TAP_PAYLOAD_MAX);
    char *told = play(parts, 2, SIZE_MAX, TAP_FIN);
    assert_non_null(strstr(told, ": answers with code 2\n"));
    free(told);
    /* Whatever an answer of blocks holds, it is not kept. */
    buffer_clear(&other);
    say_header(&other, REQRESP_BLOCKS_BY_ROOT_PROTOCOL);
    reqresp_encode_response(REQRESP_SUCCESS, bytes_of_text("a block"), &other);
    told = play(parts, 2, 3, TAP_FIN);
    assert_non_null(strstr(told, ": an answer of "));
    free(told);
    buffer_clear(&opener);
    buffer_clear(&other);
}

static void identify_tells_the_agent(void **state)
{
    (void)state;
    struct buffer opener = {0}, other = {0};
    char agent[] = "ream/0.1";
    const struct identify identify = {.agent = agent};
    say_header(&opener, IDENTIFY_PROTOCOL);
    say_header(&other, IDENTIFY_PROTOCOL);
    identify_encode(&identify, &other);
    const struct part parts[] = {{TAP_LISTENER, &opener}, {TAP_DIALLER, &other}};
    assert_told(parts, 2, TAP_FIN,
                "b -> a stream 4 /ipfs/id/1.0.0: proposes it\n"
                "a -> b stream 4 /ipfs/id/1.0.0: agrees\n"
                "a -> b stream 4 /ipfs/id/1.0.0: is ream/0.1\n"
                "a -> b stream 4 /ipfs/id/1.0.0: ends after 47 bytes (FIN)\n"
                "b -> a stream 4 /ipfs/id/1.0.0: ends after 36 bytes (FIN)\n"
                "closed\n");
    buffer_clear(&opener);
    buffer_clear(&other);
}

static void what_is_no_negotiation_is_said_once(void **state)
{
    (void)state;
    struct buffer noise = {0}, other = {0};
    say_header(&noise, NULL);
    buffer_append_text(&noise, "\x05GET /\r\n\r\n");
    say_header(&other, MESHSUB);
    const struct part parts[] = {{TAP_DIALLER, &noise}, {TAP_LISTENER, &other}};
    assert_told(parts, 2, TAP_STOP,
                "a -> b stream 4: is no multistream-select message\n"
                "b -> a stream 4: answers what was not proposed\n"
                "a -> b stream 4: wants no more (STOP_SENDING, code 7)\n"
                "b -> a stream 4: wants no more (STOP_SENDING, code 7)\n"
                "closed unfinished\n");
    buffer_clear(&noise);
    buffer_clear(&other);
}

static void an_end_within_an_rpc_is_malformed(void **state)
{
    (void)state;
    struct buffer opener = {0};
    say_header(&opener, MESHSUB);
    buffer_append_text(&opener, "\x05\x0a");
    const struct part parts[] = {{TAP_DIALLER, &opener}};
    assert_told(parts, 1, TAP_FIN,
                "a -> b stream 4 /meshsub/1.2.0: proposes it\n"
                "a -> b stream 4 /meshsub/1.2.0: ends within an RPC of 5 bytes\n"
                "a -> b stream 4 /meshsub/1.2.0: ends after 38 bytes (FIN)\n"
                "b -> a stream 4 /meshsub/1.2.0: ends after 0 bytes (FIN)\n"
                "closed\n");
    buffer_clear(&opener);
}

/* Whoever takes no such RPC finds out by its length, and wants no more of it then. */
static void an_rpc_over_a_limit_is_told_where_it_breaks_off(void **state)
{
    (void)state;
    enum { ANNOUNCED = 2 * 1024 * 1024, CAME = 600000 };
    static const char within[] = "a -> b stream 4 /meshsub/1.2.0: ends within an RPC of 2097152 "
                                 "bytes, over the limit of rust-libp2p by default, go-libp2p by "
                                 "default\n";
    struct buffer opener = {0};
    say_header(&opener, MESHSUB);
    varint_append(&opener, ANNOUNCED);
    buffer_append_byte(&opener, 2 << 3 | 2); /* a message */
    varint_append(&opener, ANNOUNCED - 5);
    buffer_append_byte(&opener, 2 << 3 | 2); /* its data */
    varint_append(&opener, ANNOUNCED - 10);
    memset(buffer_extend(&opener, CAME), 0, CAME);
    for (int end = 0; end <= TAP_STOP + 2; end++) {
        struct told told = {0};
        struct tap_observer *observer = tap_observer_new(note, &told);
        tap_observer_opened(observer, 4, TAP_DIALLER, 0);
        tap_observer_data(observer, 4, TAP_DIALLER, buffer_bytes(&opener), 0);
        told.lines.size = 0;
        if (end <= TAP_STOP)
            tap_observer_ended(observer, 4, end == TAP_STOP ? TAP_LISTENER : TAP_DIALLER,
                               (enum tap_end)end, 7, 0);
        else if (end == TAP_STOP + 1)
            tap_observer_over(observer, 0);
        else
            tap_observer_closed(observer, 4, 0);
        assert_true(told.lines.size >= strlen(within));
        assert_memory_equal(told.lines.data, within, strlen(within));
        told.lines.size = 0;
        /* Once, whatever comes. */
        tap_observer_data(observer, 4, TAP_DIALLER, buffer_bytes(&opener), 0);
        tap_observer_ended(observer, 4, TAP_DIALLER, TAP_RESET, 7, 0);
        tap_observer_closed(observer, 4, 0);
        tap_observer_over(observer, 0);
        buffer_append_byte(&told.lines, '\0');
        assert_null(strstr((const char *)told.lines.data, "within"));
        tap_observer_free(observer);
        buffer_clear(&told.lines);
    }
    buffer_clear(&opener);
}

static void there_is_an_end_to_what_is_kept(void **state)
{
    (void)state;
    struct told told = {0};
    struct tap_observer *observer = tap_observer_new(note, &told);
    for (int64_t id = 0; id < TAP_STREAMS_MAX + 5; id++)
        tap_observer_opened(observer, id, TAP_DIALLER, 0);
    assert_int_equal(tap_observer_passed_over(observer), 5);
    struct buffer opener = {0};
    say_header(&opener, REQRESP_STATUS_PROTOCOL);
    buffer_extend(&opener, TAP_PAYLOAD_MAX + 1);
    tap_observer_data(observer, 0, TAP_DIALLER, buffer_bytes(&opener), 0);
    tap_observer_data(observer, 0, TAP_DIALLER, buffer_bytes(&opener), 0);
    buffer_append_byte(&told.lines, '\0');
    assert_string_equal((char *)told.lines.data,
                        "a -> b stream 0 " REQRESP_STATUS_PROTOCOL ": proposes it\n"
                        "a -> b stream 0 " REQRESP_STATUS_PROTOCOL ": longer than it may be\n");
    buffer_clear(&opener);
    buffer_clear(&told.lines);
    tap_observer_free(observer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gossip_is_told_by_its_kind),
        cmocka_unit_test(what_is_refused_may_be_proposed_again),
        cmocka_unit_test(statuses_are_compared),
        cmocka_unit_test(blocks_are_refused_with_a_text),
        cmocka_unit_test(identify_tells_the_agent),
        cmocka_unit_test(what_is_no_negotiation_is_said_once),
        cmocka_unit_test(an_end_within_an_rpc_is_malformed),
        cmocka_unit_test(an_rpc_over_a_limit_is_told_where_it_breaks_off),
        cmocka_unit_test(there_is_an_end_to_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
