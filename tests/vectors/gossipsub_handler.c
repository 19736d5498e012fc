/*
 * A router is put into the state that the vector begins with, hears one RPC, and must then have
 * said and meshed what the vector expects: all of that, and nothing else. What it says to a peer is
 * compared entry by entry, in any order: how entries are shared out among RPCs means nothing, and
 * ours are shared out otherwise than the reference's.
 */
#include <stdlib.h>

#include "common/hex.h"
#include "common/memory.h"
#include "common/varint.h"
#include "net/gossipsub/internal.h"
#include "tests/unit/rpc_whole.h"
#include "tests/vectors/kinds.h"
#include "tests/vectors/rpc_json.h"

/* ---- lines of text, to be compared in any order ---- */

struct lines {
    char **items;
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void add_line(struct lines *lines, const char *format,
                                                           ...)
{
    va_list arguments;
    char *line;
    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0)
        abort();
    va_end(arguments);
    lines->items = memory_resize(lines->items, (lines->count + 1) * sizeof(*lines->items));
    lines->items[lines->count++] = line;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *line_at(const struct lines *lines, size_t i)
{
    return i < lines->count ? lines->items[i] : "nothing";
}

static void clear_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->items[i]);
    free(lines->items);
}

/* The first that one has and the other has not is the failure. */
static void expect_lines(struct vector_case *test, const char *what, struct lines *expected,
                         struct lines *got)
{
    if (expected->count > 0)
        qsort(expected->items, expected->count, sizeof(*expected->items), compare_lines);
    if (got->count > 0)
        qsort(got->items, got->count, sizeof(*got->items), compare_lines);
    for (size_t i = 0; i < expected->count || i < got->count; i++)
        expect_text(test, what, line_at(expected, i), line_at(got, i));
    clear_lines(expected);
    clear_lines(got);
}

/* ---- an RPC as lines ---- */

static void add_hex(struct lines *lines, const char *peer, const char *what, struct bytes topic,
                    ProtobufCBinaryData bytes)
{
    char *hex = hex_text(rpc_field(bytes));
    add_line(lines, "%s: %s %.*s 0x%s", peer, what, (int)topic.size, (const char *)topic.data, hex);
    free(hex);
}

static void add_topic(struct lines *lines, const char *peer, const char *what,
                      ProtobufCBinaryData topic, uint64_t seconds)
{
    add_line(lines, "%s: %s %.*s %llu", peer, what, (int)topic.len, (const char *)topic.data,
             (unsigned long long)seconds);
}

static void add_control(struct lines *lines, const char *peer,
                        const Gossipsub__ControlMessage *control)
{
    const struct bytes no_topic = bytes_of_text("");
    for (size_t i = 0; i < control->n_ihave; i++)
        for (size_t j = 0; j < control->ihave[i]->n_message_ids; j++)
            add_hex(lines, peer, "IHAVE", rpc_field(control->ihave[i]->topic),
                    control->ihave[i]->message_ids[j]);
    for (size_t i = 0; i < control->n_iwant; i++)
        for (size_t j = 0; j < control->iwant[i]->n_message_ids; j++)
            add_hex(lines, peer, "IWANT", no_topic, control->iwant[i]->message_ids[j]);
    for (size_t i = 0; i < control->n_graft; i++)
        add_topic(lines, peer, "GRAFT", control->graft[i]->topic, 0);
    for (size_t i = 0; i < control->n_prune; i++)
        add_topic(lines, peer, "PRUNE", control->prune[i]->topic, control->prune[i]->backoff);
    for (size_t i = 0; i < control->n_idontwant; i++)
        for (size_t j = 0; j < control->idontwant[i]->n_message_ids; j++)
            add_hex(lines, peer, "IDONTWANT", no_topic, control->idontwant[i]->message_ids[j]);
}

static void add_rpc(struct lines *lines, const char *peer, const Gossipsub__RPC *rpc)
{
    for (size_t i = 0; i < rpc->n_subscriptions; i++)
        add_topic(lines, peer, rpc->subscriptions[i]->subscribe ? "SUBSCRIBE" : "UNSUBSCRIBE",
                  rpc->subscriptions[i]->topic, 0);
    for (size_t i = 0; i < rpc->n_publish; i++)
        add_hex(lines, peer, "message on", rpc_field(rpc->publish[i]->topic),
                rpc->publish[i]->data);
    if (rpc->control != NULL)
        add_control(lines, peer, rpc->control);
}

