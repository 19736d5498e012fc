/* Peers that say more than others, and nothing that they may not: it costs them nothing that is
 * ours. What is malformed costs its stream. */
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "net/gossipsub/internal.h"
#include "net/gossipsub/message_id.h"
#include "tests/unit/gossip_scene.h"
#include "tests/unit/rpc_ids.h"
#include "tests/unit/support.h"

#define OWN_TOPIC "ours"

static const char *topic_named(unsigned number)
{
    static char name[32];
    snprintf(name, sizeof(name), "their topic %u", number);
    return name;
}

static void write_topics(struct scene *scene, unsigned first, unsigned count, bool subscribe)
{
    for (unsigned i = first; i < first + count; i++)
        rpc_write_subscription(&scene->writer, bytes_of_text(topic_named(i)), subscribe);
}

static gossipsub_peer join(struct scene *scene, const char *id)
{
    gossipsub_peer peer = scene_add(scene, id, false);
    scene_open(scene, peer, GOSSIPSUB_1_2);
    return peer;
}

static bool is_subscribed(const struct scene *scene, gossipsub_peer peer, const char *name)
{
    gossipsub_topic topic;
    return gossipsub_topic_find(scene->router, name, &topic) &&
           gossipsub_peer_is_subscribed(scene->router, peer, topic);
}

static size_t count_kept(const struct scene *scene, gossipsub_peer peer, unsigned topics)
{
    size_t count = 0;
    for (unsigned i = 0; i < topics; i++)
        count += is_subscribed(scene, peer, topic_named(i));
    return count;
}

/* ---- topics ---- */

/* In the RPC, and among the topics of the peer, ours comes behind all others. */
static void our_topic_has_room_behind_any_number_of_others(void **state)
{
    (void)state;
    static const unsigned counts[] = {0, 127, 128, 129, 511, 512, 600, 8000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct scene scene;
        scene_init(&scene, true);
        gossipsub_peer peer = join(&scene, "a");
        write_topics(&scene, 0, counts[i], true);
        rpc_write_subscription(&scene.writer, bytes_of_text(SCENE_TOPIC), true);
        rpc_write_graft(&scene.writer, bytes_of_text(SCENE_TOPIC));
        scene_say(&scene, peer);
        size_t kept = counts[i] < 128 ? counts[i] : 128;
        assert_true(is_subscribed(&scene, peer, SCENE_TOPIC));
        assert_true(scene_in_mesh(&scene, peer));
        assert_null(scene_find(&scene, GOSSIPSUB_DROP_PEER, peer));
        assert_int_equal(count_kept(&scene, peer, counts[i]), kept);
        assert_int_equal(scene_statistics(&scene).subscriptions_not_kept, counts[i] - kept);
        size_t counted = counts[i] - kept < NAME_SET_MAX ? counts[i] - kept : NAME_SET_MAX;
        assert_int_equal(gossipsub_peer_not_kept(scene.router, peer), counted);
        scene_clear(&scene);
    }
}

static void a_graft_of_one_with_many_topics_is_answered(void **state)
{
    (void)state;
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    parameters.d_high = parameters.d;
    struct scene scene;
    scene_init_with(&scene, &parameters);
    scene_subscribe(&scene, SCENE_TOPIC);
    for (unsigned i = 0; i < parameters.d_high; i++)
        scene_say_graft(&scene, join(&scene, topic_named(i)), SCENE_TOPIC);
    gossipsub_peer peer = join(&scene, "a");
    write_topics(&scene, 0, 600, true);
    for (unsigned i = 0; i < 600; i++)
        rpc_write_graft(&scene.writer, bytes_of_text(topic_named(i)));
    rpc_write_graft(&scene.writer, bytes_of_text(SCENE_TOPIC));
    scene_say(&scene, peer);
    const Gossipsub__RPC *sent = scene_sent(&scene, peer);
    assert_true(sent != NULL && sent->control != NULL && sent->control->n_prune == 1);
    scene_clear(&scene);
}

static void what_was_not_kept_is_known_once_it_is_ours(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, false);
    gossipsub_peer peer = join(&scene, "a");
    write_topics(&scene, 0, 300, true);
    rpc_write_subscription(&scene.writer, bytes_of_text(OWN_TOPIC), true);
    scene_say(&scene, peer);
    assert_false(is_subscribed(&scene, peer, OWN_TOPIC));
    scene_subscribe(&scene, OWN_TOPIC);
    assert_true(is_subscribed(&scene, peer, OWN_TOPIC));
    const Gossipsub__RPC *sent = scene_sent(&scene, peer);
    assert_true(sent != NULL && sent->control != NULL && sent->control->n_graft == 1);
    /* One that we publish to, and are not subscribed to, is ours as well. */
    assert_false(is_subscribed(&scene, peer, topic_named(299)));
    assert_int_equal(scene_publish(&scene, topic_named(299), bytes_of_text("x")), 1);
    /* What it left meanwhile is not. */
    write_topics(&scene, 298, 1, false);
    scene_say(&scene, peer);
    assert_int_equal(scene_publish(&scene, topic_named(298), bytes_of_text("y")), 0);
    scene_clear(&scene);
}

