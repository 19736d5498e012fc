#include "cmd/tap/api.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/tap/mesh_json.h"
#include "cmd/tap/metrics.h"
#include "common/clock.h"
#include "common/memory.h"
#include "net/api/watchers.h"

enum { OK = 200, BAD_REQUEST = 400, NS_IN_MS = 1000000, US_IN_MS = 1000 };

struct tap_api {
    struct tap *tap;
    struct teller *teller;
    struct api_server *server;
    struct api_watchers *watchers;
};

/* ---- GET /health, /connections, /metrics ---- */

static void get_health(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct tap_api *api = context;
    json_t *health = teller_ready_json(api->tap, api_server_url(api->server));
    json_object_del(health, "event");
    json_object_set_new(health, "status", json_string("ok"));
    json_object_set_new(health, "connections",
                        json_integer((json_int_t)tap_statistics(api->tap)->live));
    api_reply(request, OK, health);
}

static void get_mesh(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct tap_api *api = context;
    uint64_t now_us = clock_epoch_ms() * US_IN_MS;
    api_reply(request, OK, tap_mesh_json(api->tap, teller_mesh(api->teller), now_us));
}

static json_t *leg_json(const struct quic_connection *leg)
{
    struct quic_connection_facts facts;
    if (leg == NULL)
        return json_null();
    quic_connection_facts(leg, &facts);
    char remote[MULTIADDR_TEXT_SIZE] = "";
    if (facts.remote.port != 0)
        multiaddr_text(&facts.remote, remote);
    return json_pack("{s:b, s:s, s:I, s:I, s:I, s:I}", "established",
                     quic_connection_is_established(leg), "remote", remote, "rtt_us",
                     (json_int_t)facts.rtt_us, "idle_timeout_ms", (json_int_t)facts.idle_timeout_ms,
                     "bytes_in", (json_int_t)facts.bytes_in, "bytes_out",
                     (json_int_t)facts.bytes_out);
}

static json_t *name_json(const struct tap_node *node)
{
    return node != NULL ? json_string(tap_node_name(node)) : json_null();
}

static json_t *pair_json(const struct tap_pair *pair)
{
    json_int_t age = (json_int_t)((clock_now_ns() - tap_pair_began_ns(pair)) / NS_IN_MS);
    json_t *said = json_pack("{s:I, s:I}", "dialler", (json_int_t)tap_pair_said(pair, TAP_DIALLER),
                             "listener", (json_int_t)tap_pair_said(pair, TAP_LISTENER));
    return json_pack("{s:s, s:I, s:o, s:o, s:b, s:b, s:I, s:I, s:o, s:o, s:o}", "id",
                     tap_pair_id(pair), "number", (json_int_t)tap_pair_number(pair), "dialler",
                     name_json(tap_pair_node(pair, TAP_DIALLER)), "listener",
                     name_json(tap_pair_node(pair, TAP_LISTENER)), "connected",
                     tap_pair_is_connected(pair), "front_first", tap_pair_front_first(pair),
                     "age_ms", age, "streams", (json_int_t)tap_pair_streams(pair), "said_bytes",
                     said, "front", leg_json(tap_pair_leg(pair, TAP_DIALLER)), "back",
                     leg_json(tap_pair_leg(pair, TAP_LISTENER)));
}

static void get_connections(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct tap_api *api = context;
    json_t *connections = json_array();
    const struct tap_pair *pair;
    for (pair = tap_first_pair(api->tap); pair != NULL; pair = tap_pair_next(pair))
        json_array_append_new(connections, pair_json(pair));
    api_reply(request, OK, json_pack("{s:o}", "connections", connections));
}

static void get_metrics(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct tap_api *api = context;
    const struct teller_counts counts = teller_counts(api->teller);
    char *text = tap_metrics_text(api->tap, &counts);
    api_reply_text(request, TAP_METRICS_TYPE, text);
    free(text);
}

/* ---- POST /nodes ---- */

