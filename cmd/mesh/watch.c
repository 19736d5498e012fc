#include "cmd/mesh/mesh.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "net/api/client.h"

/* How an event is told to people, in the words of diff. */
static const struct telling {
    const char *event, *sign, *kind, *arrow;
} tellings[] = {
    {"connected", "+", "connection", "->"},  {"disconnected", "-", "connection", "->"},
    {"subscribed", "+", "subscriber", "<-"}, {"unsubscribed", "-", "subscriber", "<-"},
    {"mesh_joined", "+", "mesh", "->"},      {"mesh_left", "-", "mesh", "->"},
    {"stream_opened", "+", "stream", "->"},  {"stream_closed", "-", "stream", "->"},
};

/* Behind the arrow, in this order, where an event has them. */
static const char *const details[] = {"direction", "stream_id", "protocol", "connection", "remote",
                                      "by",        "cause",     "reason",   "not_spoken", "agent",
                                      "rtt_ms",    "size",      "count"};

/* Traffic rather than change. */
static const char *const traffic[] = {"message", "pong", "ping_failed"};

struct watch {
    const struct mesh_options *options;
    struct event_base *base;
    struct watched *nodes;
    size_t count, open, answered;
    bool lost; /* a node could not be reached, or went away */
};

struct watched {
    struct watch *watch;
    const char *api;
    char *peer_id; /* NULL until it has said it */
    struct api_call *call;
};

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static bool is_traffic(const char *name)
{
    for (size_t i = 0; i < sizeof(traffic) / sizeof(*traffic); i++)
        if (strcmp(traffic[i], name) == 0)
            return true;
    return false;
}

static struct telling find_telling(const char *name)
{
    for (size_t i = 0; i < sizeof(tellings) / sizeof(*tellings); i++)
        if (strcmp(tellings[i].event, name) == 0)
            return tellings[i];
    return (struct telling){.event = name, .sign = "~", .kind = name, .arrow = "->"};
}

/* " dialled /ip4/..." and so on; freed with free(). */
static char *details_text(const json_t *event)
{
    char *text = text_copy("");
    for (size_t i = 0; i < sizeof(details) / sizeof(*details); i++) {
        const json_t *value = json_object_get(event, details[i]);
        char *shown = json_is_string(value) ? text_copy(json_string_value(value))
                      : value != NULL && !json_is_object(value) && !json_is_false(value)
                          ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6))
                          : NULL;
        if (shown == NULL)
            continue;
        bool bare = json_is_string(value) && strcmp(details[i], "by") != 0;
        char *longer =
            text_format("%s %s%s%s", text, bare ? "" : details[i], bare ? "" : " ", shown);
        free(shown);
        free(text);
        text = longer;
    }
    return text;
}

static void print_event(const json_t *event, const char *node)
{
    struct telling telling = find_telling(text_of(event, "event"));
    const char *topic = text_of(event, "topic"), *peer = text_of(event, "peer_id");
    enum output_colour colour = *telling.sign == '+'   ? COLOUR_GREEN
                                : *telling.sign == '-' ? COLOUR_RED
                                                       : COLOUR_YELLOW;
    char *rest = details_text(event);
    printf("%s%s%s ", output_colour(stdout, colour), telling.sign, output_colour_end(stdout));
    mesh_print_line("%s%s%s: %s%s%s%s%s%s", telling.kind, topic ? " " : "", topic ? topic : "",
                    node, peer ? " " : "", peer ? telling.arrow : "", peer ? " " : "",
                    peer ? peer : "", rest);
    fflush(stdout);
    free(rest);
}

static void event_came(void *context, const json_t *event)
{
    struct watched *watched = context;
    const struct mesh_options *options = watched->watch->options;
    const char *name = text_of(event, "event");
    if (name == NULL)
        return;
    if (strcmp(name, "ready") == 0 && watched->peer_id == NULL) {
        const char *peer_id = text_of(event, "peer_id");
        watched->peer_id = text_copy(peer_id != NULL ? peer_id : watched->api);
        watched->watch->answered++;
        if (!options->json)
            log_info("watching %s", watched->peer_id);
    } else if (!options->all && is_traffic(name)) {
        return;
    } else if (!options->json) {
        print_event(event, watched->peer_id != NULL ? watched->peer_id : watched->api);
    }
    if (options->json) {
        json_t *line = json_copy((json_t *)(uintptr_t)event);
        json_object_set_new(line, "node",
                            watched->peer_id ? json_string(watched->peer_id) : json_null());
        output_json_line(line);
        json_decref(line);
    }
}

static void watching_ended(void *context, int status, const json_t *answer, const char *error)
{
    struct watched *watched = context;
    struct watch *watch = watched->watch;
    watched->call = NULL;
    watch->lost = true;
    if (status == 0)
        log_error("%s", error);
    else if (status != 200)
        log_error("%s/events: answered %d: %s", watched->api, status,
                  text_of(answer, "error") ? text_of(answer, "error") : "refused");
    else
        log_error("%s/events: the node has ended", watched->api);
    if (--watch->open == 0)
        event_base_loopbreak(watch->base);
}

static void stop(evutil_socket_t signal, short what, void *argument)
{
    (void)signal;
    (void)what;
    event_base_loopbreak(argument);
}

static void watch_all(struct watch *watch, const char *const *apis)
{
    static const struct api_call_handlers handlers = {.line = event_came, .done = watching_ended};
    struct event *ends[] = {evsignal_new(watch->base, SIGINT, stop, watch->base),
                            evsignal_new(watch->base, SIGTERM, stop, watch->base),
                            evtimer_new(watch->base, stop, watch->base)};
    uint64_t duration = watch->options->duration;
    struct timeval limit = clock_timeval(duration * 1000);
    event_arm(ends[0], NULL);
    event_arm(ends[1], NULL);
    if (duration > 0)
        event_arm(ends[2], &limit);
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *watched = &watch->nodes[i];
        *watched = (struct watched){.watch = watch, .api = apis[i]};
        watched->call =
            api_call_new(watch->base, apis[i], "GET", "/events", NULL, 0, &handlers, watched, NULL);
        watch->open++;
    }
    event_base_dispatch(watch->base);
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->nodes[i].call != NULL)
            api_call_cancel(watch->nodes[i].call);
        free(watch->nodes[i].peer_id);
    }
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        event_free(ends[i]);
}

int mesh_watch_command(const struct mesh_options *options, const char *const *apis, size_t count)
{
    struct error error;
    for (size_t i = 0; i < count; i++) {
        if (!api_url_check(apis[i], &error)) {
            log_error("%s", error.text);
            return MESH_TROUBLE;
        }
    }
    struct watch watch = {.options = options,
                          .base = event_base_make(0),
                          .nodes = memory_new(count * sizeof(*watch.nodes)),
                          .count = count};
    watch_all(&watch, apis);
    event_base_free(watch.base);
    free(watch.nodes);
    int status = watch.lost ? MESH_UNREACHABLE : 0;
    if (watch.answered == 0 && watch.lost)
        status = MESH_TROUBLE;
    return output_end_status(status, MESH_TROUBLE);
}
