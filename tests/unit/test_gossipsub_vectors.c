/* The reference's conformance vectors for gossip: ids, topics, RPCs, and what a router answers. */
#include <stdio.h>
#include <stdlib.h>

#include "common/hex.h"
#include "common/varint.h"
#include "net/gossipsub/internal.h"
#include "net/gossipsub/lean_topic.h"
#include "net/gossipsub/message_id.h"
#include "tests/unit/support.h"
#include "tests/unit/vectors.h"

static void message_ids_are_those_of_the_vectors(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("gossip_message_id.json");
    size_t i;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        json_t *input = json_object_get(vector, "input");
        struct buffer topic = vector_bytes(input, "topic");
        struct buffer data = vector_bytes(input, "data");
        struct buffer domain = vector_bytes(input, "domain");
        struct buffer expected = vector_bytes(json_object_get(vector, "output"), "messageId");
        uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
        gossipsub_message_id(buffer_bytes(&topic), buffer_bytes(&data), domain.data[0] == 1, id);
        assert_true(bytes_equal(bytes_of(id, sizeof(id)), buffer_bytes(&expected)));
        buffer_clear(&topic);
        buffer_clear(&data);
        buffer_clear(&domain);
        buffer_clear(&expected);
    }
    json_decref(vectors);
}

static void topics_are_those_of_the_vectors(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("gossip_topic.json");
    size_t i;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        json_t *input = json_object_get(vector, "input"),
               *output = json_object_get(vector, "output");
        json_t *subnet = json_object_get(input, "subnetId");
        char name[64], topic[GOSSIPSUB_TOPIC_SIZE_MAX + 1];
        snprintf(name, sizeof(name), "%s", vector_text(input, "topicKind"));
        if (subnet != NULL)
            snprintf(name, sizeof(name), "%s_%d", vector_text(input, "topicKind"),
                     (int)json_integer_value(subnet));
        assert_true(lean_topic_write(vector_text(input, "networkName"), name, topic, NULL));
        assert_string_equal(topic, vector_text(output, "topicString"));
        struct bytes network, kind;
        assert_true(lean_topic_read(topic, &network, &kind));
        assert_true(bytes_equal(kind, bytes_of_text(name)));
        if (json_object_get(output, "forkValid") == NULL)
            continue;
        struct bytes expected = bytes_of_text(vector_text(input, "expectedNetworkName"));
        assert_int_equal(bytes_equal(network, expected),
                         json_is_true(json_object_get(output, "forkValid")));
    }
    json_decref(vectors);
}

/* ---- RPCs ---- */

static struct bytes json_topic(const json_t *object, const char *key)
{
    return bytes_of_text(vector_text(object, key));
}

static size_t json_ids(const json_t *entry, uint8_t (*ids)[GOSSIPSUB_MESSAGE_ID_SIZE])
{
    size_t i;
    json_t *text;
    json_array_foreach(json_object_get(entry, "messageIds"), i, text)
    {
        struct buffer id = {0};
        assert_true(hex_read(json_string_value(text), &id));
        assert_int_equal(id.size, GOSSIPSUB_MESSAGE_ID_SIZE);
        memcpy(ids[i], id.data, id.size);
        buffer_clear(&id);
    }
    return i;
}

static void write_gossip(struct rpc_writer *writer, const json_t *control)
{
    uint8_t ids[8][GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(control, "ihave"), i, entry) rpc_write_ihave(
        writer, json_topic(entry, "topicId"), (const void *)ids, json_ids(entry, ids));
    json_array_foreach(json_object_get(control, "iwant"), i, entry)
        rpc_write_iwant(writer, (const void *)ids, json_ids(entry, ids));
    json_array_foreach(json_object_get(control, "idontwant"), i, entry)
        rpc_write_idontwant(writer, (const void *)ids, json_ids(entry, ids));
}

/* What our encoder makes of the JSON form of an RPC, its length before it. */
static struct chunk *encode(const json_t *rpc)
{
    struct rpc_writer writer = {0};
    size_t i;
    json_t *entry, *control = json_object_get(rpc, "control");
    json_array_foreach(json_object_get(rpc, "subscriptions"), i, entry) rpc_write_subscription(
        &writer, json_topic(entry, "topicId"), json_is_true(json_object_get(entry, "subscribe")));
    json_array_foreach(json_object_get(control, "graft"), i, entry)
        rpc_write_graft(&writer, json_topic(entry, "topicId"));
    json_array_foreach(json_object_get(control, "prune"), i, entry)
        rpc_write_prune(&writer, json_topic(entry, "topicId"),
                        (uint64_t)json_integer_value(json_object_get(entry, "backoff")));
    write_gossip(&writer, control);
    json_array_foreach(json_object_get(rpc, "publish"), i, entry)
    {
        struct buffer data = {0};
        if (json_object_get(entry, "data") != NULL)
            data = vector_bytes(entry, "data");
        struct chunk *message = rpc_encode_message(json_topic(entry, "topic"), buffer_bytes(&data));
        buffer_clear(&data);
        rpc_writer_clear(&writer);
        return message; /* alone, in all vectors */
    }
    struct chunk *encoded = rpc_writer_finish(&writer);
    rpc_writer_clear(&writer);
    return encoded;
}

