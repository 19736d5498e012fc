/* devnet-connect --publish: sends a file's payload by gossip, and waits until it has arrived. */
#ifndef CMD_CONNECT_PUBLISH_H
#define CMD_CONNECT_PUBLISH_H

#include <jansson.h>

#include "cmd/connect/settings.h"

enum { GOSSIP_FAILED = 11 }; /* the exit code */

/* Publishes on TOPIC, the whole name. What came of it, a new reference, to be completed by
 * publish_acknowledged once the host is drained; NULL with the error set where it reached nobody.
 */
json_t *publish(struct host *host, const char *topic, const struct publication *publication,
                struct error *error);
/* Notes whether the peers have all of it, and tells. */
bool publish_acknowledged(const struct host *host, json_t *published, bool json);

#endif
