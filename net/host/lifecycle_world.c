#include "net/host/lifecycle_world.h"

/* A multiple of the ring in attempts made, so that none is unused. */
enum { ATTEMPTS_MADE = 2 * LIFECYCLE_ATTEMPTS_PER_MINUTE };

void lifecycle_world_violate(struct lifecycle_world *world, const char *what)
{
    if (world->violation == NULL)
        world->violation = what;
}

bool lifecycle_world_is_free(const struct lifecycle_world_connection *connection)
{
    return connection->ends[0] == LIFECYCLE_END_NOT_YET &&
           connection->ends[1] == LIFECYCLE_END_NOT_YET;
}

bool lifecycle_world_is_up(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return world->connections[connection].ends[side] == LIFECYCLE_END_UP;
}

struct packing {
    uint64_t key;
    unsigned used;
};

static void put(struct packing *packing, uint64_t value, unsigned bits)
{
    packing->key |= value << packing->used;
    packing->used += bits;
}

static unsigned take(struct packing *packing, unsigned bits)
{
    unsigned value = (unsigned)(packing->key >> packing->used & ((1u << bits) - 1));
    packing->used += bits;
    return value;
}

/* Of two connections, the first in the list tells the second. Times and attempts are left out:
 * whether the minute's attempts are used up is the world's to say. */
static void put_lifecycle(struct packing *packing, const struct lifecycle *lifecycle)
{
    bool carried = lifecycle->state != LIFECYCLE_NONE;
    put(packing, lifecycle->state, 2);
    put(packing, lifecycle->wanted, 1);
    put(packing, lifecycle->connection_count, 2);
    put(packing, lifecycle->connection_count > 0 ? lifecycle->connections[0] : 0, 1);
    put(packing, carried ? lifecycle->connection : 0, 1);
}

static void take_lifecycle(struct packing *packing, bool used_up, struct lifecycle *lifecycle)
{
    lifecycle_init(lifecycle);
    lifecycle->state = (enum lifecycle_state)take(packing, 2);
    lifecycle->wanted = take(packing, 1);
    lifecycle->connection_count = take(packing, 2);
    lifecycle->connections[0] = take(packing, 1);
    lifecycle->connections[1] = !lifecycle->connections[0];
    lifecycle->connection = take(packing, 1);
    lifecycle->attempt = ATTEMPTS_MADE;
    lifecycle->retry_at = lifecycle->opened_at = LIFECYCLE_WORLD_NOW;
    for (size_t i = 0; used_up && i < LIFECYCLE_ATTEMPTS_PER_MINUTE; i++)
        lifecycle->attempt_times[i] = LIFECYCLE_WORLD_NOW;
}

uint64_t lifecycle_world_pack(const struct lifecycle_world *world)
{
    struct packing packing = {0};
    for (unsigned i = 0; i < LIFECYCLE_MODEL_CONNECTIONS; i++) {
        const struct lifecycle_world_connection *connection = &world->connections[i];
        put(&packing, connection->dialler, 1);
        put(&packing, connection->status_pending, 1);
        for (unsigned side = 0; side < LIFECYCLE_MODEL_SIDES; side++) {
            put(&packing, connection->ends[side], 2);
            put(&packing, connection->ghosts[side], 1);
        }
    }
    for (unsigned i = 0; i < LIFECYCLE_MODEL_SIDES; i++) {
        const struct lifecycle_world_side *side = &world->sides[i];
        put(&packing, side->known, 1);
        put(&packing, side->used_up, 1);
        put(&packing, side->stream.phase, 3);
        put(&packing, side->stream.connection, 1);
        for (unsigned part = 0; part < LIFECYCLE_MODULE_PARTS; part++)
            put_lifecycle(&packing, &side->subject.parts[part]);
    }
    return packing.key;
}

void lifecycle_world_unpack(const struct lifecycle_module *module, uint64_t key,
                            struct lifecycle_world *world)
{
    struct packing packing = {.key = key};
    world->module = module;
    world->violation = NULL;
    for (unsigned i = 0; i < LIFECYCLE_MODEL_CONNECTIONS; i++) {
        struct lifecycle_world_connection *connection = &world->connections[i];
        connection->dialler = take(&packing, 1);
        connection->status_pending = take(&packing, 1);
        for (unsigned side = 0; side < LIFECYCLE_MODEL_SIDES; side++) {
            connection->ends[side] = (enum lifecycle_end)take(&packing, 2);
            connection->ghosts[side] = take(&packing, 1);
        }
    }
    for (unsigned i = 0; i < LIFECYCLE_MODEL_SIDES; i++) {
        struct lifecycle_world_side *side = &world->sides[i];
        side->known = take(&packing, 1);
        side->used_up = take(&packing, 1);
        side->stream.phase = (enum lifecycle_phase)take(&packing, 3);
        side->stream.connection = take(&packing, 1);
        for (unsigned part = 0; part < LIFECYCLE_MODULE_PARTS; part++)
            take_lifecycle(&packing, side->used_up, &side->subject.parts[part]);
        side->stream.attempt = module->owned_attempt(&side->subject, side->stream.connection);
    }
}
