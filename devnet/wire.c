#include "devnet/wire.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "devnet/loop.h"
#include "devnet/routes.h"
#include "net/api/client.h"

enum {
    WIRE_AT_ONCE = 32,
    MESH_DEGREE_SURE = 6, /* D_low: up to so many peers, each is grafted */
    ANSWER_GRACE_MS = 2000,
};

struct wirer {
    struct loop loop;
    const struct devnet *devnet;
    uint64_t timeout_ms;
    wire_report *report;
    void *context;
    struct edge *edges;
    struct route *routes; /* of each edge */
    size_t count, made, open, done;
    bool failed;
    struct error *error;
};

struct edge {
    struct wirer *wirer;
    const struct devnet_node *dialler, *listener;
    const char *address;   /* of the listener, for the dialler */
    bool crowded;          /* one of them has more peers than a mesh is sure to take */
    struct api_call *call; /* NULL before and after */
    json_t *last;          /* line of the answer */
};

static void make_next(struct wirer *wirer);

static void line_came(void *context, const json_t *line)
{
    struct edge *edge = context;
    json_decref(edge->last);
    edge->last = json_incref((json_t *)line);
}

/* What went wrong, or NULL. */
static const char *find_problem(const struct edge *edge, int status, const json_t *answer,
                                const char *error)
{
    const char *told =
        json_string_value(json_object_get(status == 200 ? edge->last : answer, "error"));
    if (status == 0)
        return error;
    if (status != 200)
        return told != NULL ? told : "refused";
    const json_t *exit_status = json_object_get(edge->last, "exit");
    if (json_is_integer(exit_status) && json_integer_value(exit_status) == 0)
        return NULL;
    return told != NULL ? told : "the answer ended early";
}

static void edge_done(void *context, int status, const json_t *answer, const char *error)
{
    struct edge *edge = context;
    struct wirer *wirer = edge->wirer;
    const char *problem = find_problem(edge, status, answer, error);
    const char *reached = json_string_value(json_object_get(edge->last, "reached"));
    edge->call = NULL;
    wirer->open--;
    if (problem != NULL && !wirer->failed) {
        wirer->failed = true;
        error_set(wirer->error, "cannot connect %s to %s: %s", edge->dialler->name,
                  edge->listener->name, problem);
    } else if (problem == NULL) {
        const struct wire_news news = {.dialler = edge->dialler,
                                       .listener = edge->listener,
                                       .reached = reached != NULL ? reached : "?",
                                       .done = ++wirer->done,
                                       .count = wirer->count};
        wirer->report(wirer->context, &news);
    }
    make_next(wirer);
}

/* How far it is to come: what another program speaks is not known. */
static const char *goal_of(const struct edge *edge)
{
    if (devnet_node_is_foreign(edge->listener))
        return "handshake";
    return edge->crowded ? "streams" : "mesh";
}

static bool make_edge(struct wirer *wirer, struct edge *edge)
{
    static const struct api_call_handlers handlers = {.line = line_came, .done = edge_done};
    char timeout[32];
    snprintf(timeout, sizeof(timeout), "%llums", (unsigned long long)wirer->timeout_ms);
    json_t *body = json_pack("{s:s,s:s,s:s}", "addr", edge->address, "until", goal_of(edge),
                             "timeout", timeout);
    edge->call = api_call_new(wirer->loop.base, edge->dialler->api, "POST", "/connect", body,
                              wirer->timeout_ms + ANSWER_GRACE_MS, &handlers, edge, wirer->error);
    return edge->call != NULL;
}

static void make_next(struct wirer *wirer)
{
    while (!wirer->failed && wirer->open < WIRE_AT_ONCE && wirer->made < wirer->count) {
        wirer->failed = !make_edge(wirer, &wirer->edges[wirer->made++]);
        wirer->open++;
    }
    if (wirer->open == 0 || wirer->failed)
        event_base_loopbreak(wirer->loop.base);
}

static void list_edges(struct wirer *wirer, const struct wiring *wiring)
{
    const struct devnet *devnet = wirer->devnet;
    struct wiring_pair *pairs = wiring_pairs(wiring, devnet->count, &wirer->count);
    size_t *degrees = memory_new((devnet->count + 1) * sizeof(*degrees));
    for (size_t i = 0; i < wirer->count; i++) {
        degrees[pairs[i].dialler]++;
        degrees[pairs[i].listener]++;
    }
    wirer->edges = memory_new((wirer->count + 1) * sizeof(*wirer->edges));
    for (size_t i = 0; i < wirer->count; i++)
        wirer->edges[i] = (struct edge){.wirer = wirer,
                                        .dialler = &devnet->nodes[pairs[i].dialler],
                                        .listener = &devnet->nodes[pairs[i].listener],
                                        .crowded = degrees[pairs[i].dialler] > MESH_DEGREE_SURE ||
                                                   degrees[pairs[i].listener] > MESH_DEGREE_SURE};
    free(degrees);
    free(pairs);
}

static bool find_addresses(struct wirer *wirer)
{
    wirer->routes = memory_new((wirer->count + 1) * sizeof(*wirer->routes));
    for (size_t i = 0; i < wirer->count; i++)
        wirer->routes[i] =
            (struct route){.from = wirer->edges[i].dialler, .to = wirer->edges[i].listener};
    if (!devnet_find_routes(wirer->devnet, wirer->routes, wirer->count, wirer->error))
        return false;
    for (size_t i = 0; i < wirer->count; i++)
        wirer->edges[i].address = wirer->routes[i].address;
    return true;
}

static void wirer_clear(struct wirer *wirer)
{
    for (size_t i = 0; i < wirer->made; i++) {
        if (wirer->edges[i].call != NULL)
            api_call_cancel(wirer->edges[i].call);
        json_decref(wirer->edges[i].last);
    }
    loop_clear(&wirer->loop);
}

static void run(struct wirer *wirer)
{
    loop_init(&wirer->loop);
    make_next(wirer);
    if (!wirer->failed && !loop_run(&wirer->loop))
        wirer->failed = !error_set(wirer->error, "interrupted");
    wirer_clear(wirer);
}

bool devnet_wire(const struct devnet *devnet, const struct wiring *wiring, uint64_t timeout_ms,
                 wire_report *report, void *context, struct error *error)
{
    struct wirer wirer = {.devnet = devnet,
                          .timeout_ms = timeout_ms,
                          .report = report,
                          .context = context,
                          .error = error};
    list_edges(&wirer, wiring);
    bool found = find_addresses(&wirer);
    if (found && wirer.count > 0)
        run(&wirer);
    routes_clear(wirer.routes, wirer.count);
    free(wirer.routes);
    free(wirer.edges);
    return found && !wirer.failed;
}
