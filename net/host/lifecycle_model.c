#include "net/host/lifecycle_model.h"

#include <string.h>

/* The moment at which everything happens: long after time 0, so that no attempt counts unless the
 * minute's are used up; a multiple of the ring in attempts made, so that none is unused. */
enum { NOW = 1000000000, ATTEMPTS_MADE = 2 * LIFECYCLE_ATTEMPTS_PER_MINUTE };

struct world_stream {
    enum lifecycle_phase phase;
    unsigned connection;
    uint64_t attempt;
};

struct world_connection {
    enum lifecycle_end ends[LIFECYCLE_MODEL_SIDES]; /* both not yet: the place is free */
    unsigned dialler;
    bool status_pending; /* at the dialler */
    /* By opener: a proposal under way whose stream the opener has given up since. */
    bool ghosts[LIFECYCLE_MODEL_SIDES];
};

struct world_side {
    bool known; /* there is state for the peer */
    bool used_up;
    struct lifecycle_subject subject;
    struct world_stream stream; /* its outbound one */
};

struct world {
    const struct lifecycle_module *module;
    const char *violation;
    struct world_connection connections[LIFECYCLE_MODEL_CONNECTIONS];
    struct world_side sides[LIFECYCLE_MODEL_SIDES];
};

/* ---- a world in 64 bits ---- */

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
    lifecycle->retry_at = lifecycle->opened_at = NOW;
    for (size_t i = 0; used_up && i < LIFECYCLE_ATTEMPTS_PER_MINUTE; i++)
        lifecycle->attempt_times[i] = NOW;
}

static uint64_t pack(const struct world *world)
{
    struct packing packing = {0};
    for (unsigned i = 0; i < LIFECYCLE_MODEL_CONNECTIONS; i++) {
        const struct world_connection *connection = &world->connections[i];
        put(&packing, connection->dialler, 1);
        put(&packing, connection->status_pending, 1);
        for (unsigned side = 0; side < LIFECYCLE_MODEL_SIDES; side++) {
            put(&packing, connection->ends[side], 2);
            put(&packing, connection->ghosts[side], 1);
        }
    }
    for (unsigned i = 0; i < LIFECYCLE_MODEL_SIDES; i++) {
        const struct world_side *side = &world->sides[i];
        put(&packing, side->known, 1);
        put(&packing, side->used_up, 1);
        put(&packing, side->stream.phase, 3);
        put(&packing, side->stream.connection, 1);
        for (unsigned part = 0; part < LIFECYCLE_MODULE_PARTS; part++)
            put_lifecycle(&packing, &side->subject.parts[part]);
    }
    return packing.key;
}

static void unpack(const struct lifecycle_module *module, uint64_t key, struct world *world)
{
    struct packing packing = {.key = key};
    world->module = module;
    world->violation = NULL;
    for (unsigned i = 0; i < LIFECYCLE_MODEL_CONNECTIONS; i++) {
        struct world_connection *connection = &world->connections[i];
        connection->dialler = take(&packing, 1);
        connection->status_pending = take(&packing, 1);
        for (unsigned side = 0; side < LIFECYCLE_MODEL_SIDES; side++) {
            connection->ends[side] = (enum lifecycle_end)take(&packing, 2);
            connection->ghosts[side] = take(&packing, 1);
        }
    }
    for (unsigned i = 0; i < LIFECYCLE_MODEL_SIDES; i++) {
        struct world_side *side = &world->sides[i];
        side->known = take(&packing, 1);
        side->used_up = take(&packing, 1);
        side->stream.phase = (enum lifecycle_phase)take(&packing, 3);
        side->stream.connection = take(&packing, 1);
        for (unsigned part = 0; part < LIFECYCLE_MODULE_PARTS; part++)
            take_lifecycle(&packing, side->used_up, &side->subject.parts[part]);
        side->stream.attempt = module->owned_attempt(&side->subject, side->stream.connection);
    }
}

/* ---- what the hosts on both sides do ---- */

static void violate(struct world *world, const char *what)
{
    if (world->violation == NULL)
        world->violation = what;
}

