#include "tests/unit/sending_model.h"
#include "tests/unit/rpc_whole.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"
#include "common/state_key.h"
#include "common/varint.h"
#include "net/gossipsub/internal.h"

enum {
    NOW = 1000000000, /* at which everything happens: long after anything that has ended */
    CHANNEL_MAX = 2,  /* at most */
    CONNECTION = 1,
    BACKOFF_MS = 60000, /* of every one */
    MESH_SIZE = 6,      /* that is wanted */
};

enum said { SAID_NOTHING, SAID_SUBSCRIBE, SAID_UNSUBSCRIBE };

struct item {
    bool fresh; /* the first of its stream */
    enum said said;
    bool graft, prune;
};

/* One router's state as far as it matters, and its channel to the other. */
struct side {
    bool subscribed, in_mesh, peer_subscribed;
    bool may_know, knows, may_have_us, has_us, withdrawn, pruned, unsaid;
    bool backoff; /* until `its backoff ends` */
    bool stream_open, full;
    bool crowded; /* its mesh is full of others: it takes a GRAFT, and sends none of itself */
    unsigned count;
    struct item items[CHANNEL_MAX];
};

struct sending_model {
    struct sending_bounds bounds;
    unsigned mutation;
    struct gossipsub *routers[SENDING_SIDES];
    struct gossipsub_actions actions;
    struct arena arena;
    struct rpc_writer writer;
    struct side sides[SENDING_SIDES];
    bool pruned_before[SENDING_SIDES]; /* the event */
    const char *violation;
};

static const char topic_name[] = "t";

/* ---- a side in 64 bits ---- */

static bool *flag(struct side *side, size_t index)
{
    bool *const flags[] = {
        &side->subscribed, &side->in_mesh,     &side->peer_subscribed, &side->may_know,
        &side->knows,      &side->may_have_us, &side->has_us,          &side->withdrawn,
        &side->pruned,     &side->unsaid,      &side->backoff,         &side->stream_open,
        &side->full,       &side->crowded,
    };
    return index < sizeof(flags) / sizeof(*flags) ? flags[index] : NULL;
}

static uint64_t pack(struct side *side)
{
    struct state_key key = {0};
    for (size_t i = 0; flag(side, i) != NULL; i++)
        state_key_put(&key, *flag(side, i), 1);
    state_key_put(&key, side->count, 2);
    for (unsigned i = 0; i < side->count; i++) {
        const struct item *item = &side->items[i];
        state_key_put(&key, item->fresh, 1);
        state_key_put(&key, item->said, 2);
        state_key_put(&key, item->graft, 1);
        state_key_put(&key, item->prune, 1);
    }
    return key.word;
}

static void unpack(uint64_t word, struct side *side)
{
    struct state_key key = {.word = word};
    *side = (struct side){0};
    for (size_t i = 0; flag(side, i) != NULL; i++)
        *flag(side, i) = state_key_take(&key, 1);
    side->count = state_key_take(&key, 2);
    for (unsigned i = 0; i < side->count; i++) {
        struct item *item = &side->items[i];
        item->fresh = state_key_take(&key, 1);
        item->said = (enum said)state_key_take(&key, 2);
        item->graft = state_key_take(&key, 1);
        item->prune = state_key_take(&key, 1);
    }
}

/* ---- a router in the state of its side, and back ---- */

static void set_bit(struct topic_bits *bits, bool set)
{
    bits->words[0] = set;
}

static void set_member(struct handle_set *set, bool member)
{
    set->count = 0;
    if (member)
        handle_set_add(set, 0);
}

/* The beginning of a stream, on which nothing has been written yet. */
static bool is_bare(const struct item *item)
{
    return item->fresh && item->said == SAID_NOTHING && !item->graft && !item->prune;
}

static bool takes_no_more(const struct sending_model *model, const struct side *side)
{
    return side->full ||
           (side->count >= model->bounds.channel && !is_bare(&side->items[side->count - 1]));
}

/* What its driver reports of the channel. */
static size_t unsent(const struct sending_model *model, const struct side *side)
{
    bool honest = (model->mutation & SENDING_DROPS_WHEN_FULL) == 0;
    return honest && side->stream_open && takes_no_more(model, side) ? SEND_STREAM_MAX + 1 : 0;
}

