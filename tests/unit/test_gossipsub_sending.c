/* What is said, what waits and what is left out where a peer reads slowly. */
#include <string.h>

#include "net/gossipsub/internal.h"
#include "tests/unit/gossip_scene.h"
#include "tests/unit/rpc_ids.h"
#include "tests/unit/rpc_whole.h"
#include "tests/unit/support.h"

enum { CONNECTION = 7, MEGABYTE = 1 << 20 };
static const char other_topic[] = "/leanconsensus/12345678/attestation_1/ssz_snappy";

/* What its driver reports. */
static void report(struct scene *scene, gossipsub_peer peer, size_t unsent, uint64_t acknowledged)
{
    struct gossipsub_progress progress = {CONNECTION, unsent, acknowledged};
    gossipsub_actions_reset(&scene->actions);
    gossipsub_stream_progressed(scene->router, scene->now, peer, &progress, &scene->actions);
}

static uint64_t left_out(const struct scene *scene, gossipsub_peer peer, enum gossipsub_kind kind)
{
    return gossipsub_peer_left_out(scene->router, peer).counts[kind];
}

static void what_changes_twice_meanwhile_is_not_said(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "peer", false);
    report(&scene, peer, 2 * MEGABYTE, 0);
    scene_subscribe(&scene, other_topic);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    scene_unsubscribe(&scene, other_topic);
    report(&scene, peer, 0, 1);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    scene_clear(&scene);
}

static void control_waits_until_the_stream_takes_it(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "peer", false);
    report(&scene, peer, 2 * MEGABYTE, 0);
    scene_subscribe(&scene, other_topic);
    scene_heartbeat(&scene);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    report(&scene, peer, SEND_STREAM_MAX + 1, 1);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    report(&scene, peer, SEND_STREAM_MAX, 2);
    const Gossipsub__RPC *rpc = scene_sent(&scene, peer);
    assert_int_equal(rpc->n_subscriptions, 1);
    assert_true(rpc->subscriptions[0]->subscribe);
    scene_clear(&scene);
}

/* Direct peers are refused: what is owed is the PRUNE, with the time that is left. */
static void a_refusal_that_waits_has_the_backoff_that_is_left(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "peer", false);
    gossipsub_peer_set_direct(scene.router, scene.now, peer, true, &scene.actions);
    scene.now += 100000;
    report(&scene, peer, 2 * MEGABYTE, 0);
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    scene.now += 20000;
    report(&scene, peer, 0, 1);
    const Gossipsub__RPC *rpc = scene_sent(&scene, peer);
    assert_int_equal(rpc->control->n_prune, 1);
    assert_int_equal(rpc->control->prune[0]->backoff, 40);
    scene_clear(&scene);
}

/* Its GRAFT came before it read that we had unsubscribed, for which it drops us. */
static void a_graft_that_an_unsubscribe_crosses_is_answered(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_add(&scene, "peer", false);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    scene_unsubscribe(&scene, SCENE_TOPIC);
    scene_subscribe(&scene, SCENE_TOPIC);
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_GRAFTED), 1);
    assert_int_equal(scene_sent(&scene, peer)->control->n_graft, 1);
    gossipsub_peer other = scene_add(&scene, "other", false);
    scene_open(&scene, other, GOSSIPSUB_1_2);
    scene_say_graft(&scene, other, SCENE_TOPIC);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_GRAFTED), 1);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    scene_clear(&scene);
}

static void unsubscribe_is_said_again_on_a_fresh_stream(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "peer", false);
    scene_unsubscribe(&scene, SCENE_TOPIC);
    scene_close(&scene, peer);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    const Gossipsub__RPC *rpc = scene_sent(&scene, peer);
    assert_int_equal(rpc->n_subscriptions, 1);
    assert_false(rpc->subscriptions[0]->subscribe);
    scene_clear(&scene);
}

