/* Messages: published, forwarded, delivered, offered and asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/varint.h"
#include "net/gossipsub/cache.h"
#include "net/gossipsub/id_set.h"
#include "net/gossipsub/internal.h"
#include "net/gossipsub/message_id.h"
#include "net/gossipsub/payload.h"
#include "tests/unit/gossip_scene.h"
#include "tests/unit/rpc_ids.h"
#include "tests/unit/rpc_whole.h"
#include "tests/unit/support.h"

typedef uint8_t message_id[GOSSIPSUB_MESSAGE_ID_SIZE];

static void id_of(const char *payload, message_id id)
{
    gossipsub_message_id(bytes_of_text(SCENE_TOPIC), bytes_of_text(payload), true, id);
}

static void say_text(struct scene *scene, gossipsub_peer peer, const char *payload)
{
    scene_say_message(scene, peer, SCENE_TOPIC, bytes_of_text(payload));
}

/* 4 KiB that compression leaves above 1 KiB. */
static struct bytes large_payload(uint8_t bytes[4096])
{
    uint32_t value = 1;
    for (size_t i = 0; i < 4096; i++) {
        value = value * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(value >> 24);
    }
    return bytes_of(bytes, 4096);
}

/* ---- forwarding ---- */

static void a_message_is_delivered_and_forwarded_to_all_but_its_sender(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer sender = scene_join_many(&scene, 4, false);
    say_text(&scene, sender, "hello");
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 3);
    assert_null(scene_find(&scene, GOSSIPSUB_SEND, sender));
    const struct gossipsub_action *delivered = scene_find(&scene, GOSSIPSUB_DELIVER, sender);
    assert_true(bytes_equal(chunk_bytes(delivered->payload), bytes_of_text("hello")));
    message_id id;
    id_of("hello", id);
    assert_memory_equal(delivered->id, id, sizeof(id));
    scene_clear(&scene);
}

static void one_encoding_goes_to_all_peers(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer sender = scene_join_many(&scene, 4, false);
    say_text(&scene, sender, "hello");
    const struct chunk *first = scene_find(&scene, GOSSIPSUB_SEND, sender - 1)->rpc;
    assert_ptr_equal(first, scene_find(&scene, GOSSIPSUB_SEND, sender - 2)->rpc);
    assert_int_equal(first->references, 4); /* three actions and the cache */
    scene_clear(&scene);
}

static void a_duplicate_goes_nowhere_until_it_is_forgotten(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 3, false);
    say_text(&scene, peer, "hello");
    say_text(&scene, peer - 1, "hello");
    assert_int_equal(scene.actions.count, 0);
    assert_int_equal(scene_statistics(&scene).duplicates, 1);
    scene.now += 24000;
    say_text(&scene, peer - 1, "hello");
    assert_int_equal(scene_count(&scene, GOSSIPSUB_DELIVER), 1);
    scene_clear(&scene);
}

static void messages_of_topics_that_are_not_ours_are_ignored(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 3, false);
    scene_say_message(&scene, peer, "another", bytes_of_text("hello"));
    assert_int_equal(scene.actions.count, 0);
    scene_clear(&scene);
}

/* And nothing else came of it. */
static void check_rejected(const struct scene *scene, enum gossipsub_refusal refusal)
{
    assert_int_equal(scene->actions.count, 1);
    assert_int_equal(scene->actions.items[0].kind, GOSSIPSUB_REJECTED);
    assert_int_equal(scene->actions.items[0].refusal, refusal);
}

static void a_signed_message_is_rejected(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 3, false);
    struct buffer data = {0};
    payload_compress(bytes_of_text("hello"), &data);
    for (size_t i = 0; i < 4; i++) {
        Gossipsub__Message message = GOSSIPSUB__MESSAGE__INIT;
        message.has_topic = message.has_data = true;
        message.topic = (ProtobufCBinaryData){strlen(SCENE_TOPIC), (uint8_t *)SCENE_TOPIC};
        message.data = (ProtobufCBinaryData){data.size, data.data};
        message.has_from = i == 0;
        message.has_seqno = i == 1;
        message.has_signature = i == 2;
        message.has_key = i == 3;
        Gossipsub__RPC rpc = GOSSIPSUB__RPC__INIT;
        rpc.n_publish = 1;
        rpc.publish = &(Gossipsub__Message *){&message};
        uint8_t bytes[256];
        scene_say_bytes(&scene, peer, bytes_of(bytes, gossipsub__rpc__pack(&rpc, bytes)));
        check_rejected(&scene, GOSSIPSUB_REFUSED_SIGNED);
        assert_int_equal(scene_statistics(&scene).invalid, i + 1);
    }
    buffer_clear(&data);
    scene_clear(&scene);
}

