/* devnet-connect --listen-gossip: shows each message, and counts them. */
#ifndef CMD_CONNECT_LISTEN_H
#define CMD_CONNECT_LISTEN_H

#include <jansson.h>

#include "cmd/connect/settings.h"

struct listen;

/* From now on. ENOUGH is called once as many messages have come as --count asks for; it may free
 * nothing. */
struct listen *listen_new(struct host *host, const struct connect_settings *settings,
                          void (*enough)(void *context), void *context);
/* Whether as many came as --count asks for. */
bool listen_has_enough(const struct listen *listen);
uint64_t listen_count(const struct listen *listen); /* messages, without those that were refused */
/* {"block": 1, ..., "refused": 0}, a new reference. */
json_t *listen_json(const struct listen *listen);
/* NULL is allowed. */
void listen_free(struct listen *listen);

#endif