static void restore_told(const struct side *side, struct told *told)
{
    set_bit(&told->may_know, side->may_know);
    set_bit(&told->knows, side->knows);
    set_bit(&told->may_have_us, side->may_have_us);
    set_bit(&told->has_us, side->has_us);
    set_bit(&told->withdrawn, side->withdrawn);
    set_bit(&told->pruned, side->pruned);
    set_bit(&told->unsaid, side->unsaid);
    told->any_unsaid = side->unsaid;
}

static void restore(struct sending_model *model, unsigned index)
{
    const struct side *side = &model->sides[index];
    struct gossipsub *router = model->routers[index];
    struct router_peer *peer = router->peers[0];
    struct topic *topic = router->topics[0];
    model->pruned_before[index] = side->pruned;
    router->parameters.d = router->parameters.d_low = side->crowded ? 0 : MESH_SIZE;
    random_seed(&router->random, 1);
    topic->subscribed = side->subscribed;
    topic->idle_heartbeats = 0;
    set_member(&topic->mesh, side->in_mesh);
    set_member(&topic->subscribers, side->peer_subscribed);
    set_bit(&peer->subscriptions, side->peer_subscribed);
    restore_told(side, &peer->told);
    set_bit(&peer->grafted, false); /* a heartbeat may have just been */
    set_bit(&peer->refused, false);
    set_bit(&peer->pruned_us, false);
    bool backoff = backoff_count(&router->backoffs) > 0; /* making one anew takes longest of all */
    if (backoff && !side->backoff)
        backoff_clear(&router->backoffs);
    if (!backoff && side->backoff)
        backoff_set(&router->backoffs, NOW, peer_id_of(peer), 0, BACKOFF_MS);
    peer->stream_open = side->stream_open;
    peer->unsent = unsent(model, side);
    peer->moved_at = NOW;
    peer->offence_points = peer->subscription_changes = 0;
}

static void read_back(struct sending_model *model, unsigned index)
{
    struct side *side = &model->sides[index];
    const struct gossipsub *router = model->routers[index];
    const struct router_peer *peer = router->peers[0];
    const struct topic *topic = router->topics[0];
    side->subscribed = topic->subscribed;
    side->in_mesh = topic->mesh.count > 0;
    side->peer_subscribed = topic->subscribers.count > 0;
    side->may_know = topic_bits_has(&peer->told.may_know, 0);
    side->knows = topic_bits_has(&peer->told.knows, 0);
    side->may_have_us = topic_bits_has(&peer->told.may_have_us, 0);
    side->has_us = topic_bits_has(&peer->told.has_us, 0);
    side->withdrawn = topic_bits_has(&peer->told.withdrawn, 0);
    side->pruned = topic_bits_has(&peer->told.pruned, 0);
    /* One that is marked and has nothing to be said is as one that is not. */
    bool owed = side->subscribed ? !side->knows : side->may_know;
    owed = owed || (side->in_mesh ? !side->has_us : side->may_have_us);
    side->unsaid = owed && topic_bits_has(&peer->told.unsaid, 0);
    side->backoff = backoff_left(&router->backoffs, NOW, peer_id_of(peer), 0) > 0;
    side->stream_open = peer->stream_open;
}

/* ---- what the driver does ---- */

static void violate(struct sending_model *model, const char *what)
{
    if (model->violation == NULL)
        model->violation = what;
}

static struct item item_of(struct sending_model *model, const struct chunk *chunk)
{
    uint64_t size;
    int prefix = varint_read(chunk_bytes(chunk), &size);
    const Gossipsub__RPC *rpc =
        rpc_whole(bytes_after(chunk_bytes(chunk), (size_t)prefix), &model->arena);
    struct item item = {0};
    if (rpc->n_subscriptions > 0)
        item.said = rpc->subscriptions[0]->subscribe ? SAID_SUBSCRIBE : SAID_UNSUBSCRIBE;
    item.graft = rpc->control != NULL && rpc->control->n_graft > 0;
    item.prune = rpc->control != NULL && rpc->control->n_prune > 0;
    return item;
}

