#include "devnet/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/random.h"
#include "common/sha256.h"
#include "devnet/ended.h"
#include "devnet/loop.h"
#include "devnet/propagation.h"
#include "net/api/client.h"
#include "net/mesh/labels.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/watch.h"

/* A message that the node has not answered for yet. */
struct posted {
    struct publishing *publishing;
    struct api_call *call;
    LIST_ENTRY(posted) link;
};

struct publishing {
    const struct publish_order *order;
    struct event_base *base;        /* the loop's */
    struct propagation_node *nodes; /* those that have an API */
    const char **apis;              /* of each; NULL: it has ended, and is not watched */
    bool *settled;                  /* of each: it has answered, or was lost before it did */
    size_t count, settled_count, origin;
    json_t *not_seen;
    uint64_t sent, answers;
    LIST_HEAD(, posted) posted;
    struct propagation *propagation;
    struct mesh_watch *watch;
    struct random random;
    struct event *next, *deadline;
    bool failed, interrupted;
    struct error *error;
};

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static void fail(struct publishing *publishing, const char *why)
{
    if (!publishing->failed)
        error_set(publishing->error, "%s", why);
    publishing->failed = true;
    event_base_loopbreak(publishing->base);
}

static void end_when_complete(struct publishing *publishing)
{
    if (publishing->answers == publishing->order->count &&
        propagation_is_complete(publishing->propagation))
        event_base_loopbreak(publishing->base);
}

static void make_random(struct publishing *publishing, struct buffer *payload)
{
    for (uint64_t left = publishing->order->random_size; left > 0;) {
        uint64_t word = random_next(&publishing->random);
        size_t part = left < sizeof(word) ? left : sizeof(word);
        buffer_append(payload, &word, part);
        left -= part;
    }
}

/* No two are the same: peers take each once. */
static void make_payload(struct publishing *publishing, struct buffer *payload)
{
    const struct publish_order *order = publishing->order;
    char text[24];
    if (order->random_size > 0) {
        make_random(publishing, payload);
        return;
    }
    buffer_append(payload, order->payload.data, order->payload.size);
    if (order->count > 1) {
        snprintf(text, sizeof(text), " %llu", (unsigned long long)publishing->sent + 1);
        buffer_append_text(payload, text);
    }
}

static void remove_posted(struct posted *posted)
{
    LIST_REMOVE(posted, link);
    free(posted);
}

static void publish_answered(void *context, int status, const json_t *answer, const char *error)
{
    struct posted *posted = context;
    struct publishing *publishing = posted->publishing;
    remove_posted(posted);
    const char *refusal = text_of(answer, "error");
    const char *why = status == 0 ? error : refusal != NULL ? refusal : "refused";
    if (status != 200) {
        char *text = text_format("%s/publish: %s", publishing->apis[publishing->origin], why);
        fail(publishing, text);
        free(text);
        return;
    }
    publishing->answers++;
    if (publishing->order->rate == 0 && publishing->sent < publishing->order->count)
        event_active(publishing->next, EV_TIMEOUT, 0);
    end_when_complete(publishing);
}

static void publish_one(struct publishing *publishing)
{
    static const struct api_call_handlers handlers = {.done = publish_answered};
    uint8_t digest[SHA256_SIZE];
    char digits[2 * SHA256_SIZE + 1];
    struct buffer payload = {0};
    make_payload(publishing, &payload);
    sha256(buffer_bytes(&payload), digest);
    hex_write(bytes_of(digest, sizeof(digest)), digits);
    char *data = hex_text(buffer_bytes(&payload));
    json_t *body = json_pack("{s:s, s:s}", "topic", publishing->order->topic, "data", data);
    propagation_published(publishing->propagation, digits, clock_now_ns() / 1000);
    publishing->sent++;
    struct posted *posted = memory_new(sizeof(*posted));
    posted->publishing = publishing;
    LIST_INSERT_HEAD(&publishing->posted, posted, link);
    posted->call =
        api_call_new(publishing->base, publishing->apis[publishing->origin], "POST", "/publish",
                     body, publishing->order->timeout_ms, &handlers, posted, publishing->error);
    if (posted->call == NULL) {
        publishing->failed = true;
        remove_posted(posted);
    }
    free(data);
    buffer_clear(&payload);
}

