#include "net/mesh/visit.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/api/host_json.h"
#include "net/host/attempt_driver.h"
#include "net/mesh/heard.h"

enum { HANDSHAKE_GRACE_MS = 1000 }; /* the attempt's own limit comes first, and says more */

struct visit {
    struct identity *identity;
    struct host *host;
    struct attempt_driver *attempt; /* to connect; NULL once it is over */
    struct host_observer observer;
    struct event *timer; /* half of the stay, then the other */
    uint64_t stay_ms;
    bool half, leaving;
    struct peer *peer; /* NULL before it is connected, and once it is gone */
    char *status;      /* how the node took our asking: NULL until that is known */
    size_t topics;     /* that we subscribed to for its sake */
    json_t *meshes; /* topics in whose mesh it has us: what the loss of the connection ends, too */
    json_t *ours, *theirs; /* protocols of the gossipsub streams; likewise */
    json_t *heard, *entry;
    struct error error; /* why there is no entry */
    char address[MULTIADDR_TEXT_SIZE];
    visit_done done;
    void *context;
};

/* ---- what is known in the end ---- */

static json_t *listen_of(const struct peer *peer)
{
    const struct identify *identify = peer_view(peer).identify;
    json_t *listen = json_array();
    for (size_t i = 0; i < identify->listen_count; i++) {
        char text[MULTIADDR_TEXT_SIZE];
        multiaddr_text(&identify->listen[i], text);
        json_array_append_new(listen, json_string(text));
    }
    return listen;
}

static json_t *topics_of(const struct visit *visit)
{
    size_t count;
    const char **names = host_topic_names(visit->host, visit->peer, &count);
    json_t *topics = json_object();
    for (size_t i = 0; i < count; i++) {
        bool in_mesh = json_object_get(visit->meshes, names[i]) != NULL;
        json_object_set_new(topics, names[i],
                            json_pack("{s:b, s:b}", "subscribed", 1, "has_visitor", in_mesh));
    }
    free(names);
    return topics;
}

/* What went on between the node and us, as far as it would go on so with the next visitor. */
static json_t *course_of(const struct visit *visit, const char *ended)
{
    const json_t *ours = json_array_get(visit->ours, 0);
    return json_pack("{s:s?, s:s?, s:{s:s?, s:O}}", "ended", ended, "status", visit->status,
                     "streams", "ours", json_string_value(ours), "theirs", visit->theirs);
}

static json_t *sources_of(const struct visit *visit)
{
    struct peer_view peer = peer_view(visit->peer);
    static const char *const identify_members[] = {"agent", "protocols", "listen"};
    json_t *sources =
        json_pack("{s:s, s:s, s:s}", "peer_id", "tls", "key_type", "tls", "visit", "visit");
    for (size_t i = 0; peer.identified && i < sizeof(identify_members) / sizeof(char *); i++)
        json_object_set_new(sources, identify_members[i], json_string("identify"));
    if (peer.status != NULL)
        json_object_set_new(sources, "status", json_string("status"));
    if (json_object_get(visit->heard, "rpcs") != NULL)
        json_object_set_new(sources, "topics", json_string("gossipsub"));
    return sources;
}

/* The node goes, or we do: the last moment at which all of it is there. */
static void describe(struct visit *visit, const char *ended)
{
    static const char *const passing[] = {"connections", "outbound_stream", "inbound_streams"};
    json_t *entry = host_peer_json(visit->peer);
    json_t *unsteady = json_pack("{s:s, s:O}", "address", visit->address, "heard", visit->heard);
    for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++) {
        json_object_set(unsteady, passing[i], json_object_get(entry, passing[i]));
        json_object_del(entry, passing[i]);
    }
    json_object_del(entry, "subscriptions");
    json_object_del(entry, "left_out"); /* of what we would have sent */
    json_object_del(entry, "kept");     /* and have heard in part */
    json_object_set_new(entry, "listen", listen_of(visit->peer));
    json_object_set_new(entry, "topics", topics_of(visit));
    json_object_set_new(entry, "visit", course_of(visit, ended));
    json_object_set_new(entry, "sources", sources_of(visit));
    json_object_set_new(entry, "volatile", unsteady);
    visit->entry = entry;
    visit->peer = NULL;
}

/* ---- the end ---- */

static void visit_free(struct visit *visit)
{
    if (visit->host != NULL)
        host_unobserve(visit->host, &visit->observer);
    host_free(visit->host);
    identity_free(visit->identity);
    event_free(visit->timer);
    json_decref(visit->meshes);
    json_decref(visit->ours);
    json_decref(visit->theirs);
    json_decref(visit->heard);
    free(visit->status);
    free(visit);
}

static void on_left(void *argument)
{
    struct visit *visit = argument;
    visit_done done = visit->done;
    void *context = visit->context;
    json_t *entry = visit->entry;
    struct error error = visit->error;
    visit_free(visit);
    done(context, entry, entry == NULL ? error.text : NULL);
}

static void leave(struct visit *visit)
{
    if (visit->leaving)
        return;
    visit->leaving = true;
    evtimer_del(visit->timer);
    visit->peer = NULL;
    host_shutdown(visit->host, 0, on_left, visit);
}

static void forget_entry(struct visit *visit)
{
    json_decref(visit->entry);
    visit->entry = NULL;
}

void visit_cancel(struct visit *visit)
{
    if (visit->attempt != NULL)
        attempt_cancel(visit->attempt);
    visit->attempt = NULL;
    forget_entry(visit);
    error_set(&visit->error, "%s: the visit was given up", visit->address);
    leave(visit);
}

/* ---- the stay ---- */