static void say_data(struct scene *scene, gossipsub_peer peer, struct bytes data)
{
    struct chunk *rpc = rpc_encode_message(bytes_of_text(SCENE_TOPIC), data);
    scene_say_bytes(scene, peer, scene_without_length(rpc));
    chunk_unref(rpc);
}

static void data_that_is_no_snappy_block_is_counted_and_dropped(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 3, false);
    say_data(&scene, peer, bytes_of("\xde\xad\xbe\xef", 4));
    check_rejected(&scene, GOSSIPSUB_REFUSED_SNAPPY);
    say_data(&scene, peer, bytes_of(NULL, 0));
    check_rejected(&scene, GOSSIPSUB_REFUSED_SNAPPY);
    assert_int_equal(scene_statistics(&scene).invalid, 2);
    scene_clear(&scene);
}

static void a_snappy_block_cannot_announce_more_than_it_can_hold(void **state)
{
    (void)state;
    uint8_t block[64] = {0};
    varint_write(PAYLOAD_SIZE_MAX, block);
    assert_null(payload_decompress(bytes_of(block, sizeof(block))));
    size_t prefix = varint_write(UINT32_MAX, block);
    assert_null(payload_decompress(bytes_of(block, sizeof(block))));
    assert_null(payload_decompress(bytes_of(block, prefix)));
    /* The most that a block can be worth: runs of one byte. */
    struct buffer data = {0};
    struct chunk *zeros = chunk_new_empty(PAYLOAD_SIZE_MAX);
    payload_compress(chunk_bytes(zeros), &data);
    struct chunk *again = payload_decompress(buffer_bytes(&data));
    assert_non_null(again);
    assert_int_equal(again->size, PAYLOAD_SIZE_MAX);
    chunk_unref(again);
    chunk_unref(zeros);
    buffer_clear(&data);
}

static enum gossipsub_verdict verdict_by_text(void *context, const char *topic,
                                              struct bytes payload, bool valid_snappy)
{
    (*(size_t *)context)++;
    assert_string_equal(topic, SCENE_TOPIC);
    assert_true(valid_snappy);
    if (bytes_equal(payload, bytes_of_text("good")))
        return GOSSIPSUB_ACCEPT;
    return bytes_equal(payload, bytes_of_text("bad")) ? GOSSIPSUB_REJECT : GOSSIPSUB_IGNORE;
}

static void the_validator_decides_what_is_passed_on(void **state)
{
    (void)state;
    struct scene scene;
    size_t asked = 0;
    scene_init(&scene, true);
    gossipsub_set_validator(scene.router, verdict_by_text, &asked);
    gossipsub_peer peer = scene_join_many(&scene, 3, false);
    say_text(&scene, peer, "good");
    assert_int_equal(scene.actions.count, 3);
    say_text(&scene, peer, "bad");
    say_text(&scene, peer, "bad");
    assert_int_equal(scene.actions.count, 0);
    say_text(&scene, peer, "neither");
    assert_int_equal(scene.actions.count, 0);
    assert_int_equal(scene_statistics(&scene).invalid, 1);
    assert_int_equal(asked, 3);
    scene_clear(&scene);
}

static void a_direct_peer_is_sent_what_the_mesh_is_sent(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer direct = scene_join(&scene, "direct", true);
    gossipsub_peer_set_direct(scene.router, scene.now, direct, true, &scene.actions);
    gossipsub_peer peer = scene_join_many(&scene, 2, false);
    say_text(&scene, peer, "hello");
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 2);
    assert_int_equal(scene_sent(&scene, direct)->n_publish, 1);
    say_text(&scene, direct, "from the direct peer");
    assert_null(scene_sent(&scene, direct));
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, bytes_of_text("published")), 3);
    scene_clear(&scene);
}

/* ---- publishing ---- */

static void a_published_message_goes_to_the_mesh_and_is_not_taken_back(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 10, false);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, bytes_of_text("hello")), 6);
    say_text(&scene, peer, "hello");
    assert_int_equal(scene.actions.count, 0);
    scene_clear(&scene);
}

