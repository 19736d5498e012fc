#include "net/api/node.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/hex.h"
#include "common/memory.h"
#include "common/options.h"
#include "net/api/attempt_json.h"
#include "net/api/event_json.h"
#include "net/api/host_json.h"
#include "net/api/lean_json.h"
#include "net/api/metrics.h"
#include "net/api/server.h"
#include "net/api/watchers.h"
#include "net/host/attempt_driver.h"

enum { OK = 200, UNAVAILABLE = 503 };

/* A POST /connect whose steps are still coming. */
struct connecting {
    struct node_api *api;
    struct api_request *request;
    struct attempt_driver *attempt;
    LIST_ENTRY(connecting) link;
};

struct node_api {
    struct host *host;
    struct dialer *dialer;
    struct resolver *resolver;
    struct api_server *server;
    struct api_server *metrics_server, *public_server; /* or NULL */
    struct metrics *metrics;
    uint64_t started_ms;
    uint64_t validators; /* that it was told of */
    LIST_HEAD(, connecting) connecting;
    struct api_watchers *watchers;
    struct host_observer observer; /* on behalf of the watchers */
};

/* ---- what is ---- */

static void get_health(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct node_api *api = context;
    api_reply(request, OK, host_health_json(api->host, clock_now_ms() - api->started_ms));
}

static void get_mesh(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct node_api *api = context;
    api_reply(request, OK, host_mesh_json(api->host));
}

static void get_peers(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct node_api *api = context;
    api_reply(request, OK, host_peers_json(api->host));
}

static void get_metrics(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct node_api *api = context;
    char *text = metrics_text(api->metrics);
    api_reply_text(request, METRICS_CONTENT_TYPE, text);
    free(text);
}

/* ---- what Lean's nodes are asked ---- */

static void get_lean_health(void *context, struct api_request *request, const json_t *body)
{
    (void)context, (void)body;
    api_reply(request, OK, lean_health_json());
}

static void get_lean_fork_choice(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct node_api *api = context;
    api_reply(request, OK,
              lean_fork_choice_json(&host_settings(api->host)->status, api->validators));
}

static void get_lean_justified(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct node_api *api = context;
    api_reply(request, OK, lean_justified_json(&host_settings(api->host)->status));
}

/* ---- POST /connect: the steps as they happen ---- */

static void connecting_free(struct connecting *connecting)
{
    LIST_REMOVE(connecting, link);
    free(connecting);
}

static void on_step(void *context, const struct attempt_told *told, const struct host_event *event)
{
    const struct connecting *connecting = context;
    json_t *line = attempt_step_json(told, event);
    api_stream_line(connecting->request, line);
    json_decref(line);
}

static void on_done(void *context, const struct attempt_result *result)
{
    struct connecting *connecting = context;
    json_t *line = attempt_result_json(result, NULL);
    json_object_set_new(line, "step", json_string("done"));
    api_stream_line(connecting->request, line);
    json_decref(line);
    api_stream_end(connecting->request);
    connecting_free(connecting);
}

static void on_client_gone(void *argument)
{
    struct connecting *connecting = argument;
    attempt_cancel(connecting->attempt);
    connecting_free(connecting);
}

static bool read_until(const json_t *body, enum attempt_step *until, struct error *error)
{
    const char *name = "mesh";
    const json_t *value = json_object_get(body, "until");
    if (value != NULL)
        name = json_string_value(value);
    for (size_t i = 0; name != NULL && attempt_step_names[i] != NULL; i++) {
        if (strcmp(attempt_step_names[i], name) == 0) {
            *until = (enum attempt_step)i;
            return true;
        }
    }
    return error_set(error, "\"until\": handshake, identify, status, streams or mesh");
}

static bool read_timeout(const json_t *body, uint64_t *timeout_ms, struct error *error)
{
    const json_t *value = json_object_get(body, "timeout");
    *timeout_ms = API_TIMEOUT_DEFAULT_MS;
    if (value == NULL)
        return true;
    if (!json_is_string(value))
        return error_set(error, "\"timeout\": a duration such as \"5s\"");
    if (!duration_parse(json_string_value(value), timeout_ms, error))
        return error_prefix(error, "\"timeout\"");
    if (*timeout_ms == 0 || *timeout_ms > API_TIMEOUT_MAX_MS)
        return error_set(error, "\"timeout\": more than 0 and at most 10m");
    return true;
}

static bool read_connect(const json_t *body, struct node_address *address,
                         struct attempt_settings *settings, struct error *error)
{
    const char *text = json_string_value(json_object_get(body, "addr"));
    const json_t *topic = json_object_get(body, "topic");
    if (text == NULL)
        return error_set(error, "\"addr\": a multiaddr or a node record is needed");
    if (!node_address_parse(text, address, error))
        return error_prefix(error, "\"addr\"");
    if (topic != NULL && !json_is_null(topic) && !json_is_string(topic))
        return error_set(error, "\"topic\": a text");
    return read_until(body, &settings->until, error) &&
           read_timeout(body, &settings->timeout_ms, error);
}