static void a_topic_that_is_to_be_withdrawn_is_kept_that_long(void **state)
{
    (void)state;
    struct scene scene;
    gossipsub_topic topic;
    scene_init(&scene, false);
    gossipsub_peer peer = scene_add(&scene, "peer", false);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    scene_subscribe(&scene, other_topic);
    report(&scene, peer, 2 * MEGABYTE, 0);
    scene_unsubscribe(&scene, other_topic);
    for (size_t i = 0; i < 50; i++)
        scene_heartbeat(&scene);
    assert_true(gossipsub_topic_find(scene.router, other_topic, &topic));
    report(&scene, peer, 0, 1);
    assert_false(scene_sent(&scene, peer)->subscriptions[0]->subscribe);
    scene_heartbeat(&scene);
    assert_false(gossipsub_topic_find(scene.router, other_topic, &topic));
    scene_clear(&scene);
}

/* Other bytes for each N. */
static struct bytes payload(uint8_t *room, size_t size, uint8_t n)
{
    for (size_t i = 0; i < size; i++)
        room[i] = (uint8_t)(i * 7919 >> 3 ^ i * 104729 >> 11 ^ n);
    return bytes_of(room, size);
}

static void messages_wait_behind_control_and_in_order(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "peer", false);
    report(&scene, peer, 2 * MEGABYTE, 0);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, bytes_of_text("one")), 1);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, bytes_of_text("two")), 1);
    scene_subscribe(&scene, other_topic);
    report(&scene, peer, 0, 1);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 3);
    assert_int_equal(scene.actions.items[0].priority, GOSSIPSUB_CONTROL);
    for (size_t i = 1; i < 3; i++) {
        const Gossipsub__RPC *rpc =
            rpc_whole(scene_without_length(scene.actions.items[i].rpc), &scene.arena);
        assert_non_null(memmem(rpc->publish[0]->data.data, rpc->publish[0]->data.len,
                               i == 1 ? "one" : "two", 3));
    }
    scene_clear(&scene);
}

static void ihave_goes_first_then_idontwant_then_messages(void **state)
{
    (void)state;
    struct scene scene;
    static uint8_t room[2000];
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "peer", false),
                   from = scene_join(&scene, "from", false);
    report(&scene, peer, SEND_IHAVE_MAX + 1, 0);
    scene_say_message(&scene, from, SCENE_TOPIC, payload(room, sizeof(room), 1));
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 2); /* IDONTWANT and the message */
    scene_say_prune(&scene, peer, SCENE_TOPIC, 60);
    scene_heartbeat(&scene);
    assert_int_equal(left_out(&scene, peer, GOSSIPSUB_IHAVE), 1);
    assert_int_equal(left_out(&scene, peer, GOSSIPSUB_IDONTWANT), 0);
    gossipsub_peer second = scene_join(&scene, "second", false);
    report(&scene, second, SEND_IWANT_MAX + 1, 0);
    scene_say_message(&scene, from, SCENE_TOPIC, payload(room, sizeof(room), 2));
    assert_int_equal(left_out(&scene, second, GOSSIPSUB_IDONTWANT), 1);
    assert_int_equal(left_out(&scene, second, GOSSIPSUB_MESSAGES), 0);
    report(&scene, second, SEND_MESSAGES_MAX, 0);
    scene_say_message(&scene, from, SCENE_TOPIC, payload(room, sizeof(room), 3));
    assert_int_equal(left_out(&scene, second, GOSSIPSUB_MESSAGES), 1);
    assert_non_null(scene_find(&scene, GOSSIPSUB_LEFT_OUT, second));
    assert_int_equal(scene_statistics(&scene).left_out.counts[GOSSIPSUB_MESSAGES], 1);
    scene_clear(&scene);
}

static void who_cannot_be_asked_keeps_nobody_from_being_asked(void **state)
{
    (void)state;
    struct scene scene;
    static const uint8_t ids[1][GOSSIPSUB_MESSAGE_ID_SIZE] = {"offered"};
    scene_init(&scene, true);
    gossipsub_peer slow = scene_join(&scene, "slow", false),
                   quick = scene_join(&scene, "quick", false);
    report(&scene, slow, SEND_IWANT_MAX + 1, 0);
    rpc_write_ihave(&scene.writer, bytes_of_text(SCENE_TOPIC), ids, 1);
    scene_say(&scene, slow);
    assert_int_equal(left_out(&scene, slow, GOSSIPSUB_IWANT), 1);
    rpc_write_ihave(&scene.writer, bytes_of_text(SCENE_TOPIC), ids, 1);
    scene_say(&scene, quick);
    assert_int_equal(scene_sent(&scene, quick)->control->n_iwant, 1);
    scene_clear(&scene);
}

