#include "net/protocols/identify.h"

#include <stdlib.h>

#include "common/hex.h"
#include "common/varint.h"
#include "tests/unit/support.h"

static struct identify decoded;
static struct buffer wire;
static struct error error;

static int clear(void **state)
{
    (void)state;
    identify_clear(&decoded);
    buffer_clear(&wire);
    return 0;
}

static struct multiaddr address(const char *text)
{
    struct multiaddr parsed;
    assert_true(multiaddr_parse(text, &parsed, &error));
    return parsed;
}

static void assert_address(const struct multiaddr *actual, const char *expected)
{
    char text[MULTIADDR_TEXT_SIZE];
    multiaddr_text(actual, text);
    assert_string_equal(text, expected);
}

/* A field of the message, as protobuf writes bytes. */
static void add_field(struct buffer *message, unsigned number, struct bytes value)
{
    varint_append(message, number << 3 | 2);
    varint_append(message, value.size);
    buffer_append(message, value.data, value.size);
}

/* Adds MESSAGE with its length to what is on the wire, and empties it. */
static void send_message(struct buffer *message)
{
    varint_append(&wire, message->size);
    buffer_append(&wire, message->data, message->size);
    buffer_clear(message);
}

static bool decode(void)
{
    return identify_decode(buffer_bytes(&wire), &decoded, &error);
}

static void an_answer_survives_a_round_trip(void **state)
{
    (void)state;
    char agent[] = "devnet/0.1.0", version[] = "lean/1";
    char ping[] = "/ipfs/ping/1.0.0", meshsub[] = "/meshsub/1.2.0";
    char *protocols[] = {ping, meshsub};
    struct multiaddr listen[] = {address("/ip4/127.0.0.1/udp/9000/quic-v1"),
                                 address("/ip6/::1/udp/9001/quic-v1")};
    uint8_t key[] = {8, 2, 18, 1, 0};
    struct identify identify = {
        .agent = agent,
        .protocol_version = version,
        .public_key = {.data = key, .size = sizeof(key)},
        .protocols = protocols,
        .protocol_count = 2,
        .listen = listen,
        .listen_count = 2,
        .has_observed = true,
        .observed = address("/ip4/127.0.0.1/udp/4242/quic-v1"),
    };
    identify_encode(&identify, &wire);
    assert_true(decode());
    assert_string_equal(decoded.agent, "devnet/0.1.0");
    assert_string_equal(decoded.protocol_version, "lean/1");
    assert_true(bytes_equal(buffer_bytes(&decoded.public_key), bytes_of(key, sizeof(key))));
    assert_int_equal(decoded.protocol_count, 2);
    assert_string_equal(decoded.protocols[1], "/meshsub/1.2.0");
    assert_int_equal(decoded.listen_count, 2);
    assert_address(&decoded.listen[1], "/ip6/::1/udp/9001/quic-v1");
    assert_true(decoded.has_observed);
    assert_address(&decoded.observed, "/ip4/127.0.0.1/udp/4242/quic-v1");
}

static void what_is_absent_stays_absent(void **state)
{
    (void)state;
    struct identify nothing = {0};
    identify_encode(&nothing, &wire);
    assert_int_equal(wire.size, 1);
    assert_true(decode());
    assert_null(decoded.agent);
    assert_null(decoded.protocol_version);
    assert_int_equal(decoded.public_key.size + decoded.protocol_count + decoded.listen_count, 0);
    assert_false(decoded.has_observed);
}

static void several_messages_are_merged(void **state)
{
    (void)state;
    struct buffer message = {0};
    add_field(&message, 6, bytes_of_text("first"));
    add_field(&message, 3, bytes_of_text("/a"));
    send_message(&message);
    add_field(&message, 6, bytes_of_text("second"));
    add_field(&message, 3, bytes_of_text("/b"));
    add_field(&message, 8, bytes_of_text("a signed peer record"));
    add_field(&message, 99, bytes_of_text("a field of tomorrow"));
    send_message(&message);
    assert_true(decode());
    assert_string_equal(decoded.agent, "second");
    assert_int_equal(decoded.protocol_count, 2);
    assert_string_equal(decoded.protocols[0], "/a");
    assert_string_equal(decoded.protocols[1], "/b");
}

static void addresses_that_we_cannot_read_are_passed_over(void **state)
{
    (void)state;
    struct buffer message = {0}, tcp = {0};
    hex_read("047f00000106"
             "1f90",
             &tcp);
    add_field(&message, 2, buffer_bytes(&tcp));
    struct multiaddr quic = address("/ip4/10.0.0.1/udp/1/quic-v1");
    tcp.size = 0;
    multiaddr_encode(&quic, &tcp);
    add_field(&message, 2, buffer_bytes(&tcp));
    add_field(&message, 4, bytes_of_text("rubbish"));
    send_message(&message);
    buffer_clear(&tcp);
    assert_true(decode());
    assert_int_equal(decoded.listen_count, 1);
    assert_address(&decoded.listen[0], "/ip4/10.0.0.1/udp/1/quic-v1");
    assert_false(decoded.has_observed);
}

