#include "net/host/healing.h"

#include "tests/unit/support.h"

enum { IDLE_MS = 10000, LATER = 1000000 };

enum { EVENTS = HEALING_TICK + 1, STATES = HEALING_SETTLED + 1 };

static struct healing healing;

static int begin(void **state)
{
    (void)state;
    healing = (struct healing){.idle_timeout_ms = IDLE_MS};
    return 0;
}

/* What one event does in each state, long after the state was entered. */
static void every_state_knows_every_event(void **state)
{
    (void)state;
    static const struct {
        enum healing_state next;
        enum healing_action action;
    } table[STATES][EVENTS] = {
        [HEALING_APART] =
            {
                [HEALING_CONNECTED] = {HEALING_WATCHING, HEALING_NOTHING},
                [HEALING_LEFT] = {HEALING_APART, HEALING_NOTHING},
                [HEALING_SPEAKS] = {HEALING_APART, HEALING_NOTHING},
                [HEALING_STREAM] = {HEALING_APART, HEALING_NOTHING},
                [HEALING_TOPIC] = {HEALING_APART, HEALING_NOTHING},
                [HEALING_TICK] = {HEALING_APART, HEALING_NOTHING},
            },
        [HEALING_WATCHING] =
            {
                [HEALING_CONNECTED] = {HEALING_WATCHING, HEALING_NOTHING},
                [HEALING_LEFT] = {HEALING_APART, HEALING_NOTHING},
                [HEALING_SPEAKS] = {HEALING_WATCHING, HEALING_NOTHING},
                [HEALING_STREAM] = {HEALING_WATCHING, HEALING_NOTHING},
                [HEALING_TOPIC] = {HEALING_SETTLED, HEALING_HEALED},
                [HEALING_TICK] = {HEALING_WAITING, HEALING_CLOSE},
            },
        [HEALING_WAITING] =
            {
                [HEALING_CONNECTED] = {HEALING_WATCHING, HEALING_NOTHING},
                [HEALING_LEFT] = {HEALING_WAITING, HEALING_NOTHING},
                [HEALING_SPEAKS] = {HEALING_WAITING, HEALING_NOTHING},
                [HEALING_STREAM] = {HEALING_WAITING, HEALING_NOTHING},
                [HEALING_TOPIC] = {HEALING_WAITING, HEALING_NOTHING},
                [HEALING_TICK] = {HEALING_APART, HEALING_DIAL},
            },
        [HEALING_SETTLED] =
            {
                [HEALING_CONNECTED] = {HEALING_WATCHING, HEALING_NOTHING},
                [HEALING_LEFT] = {HEALING_APART, HEALING_NOTHING},
                [HEALING_SPEAKS] = {HEALING_SETTLED, HEALING_NOTHING},
                [HEALING_STREAM] = {HEALING_SETTLED, HEALING_NOTHING},
                [HEALING_TOPIC] = {HEALING_SETTLED, HEALING_NOTHING},
                [HEALING_TICK] = {HEALING_SETTLED, HEALING_NOTHING},
            },
    };
    for (unsigned from = 0; from < STATES; from++) {
        for (unsigned event = 0; event < EVENTS; event++) {
            healing = (struct healing){
                .state = from, .idle_timeout_ms = IDLE_MS, .speaks = true, .tries = 1};
            assert_int_equal(healing_take(&healing, LATER, event), table[from][event].action);
            assert_int_equal(healing.state, table[from][event].next);
        }
    }
}

/* Connected at NOW, with as much of the peer as it shows; what the tick that is due then says. */
static enum healing_action connect(uint64_t now, bool speaks, bool stream)
{
    assert_int_equal(healing_take(&healing, now, HEALING_CONNECTED), HEALING_NOTHING);
    assert_true(healing_next_time(&healing) == UINT64_MAX);
    if (speaks)
        assert_int_equal(healing_take(&healing, now, HEALING_SPEAKS), HEALING_NOTHING);
    if (stream)
        assert_int_equal(healing_take(&healing, now, HEALING_STREAM), HEALING_NOTHING);
    if (healing_next_time(&healing) == UINT64_MAX)
        return HEALING_NOTHING;
    assert_int_equal(healing_next_time(&healing), now + HEALING_PATIENCE_MS);
    assert_int_equal(healing_take(&healing, now + HEALING_PATIENCE_MS - 1, HEALING_TICK),
                     HEALING_NOTHING);
    return healing_take(&healing, now + HEALING_PATIENCE_MS, HEALING_TICK);
}

