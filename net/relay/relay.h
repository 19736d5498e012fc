/*
 * Carries datagrams between clients and one server over a bad path. Each client address has a
 * socket of its own towards the server, so that answers find their way back.
 */
#ifndef NET_RELAY_RELAY_H
#define NET_RELAY_RELAY_H

#include <event2/event.h>

#include "net/relay/endpoint.h"
#include "net/relay/impairment.h"

enum {
    RELAY_CLIENTS_MAX = 512,       /* more are ignored, and counted as failed */
    RELAY_CLIENT_IDLE_MS = 180000, /* longer than any delay that can be asked for */
};

/* What became of the datagrams of one direction. */
struct relay_counts {
    uint64_t received;
    uint64_t forwarded, bytes; /* copies included */
    uint64_t dropped, duplicated;
    uint64_t reordered; /* held back, so that others overtake */
    uint64_t failed;    /* could not be sent, or there was no room to let them wait */
    uint64_t pending;   /* still delayed */
};

struct relay;

/* BASE and IMPAIRMENT are kept, not copied, and outlive the relay; IMPAIRMENT may change meanwhile.
 * Delays are as precise as the base's timers are. The relay works while the base's loop runs. NULL
 * with ERROR set where the socket cannot be had. */
struct relay *relay_new(struct event_base *base, const struct relay_endpoint *listen,
                        const struct relay_endpoint *server, const struct impairment *impairment,
                        struct error *error);
/* What is still delayed is lost. */
void relay_free(struct relay *relay);
/* With the real port where 0 was asked for. */
const struct relay_endpoint *relay_listening_at(const struct relay *relay);
/* Fills in DIRECTION_COUNT counts, by enum direction: of all clients, since it began. */
void relay_count(const struct relay *relay, struct relay_counts *counts);

#endif
