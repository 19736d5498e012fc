#include "net/host/lifecycle.h"

#include "tests/unit/support.h"

enum { FIRST = 7, SECOND = 8 }; /* connections */

static struct lifecycle peer;
static struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];

static int fresh_peer(void **state)
{
    (void)state;
    lifecycle_init(&peer);
    return 0;
}

static size_t add_connection(uint64_t now, uint64_t connection)
{
    size_t count = 99;
    assert_true(lifecycle_connection_added(&peer, now, connection, actions, &count));
    return count;
}

static void assert_opens(size_t count, uint64_t connection, uint64_t attempt)
{
    assert_int_equal(count, 1);
    assert_int_equal(actions[0].kind, LIFECYCLE_OPEN_STREAM);
    assert_int_equal(actions[0].connection, connection);
    assert_int_equal(actions[0].attempt, attempt);
    assert_int_equal(peer.state, LIFECYCLE_OPENING);
}

/* One connection, its stream asked for by the dial path and echoed by the peer. */
static void open_one(uint64_t now)
{
    assert_int_equal(add_connection(now, FIRST), 0);
    assert_opens(lifecycle_dial_ready(&peer, now, actions), FIRST, 1);
    assert_int_equal(lifecycle_stream_opened(&peer, now, 1, actions), 0);
    assert_int_equal(peer.state, LIFECYCLE_OPEN);
}

static void a_connection_alone_opens_nothing(void **state)
{
    (void)state;
    assert_int_equal(add_connection(0, FIRST), 0);
    assert_int_equal(peer.state, LIFECYCLE_NONE);
    assert_true(lifecycle_next_time(&peer) == UINT64_MAX);
}

static void the_dial_path_opens_and_the_inbound_path_then_does_not(void **state)
{
    (void)state;
    add_connection(0, FIRST);
    assert_opens(lifecycle_dial_ready(&peer, 1, actions), FIRST, 1);
    assert_int_equal(lifecycle_inbound_arrived(&peer, 1, actions), 0);
    lifecycle_stream_opened(&peer, 2, 1, actions);
    assert_int_equal(lifecycle_inbound_arrived(&peer, 3, actions), 0);
    assert_int_equal(lifecycle_dial_ready(&peer, 3, actions), 0);
    assert_int_equal(peer.opens_avoided, 3);
}

static void the_inbound_path_opens_and_the_dial_path_then_does_not(void **state)
{
    (void)state;
    add_connection(0, FIRST);
    assert_opens(lifecycle_inbound_arrived(&peer, 1, actions), FIRST, 1);
    assert_int_equal(lifecycle_dial_ready(&peer, 1, actions), 0);
    assert_int_equal(peer.opens_avoided, 1);
}

static void a_wish_without_a_connection_waits_for_one(void **state)
{
    (void)state;
    assert_int_equal(lifecycle_inbound_arrived(&peer, 0, actions), 0);
    assert_opens(add_connection(1, FIRST), FIRST, 1);
}

static void a_second_connection_opens_no_second_stream(void **state)
{
    (void)state;
    open_one(0);
    assert_int_equal(add_connection(1, SECOND), 0);
    assert_int_equal(lifecycle_dial_ready(&peer, 1, actions), 0);
    assert_int_equal(lifecycle_connection_lost(&peer, 2, SECOND, actions), 0);
    assert_int_equal(peer.state, LIFECYCLE_OPEN);
}

static void the_stream_moves_at_once_when_its_connection_is_lost(void **state)
{
    (void)state;
    open_one(0);
    add_connection(1, SECOND);
    assert_opens(lifecycle_connection_lost(&peer, 2, FIRST, actions), SECOND, 2);
    assert_int_equal(peer.retry_delay, LIFECYCLE_RETRY_FIRST_MS);
}

