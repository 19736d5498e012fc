#include "devnet/redial.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "devnet/family.h"
#include "devnet/foreign.h"
#include "devnet/loop.h"
#include "devnet/routes.h"
#include "net/api/client.h"

enum { AT_ONCE = 32, AGAIN_MS = 50, CALL_TIMEOUT_MS = 3000, CALL_GRACE_MS = 1000 };

struct redialler {
    struct loop loop;
    struct devnet *devnet;
    uint64_t since_ms, deadline_ms, patience_ms; /* until when others may dial by themselves */
    wire_report *report;
    void *context;
    struct link *links;
    struct route *routes; /* of each link */
    size_t count, begun, open;
    bool failed;
    struct error *error;
};

struct link {
    struct redialler *redialler;
    const struct devnet_node *dialler, *listener;
    const struct devnet_node *asked; /* the one of them that has an API, and dials */
    const char *address;             /* of the other, for that one */
    struct api_call *call;           /* NULL: none goes on */
    struct event *again;
    json_t *last; /* line of the answer */
    char *problem;
};

static void begin_more(struct redialler *redialler);
static void go_on(struct link *link);

static const struct devnet_node *other_end(const struct link *link)
{
    return link->asked == link->dialler ? link->listener : link->dialler;
}

/* SHOWN is the peer id of the other end, or NULL. */
static void finish(struct link *link, const char *reached, const char *shown)
{
    struct redialler *redialler = link->redialler;
    struct devnet_node *other = devnet_find(redialler->devnet, other_end(link)->name);
    if (other->api == NULL && shown != NULL && strcmp(shown, other->peer_id) != 0)
        foreign_know_by(other, shown);
    redialler->open--;
    const struct wire_news news = {.dialler = link->dialler,
                                   .listener = link->listener,
                                   .reached = reached,
                                   .done = redialler->begun - redialler->open,
                                   .count = redialler->count};
    redialler->report(redialler->context, &news);
    begin_more(redialler);
}

/* TOLD may be NULL: what was the matter before stays. */
static void try_again(struct link *link, const char *told)
{
    struct redialler *redialler = link->redialler;
    if (told != NULL) {
        free(link->problem);
        link->problem = text_copy(told);
    }
    if (clock_now_ms() < redialler->deadline_ms) {
        event_arm(link->again, &(struct timeval){.tv_usec = AGAIN_MS * 1000L});
        return;
    }
    redialler->failed = true;
    error_set(redialler->error, "cannot connect %s to %s again: %s", link->dialler->name,
              link->listener->name, link->problem != NULL ? link->problem : "not in time");
    event_base_loopbreak(redialler->loop.base);
}

/* ---- dialling ---- */

static void line_came(void *context, const json_t *line)
{
    struct link *link = context;
    json_decref(link->last);
    link->last = json_incref((json_t *)(uintptr_t)line);
}

static void dialled(void *context, int status, const json_t *answer, const char *problem)
{
    struct link *link = context;
    const json_t *told = status == 200 ? link->last : answer;
    const json_t *exit_status = json_object_get(link->last, "exit");
    const char *reached = json_string_value(json_object_get(link->last, "reached"));
    const char *error = json_string_value(json_object_get(told, "error"));
    link->call = NULL;
    if (status == 200 && json_is_integer(exit_status) && json_integer_value(exit_status) == 0)
        finish(link, reached != NULL ? reached : "?",
               json_string_value(json_object_get(link->last, "peer_id")));
    else
        try_again(link, error != NULL ? error : status == 0 ? problem : "refused");
}

/* Through a connection that is left of before nothing is reached: it is given up then. */
static bool dial(struct link *link)
{
    static const struct api_call_handlers handlers = {.line = line_came, .done = dialled};
    const struct devnet_node *other = other_end(link);
    bool ours = other->api != NULL;
    char *address = ours ? text_copy(link->address) : foreign_place(link->address);
    json_t *body = json_pack("{s:s,s:s,s:s}", "addr", address, "until",
                             ours ? "streams" : "handshake", "timeout", "3s");
    free(address);
    json_decref(link->last);
    link->last = NULL;
    link->call =
        api_call_new(link->redialler->loop.base, link->asked->api, "POST", "/connect", body,
                     CALL_TIMEOUT_MS + CALL_GRACE_MS, &handlers, link, link->redialler->error);
    return link->call != NULL;
}

/* ---- waiting for another program to dial ---- */

/* Since the start, and as whom it was known or from where it listens. */
static bool is_it(const struct link *link, const char *id, const char *place,
                  const json_t *connection)
{
    uint64_t age_max = clock_now_ms() - link->redialler->since_ms;
    const json_t *age = json_object_get(connection, "age_ms");
    const char *remote = json_string_value(json_object_get(connection, "remote"));
    bool fresh = json_is_integer(age) && (uint64_t)json_integer_value(age) <= age_max;
    return fresh && (strcmp(id, link->dialler->peer_id) == 0 ||
                     (remote != NULL && strcmp(remote, place) == 0));
}

/* The id by which the other program has connected, or NULL. */
static const char *find_connected(const struct link *link, const json_t *peers)
{
    char *place = foreign_place(link->dialler->listen[0]);
    const char *found = NULL;
    size_t i, k;
    const json_t *peer, *connection;
    json_array_foreach(peers, i, peer)
    {
        const char *id = json_string_value(json_object_get(peer, "peer_id"));
        json_array_foreach(json_object_get(peer, "connections"), k, connection)
        {
            if (id != NULL && is_it(link, id, place, connection))
                found = id;
        }
    }
    free(place);
    return found;
}

