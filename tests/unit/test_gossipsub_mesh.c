/* Subscriptions, GRAFT, PRUNE, backoff and the heartbeat. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/gossip_scene.h"
#include "tests/unit/rpc_whole.h"
#include "tests/unit/support.h"

enum { BACKOFF_MS = 60000 };

static bool is_topic(ProtobufCBinaryData name)
{
    return bytes_equal(bytes_of(name.data, name.len), bytes_of_text(SCENE_TOPIC));
}

static bool has_graft(const Gossipsub__RPC *rpc)
{
    return rpc != NULL && rpc->control != NULL && rpc->control->n_graft == 1 &&
           is_topic(rpc->control->graft[0]->topic);
}

static const Gossipsub__ControlPrune *prune_in(const Gossipsub__RPC *rpc)
{
    return rpc != NULL && rpc->control != NULL && rpc->control->n_prune == 1
               ? rpc->control->prune[0]
               : NULL;
}

/* ---- subscriptions and GRAFT at once ---- */

static void subscriptions_go_out_when_our_stream_opens(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_add(&scene, "a", false);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    const Gossipsub__RPC *rpc = scene_sent(&scene, peer);
    assert_int_equal(scene.actions.count, 1);
    assert_int_equal(rpc->n_subscriptions, 1);
    assert_true(rpc->subscriptions[0]->subscribe && is_topic(rpc->subscriptions[0]->topic));
    assert_null(rpc->control);
    scene_clear(&scene);
}

static void a_known_subscriber_is_grafted_in_the_rpc_of_our_subscriptions(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_add(&scene, "a", false);
    scene_say_subscribe(&scene, peer, SCENE_TOPIC);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SUBSCRIBED), 1);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 1);
    assert_true(scene_find(&scene, GOSSIPSUB_SEND, peer)->has_graft);
    const Gossipsub__RPC *rpc = scene_sent(&scene, peer);
    assert_int_equal(rpc->n_subscriptions, 1);
    assert_true(has_graft(rpc));
    assert_true(scene_in_mesh(&scene, peer));
    scene_clear(&scene);
}

static void a_new_subscriber_is_grafted_at_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    assert_true(has_graft(scene_sent(&scene, peer)));
    assert_false(scene_find(&scene, GOSSIPSUB_GRAFTED, peer)->by_peer);
    scene_clear(&scene);
}

static void nobody_is_grafted_at_once_from_d_low_on(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 7, true);
    assert_false(scene_in_mesh(&scene, peer));
    assert_int_equal(scene_mesh_size(&scene), 6);
    scene_clear(&scene);
}

static void a_graft_with_the_subscription_is_not_answered_by_another(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_add(&scene, "a", false);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    rpc_write_subscription(&scene.writer, bytes_of_text(SCENE_TOPIC), true);
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    assert_true(scene_find(&scene, GOSSIPSUB_GRAFTED, peer)->by_peer);
    assert_true(scene_in_mesh(&scene, peer));
    scene_clear(&scene);
}

static void subscribing_twice_changes_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_say_subscribe(&scene, peer, SCENE_TOPIC);
    assert_int_equal(scene.actions.count, 0);
    rpc_write_subscription(&scene.writer, bytes_of_text(SCENE_TOPIC), false);
    scene_say(&scene, peer);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_UNSUBSCRIBED), 1);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_PRUNED), 1);
    rpc_write_subscription(&scene.writer, bytes_of_text(SCENE_TOPIC), false);
    scene_say(&scene, peer);
    assert_int_equal(scene.actions.count, 0);
    scene_clear(&scene);
}

static void a_subscribe_storm_draws_one_graft_a_heartbeat(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    for (size_t i = 0; i < 100; i++) {
        rpc_write_subscription(&scene.writer, bytes_of_text(SCENE_TOPIC), false);
        scene_say(&scene, peer);
        scene_say_subscribe(&scene, peer, SCENE_TOPIC);
        assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    }
    scene_heartbeat(&scene);
    assert_true(has_graft(scene_sent(&scene, peer)));
    scene_clear(&scene);
}

