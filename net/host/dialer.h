/*
 * Who a node wants to be connected to: dials, and dials again with backoff whenever the connection
 * could not be made or is lost.
 */
#ifndef NET_HOST_DIALER_H
#define NET_HOST_DIALER_H

#include "net/address/resolver.h"
#include "net/host/host.h"

enum {
    DIALER_TARGETS_MAX = 1024,
    DIALER_BACKOFF_FIRST_MS = 250,
    DIALER_BACKOFF_LAST_MS = 5000, /* a peer that was away for long is met soon after it is back */
    DIALER_STEADY_MS = 10000, /* a connection that lasted this long makes the next retry a first */
};

struct dialer;

/* The resolver is borrowed, as the host is. */
struct dialer *dialer_new(struct host *host, struct resolver *resolver);
void dialer_free(struct dialer *dialer);
/* Dials at once. Attempts that fail are logged, and told as HOST_DIAL_FAILED. */
bool dialer_add(struct dialer *dialer, const struct node_address *address, struct error *error);
/* Takes away every target with the peer id: it is not dialled again. */
void dialer_remove(struct dialer *dialer, const struct peer_id *id);

#endif