static bool is_free(const struct world_connection *connection)
{
    return connection->ends[0] == LIFECYCLE_END_NOT_YET &&
           connection->ends[1] == LIFECYCLE_END_NOT_YET;
}

static bool is_up(const struct world *world, unsigned side, unsigned connection)
{
    return world->connections[connection].ends[side] == LIFECYCLE_END_UP;
}

static void open_stream(struct world *world, unsigned side, const struct lifecycle_action *action)
{
    struct world_stream *stream = &world->sides[side].stream;
    unsigned connection = (unsigned)action->connection;
    if (connection >= LIFECYCLE_MODEL_CONNECTIONS || !is_up(world, side, connection)) {
        violate(world, "a stream is opened on a connection that is not there");
        return;
    }
    if (stream->phase != LIFECYCLE_STREAM_NONE)
        violate(world, "a second outbound stream is opened to the same peer");
    bool heard = world->connections[connection].ends[!side] != LIFECYCLE_END_GONE;
    stream->phase = heard ? LIFECYCLE_STREAM_PROPOSED : LIFECYCLE_STREAM_DEAF;
    stream->connection = connection;
    stream->attempt = action->attempt;
}

/* The opener lets go of its stream; a proposal may have been sent and still arrive. */
static void drop_stream(struct world *world, unsigned side)
{
    struct world_stream *stream = &world->sides[side].stream;
    if (stream->phase == LIFECYCLE_STREAM_PROPOSED)
        world->connections[stream->connection].ghosts[side] = true;
    *stream = (struct world_stream){.phase = LIFECYCLE_STREAM_NONE};
}

static void forget(struct world *world, unsigned side)
{
    if (!world->sides[side].known)
        violate(world, "a peer is forgotten twice");
    world->sides[side].known = false;
    memset(&world->sides[side].subject, 0, sizeof(world->sides[side].subject));
}

static void carry_out(struct world *world, unsigned side, const struct lifecycle_action *actions,
                      size_t count)
{
    const struct world_stream *stream = &world->sides[side].stream;
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == LIFECYCLE_OPEN_STREAM)
            open_stream(world, side, &actions[i]);
        else if (actions[i].kind == LIFECYCLE_FORGET)
            forget(world, side);
        else if (stream->phase != LIFECYCLE_STREAM_NONE && stream->attempt == actions[i].attempt)
            drop_stream(world, side);
    }
}

static void tell_added(struct world *world, unsigned side, unsigned connection)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    struct world_side *host = &world->sides[side];
    if (!host->known)
        world->module->init(&host->subject);
    host->known = true;
    carry_out(world, side, actions,
              world->module->connection_added(&host->subject, NOW, connection, actions));
}

static void tell_inbound(struct world *world, unsigned side, unsigned connection)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    carry_out(
        world, side, actions,
        world->module->inbound_arrived(&world->sides[side].subject, NOW, connection, actions));
}

static void tell_stream_lost(struct world *world, unsigned side, uint64_t attempt)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    if (world->sides[side].known)
        carry_out(world, side, actions,
                  world->module->stream_lost(&world->sides[side].subject, NOW, attempt, actions));
}

static void tell_connection_lost(struct world *world, unsigned side, unsigned connection)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    carry_out(
        world, side, actions,
        world->module->connection_lost(&world->sides[side].subject, NOW, connection, actions));
}

/* A host may tell of the streams of a dead connection before it tells of the connection, after, or
 * not at all. */
enum order { CONNECTION_ALONE, STREAM_FIRST, STREAM_AFTER };

static void lose_connection(struct world *world, unsigned side, unsigned index, enum order order)
{
    struct world_connection *connection = &world->connections[index];
    struct world_stream own = world->sides[side].stream;
    struct world_stream *other = &world->sides[!side].stream;
    bool carried = own.phase != LIFECYCLE_STREAM_NONE && own.connection == index;
    connection->ends[side] = LIFECYCLE_END_GONE;
    connection->ghosts[!side] = false;
    if (connection->dialler == side)
        connection->status_pending = false;
    if (other->phase != LIFECYCLE_STREAM_NONE && other->connection == index)
        other->phase = LIFECYCLE_STREAM_DEAF;
    if (carried)
        drop_stream(world, side);
    if (connection->ends[!side] == LIFECYCLE_END_GONE)
        *connection = (struct world_connection){.dialler = 0};
    if (carried && order == STREAM_FIRST)
        tell_stream_lost(world, side, own.attempt);
    tell_connection_lost(world, side, index);
    if (carried && order == STREAM_AFTER)
        tell_stream_lost(world, side, own.attempt);
}

