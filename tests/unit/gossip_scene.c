#include "tests/unit/gossip_scene.h"

#include <stdio.h>

#include "common/varint.h"
#include "net/gossipsub/payload.h"
#include "tests/unit/rpc_whole.h"
#include "tests/unit/support.h"

void scene_init_with(struct scene *scene, const struct gossipsub_parameters *parameters)
{
    *scene = (struct scene){.parameters = *parameters, .now = 1000000};
    struct error error;
    if (!gossipsub_parameters_check(parameters, &error))
        fail_msg("%s", error.text);
    scene->router = gossipsub_new(parameters, 1);
}

void scene_init(struct scene *scene, bool subscribed)
{
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    scene_init_with(scene, &parameters);
    if (subscribed)
        scene_subscribe(scene, SCENE_TOPIC);
}

void scene_clear(struct scene *scene)
{
    gossipsub_actions_clear(&scene->actions);
    gossipsub_free(scene->router);
    rpc_writer_clear(&scene->writer);
    arena_clear(&scene->arena);
}

/* ---- events ---- */

static struct gossipsub_actions *fresh(struct scene *scene)
{
    gossipsub_actions_reset(&scene->actions);
    return &scene->actions;
}

gossipsub_peer scene_add(struct scene *scene, const char *id, bool outbound)
{
    gossipsub_peer peer;
    assert_true(
        gossipsub_peer_added(scene->router, scene->now, bytes_of_text(id), outbound, &peer));
    return peer;
}

void scene_open(struct scene *scene, gossipsub_peer peer, enum gossipsub_version version)
{
    gossipsub_stream_opened(scene->router, scene->now, peer, version, fresh(scene));
}

void scene_close(struct scene *scene, gossipsub_peer peer)
{
    gossipsub_stream_closed(scene->router, scene->now, peer, fresh(scene));
}

void scene_gone(struct scene *scene, gossipsub_peer peer)
{
    gossipsub_peer_gone(scene->router, scene->now, peer, fresh(scene));
}

void scene_subscribe(struct scene *scene, const char *topic)
{
    assert_true(gossipsub_subscribe(scene->router, scene->now, topic, fresh(scene), NULL));
}

void scene_unsubscribe(struct scene *scene, const char *topic)
{
    assert_true(gossipsub_unsubscribe(scene->router, scene->now, topic, fresh(scene), NULL));
}

size_t scene_publish(struct scene *scene, const char *topic, struct bytes payload)
{
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t receivers;
    struct error error;
    if (!gossipsub_publish(scene->router, scene->now, topic, payload, id, &receivers, fresh(scene),
                           &error))
        fail_msg("%s", error.text);
    return receivers;
}

void scene_heartbeat(struct scene *scene)
{
    scene->now += scene->parameters.heartbeat_ms;
    gossipsub_heartbeat(scene->router, scene->now, fresh(scene));
}

void scene_say_bytes(struct scene *scene, gossipsub_peer peer, struct bytes rpc)
{
    gossipsub_rpc_received(scene->router, scene->now, peer, rpc, fresh(scene));
}

void scene_say(struct scene *scene, gossipsub_peer peer)
{
    struct chunk *rpc = rpc_writer_finish(&scene->writer);
    scene_say_bytes(scene, peer, scene_without_length(rpc));
    chunk_unref(rpc);
}

void scene_say_subscribe(struct scene *scene, gossipsub_peer peer, const char *topic)
{
    rpc_write_subscription(&scene->writer, bytes_of_text(topic), true);
    scene_say(scene, peer);
}

void scene_say_graft(struct scene *scene, gossipsub_peer peer, const char *topic)
{
    rpc_write_graft(&scene->writer, bytes_of_text(topic));
    scene_say(scene, peer);
}

void scene_say_prune(struct scene *scene, gossipsub_peer peer, const char *topic, uint64_t seconds)
{
    rpc_write_prune(&scene->writer, bytes_of_text(topic), seconds);
    scene_say(scene, peer);
}

void scene_say_message(struct scene *scene, gossipsub_peer peer, const char *topic,
                       struct bytes payload)
{
    struct buffer data = {0};
    payload_compress(payload, &data);
    struct chunk *rpc = rpc_encode_message(bytes_of_text(topic), buffer_bytes(&data));
    buffer_clear(&data);
    scene_say_bytes(scene, peer, scene_without_length(rpc));
    chunk_unref(rpc);
}

gossipsub_peer scene_join(struct scene *scene, const char *id, bool outbound)
{
    gossipsub_peer peer = scene_add(scene, id, outbound);
    scene_open(scene, peer, GOSSIPSUB_1_2);
    scene_say_subscribe(scene, peer, SCENE_TOPIC);
    return peer;
}

gossipsub_peer scene_join_many(struct scene *scene, size_t count, bool outbound)
{
    gossipsub_peer peer = 0;
    for (size_t i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof(id), "%s %zu", outbound ? "dialled" : "dialling", i);
        peer = scene_join(scene, id, outbound);
    }
    return peer;
}

/* ---- what came out ---- */

size_t scene_count(const struct scene *scene, enum gossipsub_action_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < scene->actions.count; i++)
        count += scene->actions.items[i].kind == kind;
    return count;
}

const struct gossipsub_action *scene_find(const struct scene *scene,
                                          enum gossipsub_action_kind kind, gossipsub_peer peer)
{
    for (size_t i = 0; i < scene->actions.count; i++)
        if (scene->actions.items[i].kind == kind && scene->actions.items[i].peer == peer)
            return &scene->actions.items[i];
    return NULL;
}

struct bytes scene_without_length(const struct chunk *rpc)
{
    uint64_t size;
    int prefix = varint_read(chunk_bytes(rpc), &size);
    assert_true(prefix > 0 && (size_t)prefix + size == rpc->size);
    return bytes_after(chunk_bytes(rpc), (size_t)prefix);
}

const Gossipsub__RPC *scene_sent(struct scene *scene, gossipsub_peer peer)
{
    const struct gossipsub_action *action = scene_find(scene, GOSSIPSUB_SEND, peer);
    if (action == NULL)
        return NULL;
    const Gossipsub__RPC *rpc = rpc_whole(scene_without_length(action->rpc), &scene->arena);
    assert_non_null(rpc);
    return rpc;
}

bool scene_in_mesh(const struct scene *scene, gossipsub_peer peer)
{
    gossipsub_topic topic;
    return gossipsub_topic_find(scene->router, SCENE_TOPIC, &topic) &&
           gossipsub_in_mesh(scene->router, peer, topic);
}

size_t scene_mesh_size(const struct scene *scene)
{
    size_t size = 0;
    for (gossipsub_peer peer = 0; peer < GOSSIPSUB_PEERS_MAX; peer++)
        size += scene_in_mesh(scene, peer);
    return size;
}

struct gossipsub_statistics scene_statistics(const struct scene *scene)
{
    struct gossipsub_statistics statistics;
    gossipsub_statistics(scene->router, &statistics);
    return statistics;
}