static void a_mesh_that_is_being_built_is_made_up_for_when_publishing(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 3, false);
    for (gossipsub_peer i = 0; i < 3; i++)
        scene_say_prune(&scene, peer - i, SCENE_TOPIC, 60);
    assert_int_equal(scene_mesh_size(&scene), 0);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, bytes_of_text("hello")), 3);
    scene_clear(&scene);
}

static void what_was_published_or_is_too_large_is_refused(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    scene_publish(&scene, SCENE_TOPIC, bytes_of_text("hello"));
    message_id id;
    size_t receivers;
    struct error error;
    assert_false(gossipsub_publish(scene.router, scene.now, SCENE_TOPIC, bytes_of_text("hello"), id,
                                   &receivers, &scene.actions, &error));
    struct chunk *large = chunk_new_empty(PAYLOAD_SIZE_MAX + 1);
    assert_false(gossipsub_publish(scene.router, scene.now, SCENE_TOPIC, chunk_bytes(large), id,
                                   &receivers, &scene.actions, &error));
    assert_false(gossipsub_publish(scene.router, scene.now, "", bytes_of_text("x"), id, &receivers,
                                   &scene.actions, &error));
    chunk_unref(large);
    scene_clear(&scene);
}

static void flood_publish_reaches_every_subscriber(void **state)
{
    (void)state;
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    parameters.flood_publish = true;
    struct scene scene;
    scene_init_with(&scene, &parameters);
    scene_subscribe(&scene, SCENE_TOPIC);
    scene_join_many(&scene, 20, false);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, bytes_of_text("hello")), 20);
    scene_clear(&scene);
}

static size_t fanout_size(const struct scene *scene)
{
    size_t size = 0;
    for (gossipsub_peer peer = 0; peer < 100; peer++)
        size += gossipsub_in_fanout(scene->router, peer, 0);
    return size;
}

static void fanout_stays_the_same_and_ends_when_it_is_not_used(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, false);
    scene_join_many(&scene, 20, false);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, bytes_of_text("first")), 8);
    assert_int_equal(scene_publish(&scene, SCENE_TOPIC, bytes_of_text("second")), 8);
    for (gossipsub_peer peer = 0; peer < 20; peer++)
        assert_int_equal(scene_find(&scene, GOSSIPSUB_SEND, peer) != NULL,
                         gossipsub_in_fanout(scene.router, peer, 0));
    scene.now += 59000;
    scene_heartbeat(&scene);
    assert_int_equal(fanout_size(&scene), 8);
    scene_heartbeat(&scene);
    assert_int_equal(fanout_size(&scene), 0);
    scene_clear(&scene);
}

static void fanout_becomes_the_mesh_on_subscribing(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, false);
    scene_join_many(&scene, 20, false);
    scene_publish(&scene, SCENE_TOPIC, bytes_of_text("first"));
    bool before[20];
    for (gossipsub_peer peer = 0; peer < 20; peer++)
        before[peer] = gossipsub_in_fanout(scene.router, peer, 0);
    scene_subscribe(&scene, SCENE_TOPIC);
    for (gossipsub_peer peer = 0; peer < 20; peer++)
        assert_int_equal(scene_in_mesh(&scene, peer), before[peer]);
    assert_int_equal(fanout_size(&scene), 0);
    scene_clear(&scene);
}

/* ---- IHAVE and IWANT ---- */

static void messages_are_offered_outside_the_mesh_for_three_heartbeats(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer first = scene_join_many(&scene, 20, false) - 19;
    say_text(&scene, first, "hello");
    message_id id;
    id_of("hello", id);
    for (size_t heartbeat = 0; heartbeat < 4; heartbeat++) {
        scene_heartbeat(&scene);
        assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), heartbeat < 3 ? 6 : 0);
        for (gossipsub_peer peer = first; peer < first + 20; peer++) {
            const struct gossipsub_action *action = scene_find(&scene, GOSSIPSUB_SEND, peer);
            if (action == NULL)
                continue;
            assert_false(scene_in_mesh(&scene, peer));
            assert_int_equal(action->priority, GOSSIPSUB_GOSSIP);
            const Gossipsub__ControlIHave *ihave = scene_sent(&scene, peer)->control->ihave[0];
            assert_int_equal(ihave->n_message_ids, 1);
            assert_memory_equal(ihave->message_ids[0].data, id, sizeof(id));
        }
    }
    scene_clear(&scene);
}