/* NULL with the error set where it cannot be. */
static const struct tap_node *take(const struct tap_api *api, struct tap_plan *plan,
                                   struct error *error)
{
    struct sockaddr_storage storage;
    if (multiaddr_to_sockaddr(&plan->real, &storage) == 0) {
        error_set(error, "%s: an IP address is needed, not a name", plan->name);
        return NULL;
    }
    struct bytes name = bytes_of_text(plan->name);
    const struct tap_node *node = tap_node_named(api->tap, name);
    bool known = node != NULL;
    bool stays =
        known && !tap_node_is_gone(node) && multiaddr_same_place(tap_node_real(node), &plan->real);
    if (known)
        node = tap_move(api->tap, plan, error);
    else if (tap_add(api->tap, plan, error))
        node = tap_node_named(api->tap, name);
    if (node != NULL && !stays)
        teller_given(api->teller, node, known);
    return node;
}

static void leave(const struct tap_api *api, struct api_request *request, const char *name)
{
    struct error error;
    bool leaves;
    const struct tap_node *node = tap_leave(api->tap, name, &leaves, &error);
    if (node == NULL) {
        api_reply_failure(request, &error);
        return;
    }
    if (leaves)
        teller_left(api->teller, node);
    api_reply(request, OK, teller_node_json(node));
}

static void give(const struct tap_api *api, struct api_request *request, const char *text)
{
    struct tap_plan plan;
    struct error error;
    if (!tap_plan_parse(text, false, &plan,
                        &error)) { /* a key file that cannot be read is its mistake */
        api_reply_error(request, BAD_REQUEST, "%s", error.text);
        return;
    }
    const struct tap_node *node = take(api, &plan, &error);
    if (node != NULL)
        api_reply(request, OK, teller_node_json(node));
    else
        api_reply_failure(request, &error);
    tap_plan_clear(&plan);
}

static void post_nodes(void *context, struct api_request *request, const json_t *body)
{
    const char *node = json_string_value(json_object_get(body, "node")),
               *left = json_string_value(json_object_get(body, "left"));
    if ((node != NULL) == (left != NULL))
        api_reply_error(request, BAD_REQUEST,
                        "expected {\"node\": \"NAME=KEY-FILE,TAP-ADDRESS,REAL-ADDRESS\"} or "
                        "{\"left\": NAME}");
    else if (node != NULL)
        give(context, request, node);
    else
        leave(context, request, left);
}

/* ---- GET /events ---- */

static void tell_watchers(void *context, const json_t *line)
{
    api_watchers_tell(context, line);
}

static void get_events(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct tap_api *api = context;
    api_watchers_add(api->watchers, request,
                     teller_ready_json(api->tap, api_server_url(api->server)));
}

/* ---- the whole ---- */

static const struct api_route routes[] = {
    {"GET", "/health", get_health},
    {"GET", "/mesh", get_mesh},
    {"GET", "/connections", get_connections},
    {"GET", "/metrics", get_metrics},
    {"GET", "/events", get_events},
    {"POST", "/nodes", post_nodes},
    {0},
};

struct tap_api *tap_api_new(struct event_base *base, struct tap *tap, struct teller *teller,
                            const char *listen, struct error *error)
{
    struct tap_api *api = memory_new(sizeof(*api));
    api->tap = tap;
    api->teller = teller;
    api->watchers = api_watchers_new(NULL, NULL);
    api->server = api_server_new(base, listen, routes, api, error);
    if (api->server == NULL) {
        api_watchers_free(api->watchers);
        free(api);
        return NULL;
    }
    teller_also(teller, tell_watchers, api->watchers);
    return api;
}

const char *tap_api_url(const struct tap_api *api)
{
    return api_server_url(api->server);
}

void tap_api_free(struct tap_api *api)
{
    if (api == NULL)
        return;
    teller_also(api->teller, NULL, NULL);
    api_server_free(api->server);
    api_watchers_free(api->watchers);
    free(api);
}