/* ---- events: when they can happen, and what they do ---- */

static bool can_dial(const struct world *world, unsigned side, unsigned connection)
{
    (void)side;
    return connection == 0 && is_free(&world->connections[0]) && is_free(&world->connections[1]);
}

static bool can_dial_second(const struct world *world, unsigned side, unsigned connection)
{
    (void)side;
    return is_free(&world->connections[connection]) && !is_free(&world->connections[!connection]);
}

static void dial(struct world *world, unsigned side, unsigned connection)
{
    world->connections[connection].dialler = side;
    world->connections[connection].status_pending = true;
    world->connections[connection].ends[side] = LIFECYCLE_END_UP;
    tell_added(world, side, connection);
}

/* SIDE is the listener, who has the connection later than the dialler. */
static bool can_accept(const struct world *world, unsigned side, unsigned index)
{
    const struct world_connection *connection = &world->connections[index];
    return !is_free(connection) && connection->ends[side] == LIFECYCLE_END_NOT_YET;
}

static void accept_connection(struct world *world, unsigned side, unsigned connection)
{
    world->connections[connection].ends[side] = LIFECYCLE_END_UP;
    tell_added(world, side, connection);
}

static bool can_vanish(const struct world *world, unsigned side, unsigned connection)
{
    return can_accept(world, side, connection) &&
           world->connections[connection].ends[!side] == LIFECYCLE_END_GONE;
}

static void vanish(struct world *world, unsigned side, unsigned connection)
{
    (void)side;
    world->connections[connection] = (struct world_connection){.dialler = 0};
}

static bool status_pends(const struct world *world, unsigned side, unsigned index)
{
    const struct world_connection *connection = &world->connections[index];
    return connection->status_pending && connection->dialler == side;
}

static bool can_finish_status(const struct world *world, unsigned side, unsigned connection)
{
    return status_pends(world, side, connection) && is_up(world, !side, connection);
}

static void finish_status(struct world *world, unsigned side, unsigned connection)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    world->connections[connection].status_pending = false;
    carry_out(world, side, actions,
              world->module->dial_ready(&world->sides[side].subject, NOW, connection, actions));
}

static bool can_lose(const struct world *world, unsigned side, unsigned connection)
{
    return is_up(world, side, connection) &&
           world->connections[connection].ends[!side] != LIFECYCLE_END_GONE;
}

static bool can_notice(const struct world *world, unsigned side, unsigned connection)
{
    return is_up(world, side, connection) &&
           world->connections[connection].ends[!side] == LIFECYCLE_END_GONE;
}

static bool carries_stream(const struct world *world, unsigned side, unsigned connection)
{
    const struct world_stream *stream = &world->sides[side].stream;
    return stream->phase != LIFECYCLE_STREAM_NONE && stream->connection == connection;
}

static bool can_lose_with_stream(const struct world *world, unsigned side, unsigned connection)
{
    return can_lose(world, side, connection) && carries_stream(world, side, connection);
}

static bool can_notice_with_stream(const struct world *world, unsigned side, unsigned connection)
{
    return can_notice(world, side, connection) && carries_stream(world, side, connection);
}

static void lose_alone(struct world *world, unsigned side, unsigned connection)
{
    lose_connection(world, side, connection, CONNECTION_ALONE);
}

static void lose_stream_first(struct world *world, unsigned side, unsigned connection)
{
    lose_connection(world, side, connection, STREAM_FIRST);
}

static void lose_stream_after(struct world *world, unsigned side, unsigned connection)
{
    lose_connection(world, side, connection, STREAM_AFTER);
}

/* From here on SIDE is the stream's opener, and its connection is the stream's. */

static bool is_proposed(const struct world *world, unsigned side, unsigned connection)
{
    return carries_stream(world, side, connection) &&
           world->sides[side].stream.phase == LIFECYCLE_STREAM_PROPOSED;
}

