/* What is asked of a tap itself: several connections apart, bounds, holding. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap_scene.h"

enum { QUIET_MS = 200, TURNS = 1000 };

static const struct way tapped = {.tapped = true};

static void several_connections_are_carried_apart(void **state)
{
    (void)state;
    begin(&tapped);
    connect_both();
    struct quic_connection *first = a.connection;
    dial();
    await(&a.established, 2);
    await(&b.established, 2);
    assert_int_equal(tap_statistics(tap)->live, 2);
    say(quic_stream_open(first), "of the first");
    say(quic_stream_open(a.connection), "of the second");
    await(&b.data, 2);
    quic_connection_close(first, 0, "");
    await(&b.closed, 1);
    assert_int_equal(a.closed, 1);
    assert_non_null(a.connection);
    end_all();
}

static void say_on_each(void)
{
    struct quic_connection *connection;
    for (connection = quic_endpoint_first(a.endpoint); connection != NULL;
         connection = quic_connection_next(connection)) {
        struct quic_stream *stream = quic_stream_open(connection);
        if (stream != NULL)
            say(stream, "hello");
    }
}

static void both_dial_at_once(void **state)
{
    (void)state;
    struct error error;
    begin(&tapped);
    const struct multiaddr *where = tap_node_address(tap_node(tap, 0));
    dial();
    assert_non_null(quic_endpoint_dial(b.endpoint, where, NULL, &b.policy, &error));
    await(&a.established, 2);
    await(&b.established, 2);
    say_on_each();
    await(&b.data, 2);
    assert_int_equal(b.received, 2 * strlen("hello"));
    assert_int_equal(tap_statistics(tap)->connected, 2);
    assert_int_equal(tap_statistics(tap)->front_first, 0);
    const struct tap_pair *one = tap_first_pair(tap), *other = tap_pair_next(one);
    assert_ptr_not_equal(tap_pair_node(one, TAP_DIALLER), tap_pair_node(other, TAP_DIALLER));
    for (size_t i = 0; i < TAP_SIDES; i++) {
        enum tap_side side = (enum tap_side)i;
        assert_ptr_equal(tap_pair_node(one, side), tap_pair_node(other, tap_other(side)));
    }
    /* The end of one is not that of the other. */
    quic_connection_close(a.connection, 0, "");
    await(&b.closed, 1);
    say_on_each();
    await(&b.data, 3);
    assert_int_equal(a.closed, 1);
    assert_int_equal(b.closed, 1);
    end_all();
}

/* One that has come back at once is not hidden behind what it left. */
static void what_a_restarted_node_left_is_not_answered_for(void **state)
{
    (void)state;
    begin(&tapped);
    connect_both();
    struct quic_connection *left_behind = b.connection;
    quic_connection_leave(a.connection);
    run_ms(50);
    dial();
    await(&b.established, 2);
    quic_connection_probe(left_behind);
    await(&b.closed, 1);
    assert_int_equal(b.close.cause, QUIC_IDLE_TIMEOUT);
    assert_true(b.connection != left_behind);
    end_all();
}

enum { ROOM = 1 << 16 };

static void write_zeros(struct quic_stream *stream, size_t size)
{
    uint8_t *data = memory_new(size);
    quic_stream_write_bytes(stream, bytes_of(data, size));
    free(data);
}

/* A writes SIZE bytes on a stream to B, which takes ROOM of them and gives no credit. */
static void write_to_one_that_stops(size_t size)
{
    begin(&tapped);
    b.policy.credit_by_hand = true;
    b.policy.stream_window = ROOM;
    connect_both();
    write_zeros(quic_stream_open(a.connection), size);
}

static void a_reader_that_stops_bounds_what_is_kept(void **state)
{
    (void)state;
    write_to_one_that_stops(16 << 20);
    await(&b.data, 1);
    run_ms(300);
    assert_true(b.received <= ROOM);
    const struct tap_pair *pair = tap_first_pair(tap);
    uint64_t kept = tap_pair_said(pair, TAP_DIALLER) - b.received;
    assert_true(kept > 0 && kept <= ROOM);
    end_all();
}