/* The connection is gone, the wait of WAIT_MS from NOW on is over, and the peer is dialled. */
static void wait_out(uint64_t now, uint64_t wait_ms)
{
    assert_int_equal(healing.wait_ms, wait_ms);
    assert_int_equal(healing_take(&healing, now, HEALING_LEFT), HEALING_NOTHING);
    assert_int_equal(healing_next_time(&healing), now + wait_ms);
    assert_int_equal(healing_take(&healing, now + wait_ms - 1, HEALING_TICK), HEALING_NOTHING);
    assert_int_equal(healing_take(&healing, now + wait_ms, HEALING_TICK), HEALING_DIAL);
}

static void a_peer_without_a_stream_is_dialled_anew_three_times(void **state)
{
    (void)state;
    uint64_t now = 5;
    for (unsigned try = 0; try < HEALING_TRIES_MAX; try++) {
        assert_int_equal(connect(now, true, false), HEALING_CLOSE);
        assert_int_equal(healing.attempt, try + 1);
        now += HEALING_PATIENCE_MS;
        wait_out(now, (uint64_t)IDLE_MS << try);
        now += (uint64_t)IDLE_MS << try;
    }
    assert_int_equal(connect(now, true, false), HEALING_GIVE_UP);
    assert_true(healing_next_time(&healing) == UINT64_MAX);
}

static void a_peer_without_topics_is_dialled_anew_once(void **state)
{
    (void)state;
    assert_int_equal(connect(0, true, true), HEALING_CLOSE);
    wait_out(HEALING_PATIENCE_MS, IDLE_MS);
    assert_int_equal(connect(20000, true, true), HEALING_GIVE_UP);
    assert_int_equal(healing_take(&healing, 30000, HEALING_LEFT), HEALING_NOTHING);
    assert_int_equal(connect(40000, true, true), HEALING_GIVE_UP);
}

static void a_peer_that_does_not_speak_gossipsub_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(connect(0, false, false), HEALING_NOTHING);
    assert_int_equal(healing_take(&healing, LATER, HEALING_TICK), HEALING_NOTHING);
}

static void a_stream_that_comes_late_may_still_say_something(void **state)
{
    (void)state;
    healing_take(&healing, 0, HEALING_CONNECTED);
    healing_take(&healing, 0, HEALING_SPEAKS);
    healing_take(&healing, HEALING_PATIENCE_MS - 1, HEALING_STREAM);
    assert_int_equal(healing_take(&healing, HEALING_PATIENCE_MS, HEALING_TICK), HEALING_NOTHING);
    assert_int_equal(healing_take(&healing, HEALING_PATIENCE_MS, HEALING_TOPIC), HEALING_NOTHING);
    assert_true(healing_next_time(&healing) == UINT64_MAX);
}

static void who_has_healed_has_all_chances_again(void **state)
{
    (void)state;
    assert_int_equal(connect(0, true, false), HEALING_CLOSE);
    wait_out(HEALING_PATIENCE_MS, IDLE_MS);
    healing_take(&healing, 14000, HEALING_CONNECTED);
    assert_int_equal(healing_take(&healing, 14000, HEALING_TOPIC), HEALING_HEALED);
    assert_int_equal(healing.attempt, 1);
    assert_int_equal(healing_take(&healing, 14001, HEALING_TOPIC), HEALING_NOTHING);
    healing_take(&healing, 15000, HEALING_LEFT);
    a_peer_without_a_stream_is_dialled_anew_three_times(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_state_knows_every_event, begin),
        cmocka_unit_test_setup(a_peer_without_a_stream_is_dialled_anew_three_times, begin),
        cmocka_unit_test_setup(a_peer_without_topics_is_dialled_anew_once, begin),
        cmocka_unit_test_setup(a_peer_that_does_not_speak_gossipsub_is_left_alone, begin),
        cmocka_unit_test_setup(a_stream_that_comes_late_may_still_say_something, begin),
        cmocka_unit_test_setup(who_has_healed_has_all_chances_again, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