/* ---- the state that the vector begins with ---- */

struct scene {
    struct vector_case *test;
    struct gossipsub *router;
    struct gossipsub_actions actions;
    uint64_t now;
    const char **names; /* of peers, by handle */
    size_t name_count;
};

/* The reference leaves it to its user whether a payload is sound. */
static enum gossipsub_verdict accept_all(void *context, const char *topic, struct bytes payload,
                                         bool valid_snappy)
{
    (void)context;
    (void)topic;
    (void)payload;
    (void)valid_snappy;
    return GOSSIPSUB_ACCEPT;
}

/* NULL where the router takes no more peers. Its stream is always open: the reference's handlers do
 * not look whether it is, and its vectors hold what they say before anything else does. */
static struct router_peer *peer_named(struct scene *scene, const char *name)
{
    for (size_t i = 0; i < scene->name_count; i++)
        if (strcmp(scene->names[i], name) == 0)
            return router_peer(scene->router, (gossipsub_peer)i);
    gossipsub_peer handle;
    if (!expect(scene->test, strlen(name) <= BACKOFF_PEER_ID_SIZE_MAX, "peer", "a short name",
                name) ||
        !expect(
            scene->test,
            gossipsub_peer_added(scene->router, scene->now, bytes_of_text(name), false, &handle),
            "peers", "no more than the router takes", "more"))
        return NULL;
    gossipsub_stream_opened(scene->router, scene->now, handle, GOSSIPSUB_1_2, &scene->actions);
    router_begin(scene->router, scene->now, &scene->actions); /* for what is set by hand */
    scene->names = memory_resize(scene->names, (handle + 1) * sizeof(*scene->names));
    scene->names[scene->name_count++] = name;
    return router_peer(scene->router, handle);
}

static struct topic *topic_named(struct scene *scene, const char *name)
{
    struct topic *topic = router_topic_make(scene->router, bytes_of_text(name), 0);
    expect(scene->test, topic != NULL, "topics", "no more than the router takes", "more");
    return topic;
}

static const char *element_text(struct scene *scene, const char *what, const json_t *element)
{
    const char *text = json_string_value(element);
    expect(scene->test, text != NULL, what, "a text", "something else");
    return text != NULL ? text : "";
}

/* NULL where it is no id of ours. */
static const uint8_t *message_id(struct scene *scene, const char *what, const json_t *text)
{
    struct bytes id = case_hex(scene->test, what, text);
    expect_number(scene->test, what, GOSSIPSUB_MESSAGE_ID_SIZE, id.size);
    return id.size == GOSSIPSUB_MESSAGE_ID_SIZE ? id.data : NULL;
}

static void add_ids(struct scene *scene, struct id_set *set, const json_t *object, const char *key)
{
    size_t i;
    json_t *text;
    const json_t *list = case_array(scene->test, object, key);
    json_array_foreach(list, i, text)
    {
        const uint8_t *id = message_id(scene, key, text);
        if (id != NULL)
            id_set_add(set, scene->now, id);
    }
}

static void set_backoffs(struct scene *scene, const struct router_peer *peer, const json_t *state)
{
    const char *key;
    json_t *value;
    const json_t *backoffs = case_map(scene->test, state, "backoff");
    json_object_foreach((json_t *)backoffs, key, value)
    {
        uint64_t end = case_milliseconds(scene->test, backoffs, key);
        const struct topic *topic = topic_named(scene, key);
        if (topic != NULL && end > scene->now)
            backoff_set(&scene->router->backoffs, scene->now, peer_id_of(peer), topic->handle,
                        end - scene->now);
    }
}

static void set_peer(struct scene *scene, const char *name, const json_t *peers)
{
    const json_t *state =
        case_object(scene->test, peers, name, "?subscriptions ?withStream ?backoff ?dontWantIds");
    struct router_peer *peer = peer_named(scene, name);
    if (peer == NULL)
        return;
    size_t i;
    json_t *value;
    if (case_has(state, "withStream"))
        case_boolean(scene->test, state, "withStream");
    const json_t *subscriptions = case_array(scene->test, state, "subscriptions");
    json_array_foreach(subscriptions, i, value)
    {
        struct topic *topic = topic_named(scene, element_text(scene, "subscriptions", value));
        if (topic != NULL)
            router_add_subscriber(scene->router, peer, topic);
    }
    set_backoffs(scene, peer, state);
    add_ids(scene, &peer->not_wanted, state, "dontWantIds");
}

