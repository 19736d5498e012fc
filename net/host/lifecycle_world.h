/*
 * A world of the model in parts, for lifecycle_model.c alone: what it is and how it packs
 * (lifecycle_world.c), what the hosts on both sides do (lifecycle_world_hosts.c), and what can
 * happen (lifecycle_world_events.c). Pure.
 */
#ifndef NET_HOST_LIFECYCLE_WORLD_H
#define NET_HOST_LIFECYCLE_WORLD_H

#include "net/host/lifecycle_model.h"

/* The moment at which everything happens: long after time 0, so that no attempt counts unless the
 * minute's are used up. */
enum { LIFECYCLE_WORLD_NOW = 1000000000 };

struct lifecycle_world_stream {
    enum lifecycle_phase phase;
    unsigned connection;
    uint64_t attempt;
};

struct lifecycle_world_connection {
    enum lifecycle_end ends[LIFECYCLE_MODEL_SIDES]; /* both not yet: the place is free */
    unsigned dialler;
    bool status_pending; /* at the dialler */
    /* By opener: a proposal under way whose stream the opener has given up since. */
    bool ghosts[LIFECYCLE_MODEL_SIDES];
};

struct lifecycle_world_side {
    bool known; /* there is state for the peer */
    bool used_up;
    struct lifecycle_subject subject;
    struct lifecycle_world_stream stream; /* its outbound one */
};

struct lifecycle_world {
    const struct lifecycle_module *module;
    const char *violation;
    struct lifecycle_world_connection connections[LIFECYCLE_MODEL_CONNECTIONS];
    struct lifecycle_world_side sides[LIFECYCLE_MODEL_SIDES];
};

/* A host may tell of the streams of a dead connection before it tells of the connection, after, or
 * not at all. */
enum lifecycle_loss {
    LIFECYCLE_LOSS_CONNECTION_ALONE,
    LIFECYCLE_LOSS_STREAM_FIRST,
    LIFECYCLE_LOSS_STREAM_AFTER,
};

/* One kind of event: SIDE is where it happens, or the opener of the stream that it happens to. */
struct lifecycle_world_event {
    const char *text;
    bool hostile;
    bool (*can)(const struct lifecycle_world *world, unsigned side, unsigned connection);
    void (*apply)(struct lifecycle_world *world, unsigned side, unsigned connection);
};

/* By kind. */
extern const struct lifecycle_world_event lifecycle_world_events[LIFECYCLE_MODEL_KINDS];

uint64_t lifecycle_world_pack(const struct lifecycle_world *world);
void lifecycle_world_unpack(const struct lifecycle_module *module, uint64_t key,
                            struct lifecycle_world *world);
/* Keeps the first of them. */
void lifecycle_world_violate(struct lifecycle_world *world, const char *what);
bool lifecycle_world_is_free(const struct lifecycle_world_connection *connection);
bool lifecycle_world_is_up(const struct lifecycle_world *world, unsigned side, unsigned connection);

/* Does what the module of SIDE asks for. */
void lifecycle_hosts_carry_out(struct lifecycle_world *world, unsigned side,
                               const struct lifecycle_action *actions, size_t count);
/* The opener lets go of its stream; a proposal may have been sent and still arrive. */
void lifecycle_hosts_drop_stream(struct lifecycle_world *world, unsigned side);
/* These tell the module of SIDE what came, and carry out what it answers. */
void lifecycle_hosts_add(struct lifecycle_world *world, unsigned side, unsigned connection);
void lifecycle_hosts_hear_proposal(struct lifecycle_world *world, unsigned side,
                                   unsigned connection);
void lifecycle_hosts_lose_stream(struct lifecycle_world *world, unsigned side, uint64_t attempt);
void lifecycle_hosts_lose_connection(struct lifecycle_world *world, unsigned side, unsigned index,
                                     enum lifecycle_loss order);

#endif
