/*
 * Connection attempts of a host: resolves, dials, tells the state machine (net/host/attempt.h) of
 * what happens and of the time, and its caller of what comes of it.
 */
#ifndef NET_HOST_ATTEMPT_DRIVER_H
#define NET_HOST_ATTEMPT_DRIVER_H

#include "net/address/resolver.h"
#include "net/host/attempt.h"
#include "net/host/host.h"

struct attempt_result {
    const char *target; /* a multiaddr, the first; NULL: whoever dials */
    bool already_connected;
    struct attempt_outcome outcome;
    const char *peer_id; /* NULL: nobody was met */
    uint64_t rtt_us;     /* of the peer met; 0 until measured */
    /* Subscribed to, at the end or when the peer went. */
    const char *const *our_topics, *const *their_topics;
    size_t our_topic_count, their_topic_count;
};

/* All that they are told is borrowed for the time of the call. */
struct attempt_handlers {
    /* EVENT is the host's that the step tells of: of handshake, status and identify whole, of
     * others with the peer at least; NULL where there is no peer. */
    void (*step)(void *context, const struct attempt_told *told, const struct host_event *event);
    /* Once, at the end. */
    void (*done)(void *context, const struct attempt_result *result);
};

struct attempt_driver;

/* Dials ADDRESS, as the addresses of one name where it has several, or looks at the connection
 * where its peer is connected already. The attempt frees itself after `done`, which is never called
 * before this returns. SETTINGS are copied. */
struct attempt_driver *attempt_dial(struct host *host, struct resolver *resolver,
                                    const struct node_address *address,
                                    const struct attempt_settings *settings,
                                    const struct attempt_handlers *handlers, void *context);
/* Follows the next peer that dials us. */
struct attempt_driver *attempt_accept(struct host *host, const struct attempt_settings *settings,
                                      const struct attempt_handlers *handlers, void *context);
/* Ends it soon as failed where it stands, with `done`; a goal that is reached stays so. CODE is not
 * 0. */
void attempt_abandon(struct attempt_driver *driver, int code, const char *reason);
/* Ends it without `done`; a dial that has led nowhere yet is given up. */
void attempt_cancel(struct attempt_driver *driver);

#endif