/* The first on a stream opens it at the peer, be it empty. */
static void write_item(struct sending_model *model, struct side *side, struct item item)
{
    if (takes_no_more(model, side)) {
        if ((model->mutation & SENDING_DROPS_WHEN_FULL) == 0)
            violate(model, "something is written to a channel that is full");
        return;
    }
    if (side->count > 0 && is_bare(&side->items[side->count - 1])) {
        item.fresh = true;
        side->count--;
    }
    side->items[side->count++] = item;
}

static void send_item(struct sending_model *model, unsigned index, struct item item)
{
    struct told *told = &model->routers[index]->peers[0]->told;
    if (item.said == SAID_UNSUBSCRIBE && !item.prune &&
        (model->mutation & SENDING_FORGETS_CROSSING) != 0)
        set_bit(&told->pruned, model->pruned_before[index]);
    write_item(model, &model->sides[index], item);
}

static void report(struct sending_model *model, unsigned index, bool moved);
static void carry_out(struct sending_model *model, unsigned index)
{
    if (model->actions.count == 0)
        return;
    struct gossipsub_actions actions = model->actions;
    model->actions = (struct gossipsub_actions){0};
    for (size_t i = 0; i < actions.count; i++) {
        const struct gossipsub_action *action = &actions.items[i];
        if (action->kind == GOSSIPSUB_DROP_PEER)
            violate(model, "an honest peer is dropped");
        if (action->kind == GOSSIPSUB_SEND && !model->sides[index].stream_open)
            violate(model, "something is sent without a stream");
        if (action->kind == GOSSIPSUB_SEND)
            send_item(model, index, item_of(model, action->rpc));
    }
    gossipsub_actions_clear(&actions);
    if (model->sides[index].stream_open)
        report(model, index, false);
}

static void after(struct sending_model *model, unsigned index)
{
    read_back(model, index);
    carry_out(model, index);
    read_back(model, index);
}

static void report(struct sending_model *model, unsigned index, bool moved)
{
    uint64_t before = model->routers[index]->peers[0]->acknowledged;
    struct gossipsub_progress progress = {.connection = CONNECTION,
                                          .unsent = unsent(model, &model->sides[index]),
                                          .acknowledged = before + moved};
    gossipsub_stream_progressed(model->routers[index], NOW, 0, &progress, &model->actions);
    after(model, index);
}

static void close_stream(struct sending_model *model, unsigned index)
{
    struct side *side = &model->sides[index];
    struct told *told = &model->routers[index]->peers[0]->told;
    side->count = 0;
    side->full = false;
    if ((model->mutation & SENDING_FORGETS_UNSUBSCRIBE) != 0)
        set_bit(&told->withdrawn, false);
    if ((model->mutation & SENDING_FORGETS_PRUNE) != 0)
        set_bit(&told->pruned, false);
    gossipsub_stream_closed(model->routers[index], NOW, 0, &model->actions);
    after(model, index);
}

/* ---- events: when they can happen, and what they do ---- */

static bool can_subscribe(const struct sending_model *model, unsigned index)
{
    return !model->sides[index].subscribed;
}

static void subscribe(struct sending_model *model, unsigned index)
{
    gossipsub_subscribe(model->routers[index], NOW, topic_name, &model->actions, NULL);
    after(model, index);
}

static bool can_unsubscribe(const struct sending_model *model, unsigned index)
{
    return model->sides[index].subscribed;
}

static void unsubscribe(struct sending_model *model, unsigned index)
{
    gossipsub_unsubscribe(model->routers[index], NOW, topic_name, &model->actions, NULL);
    after(model, index);
}

static bool can_fill(const struct sending_model *model, unsigned index)
{
    return model->bounds.stalls && model->sides[index].stream_open && !model->sides[index].full;
}

static void fill(struct sending_model *model, unsigned index)
{
    model->sides[index].full = true;
    report(model, index, false);
}

static bool can_drain(const struct sending_model *model, unsigned index)
{
    return model->sides[index].full;
}

static void drain(struct sending_model *model, unsigned index)
{
    model->sides[index].full = false;
    report(model, index, true);
}

static bool can_crowd(const struct sending_model *model, unsigned index)
{
    (void)index;
    return model->bounds.crowds;
}

static void crowd(struct sending_model *model, unsigned index)
{
    model->sides[index].crowded = !model->sides[index].crowded;
}

