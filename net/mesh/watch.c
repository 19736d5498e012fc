#include "net/mesh/watch.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"
#include "net/api/client.h"
#include "net/mesh/tapped_event.h"

static const struct {
    const char *event;
    struct mesh_event_change change;
} changes[] = {
    {"connected", {MESH_EVENT_ADDED, .kind = "connection"}},
    {"disconnected", {MESH_EVENT_REMOVED, .kind = "connection"}},
    {"subscribed", {MESH_EVENT_ADDED, .kind = "subscriber", .from_peer = true}},
    {"unsubscribed", {MESH_EVENT_REMOVED, .kind = "subscriber", .from_peer = true}},
    {"mesh_joined", {MESH_EVENT_ADDED, .kind = "mesh"}},
    {"mesh_left", {MESH_EVENT_REMOVED, .kind = "mesh"}},
    {"stream_opened", {MESH_EVENT_ADDED, .kind = "stream"}},
    {"stream_closed", {MESH_EVENT_REMOVED, .kind = "stream"}},
    {"message", {MESH_EVENT_OTHER, .kind = "message", .traffic = true}},
    {"block_recorded", {MESH_EVENT_OTHER, .kind = "block_recorded", .traffic = true}},
    {"block_not_recorded", {MESH_EVENT_OTHER, .kind = "block_not_recorded", .traffic = true}},
    {"pong", {MESH_EVENT_OTHER, .kind = "pong", .traffic = true}},
    {"ping_failed", {MESH_EVENT_OTHER, .kind = "ping_failed", .traffic = true}},
};

enum { AGAIN_MS = 1000 };

struct watched {
    struct mesh_watch *watch;
    char *api;
    char *peer_id;          /* NULL until it has said it */
    struct api_call *call;  /* NULL: none goes on */
    struct event *deadline; /* of its first answer */
    struct event *again;    /* when it is asked once more, of one that is lost */
    bool lost;
};

struct mesh_watch {
    struct event_base *base;
    const struct mesh_watch_handlers *handlers;
    void *context;
    uint64_t timeout_ms;
    struct watched **nodes;
    size_t count;
    size_t lost;   /* now */
    size_t losses; /* in all */
};

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

struct mesh_event_change mesh_event_change(const json_t *event)
{
    struct mesh_event_change change;
    const char *name = text_of(event, "event");
    if (tapped_event_change(event, &change))
        return change;
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
        if (strcmp(changes[i].event, name) == 0)
            return changes[i].change;
    return (struct mesh_event_change){MESH_EVENT_OTHER, .kind = name};
}

static void event_came(void *context, const json_t *event)
{
    struct watched *watched = context;
    struct mesh_watch *watch = watched->watch;
    const char *name = text_of(event, "event");
    if (name == NULL)
        return;
    if (strcmp(name, "ready") != 0 || watched->peer_id != NULL) {
        watch->handlers->event(watch->context, watched->api, watched->peer_id, event);
        return;
    }
    watch->lost -= watched->lost;
    watched->lost = false;
    const char *peer_id = text_of(event, "peer_id");
    watched->peer_id = text_copy(peer_id != NULL ? peer_id : watched->api);
    event_del(watched->deadline);
    watch->handlers->answered(watch->context, watched->api, watched->peer_id, event);
}

/* Nobody is left: it is over. */
static void end_all(const struct mesh_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *watched = watch->nodes[i];
        event_del(watched->again);
        event_del(watched->deadline);
        if (watched->call != NULL)
            api_call_cancel(watched->call);
        watched->call = NULL;
    }
}

