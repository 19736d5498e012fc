#include "net/host/lifecycle_model.h"

#include <string.h>

#include "net/host/lifecycle_world.h"

static void check(struct lifecycle_world *world)
{
    for (unsigned side = 0; side < LIFECYCLE_MODEL_SIDES; side++) {
        const struct lifecycle_world_side *host = &world->sides[side];
        const struct lifecycle_world_stream *stream = &host->stream;
        bool connected =
            lifecycle_world_is_up(world, side, 0) || lifecycle_world_is_up(world, side, 1);
        if (host->known && !connected)
            lifecycle_world_violate(world, "state is kept for a peer that is gone");
        if (!host->known && connected)
            lifecycle_world_violate(world, "a peer is forgotten while a connection lives");
        if (stream->phase != LIFECYCLE_STREAM_NONE &&
            stream->attempt != world->module->owned_attempt(&host->subject, stream->connection))
            lifecycle_world_violate(world, "an outbound stream is open that nobody owns");
    }
}

uint64_t lifecycle_model_start(void)
{
    return 0;
}

bool lifecycle_model_is_hostile(struct lifecycle_model_event event)
{
    return lifecycle_world_events[event.kind].hostile;
}

size_t lifecycle_model_successors(
    const struct lifecycle_module *module, uint64_t key,
    struct lifecycle_model_successor successors[LIFECYCLE_MODEL_SUCCESSORS_MAX])
{
    struct lifecycle_world world;
    size_t count = 0;
    lifecycle_world_unpack(module, key, &world);
    for (unsigned i = 0; i < LIFECYCLE_MODEL_SUCCESSORS_MAX; i++) {
        struct lifecycle_model_event event = {
            .kind = (uint8_t)(i / (LIFECYCLE_MODEL_SIDES * LIFECYCLE_MODEL_CONNECTIONS)),
            .side = i / LIFECYCLE_MODEL_CONNECTIONS % LIFECYCLE_MODEL_SIDES,
            .connection = i % LIFECYCLE_MODEL_CONNECTIONS};
        if (!lifecycle_world_events[event.kind].can(&world, event.side, event.connection))
            continue;
        struct lifecycle_world next = world;
        lifecycle_world_events[event.kind].apply(&next, event.side, event.connection);
        check(&next);
        successors[count++] = (struct lifecycle_model_successor){
            .event = event, .key = lifecycle_world_pack(&next), .violation = next.violation};
    }
    return count;
}

bool lifecycle_model_is_settled(const struct lifecycle_module *module, uint64_t key)
{
    struct lifecycle_world world;
    lifecycle_world_unpack(module, key, &world);
    return world.sides[0].stream.phase == LIFECYCLE_STREAM_ESTABLISHED &&
           world.sides[1].stream.phase == LIFECYCLE_STREAM_ESTABLISHED;
}

const char *lifecycle_model_event_text(struct lifecycle_model_event event)
{
    return lifecycle_world_events[event.kind].text;
}

struct lifecycle_model_view lifecycle_model_view(const struct lifecycle_module *module,
                                                 uint64_t key)
{
    struct lifecycle_model_view view;
    struct lifecycle_world world;
    lifecycle_world_unpack(module, key, &world);
    for (unsigned i = 0; i < LIFECYCLE_MODEL_CONNECTIONS; i++)
        memcpy(view.ends[i], world.connections[i].ends, sizeof(view.ends[i]));
    for (unsigned side = 0; side < LIFECYCLE_MODEL_SIDES; side++) {
        view.states[side] = world.sides[side].subject.parts[0].state;
        view.streams[side] = world.sides[side].stream.phase;
    }
    return view;
}
