/* Peers that flood, contradict themselves or lie: it costs them, and nobody else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/gossipsub/internal.h"
#include "tests/unit/gossip_scene.h"
#include "tests/unit/rpc_ids.h"
#include "tests/unit/support.h"

typedef uint8_t message_id[GOSSIPSUB_MESSAGE_ID_SIZE];

enum { MEMBERS = 8 };

/* MEMBERS honest peers in the mesh, and a hostile one that is subscribed and not in it. */
struct stage {
    struct scene scene;
    gossipsub_peer members[MEMBERS], hostile;
    unsigned messages;
};

static void stage_init(struct stage *stage)
{
    *stage = (struct stage){0};
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    parameters.d_high = MEMBERS;
    scene_init_with(&stage->scene, &parameters);
    scene_subscribe(&stage->scene, SCENE_TOPIC);
    for (size_t i = 0; i < MEMBERS; i++) {
        char id[32];
        snprintf(id, sizeof(id), "honest %zu", i);
        stage->members[i] = scene_join(&stage->scene, id, false);
        scene_say_graft(&stage->scene, stage->members[i], SCENE_TOPIC);
    }
    stage->hostile = scene_join(&stage->scene, "hostile", false);
    assert_int_equal(scene_mesh_size(&stage->scene), MEMBERS);
}

/* Nobody but the hostile peer was sent or told anything by the last event. */
static void check_only_hostile_hears(const struct stage *stage)
{
    for (size_t i = 0; i < stage->scene.actions.count; i++)
        assert_int_equal(stage->scene.actions.items[i].peer, stage->hostile);
}

/* The others are meshed and get what one of them publishes. */
static void check_unharmed(struct stage *stage)
{
    struct scene *scene = &stage->scene;
    char text[32];
    snprintf(text, sizeof(text), "message %u", ++stage->messages);
    scene_say_message(scene, stage->members[0], SCENE_TOPIC, bytes_of_text(text));
    assert_int_equal(scene_count(scene, GOSSIPSUB_DELIVER), 1);
    for (size_t i = 0; i < MEMBERS; i++) {
        assert_true(scene_in_mesh(scene, stage->members[i]));
        const Gossipsub__RPC *rpc = scene_sent(scene, stage->members[i]);
        assert_int_equal(rpc != NULL ? rpc->n_publish : 0, i > 0);
    }
}

static bool is_dropped(const struct stage *stage)
{
    return scene_find(&stage->scene, GOSSIPSUB_DROP_PEER, stage->hostile) != NULL;
}

static void stage_clear(struct stage *stage)
{
    check_unharmed(stage);
    scene_clear(&stage->scene);
}

static message_id *new_ids(size_t count)
{
    message_id *ids = memory_new(count * sizeof(*ids));
    for (size_t i = 0; i < count; i++)
        memcpy(ids[i], &i, sizeof(i));
    return ids;
}

typedef void (*id_writer)(struct rpc_writer *writer, const message_id *ids, size_t count);

static void write_ihave(struct rpc_writer *writer, const message_id *ids, size_t count)
{
    rpc_write_ihave(writer, bytes_of_text(SCENE_TOPIC), ids, count);
}

/* The hostile peer says COUNT ids in one RPC. */
static void say_ids(struct stage *stage, id_writer write, size_t count)
{
    message_id *ids = new_ids(count);
    for (size_t i = 0; i < count; i += RPC_IDS_MAX)
        write(&stage->scene.writer, (const message_id *)ids + i,
              count - i < RPC_IDS_MAX ? count - i : RPC_IDS_MAX);
    scene_say(&stage->scene, stage->hostile);
    free(ids);
}

/* ---- floods of ids ---- */

static void ten_thousand_offered_ids_cost_their_sender_alone(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    say_ids(&stage, write_ihave, 10000);
    check_only_hostile_hears(&stage);
    assert_false(is_dropped(&stage));
    check_unharmed(&stage);
    say_ids(&stage, write_ihave, 10000);
    assert_true(is_dropped(&stage));
    say_ids(&stage, write_ihave, 10000);
    assert_int_equal(stage.scene.actions.count, 0);
    stage_clear(&stage);
}

static void the_limits_are_those_of_one_heartbeat(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    for (int i = 0; i < 10; i++) {
        say_ids(&stage, write_ihave, 10000);
        assert_false(is_dropped(&stage));
        scene_heartbeat(&stage.scene);
    }
    stage_clear(&stage);
}

static void iwant_of_unknown_ids_is_not_answered_and_has_a_limit(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    say_ids(&stage, rpc_write_iwant, 5000);
    assert_int_equal(stage.scene.actions.count, 0);
    say_ids(&stage, rpc_write_iwant, OFFENCE_POINTS_MAX);
    assert_int_equal(stage.scene.actions.count, 0);
    say_ids(&stage, rpc_write_iwant, 1);
    assert_true(is_dropped(&stage));
    stage_clear(&stage);
}