static void who_comes_late_is_learned_when_there_is_room(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer other = join(&scene, "other"), peer = join(&scene, "a");
    write_topics(&scene, 128, 10, true);
    scene_say(&scene, other);
    write_topics(&scene, 0, 140, true);
    scene_say(&scene, peer);
    scene_heartbeat(&scene);
    assert_int_equal(count_kept(&scene, peer, 140), 128);
    write_topics(&scene, 0, 20, false);
    scene_say(&scene, peer);
    scene_heartbeat(&scene);
    /* Those whose names the other has told; of the last two nobody has. */
    assert_int_equal(count_kept(&scene, peer, 140), 118);
    assert_int_equal(gossipsub_peer_not_kept(scene.router, peer), 2);
    write_topics(&scene, 138, 2, true);
    scene_say(&scene, other);
    scene_heartbeat(&scene);
    assert_int_equal(count_kept(&scene, peer, 140), 120);
    assert_int_equal(gossipsub_peer_not_kept(scene.router, peer), 0);
    scene_clear(&scene);
}

static void peers_together_leave_room_for_ours(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    for (unsigned i = 0; i < 10; i++) {
        gossipsub_peer peer = join(&scene, topic_named(i));
        write_topics(&scene, 128 * i, 128, true);
        scene_say(&scene, peer);
    }
    assert_true(scene_statistics(&scene).subscriptions_not_kept > 0);
    for (unsigned i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof(name), "ours %u", i);
        scene_subscribe(&scene, name);
    }
    scene_clear(&scene);
}

/* With each of them ours, all can come, go and come again. */
static void many_topics_of_ours_may_come_and_go(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, false);
    for (unsigned i = 0; i < 900; i++)
        scene_subscribe(&scene, topic_named(i));
    gossipsub_peer peer = join(&scene, "a");
    for (int i = 0; i < 3; i++) {
        write_topics(&scene, 0, 900, i != 1);
        scene_say(&scene, peer);
        assert_null(scene_find(&scene, GOSSIPSUB_DROP_PEER, peer));
    }
    assert_int_equal(count_kept(&scene, peer, 900), 900);
    scene_clear(&scene);
}

/* ---- ids ---- */

typedef uint8_t message_id[GOSSIPSUB_MESSAGE_ID_SIZE];

static size_t ids_asked(struct scene *scene, gossipsub_peer peer)
{
    const Gossipsub__RPC *sent = scene_sent(scene, peer);
    size_t count = 0;
    for (size_t i = 0; sent != NULL && sent->control != NULL && i < sent->control->n_iwant; i++)
        count += sent->control->iwant[i]->n_message_ids;
    return count;
}

static size_t offer(struct scene *scene, gossipsub_peer peer, size_t times)
{
    const message_id ids[2] = {{1}, {1}};
    for (size_t i = 0; i < times; i++)
        rpc_write_ihave(&scene->writer, bytes_of_text(SCENE_TOPIC), ids, 2);
    scene_say(scene, peer);
    return ids_asked(scene, peer);
}

static void one_id_offered_many_times_is_asked_for_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer a = scene_join(&scene, "a", false), b = scene_join(&scene, "b", false);
    assert_int_equal(offer(&scene, a, 100), 1);
    assert_int_equal(offer(&scene, a, 100), 0);
    assert_int_equal(offer(&scene, b, 100), 0);
    /* It was not sent: another is asked. */
    scene_heartbeat(&scene);
    assert_int_equal(offer(&scene, b, 100), 1);
    assert_int_equal(offer(&scene, a, 100), 0);
    scene_clear(&scene);
}

static void it_is_so_with_one_who_breaks_promises(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer a = scene_join(&scene, "a", false), b = scene_join(&scene, "b", false);
    offer(&scene, a, 1);
    for (int i = 0; i <= IWANT_FOLLOWUP_HEARTBEATS; i++)
        scene_heartbeat(&scene);
    assert_int_equal(offer(&scene, a, 100), 1);
    assert_int_equal(offer(&scene, a, 100), 0);
    assert_int_equal(offer(&scene, b, 100), 1);
    scene_heartbeat(&scene);
    assert_int_equal(offer(&scene, a, 100), 1);
    scene_clear(&scene);
}

