/* Routers in one process: their RPCs cross links that take a fixed time, on a clock of their own.
 */
#ifndef TESTS_UNIT_GOSSIP_NETWORK_H
#define TESTS_UNIT_GOSSIP_NETWORK_H

#include "net/gossipsub/router.h"

enum { NETWORK_NODES_MAX = 64 };

struct network;

struct network *network_new(size_t nodes, const struct gossipsub_parameters *parameters,
                            uint64_t seed, uint64_t latency_ms);
void network_free(struct network *network);

/* Both get a peer and an open stream; A dialled. */
void network_link(struct network *network, size_t a, size_t b, enum gossipsub_version version);
void network_link_all(struct network *network, enum gossipsub_version version);
/* Both lose the peer, and what is on its way between them. */
void network_unlink(struct network *network, size_t a, size_t b);
void network_subscribe(struct network *network, size_t node, const char *topic);
void network_unsubscribe(struct network *network, size_t node, const char *topic);
/* The number of peers it went to. */
size_t network_publish(struct network *network, size_t node, const char *topic,
                       struct bytes payload);
/* Lets what is due happen, heartbeats included, for so long. */
void network_run(struct network *network, uint64_t ms);

uint64_t network_now(const struct network *network);
struct gossipsub *network_router(struct network *network, size_t node);
/* B's handle at A. */
gossipsub_peer network_peer(const struct network *network, size_t a, size_t b);
bool network_in_mesh(const struct network *network, size_t a, size_t b, const char *topic);
size_t network_mesh_size(const struct network *network, size_t node, const char *topic);
/* Times that the node was delivered a message with this payload. */
size_t network_deliveries(const struct network *network, size_t node, struct bytes payload);
/* A digest of every action so far, in order. */
uint64_t network_digest(const struct network *network);

#endif