static void say_iwant(struct scene *scene, gossipsub_peer peer, const char *payload)
{
    message_id id;
    id_of(payload, id);
    rpc_write_iwant(&scene->writer, (const void *)id, 1);
    scene_say(scene, peer);
}

static void a_message_is_served_three_times_to_a_peer(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 8, false);
    scene_publish(&scene, SCENE_TOPIC, bytes_of_text("hello"));
    for (size_t i = 0; i < 5; i++) {
        say_iwant(&scene, peer, "hello");
        assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), i < 3);
    }
    say_iwant(&scene, peer - 1, "hello");
    assert_int_equal(scene_sent(&scene, peer - 1)->n_publish, 1);
    say_iwant(&scene, peer - 1, "unknown");
    assert_int_equal(scene.actions.count, 0);
    scene_clear(&scene);
}

static void a_message_is_served_for_six_heartbeats(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 8, false);
    scene_publish(&scene, SCENE_TOPIC, bytes_of_text("hello"));
    for (size_t i = 0; i < 5; i++)
        scene_heartbeat(&scene);
    say_iwant(&scene, peer, "hello");
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 1);
    scene_heartbeat(&scene);
    say_iwant(&scene, peer, "hello");
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 0);
    assert_int_equal(scene_statistics(&scene).cached_bytes, 0);
    scene_clear(&scene);
}

static void what_was_offered_is_asked_of_one_peer_at_a_time(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 2, false);
    message_id id;
    id_of("hello", id);
    for (size_t i = 0; i < 2; i++) {
        rpc_write_ihave(&scene.writer, bytes_of_text(SCENE_TOPIC), (const void *)id, 1);
        scene_say(&scene, peer - (gossipsub_peer)i);
        assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), i == 0);
    }
    scene_heartbeat(&scene);
    rpc_write_ihave(&scene.writer, bytes_of_text(SCENE_TOPIC), (const void *)id, 1);
    scene_say(&scene, peer - 1);
    assert_int_equal(scene_sent(&scene, peer - 1)->control->iwant[0]->n_message_ids, 1);
    scene_clear(&scene);
}

static void write_many_ids(struct scene *scene, size_t count)
{
    enum { PART = 500 };
    message_id *ids = calloc(PART, sizeof(*ids));
    for (size_t i = 0; i < count; i += PART) {
        for (size_t k = 0; k < PART; k++) {
            size_t value = i + k;
            memcpy(ids[k], &value, sizeof(value));
        }
        rpc_write_ihave(&scene->writer, bytes_of_text(SCENE_TOPIC), (const void *)ids, PART);
    }
    free(ids);
}

static void of_ten_thousand_offered_ids_half_are_asked_for_in_small_rpcs(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 2, false);
    write_many_ids(&scene, 10000);
    scene_say(&scene, peer);
    size_t asked = 0;
    for (size_t i = 0; i < scene.actions.count; i++) {
        assert_int_equal(scene.actions.items[i].kind, GOSSIPSUB_SEND);
        struct bytes bytes = scene_without_length(scene.actions.items[i].rpc);
        assert_in_range(bytes.size, 1, RPC_CONTROL_SIZE_MAX);
        asked += rpc_whole(bytes, &scene.arena)->control->iwant[0]->n_message_ids;
    }
    assert_int_equal(asked, 5000);
    write_many_ids(&scene, 500);
    scene_say(&scene, peer);
    assert_int_equal(scene.actions.count, 0);
    scene_clear(&scene);
}

/* ---- IDONTWANT ---- */

static void a_large_message_is_declined_before_it_is_forwarded(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer new = scene_join_many(&scene, 2, false);
    gossipsub_peer old = scene_add(&scene, "old", false);
    scene_open(&scene, old, GOSSIPSUB_1_1);
    scene_say_subscribe(&scene, old, SCENE_TOPIC);
    uint8_t payload[4096];
    scene_say_message(&scene, new - 1, SCENE_TOPIC, large_payload(payload));
    assert_int_equal(scene_count(&scene, GOSSIPSUB_SEND), 3);
    assert_int_equal(scene.actions.items[0].peer, new);
    assert_int_equal(scene_sent(&scene, new)->control->n_idontwant, 1);
    assert_int_equal(scene_sent(&scene, old)->n_publish, 1);
    assert_null(scene_sent(&scene, old)->control);
    scene_clear(&scene);
}