static void a_flood_of_declined_ids_is_remembered_up_to_a_limit(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    const struct router_peer *peer = router_peer(stage.scene.router, stage.hostile);
    for (int i = 0; i < 2; i++) {
        say_ids(&stage, rpc_write_idontwant, 5000);
        assert_int_equal(id_set_count(&peer->not_wanted), IDONTWANT_IDS_PER_HEARTBEAT_MAX);
    }
    check_unharmed(&stage);
    say_ids(&stage, rpc_write_idontwant, 3000);
    assert_true(is_dropped(&stage));
    stage_clear(&stage);
}

/* ---- who is offered first and does not deliver ---- */

static bool is_asked(struct stage *stage, gossipsub_peer peer, const message_id *id)
{
    rpc_write_ihave(&stage->scene.writer, bytes_of_text(SCENE_TOPIC), id, 1);
    scene_say(&stage->scene, peer);
    const Gossipsub__RPC *rpc = scene_sent(&stage->scene, peer);
    return rpc != NULL && rpc->control->n_iwant == 1;
}

static void offers_that_are_not_kept_do_not_hold_up_others_for_long(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    const message_id id = {1}, other = {2};
    for (int i = 0; i < IWANT_FOLLOWUP_HEARTBEATS; i++) {
        assert_true(is_asked(&stage, stage.hostile, &id));
        assert_false(is_asked(&stage, stage.members[0], &id));
        scene_heartbeat(&stage.scene);
    }
    assert_true(is_asked(&stage, stage.hostile, &id));
    assert_true(is_asked(&stage, stage.members[0], &id));
    /* And nobody for as long as it goes on like that. */
    assert_true(is_asked(&stage, stage.hostile, &other));
    assert_true(is_asked(&stage, stage.members[0], &other));
    stage_clear(&stage);
}

/* ---- GRAFT, PRUNE and subscriptions ---- */

static void a_graft_storm_ends_with_its_sender(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    size_t answers = 0, grafts = 0;
    for (; !is_dropped(&stage); grafts++) {
        scene_say_graft(&stage.scene, stage.hostile, SCENE_TOPIC);
        check_only_hostile_hears(&stage);
        answers += scene_count(&stage.scene, GOSSIPSUB_SEND);
        assert_in_range(grafts, 0, 200);
    }
    assert_int_equal(answers, 1);
    stage_clear(&stage);
}

static void a_graft_storm_for_made_up_topics_is_cut_and_ends_with_its_sender(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    for (int rpc = 0; rpc < 3; rpc++) {
        for (int i = 0; i < 5000; i++)
            rpc_write_graft(&stage.scene.writer, bytes_of_text("a topic that nobody knows"));
        scene_say(&stage.scene, stage.hostile);
        assert_int_equal(is_dropped(&stage), rpc == 2);
    }
    assert_int_equal(gossipsub_topic_count(stage.scene.router), 1);
    stage_clear(&stage);
}

static void a_prune_storm_ends_with_its_sender(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    for (size_t i = 0; !is_dropped(&stage); i++) {
        scene_say_prune(&stage.scene, stage.hostile, SCENE_TOPIC, 60);
        check_only_hostile_hears(&stage);
        assert_in_range(i, 0, 200);
    }
    stage_clear(&stage);
}

static void graft_and_prune_of_one_topic_in_one_rpc_end_outside_the_mesh(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    gossipsub_topic topic;
    gossipsub_topic_find(stage.scene.router, SCENE_TOPIC, &topic);
    scene_gone(&stage.scene, stage.members[MEMBERS - 1]); /* there is room */
    for (int i = 0; i < 2; i++) {
        rpc_write_graft(&stage.scene.writer, bytes_of_text(SCENE_TOPIC));
        rpc_write_prune(&stage.scene.writer, bytes_of_text(SCENE_TOPIC), 60);
        scene_say(&stage.scene, stage.hostile);
        assert_false(scene_in_mesh(&stage.scene, stage.hostile));
        assert_true(gossipsub_backoff_left(stage.scene.router, stage.scene.now, stage.hostile,
                                           topic) > 59000);
        check_only_hostile_hears(&stage);
    }
    scene_clear(&stage.scene);
}

static void a_subscription_storm_ends_with_its_sender(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    size_t told = 0;
    for (int rpc = 0; !is_dropped(&stage); rpc++) {
        for (int i = 0; i < 200; i++)
            rpc_write_subscription(&stage.scene.writer, bytes_of_text(SCENE_TOPIC), i % 2 != 0);
        scene_say(&stage.scene, stage.hostile);
        check_only_hostile_hears(&stage);
        told += scene_count(&stage.scene, GOSSIPSUB_SUBSCRIBED) +
                scene_count(&stage.scene, GOSSIPSUB_UNSUBSCRIBED);
        assert_in_range(rpc, 0, 3);
    }
    assert_in_range(told, SUBSCRIPTION_CHANGES_PER_HEARTBEAT_MAX, 1000);
    stage_clear(&stage);
}

