/* What a tap carries: the same is done over a direct connection and over one through the tap, and
 * what has arrived at either end must be the same, word for word, and not much later. It prints a
 * table of both: what arrived, and when, in milliseconds since the beginning. */
#include <event2/event.h>

#include "net/quic/internal.h"

#include "tests/unit/tap_table.h"

enum { LONG_TEXT = 60000, PAUSE_MS = 5 };

/* ---- scripts: what is done at the ends, either way ---- */

static void frames_and_fins(void)
{
    connect_both();
    struct quic_stream *stream = quic_stream_open(a.connection);
    say(stream, "one");
    say(stream, "two");
    say(stream, "three");
    quic_stream_finish(stream); /* with the last of it */
    await(&b.ends, 1);
    struct quic_stream *answer = stream_at(&b, 0);
    say(answer, "four");
    await(&a.data, 1);
    quic_stream_finish(answer); /* alone */
    await(&a.ends, 1);
    stream = quic_stream_open(b.connection);
    say(stream, "five");
    quic_stream_finish_apart(stream);
    await(&a.ends, 2);
}

static void resets_and_stops(void)
{
    connect_both();
    struct quic_stream *stream = quic_stream_open(a.connection);
    say(stream, "said before");
    await(&b.data, 1);
    quic_stream_reset_write(stream, 77);
    await(&b.ends, 1);
    say(stream_at(&b, 0), "still heard");
    await(&a.data, 1);
    quic_stream_stop_read(stream, 78);
    await(&b.stops, 1);
    await(&a.ends, 1); /* which is answered with RESET_STREAM */
    stream = quic_stream_open(a.connection);
    say(stream, "both");
    await(&b.data, 2);
    quic_stream_reset(stream_at(&b, 4), (UINT64_C(1) << 62) - 1); /* the highest there is */
    await(&a.ends, 2);
    await(&a.stops, 1);
    await(&b.ends, 2);
}

static void second_stream_first(void)
{
    connect_both();
    struct quic_stream *first = quic_stream_open(a.connection);
    struct quic_stream *second = quic_stream_open(a.connection);
    say(second, "second");
    await(&b.data, 1);
    say(first, "first");
    await(&b.data, 2);
}

static void close_with_reason(void)
{
    connect_both();
    struct quic_stream *stream = quic_stream_open(a.connection);
    say(stream, "last words");
    while (quic_stream_unsent(stream) > 0) /* it is out, and nobody has acknowledged it */
        event_base_loop(base, EVLOOP_ONCE);
    const struct quic_close close = {
        .application = true, .code = 4711, .said = bytes_of_text("had enough")};
    quic_connection_close_as(a.connection, &close);
    await(&b.closed, 1);
}

static void listener_closes_as_transport(void)
{
    connect_both();
    const struct quic_close close = {.code = 0x0a, .said = bytes_of_text("broken rules")};
    quic_connection_close_as(b.connection, &close);
    await(&a.closed, 1);
}

static void listener_refuses(void)
{
    b.admission = QUIC_REFUSE;
    dial();
    await(&a.closed, 1);
}

static void listener_dislikes_certificate(void)
{
    b.refusing = true;
    dial();
    await(&a.closed, 1);
}

static void listener_is_dead(void)
{
    a.policy.handshake_timeout_ms = 300;
    quic_endpoint_free(b.endpoint);
    b.endpoint = NULL;
    dial();
    await(&a.closed, 1);
    assert_false(a.close.answered);
}

static void listener_falls_silent(void)
{
    a.policy.idle_timeout_ms = a.policy.handshake_timeout_ms = 400;
    connect_both();
    quic_connection_leave(b.connection);
    await(&a.closed, 1);
}

/* PINGs are not answered by the tap for one that is dead. */
static void silence_in_answer_to_pings(void)
{
    a.policy.idle_timeout_ms = a.policy.handshake_timeout_ms = 1600;
    a.policy.keep_alive_ms = 200;
    connect_both();
    quic_connection_leave(b.connection);
    await(&a.closed, 1);
}

/* One that is killed, and comes back at once. */
static void listener_forgets(void)
{
    connect_both();
    say(quic_stream_open(a.connection), "before");
    await(&b.data, 1);
    run_ms(50);
    quic_endpoint_free(b.endpoint);
    open_again(&b);
    say(quic_stream_open(a.connection), "after");
    await(&a.closed, 1);
}

