/* Has a node publish messages, and follows how they spread through its devnet. */
#ifndef DEVNET_PUBLISH_H
#define DEVNET_PUBLISH_H

#include <jansson.h>

#include "common/bytes.h"
#include "devnet/state.h"

struct publish_order {
    const struct devnet_node *origin; /* it has an API */
    const char *topic;                /* in full */
    uint64_t count;                   /* messages, 1 to PROPAGATION_MESSAGES_MAX */
    double rate;                      /* a second; 0: each once the last is answered */
    uint64_t timeout_ms;              /* for nodes to answer, and for the last message to arrive */
    struct bytes
        payload; /* of each, with a space and its number behind it where there are several */
    uint64_t random_size; /* where it is not 0: as many random bytes in place of that */
};

/*
 * Publishes, and waits until all nodes that are subscribed by SNAPSHOT (of devnet/ask.h) have all
 * messages, or the time is up. Returns propagation_report() with "topic", "from", the origin's
 * name, and "not_seen": [{"name", "why"}], of whom it is not known whether they are subscribed and
 * got any: they have no API of ours, and are not stopped on purpose. NULL with the error set where
 * the origin publishes none or is lost. Nodes that do not answer, or have ended by themselves, are
 * warned of, and expected to get them all the same. A signal that ends loops (devnet/loop.h) ends
 * it, too: then "interrupted" is true, and the report is of what came so far.
 */
json_t *devnet_publish(const struct devnet *devnet, const json_t *snapshot,
                       const struct publish_order *order, struct error *error);

/*
 * The topic that TEXT means among those that the nodes of SNAPSHOT know: its own name, or the
 * "block" or "lean:block" of one of Lean's. A name that begins with '/' may be new. Freed with
 * free(); NULL with the error set where none or several are meant.
 */
char *publish_topic(const json_t *snapshot, const char *text, struct error *error);

#endif
