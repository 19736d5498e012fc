/*
 * net/host/lifecycle.h behind a table of functions, so that a wrong module can stand in its place
 * where the two are compared (net/host/lifecycle_model.h). Pure, as lifecycle.h is. No program
 * plays the worlds of that model yet: it is there for the one that will play them against a peer.
 */
#ifndef NET_HOST_LIFECYCLE_MODULE_H
#define NET_HOST_LIFECYCLE_MODULE_H

#include "net/host/lifecycle.h"

enum { LIFECYCLE_MODULE_PARTS = 2 };

/* What a module keeps of its peer. The real one uses the first part alone; a wrong one may keep
 * state per connection. */
struct lifecycle_subject {
    struct lifecycle parts[LIFECYCLE_MODULE_PARTS];
};

/* The functions of lifecycle.h, told also on which connection things happened. */
struct lifecycle_module {
    const char *name;
    void (*init)(struct lifecycle_subject *subject);
    size_t (*connection_added)(struct lifecycle_subject *subject, uint64_t now, uint64_t connection,
                               struct lifecycle_action *actions);
    size_t (*connection_lost)(struct lifecycle_subject *subject, uint64_t now, uint64_t connection,
                              struct lifecycle_action *actions);
    size_t (*dial_ready)(struct lifecycle_subject *subject, uint64_t now, uint64_t connection,
                         struct lifecycle_action *actions);
    size_t (*inbound_arrived)(struct lifecycle_subject *subject, uint64_t now, uint64_t connection,
                              struct lifecycle_action *actions);
    size_t (*stream_opened)(struct lifecycle_subject *subject, uint64_t now, uint64_t attempt,
                            struct lifecycle_action *actions);
    size_t (*stream_lost)(struct lifecycle_subject *subject, uint64_t now, uint64_t attempt,
                          struct lifecycle_action *actions);
    size_t (*tick)(struct lifecycle_subject *subject, uint64_t now,
                   struct lifecycle_action *actions);
    uint64_t (*next_time)(const struct lifecycle_subject *subject);
    /* The attempt whose stream on CONNECTION is the module's; 0 where it has none there. */
    uint64_t (*owned_attempt)(const struct lifecycle_subject *subject, uint64_t connection);
};

/* The one that the host uses. */
extern const struct lifecycle_module lifecycle_real;

#endif
