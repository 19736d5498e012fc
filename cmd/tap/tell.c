#include "cmd/tap/tell.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/tap/connected_json.h"
#include "cmd/tap/fact_json.h"
#include "common/clock.h"
#include "common/line_writer.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/address/enr_make.h"
#include "net/api/event_json.h"
#include "net/tap/fact_text.h"
#include "net/tap/observer.h"

enum { KIB = 1024, US_IN_MS = 1000, NS_IN_S = 1000000000 };

struct teller {
    const struct tap_sight *sight;
    struct line_writer *output, *trace; /* NULL: not asked for */
    struct picture *picture;            /* NULL: none */
    struct event_base *base;
    struct wire_mesh *mesh;
    const struct tap_pair *pair; /* of which the mesh is told */
    struct teller_counts counts;
    struct node_counts *nodes;                        /* as the counts have them */
    void (*heard)(void *context, const json_t *line); /* NULL: nobody */
    void *context;
};

static void say_lost(uint64_t count, struct buffer *line)
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(clock_epoch_ms(), time);
    char *text = text_format("{\"count\":%llu,\"event\":\"events_lost\",\"t\":\"%s\"}",
                             (unsigned long long)count, time);
    buffer_append_text(line, text);
    free(text);
}

static void on_changed(void *context, const struct wire_event *event);

struct teller *teller_new(struct event_base *base)
{
    struct teller *teller = memory_new(sizeof(*teller));
    teller->base = base;
    teller->mesh = wire_mesh_new(on_changed, teller);
    teller->output = line_writer_new(base, STDOUT_FILENO, "standard output", say_lost);
    return teller;
}

static void say_lost_text(uint64_t count, struct buffer *line)
{
    char *text =
        text_format("%llu lines are lost: nobody has read them in time", (unsigned long long)count);
    buffer_append_text(line, text);
    free(text);
}

void teller_trace(struct teller *teller)
{
    teller->trace = line_writer_new(teller->base, STDERR_FILENO, "--trace rpc", say_lost_text);
}

void teller_draw(struct teller *teller, struct picture *picture)
{
    teller->picture = picture;
}

const struct wire_mesh *teller_mesh(const struct teller *teller)
{
    return teller->mesh;
}

void teller_set_sight(struct teller *teller, const struct tap_sight *sight)
{
    teller->sight = sight;
}

static uint64_t now_s(void)
{
    return clock_now_ns() / NS_IN_S;
}

struct teller_counts teller_counts(const struct teller *teller)
{
    struct teller_counts counts = teller->counts;
    counts.streams_passed_over = tap_sight_passed_over(teller->sight);
    counts.not_held = tap_sight_not_held(teller->sight);
    counts.now_s = now_s();
    return counts;
}

bool teller_free(struct teller *teller)
{
    if (teller == NULL)
        return true;
    bool whole = line_writer_free(teller->output);
    if (teller->trace != NULL)
        whole = line_writer_free(teller->trace) && whole;
    wire_mesh_free(teller->mesh);
    free(teller->nodes);
    free(teller);
    return whole;
}

/* Takes over the reference. */
static void print(const struct teller *teller, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    line_writer_add(teller->output, bytes_of_text(text));
    if (teller->picture != NULL)
        picture_add(teller->picture, bytes_of_text(text));
    free(text);
    if (teller->heard != NULL)
        teller->heard(teller->context, object);
    json_decref(object);
}

void teller_also(struct teller *teller, void (*heard)(void *context, const json_t *line),
                 void *context)
{
    teller->heard = heard;
    teller->context = context;
}

static void add_address(json_t *object, const char *name, const struct multiaddr *address)
{
    char text[MULTIADDR_TEXT_SIZE];
    multiaddr_text(address, text);
    json_object_set_new(object, name, json_string(text));
}

char *teller_enr(const struct tap_node *node)
{
    struct enr_draft draft = {.sequence = 1};
    struct enr record;
    char *text = NULL;
    if (enr_draft_set_place(&draft, tap_node_address(node), NULL) &&
        enr_draft_sign(&draft, tap_node_identity(node), &record, NULL)) {
        text = memory_new(ENR_TEXT_SIZE);
        enr_text(&record, text);
    }
    enr_draft_clear(&draft);
    return text;
}

