#include "net/host/lifecycle_world.h"

static bool can_dial(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)side;
    return connection == 0 && lifecycle_world_is_free(&world->connections[0]) &&
           lifecycle_world_is_free(&world->connections[1]);
}

static bool can_dial_second(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)side;
    return lifecycle_world_is_free(&world->connections[connection]) &&
           !lifecycle_world_is_free(&world->connections[!connection]);
}

static void dial(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    world->connections[connection].dialler = side;
    world->connections[connection].status_pending = true;
    world->connections[connection].ends[side] = LIFECYCLE_END_UP;
    lifecycle_hosts_add(world, side, connection);
}

/* SIDE is the listener, who has the connection later than the dialler. */
static bool can_accept(const struct lifecycle_world *world, unsigned side, unsigned index)
{
    const struct lifecycle_world_connection *connection = &world->connections[index];
    return !lifecycle_world_is_free(connection) && connection->ends[side] == LIFECYCLE_END_NOT_YET;
}

static void accept_connection(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    world->connections[connection].ends[side] = LIFECYCLE_END_UP;
    lifecycle_hosts_add(world, side, connection);
}

static bool can_vanish(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return can_accept(world, side, connection) &&
           world->connections[connection].ends[!side] == LIFECYCLE_END_GONE;
}

static void vanish(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)side;
    world->connections[connection] = (struct lifecycle_world_connection){.dialler = 0};
}

static bool status_pends(const struct lifecycle_world *world, unsigned side, unsigned index)
{
    const struct lifecycle_world_connection *connection = &world->connections[index];
    return connection->status_pending && connection->dialler == side;
}

static bool can_finish_status(const struct lifecycle_world *world, unsigned side,
                              unsigned connection)
{
    return status_pends(world, side, connection) && lifecycle_world_is_up(world, !side, connection);
}

static void finish_status(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    world->connections[connection].status_pending = false;
    lifecycle_hosts_carry_out(world, side, actions,
                              world->module->dial_ready(&world->sides[side].subject,
                                                        LIFECYCLE_WORLD_NOW, connection, actions));
}

static bool can_lose(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return lifecycle_world_is_up(world, side, connection) &&
           world->connections[connection].ends[!side] != LIFECYCLE_END_GONE;
}

static bool can_notice(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return lifecycle_world_is_up(world, side, connection) &&
           world->connections[connection].ends[!side] == LIFECYCLE_END_GONE;
}

static bool carries_stream(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    const struct lifecycle_world_stream *stream = &world->sides[side].stream;
    return stream->phase != LIFECYCLE_STREAM_NONE && stream->connection == connection;
}

static bool can_lose_with_stream(const struct lifecycle_world *world, unsigned side,
                                 unsigned connection)
{
    return can_lose(world, side, connection) && carries_stream(world, side, connection);
}

static bool can_notice_with_stream(const struct lifecycle_world *world, unsigned side,
                                   unsigned connection)
{
    return can_notice(world, side, connection) && carries_stream(world, side, connection);
}

static void lose_alone(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    lifecycle_hosts_lose_connection(world, side, connection, LIFECYCLE_LOSS_CONNECTION_ALONE);
}

static void lose_stream_first(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    lifecycle_hosts_lose_connection(world, side, connection, LIFECYCLE_LOSS_STREAM_FIRST);
}

static void lose_stream_after(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    lifecycle_hosts_lose_connection(world, side, connection, LIFECYCLE_LOSS_STREAM_AFTER);
}

/* From here on SIDE is the stream's opener, and its connection is the stream's. */

static bool is_proposed(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return carries_stream(world, side, connection) &&
           world->sides[side].stream.phase == LIFECYCLE_STREAM_PROPOSED;
}

static bool can_arrive(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return is_proposed(world, side, connection) && lifecycle_world_is_up(world, !side, connection);
}

static void arrive(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    world->sides[side].stream.phase = LIFECYCLE_STREAM_ECHOED;
    lifecycle_hosts_hear_proposal(world, !side, connection);
}

static void refuse(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)connection;
    world->sides[side].stream.phase = LIFECYCLE_STREAM_REFUSED;
}

static bool can_echo(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return carries_stream(world, side, connection) &&
           world->sides[side].stream.phase == LIFECYCLE_STREAM_ECHOED;
}

static void echo(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)connection;
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    struct lifecycle_world_side *host = &world->sides[side];
    host->stream.phase = LIFECYCLE_STREAM_ESTABLISHED;
    lifecycle_hosts_carry_out(world, side, actions,
                              world->module->stream_opened(&host->subject, LIFECYCLE_WORLD_NOW,
                                                           host->stream.attempt, actions));
}

static bool is_read(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    enum lifecycle_phase phase = world->sides[side].stream.phase;
    return carries_stream(world, side, connection) &&
           (phase == LIFECYCLE_STREAM_ECHOED || phase == LIFECYCLE_STREAM_ESTABLISHED);
}

