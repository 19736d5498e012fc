/* Who may have the node keep how much: every decision, and that no course of events passes the
 * budget or leaves anybody waiting for ever. */
#include <string.h>

#include "common/random.h"
#include "net/host/shares.h"
#include "tests/unit/support.h"

enum { PEERS = 8, MIB = 1024 * 1024, LARGE = 10 * MIB };

struct scene {
    struct shares shares;
    struct share peers[PEERS];
    uint64_t now;
};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){.now = 1000000};
    shares_init(&scene->shares, SHARES_BUDGET);
    for (size_t i = 0; i < PEERS; i++)
        share_join(&scene->shares, &scene->peers[i]);
}

static void want(struct scene *scene, size_t peer, size_t size)
{
    share_want(&scene->shares, &scene->peers[peer], size, scene->now);
}

static void hold(struct scene *scene, size_t peer, size_t size)
{
    share_hold(&scene->shares, &scene->peers[peer], size, scene->now);
}

/* The next decision is that one, for PEER. */
static void expect(struct scene *scene, enum share_decision decision, size_t peer)
{
    struct share *share = NULL;
    assert_int_equal(shares_decide(&scene->shares, scene->now, &share), decision);
    if (decision != SHARE_NONE)
        assert_int_equal(share - scene->peers, peer);
}

static void expect_none(struct scene *scene)
{
    expect(scene, SHARE_NONE, 0);
}

/* It may be asked whether somebody lives. */
static void expect_no_loss(struct scene *scene)
{
    struct share *share;
    enum share_decision decision = shares_decide(&scene->shares, scene->now, &share);
    assert_true(decision == SHARE_NONE || decision == SHARE_PROBE);
}

static void there_is_room_for_three_large_rpcs_and_a_fourth_waits(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (size_t i = 0; i < 3; i++) {
        want(&scene, i, LARGE);
        expect(&scene, SHARE_GRANT, i);
    }
    want(&scene, 3, LARGE);
    expect_none(&scene);
    assert_int_equal(scene.shares.granted, 3 * LARGE);
    assert_int_equal(scene.shares.waiting, 1);
    share_done(&scene.shares, &scene.peers[1], scene.now);
    expect(&scene, SHARE_GRANT, 3);
    expect_none(&scene);
    assert_int_equal(scene.shares.waiting, 0);
}

static void one_large_rpc_passes_whatever_the_budget_lacks(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene.shares.elsewhere = 2 * (size_t)SHARES_BUDGET;
    want(&scene, 0, LARGE);
    want(&scene, 1, LARGE);
    expect(&scene, SHARE_GRANT, 1);
    expect_none(&scene);
    share_done(&scene.shares, &scene.peers[1], scene.now);
    expect(&scene, SHARE_GRANT, 0);
}

static void who_does_not_go_on_loses_its_share_to_who_waits(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (size_t i = 0; i < 3; i++) {
        want(&scene, i, LARGE);
        expect(&scene, SHARE_GRANT, i);
        hold(&scene, i, MIB);
    }
    scene.now += SHARE_PATIENCE_MIN_MS;
    expect_none(&scene); /* nobody waits */
    hold(&scene, 0, 2 * MIB);
    hold(&scene, 2, 2 * MIB);
    want(&scene, 3, LARGE);
    expect(&scene, SHARE_RESET, 1);
    assert_int_equal(scene.peers[1].held, 0);
    expect(&scene, SHARE_GRANT, 3);
    expect_none(&scene);
    assert_int_equal(scene.shares.held, 4 * MIB);
}

static void peers_far_away_have_more_time(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (size_t i = 0; i < 3; i++) {
        share_set_patience(&scene.peers[i], i == 0 ? 200 : 100000);
        want(&scene, i, LARGE);
        expect(&scene, SHARE_GRANT, i);
    }
    want(&scene, 3, LARGE);
    scene.now += 200 * SHARE_PATIENCE_RTTS - 1;
    expect_none(&scene);
    scene.now += 1;
    expect(&scene, SHARE_RESET, 0);
    expect(&scene, SHARE_GRANT, 3);
    want(&scene, 4, LARGE);
    scene.now = 1000000 + SHARE_PATIENCE_MAX_MS;
    expect(&scene, SHARE_RESET, 2);
}

static void who_goes_on_byte_by_byte_has_its_turn_and_no_more(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    size_t kept = 1;
    for (size_t i = 0; i < 3; i++) {
        want(&scene, i, LARGE);
        expect(&scene, SHARE_GRANT, i);
    }
    want(&scene, 3, LARGE);
    uint64_t end = scene.now + SHARE_SLACK_MS + 1000ULL * LARGE / SHARE_SLOWEST;
    for (; scene.now < end; scene.now += SHARE_PATIENCE_MIN_MS - 1, kept++) {
        for (size_t i = 0; i < 3; i++)
            hold(&scene, i, kept);
        expect_no_loss(&scene);
    }
    struct share *share;
    assert_int_equal(shares_decide(&scene.shares, scene.now, &share), SHARE_RESET);
}