static void pings(void)
{
    connect_both();
    unsigned before = b.pings;
    quic_connection_ping(a.connection);
    await(&b.pings, before + 1);
    before = a.pings;
    quic_connection_ping(b.connection);
    await(&a.pings, before + 1);
}

static void limits_of_streams(void)
{
    b.policy.remote_streams_max = 2;
    connect_both();
    assert_int_equal(quic_connection_streams_left(a.connection), 2);
    for (size_t i = 0; i < 2; i++)
        say(quic_stream_open(a.connection), "x");
    assert_null(quic_stream_open(a.connection));
    await(&b.data, 2);
    quic_stream_reset(stream_at(&b, 0), 1);
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (quic_connection_streams_left(a.connection) == 0 && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(quic_connection_streams_left(a.connection), 1);
}

/* Keys of a connection change as soon as it is done with those before (RFC 9001, section 6.5),
 * which takes packets. */
static void update_keys(struct quic_connection *connection)
{
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (ngtcp2_conn_initiate_key_update(connection->conn, clock_now_ns()) != 0 &&
           clock_now_ms() < limit) {
        quic_connection_ping(connection);
        run_ms(PAUSE_MS);
    }
    assert_true(clock_now_ms() < limit);
}

/* What is said next, and its acknowledgement, comes under the new keys. */
static void key_updates(void)
{
    connect_both();
    struct quic_stream *stream = quic_stream_open(a.connection);
    say(stream, "under the first keys");
    await(&b.data, 1);
    for (unsigned i = 1; i <= 3; i++) {
        update_keys(a.connection);
        say(stream, "the dialler's");
        await(&b.data, 2 * i);
        update_keys(b.connection);
        say(stream_at(&b, 0), "the listener's");
        await(&a.data, 2 * i - 1);
        say(stream, "heard");
        await(&b.data, 2 * i + 1);
        say(stream_at(&b, 0), "heard as well");
        await(&a.data, 2 * i);
    }
}

static void on_nothing(void *context)
{
    (void)context;
}

static void on_closed(void *context, struct quic_connection *connection,
                      const struct quic_close *close)
{
    (void)context, (void)connection, (void)close;
}

/* Leaves a handshake half-open at B. */
static void begin_handshake(void)
{
    static const struct quic_handlers nobody = {.settle = on_nothing,
                                                .connection_closed = on_closed};
    struct quic_settings settings;
    struct error error;
    quic_settings_default(&settings);
    settings.base = base;
    settings.identity = a.identity;
    settings.handlers = &nobody;
    struct quic_endpoint *other = quic_endpoint_new(&settings, &error);
    assert_non_null(quic_endpoint_dial(other, &b.address, NULL, NULL, &error));
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (quic_endpoint_connection_count(b.endpoint) == 0 && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    quic_endpoint_free(other);
}

/* So many handshakes are half-open that B wants addresses proven. */
static void listener_asks_for_proof(void)
{
    begin_handshake();
    connect_both();
    assert_int_equal(quic_endpoint_statistics(b.endpoint)->retries_sent, 1);
    say(quic_stream_open(a.connection), "proven");
    await(&b.data, 1);
    /* Logs of either end and the tap are still of one connection. */
    struct quic_connection_facts ours, theirs;
    quic_connection_facts(a.connection, &ours);
    quic_connection_facts(b.connection, &theirs);
    assert_string_equal(ours.id, theirs.id);
}

/* In an order that the path has a say in. */
static void much_over_a_bad_path(void)
{
    static uint8_t text[LONG_TEXT];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * i >> 7);
    a.sums = b.sums = true;
    connect_both();
    for (unsigned i = 1; i <= 3; i++) {
        struct quic_stream *stream = quic_stream_open(a.connection);
        quic_stream_write_bytes(stream, bytes_of(text + i, sizeof(text) - i));
        quic_stream_finish(stream);
        stream = quic_stream_open(b.connection);
        quic_stream_write_bytes(stream, bytes_of(text, sizeof(text) - 7 * i));
        quic_stream_finish_apart(stream);
    }
    await(&a.ends, 3);
    await(&b.ends, 3);
}

#define SAME(script)                                                                               \
    static void script##_come_through(void **state)                                                \
    {                                                                                              \
        (void)state;                                                                               \
        compare(#script, script, &(struct way){0}, &(struct way){.tapped = true});                 \
    }

SAME(frames_and_fins)
SAME(resets_and_stops)
SAME(second_stream_first)
SAME(close_with_reason)
SAME(listener_closes_as_transport)
SAME(listener_refuses)
SAME(listener_dislikes_certificate)
SAME(listener_is_dead)
SAME(listener_falls_silent)
SAME(silence_in_answer_to_pings)
SAME(listener_forgets)
SAME(pings)
SAME(limits_of_streams)
SAME(key_updates)

/* By then the listener behind a tap has been answered in the dialler's name, and takes the
 * handshake for complete; the alert is the same. */
static void dialler_dislikes_certificate_comes_through(void **state)
{
    (void)state;
    const struct way ways[] = {{0}, {.tapped = true}};
    struct quic_close at_a[2], at_b[2];
    for (size_t i = 0; i < 2; i++) {
        begin(&ways[i]);
        a.refusing = true;
        dial();
        await(&a.closed, 1);
        await(&b.closed, 1);
        at_a[i] = a.close;
        at_b[i] = b.close;
        assert_int_equal(a.established, 0);
        end_all();
    }
    assert_int_equal(at_a[1].cause, QUIC_TLS_FAILED);
    assert_int_equal(at_b[1].cause, QUIC_REFUSED_BY_PEER);
    assert_int_equal(at_b[1].cause, at_b[0].cause);
    assert_int_equal(at_b[1].code, at_b[0].code);
    assert_string_equal(at_a[1].reason.text, at_a[0].reason.text);
    assert_string_equal(at_b[1].reason.text, at_b[0].reason.text);
}

static void listener_asks_for_proof_comes_through(void **state)
{
    (void)state;
    compare("listener_asks_for_proof", listener_asks_for_proof, &(struct way){.before_retry = 1},
            &(struct way){.tapped = true, .before_retry = 1});
}

static void the_same_over_ipv6(void **state)
{
    (void)state;
    const struct way direct = {.over_ipv6 = true}, tapped = {.over_ipv6 = true, .tapped = true};
    compare("frames_and_fins, IPv6", frames_and_fins, &direct, &tapped);
    compare("close_with_reason, IPv6", close_with_reason, &direct, &tapped);
    compare("listener_forgets, IPv6", listener_forgets, &direct, &tapped);
}

static void the_same_with_ed25519(void **state)
{
    (void)state;
    const struct way direct = {.ed25519 = true}, tapped = {.ed25519 = true, .tapped = true};
    compare("frames_and_fins, ed25519", frames_and_fins, &direct, &tapped);
    compare("resets_and_stops, ed25519", resets_and_stops, &direct, &tapped);
}

/* Loss, reordering and copies, on either leg and on both. */
static void the_same_over_a_bad_path(void **state)
{
    (void)state;
    static const struct impairment bad = {.seed = 13,
                                          .delay_ms = 3,
                                          .jitter_ms = 2,
                                          .loss_percent = 3,
                                          .duplicate_percent = 2,
                                          .reorder_percent = 5};
    const struct way direct = {.front_path = &bad};
    compare("bad path to the tap", much_over_a_bad_path, &direct,
            &(struct way){.tapped = true, .front_path = &bad});
    compare("bad path from the tap", much_over_a_bad_path, &direct,
            &(struct way){.tapped = true, .back_path = &bad});
    compare("bad path to and from the tap", much_over_a_bad_path, &direct,
            &(struct way){.tapped = true, .front_path = &bad, .back_path = &bad});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_and_fins_come_through),
        cmocka_unit_test(resets_and_stops_come_through),
        cmocka_unit_test(second_stream_first_come_through),
        cmocka_unit_test(close_with_reason_come_through),
        cmocka_unit_test(listener_closes_as_transport_come_through),
        cmocka_unit_test(listener_refuses_come_through),
        cmocka_unit_test(listener_dislikes_certificate_come_through),
        cmocka_unit_test(dialler_dislikes_certificate_comes_through),
        cmocka_unit_test(listener_is_dead_come_through),
        cmocka_unit_test(listener_falls_silent_come_through),
        cmocka_unit_test(silence_in_answer_to_pings_come_through),
        cmocka_unit_test(listener_forgets_come_through),
        cmocka_unit_test(pings_come_through),
        cmocka_unit_test(limits_of_streams_come_through),
        cmocka_unit_test(key_updates_come_through),
        cmocka_unit_test(listener_asks_for_proof_comes_through),
        cmocka_unit_test(the_same_over_ipv6),
        cmocka_unit_test(the_same_with_ed25519),
        cmocka_unit_test(the_same_over_a_bad_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
