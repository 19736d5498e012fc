/*
 * Two peers, each with a module that decides on its outbound gossipsub stream, and an abstract
 * network between them: at most two connections, whose ends come and go one after the other, and
 * streams whose every message may be late. A world is one state of all that, and fits 64 bits.
 *
 * Time is abstract too: a retry may come due at any moment after it was set, and the attempts of a
 * minute may be used up at any moment. So the number of hostile events needs no bound.
 */
#ifndef TESTS_UNIT_LIFECYCLE_MODEL_H
#define TESTS_UNIT_LIFECYCLE_MODEL_H

#include "net/host/lifecycle.h"

enum {
    MODEL_SIDES = 2,
    MODEL_CONNECTIONS = 2,
    MODEL_KINDS = 24, /* of events */
    MODEL_SUCCESSORS_MAX = MODEL_KINDS * MODEL_SIDES * MODEL_CONNECTIONS,
    MODEL_TEXT_SIZE = 160,
};

/* What a module under test keeps of its peer. The real one uses the first part alone; a wrong one
 * may keep state per connection. */
struct lifecycle_subject {
    struct lifecycle parts[MODEL_CONNECTIONS];
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

/* One event: what happens, at which side, on which connection. */
struct model_event {
    uint8_t kind; /* below MODEL_KINDS */
    uint8_t side;
    uint8_t connection;
};

struct model_successor {
    struct model_event event;
    uint64_t key;
    const char *violation; /* what the module did wrong; NULL: nothing */
};

/* The world in which nothing has happened yet. */
uint64_t model_start(void);
/* All that can happen in the world of KEY, and what comes of it; returns how many. */
size_t model_successors(const struct lifecycle_module *module, uint64_t key,
                        struct model_successor successors[MODEL_SUCCESSORS_MAX]);
/* Hostile events are those that need not happen: losses, refusals, timeouts. */
bool model_is_hostile(struct model_event event);
/* Each side has one outbound stream that both sides know of. */
bool model_is_settled(const struct lifecycle_module *module, uint64_t key);
/* TEXT has MODEL_TEXT_SIZE bytes. */
void model_event_text(struct model_event event, char *text);
void model_world_text(const struct lifecycle_module *module, uint64_t key, char *text);

#endif