static void what_a_peer_declined_is_not_sent_to_it_for_a_while(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 3, false);
    message_id id;
    id_of("hello", id);
    rpc_write_idontwant(&scene.writer, (const void *)id, 1);
    scene_say(&scene, peer);
    say_text(&scene, peer - 1, "hello");
    assert_null(scene_find(&scene, GOSSIPSUB_SEND, peer));
    assert_non_null(scene_find(&scene, GOSSIPSUB_SEND, peer - 2));
    for (size_t i = 0; i < 3; i++)
        scene_heartbeat(&scene);
    scene.now += 24000;
    say_text(&scene, peer - 1, "hello");
    assert_non_null(scene_find(&scene, GOSSIPSUB_SEND, peer));
    scene_clear(&scene);
}

/* ---- what no honest peer sends ---- */

static void a_peer_of_many_malformed_rpcs_is_dropped_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 3, false);
    for (int i = 0; i < OFFENCE_POINTS_MAX / OFFENCE_MALFORMED_RPC; i++) {
        scene_say_bytes(&scene, peer, bytes_of("\x0a\x7f", 2));
        assert_int_equal(scene.actions.count, 0);
    }
    scene_say_bytes(&scene, peer, bytes_of("\x0a\x7f", 2));
    assert_int_equal(scene.actions.count, 2);
    assert_non_null(scene_find(&scene, GOSSIPSUB_PRUNED, peer));
    assert_non_null(scene_find(&scene, GOSSIPSUB_DROP_PEER, peer)->reason);
    scene_say_bytes(&scene, peer, bytes_of("\x0a\x7f", 2));
    assert_int_equal(scene.actions.count, 0);
    say_text(&scene, peer - 1, "hello");
    assert_null(scene_find(&scene, GOSSIPSUB_SEND, peer));
    assert_non_null(scene_find(&scene, GOSSIPSUB_SEND, peer - 2));
    scene_clear(&scene);
}

static void a_short_rpc_cannot_take_much_memory(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 1, false);
    /* Empty subscriptions: two bytes each on the wire, some hundred once decoded. */
    struct chunk *rpc = chunk_new_empty(1024 * 1024);
    for (size_t i = 0; i < rpc->size; i += 2)
        rpc->data[i] = 0x0a;
    scene_say_bytes(&scene, peer, chunk_bytes(rpc));
    assert_int_equal(scene_statistics(&scene).rpcs_malformed, 1);
    chunk_unref(rpc);
    scene_clear(&scene);
}

static void an_rpc_of_the_limit_plus_one_drops_the_peer(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 1, false);
    struct chunk *rpc = chunk_new_empty(GOSSIPSUB_RPC_SIZE_MAX + 1);
    scene_say_bytes(&scene, peer, chunk_bytes(rpc));
    assert_int_equal(scene_count(&scene, GOSSIPSUB_DROP_PEER), 1);
    chunk_unref(rpc);
    scene_clear(&scene);
}

static void fields_of_later_versions_are_skipped(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, true);
    gossipsub_peer peer = scene_join_many(&scene, 1, false);
    /* control { extensions (6) { 1: 1 } }, partial (10) { }, testExtension (6492434) { } */
    const uint8_t rpc[] = {0x1a, 0x04, 0x32, 0x02, 0x08, 0x01, 0x52,
                           0x00, 0x92, 0x91, 0xe2, 0x18, 0x00};
    scene_say_bytes(&scene, peer, bytes_of(rpc, sizeof(rpc)));
    assert_int_equal(scene.actions.count, 0);
    scene_clear(&scene);
}

/* ---- the caches ---- */

static void the_message_cache_holds_so_many_bytes(void **state)
{
    (void)state;
    struct message_cache cache = {0};
    enum { OUR_COST_MAX = 512 }; /* of holding a message, beside its bytes */
    struct chunk *rpc = chunk_new_empty(MESSAGE_CACHE_BYTES_MAX / 4 - OUR_COST_MAX);
    message_id id = {0};
    for (uint8_t i = 0; i < 10; i++) {
        id[0] = i;
        message_cache_put(&cache, id, 0, rpc, chunk_bytes(rpc));
        message_cache_put(&cache, id, 0, rpc, chunk_bytes(rpc));
    }
    assert_int_equal(message_cache_count(&cache), 4);
    assert_in_range(cache.bytes, 4 * rpc->size, MESSAGE_CACHE_BYTES_MAX);
    assert_non_null(message_cache_serve(&cache, id, 1));
    message_cache_clear(&cache);
    assert_int_equal(rpc->references, 1);
    chunk_unref(rpc);
}