static void
it_moves_at_once_too_when_the_stream_is_reported_lost_before_its_connection(void **state)
{
    (void)state;
    open_one(0);
    add_connection(1, SECOND);
    assert_int_equal(lifecycle_stream_lost(&peer, 2, 1, actions), 1);
    assert_opens(lifecycle_connection_lost(&peer, 2, FIRST, actions), SECOND, 2);
}

static void a_lost_stream_is_closed_and_opened_again_after_the_delay(void **state)
{
    (void)state;
    open_one(0);
    assert_int_equal(lifecycle_stream_lost(&peer, 50, 1, actions), 1);
    assert_int_equal(actions[0].kind, LIFECYCLE_CLOSE_STREAM);
    assert_int_equal(actions[0].connection, FIRST);
    assert_int_equal(actions[0].attempt, 1);
    assert_int_equal(lifecycle_next_time(&peer), 50 + LIFECYCLE_RETRY_FIRST_MS);
    assert_int_equal(lifecycle_tick(&peer, 149, actions), 0);
    assert_opens(lifecycle_tick(&peer, 150, actions), FIRST, 2);
    assert_true(lifecycle_next_time(&peer) == UINT64_MAX);
}

static void while_waiting_no_path_opens_early(void **state)
{
    (void)state;
    open_one(0);
    lifecycle_stream_lost(&peer, 0, 1, actions);
    assert_int_equal(lifecycle_dial_ready(&peer, 1, actions), 0);
    assert_int_equal(lifecycle_inbound_arrived(&peer, 1, actions), 0);
    assert_int_equal(add_connection(1, SECOND), 0);
    assert_int_equal(peer.state, LIFECYCLE_WAITING);
    assert_opens(lifecycle_tick(&peer, 100, actions), FIRST, 2);
}

static void the_delay_doubles_to_its_end_and_never_gives_up(void **state)
{
    (void)state;
    uint64_t now = 0;
    uint64_t expected = LIFECYCLE_RETRY_FIRST_MS;
    add_connection(now, FIRST);
    lifecycle_dial_ready(&peer, now, actions);
    for (uint64_t attempt = 1; attempt < 1000; attempt++) {
        assert_int_equal(lifecycle_stream_lost(&peer, now, attempt, actions), 1);
        assert_int_equal(lifecycle_next_time(&peer), now + expected);
        expected = expected * 2 > LIFECYCLE_RETRY_LAST_MS ? LIFECYCLE_RETRY_LAST_MS : expected * 2;
        now = lifecycle_next_time(&peer);
        assert_opens(lifecycle_tick(&peer, now, actions), FIRST, attempt + 1);
    }
}

static void a_stream_that_was_steady_starts_the_delay_anew(void **state)
{
    (void)state;
    add_connection(0, FIRST);
    lifecycle_dial_ready(&peer, 0, actions);
    lifecycle_stream_lost(&peer, 0, 1, actions);
    lifecycle_tick(&peer, 100, actions);
    lifecycle_stream_opened(&peer, 100, 2, actions);
    lifecycle_stream_lost(&peer, 100 + LIFECYCLE_STEADY_MS - 1, 2, actions);
    assert_int_equal(peer.retry_delay, 4 * LIFECYCLE_RETRY_FIRST_MS);
    uint64_t now = lifecycle_next_time(&peer);
    lifecycle_tick(&peer, now, actions);
    lifecycle_stream_opened(&peer, now, 3, actions);
    lifecycle_stream_lost(&peer, now + LIFECYCLE_STEADY_MS, 3, actions);
    assert_int_equal(lifecycle_next_time(&peer),
                     now + LIFECYCLE_STEADY_MS + LIFECYCLE_RETRY_FIRST_MS);
}

