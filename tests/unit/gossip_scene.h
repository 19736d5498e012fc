/* One router and the peers that a test plays: what they say goes in, what they hear comes out. */
#ifndef TESTS_UNIT_GOSSIP_SCENE_H
#define TESTS_UNIT_GOSSIP_SCENE_H

#include "net/gossipsub/router.h"
#include "net/gossipsub/rpc.h"

#define SCENE_TOPIC "/leanconsensus/12345678/block/ssz_snappy"

struct scene {
    struct gossipsub_parameters parameters;
    struct gossipsub *router;
    uint64_t now;
    struct gossipsub_actions actions; /* of the last event */
    struct rpc_writer writer;         /* what the next scene_say says */
    struct arena arena;
};

/* Lean's parameters; subscribed to SCENE_TOPIC where told so. */
void scene_init(struct scene *scene, bool subscribed);
/* The same with parameters of the test's. */
void scene_init_with(struct scene *scene, const struct gossipsub_parameters *parameters);
void scene_clear(struct scene *scene);

/* Events; each replaces the actions. */
gossipsub_peer scene_add(struct scene *scene, const char *id, bool outbound);
void scene_open(struct scene *scene, gossipsub_peer peer, enum gossipsub_version version);
void scene_close(struct scene *scene, gossipsub_peer peer);
void scene_gone(struct scene *scene, gossipsub_peer peer);
void scene_subscribe(struct scene *scene, const char *topic);
void scene_unsubscribe(struct scene *scene, const char *topic);
/* The receivers. */
size_t scene_publish(struct scene *scene, const char *topic, struct bytes payload);
void scene_heartbeat(struct scene *scene); /* a heartbeat later */
/* The peer sends what the writer holds. */
void scene_say(struct scene *scene, gossipsub_peer peer);
void scene_say_bytes(struct scene *scene, gossipsub_peer peer, struct bytes rpc);
void scene_say_subscribe(struct scene *scene, gossipsub_peer peer, const char *topic);
void scene_say_graft(struct scene *scene, gossipsub_peer peer, const char *topic);
void scene_say_prune(struct scene *scene, gossipsub_peer peer, const char *topic, uint64_t seconds);
void scene_say_message(struct scene *scene, gossipsub_peer peer, const char *topic,
                       struct bytes payload);
/* A peer with its stream open, version 1.2, subscribed to SCENE_TOPIC. */
gossipsub_peer scene_join(struct scene *scene, const char *id, bool outbound);
/* COUNT of them, their ids made up; the last one's handle. */
gossipsub_peer scene_join_many(struct scene *scene, size_t count, bool outbound);

/* What came out. */
size_t scene_count(const struct scene *scene, enum gossipsub_action_kind kind);
const struct gossipsub_action *scene_find(const struct scene *scene,
                                          enum gossipsub_action_kind kind, gossipsub_peer peer);
/* The RPC that the peer was sent, decoded; NULL where it was sent none. Good until the next. */
const Gossipsub__RPC *scene_sent(struct scene *scene, gossipsub_peer peer);
bool scene_in_mesh(const struct scene *scene, gossipsub_peer peer);
size_t scene_mesh_size(const struct scene *scene);
struct gossipsub_statistics scene_statistics(const struct scene *scene);
struct bytes scene_without_length(const struct chunk *rpc);

#endif