/* Topics that we are not subscribed to have no mesh. */
static void set_mesh(struct scene *scene, const char *name, const json_t *meshes)
{
    size_t i;
    json_t *value;
    struct topic *topic = topic_named(scene, name);
    const json_t *members = case_array(scene->test, meshes, name);
    json_array_foreach(members, i, value)
    {
        struct router_peer *peer = peer_named(scene, element_text(scene, "meshes", value));
        if (peer == NULL || topic == NULL || !topic->subscribed)
            continue;
        router_add_subscriber(scene->router, peer, topic);
        handle_set_add(&topic->mesh, peer->handle);
    }
}

/* What is cached was seen, in a router of ours. */
static void cache_message(struct scene *scene, const json_t *element)
{
    const json_t *message = case_object(scene->test, element, NULL, "topic data messageId");
    struct bytes data = case_bytes(scene->test, message, "data");
    const uint8_t *id = message_id(scene, "messageId", json_object_get(message, "messageId"));
    struct topic *topic = topic_named(scene, case_text(scene->test, message, "topic"));
    if (case_failed(scene->test))
        return;
    struct chunk *rpc = rpc_encode_message(topic_bytes(topic), data);
    message_cache_put(&scene->router->cache, id, topic->handle, rpc,
                      rpc_message_data(rpc, topic_bytes(topic), data.size));
    id_set_add(&scene->router->seen, scene->now, id);
    chunk_unref(rpc);
}

static void set_subscriptions(struct scene *scene, const json_t *initial)
{
    size_t i;
    json_t *value;
    struct error error = {.text = ""};
    const json_t *subscriptions = case_array(scene->test, initial, "subscriptions");
    json_array_foreach(subscriptions, i, value) expect(
        scene->test,
        gossipsub_subscribe(scene->router, scene->now, element_text(scene, "subscriptions", value),
                            &scene->actions, &error),
        "subscriptions", "a topic", error.text);
}

static void set_scene(struct scene *scene, const json_t *initial)
{
    size_t i;
    const char *key;
    json_t *value;
    const json_t *peers = case_map(scene->test, initial, "peers");
    const json_t *meshes = case_map(scene->test, initial, "meshes");
    set_subscriptions(scene, initial);
    router_begin(scene->router, scene->now, &scene->actions);
    json_object_foreach((json_t *)peers, key, value) set_peer(scene, key, peers);
    json_object_foreach((json_t *)meshes, key, value) set_mesh(scene, key, meshes);
    add_ids(scene, &scene->router->seen, initial, "seenMessageIds");
    const json_t *cached = case_array(scene->test, initial, "cachedMessages");
    json_array_foreach(cached, i, value) cache_message(scene, value);
    router_finish(scene->router);
    gossipsub_actions_reset(&scene->actions);
}

/* ---- the event, and what comes of it ---- */

static void hear(struct scene *scene, const json_t *event, const json_t *peers)
{
    const char *from = case_text(scene->test, event, "fromPeer");
    Gossipsub__RPC rpc = GOSSIPSUB__RPC__INIT;
    rpc_add_messages(scene->test, event, &rpc);
    rpc_add_control(scene->test, event, &rpc);
    if (case_failed(scene->test) || !case_has(peers, from))
        return; /* nobody listens to strangers */
    struct buffer *packed = case_buffer(scene->test);
    gossipsub__rpc__pack(&rpc, buffer_extend(packed, gossipsub__rpc__get_packed_size(&rpc)));
    gossipsub_rpc_received(scene->router, scene->now, peer_named(scene, from)->handle,
                           buffer_bytes(packed), &scene->actions);
}