static void joining_a_topic_tells_all_and_grafts_up_to_d(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, false);
    gossipsub_peer last = scene_join_many(&scene, 20, true);
    scene_subscribe(&scene, SCENE_TOPIC);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 20);
    assert_int_equal(scene_mesh_size(&scene), 8);
    for (gossipsub_peer peer = 0; peer <= last; peer++) {
        const Gossipsub__RPC *rpc = scene_sent(&scene, peer);
        assert_int_equal(rpc->n_subscriptions, 1);
        assert_int_equal(has_graft(rpc), scene_in_mesh(&scene, peer));
    }
    scene_clear(&scene);
}

static void leaving_a_topic_prunes_with_the_shorter_backoff(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_unsubscribe(&scene, SCENE_TOPIC);
    const Gossipsub__RPC *rpc = scene_sent(&scene, peer);
    assert_int_equal(rpc->n_subscriptions, 1);
    assert_false(rpc->subscriptions[0]->subscribe);
    assert_int_equal(prune_in(rpc)->backoff, 10);
    scene_subscribe(&scene, SCENE_TOPIC);
    assert_false(scene_in_mesh(&scene, peer));
    scene.now += 10000 + 700;
    scene_heartbeat(&scene);
    assert_true(scene_in_mesh(&scene, peer));
    scene_clear(&scene);
}

/* ---- the peers' GRAFT and PRUNE ---- */

static void a_graft_for_a_topic_that_is_not_ours_is_ignored(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, false);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_int_equal(scene.actions.count, 0);
    scene_say_graft(&scene, peer, "another");
    assert_int_equal(scene.actions.count, 0);
    scene_clear(&scene);
}

static void fill_mesh(struct scene *scene)
{
    for (size_t i = 0; i < 12; i++) {
        char id[32];
        snprintf(id, sizeof(id), "member %zu", i);
        scene_say_graft(scene, scene_join(scene, id, false), SCENE_TOPIC);
    }
    assert_int_equal(scene_mesh_size(scene), 12);
}

static void a_graft_into_a_full_mesh_is_answered_by_prune(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    fill_mesh(&scene);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_int_equal(prune_in(scene_sent(&scene, peer))->backoff, 60);
    assert_false(scene_in_mesh(&scene, peer));
    scene_clear(&scene);
}

static void a_graft_storm_draws_one_prune_a_heartbeat(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    fill_mesh(&scene);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    for (size_t i = 0; i < 100; i++)
        rpc_write_graft(&scene.writer, bytes_of_text(SCENE_TOPIC));
    scene_say(&scene, peer);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 1);
    assert_non_null(prune_in(scene_sent(&scene, peer)));
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_int_equal(scene.actions.count, 0);
    scene_clear(&scene);
}

static void a_graft_in_backoff_is_answered_by_prune(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_say_prune(&scene, peer, SCENE_TOPIC, 20);
    assert_false(scene_in_mesh(&scene, peer));
    assert_true(scene_find(&scene, GOSSIPSUB_PRUNED, peer)->by_peer);
    assert_int_equal(scene_find(&scene, GOSSIPSUB_GRAFT_REFUSED, peer)->backoff_ms, 20000);
    scene.now += 19999;
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_int_equal(prune_in(scene_sent(&scene, peer))->backoff, 60);
    scene.now += BACKOFF_MS;
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_true(scene_in_mesh(&scene, peer));
    scene_clear(&scene);
}

static void versions_before_1_1_are_sent_no_backoff(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    fill_mesh(&scene);
    gossipsub_peer peer = scene_add(&scene, "a", false);
    scene_open(&scene, peer, GOSSIPSUB_1_0);
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_false(prune_in(scene_sent(&scene, peer))->has_backoff);
    scene_clear(&scene);
}