json_t *teller_node_json(const struct tap_node *node)
{
    char peer_id[PEER_ID_TEXT_SIZE];
    peer_id_text(tap_node_peer_id(node), peer_id);
    json_t *object =
        json_pack("{s:s, s:s, s:s}", "name", tap_node_name(node), "peer_id", peer_id, "key_type",
                  key_type_name(identity_key_type(tap_node_identity(node))));
    add_address(object, "address", tap_node_address(node));
    add_address(object, "real", tap_node_real(node));
    char *enr = teller_enr(node);
    if (enr != NULL)
        json_object_set_new(object, "enr", json_string(enr));
    free(enr);
    return object;
}

static void set_time(json_t *object, uint64_t time_us)
{
    event_json_set_time(object, time_us / US_IN_MS);
}

json_t *teller_ready_json(const struct tap *tap, const char *api)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < tap_node_count(tap); i++)
        if (!tap_node_is_gone(tap_node(tap, i)))
            json_array_append_new(nodes, teller_node_json(tap_node(tap, i)));
    json_t *ready = json_pack("{s:s, s:o}", "event", "ready", "nodes", nodes);
    if (api != NULL)
        json_object_set_new(ready, "api", json_string(api));
    return ready;
}

void teller_ready(struct teller *teller, const struct tap *tap, const char *api)
{
    json_t *ready = teller_ready_json(tap, api);
    set_time(ready, clock_epoch_ms() * US_IN_MS);
    print(teller, ready);
}

static void tell_of_node(struct teller *teller, const struct tap_node *node, const char *event)
{
    json_t *object = teller_node_json(node);
    json_object_set_new(object, "event", json_string(event));
    set_time(object, clock_epoch_ms() * US_IN_MS);
    print(teller, object);
}

void teller_given(struct teller *teller, const struct tap_node *node, bool moved)
{
    tell_of_node(teller, node, moved ? "node_moved" : "node_added");
}

void teller_left(struct teller *teller, const struct tap_node *node)
{
    tell_of_node(teller, node, "node_left");
}

/* ---- of pairs ---- */

static void add_name(json_t *object, const char *member, const struct tap_node *node)
{
    json_object_set_new(object, member,
                        node != NULL ? json_string(tap_node_name(node)) : json_null());
}

/* Who said it, and to whom. */
static void add_ends(json_t *object, const struct tap_pair *pair, enum tap_side from)
{
    add_name(object, "from", tap_pair_node(pair, from));
    add_name(object, "to", tap_pair_node(pair, tap_other(from)));
}

static json_t *pair_event(const char *name, const struct tap_pair *pair)
{
    json_t *object = json_pack("{s:s, s:s}", "event", name, "connection", tap_pair_id(pair));
    add_name(object, "dialler", tap_pair_node(pair, TAP_DIALLER));
    add_name(object, "listener", tap_pair_node(pair, TAP_LISTENER));
    return object;
}

static size_t index_of(const struct tap_pair *pair, enum tap_side side)
{
    return tap_node_index(tap_pair_node(pair, side));
}

/* Once: there is a count of the rest. */
static void warn_left_out(struct teller *teller, const struct tap_pair *pair)
{
    uint64_t before = teller->counts.mesh_left_out;
    teller->counts.mesh_left_out = wire_mesh_left_out(teller->mesh);
    if (before > 0 || teller->counts.mesh_left_out == 0)
        return;
    log_warn(
        "%s -> %s: of the mesh more came than is kept of two nodes: %d topics, %d gossipsub "
        "streams, %d connections, %d streams of one, %d KiB of an RPC; further ones are counted",
        tap_node_name(tap_pair_node(pair, TAP_DIALLER)),
        tap_node_name(tap_pair_node(pair, TAP_LISTENER)), WIRE_TOPICS_MAX, WIRE_STREAMS_MAX,
        WIRE_CONNECTIONS_MAX, TAP_STREAMS_MAX, RPC_SKIM_MAX / KIB);
}