static void what_a_peer_does_not_want_it_is_not_sent_for_asking(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer a = scene_join(&scene, "a", false), b = scene_join(&scene, "b", false);
    struct bytes payload = bytes_of_text("payload");
    message_id id;
    gossipsub_message_id(bytes_of_text(SCENE_TOPIC), payload, true, id);
    rpc_write_idontwant(&scene.writer, (const message_id *)&id, 1);
    scene_say(&scene, a);
    scene_publish(&scene, SCENE_TOPIC, payload);
    rpc_write_iwant(&scene.writer, (const message_id *)&id, 1);
    scene_say(&scene, a);
    assert_null(scene_sent(&scene, a));
    rpc_write_iwant(&scene.writer, (const message_id *)&id, 1);
    scene_say(&scene, b);
    const Gossipsub__RPC *sent = scene_sent(&scene, b);
    assert_true(sent != NULL && sent->n_publish == 1);
    scene_clear(&scene);
}

/* ---- what is on the wire ---- */

static bool say_hex(struct scene *scene, gossipsub_peer peer, const char *hex)
{
    struct buffer rpc = {0};
    assert_true(hex_read(hex, &rpc));
    gossipsub_actions_reset(&scene->actions);
    bool taken = gossipsub_rpc_received(scene->router, scene->now, peer, buffer_bytes(&rpc),
                                        &scene->actions);
    buffer_clear(&rpc);
    return taken;
}

/* Each says that the peer is subscribed to "a"; where it does not, it is malformed. */
static void unknown_groups_are_skipped_at_any_depth(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool subscribed;
    } cases[] = {
        {"0a05080112016153", false},  /* a key alone */
        {"0a0508011201615354", true}, /* an empty group, behind */
        {"53540a050801120161", true}, /* before */
        {"53080109000000000000000054"
         "0a050801120161",
         true}, /* with a varint and eight bytes in it */
        {"530a0361626325000000005b5c540a050801120161", true}, /* bytes, four bytes, a group in it */
        {"0a070801535412 0161", true},                        /* in a subscription */
        {"530a0a050801120161", false},                        /* no end */
        {"535c0a050801120161", false},                        /* the end of another */
        {"540a050801120161", false},                          /* an end alone */
        {"530aff540a050801120161", false},                    /* bytes beyond what is there */
        {"5306540a050801120161", false},                      /* no such type */
        {"0a0508011201611a0253 54", true},                    /* in control */
        {"0a0508011201611a041a025354", true},                 /* in a GRAFT */
        {"0a0508011201611a041a02535c", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct scene scene;
        scene_init(&scene, true);
        gossipsub_peer peer = join(&scene, "a");
        char hex[128];
        size_t length = 0;
        for (const char *at = cases[i].hex; *at != '\0'; at++)
            if (*at != ' ')
                hex[length++] = *at;
        hex[length] = '\0';
        if (say_hex(&scene, peer, hex) != cases[i].subscribed ||
            is_subscribed(&scene, peer, "a") != cases[i].subscribed)
            fail_msg("%s", cases[i].hex);
        scene_clear(&scene);
    }
}

/* Without end and deep as they come. */
static void groups_in_groups_have_a_limit(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = join(&scene, "a");
    char hex[400];
    for (unsigned depth = 63; depth < 70; depth++) {
        memset(hex, 0, sizeof(hex));
        for (unsigned i = 0; i < depth; i++) {
            memcpy(hex + 2 * i, "53", 2);
            memcpy(hex + 2 * (2 * depth - 1 - i), "54", 2);
        }
        assert_int_equal(say_hex(&scene, peer, hex), depth <= 64);
    }
    scene_clear(&scene);
}

static void a_malformed_rpc_does_not_cost_the_peer(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join(&scene, "a", false);
    scene_say_graft(&scene, peer, SCENE_TOPIC);
    for (uint64_t i = 1; i <= 10; i++) {
        assert_false(say_hex(&scene, peer, "ff"));
        assert_int_equal(scene.actions.count, 0);
        assert_true(scene_in_mesh(&scene, peer));
        assert_int_equal(scene_statistics(&scene).rpcs_malformed, i);
    }
    /* But a flood of them does. */
    assert_false(say_hex(&scene, peer, "ff"));
    assert_non_null(scene_find(&scene, GOSSIPSUB_DROP_PEER, peer));
    scene_clear(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_topic_has_room_behind_any_number_of_others),
        cmocka_unit_test(a_graft_of_one_with_many_topics_is_answered),
        cmocka_unit_test(what_was_not_kept_is_known_once_it_is_ours),
        cmocka_unit_test(who_comes_late_is_learned_when_there_is_room),
        cmocka_unit_test(peers_together_leave_room_for_ours),
        cmocka_unit_test(many_topics_of_ours_may_come_and_go),
        cmocka_unit_test(one_id_offered_many_times_is_asked_for_once),
        cmocka_unit_test(it_is_so_with_one_who_breaks_promises),
        cmocka_unit_test(what_a_peer_does_not_want_it_is_not_sent_for_asking),
        cmocka_unit_test(unknown_groups_are_skipped_at_any_depth),
        cmocka_unit_test(groups_in_groups_have_a_limit),
        cmocka_unit_test(a_malformed_rpc_does_not_cost_the_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