static struct bytes without_length(const struct chunk *encoded)
{
    uint64_t size;
    int prefix = varint_read(chunk_bytes(encoded), &size);
    assert_true(prefix > 0 && (size_t)prefix + size == encoded->size);
    return bytes_after(chunk_bytes(encoded), (size_t)prefix);
}

static void assert_decodes(struct bytes encoded)
{
    struct arena arena = {0};
    const Gossipsub__RPC *rpc = rpc_decode(encoded, &arena);
    assert_non_null(rpc);
    assert_int_equal(gossipsub__rpc__get_packed_size(rpc), encoded.size);
    uint8_t again[4096];
    assert_int_equal(gossipsub__rpc__pack(rpc, again), encoded.size);
    assert_memory_equal(again, encoded.data, encoded.size);
    arena_clear(&arena);
}

static void rpcs_are_encoded_and_decoded_as_the_vectors_are(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("gossipsub_rpc.json");
    size_t i;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        struct buffer expected = vector_bytes(json_object_get(vector, "output"), "encoded");
        struct chunk *encoded = encode(json_object_get(vector, "input"));
        if (!bytes_equal(without_length(encoded), buffer_bytes(&expected)))
            fail_msg("%s: encoded differently", vector_text(vector, "name"));
        if (expected.size > 0)
            assert_decodes(buffer_bytes(&expected));
        chunk_unref(encoded);
        buffer_clear(&expected);
    }
    json_decref(vectors);
}

/* ---- what a router answers ---- */

enum { HANDLER_PEERS_MAX = 8 };

struct scene {
    struct gossipsub *router;
    struct gossipsub_actions actions;
    const char *names[HANDLER_PEERS_MAX]; /* by handle */
    size_t peer_count;
};

/* The reference's router leaves it to its user whether a payload is sound. */
static enum gossipsub_verdict accept_all(void *context, const char *topic, struct bytes payload,
                                         bool valid_snappy)
{
    (void)context;
    (void)topic;
    (void)payload;
    (void)valid_snappy;
    return GOSSIPSUB_ACCEPT;
}

static struct peer *peer_named(const struct scene *scene, const char *name)
{
    for (size_t i = 0; i < scene->peer_count; i++)
        if (strcmp(scene->names[i], name) == 0)
            return router_peer(scene->router, (gossipsub_peer)i);
    fail_msg("no peer %s", name);
    return NULL;
}

static struct topic *topic_named(const struct scene *scene, const char *name)
{
    struct topic *topic = router_topic(scene->router, bytes_of_text(name));
    assert_non_null(topic);
    return topic;
}

static void set_ids(struct id_set *set, uint64_t now, const json_t *list)
{
    size_t i;
    json_t *text;
    json_array_foreach(list, i, text)
    {
        struct buffer id = {0};
        assert_true(hex_read(json_string_value(text), &id));
        id_set_add(set, now, id.data);
        buffer_clear(&id);
    }
}

static void add_peer(struct scene *scene, uint64_t now, const char *name, json_t *peer_state)
{
    gossipsub_peer handle;
    assert_true(scene->peer_count < HANDLER_PEERS_MAX);
    scene->names[scene->peer_count++] = name;
    assert_true(gossipsub_peer_added(scene->router, now, bytes_of_text(name), false, &handle));
    if (json_is_true(json_object_get(peer_state, "withStream")))
        gossipsub_stream_opened(scene->router, now, handle, GOSSIPSUB_1_2, &scene->actions);
    struct peer *peer = router_peer(scene->router, handle);
    size_t i;
    const char *key;
    json_t *value;
    router_begin(scene->router, now, &scene->actions);
    json_array_foreach(json_object_get(peer_state, "subscriptions"), i, value)
        router_add_subscriber(scene->router, peer, topic_named(scene, json_string_value(value)));
    json_object_foreach(json_object_get(peer_state, "backoff"), key, value) backoff_set(
        &scene->router->backoffs, now, peer_id_of(peer), topic_named(scene, key)->handle,
        (uint64_t)(1000 * json_number_value(value)) - now);
    set_ids(&peer->not_wanted, now, json_object_get(peer_state, "dontWantIds"));
    router_finish(scene->router);
}