static void post_connect(void *context, struct api_request *request, const json_t *body)
{
    static const struct attempt_handlers handlers = {.step = on_step, .done = on_done};
    struct node_api *api = context;
    struct node_address address;
    struct attempt_settings settings = {0};
    struct error error;
    if (!read_connect(body, &address, &settings, &error)) {
        api_reply_failure(request, &error);
        return;
    }
    const char *topic = json_string_value(json_object_get(body, "topic"));
    char *expanded = topic != NULL ? host_topic_expand(api->host, topic, &error) : NULL;
    if (topic != NULL && expanded == NULL) {
        api_reply_failure(request, &error);
        return;
    }
    settings.topic = expanded;
    struct connecting *connecting = memory_new(sizeof(*connecting));
    connecting->api = api;
    connecting->request = request;
    LIST_INSERT_HEAD(&api->connecting, connecting, link);
    api_stream_start(request, on_client_gone, connecting);
    connecting->attempt =
        attempt_dial(api->host, api->resolver, &address, &settings, &handlers, connecting);
    free(expanded);
}

/* ---- GET /events: what happens, as it happens ---- */

static void tell_watchers(void *context, const struct host_event *event)
{
    const struct node_api *api = context;
    json_t *line = api_watchers_any(api->watchers) ? host_event_json(event) : NULL;
    if (line == NULL)
        return;
    api_watchers_tell(api->watchers, line);
    json_decref(line);
}

static void count_lost(void *context, uint64_t count)
{
    const struct node_api *api = context;
    metrics_count_lost(api->metrics, count);
}

static void get_events(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct node_api *api = context;
    api_watchers_add(api->watchers, request, host_ready_json(api->host, node_api_url(api)));
}

/* ---- connected peers ---- */

static bool read_peer_id(const json_t *body, struct peer_id *id, struct error *error)
{
    const char *text = json_string_value(json_object_get(body, "peer_id"));
    if (text == NULL)
        return error_set(error, "\"peer_id\": a peer id is needed");
    return peer_id_parse(text, id, error) || error_prefix(error, "\"peer_id\"");
}

static struct peer *find_peer(const struct node_api *api, const struct peer_id *id,
                              struct error *error)
{
    struct peer *peer = peer_find(api->host, id);
    if (peer == NULL)
        error_set_kind(error, ERROR_NOT_FOUND, "not connected to that peer");
    return peer;
}

static void reply_peer(struct api_request *request, const struct peer *peer)
{
    api_reply(request, OK, json_pack("{s:s}", "peer_id", peer_view(peer).name));
}

static void post_disconnect(void *context, struct api_request *request, const json_t *body)
{
    struct node_api *api = context;
    struct peer_id id;
    struct error error;
    bool named = read_peer_id(body, &id, &error);
    if (named)
        dialer_remove(api->dialer, &id); /* whom it has not reached yet, too */
    struct peer *peer = named ? find_peer(api, &id, &error) : NULL;
    if (peer == NULL) {
        api_reply_failure(request, &error);
        return;
    }
    host_disconnect(api->host, peer, "asked to disconnect");
    reply_peer(request, peer);
}

/* The answer comes as an event, `pong` or `ping_failed`. */
static void post_ping(void *context, struct api_request *request, const json_t *body)
{
    const struct node_api *api = context;
    struct peer_id id;
    struct error error;
    struct peer *peer = read_peer_id(body, &id, &error) ? find_peer(api, &id, &error) : NULL;
    if (peer == NULL)
        api_reply_failure(request, &error);
    else if (!host_ping(peer))
        api_reply_error(request, UNAVAILABLE, "the peer allows no further stream now");
    else
        reply_peer(request, peer);
}

/* ---- topics ---- */

/* The expanded topic of BODY, freed by the caller; NULL where there is none: then it is answered.
 */
static char *read_topic(const struct node_api *api, struct api_request *request, const json_t *body)
{
    const char *topic = json_string_value(json_object_get(body, "topic"));
    struct error error;
    error_set(&error, "\"topic\": a topic is needed");
    char *expanded = topic != NULL ? host_topic_expand(api->host, topic, &error) : NULL;
    if (expanded == NULL)
        api_reply_failure(request, &error);
    return expanded;
}

static void change_topic(struct node_api *api, struct api_request *request, const json_t *body,
                         bool (*change)(struct host *host, const char *topic, struct error *error))
{
    char *topic = read_topic(api, request, body);
    if (topic == NULL)
        return;
    struct error error;
    if (change(api->host, topic, &error))
        api_reply(request, OK, json_pack("{s:s}", "topic", topic));
    else
        api_reply_failure(request, &error);
    free(topic);
}

