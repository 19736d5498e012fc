#include "net/host/lifecycle_world.h"

#include "common/state_key.h"

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

/* Of two connections, the first in the list tells the second. Times and attempts are left out:
 * whether the minute's attempts are used up is the world's to say. */
static void put_lifecycle(struct state_key *key, const struct lifecycle *lifecycle)
{
    bool carried = lifecycle->state != LIFECYCLE_NONE;
    state_key_put(key, lifecycle->state, 2);
    state_key_put(key, lifecycle->wanted, 1);
    state_key_put(key, lifecycle->connection_count, 2);
    state_key_put(key, lifecycle->connection_count > 0 ? lifecycle->connections[0] : 0, 1);
    state_key_put(key, carried ? lifecycle->connection : 0, 1);
}

static void take_lifecycle(struct state_key *key, bool used_up, struct lifecycle *lifecycle)
{
    lifecycle_init(lifecycle);
    lifecycle->state = (enum lifecycle_state)state_key_take(key, 2);
    lifecycle->wanted = state_key_take(key, 1);
    lifecycle->connection_count = state_key_take(key, 2);
    lifecycle->connections[0] = state_key_take(key, 1);
    lifecycle->connections[1] = !lifecycle->connections[0];
    lifecycle->connection = state_key_take(key, 1);
    lifecycle->attempt = ATTEMPTS_MADE;
    lifecycle->retry_at = lifecycle->opened_at = LIFECYCLE_WORLD_NOW;
    for (size_t i = 0; used_up && i < LIFECYCLE_ATTEMPTS_PER_MINUTE; i++)
        lifecycle->attempt_times[i] = LIFECYCLE_WORLD_NOW;
}

uint64_t lifecycle_world_pack(const struct lifecycle_world *world)
{
    struct state_key key = {0};
    for (unsigned i = 0; i < LIFECYCLE_MODEL_CONNECTIONS; i++) {
        const struct lifecycle_world_connection *connection = &world->connections[i];
        state_key_put(&key, connection->dialler, 1);
        state_key_put(&key, connection->status_pending, 1);
        for (unsigned side = 0; side < LIFECYCLE_MODEL_SIDES; side++) {
            state_key_put(&key, connection->ends[side], 2);
            state_key_put(&key, connection->ghosts[side], 1);
        }
    }
    for (unsigned i = 0; i < LIFECYCLE_MODEL_SIDES; i++) {
        const struct lifecycle_world_side *side = &world->sides[i];
        state_key_put(&key, side->known, 1);
        state_key_put(&key, side->used_up, 1);
        state_key_put(&key, side->stream.phase, 3);
        state_key_put(&key, side->stream.connection, 1);
        for (unsigned part = 0; part < LIFECYCLE_MODULE_PARTS; part++)
            put_lifecycle(&key, &side->subject.parts[part]);
    }
    return key.word;
}

void lifecycle_world_unpack(const struct lifecycle_module *module, uint64_t key,
                            struct lifecycle_world *world)
{
    struct state_key rest = {.word = key};
    world->module = module;
    world->violation = NULL;
    for (unsigned i = 0; i < LIFECYCLE_MODEL_CONNECTIONS; i++) {
        struct lifecycle_world_connection *connection = &world->connections[i];
        connection->dialler = state_key_take(&rest, 1);
        connection->status_pending = state_key_take(&rest, 1);
        for (unsigned side = 0; side < LIFECYCLE_MODEL_SIDES; side++) {
            connection->ends[side] = (enum lifecycle_end)state_key_take(&rest, 2);
            connection->ghosts[side] = state_key_take(&rest, 1);
        }
    }
    for (unsigned i = 0; i < LIFECYCLE_MODEL_SIDES; i++) {
        struct lifecycle_world_side *side = &world->sides[i];
        side->known = state_key_take(&rest, 1);
        side->used_up = state_key_take(&rest, 1);
        side->stream.phase = (enum lifecycle_phase)state_key_take(&rest, 3);
        side->stream.connection = state_key_take(&rest, 1);
        for (unsigned part = 0; part < LIFECYCLE_MODULE_PARTS; part++)
            take_lifecycle(&rest, side->used_up, &side->subject.parts[part]);
        side->stream.attempt = module->owned_attempt(&side->subject, side->stream.connection);
    }
}