static void texts_are_cut_between_characters_and_made_safe(void **state)
{
    (void)state;
    struct buffer message = {0}, agent = {0};
    for (int i = 0; i < IDENTIFY_TEXT_MAX - 1; i++)
        buffer_append_byte(&agent, 'a');
    buffer_append_text(&agent, "\xc3\xa9tail");
    add_field(&message, 6, buffer_bytes(&agent));
    add_field(&message, 5, bytes_of("\x1b[2J\0x", 6));
    send_message(&message);
    assert_true(decode());
    assert_int_equal(strlen(decoded.agent), IDENTIFY_TEXT_MAX - 1);
    assert_memory_equal(decoded.agent, agent.data, IDENTIFY_TEXT_MAX - 1);
    assert_string_equal(decoded.protocol_version, "\xef\xbf\xbd[2J\xef\xbf\xbdx");
    buffer_clear(&agent);
}

static void lists_have_an_end(void **state)
{
    (void)state;
    struct buffer message = {0}, encoded = {0};
    struct multiaddr quic = address("/ip4/10.0.0.1/udp/1/quic-v1");
    multiaddr_encode(&quic, &encoded);
    for (int i = 0; i < 2 * IDENTIFY_PROTOCOLS_MAX; i++) {
        add_field(&message, 3, bytes_of_text("/p"));
        add_field(&message, 2, buffer_bytes(&encoded));
        if (i % 100 == 0)
            send_message(&message);
    }
    send_message(&message);
    assert_true(decode());
    assert_int_equal(decoded.protocol_count, IDENTIFY_PROTOCOLS_MAX);
    assert_int_equal(decoded.listen_count, IDENTIFY_ADDRESSES_MAX);
    buffer_clear(&encoded);
}

static void assert_refused(struct bytes input, const char *reason)
{
    assert_false(identify_decode(input, &decoded, &error));
    if (strstr(error.text, reason) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", reason, error.text);
    assert_null(decoded.agent);
}

static void a_push_changes_what_it_says_and_nothing_else(void **state)
{
    (void)state;
    struct buffer message = {0};
    add_field(&message, 6, bytes_of_text("agent"));
    add_field(&message, 5, bytes_of_text("version"));
    add_field(&message, 3, bytes_of_text("/a"));
    add_field(&message, 3, bytes_of_text("/b"));
    send_message(&message);
    assert_true(decode());
    struct identify push = {0};
    wire.size = 0;
    add_field(&message, 3, bytes_of_text("/c"));
    send_message(&message);
    assert_true(identify_decode(buffer_bytes(&wire), &push, &error));
    identify_update(&decoded, &push);
    assert_string_equal(decoded.agent, "agent");
    assert_string_equal(decoded.protocol_version, "version");
    assert_int_equal(decoded.protocol_count, 1);
    assert_string_equal(decoded.protocols[0], "/c");
    assert_int_equal(push.protocol_count, 0);
    wire.size = 0;
    add_field(&message, 6, bytes_of_text("another"));
    send_message(&message);
    assert_true(identify_decode(buffer_bytes(&wire), &push, &error));
    identify_update(&decoded, &push);
    assert_string_equal(decoded.agent, "another");
    assert_string_equal(decoded.protocols[0], "/c");
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    assert_refused(bytes_of(NULL, 0), "0 bytes");
    assert_refused(bytes_of("\x80", 1), "ends within");
    assert_refused(bytes_of("\x02\x32", 2), "ends within");
    assert_refused(bytes_of("\x04\x32\x02xy\x80", 6), "ends within"); /* a whole one before it */
    assert_refused(bytes_of("\x04\x32\x7fxy", 5), "no protobuf");
    assert_refused(bytes_of("\x02\x30\x01", 3), "no protobuf"); /* a text of the wrong wire type */
    buffer_extend(&wire, IDENTIFY_SIZE_MAX + 1);
    memset(wire.data, 0, wire.size);
    assert_refused(buffer_bytes(&wire), "65537 bytes");
}

#define CASE(function) cmocka_unit_test_teardown(function, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_answer_survives_a_round_trip),
        CASE(what_is_absent_stays_absent),
        CASE(several_messages_are_merged),
        CASE(addresses_that_we_cannot_read_are_passed_over),
        CASE(texts_are_cut_between_characters_and_made_safe),
        CASE(lists_have_an_end),
        CASE(a_push_changes_what_it_says_and_nothing_else),
        CASE(what_is_no_answer_is_refused),
    };
    return cmocka_run_group_tests_name("identify", tests, NULL, NULL);
}