static void a_prune_without_backoff_means_ours(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_say_prune(&scene, peer, SCENE_TOPIC, 0);
    assert_int_equal(gossipsub_backoff_left(scene.router, scene.now, peer, 0), BACKOFF_MS + 700);
    scene_say_prune(&scene, peer, SCENE_TOPIC, UINT64_MAX);
    assert_int_equal(gossipsub_backoff_left(scene.router, scene.now, peer, 0), 3600000 + 700);
    scene_clear(&scene);
}

static void a_prune_for_a_topic_that_is_not_ours_is_not_remembered(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, false);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_say_prune(&scene, peer, SCENE_TOPIC, 60);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_GRAFT_REFUSED), 1);
    assert_int_equal(scene_statistics(&scene).backoffs, 0);
    scene_clear(&scene);
}

static void backoff_outlives_the_connection_by_a_heartbeat(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_say_prune(&scene, peer, SCENE_TOPIC, 60);
    uint64_t end = scene.now + BACKOFF_MS;
    scene_gone(&scene, peer);
    scene_heartbeat(&scene);
    peer = scene_join(&scene, "a", false);
    while (scene.now + 700 < end + 700) {
        assert_false(scene_in_mesh(&scene, peer));
        scene_heartbeat(&scene);
    }
    scene_heartbeat(&scene);
    assert_true(scene_in_mesh(&scene, peer));
    assert_int_equal(scene_statistics(&scene).backoffs, 0);
    scene_clear(&scene);
}

/* ---- streams that come and go ---- */

static void a_peer_leaves_the_mesh_with_our_stream_and_is_grafted_by_the_next(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_close(&scene, peer);
    assert_false(scene_in_mesh(&scene, peer));
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    scene_heartbeat(&scene);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    assert_true(has_graft(scene_sent(&scene, peer)));
    assert_int_equal(scene_sent(&scene, peer)->n_subscriptions, 1);
    scene_clear(&scene);
}

static void a_graft_before_our_stream_counts_once_it_is_open(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    scene_join_many(&scene, 6, true); /* nobody is grafted at once any more */
    gossipsub_peer peer = scene_add(&scene, "a", false);
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_false(scene_in_mesh(&scene, peer));
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    assert_true(scene_in_mesh(&scene, peer));
    scene_clear(&scene);
}

static void a_further_inbound_stream_is_told_our_topics_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_add(&scene, "a", false);
    gossipsub_inbound_opened(scene.router, scene.now, peer, &scene.actions);
    assert_int_equal(scene.actions.count, 0);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    scene_say_subscribe(&scene, peer, SCENE_TOPIC);
    gossipsub_actions_reset(&scene.actions);
    gossipsub_inbound_opened(scene.router, scene.now, peer, &scene.actions);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 1);
    assert_int_equal(scene_sent(&scene, peer)->n_subscriptions, 1);
    assert_true(has_graft(scene_sent(&scene, peer)));
    assert_true(scene_in_mesh(&scene, peer));
    scene_clear(&scene);
}

static void a_peer_that_may_have_forgotten_us_is_told_our_topics_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    gossipsub_actions_reset(&scene.actions);
    gossipsub_inbound_opened(scene.router, scene.now, peer, &scene.actions);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 1);
    assert_int_equal(scene_sent(&scene, peer)->n_subscriptions, 1);
    assert_true(has_graft(scene_sent(&scene, peer)));
    gossipsub_actions_reset(&scene.actions);
    gossipsub_stream_closed(scene.router, scene.now, peer, &scene.actions);
    gossipsub_actions_reset(&scene.actions);
    gossipsub_inbound_opened(scene.router, scene.now, peer, &scene.actions);
    assert_int_equal(scene.actions.count, 0);
    scene_clear(&scene);
}

static void a_peer_that_is_gone_leaves_only_its_backoff(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_gone(&scene, peer);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_PRUNED), 1);
    scene_say_subscribe(&scene, peer, SCENE_TOPIC);
    scene_heartbeat(&scene);
    assert_int_equal(scene.actions.count, 0);
    assert_false(gossipsub_peer_is_subscribed(scene.router, peer, 0));
    scene_clear(&scene);
}

/* ---- direct peers ---- */