static void who_has_lost_a_share_comes_last_and_the_newest_first(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene.shares.budget = LARGE;
    want(&scene, 0, LARGE);
    expect(&scene, SHARE_GRANT, 0);
    want(&scene, 1, LARGE);
    scene.now += SHARE_PATIENCE_MIN_MS;
    expect(&scene, SHARE_RESET, 0);
    expect(&scene, SHARE_GRANT, 1);
    want(&scene, 2, LARGE);
    want(&scene, 3, LARGE);
    want(&scene, 0, LARGE);
    share_done(&scene.shares, &scene.peers[1], scene.now);
    expect(&scene, SHARE_GRANT, 3);
    share_done(&scene.shares, &scene.peers[3], scene.now);
    expect(&scene, SHARE_GRANT, 2);
    share_done(&scene.shares, &scene.peers[2], scene.now);
    expect(&scene, SHARE_GRANT, 0);
    share_done(&scene.shares, &scene.peers[0], scene.now);
    assert_int_equal(scene.peers[0].losses, 0); /* it has done better */
}

static void what_does_not_go_on_is_asked_about_and_goes_in_the_end(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    hold(&scene, 0, SHARE_LITTLE);
    hold(&scene, 1, SHARE_LITTLE + 1);
    expect_none(&scene);
    for (int i = 1; i < SHARE_STALLED_MS / SHARE_PROBE_MS; i++) {
        scene.now += SHARE_PROBE_MS;
        expect(&scene, SHARE_PROBE, 1);
        expect_none(&scene);
    }
    scene.now += SHARE_PROBE_MS;
    expect(&scene, SHARE_RESET, 1);
    expect_none(&scene);
    assert_false(shares_pending(&scene.shares));
    assert_int_equal(scene.shares.held, SHARE_LITTLE);
}

static void what_is_over_a_share_goes_at_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    want(&scene, 0, LARGE);
    expect(&scene, SHARE_GRANT, 0);
    assert_false(share_hold(&scene.shares, &scene.peers[0], LARGE + SHARE_OWN, scene.now));
    expect_none(&scene);
    assert_true(share_hold(&scene.shares, &scene.peers[0], LARGE + SHARE_OWN + 1, scene.now));
    expect(&scene, SHARE_RESET_OVER, 0);
    assert_true(share_hold(&scene.shares, &scene.peers[1], SHARE_OWN + 1, scene.now));
    expect(&scene, SHARE_RESET_OVER, 1);
}

static void nobody_waits_for_ever(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene.shares.budget = LARGE;
    want(&scene, 0, LARGE);
    expect(&scene, SHARE_GRANT, 0);
    want(&scene, 1, MIB);
    uint64_t end = scene.now + SHARE_WAIT_MS;
    /* It goes on, and quickly: a share of a share each time. */
    for (; scene.now < end; scene.now += 100) {
        scene.peers[0].since_ms = scene.now;
        hold(&scene, 0, MIB);
        expect_no_loss(&scene);
    }
    scene.peers[0].since_ms = scene.now;
    hold(&scene, 0, MIB);
    expect(&scene, SHARE_RESET_UNMET, 1);
}

static void who_leaves_takes_everything_along(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    want(&scene, 0, LARGE);
    expect(&scene, SHARE_GRANT, 0);
    want(&scene, 1, LARGE);
    hold(&scene, 0, MIB);
    hold(&scene, 1, MIB);
    share_leave(&scene.shares, &scene.peers[0]);
    share_leave(&scene.shares, &scene.peers[1]);
    assert_int_equal(scene.shares.granted + scene.shares.held + scene.shares.waiting, 0);
    assert_false(shares_pending(&scene.shares));
}

static void messages_wait_freely_until_the_budget_is_full(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    assert_true(shares_unsent_limit(&scene.shares, SHARES_BUDGET - 1) > SHARES_BUDGET);
    assert_int_equal(shares_unsent_limit(&scene.shares, SHARES_BUDGET),
                     SHARES_BUDGET / (PEERS + 1));
    share_leave(&scene.shares, &scene.peers[0]);
    assert_int_equal(shares_unsent_limit(&scene.shares, SHARES_BUDGET), SHARES_BUDGET / PEERS);
}

/* ---- any course of events ---- */

static void take_step(struct scene *scene, struct random *random)
{
    struct share *share = &scene->peers[random_below(random, PEERS)];
    scene->now += random_below(random, 300);
    switch (random_below(random, 3)) {
    case 0:
        if (share->wanted == 0)
            share_want(&scene->shares, share, 1 + random_below(random, LARGE), scene->now);
        break;
    case 1:
        share_hold(&scene->shares, share, random_below(random, SHARE_OWN + share->wanted),
                   scene->now);
        break;
    default:
        if (share->granted && random_below(random, 4) == 0)
            share_done(&scene->shares, share, scene->now);
    }
}

