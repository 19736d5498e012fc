#include "net/host/lifecycle_world.h"

#include <string.h>

static void open_stream(struct lifecycle_world *world, unsigned side,
                        const struct lifecycle_action *action)
{
    struct lifecycle_world_stream *stream = &world->sides[side].stream;
    unsigned connection = (unsigned)action->connection;
    if (connection >= LIFECYCLE_MODEL_CONNECTIONS ||
        !lifecycle_world_is_up(world, side, connection)) {
        lifecycle_world_violate(world, "a stream is opened on a connection that is not there");
        return;
    }
    if (stream->phase != LIFECYCLE_STREAM_NONE)
        lifecycle_world_violate(world, "a second outbound stream is opened to the same peer");
    bool heard = world->connections[connection].ends[!side] != LIFECYCLE_END_GONE;
    stream->phase = heard ? LIFECYCLE_STREAM_PROPOSED : LIFECYCLE_STREAM_DEAF;
    stream->connection = connection;
    stream->attempt = action->attempt;
}

void lifecycle_hosts_drop_stream(struct lifecycle_world *world, unsigned side)
{
    struct lifecycle_world_stream *stream = &world->sides[side].stream;
    if (stream->phase == LIFECYCLE_STREAM_PROPOSED)
        world->connections[stream->connection].ghosts[side] = true;
    *stream = (struct lifecycle_world_stream){.phase = LIFECYCLE_STREAM_NONE};
}

static void forget(struct lifecycle_world *world, unsigned side)
{
    if (!world->sides[side].known)
        lifecycle_world_violate(world, "a peer is forgotten twice");
    world->sides[side].known = false;
    memset(&world->sides[side].subject, 0, sizeof(world->sides[side].subject));
}

void lifecycle_hosts_carry_out(struct lifecycle_world *world, unsigned side,
                               const struct lifecycle_action *actions, size_t count)
{
    const struct lifecycle_world_stream *stream = &world->sides[side].stream;
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == LIFECYCLE_OPEN_STREAM)
            open_stream(world, side, &actions[i]);
        else if (actions[i].kind == LIFECYCLE_FORGET)
            forget(world, side);
        else if (stream->phase != LIFECYCLE_STREAM_NONE && stream->attempt == actions[i].attempt)
            lifecycle_hosts_drop_stream(world, side);
    }
}

void lifecycle_hosts_add(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    struct lifecycle_world_side *host = &world->sides[side];
    if (!host->known)
        world->module->init(&host->subject);
    host->known = true;
    lifecycle_hosts_carry_out(
        world, side, actions,
        world->module->connection_added(&host->subject, LIFECYCLE_WORLD_NOW, connection, actions));
}

void lifecycle_hosts_hear_proposal(struct lifecycle_world *world, unsigned side,
                                   unsigned connection)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    lifecycle_hosts_carry_out(world, side, actions,
                              world->module->inbound_arrived(&world->sides[side].subject,
                                                             LIFECYCLE_WORLD_NOW, connection,
                                                             actions));
}

void lifecycle_hosts_lose_stream(struct lifecycle_world *world, unsigned side, uint64_t attempt)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    if (world->sides[side].known)
        lifecycle_hosts_carry_out(world, side, actions,
                                  world->module->stream_lost(&world->sides[side].subject,
                                                             LIFECYCLE_WORLD_NOW, attempt,
                                                             actions));
}

static void tell_connection_lost(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    lifecycle_hosts_carry_out(world, side, actions,
                              world->module->connection_lost(&world->sides[side].subject,
                                                             LIFECYCLE_WORLD_NOW, connection,
                                                             actions));
}

void lifecycle_hosts_lose_connection(struct lifecycle_world *world, unsigned side, unsigned index,
                                     enum lifecycle_loss order)
{
    struct lifecycle_world_connection *connection = &world->connections[index];
    struct lifecycle_world_stream own = world->sides[side].stream;
    struct lifecycle_world_stream *other = &world->sides[!side].stream;
    bool carried = own.phase != LIFECYCLE_STREAM_NONE && own.connection == index;
    connection->ends[side] = LIFECYCLE_END_GONE;
    connection->ghosts[!side] = false;
    if (connection->dialler == side)
        connection->status_pending = false;
    if (other->phase != LIFECYCLE_STREAM_NONE && other->connection == index)
        other->phase = LIFECYCLE_STREAM_DEAF;
    if (carried)
        lifecycle_hosts_drop_stream(world, side);
    if (connection->ends[!side] == LIFECYCLE_END_GONE)
        *connection = (struct lifecycle_world_connection){.dialler = 0};
    if (carried && order == LIFECYCLE_LOSS_STREAM_FIRST)
        lifecycle_hosts_lose_stream(world, side, own.attempt);
    tell_connection_lost(world, side, index);
    if (carried && order == LIFECYCLE_LOSS_STREAM_AFTER)
        lifecycle_hosts_lose_stream(world, side, own.attempt);
}
