#include "cmd/mesh/mesh.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "devnet/newcomers.h"
#include "devnet/state.h"
#include "net/mesh/watch_sources.h"

/* Behind the arrow, in this order, where an event has them. */
static const char *const details[] = {"direction", "stream_id", "protocol", "connection", "remote",
                                      "by",        "cause",     "reason",   "not_spoken", "agent",
                                      "rtt_ms",    "size",      "count"};

struct watching {
    const struct mesh_options *options;
    struct event_base *base;
    struct mesh_watch *watch;
    struct watch_sources *sources;
};

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

/* " dialled /ip4/..." and so on; freed with free(). TAPPED: who did it is said already. */
static char *details_text(const json_t *event, bool tapped)
{
    char *text = text_copy("");
    for (size_t i = 0; i < sizeof(details) / sizeof(*details); i++) {
        bool told = tapped && strcmp(details[i], "by") == 0;
        const json_t *value = told ? NULL : json_object_get(event, details[i]);
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

/* When it happened, where the node tells, and otherwise now. */
static void write_time(const json_t *event, char text[CLOCK_TEXT_SIZE])
{
    const char *told = text_of(event, "t");
    if (told != NULL && strlen(told) < CLOCK_TEXT_SIZE)
        memcpy(text, told, strlen(told) + 1);
    else
        clock_text(clock_epoch_ms(), text);
}

static void print_event(const json_t *event, const struct mesh_event_change *change,
                        const char *node)
{
    static const struct {
        const char *sign;
        enum output_colour colour;
    } signs[] = {
        [MESH_EVENT_ADDED] = {"+", COLOUR_GREEN},
        [MESH_EVENT_REMOVED] = {"-", COLOUR_RED},
        [MESH_EVENT_OTHER] = {"~", COLOUR_YELLOW},
    };
    const char *topic = text_of(event, "topic"), *peer = text_of(event, "peer_id");
    bool tapped = change->node != NULL || change->peer != NULL;
    if (tapped)
        peer = change->peer;
    if (change->node != NULL)
        node = change->node;
    const char *arrow = change->from_peer ? "<-" : "->";
    char *rest = details_text(event, tapped);
    char time[CLOCK_TEXT_SIZE];
    write_time(event, time);
    mesh_print_text("%s ", time);
    printf("%s%s%s ", output_colour(stdout, signs[change->sign].colour), signs[change->sign].sign,
           output_colour_end(stdout));
    mesh_print_line("%s%s%s: %s%s%s%s%s%s%s", change->kind, topic ? " " : "", topic ? topic : "",
                    node, peer ? " " : "", peer ? arrow : "", peer ? " " : "", peer ? peer : "",
                    rest, tapped ? " (known from a tap)" : "");
    output_flush();
    free(rest);
}

/* A tap's events are of its nodes. */
static void print_tapped_json(const struct watching *watching, const json_t *event,
                              const struct mesh_event_change *change, const char *api)
{
    json_t *line = json_copy((json_t *)(uintptr_t)event);
    const char *node = watch_sources_id(watching->sources, api, change->node);
    const char *peer = watch_sources_id(watching->sources, api, change->peer);
    json_object_set_new(line, "node", json_string(node != NULL ? node : api));
    json_object_set_new(line, "known_from", json_string("tap"));
    if (node != NULL)
        json_object_set_new(line, "node_name", json_string(change->node));
    if (peer != NULL) {
        json_object_set_new(line, "peer_id", json_string(peer));
        json_object_set_new(line, "peer_name", json_string(change->peer));
    }
    output_json_line(line);
    json_decref(line);
}

static void print_event_json(const json_t *event, const char *peer_id)
{
    json_t *line = json_copy((json_t *)(uintptr_t)event);
    const char *node = names_find(&mesh_names, peer_id);
    const char *peer = names_find(&mesh_names, text_of(event, "peer_id"));
    json_object_set_new(line, "node", peer_id ? json_string(peer_id) : json_null());
    if (node != NULL)
        json_object_set_new(line, "node_name", json_string(node));
    if (peer != NULL)
        json_object_set_new(line, "peer_name", json_string(peer));
    output_json_line(line);
    json_decref(line);
}

static void tell_begin(const char *peer_id)
{
    char *who = mesh_name_and_id(peer_id);
    log_info("watching %s", who);
    free(who);
}

static void node_answered(void *context, const char *api, const char *peer_id, const json_t *event)
{
    const struct watching *watching = context;
    watch_sources_add(watching->sources, api, peer_id, event);
    if (watching->options->json)
        print_event_json(event, peer_id);
    else
        tell_begin(peer_id);
}

static void event_came(void *context, const char *api, const char *peer_id, const json_t *event)
{
    const struct watching *watching = context;
    struct mesh_event_change change = mesh_event_change(event);
    watch_sources_hear(watching->sources, api, event);
    bool again = watch_sources_tell_twice(watching->sources, api, &change);
    if ((change.traffic || again) && !watching->options->all)
        return;
    if (watching->options->json && watch_sources_is_tap(watching->sources, api))
        print_tapped_json(watching, event, &change, api);
    else if (watching->options->json)
        print_event_json(event, peer_id);
    else
        print_event(event, &change, peer_id != NULL ? peer_id : api);
    if (!output_flush())
        event_base_loopbreak(watching->base);
}

/* A pipe without a reader says so at once, and not only when there is something to write. */
static void reader_left(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    if (!output_is_read())
        event_base_loopbreak(argument);
}

static struct event *watch_reader(struct event_base *base)
{
    struct stat about;
    if (fstat(STDOUT_FILENO, &about) != 0 || !S_ISFIFO(about.st_mode))
        return NULL;
    struct event *event = event_new(base, STDOUT_FILENO, EV_READ, reader_left, base);
    event_arm(event, NULL);
    return event;
}

static void print_lost(const char *api, const char *peer_id, const char *why)
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(clock_epoch_ms(), time);
    json_t *line = json_pack("{s:s, s:s, s:s?, s:s, s:s}", "event", "lost", "api", api, "node",
                             peer_id, "error", why, "t", time);
    output_json_line(line);
    json_decref(line);
}

static void node_lost(void *context, const char *api, const char *peer_id, const char *why)
{
    const struct watching *watching = context;
    char *named = names_put_into(&mesh_names, why);
    log_error("%s", named);
    free(named);
    if (watching->options->json)
        print_lost(api, peer_id, why);
    if (mesh_watch_is_over(watching->watch))
        event_base_loopbreak(watching->base);
}

static void nodes_changed(void *context, const char *folder)
{
    const struct watching *watching = context;
    struct devnet devnet;
    devnet_init(&devnet, folder);
    if (!devnet_load(&devnet, NULL))
        log_warn("%s: cannot be read: nodes that came to it are not looked at", folder);
    for (size_t i = 0; i < devnet.count; i++) {
        const struct devnet_node *node = &devnet.nodes[i];
        devnet_name_node(node, &mesh_names);
        if (node->api != NULL && !node->stopped)
            mesh_watch_add(watching->watch, node->api, NULL);
    }
    devnet_clear(&devnet);
}

static void stop(evutil_socket_t signal, short what, void *argument)
{
    (void)signal;
    (void)what;
    event_base_loopbreak(argument);
}

static void run(const struct watching *watching)
{
    struct event_base *base = watching->base;
    struct event *ends[] = {evsignal_new(base, SIGINT, stop, base),
                            evsignal_new(base, SIGTERM, stop, base), evtimer_new(base, stop, base)};
    uint64_t duration = watching->options->duration;
    struct timeval limit = clock_timeval(duration * 1000);
    struct event *reader = watch_reader(base);
    event_arm(ends[0], NULL);
    event_arm(ends[1], NULL);
    if (duration > 0)
        event_arm(ends[2], &limit);
    event_base_dispatch(base);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        event_free(ends[i]);
    if (reader != NULL)
        event_free(reader);
}

int mesh_watch_command(const struct mesh_options *options, const char *const *apis, size_t count)
{
    static const struct mesh_watch_handlers handlers = {
        .answered = node_answered, .event = event_came, .lost = node_lost};
    struct watching watching = {
        .options = options, .base = event_base_make(0), .sources = watch_sources_new()};
    struct error error;
    int status = MESH_TROUBLE;
    watching.watch =
        mesh_watch_new(watching.base, apis, count, options->timeout, &handlers, &watching, &error);
    if (watching.watch != NULL) {
        struct newcomers *newcomers = newcomers_new(watching.base, nodes_changed, &watching);
        run(&watching);
        newcomers_free(newcomers);
        status = mesh_watch_lost(watching.watch) > 0 ? MESH_UNREACHABLE : 0;
        mesh_watch_free(watching.watch);
    } else {
        log_error("%s", error.text);
    }
    event_base_free(watching.base);
    watch_sources_free(watching.sources);
    return output_end_status(status, MESH_TROUBLE);
}
