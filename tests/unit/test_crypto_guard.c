#include "net/quic/crypto_guard.h"

#include <stdlib.h>

#include "common/buffer.h"
#include "tests/unit/support.h"

enum { TICKET = 4, CERTIFICATE_REQUEST = 13, FINISHED = 20, KEY_UPDATE = 24 };

static struct buffer input;

static int clear_input(void **state)
{
    (void)state;
    buffer_clear(&input);
    return 0;
}

static void add_message(uint8_t type, uint32_t size)
{
    const uint8_t header[] = {type, (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    buffer_append(&input, header, sizeof(header));
    for (uint32_t i = 0; i < size; i++)
        buffer_append_byte(&input, KEY_UPDATE); /* which is no message here */
}

/* Gives the input in pieces of so many bytes, up to the first refusal. */
static enum crypto_decision decide(struct crypto_guard *guard, enum crypto_level level,
                                   size_t piece)
{
    enum crypto_decision decision = CRYPTO_PASS;
    struct bytes rest = buffer_bytes(&input);
    while (rest.size > 0 && decision != CRYPTO_REFUSE) {
        size_t size = rest.size < piece ? rest.size : piece;
        decision = crypto_guard_decide(guard, level, bytes_of(rest.data, size));
        rest = bytes_after(rest, size);
    }
    return decision;
}

static const size_t pieces[] = {1, 2, 3, 5, SIZE_MAX};

static uint64_t code_of(bool server, enum crypto_level level, size_t piece)
{
    struct crypto_guard guard = {.server = server};
    return decide(&guard, level, piece) == CRYPTO_REFUSE ? guard.code : 0;
}

static void a_server_takes_nothing_after_the_handshake(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        buffer_clear(&input);
        add_message((uint8_t)type, 1);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(code_of(true, CRYPTO_APPLICATION, pieces[i]), 0x10a);
    }
}

static void a_client_takes_tickets_alone(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        uint64_t expected = type == TICKET ? 0 : type == CERTIFICATE_REQUEST ? 0x0a : 0x10a;
        buffer_clear(&input);
        add_message((uint8_t)type, 1);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(code_of(false, CRYPTO_APPLICATION, pieces[i]), expected);
    }
}

static void a_ticket_hides_no_key_update(void **state)
{
    (void)state;
    add_message(TICKET, 0);
    add_message(TICKET, 300);
    add_message(KEY_UPDATE, 1);
    for (size_t i = 0; i < 5; i++) {
        struct crypto_guard guard = {0};
        assert_int_equal(decide(&guard, CRYPTO_APPLICATION, pieces[i]), CRYPTO_REFUSE);
        assert_int_equal(guard.code, 0x10a);
        assert_int_equal(guard.tickets, 2);
        assert_string_equal(guard.reason.text,
                            "a TLS KeyUpdate, which QUIC forbids (RFC 9001, section 6)");
    }
}

static void tickets_are_dropped_up_to_a_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < CRYPTO_TICKET_BYTES_MAX / 64; i++)
        add_message(TICKET, 64 - TLS_HEADER_SIZE);
    for (size_t i = 0; i < 5; i++) {
        struct crypto_guard guard = {0};
        assert_int_equal(decide(&guard, CRYPTO_APPLICATION, pieces[i]), CRYPTO_DROP);
        assert_int_equal(guard.tickets, CRYPTO_TICKET_BYTES_MAX / 64);
    }
    add_message(TICKET, 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(code_of(false, CRYPTO_APPLICATION, pieces[i]), 0x0d);
}

/* Before its bytes have come. */
static void a_ticket_of_16_mib_is_refused_by_its_header(void **state)
{
    (void)state;
    const uint8_t header[] = {TICKET, 0xff, 0xff, 0xff};
    buffer_append(&input, header, sizeof(header));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(code_of(false, CRYPTO_APPLICATION, pieces[i]), 0x0d);
}

static void tls_sees_the_handshake_up_to_finished(void **state)
{
    (void)state;
    add_message(8, 100);
    add_message(11, 700);
    add_message(15, 70);
    add_message(FINISHED, 32);
    for (size_t i = 0; i < 5; i++) {
        struct crypto_guard guard = {0};
        assert_int_equal(decide(&guard, CRYPTO_HANDSHAKE, pieces[i]), CRYPTO_PASS);
        assert_true(guard.finished);
        uint8_t more = 1;
        assert_int_equal(crypto_guard_decide(&guard, CRYPTO_INITIAL, bytes_of(&more, 1)),
                         CRYPTO_REFUSE);
        assert_int_equal(guard.code, 0x10a);
    }
    add_message(KEY_UPDATE, 1);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(code_of(false, CRYPTO_HANDSHAKE, pieces[i]), 0x10a);
        assert_int_equal(code_of(true, CRYPTO_HANDSHAKE, pieces[i]), 0x10a);
    }
}

static void what_comes_before_finished_is_for_tls_to_judge(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        buffer_clear(&input);
        add_message((uint8_t)type, 10);
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(code_of(true, CRYPTO_INITIAL, pieces[i]), 0);
            assert_int_equal(code_of(false, CRYPTO_HANDSHAKE, pieces[i]), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_server_takes_nothing_after_the_handshake, clear_input),
        cmocka_unit_test_teardown(a_client_takes_tickets_alone, clear_input),
        cmocka_unit_test_teardown(a_ticket_hides_no_key_update, clear_input),
        cmocka_unit_test_teardown(tickets_are_dropped_up_to_a_limit, clear_input),
        cmocka_unit_test_teardown(a_ticket_of_16_mib_is_refused_by_its_header, clear_input),
        cmocka_unit_test_teardown(tls_sees_the_handshake_up_to_finished, clear_input),
        cmocka_unit_test_teardown(what_comes_before_finished_is_for_tls_to_judge, clear_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