static void expect_sent(struct scene *scene, const json_t *expected)
{
    struct lines theirs = {0}, ours = {0};
    size_t i;
    json_t *value;
    json_array_foreach(expected, i, value)
    {
        const json_t *sent =
            case_object(scene->test, value, NULL, "toPeer ?subscriptions ?publish ?control");
        Gossipsub__RPC rpc = GOSSIPSUB__RPC__INIT;
        rpc_add_messages(scene->test, sent, &rpc);
        if (case_has(sent, "control"))
            rpc_add_control(
                scene->test,
                case_object(scene->test, sent, "control", "?graft ?prune ?ihave ?iwant ?idontwant"),
                &rpc);
        add_rpc(&theirs, case_text(scene->test, sent, "toPeer"), &rpc);
    }
    struct arena arena = {0};
    for (size_t a = 0; a < scene->actions.count; a++) {
        const struct gossipsub_action *action = &scene->actions.items[a];
        if (action->kind != GOSSIPSUB_SEND)
            continue;
        uint64_t size;
        int prefix = varint_read(chunk_bytes(action->rpc), &size);
        const Gossipsub__RPC *rpc =
            rpc_whole(bytes_after(chunk_bytes(action->rpc), (size_t)prefix), &arena);
        add_rpc(&ours, scene->names[action->peer], rpc);
    }
    arena_clear(&arena);
    expect_lines(scene->test, "sentRpcs", &theirs, &ours);
}

static void expect_meshes(struct scene *scene, const json_t *expected)
{
    struct lines theirs = {0}, ours = {0};
    const char *key;
    json_t *names, *name;
    size_t i;
    json_object_foreach((json_t *)expected, key, names)
    {
        add_line(&theirs, "a mesh for %s", key);
        case_array(scene->test, expected, key);
        json_array_foreach(names, i, name)
            add_line(&theirs, "%s in that for %s", element_text(scene, "meshAfter", name), key);
    }
    FOR_EACH_TOPIC(scene->router, topic)
    {
        if (topic->subscribed)
            add_line(&ours, "a mesh for %s", topic->name);
        for (i = 0; i < topic->mesh.count; i++)
            add_line(&ours, "%s in that for %s", scene->names[topic->mesh.items[i]], topic->name);
    }
    expect_lines(scene->test, "meshAfter", &theirs, &ours);
}

/* The values may contradict each other, as no node's do, where that makes a shorter vector. */
static struct gossipsub *router_of(struct vector_case *test, const json_t *vector)
{
    const json_t *params = case_object(test, vector, "params", "d dLow dHigh dLazy");
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    parameters.d = (unsigned)case_number(test, params, "d");
    parameters.d_low = (unsigned)case_number(test, params, "dLow");
    parameters.d_high = (unsigned)case_number(test, params, "dHigh");
    parameters.d_lazy = (unsigned)case_number(test, params, "dLazy");
    struct gossipsub *router = gossipsub_new(&parameters, 1);
    gossipsub_set_validator(router, accept_all, NULL);
    return router;
}

/* The name says which handler is meant; the event alone decides what happens. */
static void check_name(struct vector_case *test, const char *name)
{
    static const char *const names[] = {"graft", "prune", "ihave", "iwant", "idontwant", "message"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i], name) == 0)
            return;
    case_fail(test, "handlerName", "one that is known", name);
}

void check_gossipsub_handler(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name handlerName params initialState event now expected");
    check_name(test, case_text(test, vector, "handlerName"));
    const json_t *initial = case_object(
        test, vector, "initialState", "subscriptions peers meshes ?seenMessageIds ?cachedMessages");
    const json_t *event =
        case_object(test, vector, "event",
                    "fromPeer ?graft ?prune ?ihave ?iwant ?idontwant ?publish ?subscriptions");
    const json_t *expected = case_object(test, vector, "expected", "sentRpcs meshAfter");
    const json_t *peers = json_object_get(initial, "peers");
    struct scene scene = {.test = test,
                          .router = router_of(test, vector),
                          .now = case_milliseconds(test, vector, "now")};
    set_scene(&scene, initial);
    hear(&scene, event, peers);
    if (!case_failed(test)) {
        expect_sent(&scene, case_array(test, expected, "sentRpcs"));
        expect_meshes(&scene, case_map(test, expected, "meshAfter"));
    }
    gossipsub_actions_clear(&scene.actions);
    gossipsub_free(scene.router);
    free(scene.names);
}