static bool can_arrive(const struct world *world, unsigned side, unsigned connection)
{
    return is_proposed(world, side, connection) && is_up(world, !side, connection);
}

static void arrive(struct world *world, unsigned side, unsigned connection)
{
    world->sides[side].stream.phase = LIFECYCLE_STREAM_ECHOED;
    tell_inbound(world, !side, connection);
}

static void refuse(struct world *world, unsigned side, unsigned connection)
{
    (void)connection;
    world->sides[side].stream.phase = LIFECYCLE_STREAM_REFUSED;
}

static bool can_echo(const struct world *world, unsigned side, unsigned connection)
{
    return carries_stream(world, side, connection) &&
           world->sides[side].stream.phase == LIFECYCLE_STREAM_ECHOED;
}

static void echo(struct world *world, unsigned side, unsigned connection)
{
    (void)connection;
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    struct world_side *host = &world->sides[side];
    host->stream.phase = LIFECYCLE_STREAM_ESTABLISHED;
    carry_out(world, side, actions,
              world->module->stream_opened(&host->subject, NOW, host->stream.attempt, actions));
}

static bool is_read(const struct world *world, unsigned side, unsigned connection)
{
    enum lifecycle_phase phase = world->sides[side].stream.phase;
    return carries_stream(world, side, connection) &&
           (phase == LIFECYCLE_STREAM_ECHOED || phase == LIFECYCLE_STREAM_ESTABLISHED);
}

static void reset_by_reader(struct world *world, unsigned side, unsigned connection)
{
    (void)connection;
    world->sides[side].stream.phase = LIFECYCLE_STREAM_RESET;
}

static bool is_established(const struct world *world, unsigned side, unsigned connection)
{
    return carries_stream(world, side, connection) &&
           world->sides[side].stream.phase == LIFECYCLE_STREAM_ESTABLISHED;
}

static void end_by_reader(struct world *world, unsigned side, unsigned connection)
{
    (void)connection;
    world->sides[side].stream.phase = LIFECYCLE_STREAM_ENDED;
}

static void fail_at_opener(struct world *world, unsigned side, unsigned connection)
{
    (void)connection;
    uint64_t attempt = world->sides[side].stream.attempt;
    drop_stream(world, side);
    tell_stream_lost(world, side, attempt);
}

static bool can_hear_of_loss(const struct world *world, unsigned side, unsigned connection)
{
    enum lifecycle_phase phase = world->sides[side].stream.phase;
    return carries_stream(world, side, connection) &&
           (phase == LIFECYCLE_STREAM_REFUSED || phase == LIFECYCLE_STREAM_RESET ||
            phase == LIFECYCLE_STREAM_ENDED);
}

/* A stream that was reset is gone; of one refused or ended the module has to close the rest. */
static void hear_of_loss(struct world *world, unsigned side, unsigned connection)
{
    (void)connection;
    struct world_stream stream = world->sides[side].stream;
    if (stream.phase == LIFECYCLE_STREAM_RESET)
        drop_stream(world, side);
    tell_stream_lost(world, side, stream.attempt);
}

static bool has_ghost(const struct world *world, unsigned side, unsigned connection)
{
    return world->connections[connection].ghosts[side];
}

static bool ghost_can_arrive(const struct world *world, unsigned side, unsigned connection)
{
    return has_ghost(world, side, connection) && is_up(world, !side, connection);
}

static void ghost_arrives(struct world *world, unsigned side, unsigned connection)
{
    world->connections[connection].ghosts[side] = false;
    tell_inbound(world, !side, connection);
}

static void ghost_vanishes(struct world *world, unsigned side, unsigned connection)
{
    world->connections[connection].ghosts[side] = false;
}

/* Of a side alone: CONNECTION is 0. */

static bool can_tick(const struct world *world, unsigned side, unsigned connection)
{
    const struct world_side *host = &world->sides[side];
    return connection == 0 && host->known && world->module->next_time(&host->subject) <= NOW;
}

static void tick(struct world *world, unsigned side, unsigned connection)
{
    (void)connection;
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    carry_out(world, side, actions, world->module->tick(&world->sides[side].subject, NOW, actions));
}