/* The books add up, and what is granted fits the budget, or is one alone. */
static void check_books(const struct scene *scene)
{
    size_t granted = 0, held = 0, waiting = 0, grants = 0;
    for (size_t i = 0; i < PEERS; i++) {
        const struct share *share = &scene->peers[i];
        granted += share->granted ? share->wanted : 0;
        grants += share->granted;
        waiting += share->wanted > 0 && !share->granted;
        held += share->held;
        assert_true(scene->now < share->since_ms + SHARE_WAIT_MS || share->granted ||
                    share->wanted == 0);
    }
    assert_int_equal(granted, scene->shares.granted);
    assert_int_equal(held, scene->shares.held);
    assert_int_equal(waiting, scene->shares.waiting);
    assert_true(grants <= 1 || granted <= scene->shares.budget);
}

/* A second away is no second that a peer kept it waiting: what came meanwhile has not been read. */
static void nobody_is_late_while_the_node_is_away(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    uint64_t clock = 5000000;
    scene.now = shares_time(&scene.shares, clock);
    for (size_t i = 0; i < 3; i++) {
        want(&scene, i, LARGE);
        expect(&scene, SHARE_GRANT, i);
    }
    want(&scene, 3, LARGE);
    scene.now = shares_time(&scene.shares, clock += SHARES_PERIOD_MS);
    expect_none(&scene);
    scene.now = shares_time(&scene.shares, clock += 10 * SHARE_STALLED_MS);
    expect_none(&scene);
    hold(&scene, 0, 1000);
    /* From there on all is as ever: the two that do not go on are late. */
    for (size_t waited = 2 * SHARES_PERIOD_MS; waited < SHARE_PATIENCE_MIN_MS; waited += 10)
        scene.now = shares_time(&scene.shares, clock += 10);
    expect(&scene, SHARE_RESET, 2);
    expect(&scene, SHARE_GRANT, 3);
}

static void any_course_of_events_keeps_the_books(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct scene scene;
        struct random random;
        scene_init(&scene);
        random_seed(&random, seed);
        for (unsigned i = 0; i < 2000; i++) {
            take_step(&scene, &random);
            struct share *share;
            unsigned decisions = 0;
            while (shares_decide(&scene.shares, scene.now, &share) != SHARE_NONE)
                assert_true(decisions++ < 10 * PEERS);
            check_books(&scene);
        }
    }
}

static void answers_have_half_of_the_budget_and_a_peer_a_quarter(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    const struct shares *shares = &scene.shares;
    assert_true(shares_fit_answer(shares, 0, 0, LARGE)); /* one passes */
    assert_false(shares_fit_answer(shares, LARGE, 0, LARGE));
    assert_true(shares_fit_answer(shares, LARGE, 0, SHARES_BUDGET / 2 - LARGE));
    assert_false(shares_fit_answer(shares, LARGE, 0, SHARES_BUDGET / 2 - LARGE + 1));
    assert_true(shares_fit_answer(shares, 2 * MIB, 2 * MIB, SHARES_BUDGET / 4 - 2 * MIB));
    assert_false(shares_fit_answer(shares, 2 * MIB, 2 * MIB, SHARES_BUDGET / 4 - 2 * MIB + 1));
    assert_true(shares_fit_answer(shares, 2 * MIB, 0, LARGE)); /* a peer's first */
}

static void answers_have_no_more_than_rpcs_and_messages_leave(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene.shares.elsewhere = SHARES_BUDGET - 3 * MIB; /* answers are among that */
    assert_true(shares_fit_answer(&scene.shares, MIB, MIB, 3 * MIB));
    assert_false(shares_fit_answer(&scene.shares, MIB, MIB, 3 * MIB + 1));
    want(&scene, 0, 2 * MIB);
    expect(&scene, SHARE_GRANT, 0);
    assert_true(shares_fit_answer(&scene.shares, MIB, MIB, MIB));
    assert_false(shares_fit_answer(&scene.shares, MIB, MIB, MIB + 1));
    scene.shares.elsewhere = SHARES_BUDGET;
    assert_false(shares_fit_answer(&scene.shares, 1, 0, 1));
    assert_true(shares_fit_answer(&scene.shares, 0, 0, LARGE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_room_for_three_large_rpcs_and_a_fourth_waits),
        cmocka_unit_test(one_large_rpc_passes_whatever_the_budget_lacks),
        cmocka_unit_test(who_does_not_go_on_loses_its_share_to_who_waits),
        cmocka_unit_test(peers_far_away_have_more_time),
        cmocka_unit_test(who_goes_on_byte_by_byte_has_its_turn_and_no_more),
        cmocka_unit_test(who_has_lost_a_share_comes_last_and_the_newest_first),
        cmocka_unit_test(what_does_not_go_on_is_asked_about_and_goes_in_the_end),
        cmocka_unit_test(what_is_over_a_share_goes_at_once),
        cmocka_unit_test(nobody_waits_for_ever),
        cmocka_unit_test(who_leaves_takes_everything_along),
        cmocka_unit_test(messages_wait_freely_until_the_budget_is_full),
        cmocka_unit_test(answers_have_half_of_the_budget_and_a_peer_a_quarter),
        cmocka_unit_test(answers_have_no_more_than_rpcs_and_messages_leave),
        cmocka_unit_test(nobody_is_late_while_the_node_is_away),
        cmocka_unit_test(any_course_of_events_keeps_the_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