static void await_received(size_t size)
{
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (b.received < size && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(b.received, size);
}

static void one_that_does_not_read_holds_up_no_other(void **state)
{
    (void)state;
    enum { MESSAGES = 200, SIZE = 10000 };
    write_to_one_that_stops(8 << 20);
    await_received(ROOM);
    b.policy.credit_by_hand = false;
    dial();
    await(&a.established, 2);
    await(&b.established, 2);
    struct quic_stream *stream = quic_stream_open(a.connection);
    for (unsigned i = 0; i < MESSAGES; i++)
        write_zeros(stream, SIZE);
    await_received(ROOM + (size_t)MESSAGES * SIZE);
    say(quic_stream_open(b.connection), "and back");
    await(&a.data, 1);
    assert_int_equal(tap_statistics(tap)->live, 2);
    end_all();
}

static void count_of_held(void *context, struct tap_pair *pair, int64_t stream, enum tap_side from,
                          struct bytes data)
{
    (void)context, (void)data;
    if (from == TAP_DIALLER)
        tap_pair_hold(pair, stream, from, 3);
}

static void what_is_held_waits_until_it_is_released(void **state)
{
    (void)state;
    static const struct tap_watcher holding = {.stream_data = count_of_held};
    begin(&(struct way){.tapped = true, .watcher = &holding});
    connect_both();
    struct quic_stream *stream = quic_stream_open(a.connection);
    say(stream, "abcdef");
    quic_stream_finish(stream);
    await(&b.data, 1);
    say(stream_at(&b, 0), "heard");
    await(&a.data, 1);
    assert_int_equal(b.received, 3);
    assert_int_equal(b.ends, 0);
    run_ms(QUIET_MS); /* nothing is on its way that would take it along */
    tap_pair_release(tap_first_pair(tap), 0, TAP_DIALLER, TAP_HELD_NOWHERE);
    for (int turn = 0; turn < TURNS && b.ends == 0; turn++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(b.ends, 1);
    assert_int_equal(b.received, 6);
    end_all();
}

static unsigned ends;
static enum tap_side ended_by;

static void on_pair_closed(void *context, struct tap_pair *pair, enum tap_side side,
                           const struct quic_close *close)
{
    (void)context, (void)pair;
    assert_int_equal(close->cause, QUIC_IDLE_TIMEOUT);
    ended_by = side;
    ends++;
}

/* The other gives it up then, and is silent, too. */
static void who_fell_silent_first_is_told(void **state)
{
    (void)state;
    enum { SILENCE_MS = 1500, KEEP_ALIVE_MS = 200, PROBED_MS = 300 };
    static const struct tap_watcher watching = {.closed = on_pair_closed};
    for (int i = 0; i < TAP_SIDES; i++) {
        begin(&(struct way){.tapped = true, .watcher = &watching});
        struct side *silent = i == TAP_DIALLER ? &a : &b, *other = i == TAP_DIALLER ? &b : &a;
        silent->policy.idle_timeout_ms = silent->policy.handshake_timeout_ms = 4 * SILENCE_MS;
        other->policy.idle_timeout_ms = other->policy.handshake_timeout_ms = SILENCE_MS;
        other->policy.keep_alive_ms = KEEP_ALIVE_MS;
        other->policy.unanswered_ms = PROBED_MS;
        connect_both();
        quic_connection_leave(silent->connection);
        await(&other->closed, 1);
        await(&ends, (unsigned)i + 1);
        assert_int_equal(ended_by, i);
        end_all();
    }
}

/* So many connections that all their windows together would be too much. */
static void all_windows_together_are_bounded(void **state)
{
    (void)state;
    enum { MANY = 40, SIZE = 1 << 20 };
    begin(&tapped);
    for (unsigned i = 0; i < MANY; i++)
        dial();
    await(&a.established, MANY);
    await(&b.established, MANY);
    assert_true(tap_statistics(tap)->narrow > 0);
    assert_int_equal(tap_statistics(tap)->live, MANY);
    /* A narrow one carries all the same. */
    uint8_t *data = memory_new(SIZE);
    quic_stream_write_bytes(quic_stream_open(a.connection), bytes_of(data, SIZE));
    free(data);
    await_received(SIZE);
    end_all();
}

static void close_each(void)
{
    struct quic_connection *connection;
    for (connection = quic_endpoint_first(a.endpoint); connection != NULL;
         connection = quic_connection_next(connection))
        quic_connection_close(connection, 5, "");
}

static size_t lines_of(const struct side *side, const char *beginning)
{
    size_t count = 0;
    for (size_t i = 0; i < side->lines; i++)
        count += strncmp(side->journal[i].text, beginning, strlen(beginning)) == 0;
    return count;
}

/* More at once than are answered a second of those that are not known: as where a listener of that
 * many has been started again. */
static void however_many_are_forgotten_each_dialler_is_told(void **state)
{
    (void)state;
    enum { MANY = QUIC_RESETS_PER_SECOND + QUIC_RESETS_PER_SECOND / 5 };
    begin(&tapped);
    for (unsigned i = 0; i < MANY; i++)
        dial();
    await(&a.established, MANY);
    await(&b.established, MANY);
    say_on_each(); /* so that each has sent something */
    await(&b.data, MANY);
    struct quic_connection *connection;
    for (connection = quic_endpoint_first(b.endpoint); connection != NULL;
         connection = quic_connection_next(connection))
        quic_connection_reset(connection);
    await(&a.closed, MANY);
    assert_int_equal(lines_of(&a, "stateless_reset"), MANY);
    assert_true(tap_node_statistics(tap_node(tap, 1))->resets_sent >= MANY);
    end_all();
}

/* So many at a time that B wants their addresses proven, all of which are 127.0.0.1; the tap, which
 * knows them, does not. DEEP=1, which takes minutes on a busy machine, has 500: tests/soak. */
static void many_connect_over_a_bad_path(void **state)
{
    (void)state;
    enum { AT_A_TIME = 50, SLOW_MS = 30000 };
    const unsigned all = getenv("DEEP") != NULL ? 500 : AT_A_TIME, left_max = all / 10;
    static const struct impairment bad = {
        .seed = 5, .delay_ms = 2, .jitter_ms = 1, .loss_percent = 1};
    begin(&(struct way){.tapped = true, .back_path = &bad});
    a.policy.handshake_timeout_ms = b.policy.handshake_timeout_ms = SLOW_MS;
    for (unsigned done = AT_A_TIME; done <= all; done += AT_A_TIME) {
        for (unsigned i = 0; i < AT_A_TIME; i++)
            dial();
        await(&a.established, done);
        await(&b.established, done);
        say_on_each();
        await(&b.data, done);
        close_each();
    }
    uint64_t limit = clock_now_ms() + PATIENCE_MS; /* a close may be lost */
    while (tap_statistics(tap)->live > left_max && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_true(tap_statistics(tap)->live <= left_max);
    assert_int_equal(tap_statistics(tap)->connected, all);
    assert_int_equal(tap_statistics(tap)->front_first, 0);
    assert_int_equal(b.received, all * strlen("hello"));
    assert_true(quic_endpoint_statistics(b.endpoint)->retries_sent > 0);
    for (size_t i = 0; i < tap_node_count(tap); i++)
        assert_int_equal(tap_node_statistics(tap_node(tap, i))->retries_sent, 0);
    end_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_connections_are_carried_apart),
        cmocka_unit_test(what_a_restarted_node_left_is_not_answered_for),
        cmocka_unit_test(both_dial_at_once),
        cmocka_unit_test(a_reader_that_stops_bounds_what_is_kept),
        cmocka_unit_test(one_that_does_not_read_holds_up_no_other),
        cmocka_unit_test(who_fell_silent_first_is_told),
        cmocka_unit_test(all_windows_together_are_bounded),
        cmocka_unit_test(what_is_held_waits_until_it_is_released),
        cmocka_unit_test(however_many_are_forgotten_each_dialler_is_told),
        cmocka_unit_test(many_connect_over_a_bad_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