static void on_connected(void *context, struct tap_pair *pair, uint64_t time_us)
{
    struct teller *teller = context;
    wire_mesh_connected(teller->mesh, tap_pair_id(pair), index_of(pair, TAP_DIALLER),
                        index_of(pair, TAP_LISTENER), time_us);
    warn_left_out(teller, pair);
    json_t *object = pair_event("connected", pair);
    connected_json_add(object, pair);
    set_time(object, time_us);
    print(teller, object);
}

/* ---- what they say ---- */

static void count_fact(struct teller *teller, size_t node, const struct tap_fact *fact)
{
    struct teller_counts *counts = &teller->counts;
    if (node >= counts->node_count) {
        teller->nodes = memory_resize(teller->nodes, (node + 1) * sizeof(*teller->nodes));
        memset(teller->nodes + counts->node_count, 0,
               (node + 1 - counts->node_count) * sizeof(*teller->nodes));
        counts->nodes = teller->nodes;
        counts->node_count = node + 1;
    }
    node_counts_add(&teller->nodes[node], fact, now_s());
    node_counts_add_broken(&teller->nodes[node], fact);
}

static void trace_fact(const struct teller *teller, const struct tap_pair *pair,
                       const struct tap_fact *fact)
{
    const char *names[TAP_SIDES];
    struct buffer line = {0};
    char time[CLOCK_TEXT_SIZE];
    for (size_t side = 0; side < TAP_SIDES; side++)
        names[side] = tap_node_name(tap_pair_node(pair, (enum tap_side)side));
    clock_text(fact->time_us / US_IN_MS, time);
    buffer_append_text(&line, time);
    buffer_append_byte(&line, ' ');
    if (tap_fact_text(fact, names, &line))
        line_writer_add(teller->trace, buffer_bytes(&line));
    buffer_clear(&line);
}

static void on_fact(void *context, struct tap_pair *pair, const struct tap_fact *fact)
{
    struct teller *teller = context;
    const size_t nodes[TAP_SIDES] = {index_of(pair, TAP_DIALLER), index_of(pair, TAP_LISTENER)};
    count_fact(teller, nodes[fact->by], fact);
    if (teller->trace != NULL)
        trace_fact(teller, pair, fact);
    json_t *object = fact_json(fact);
    json_object_set_new(object, "connection", json_string(tap_pair_id(pair)));
    add_ends(object, pair, fact->by);
    set_time(object, fact->time_us);
    print(teller, object);
}

/* The mesh is as the nodes know it: what is held, nobody knows but who said it. */
static void on_passed(void *context, struct tap_pair *pair, const struct tap_fact *fact)
{
    struct teller *teller = context;
    const size_t nodes[TAP_SIDES] = {index_of(pair, TAP_DIALLER), index_of(pair, TAP_LISTENER)};
    teller->pair = pair;
    wire_mesh_fact(teller->mesh, tap_pair_id(pair), nodes, fact);
    warn_left_out(teller, pair);
}

/* A stream that nobody looks at may be gossipsub's. */
static void on_passed_over(void *context, struct tap_pair *pair)
{
    struct teller *teller = context;
    const size_t nodes[TAP_SIDES] = {index_of(pair, TAP_DIALLER), index_of(pair, TAP_LISTENER)};
    wire_mesh_missed(teller->mesh, nodes);
    warn_left_out(teller, pair);
}

static void add_stream(json_t *object, const struct wire_stream *stream)
{
    json_object_set_new(object, "connection", json_string(stream->connection));
    json_object_set_new(object, "stream", json_integer((json_int_t)stream->id));
    fact_json_add_text(object, "protocol", bytes_of_text(stream->protocol));
}

/* Of topics: of the nodes, whatever connections they have. */
static void on_changed(void *context, const struct wire_event *event)
{
    static const char *const names[] = {
        [WIRE_SUBSCRIBED] = "subscribed",       [WIRE_UNSUBSCRIBED] = "unsubscribed",
        [WIRE_JOINED] = "mesh_joined",          [WIRE_LEFT] = "mesh_left",
        [WIRE_STREAM_OPENED] = "gossip_opened", [WIRE_STREAM_ENDED] = "gossip_ended"};
    const struct teller *teller = context;
    json_t *object = json_pack("{s:s}", "event", names[event->change]);
    if (event->topic != NULL)
        fact_json_add_text(object, "topic", bytes_of_text(event->topic));
    if (event->stream != NULL)
        add_stream(object, event->stream);
    add_ends(object, teller->pair, event->by);
    set_time(object, event->time_us);
    print(teller, object);
}

