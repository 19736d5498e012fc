/*
 * Carries out what healing.h decides for one peer that the dialer keeps connected: closes, waits,
 * has it dialled anew, and tells of each step as HOST_HEALING.
 */
#ifndef NET_HOST_HEALER_H
#define NET_HOST_HEALER_H

#include "net/host/healing.h"
#include "net/host/host.h"

struct healer {
    struct host *host;
    struct healing healing;
    char name[PEER_ID_TEXT_SIZE]; /* of the peer; it may be gone while we wait */
    struct peer_id id;
    struct event *timer;
    void (*dial)(void *context);
    void *context;
};

/* DIAL is called where the peer is to be dialled anew. */
void healer_init(struct healer *healer, struct host *host, void (*dial)(void *context),
                 void *context);
void healer_clear(struct healer *healer);
/* An event of the host's; DIAL is the number of the connection that was made for the healer's
 * owner, 0: none. Those of other peers are passed over. */
void healer_hear(struct healer *healer, uint64_t dial, const struct host_event *event);
/* The peer is not to be dialled before `dial` is called. */
bool healer_waits(const struct healer *healer);

#endif