static void a_direct_peer_is_never_in_the_mesh(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_add(&scene, "a", true);
    gossipsub_peer_set_direct(scene.router, scene.now, peer, true, &scene.actions);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    scene_say_subscribe(&scene, peer, SCENE_TOPIC);
    scene_heartbeat(&scene);
    assert_int_equal(scene.actions.count, 0);
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_non_null(prune_in(scene_sent(&scene, peer)));
    assert_false(scene_in_mesh(&scene, peer));
    scene_clear(&scene);
}

static void a_member_that_becomes_direct_is_pruned(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", true);
    gossipsub_actions_reset(&scene.actions);
    gossipsub_peer_set_direct(scene.router, scene.now, peer, true, &scene.actions);
    assert_non_null(prune_in(scene_sent(&scene, peer)));
    assert_false(scene_in_mesh(&scene, peer));
    scene_clear(&scene);
}

/* ---- the heartbeat ---- */

static void the_heartbeat_fills_the_mesh_to_d(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer first = scene_join_many(&scene, 20, true) - 19;
    assert_int_equal(scene_mesh_size(&scene), 6);
    scene_heartbeat(&scene);
    assert_int_equal(scene_mesh_size(&scene), 6);
    for (size_t i = 0; i < 3; i++)
        scene_say_prune(&scene, first + (gossipsub_peer)i, SCENE_TOPIC, 60);
    assert_int_equal(scene_mesh_size(&scene), 3);
    scene_heartbeat(&scene);
    assert_int_equal(scene_mesh_size(&scene), 8);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 5);
    assert_false(scene_in_mesh(&scene, first));
    scene_clear(&scene);
}

static void the_heartbeat_keeps_outbound_peers_in_the_mesh(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    fill_mesh(&scene);
    gossipsub_peer last = scene_join_many(&scene, 2, true);
    scene_heartbeat(&scene);
    assert_true(scene_in_mesh(&scene, last) && scene_in_mesh(&scene, last - 1));
    assert_int_equal(scene_mesh_size(&scene), 14);
    scene_heartbeat(&scene);
    assert_int_equal(scene_mesh_size(&scene), 8);
    assert_true(scene_in_mesh(&scene, last) && scene_in_mesh(&scene, last - 1));
    assert_int_equal(scene_count(&scene, GOSSIPSUB_PRUNED), 6);
    assert_int_equal(scene_statistics(&scene).backoffs, 6);
    scene_clear(&scene);
}

/* ---- limits ---- */

static void a_passive_router_grafts_nobody_and_takes_grafts(void **state)
{
    (void)state;
    struct scene scene;
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    parameters.passive = true;
    scene_init_with(&scene, &parameters);
    gossipsub_peer peer = scene_join(&scene, "a", true);
    scene_subscribe(&scene, SCENE_TOPIC);
    assert_false(has_graft(scene_sent(&scene, peer)));
    scene_heartbeat(&scene);
    assert_int_equal(scene_mesh_size(&scene), 0);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    assert_true(scene_in_mesh(&scene, peer));
    assert_null(prune_in(scene_sent(&scene, peer)));
    scene_clear(&scene);
}

static void subscriptions_are_split_below_what_all_peers_accept(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, false);
    for (int i = 0; i < 200; i++) {
        char name[GOSSIPSUB_TOPIC_SIZE_MAX];
        snprintf(name, sizeof(name), "%0200d", i);
        scene_subscribe(&scene, name);
    }
    gossipsub_peer peer = scene_add(&scene, "a", false);
    scene_open(&scene, peer, GOSSIPSUB_1_2);
    size_t told = 0;
    for (size_t i = 0; i < scene.actions.count; i++) {
        struct bytes bytes = scene_without_length(scene.actions.items[i].rpc);
        assert_in_range(bytes.size, 1, RPC_CONTROL_SIZE_MAX);
        told += rpc_whole(bytes, &scene.arena)->n_subscriptions;
    }
    assert_int_equal(told, 200);
    assert_in_range(scene.actions.count, 3, 4);
    scene_clear(&scene);
}

