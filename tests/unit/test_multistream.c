#include "net/protocols/multistream.h"

#include "tests/unit/support.h"

#define HEADER "\x13/multistream/1.0.0\n"
#define PING "\x11/ipfs/ping/1.0.0\n"
#define NOT_AVAILABLE "\x03na\n"

static struct multistream negotiation;
static struct buffer output;
static struct error error;

static int clear(void **state)
{
    (void)state;
    multistream_clear(&negotiation);
    buffer_clear(&output);
    error.text[0] = '\0';
    return 0;
}

static bool knows_ping(void *context, const char *protocol)
{
    (void)context;
    return strcmp(protocol, "/ipfs/ping/1.0.0") == 0;
}

static size_t receive(struct bytes data)
{
    return multistream_receive(&negotiation, data, knows_ping, NULL, &output, &error);
}

static size_t receive_text(const char *text)
{
    return receive(bytes_of_text(text));
}

static void assert_output(const char *expected)
{
    assert_int_equal(output.size, strlen(expected));
    assert_memory_equal(output.data, expected, output.size);
}

static void the_opener_sends_header_and_proposal_at_once(void **state)
{
    (void)state;
    multistream_open(&negotiation, "/ipfs/ping/1.0.0", &output);
    assert_output(HEADER PING);
    assert_int_equal(receive_text(HEADER PING "rest"), strlen(HEADER PING));
    assert_int_equal(negotiation.state, MULTISTREAM_DONE);
    assert_output(HEADER PING);
}

static void the_opener_is_told_of_a_refusal(void **state)
{
    (void)state;
    multistream_open(&negotiation, "/meshsub/1.2.0", &output);
    assert_int_equal(receive_text(HEADER), strlen(HEADER));
    assert_int_equal(negotiation.state, MULTISTREAM_PENDING);
    assert_int_equal(receive_text(NOT_AVAILABLE), strlen(NOT_AVAILABLE));
    assert_int_equal(negotiation.state, MULTISTREAM_REJECTED);
}

static void the_opener_fails_on_another_protocol(void **state)
{
    (void)state;
    multistream_open(&negotiation, "/meshsub/1.2.0", &output);
    receive_text(HEADER PING);
    assert_int_equal(negotiation.state, MULTISTREAM_FAILED);
    assert_non_null(strstr(error.text, "/ipfs/ping/1.0.0"));
}

static void the_opener_fails_without_the_header(void **state)
{
    (void)state;
    multistream_open(&negotiation, "/ipfs/ping/1.0.0", &output);
    receive_text(PING);
    assert_int_equal(negotiation.state, MULTISTREAM_FAILED);
    assert_non_null(strstr(error.text, "expected /multistream/1.0.0"));
}

static void the_responder_answers_in_one_piece(void **state)
{
    (void)state;
    multistream_accept(&negotiation);
    assert_int_equal(receive_text(HEADER PING "optimistic"), strlen(HEADER PING));
    assert_int_equal(negotiation.state, MULTISTREAM_DONE);
    assert_string_equal(negotiation.protocol, "/ipfs/ping/1.0.0");
    assert_output(HEADER PING);
}

static void the_responder_returns_the_header_to_one_who_waits_for_it(void **state)
{
    (void)state;
    multistream_accept(&negotiation);
    receive_text(HEADER);
    assert_output(HEADER);
    receive_text(PING);
    assert_output(HEADER PING);
}

static void what_is_not_known_is_refused_and_another_proposal_taken(void **state)
{
    (void)state;
    multistream_accept(&negotiation);
    receive_text(HEADER "\x0e/floodsub/1.0\n"
                        "\x03ls\n");
    assert_int_equal(negotiation.state, MULTISTREAM_PENDING);
    assert_output(HEADER NOT_AVAILABLE NOT_AVAILABLE);
    receive_text(PING);
    assert_int_equal(negotiation.state, MULTISTREAM_DONE);
    assert_output(HEADER NOT_AVAILABLE NOT_AVAILABLE PING);
}

static void optimistic_bytes_behind_a_refusal_fail_and_say_so(void **state)
{
    (void)state;
    multistream_accept(&negotiation);
    receive_text(HEADER "\x0e/floodsub/1.0\n"
                        "\x05\x0a\x03\x12\x01t");
    assert_int_equal(negotiation.state, MULTISTREAM_FAILED);
    assert_output(HEADER NOT_AVAILABLE);
    assert_non_null(strstr(error.text, "after our `na`"));
}