static void reset_by_reader(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)connection;
    world->sides[side].stream.phase = LIFECYCLE_STREAM_RESET;
}

static bool is_established(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return carries_stream(world, side, connection) &&
           world->sides[side].stream.phase == LIFECYCLE_STREAM_ESTABLISHED;
}

static void end_by_reader(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)connection;
    world->sides[side].stream.phase = LIFECYCLE_STREAM_ENDED;
}

static void fail_at_opener(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)connection;
    uint64_t attempt = world->sides[side].stream.attempt;
    lifecycle_hosts_drop_stream(world, side);
    lifecycle_hosts_lose_stream(world, side, attempt);
}

static bool can_hear_of_loss(const struct lifecycle_world *world, unsigned side,
                             unsigned connection)
{
    enum lifecycle_phase phase = world->sides[side].stream.phase;
    return carries_stream(world, side, connection) &&
           (phase == LIFECYCLE_STREAM_REFUSED || phase == LIFECYCLE_STREAM_RESET ||
            phase == LIFECYCLE_STREAM_ENDED);
}

/* A stream that was reset is gone; of one refused or ended the module has to close the rest. */
static void hear_of_loss(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)connection;
    struct lifecycle_world_stream stream = world->sides[side].stream;
    if (stream.phase == LIFECYCLE_STREAM_RESET)
        lifecycle_hosts_drop_stream(world, side);
    lifecycle_hosts_lose_stream(world, side, stream.attempt);
}

static bool has_ghost(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return world->connections[connection].ghosts[side];
}

static bool ghost_can_arrive(const struct lifecycle_world *world, unsigned side,
                             unsigned connection)
{
    return has_ghost(world, side, connection) && lifecycle_world_is_up(world, !side, connection);
}

static void ghost_arrives(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    world->connections[connection].ghosts[side] = false;
    lifecycle_hosts_hear_proposal(world, !side, connection);
}

static void ghost_vanishes(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    world->connections[connection].ghosts[side] = false;
}

/* Of a side alone: CONNECTION is 0. */

static bool can_tick(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    const struct lifecycle_world_side *host = &world->sides[side];
    return connection == 0 && host->known &&
           world->module->next_time(&host->subject) <= LIFECYCLE_WORLD_NOW;
}

static void tick(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)connection;
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    lifecycle_hosts_carry_out(
        world, side, actions,
        world->module->tick(&world->sides[side].subject, LIFECYCLE_WORLD_NOW, actions));
}

static bool can_use_up(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return connection == 0 && !world->sides[side].used_up;
}

static void use_up(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)connection;
    world->sides[side].used_up = true;
}

static bool minute_can_pass(const struct lifecycle_world *world, unsigned side, unsigned connection)
{
    return connection == 0 && world->sides[side].used_up;
}

static void minute_passes(struct lifecycle_world *world, unsigned side, unsigned connection)
{
    (void)connection;
    world->sides[side].used_up = false;
}

const struct lifecycle_world_event lifecycle_world_events[] = {
    {"dials, nothing being there, and has its handshake done", false, can_dial, dial},
    {"has the handshake of the peer's dial done", false, can_accept, accept_connection},
    {"never hears of the peer's dial", false, can_vanish, vanish},
    {"has status done", false, can_finish_status, finish_status},
    {"opened: the proposal arrives and is echoed", false, can_arrive, arrive},
    {"opened: the echo arrives", false, can_echo, echo},
    {"opened: `na`, FIN or reset arrives", false, can_hear_of_loss, hear_of_loss},
    {"opened and gave up: the proposal arrives", false, ghost_can_arrive, ghost_arrives},
    {"opened and gave up: the proposal never arrives", false, has_ghost, ghost_vanishes},
    {"notices that the connection is gone", false, can_notice, lose_alone},
    {"notices that stream, then connection are gone", false, can_notice_with_stream,
     lose_stream_first},
    {"notices that connection, then stream are gone", false, can_notice_with_stream,
     lose_stream_after},
    {"has its retry due", false, can_tick, tick},
    {"may open again: a minute has passed", false, minute_can_pass, minute_passes},
    {"dials a second time and has its handshake done", true, can_dial_second, dial},
    {"times out on status and disconnects", true, status_pends, lose_alone},
    {"opened: the peer refuses", true, can_arrive, refuse},
    {"opened: the peer resets", true, is_read, reset_by_reader},
    {"opened: the peer sends FIN", true, is_established, end_by_reader},
    {"opened: it resets its own stream, or could not open it", true, carries_stream,
     fail_at_opener},
    {"loses the connection", true, can_lose, lose_alone},
    {"loses the stream, then the connection", true, can_lose_with_stream, lose_stream_first},
    {"loses the connection, then the stream", true, can_lose_with_stream, lose_stream_after},
    {"has used up its attempts of the minute", true, can_use_up, use_up},
};