static void a_peer_cannot_use_up_our_topics(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, false);
    for (int p = 0; p < 20; p++) {
        char name[40];
        snprintf(name, sizeof(name), "peer %d", p);
        gossipsub_peer peer = scene_add(&scene, name, false);
        for (int i = 0; i < 300; i++) {
            snprintf(name, sizeof(name), "topic %d of %d", i, p);
            rpc_write_subscription(&scene.writer, bytes_of_text(name), true);
        }
        scene_say(&scene, peer);
        assert_in_range(scene_count(&scene, GOSSIPSUB_SUBSCRIBED), 0,
                        GOSSIPSUB_TOPICS_PER_PEER_MAX);
    }
    scene_subscribe(&scene, SCENE_TOPIC);
    scene_say_subscribe(&scene, scene_add(&scene, "honest", false), SCENE_TOPIC);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SUBSCRIBED), 1);
    scene_clear(&scene);
}

static void topics_that_nobody_uses_any_more_make_room_for_others(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_topic ours, first, handle;
    assert_true(gossipsub_topic_find(scene.router, SCENE_TOPIC, &ours));
    for (int round = 0; round < 30; round++) {
        char name[40];
        gossipsub_peer peer = scene_add(&scene, "churning", false);
        for (int i = 0; i < GOSSIPSUB_TOPICS_PER_PEER_MAX; i++) {
            snprintf(name, sizeof(name), "topic %d of %d", i, round);
            rpc_write_subscription(&scene.writer, bytes_of_text(name), true);
        }
        scene_say(&scene, peer);
        assert_int_equal(scene_count(&scene, GOSSIPSUB_SUBSCRIBED), GOSSIPSUB_TOPICS_PER_PEER_MAX);
        assert_true(gossipsub_topic_find(scene.router, name, &handle));
        if (round == 0)
            first = handle;
        assert_int_equal(handle, first); /* it is had again */
        scene_gone(&scene, peer);
        for (unsigned i = 0; i < scene.parameters.history_length; i++)
            scene_heartbeat(&scene);
        assert_string_equal(gossipsub_topic_name(scene.router, handle), name);
        scene_heartbeat(&scene);
        scene_heartbeat(&scene);
        assert_null(gossipsub_topic_name(scene.router, handle));
        assert_false(gossipsub_topic_find(scene.router, name, &handle));
    }
    assert_string_equal(gossipsub_topic_name(scene.router, ours), SCENE_TOPIC);
    scene_clear(&scene);
}

static void a_topic_with_a_backoff_keeps_its_handle(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_topic left, handle;
    gossipsub_peer peer = scene_join(&scene, "a", false);
    assert_true(gossipsub_topic_find(scene.router, SCENE_TOPIC, &left));
    scene_unsubscribe(&scene, SCENE_TOPIC);
    scene_gone(&scene, peer);
    while (scene_statistics(&scene).backoffs > 0) {
        assert_string_equal(gossipsub_topic_name(scene.router, left), SCENE_TOPIC);
        scene_heartbeat(&scene);
    }
    assert_int_equal(scene.now, 1000000 + 11200); /* 10 s, and the heartbeat after one of slack */
    assert_null(gossipsub_topic_name(scene.router, left));
    scene_subscribe(&scene, "another");
    assert_true(gossipsub_topic_find(scene.router, "another", &handle));
    assert_int_equal(handle, left);
    scene_clear(&scene);
}

static void names_that_could_garble_a_log_are_ignored(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, false);
    gossipsub_peer peer = scene_add(&scene, "a", false);
    char longest[GOSSIPSUB_TOPIC_SIZE_MAX + 2];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    const char *names[] = {"", "\x1b[2J", "line\n", "\xff", longest};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        scene_say_subscribe(&scene, peer, names[i]);
        assert_int_equal(scene.actions.count, 0);
        struct error error;
        assert_false(gossipsub_subscribe(scene.router, 0, names[i], &scene.actions, &error));
    }
    scene_say_subscribe(&scene, peer, longest + 1);
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SUBSCRIBED), 1);
    scene_clear(&scene);
}