static void bytes_may_come_one_by_one(void **state)
{
    (void)state;
    const char *both = HEADER "\x0e/floodsub/1.0\n" PING "data";
    size_t taken = 0;
    multistream_accept(&negotiation);
    for (size_t i = 0; i < strlen(both); i++)
        taken += receive(bytes_of(both + i, 1));
    assert_int_equal(taken, strlen(both) - strlen("data"));
    assert_int_equal(negotiation.state, MULTISTREAM_DONE);
    assert_output(HEADER NOT_AVAILABLE PING);
}

static void bytes_may_be_cut_anywhere(void **state)
{
    const char *both = HEADER PING "data";
    for (size_t cut = 0; cut <= strlen(both); cut++) {
        multistream_open(&negotiation, "/ipfs/ping/1.0.0", &output);
        size_t taken = receive(bytes_of(both, cut));
        taken += receive(bytes_of(both + cut, strlen(both) - cut));
        assert_int_equal(taken, strlen(HEADER PING));
        assert_int_equal(negotiation.state, MULTISTREAM_DONE);
        clear(state);
    }
}

static void messages_that_are_none_fail(void **state)
{
    static const struct bytes inputs[] = {
        {(const uint8_t *)"\x00", 1},                        /* no room for a newline */
        {(const uint8_t *)"\x01\n", 2},                      /* empty */
        {(const uint8_t *)"\x81\x08", 2},                    /* 1025 bytes announced */
        {(const uint8_t *)"\x80\x80\x01", 3},                /* a length of three bytes */
        {(const uint8_t *)"\x13/multistream/1.0.0 ", 20},    /* no newline */
        {(const uint8_t *)"\x14/multistream/1.0.0\0\n", 21}, /* a NUL inside */
        {(const uint8_t *)"\x13/multistream/2.0.0\n", 20},   /* another version */
        {(const uint8_t *)"\x16\x03\x01", 2}, /* TLS: known before its length is there */
    };
    for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++) {
        multistream_accept(&negotiation);
        assert_int_equal(receive(inputs[i]), inputs[i].size);
        assert_int_equal(negotiation.state, MULTISTREAM_FAILED);
        assert_int_equal(output.size, 0);
        clear(state);
    }
}

static void a_message_of_the_limit_is_taken_and_no_more_is_buffered(void **state)
{
    (void)state;
    uint8_t message[3 * MULTISTREAM_MESSAGE_MAX];
    memset(message, 'x', sizeof(message));
    message[0] = 0x80;
    message[1] = 0x08;
    message[2 + MULTISTREAM_MESSAGE_MAX - 1] = '\n';
    multistream_accept(&negotiation);
    receive_text(HEADER);
    receive(bytes_of(message, 2 + MULTISTREAM_MESSAGE_MAX));
    assert_int_equal(negotiation.state, MULTISTREAM_PENDING);
    assert_int_equal(strlen(negotiation.protocol), MULTISTREAM_MESSAGE_MAX - 1);
    assert_output(HEADER NOT_AVAILABLE);

    assert_int_equal(receive(bytes_of(message, 1000)), 1000);
    assert_int_equal(negotiation.input.size, 1000);
    assert_int_equal(negotiation.state, MULTISTREAM_PENDING);
}

static void proposals_without_end_fail(void **state)
{
    (void)state;
    multistream_accept(&negotiation);
    receive_text(HEADER);
    for (int i = 0; i < MULTISTREAM_PROPOSALS_MAX; i++)
        receive_text("\x03/x\n");
    assert_int_equal(negotiation.state, MULTISTREAM_PENDING);
    receive_text("\x03/x\n");
    assert_int_equal(negotiation.state, MULTISTREAM_FAILED);
}

#define CASE(function) cmocka_unit_test_teardown(function, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_opener_sends_header_and_proposal_at_once),
        CASE(the_opener_is_told_of_a_refusal),
        CASE(the_opener_fails_on_another_protocol),
        CASE(the_opener_fails_without_the_header),
        CASE(the_responder_answers_in_one_piece),
        CASE(the_responder_returns_the_header_to_one_who_waits_for_it),
        CASE(what_is_not_known_is_refused_and_another_proposal_taken),
        CASE(optimistic_bytes_behind_a_refusal_fail_and_say_so),
        CASE(bytes_may_come_one_by_one),
        CASE(bytes_may_be_cut_anywhere),
        CASE(messages_that_are_none_fail),
        CASE(a_message_of_the_limit_is_taken_and_no_more_is_buffered),
        CASE(proposals_without_end_fail),
    };
    return cmocka_run_group_tests_name("multistream", tests, NULL, NULL);
}
