/*
 * Carries datagrams between clients and one server over a bad path. Each client address has a
 * socket of its own towards the server, so that answers find their way back.
 */
#ifndef CMD_RELAY_RELAY_H
#define CMD_RELAY_RELAY_H

#include <event2/event.h>
#include <jansson.h>

#include "cmd/relay/endpoint.h"
#include "net/relay/impairment.h"

enum {
    RELAY_CLIENTS_MAX = 512,
    RELAY_CLIENT_IDLE_MS = 180000, /* longer than any delay that can be asked for */
};

struct relay;

/* IMPAIRMENT is kept, not copied. NULL with ERROR set where the socket cannot be had. */
struct relay *relay_new(struct event_base *base, const struct endpoint *listen,
                        const struct endpoint *server, const struct impairment *impairment,
                        struct error *error);
void relay_free(struct relay *relay);
/* With the real port where 0 was asked for. */
const struct endpoint *relay_listening_at(const struct relay *relay);
/* {"client": COUNTS, "server": COUNTS}, named for who sent the datagrams; a new reference. */
json_t *relay_counts(const struct relay *relay);

#endif