static void parameters_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    struct gossipsub_parameters good, bad;
    gossipsub_parameters_default(&good);
    assert_true(gossipsub_parameters_check(&good, NULL));
    bad = good, bad.d_low = 9;
    assert_false(gossipsub_parameters_check(&bad, NULL));
    bad = good, bad.d_high = 7;
    assert_false(gossipsub_parameters_check(&bad, NULL));
    bad = good, bad.d_out = 5;
    assert_false(gossipsub_parameters_check(&bad, NULL));
    bad = good, bad.heartbeat_ms = 0;
    assert_false(gossipsub_parameters_check(&bad, NULL));
    bad = good, bad.history_gossip = 7;
    assert_false(gossipsub_parameters_check(&bad, NULL));
    bad = good, bad.seen_ttl_ms = 1000;
    assert_false(gossipsub_parameters_check(&bad, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscriptions_go_out_when_our_stream_opens),
        cmocka_unit_test(a_known_subscriber_is_grafted_in_the_rpc_of_our_subscriptions),
        cmocka_unit_test(a_new_subscriber_is_grafted_at_once),
        cmocka_unit_test(nobody_is_grafted_at_once_from_d_low_on),
        cmocka_unit_test(a_graft_with_the_subscription_is_not_answered_by_another),
        cmocka_unit_test(subscribing_twice_changes_nothing),
        cmocka_unit_test(a_subscribe_storm_draws_one_graft_a_heartbeat),
        cmocka_unit_test(joining_a_topic_tells_all_and_grafts_up_to_d),
        cmocka_unit_test(leaving_a_topic_prunes_with_the_shorter_backoff),
        cmocka_unit_test(a_graft_for_a_topic_that_is_not_ours_is_ignored),
        cmocka_unit_test(a_graft_into_a_full_mesh_is_answered_by_prune),
        cmocka_unit_test(a_graft_storm_draws_one_prune_a_heartbeat),
        cmocka_unit_test(a_graft_in_backoff_is_answered_by_prune),
        cmocka_unit_test(versions_before_1_1_are_sent_no_backoff),
        cmocka_unit_test(a_prune_without_backoff_means_ours),
        cmocka_unit_test(a_prune_for_a_topic_that_is_not_ours_is_not_remembered),
        cmocka_unit_test(backoff_outlives_the_connection_by_a_heartbeat),
        cmocka_unit_test(a_peer_leaves_the_mesh_with_our_stream_and_is_grafted_by_the_next),
        cmocka_unit_test(a_graft_before_our_stream_counts_once_it_is_open),
        cmocka_unit_test(a_further_inbound_stream_is_told_our_topics_again),
        cmocka_unit_test(a_peer_that_may_have_forgotten_us_is_told_our_topics_again),
        cmocka_unit_test(a_peer_that_is_gone_leaves_only_its_backoff),
        cmocka_unit_test(a_direct_peer_is_never_in_the_mesh),
        cmocka_unit_test(a_member_that_becomes_direct_is_pruned),
        cmocka_unit_test(the_heartbeat_fills_the_mesh_to_d),
        cmocka_unit_test(the_heartbeat_keeps_outbound_peers_in_the_mesh),
        cmocka_unit_test(a_passive_router_grafts_nobody_and_takes_grafts),
        cmocka_unit_test(subscriptions_are_split_below_what_all_peers_accept),
        cmocka_unit_test(a_peer_cannot_use_up_our_topics),
        cmocka_unit_test(topics_that_nobody_uses_any_more_make_room_for_others),
        cmocka_unit_test(a_topic_with_a_backoff_keeps_its_handle),
        cmocka_unit_test(names_that_could_garble_a_log_are_ignored),
        cmocka_unit_test(parameters_that_contradict_each_other_are_refused),
    };
    return cmocka_run_group_tests_name("gossipsub mesh", tests, NULL, NULL);
}