static void publish_next(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct publishing *publishing = argument;
    const struct publish_order *order = publishing->order;
    struct timeval limit = clock_timeval(order->timeout_ms * 1000);
    publish_one(publishing);
    event_arm(publishing->deadline, &limit);
    if (publishing->failed)
        event_base_loopbreak(publishing->base);
    if (order->rate == 0 || publishing->sent == order->count)
        return;
    struct timeval pause = clock_timeval((uint64_t)(1e6 / order->rate));
    event_arm(publishing->next, &pause);
}

/* All nodes have answered, or are lost: what is published now is seen by all others. */
static void begin_when_all_watch(struct publishing *publishing)
{
    if (publishing->settled_count == publishing->count && publishing->sent == 0)
        event_active(publishing->next, EV_TIMEOUT, 0);
}

static size_t node_of(const struct publishing *publishing, const char *api)
{
    size_t node = 0;
    while (publishing->apis[node] == NULL || strcmp(publishing->apis[node], api) != 0)
        node++;
    return node;
}

static void settle(struct publishing *publishing, size_t node)
{
    publishing->settled_count += !publishing->settled[node];
    publishing->settled[node] = true;
}

static void node_answered(void *context, const char *api, const char *peer_id, const json_t *event)
{
    (void)peer_id, (void)event;
    struct publishing *publishing = context;
    settle(publishing, node_of(publishing, api));
    begin_when_all_watch(publishing);
}

static void event_came(void *context, const char *api, const char *peer_id, const json_t *event)
{
    (void)peer_id;
    struct publishing *publishing = context;
    const char *name = text_of(event, "event"), *hash = text_of(event, "sha256"),
               *from = text_of(event, "peer_id"), *topic = text_of(event, "topic");
    if (strcmp(name, "events_lost") == 0)
        log_warn("%s/events: %s", api, "some were lost, and what they told of is taken as missing");
    if (strcmp(name, "message") != 0 || hash == NULL || from == NULL || topic == NULL ||
        strcmp(topic, publishing->order->topic) != 0)
        return;
    propagation_arrived(publishing->propagation, node_of(publishing, api), hash, from,
                        clock_now_ns() / 1000);
    end_when_complete(publishing);
}

static void node_lost(void *context, const char *api, const char *peer_id, const char *why)
{
    struct publishing *publishing = context;
    size_t node = node_of(publishing, api);
    log_warn("%s: %s", publishing->nodes[node].name, why);
    if (node == publishing->origin) {
        fail(publishing, why);
        return;
    }
    if (peer_id == NULL)
        settle(publishing, node);
    begin_when_all_watch(publishing);
}

static void time_is_up(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    event_base_loopbreak(argument);
}

/* Of a node that does not answer it is not known: so it is expected to be. */
static bool is_subscribed(const json_t *snapshot, const char *peer_id, const char *topic)
{
    const json_t *node = snapshot_find_item(json_object_get(snapshot, "nodes"), peer_id);
    const json_t *state = json_object_get(json_object_get(node, "topics"), topic);
    return node == NULL || json_is_true(json_object_get(state, "subscribed"));
}

/* Who is stopped on purpose is subscribed to nothing. */
static void add_not_seen(struct publishing *publishing, const struct devnet_node *node)
{
    const char *why = devnet_node_has_ended(node) ? "ended by itself" : "has no API of ours";
    if (!node->stopped)
        json_array_append_new(publishing->not_seen,
                              json_pack("{s:s, s:s}", "name", node->name, "why", why));
}

/* One that has ended may be asked by nobody: another may have its port by now. */
static void watch_node(struct publishing *publishing, const struct devnet_node *node, bool origin)
{
    size_t at = publishing->count;
    if (!origin && devnet_node_has_ended(node)) {
        log_warn("%s: it has ended by itself", node->name);
        settle(publishing, at);
    } else {
        publishing->apis[at] = node->api;
    }
    if (origin)
        publishing->origin = at;
}

/* One that has ended is not passed over unless it is stopped on purpose: it was to have them. */
static void find_nodes(struct publishing *publishing, const struct devnet *devnet,
                       const json_t *snapshot)
{
    publishing->nodes = memory_new((devnet->count + 1) * sizeof(*publishing->nodes));
    publishing->apis = memory_new((devnet->count + 1) * sizeof(*publishing->apis));
    publishing->settled = memory_new((devnet->count + 1) * sizeof(*publishing->settled));
    for (size_t i = 0; i < devnet->count; i++) {
        const struct devnet_node *node = &devnet->nodes[i];
        bool origin = node == publishing->order->origin;
        if (node->api == NULL || (!origin && node->stopped)) {
            add_not_seen(publishing, node);
            continue;
        }
        watch_node(publishing, node, origin);
        publishing->nodes[publishing->count++] = (struct propagation_node){
            node->name, node->peer_id,
            is_subscribed(snapshot, node->peer_id, publishing->order->topic)};
    }
}