/* Heartbeats for so long; how often they asked for a reset. */
static size_t wait_for(struct scene *scene, gossipsub_peer peer, uint64_t ms)
{
    size_t resets = 0;
    for (uint64_t end = scene->now + ms; scene->now < end;) {
        scene_heartbeat(scene);
        resets += scene_find(scene, GOSSIPSUB_RESET_STREAM, peer) != NULL;
    }
    return resets;
}

static void a_stream_that_takes_nothing_for_a_minute_is_reset_once_a_connection(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "peer", false);
    report(&scene, peer, 1, 0);
    assert_int_equal(wait_for(&scene, peer, SEND_STALLED_MS - 2000), 0);
    report(&scene, peer, 1, 1); /* a byte was acknowledged */
    assert_int_equal(wait_for(&scene, peer, SEND_STALLED_MS - 2000), 0);
    assert_int_equal(wait_for(&scene, peer, 4000), 1);
    assert_int_equal(scene_statistics(&scene).streams_stalled, 1);
    scene_close(&scene, peer);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    report(&scene, peer, 1, 0);
    assert_int_equal(wait_for(&scene, peer, 3 * SEND_STALLED_MS), 0);
    scene_clear(&scene);
}

static void a_stream_on_which_nothing_waits_is_not_reset(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "peer", false);
    report(&scene, peer, 0, 5);
    assert_int_equal(wait_for(&scene, peer, 3 * SEND_STALLED_MS), 0);
    report(&scene, peer, 1, 5); /* from now on it counts */
    assert_int_equal(wait_for(&scene, peer, SEND_STALLED_MS - 2000), 0);
    scene_clear(&scene);
}

static void who_has_less_room_lets_less_wait_for_who_takes_nothing(void **state)
{
    (void)state;
    struct scene scene;
    uint8_t *room = memory_new(MEGABYTE);
    scene_init(&scene, true);
    gossipsub_peer slow = scene_join(&scene, "slow", false);
    gossipsub_peer quick = scene_join(&scene, "quick", false);
    report(&scene, slow, 2 * MEGABYTE, 1);
    gossipsub_limit_unsent(scene.router, 1);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, payload(room, MEGABYTE / 2, 3)), 2);
    scene.now += SEND_STANDS_MS;
    gossipsub_limit_unsent(scene.router, 4 * MEGABYTE);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, payload(room, MEGABYTE / 2, 0)), 2);
    gossipsub_limit_unsent(scene.router, 1);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, payload(room, MEGABYTE / 2, 1)), 1);
    assert_non_null(scene_find(&scene, GOSSIPSUB_SEND, quick));
    assert_non_null(scene_find(&scene, GOSSIPSUB_LEFT_OUT, slow));
    assert_int_equal(gossipsub_peer_left_out(scene.router, slow).counts[GOSSIPSUB_MESSAGES], 1);
    gossipsub_limit_unsent(scene.router, SIZE_MAX);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, payload(room, MEGABYTE / 2, 2)), 2);
    scene_clear(&scene);
    free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_less_room_lets_less_wait_for_who_takes_nothing),
        cmocka_unit_test(what_changes_twice_meanwhile_is_not_said),
        cmocka_unit_test(control_waits_until_the_stream_takes_it),
        cmocka_unit_test(a_refusal_that_waits_has_the_backoff_that_is_left),
        cmocka_unit_test(a_graft_that_an_unsubscribe_crosses_is_answered),
        cmocka_unit_test(unsubscribe_is_said_again_on_a_fresh_stream),
        cmocka_unit_test(a_topic_that_is_to_be_withdrawn_is_kept_that_long),
        cmocka_unit_test(messages_wait_behind_control_and_in_order),
        cmocka_unit_test(ihave_goes_first_then_idontwant_then_messages),
        cmocka_unit_test(who_cannot_be_asked_keeps_nobody_from_being_asked),
        cmocka_unit_test(a_stream_that_takes_nothing_for_a_minute_is_reset_once_a_connection),
        cmocka_unit_test(a_stream_on_which_nothing_waits_is_not_reset),
    };
    return cmocka_run_group_tests_name("gossipsub_sending", tests, NULL, NULL);
}