static void moves_between_connections_count_in_the_attempts_of_a_minute(void **state)
{
    (void)state;
    uint64_t opened = 1;
    open_one(0);
    for (uint64_t i = 1; i < 2 * LIFECYCLE_ATTEMPTS_PER_MINUTE; i++) {
        add_connection(i, FIRST + i);
        opened += lifecycle_connection_lost(&peer, i, FIRST + i - 1, actions);
    }
    assert_int_equal(opened, LIFECYCLE_ATTEMPTS_PER_MINUTE);
    assert_int_equal(peer.state, LIFECYCLE_WAITING);
    assert_int_equal(lifecycle_next_time(&peer), 60000);
    assert_int_equal(lifecycle_tick(&peer, 60000, actions), 1);
    assert_int_equal(actions[0].kind, LIFECYCLE_OPEN_STREAM);
}

static void events_of_an_old_attempt_are_ignored(void **state)
{
    (void)state;
    open_one(0);
    lifecycle_stream_lost(&peer, 0, 1, actions);
    assert_int_equal(lifecycle_stream_opened(&peer, 1, 1, actions), 0);
    assert_int_equal(lifecycle_stream_lost(&peer, 1, 1, actions), 0);
    assert_int_equal(peer.state, LIFECYCLE_WAITING);
    lifecycle_tick(&peer, 100, actions);
    assert_int_equal(lifecycle_stream_opened(&peer, 101, 1, actions), 0);
    assert_int_equal(lifecycle_stream_lost(&peer, 101, 1, actions), 0);
    assert_int_equal(peer.state, LIFECYCLE_OPENING);
}

static void the_peer_is_forgotten_once_with_its_last_connection(void **state)
{
    (void)state;
    open_one(0);
    add_connection(0, SECOND);
    assert_opens(lifecycle_connection_lost(&peer, 1, FIRST, actions), SECOND, 2);
    assert_int_equal(lifecycle_connection_lost(&peer, 2, FIRST, actions), 0);
    assert_int_equal(lifecycle_connection_lost(&peer, 2, SECOND, actions), 1);
    assert_int_equal(actions[0].kind, LIFECYCLE_FORGET);
    assert_int_equal(lifecycle_connection_lost(&peer, 3, SECOND, actions), 0);
    assert_int_equal(lifecycle_stream_lost(&peer, 3, 2, actions), 0);
    assert_true(lifecycle_next_time(&peer) == UINT64_MAX);
}

static void connections_are_bounded_and_known_ones_are_not_added_twice(void **state)
{
    (void)state;
    size_t count;
    for (uint64_t i = 0; i < LIFECYCLE_CONNECTIONS_MAX; i++)
        add_connection(0, i);
    add_connection(0, 0);
    assert_int_equal(peer.connection_count, LIFECYCLE_CONNECTIONS_MAX);
    assert_false(lifecycle_connection_added(&peer, 0, 99, actions, &count));
    assert_int_equal(count, 0);
}

#define CASE(function) cmocka_unit_test_setup(function, fresh_peer)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_connection_alone_opens_nothing),
        CASE(the_dial_path_opens_and_the_inbound_path_then_does_not),
        CASE(the_inbound_path_opens_and_the_dial_path_then_does_not),
        CASE(a_wish_without_a_connection_waits_for_one),
        CASE(a_second_connection_opens_no_second_stream),
        CASE(the_stream_moves_at_once_when_its_connection_is_lost),
        CASE(it_moves_at_once_too_when_the_stream_is_reported_lost_before_its_connection),
        CASE(a_lost_stream_is_closed_and_opened_again_after_the_delay),
        CASE(while_waiting_no_path_opens_early),
        CASE(the_delay_doubles_to_its_end_and_never_gives_up),
        CASE(a_stream_that_was_steady_starts_the_delay_anew),
        CASE(moves_between_connections_count_in_the_attempts_of_a_minute),
        CASE(events_of_an_old_attempt_are_ignored),
        CASE(the_peer_is_forgotten_once_with_its_last_connection),
        CASE(connections_are_bounded_and_known_ones_are_not_added_twice),
    };
    return cmocka_run_group_tests_name("lifecycle", tests, NULL, NULL);
}