static void end_in_mesh(struct teller *teller, const struct tap_pair *pair, enum tap_side side,
                        const struct quic_close *close, uint64_t time_us)
{
    bool lost = close->cause == QUIC_IDLE_TIMEOUT || close->cause == QUIC_STATELESS_RESET;
    if (!tap_pair_was_connected(pair))
        return;
    const size_t nodes[TAP_SIDES] = {index_of(pair, TAP_DIALLER), index_of(pair, TAP_LISTENER)};
    teller->pair = pair;
    wire_mesh_closed(teller->mesh, tap_pair_id(pair), nodes, side, lost, time_us);
}

/* Of a listener that has not answered, as where there is none, nothing else is told. */
static void add_reached(json_t *object, const struct tap_pair *pair)
{
    const struct quic_connection *back = tap_pair_leg(pair, TAP_LISTENER);
    char beside[ERROR_TEXT_SIZE] = "";
    if (back != NULL && !quic_connection_is_established(back))
        quic_connection_in_place_of_answer(back, beside, sizeof(beside));
    if (beside[0] != '\0')
        json_object_set_new(object, "unanswered", json_string(beside + strlen("; ")));
}

static void on_closed(void *context, struct tap_pair *pair, enum tap_side side,
                      const struct quic_close *close, uint64_t time_us)
{
    struct teller *teller = context;
    json_t *object = pair_event("closed", pair);
    end_in_mesh(teller, pair, side, close, time_us);
    json_object_set_new(object, "connected", json_boolean(tap_pair_was_connected(pair)));
    json_object_set_new(object, "side", json_string(tap_side_name(side)));
    json_object_set_new(object, "cause", json_string(quic_close_cause_name(close->cause)));
    json_object_set_new(object, "reason", json_string(close->reason.text));
    json_object_set_new(object, "code", json_integer((json_int_t)close->code));
    json_object_set_new(object, "application", json_boolean(close->application));
    add_reached(object, pair);
    set_time(object, time_us);
    print(teller, object);
}

static void add_release(json_t *object, const struct tap_action *action)
{
    json_object_set_new(object, "limit", json_boolean(action->why == TAP_RELEASE_LIMIT));
    if (action->why == TAP_RELEASE_END)
        json_object_set_new(object, "closed", json_true());
    if (action->offset != TAP_HELD_NOWHERE)
        json_object_set_new(object, "still_held_from", json_integer((json_int_t)action->offset));
}

static void on_acted(void *context, struct tap_pair *pair, const struct tap_action *action,
                     uint64_t time_us)
{
    struct teller *teller = context;
    json_t *object = json_pack("{s:s, s:s, s:I, s:s}", "event", tap_act_name(action->kind),
                               "connection", tap_pair_id(pair), "stream",
                               (json_int_t)action->stream, "rule", action->rule->text);
    add_ends(object, pair, action->from);
    if (action->kind == TAP_ACT_HOLD)
        json_object_set_new(object, "at", json_integer((json_int_t)action->offset));
    if (action->kind == TAP_ACT_HOLD && action->rule->kind == TAP_RULE_DROP_ECHO)
        json_object_set_new(object, "lost", json_true());
    if (action->kind == TAP_ACT_RELEASE)
        add_release(object, action);
    if (action->kind == TAP_ACT_REFUSE)
        fact_json_add_text(object, "protocol", bytes_of_text(action->protocol));
    teller->counts.acts[action->kind]++;
    set_time(object, time_us);
    print(teller, object);
}

const struct tap_sight_handlers teller_handlers = {
    .connected = on_connected,
    .fact = on_fact,
    .passed = on_passed,
    .passed_over = on_passed_over,
    .closed = on_closed,
    .acted = on_acted,
};