static bool can_lose_stream(const struct sending_model *model, unsigned index)
{
    return model->bounds.losses && model->sides[index].stream_open;
}

static bool can_open_stream(const struct sending_model *model, unsigned index)
{
    return !model->sides[index].stream_open;
}

static void open_stream(struct sending_model *model, unsigned index)
{
    write_item(model, &model->sides[index], (struct item){.fresh = true});
    gossipsub_stream_opened(model->routers[index], NOW, 0, GOSSIPSUB_1_2, &model->actions);
    after(model, index);
}

static bool can_beat(const struct sending_model *model, unsigned index)
{
    (void)model, (void)index;
    return true;
}

static void beat(struct sending_model *model, unsigned index)
{
    gossipsub_heartbeat(model->routers[index], NOW, &model->actions);
    after(model, index);
}

static bool can_end_backoff(const struct sending_model *model, unsigned index)
{
    return model->sides[index].backoff;
}

static void end_backoff(struct sending_model *model, unsigned index)
{
    model->sides[index].backoff = false;
}

/* INDEX receives. */
static bool can_deliver(const struct sending_model *model, unsigned index)
{
    return model->sides[!index].count > 0;
}

static struct chunk *rpc_of(struct sending_model *model, const struct item *item)
{
    struct rpc_writer *writer = &model->writer;
    struct bytes topic = bytes_of_text(topic_name);
    if (item->said != SAID_NOTHING)
        rpc_write_subscription(writer, topic, item->said == SAID_SUBSCRIBE);
    if (item->graft)
        rpc_write_graft(writer, topic);
    if (item->prune)
        rpc_write_prune(writer, topic, BACKOFF_MS / 1000);
    return rpc_writer_finish(writer);
}

static void hear(struct sending_model *model, unsigned index, const struct item *item)
{
    struct told *told = &model->routers[index]->peers[0]->told;
    bool ignored = item->graft && !model->sides[index].subscribed && !told->may_have_us.words[0];
    if (item->fresh) {
        gossipsub_inbound_opened(model->routers[index], NOW, 0, &model->actions);
        after(model, index);
    }
    struct chunk *rpc = rpc_of(model, item);
    gossipsub_rpc_received(model->routers[index], NOW, 0, bytes_after(chunk_bytes(rpc), 1),
                           &model->actions);
    chunk_unref(rpc);
    if (ignored && (model->mutation & SENDING_FORGETS_IGNORED_GRAFT) != 0) {
        set_bit(&told->may_have_us, false);
        set_bit(&told->has_us, false);
    }
    after(model, index);
}

static void deliver(struct sending_model *model, unsigned index)
{
    struct side *from = &model->sides[!index];
    struct item item = from->items[0];
    from->items[0] = from->items[1];
    from->count--;
    hear(model, index, &item);
    if (model->sides[!index].stream_open)
        report(model, !index, true);
}

static const struct {
    const char *text;
    bool hostile;
    bool (*can)(const struct sending_model *model, unsigned index);
    void (*happen)(struct sending_model *model, unsigned index);
} events[SENDING_KINDS] = {
    {"subscribes", true, can_subscribe, subscribe},
    {"unsubscribes", true, can_unsubscribe, unsubscribe},
    {"its channel fills up", true, can_fill, fill},
    {"its channel drains", false, can_drain, drain},
    {"its mesh fills, or has room", true, can_crowd, crowd},
    {"its stream is lost", true, can_lose_stream, close_stream},
    {"its stream opens", false, can_open_stream, open_stream},
    {"beats", false, can_beat, beat},
    {"its backoff ends", true, can_end_backoff, end_backoff},
    {"hears an RPC", false, can_deliver, deliver},
};

/* ---- the interface ---- */

struct sending_model *sending_model_new(struct sending_bounds bounds, unsigned mutation)
{
    struct sending_model *model = memory_new(sizeof(*model));
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    model->bounds = bounds;
    model->mutation = mutation;
    for (unsigned i = 0; i < SENDING_SIDES; i++) {
        gossipsub_peer peer;
        uint8_t id = (uint8_t)i;
        model->routers[i] = gossipsub_new(&parameters, 1);
        gossipsub_peer_added(model->routers[i], NOW, bytes_of(&id, 1), false, &peer);
        router_topic_make(model->routers[i], bytes_of_text(topic_name), 0);
        gossipsub_stream_opened(model->routers[i], NOW, peer, GOSSIPSUB_1_2, &model->actions);
        model->routers[i]->peers[0]->connection = CONNECTION;
    }
    return model;
}