static void post_subscribe(void *context, struct api_request *request, const json_t *body)
{
    change_topic(context, request, body, host_subscribe);
}

static void post_unsubscribe(void *context, struct api_request *request, const json_t *body)
{
    change_topic(context, request, body, host_unsubscribe);
}

/* {"text": ...} or {"data": hexadecimal}: the payload before compression. */
static bool read_payload(const json_t *body, struct buffer *payload, struct error *error)
{
    const char *text = json_string_value(json_object_get(body, "text"));
    const char *data = json_string_value(json_object_get(body, "data"));
    if ((text == NULL) == (data == NULL))
        return error_set(error, "either \"text\" or \"data\" (hexadecimal) is needed");
    if (text != NULL)
        buffer_append_text(payload, text);
    else if (!hex_read(data, payload))
        return error_set(error, "\"data\": not hexadecimal");
    return true;
}

static void post_publish(void *context, struct api_request *request, const json_t *body)
{
    struct node_api *api = context;
    char *topic = read_topic(api, request, body);
    if (topic == NULL)
        return;
    struct buffer payload = {0};
    struct error error;
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t receivers = 0;
    if (read_payload(body, &payload, &error) &&
        host_publish(api->host, topic, buffer_bytes(&payload), id, &receivers, &error)) {
        char text[2 * GOSSIPSUB_WIRE_ID_SIZE_MAX + 1];
        hex_write(gossipsub_wire_id(host_router(api->host), id), text);
        api_reply(request, OK,
                  json_pack("{s:s, s:s, s:I}", "topic", topic, "id", text, "receivers",
                            (json_int_t)receivers));
    } else {
        api_reply_failure(request, &error);
    }
    buffer_clear(&payload);
    free(topic);
}

/* ---- beginning and end ---- */

static const struct api_route routes[] = {
    {"GET", "/events", get_events},
    {"GET", "/health", get_health},
    {"GET", "/lean/v0/checkpoints/justified", get_lean_justified},
    {"GET", "/lean/v0/fork_choice", get_lean_fork_choice},
    {"GET", "/lean/v0/health", get_lean_health},
    {"GET", "/mesh", get_mesh},
    {"GET", "/metrics", get_metrics},
    {"GET", "/peers", get_peers},
    {"POST", "/connect", post_connect},
    {"POST", "/disconnect", post_disconnect},
    {"POST", "/ping", post_ping},
    {"POST", "/publish", post_publish},
    {"POST", "/subscribe", post_subscribe},
    {"POST", "/unsubscribe", post_unsubscribe},
    {0},
};

struct node_api *node_api_new(struct host *host, struct dialer *dialer, struct resolver *resolver,
                              const char *listen, struct error *error)
{
    struct node_api *api = memory_new(sizeof(*api));
    api->host = host;
    api->dialer = dialer;
    api->resolver = resolver;
    api->started_ms = clock_now_ms();
    LIST_INIT(&api->connecting);
    api->watchers = api_watchers_new(count_lost, api);
    api->server = api_server_new(host_settings(host)->base, listen, routes, api, error);
    if (api->server == NULL) {
        api_watchers_free(api->watchers);
        free(api);
        return NULL;
    }
    api->metrics = metrics_new(host);
    api->observer = (struct host_observer){.event = tell_watchers, .context = api};
    host_observe(host, &api->observer);
    return api;
}

void node_api_tell_validators(struct node_api *api, uint64_t count)
{
    api->validators = count;
}

bool node_api_serve_metrics(struct node_api *api, const char *listen, struct error *error)
{
    static const struct api_route metrics_route[] = {{"GET", "/metrics", get_metrics}, {0}};
    api->metrics_server =
        api_server_new(host_settings(api->host)->base, listen, metrics_route, api, error);
    return api->metrics_server != NULL;
}

bool node_api_serve_public(struct node_api *api, const char *listen, struct error *error)
{
    static const struct api_route public_routes[] = {
        {"GET", "/lean/v0/checkpoints/justified", get_lean_justified},
        {"GET", "/lean/v0/fork_choice", get_lean_fork_choice},
        {"GET", "/lean/v0/health", get_lean_health},
        {"GET", "/metrics", get_metrics},
        {0},
    };
    api->public_server =
        api_server_new_public(host_settings(api->host)->base, listen, public_routes, api, error);
    return api->public_server != NULL;
}

void node_api_free(struct node_api *api)
{
    api_server_free(api->metrics_server);
    api_server_free(api->public_server);
    metrics_free(api->metrics);
    host_unobserve(api->host, &api->observer);
    api_server_free(api->server); /* ends what is still being answered, and tells us of each */
    api_watchers_free(api->watchers);
    free(api);
}

const char *node_api_url(const struct node_api *api)
{
    return api_server_url(api->server);
}
