/*
 * How messages spread through a devnet: who got each, when, and over how many hops. Pure: what is
 * published and what arrives goes in, with times; a report comes out.
 */
#ifndef DEVNET_PROPAGATION_H
#define DEVNET_PROPAGATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROPAGATION_MESSAGES_MAX = 10000 };

struct propagation;

struct propagation_node {
    const char *name, *peer_id; /* borrowed */
    bool expected;              /* to get the messages: it is subscribed */
};

/* Among COUNT nodes, borrowed, of which the one at ORIGIN publishes. Freed by propagation_free. */
struct propagation *propagation_new(const struct propagation_node *nodes, size_t count,
                                    size_t origin);
void propagation_free(struct propagation *propagation);

/* A message is being published, known by what it holds: SHA256, hexadecimal. Times are in
 * microseconds, on one clock. The same again, and more than PROPAGATION_MESSAGES_MAX, are false. */
bool propagation_published(struct propagation *propagation, const char *sha256, uint64_t time_us);
/* A node got the message from a peer; other messages, and the same again, are passed over. */
void propagation_arrived(struct propagation *propagation, size_t node, const char *sha256,
                         const char *from_peer_id, uint64_t time_us);
/* Whether all messages so far are with all that they are expected at. */
bool propagation_is_complete(const struct propagation *propagation);

/*
 * {"messages", "expected", "arrived": message times node,
 *  "first_ms", "median_ms", "last_ms": of all arrivals, or null, "hops": the most, or null,
 *  "nodes": [{"name", "got": messages, "first_ms", "median_ms", "last_ms", "hops",
 *             "from": {NAME or peer id: messages}}],
 *  "arrivals": [{"message": index, "node": name, "ms", "hops", "from"}]}
 * of the nodes that were expected to get them, and others that did. Hops count the connections from
 * the origin, whose own are 1; they are null behind a peer that is none of the nodes.
 */
json_t *propagation_report(const struct propagation *propagation);

#endif