static void clear(struct publishing *publishing)
{
    if (publishing->watch != NULL)
        mesh_watch_free(publishing->watch);
    if (publishing->next != NULL)
        event_free(publishing->next);
    if (publishing->deadline != NULL)
        event_free(publishing->deadline);
    for (struct posted *posted; (posted = LIST_FIRST(&publishing->posted)) != NULL;) {
        api_call_cancel(posted->call);
        remove_posted(posted);
    }
    propagation_free(publishing->propagation);
    free(publishing->nodes);
    free(publishing->apis);
    free(publishing->settled);
    json_decref(publishing->not_seen);
}

static json_t *report(const struct publishing *publishing)
{
    json_t *report = propagation_report(publishing->propagation);
    json_object_set_new(report, "topic", json_string(publishing->order->topic));
    json_object_set_new(report, "from", json_string(publishing->nodes[publishing->origin].name));
    json_object_set(report, "not_seen", publishing->not_seen);
    json_object_set_new(report, "interrupted", json_boolean(publishing->interrupted));
    return report;
}

static struct mesh_watch *watch_all(struct publishing *publishing)
{
    static const struct mesh_watch_handlers handlers = {
        .answered = node_answered, .event = event_came, .lost = node_lost};
    const char **apis = memory_new((publishing->count + 1) * sizeof(*apis));
    size_t count = 0;
    for (size_t i = 0; i < publishing->count; i++)
        if (publishing->apis[i] != NULL)
            apis[count++] = publishing->apis[i];
    struct mesh_watch *watch =
        mesh_watch_new(publishing->base, apis, count, publishing->order->timeout_ms, &handlers,
                       publishing, publishing->error);
    free(apis);
    return watch;
}

json_t *devnet_publish(const struct devnet *devnet, const json_t *snapshot,
                       const struct publish_order *order, struct error *error)
{
    struct loop loop;
    loop_init(&loop);
    struct publishing publishing = {
        .order = order, .base = loop.base, .not_seen = json_array(), .error = error};
    random_seed(&publishing.random, clock_now_ns());
    find_nodes(&publishing, devnet, snapshot);
    publishing.propagation = propagation_new(publishing.nodes, publishing.count, publishing.origin);
    publishing.next = evtimer_new(publishing.base, publish_next, &publishing);
    publishing.deadline = evtimer_new(publishing.base, time_is_up, publishing.base);
    publishing.watch = watch_all(&publishing);
    json_t *told = NULL;
    if (publishing.watch != NULL)
        publishing.interrupted = !loop_run(&loop);
    if (publishing.watch != NULL && !publishing.failed)
        told = report(&publishing);
    clear(&publishing);
    loop_clear(&loop);
    return told;
}

/* The names of all topics of all nodes, as an object's. */
static json_t *topics_of(const json_t *snapshot)
{
    json_t *names = json_object();
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(snapshot, "nodes"), index, node)
    {
        json_object_update(names, json_object_get(node, "topics"));
    }
    return names;
}

static char *topic_meant(const json_t *topics, const char *wanted, struct error *error)
{
    const char *name, *found = NULL;
    const json_t *topic;
    json_object_foreach((json_t *)topics, name, topic)
    {
        if (!label_means_topic(wanted, name))
            continue;
        if (found != NULL) {
            error_set(error, "%s: both %s and %s are meant: say which", wanted, found, name);
            return NULL;
        }
        found = name;
    }
    if (found == NULL)
        error_set(error, "%s: no node has a topic of that name, nor one of Lean's of that kind",
                  wanted);
    return found != NULL ? text_copy(found) : NULL;
}

char *publish_topic(const json_t *snapshot, const char *text, struct error *error)
{
    json_t *topics = topics_of(snapshot);
    bool whole = text[0] == '/' || json_object_get(topics, text) != NULL;
    char *topic = whole ? text_copy(text) : topic_meant(topics, text, error);
    json_decref(topics);
    return topic;
}