void sending_model_free(struct sending_model *model)
{
    for (unsigned i = 0; i < SENDING_SIDES; i++)
        gossipsub_free(model->routers[i]);
    gossipsub_actions_clear(&model->actions);
    arena_clear(&model->arena);
    rpc_writer_clear(&model->writer);
    free(model);
}

/* Nothing tells one side from the other: of two worlds that mirror each other, one is enough. */
static struct sending_key key_of(struct sending_model *model, bool *mirrored)
{
    uint64_t a = pack(&model->sides[0]), b = pack(&model->sides[1]);
    *mirrored = a > b;
    return (struct sending_key){{a < b ? a : b, a < b ? b : a}};
}

struct sending_key sending_start(struct sending_model *model)
{
    for (unsigned i = 0; i < SENDING_SIDES; i++) {
        model->sides[i] = (struct side){0};
        read_back(model, i);
    }
    bool mirrored;
    return key_of(model, &mirrored);
}

size_t sending_successors(struct sending_model *model, struct sending_key key,
                          struct sending_successor successors[SENDING_SUCCESSORS_MAX])
{
    size_t count = 0;
    for (unsigned kind = 0; kind < SENDING_KINDS; kind++) {
        for (unsigned index = 0; index < SENDING_SIDES; index++) {
            for (unsigned i = 0; i < SENDING_SIDES; i++)
                unpack(key.sides[i], &model->sides[i]);
            if (!events[kind].can(model, index))
                continue;
            for (unsigned i = 0; i < SENDING_SIDES; i++)
                restore(model, i);
            model->violation = NULL;
            events[kind].happen(model, index);
            struct sending_successor *successor = &successors[count++];
            successor->event =
                (struct sending_event){.kind = (uint8_t)kind, .side = (uint8_t)index};
            successor->key = key_of(model, &successor->event.mirrored);
            successor->violation = model->violation;
        }
    }
    return count;
}

bool sending_is_hostile(struct sending_event event)
{
    return events[event.kind].hostile;
}

bool sending_is_agreed(struct sending_key key)
{
    struct side a, b;
    unpack(key.sides[0], &a);
    unpack(key.sides[1], &b);
    return a.subscribed == b.peer_subscribed && b.subscribed == a.peer_subscribed &&
           a.in_mesh == b.in_mesh;
}

void sending_event_text(struct sending_event event, bool mirrored, char *text)
{
    snprintf(text, SENDING_TEXT_SIZE, "%c %s", 'A' + (event.side ^ (int)mirrored),
             events[event.kind].text);
}

static void print_side(FILE *out, const struct side *side)
{
    fprintf(out, "%s%s%s%s%s, told %d%d%d%d%d%d%s, %s%u under way%s",
            side->subscribed ? " subscribed" : "", side->peer_subscribed ? " hears-subscribed" : "",
            side->in_mesh ? " meshed" : "", side->crowded ? " crowded" : "",
            side->stream_open ? "" : " closed", side->may_know, side->knows, side->may_have_us,
            side->has_us, side->withdrawn, side->pruned, side->unsaid ? " unsaid" : "",
            side->backoff ? "backoff, " : "", side->count, side->full ? ", full" : "");
    for (unsigned i = 0; i < side->count; i++)
        fprintf(out, " (%s%s%s%s%s)", side->items[i].fresh ? "*" : "",
                side->items[i].said == SAID_SUBSCRIBE ? "S" : "",
                side->items[i].said == SAID_UNSUBSCRIBE ? "U" : "", side->items[i].graft ? "G" : "",
                side->items[i].prune ? "P" : "");
}

void sending_world_text(struct sending_key key, bool mirrored, char *text)
{
    FILE *out = fmemopen(text, SENDING_TEXT_SIZE, "w");
    for (unsigned i = 0; i < SENDING_SIDES; i++) {
        struct side side;
        unpack(key.sides[i ^ mirrored], &side);
        fprintf(out, "%c:", 'A' + (int)i);
        print_side(out, &side);
        fputs("; ", out);
    }
    fclose(out);
}