static void set_scene(struct scene *scene, uint64_t now, const json_t *initial)
{
    size_t i;
    const char *key;
    json_t *value, *name;
    json_array_foreach(json_object_get(initial, "subscriptions"), i, value) assert_true(
        gossipsub_subscribe(scene->router, now, json_string_value(value), &scene->actions, NULL));
    json_object_foreach(json_object_get(initial, "peers"), key, value)
        add_peer(scene, now, key, value);
    json_object_foreach(json_object_get(initial, "meshes"), key, value)
        json_array_foreach(value, i, name) handle_set_add(
            &topic_named(scene, key)->mesh, peer_named(scene, json_string_value(name))->handle);
    set_ids(&scene->router->seen, now, json_object_get(initial, "seenMessageIds"));
    assert_int_equal(json_array_size(json_object_get(initial, "cachedMessages")), 0);
    gossipsub_actions_reset(&scene->actions);
}

static void assert_sent(const struct scene *scene, const json_t *expected)
{
    size_t count = 0, i;
    json_t *rpc;
    for (size_t a = 0; a < scene->actions.count; a++)
        count += scene->actions.items[a].kind == GOSSIPSUB_SEND;
    assert_int_equal(count, json_array_size(expected));
    json_array_foreach(expected, i, rpc)
    {
        const struct peer *peer = peer_named(scene, vector_text(rpc, "toPeer"));
        struct chunk *encoded = encode(rpc);
        bool found = false;
        for (size_t a = 0; a < scene->actions.count; a++) {
            const struct gossipsub_action *action = &scene->actions.items[a];
            found = found || (action->kind == GOSSIPSUB_SEND && action->peer == peer->handle &&
                              bytes_equal(chunk_bytes(action->rpc), chunk_bytes(encoded)));
        }
        assert_true(found);
        chunk_unref(encoded);
    }
}

static void assert_meshes(const struct scene *scene, const json_t *expected)
{
    const char *key;
    json_t *names, *name;
    size_t i;
    json_object_foreach((json_t *)expected, key, names)
    {
        const struct topic *topic = topic_named(scene, key);
        assert_int_equal(topic->mesh.count, json_array_size(names));
        json_array_foreach(names, i, name) assert_true(
            handle_set_has(&topic->mesh, peer_named(scene, json_string_value(name))->handle));
    }
}

static struct gossipsub *router_of(const json_t *params)
{
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    parameters.d = (unsigned)json_integer_value(json_object_get(params, "d"));
    parameters.d_low = (unsigned)json_integer_value(json_object_get(params, "dLow"));
    parameters.d_high = (unsigned)json_integer_value(json_object_get(params, "dHigh"));
    parameters.d_lazy = (unsigned)json_integer_value(json_object_get(params, "dLazy"));
    struct error error;
    if (!gossipsub_parameters_check(&parameters, &error))
        fail_msg("%s", error.text);
    return gossipsub_new(&parameters, 1);
}

static void a_router_answers_as_the_vectors_say(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("gossipsub_handler.json");
    size_t i;
    json_t *vector;
    json_array_foreach(vectors, i, vector)
    {
        struct scene scene = {.router = router_of(json_object_get(vector, "params"))};
        uint64_t now = (uint64_t)(1000 * json_number_value(json_object_get(vector, "now")));
        json_t *event = json_object_get(vector, "event");
        json_t *expected = json_object_get(vector, "expected");
        gossipsub_set_validator(scene.router, accept_all, NULL);
        set_scene(&scene, now, json_object_get(vector, "initialState"));
        json_t *rpc = json_pack("{sO}", "publish", json_object_get(event, "publish"));
        json_object_set(rpc, "control", event);
        struct chunk *encoded = encode(rpc);
        gossipsub_rpc_received(scene.router, now,
                               peer_named(&scene, vector_text(event, "fromPeer"))->handle,
                               without_length(encoded), &scene.actions);
        print_message("%s\n", vector_text(vector, "name"));
        assert_sent(&scene, json_object_get(expected, "sentRpcs"));
        assert_meshes(&scene, json_object_get(expected, "meshAfter"));
        chunk_unref(encoded);
        json_decref(rpc);
        gossipsub_actions_clear(&scene.actions);
        gossipsub_free(scene.router);
    }
    json_decref(vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_ids_are_those_of_the_vectors),
        cmocka_unit_test(topics_are_those_of_the_vectors),
        cmocka_unit_test(rpcs_are_encoded_and_decoded_as_the_vectors_are),
        cmocka_unit_test(a_router_answers_as_the_vectors_say),
    };
    return cmocka_run_group_tests_name("gossipsub vectors", tests, NULL, NULL);
}
