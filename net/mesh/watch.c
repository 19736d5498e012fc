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

struct watched {
    struct mesh_watch *watch;
    const char *api;
    char *peer_id; /* NULL until it has said it */
    struct api_call *call;
    struct event *deadline; /* of its first answer */
};

struct mesh_watch {
    const struct mesh_watch_handlers *handlers;
    void *context;
    uint64_t timeout_ms;
    struct watched *nodes;
    size_t count;
    size_t lost; /* could not be reached, or have gone away */
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
    const char *peer_id = text_of(event, "peer_id");
    watched->peer_id = text_copy(peer_id != NULL ? peer_id : watched->api);
    event_del(watched->deadline);
    watch->handlers->answered(watch->context, watched->api, watched->peer_id, event);
}

static void lose(struct watched *watched, const char *why)
{
    struct mesh_watch *watch = watched->watch;
    watched->call = NULL;
    event_del(watched->deadline);
    watch->lost++;
    watch->handlers->lost(watch->context, watched->api, watched->peer_id, why);
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

struct mesh_watch *mesh_watch_new(struct event_base *base, const char *const *apis, size_t count,
                                  uint64_t timeout_ms, const struct mesh_watch_handlers *handlers,
                                  void *context, struct error *error)
{
    static const struct api_call_handlers call_handlers = {.line = event_came,
                                                           .done = watching_ended};
    for (size_t i = 0; i < count; i++)
        if (!api_url_check(apis[i], error))
            return NULL;
    struct timeval limit = clock_timeval(timeout_ms * 1000);
    struct mesh_watch *watch = memory_new(sizeof(*watch));
    *watch =
        (struct mesh_watch){.handlers = handlers, .context = context, .timeout_ms = timeout_ms};
    watch->nodes = memory_new(count * sizeof(*watch->nodes));
    watch->count = count;
    for (size_t i = 0; i < count; i++) {
        struct watched *watched = &watch->nodes[i];
        *watched = (struct watched){.watch = watch, .api = apis[i]};
        watched->call =
            api_call_new(base, apis[i], "GET", "/events", NULL, 0, &call_handlers, watched, error);
        watched->deadline = evtimer_new(base, no_answer, watched);
        event_arm(watched->deadline, &limit);
    }
    return watch;
}

void mesh_watch_free(struct mesh_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->nodes[i].call != NULL)
            api_call_cancel(watch->nodes[i].call);
        event_free(watch->nodes[i].deadline);
        free(watch->nodes[i].peer_id);
    }
    free(watch->nodes);
    free(watch);
}

size_t mesh_watch_lost(const struct mesh_watch *watch)
{
    return watch->lost;
}

bool mesh_watch_is_over(const struct mesh_watch *watch)
{
    return watch->lost == watch->count;
}