static void peers_came(void *context, int status, const json_t *answer, const char *problem)
{
    struct link *link = context;
    link->call = NULL;
    const char *id = find_connected(link, json_object_get(answer, "peers"));
    if (id != NULL)
        finish(link, "handshake", id);
    else
        try_again(link, status == 0 ? problem : NULL);
}

static bool ask(struct link *link)
{
    static const struct api_call_handlers handlers = {.done = peers_came};
    link->call = api_call_new(link->redialler->loop.base, link->asked->api, "GET", "/peers", NULL,
                              CALL_TIMEOUT_MS, &handlers, link, link->redialler->error);
    return link->call != NULL;
}

/* ---- all of them ---- */

static void go_on(struct link *link)
{
    struct redialler *redialler = link->redialler;
    bool wait = link->asked == link->listener && clock_now_ms() < redialler->patience_ms;
    if (wait ? ask(link) : dial(link))
        return;
    redialler->failed = true;
    event_base_loopbreak(redialler->loop.base);
}

static void again(evutil_socket_t fd, short events, void *argument)
{
    (void)fd, (void)events;
    go_on(argument);
}

static void begin_more(struct redialler *redialler)
{
    while (!redialler->failed && redialler->open < AT_ONCE && redialler->begun < redialler->count) {
        struct link *link = &redialler->links[redialler->begun++];
        link->again = evtimer_new(redialler->loop.base, again, link);
        redialler->open++;
        go_on(link);
    }
    if (redialler->open == 0)
        event_base_loopbreak(redialler->loop.base);
}

static bool is_up(const struct devnet_node *node)
{
    return node->listen_count > 0 && family_lives(&node->process) &&
           !process_is_paused(&node->process);
}

static void add(struct redialler *redialler, const struct devnet_node *dialler,
                const struct devnet_node *listener)
{
    const struct devnet_node *asked = dialler->api != NULL ? dialler : listener;
    if (asked->api == NULL || !is_up(dialler) || !is_up(listener))
        return;
    redialler->links =
        memory_resize(redialler->links, (redialler->count + 1) * sizeof(*redialler->links));
    redialler->links[redialler->count++] = (struct link){
        .redialler = redialler, .dialler = dialler, .listener = listener, .asked = asked};
}

static void list_links(struct redialler *redialler, const bool *fresh)
{
    const struct devnet *devnet = redialler->devnet;
    for (size_t i = 0; i < devnet->count; i++) {
        const struct devnet_node *dialler = &devnet->nodes[i];
        char *names = text_copy(dialler->dials != NULL ? dialler->dials : ""), *rest = names;
        for (const char *name; (name = strsep(&rest, " ")) != NULL;) {
            const struct devnet_node *listener = devnet_find(devnet, name);
            if (listener != NULL && (fresh[i] || fresh[listener - devnet->nodes]))
                add(redialler, dialler, listener);
        }
        free(names);
    }
}

/* Leaves out those that a partition keeps from being. */
static void drop_cut(struct redialler *redialler)
{
    size_t kept = 0;
    for (size_t i = 0; i < redialler->count; i++) {
        struct link *link = &redialler->links[i];
        link->address = redialler->routes[i].address;
        if (redialler->routes[i].cut)
            log_info("%s is not connected to %s: `devnet partition` keeps them apart",
                     link->dialler->name, link->listener->name);
        else
            redialler->links[kept++] = *link;
    }
    redialler->count = kept;
}

static bool find_addresses(struct redialler *redialler)
{
    size_t count = redialler->count;
    redialler->routes = memory_new((count + 1) * sizeof(*redialler->routes));
    for (size_t i = 0; i < count; i++)
        redialler->routes[i] = (struct route){.from = redialler->links[i].asked,
                                              .to = other_end(&redialler->links[i])};
    bool found = devnet_find_routes(redialler->devnet, redialler->routes, count, redialler->error);
    if (found)
        drop_cut(redialler);
    return found;
}

static void run(struct redialler *redialler)
{
    loop_init(&redialler->loop);
    begin_more(redialler);
    if (redialler->count > 0 && !redialler->failed && !loop_run(&redialler->loop))
        redialler->failed = !error_set(redialler->error, "interrupted");
}

static void redialler_clear(struct redialler *redialler)
{
    for (size_t i = 0; i < redialler->begun; i++) {
        struct link *link = &redialler->links[i];
        if (link->call != NULL)
            api_call_cancel(link->call);
        event_free(link->again);
        json_decref(link->last);
        free(link->problem);
    }
    loop_clear(&redialler->loop);
}

bool devnet_redial(struct devnet *devnet, const bool *fresh, uint64_t since_ms, uint64_t timeout_ms,
                   wire_report *report, void *context, struct error *error)
{
    uint64_t now = clock_now_ms();
    struct redialler redialler = {.devnet = devnet,
                                  .since_ms = since_ms,
                                  .deadline_ms = now + timeout_ms,
                                  .patience_ms = now + timeout_ms / 2,
                                  .report = report,
                                  .context = context,
                                  .error = error};
    list_links(&redialler, fresh);
    size_t count = redialler.count;
    bool found = find_addresses(&redialler);
    if (found) {
        run(&redialler);
        redialler_clear(&redialler);
    }
    routes_clear(redialler.routes, count);
    free(redialler.routes);
    free(redialler.links);
    return found && !redialler.failed;
}