static void an_unsubscription_behind_its_graft_leaves_no_trace(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    scene_gone(&stage.scene, stage.members[MEMBERS - 1]);
    scene_say_graft(&stage.scene, stage.hostile, SCENE_TOPIC);
    assert_true(scene_in_mesh(&stage.scene, stage.hostile));
    rpc_write_subscription(&stage.scene.writer, bytes_of_text(SCENE_TOPIC), false);
    scene_say(&stage.scene, stage.hostile);
    assert_false(scene_in_mesh(&stage.scene, stage.hostile));
    scene_clear(&stage.scene);
}

/* ---- messages ---- */

static void say_rejected(struct stage *stage, unsigned number)
{
    struct chunk *rpc = rpc_encode_message(bytes_of_text(SCENE_TOPIC),
                                           bytes_of((const uint8_t *)&number, sizeof(number)));
    scene_say_bytes(&stage->scene, stage->hostile, scene_without_length(rpc));
    chunk_unref(rpc);
}

static void a_flood_of_invalid_messages_ends_with_its_sender(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    unsigned limit = OFFENCE_POINTS_MAX / OFFENCE_REJECTED_MESSAGE;
    for (unsigned i = 0; i <= limit; i++) {
        assert_false(is_dropped(&stage));
        say_rejected(&stage, 0xffffff00 + i);
    }
    assert_true(is_dropped(&stage));
    assert_int_equal(scene_statistics(&stage.scene).invalid, limit + 1);
    stage_clear(&stage);
}

static void of_an_rpc_of_countless_messages_so_many_are_looked_at(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct buffer rpc = {0};
    static const char message[] = "\x12\x2a\x12\x28"
                                  "forty bytes of data and no topic at all.";
    for (int i = 0; i < 2 * MESSAGES_PER_RPC_MAX; i++)
        buffer_append(&rpc, message, sizeof(message) - 1);
    uint64_t before = scene_statistics(&stage.scene).messages_in;
    scene_say_bytes(&stage.scene, stage.hostile, buffer_bytes(&rpc));
    assert_int_equal(scene_statistics(&stage.scene).messages_in - before, MESSAGES_PER_RPC_MAX);
    buffer_clear(&rpc);
    stage_clear(&stage);
}

/* ---- the mesh's quota and adaptive gossip ---- */

static void a_full_mesh_takes_peers_that_we_dialled_while_it_lacks_some(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    for (unsigned i = 0; i < 4; i++) {
        char id[32];
        snprintf(id, sizeof(id), "dialled %u", i);
        gossipsub_peer peer = scene_join(&stage.scene, id, true);
        scene_say_graft(&stage.scene, peer, SCENE_TOPIC);
        assert_int_equal(scene_in_mesh(&stage.scene, peer), i < stage.scene.parameters.d_out);
    }
    scene_clear(&stage.scene);
}

static void a_quarter_of_many_peers_is_told_by_gossip(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    scene_join_many(&stage.scene, 99, false);
    check_unharmed(&stage);
    scene_heartbeat(&stage.scene);
    assert_int_equal(scene_count(&stage.scene, GOSSIPSUB_SEND), 25);
    stage_clear(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_offered_ids_cost_their_sender_alone),
        cmocka_unit_test(the_limits_are_those_of_one_heartbeat),
        cmocka_unit_test(iwant_of_unknown_ids_is_not_answered_and_has_a_limit),
        cmocka_unit_test(a_flood_of_declined_ids_is_remembered_up_to_a_limit),
        cmocka_unit_test(offers_that_are_not_kept_do_not_hold_up_others_for_long),
        cmocka_unit_test(a_graft_storm_ends_with_its_sender),
        cmocka_unit_test(a_graft_storm_for_made_up_topics_is_cut_and_ends_with_its_sender),
        cmocka_unit_test(a_prune_storm_ends_with_its_sender),
        cmocka_unit_test(graft_and_prune_of_one_topic_in_one_rpc_end_outside_the_mesh),
        cmocka_unit_test(a_subscription_storm_ends_with_its_sender),
        cmocka_unit_test(an_unsubscription_behind_its_graft_leaves_no_trace),
        cmocka_unit_test(a_flood_of_invalid_messages_ends_with_its_sender),
        cmocka_unit_test(of_an_rpc_of_countless_messages_so_many_are_looked_at),
        cmocka_unit_test(a_full_mesh_takes_peers_that_we_dialled_while_it_lacks_some),
        cmocka_unit_test(a_quarter_of_many_peers_is_told_by_gossip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