static bool can_use_up(const struct world *world, unsigned side, unsigned connection)
{
    return connection == 0 && !world->sides[side].used_up;
}

static void use_up(struct world *world, unsigned side, unsigned connection)
{
    (void)connection;
    world->sides[side].used_up = true;
}

static bool minute_can_pass(const struct world *world, unsigned side, unsigned connection)
{
    return connection == 0 && world->sides[side].used_up;
}

static void minute_passes(struct world *world, unsigned side, unsigned connection)
{
    (void)connection;
    world->sides[side].used_up = false;
}

static const struct {
    const char *text;
    bool hostile;
    bool (*can)(const struct world *world, unsigned side, unsigned connection);
    void (*apply)(struct world *world, unsigned side, unsigned connection);
} kinds[] = {
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

_Static_assert(sizeof(kinds) / sizeof(*kinds) == LIFECYCLE_MODEL_KINDS,
               "LIFECYCLE_MODEL_KINDS counts them");

static void check(struct world *world)
{
    for (unsigned side = 0; side < LIFECYCLE_MODEL_SIDES; side++) {
        const struct world_side *host = &world->sides[side];
        const struct world_stream *stream = &host->stream;
        bool connected = is_up(world, side, 0) || is_up(world, side, 1);
        if (host->known && !connected)
            violate(world, "state is kept for a peer that is gone");
        if (!host->known && connected)
            violate(world, "a peer is forgotten while a connection lives");
        if (stream->phase != LIFECYCLE_STREAM_NONE &&
            stream->attempt != world->module->owned_attempt(&host->subject, stream->connection))
            violate(world, "an outbound stream is open that nobody owns");
    }
}

uint64_t lifecycle_model_start(void)
{
    return 0;
}

bool lifecycle_model_is_hostile(struct lifecycle_model_event event)
{
    return kinds[event.kind].hostile;
}

size_t lifecycle_model_successors(
    const struct lifecycle_module *module, uint64_t key,
    struct lifecycle_model_successor successors[LIFECYCLE_MODEL_SUCCESSORS_MAX])
{
    struct world world;
    size_t count = 0;
    unpack(module, key, &world);
    for (unsigned i = 0; i < LIFECYCLE_MODEL_SUCCESSORS_MAX; i++) {
        struct lifecycle_model_event event = {
            .kind = (uint8_t)(i / (LIFECYCLE_MODEL_SIDES * LIFECYCLE_MODEL_CONNECTIONS)),
            .side = i / LIFECYCLE_MODEL_CONNECTIONS % LIFECYCLE_MODEL_SIDES,
            .connection = i % LIFECYCLE_MODEL_CONNECTIONS};
        if (!kinds[event.kind].can(&world, event.side, event.connection))
            continue;
        struct world next = world;
        kinds[event.kind].apply(&next, event.side, event.connection);
        check(&next);
        successors[count++] = (struct lifecycle_model_successor){
            .event = event, .key = pack(&next), .violation = next.violation};
    }
    return count;
}

bool lifecycle_model_is_settled(const struct lifecycle_module *module, uint64_t key)
{
    struct world world;
    unpack(module, key, &world);
    return world.sides[0].stream.phase == LIFECYCLE_STREAM_ESTABLISHED &&
           world.sides[1].stream.phase == LIFECYCLE_STREAM_ESTABLISHED;
}

const char *lifecycle_model_event_text(struct lifecycle_model_event event)
{
    return kinds[event.kind].text;
}

struct lifecycle_model_view lifecycle_model_view(const struct lifecycle_module *module,
                                                 uint64_t key)
{
    struct lifecycle_model_view view;
    struct world world;
    unpack(module, key, &world);
    for (unsigned i = 0; i < LIFECYCLE_MODEL_CONNECTIONS; i++)
        memcpy(view.ends[i], world.connections[i].ends, sizeof(view.ends[i]));
    for (unsigned side = 0; side < LIFECYCLE_MODEL_SIDES; side++) {
        view.states[side] = world.sides[side].subject.parts[0].state;
        view.streams[side] = world.sides[side].stream.phase;
    }
    return view;
}