static void the_message_cache_knows_data_byte_by_byte(void **state)
{
    (void)state;
    struct message_cache cache = {0};
    message_id id = {0};
    uint8_t data[1000] = {0};
    struct chunk *rpc = rpc_encode_message(bytes_of_text("t"), bytes_of(data, sizeof(data)));
    struct bytes stored = rpc_message_data(rpc, bytes_of_text("t"), sizeof(data));
    message_cache_put(&cache, id, 7, rpc, stored);
    assert_non_null(message_cache_find_data(&cache, 7, bytes_of(data, sizeof(data))));
    assert_null(message_cache_find_data(&cache, 8, bytes_of(data, sizeof(data))));
    assert_null(message_cache_find_data(&cache, 7, bytes_of(data, sizeof(data) - 1)));
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = 1;
        assert_null(message_cache_find_data(&cache, 7, bytes_of(data, sizeof(data))));
        data[i] = 0;
    }
    message_cache_clear(&cache);
    chunk_unref(rpc);
}

static void an_id_set_forgets_the_oldest_first(void **state)
{
    (void)state;
    struct id_set set;
    id_set_init(&set, 100, 3);
    message_id id = {0};
    for (uint8_t i = 0; i < 5; i++) {
        id[0] = i;
        assert_true(id_set_add(&set, i, id));
        assert_false(id_set_add(&set, i, id));
    }
    assert_int_equal(id_set_count(&set), 3);
    id[0] = 1;
    assert_false(id_set_has(&set, 5, id));
    id[0] = 2;
    assert_true(id_set_has(&set, 101, id));
    assert_false(id_set_has(&set, 102, id));
    id_set_expire(&set, 103);
    assert_int_equal(id_set_count(&set), 1);
    id_set_clear(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_delivered_and_forwarded_to_all_but_its_sender),
        cmocka_unit_test(one_encoding_goes_to_all_peers),
        cmocka_unit_test(a_duplicate_goes_nowhere_until_it_is_forgotten),
        cmocka_unit_test(messages_of_topics_that_are_not_ours_are_ignored),
        cmocka_unit_test(a_signed_message_is_rejected),
        cmocka_unit_test(data_that_is_no_snappy_block_is_counted_and_dropped),
        cmocka_unit_test(a_snappy_block_cannot_announce_more_than_it_can_hold),
        cmocka_unit_test(the_validator_decides_what_is_passed_on),
        cmocka_unit_test(a_direct_peer_is_sent_what_the_mesh_is_sent),
        cmocka_unit_test(a_published_message_goes_to_the_mesh_and_is_not_taken_back),
        cmocka_unit_test(a_mesh_that_is_being_built_is_made_up_for_when_publishing),
        cmocka_unit_test(what_was_published_or_is_too_large_is_refused),
        cmocka_unit_test(flood_publish_reaches_every_subscriber),
        cmocka_unit_test(fanout_stays_the_same_and_ends_when_it_is_not_used),
        cmocka_unit_test(fanout_becomes_the_mesh_on_subscribing),
        cmocka_unit_test(messages_are_offered_outside_the_mesh_for_three_heartbeats),
        cmocka_unit_test(a_message_is_served_three_times_to_a_peer),
        cmocka_unit_test(a_message_is_served_for_six_heartbeats),
        cmocka_unit_test(what_was_offered_is_asked_of_one_peer_at_a_time),
        cmocka_unit_test(of_ten_thousand_offered_ids_half_are_asked_for_in_small_rpcs),
        cmocka_unit_test(a_large_message_is_declined_before_it_is_forwarded),
        cmocka_unit_test(what_a_peer_declined_is_not_sent_to_it_for_a_while),
        cmocka_unit_test(a_peer_of_many_malformed_rpcs_is_dropped_once),
        cmocka_unit_test(a_short_rpc_cannot_take_much_memory),
        cmocka_unit_test(an_rpc_of_the_limit_plus_one_drops_the_peer),
        cmocka_unit_test(fields_of_later_versions_are_skipped),
        cmocka_unit_test(the_message_cache_holds_so_many_bytes),
        cmocka_unit_test(the_message_cache_knows_data_byte_by_byte),
        cmocka_unit_test(an_id_set_forgets_the_oldest_first),
    };
    return cmocka_run_group_tests_name("gossipsub messages", tests, NULL, NULL);
}