/* It is asked again as long as others are there. */
static void lose(struct watched *watched, const char *why)
{
    struct mesh_watch *watch = watched->watch;
    const struct timeval pause = {.tv_sec = AGAIN_MS / 1000};
    bool known = watched->lost;
    watched->call = NULL;
    event_del(watched->deadline);
    event_arm(watched->again, &pause);
    watched->lost = true;
    watch->lost += !known;
    watch->losses += !known;
    if (!known)
        watch->handlers->lost(watch->context, watched->api, watched->peer_id, why);
    free(watched->peer_id);
    watched->peer_id = NULL;
    if (mesh_watch_is_over(watch))
        end_all(watch);
}

static void no_answer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct watched *watched = argument;
    char *why = text_format("%s/events: no answer within %g s", watched->api,
                            (double)watched->watch->timeout_ms / 1000);
    api_call_cancel(watched->call);
    lose(watched, why);
    free(why);
}

static void watching_ended(void *context, int status, const json_t *answer, const char *error)
{
    struct watched *watched = context;
    const char *refusal = text_of(answer, "error");
    char *why;
    if (status == 0)
        why = text_copy(error);
    else if (status != 200)
        why = text_format("%s/events: answered %d: %s", watched->api, status,
                          refusal != NULL ? refusal : "refused");
    else
        why = text_format("%s/events: the node has ended", watched->api);
    lose(watched, why);
    free(why);
}

static void ask(struct watched *watched)
{
    static const struct api_call_handlers handlers = {.line = event_came, .done = watching_ended};
    const struct mesh_watch *watch = watched->watch;
    const struct timeval limit = clock_timeval(watch->timeout_ms * 1000);
    watched->call = api_call_new(watch->base, watched->api, "GET", "/events", NULL, 0, &handlers,
                                 watched, NULL);
    event_arm(watched->deadline, &limit);
}

static void ask_again(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    ask(argument);
}

static struct watched *find(const struct mesh_watch *watch, const char *api)
{
    for (size_t i = 0; i < watch->count; i++)
        if (strcmp(watch->nodes[i]->api, api) == 0)
            return watch->nodes[i];
    return NULL;
}

/* LATER: it need not be there yet. */
static bool add(struct mesh_watch *watch, const char *api, bool later, struct error *error)
{
    if (!api_url_check(api, error))
        return false;
    if (find(watch, api) != NULL)
        return true;
    struct watched *watched = memory_new(sizeof(*watched));
    *watched = (struct watched){.watch = watch, .api = text_copy(api), .lost = later};
    watched->deadline = evtimer_new(watch->base, no_answer, watched);
    watched->again = evtimer_new(watch->base, ask_again, watched);
    watch->nodes = memory_resize(watch->nodes, (watch->count + 1) * sizeof(*watch->nodes));
    watch->nodes[watch->count++] = watched;
    watch->lost += later;
    ask(watched);
    return true;
}

struct mesh_watch *mesh_watch_new(struct event_base *base, const char *const *apis, size_t count,
                                  uint64_t timeout_ms, const struct mesh_watch_handlers *handlers,
                                  void *context, struct error *error)
{
    struct mesh_watch *watch = memory_new(sizeof(*watch));
    *watch = (struct mesh_watch){
        .base = base, .handlers = handlers, .context = context, .timeout_ms = timeout_ms};
    for (size_t i = 0; i < count; i++)
        if (!add(watch, apis[i], false, error)) {
            mesh_watch_free(watch);
            return NULL;
        }
    return watch;
}

bool mesh_watch_add(struct mesh_watch *watch, const char *api, struct error *error)
{
    return add(watch, api, true, error);
}

void mesh_watch_free(struct mesh_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *watched = watch->nodes[i];
        if (watched->call != NULL)
            api_call_cancel(watched->call);
        event_free(watched->deadline);
        event_free(watched->again);
        free(watched->peer_id);
        free(watched->api);
        free(watched);
    }
    free(watch->nodes);
    free(watch);
}

size_t mesh_watch_lost(const struct mesh_watch *watch)
{
    return watch->losses;
}

bool mesh_watch_is_over(const struct mesh_watch *watch)
{
    return watch->lost == watch->count;
}