static void wait_half(struct visit *visit)
{
    struct timeval delay = clock_timeval(visit->stay_ms * 1000 / 2);
    event_arm(visit->timer, &delay);
}

/* Who the node is, we ask when our gossipsub stream is open; where that fails, in the middle. */
static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct visit *visit = argument;
    if (!visit->half) {
        visit->half = true;
        host_ask_identify(peer_oldest_connection(visit->peer));
        wait_half(visit);
        return;
    }
    describe(visit, NULL);
    leave(visit);
}

static void set_status(struct visit *visit, const char *status)
{
    free(visit->status);
    visit->status = utf8_safe_text(bytes_of_text(status));
}

static void on_subscribed(struct visit *visit, const char *topic)
{
    if (visit->topics < VISIT_TOPICS_MAX)
        visit->topics += host_subscribe(visit->host, topic, NULL);
}

static json_t *streams_of(const struct visit *visit, const struct host_event *event)
{
    return stream_view(event->stream).outbound ? visit->ours : visit->theirs;
}

static void on_stream_closed(const struct visit *visit, const struct host_event *event)
{
    json_t *streams = streams_of(visit, event);
    size_t index;
    const json_t *protocol;
    json_array_foreach(streams, index, protocol)
    {
        if (strcmp(json_string_value(protocol), stream_view(event->stream).protocol) == 0) {
            json_array_remove(streams, index);
            return;
        }
    }
}

static void on_disconnected(struct visit *visit, const struct host_event *event)
{
    if (visit->peer == NULL || !peer_connection_is_last(event->connection))
        return;
    char *reason = utf8_safe_text(bytes_of_text(event->close->reason.text));
    describe(visit, reason);
    free(reason);
    /* Otherwise the attempt has yet to end. */
    if (evtimer_pending(visit->timer, NULL))
        leave(visit);
}

static void on_event(void *context, const struct host_event *event)
{
    struct visit *visit = context;
    switch (event->kind) {
    case HOST_CONNECTED:
        visit->peer = event->peer;
        break;
    case HOST_STATUS:
        if (event->by == HOST_BY_US)
            set_status(visit, "answered");
        break;
    case HOST_STATUS_FAILED:
        set_status(visit, protocol_not_spoken(event->end) ? "not spoken"
                          : event->reason != NULL         ? event->reason
                                                          : protocol_end_text(event->end));
        break;
    case HOST_SUBSCRIBED:
        on_subscribed(visit, event->topic);
        break;
    case HOST_STREAM_OPENED:
        json_array_append_new(streams_of(visit, event),
                              json_string(stream_view(event->stream).protocol));
        break;
    case HOST_STREAM_CLOSED:
        if (event->end != PROTOCOL_CONNECTION_LOST)
            on_stream_closed(visit, event);
        break;
    case HOST_MESH_JOINED:
        json_object_set_new(visit->meshes, event->topic, json_true());
        break;
    case HOST_MESH_LEFT:
        if (event->by == HOST_BY_PEER)
            json_object_del(visit->meshes, event->topic);
        break;
    case HOST_DISCONNECTED:
        on_disconnected(visit, event);
        break;
    default:
        break;
    }
}

static void on_rpc(const struct traced_rpc *traced)
{
    struct visit *visit = traced->context;
    if (!traced->out)
        heard_rpc(visit->heard, traced->rpc);
}

/* ---- the beginning ---- */

static void on_attempted(void *context, const struct attempt_result *result)
{
    struct visit *visit = context;
    const char *error = result->outcome.error;
    visit->attempt = NULL;
    if (error != NULL) {
        error_set(&visit->error, "%s: %s", visit->address, error);
        forget_entry(visit);
    }
    if (error != NULL || visit->entry != NULL)
        leave(visit);
    else
        wait_half(visit);
}

/* We graft nobody: so a place in the node's mesh is of its own choice. */
static bool make_host(struct visit *visit, const struct visit_settings *settings,
                      struct error *error)
{
    struct host_settings host;
    host_settings_default(&host);
    host.base = settings->base;
    host.identity = visit->identity;
    host.agent = "devnet-mesh/" DEVNET_VERSION;
    host.handshake_timeout_ms = settings->timeout_ms + HANDSHAKE_GRACE_MS;
    host.gossipsub.passive = true;
    host.status_optional = true;
    host.trace_rpc = on_rpc;
    host.trace_context = visit;
    if (getrandom(&host.seed, sizeof(host.seed), 0) < 0)
        return error_set(error, "no random numbers to be had");
    visit->host = host_new(&host, error);
    return visit->host != NULL;
}

struct visit *visit_begin(const struct visit_settings *settings, const struct node_address *address,
                          visit_done done, void *context, struct error *error)
{
    static const struct attempt_handlers handlers = {.done = on_attempted};
    const struct attempt_settings attempt = {.until = ATTEMPT_HANDSHAKE,
                                             .timeout_ms = settings->timeout_ms};
    struct visit *visit = memory_new(sizeof(*visit));
    visit->done = done;
    visit->context = context;
    visit->stay_ms = settings->stay_ms;
    visit->meshes = json_object();
    visit->ours = json_array();
    visit->theirs = json_array();
    visit->heard = heard_new();
    visit->identity = identity_generate();
    visit->timer = evtimer_new(settings->base, on_timer, visit);
    multiaddr_text(&address->at[0], visit->address);
    if (!make_host(visit, settings, error)) {
        error_prefix(error, "%s", visit->address);
        visit_free(visit);
        return NULL;
    }
    visit->observer = (struct host_observer){.event = on_event, .context = visit};
    host_observe(visit->host, &visit->observer);
    visit->attempt =
        attempt_dial(visit->host, settings->resolver, address, &attempt, &handlers, visit);
    return visit;
}
