#include "net/attempt.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

enum {
    IDENTIFY_GRACE_MS = 500, /* for an answer that is under way when the goal is reached */
    ROUND_TRIP_MIN_US = 1000,
};

const char *const attempt_step_names[] = {"handshake", "identify", "status",
                                          "streams",   "mesh",     NULL};

struct attempt {
    struct host *host;
    struct attempt_settings settings;
    char *topic;
    const struct attempt_handlers *handlers;
    void *context;
    struct host_observer observer;
    struct resolver_query *query;
    struct event *timeout;    /* of the whole attempt, then of the grace for identify */
    struct event *mesh_timer; /* one round trip after our GRAFT was acknowledged */
    struct event *finish;     /* ends it from the loop, never from within a caller */
    json_t *result, *steps;
    bool accept;
    char target[MULTIADDR_TEXT_SIZE];
    uint64_t dial;
    uint64_t started_ns;
    double last_ms;
    struct peer *peer;  /* while it is connected */
    char *peer_grafted; /* a topic on which its GRAFT arrived */
    char *grafted;      /* one on which ours waits for its round trip */
    bool acknowledged;
    uint64_t round_trip_us;
    bool done[ATTEMPT_MESH + 1];
    bool outbound_open, inbound_open, identify_ended, reached, failed;
    enum attempt_exit exit;
    struct error error;
};

/* ---- steps and results ---- */

static double milliseconds(struct attempt *attempt)
{
    uint64_t elapsed = attempt->started_ns == 0 ? 0 : clock_now_ns() - attempt->started_ns;
    uint64_t microseconds = elapsed / 1000;
    double now = (double)microseconds / 1000;
    if (now > attempt->last_ms)
        attempt->last_ms = now;
    return attempt->last_ms;
}

/* Takes over DETAILS, which may be NULL. */
static void add_step(struct attempt *attempt, const char *name, bool ok, json_t *details)
{
    json_t *step = details != NULL ? details : json_object();
    json_object_set_new(step, "step", json_string(name));
    json_object_set_new(step, "ok", json_boolean(ok));
    json_object_set_new(step, "ms", json_real(milliseconds(attempt)));
    json_array_append(attempt->steps, step);
    if (attempt->handlers->step != NULL)
        attempt->handlers->step(attempt->context, step);
    json_decref(step);
}

static void finish_later(struct attempt *attempt)
{
    event_active(attempt->finish, EV_TIMEOUT, 0);
}

static void arm(struct event *timer, uint64_t microseconds)
{
    struct timeval delay = {.tv_sec = (time_t)(microseconds / 1000000),
                            .tv_usec = (suseconds_t)(microseconds % 1000000)};
    evtimer_add(timer, &delay);
}

static void fail(struct attempt *attempt, enum attempt_exit code, const char *step,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

static void fail(struct attempt *attempt, enum attempt_exit code, const char *step,
                 const char *format, ...)
{
    if (attempt->failed || attempt->reached)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(attempt->error.text, sizeof(attempt->error.text), format, arguments);
    va_end(arguments);
    attempt->failed = true;
    attempt->exit = code;
    add_step(attempt, step, false, json_pack("{s:s}", "error", attempt->error.text));
    finish_later(attempt);
}

static bool is_goal(const struct attempt *attempt, enum attempt_step step)
{
    return attempt->settings.until == step;
}

/* The step is done, and with it perhaps everything. */
static void complete(struct attempt *attempt, enum attempt_step step)
{
    attempt->done[step] = true;
    if (!is_goal(attempt, step) || attempt->failed)
        return;
    attempt->reached = true;
    bool asked = attempt->peer != NULL && attempt->peer->identify_asked;
    if (asked && !attempt->identify_ended)
        arm(attempt->timeout, (uint64_t)IDENTIFY_GRACE_MS * 1000);
    else
        finish_later(attempt);
}

static const char *reached_name(const struct attempt *attempt)
{
    static const enum attempt_step path[] = {ATTEMPT_MESH, ATTEMPT_STREAMS, ATTEMPT_STATUS};
    if (is_goal(attempt, ATTEMPT_IDENTIFY) && attempt->done[ATTEMPT_IDENTIFY])
        return attempt_step_names[ATTEMPT_IDENTIFY];
    for (size_t i = 0; i < sizeof(path) / sizeof(*path); i++) {
        if (attempt->done[path[i]])
            return attempt_step_names[path[i]];
    }
    return attempt->done[ATTEMPT_HANDSHAKE] ? attempt_step_names[ATTEMPT_HANDSHAKE] : "none";
}

static json_t *topics_of(const struct host *host, const struct peer *peer)
{
    struct gossipsub *router = host_router(host);
    json_t *topics = json_array();
    for (gossipsub_topic topic = 0; topic < gossipsub_topic_count(router); topic++) {
        bool subscribed = peer == NULL
                              ? gossipsub_is_subscribed(router, topic)
                              : gossipsub_peer_is_subscribed(router, peer->router_handle, topic);
        if (subscribed)
            json_array_append_new(topics, json_string(gossipsub_topic_name(router, topic)));
    }
    return topics;
}

/* What the peer is, beside what the steps say. */
static void describe_peer(struct attempt *attempt)
{
    json_t *result = attempt->result;
    json_object_set_new(
        result, "topics",
        json_pack("{s:o, s:o}", "ours", topics_of(attempt->host, NULL), "theirs",
                  attempt->peer != NULL ? topics_of(attempt->host, attempt->peer) : json_array()));
    struct peer_connection *connection =
        attempt->peer != NULL ? peer_oldest_connection(attempt->peer) : NULL;
    if (connection == NULL)
        return;
    struct quic_connection_facts facts;
    quic_connection_facts(connection->quic, &facts);
    json_object_set_new(result, "rtt_ms", json_real((double)facts.rtt_us / 1000));
    json_object_set_new(result, "peer_id", json_string(attempt->peer->name));
}

static void attempt_free(struct attempt *attempt)
{
    if (attempt->query != NULL)
        resolver_cancel(attempt->query);
    host_unobserve(attempt->host, &attempt->observer);
    event_free(attempt->timeout);
    event_free(attempt->mesh_timer);
    event_free(attempt->finish);
    json_decref(attempt->result);
    free(attempt->peer_grafted);
    free(attempt->grafted);
    free(attempt->topic);
    free(attempt);
}

static void on_finish(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct attempt *attempt = argument;
    json_t *result = attempt->result;
    describe_peer(attempt);
    json_object_set_new(result, "reached", json_string(reached_name(attempt)));
    json_object_set_new(result, "exit", json_integer(attempt->exit));
    json_object_set_new(result, "error",
                        attempt->failed ? json_string(attempt->error.text) : json_null());
    if (attempt->failed && attempt->peer == NULL && attempt->dial != 0)
        host_dial_cancel(attempt->host, attempt->dial);
    if (attempt->handlers->done != NULL)
        attempt->handlers->done(attempt->context, result);
    attempt_free(attempt);
}

void attempt_cancel(struct attempt *attempt)
{
    if (attempt->peer == NULL && attempt->dial != 0)
        host_dial_cancel(attempt->host, attempt->dial);
    attempt_free(attempt);
}

/* ---- running out of time, with the best guess why ---- */

static char *joined(json_t *topics)
{
    char *text = text_copy("");
    size_t i;
    json_t *topic;
    json_array_foreach(topics, i, topic)
    {
        char *longer = text_format("%s%s%s", text, i > 0 ? ", " : "", json_string_value(topic));
        free(text);
        text = longer;
    }
    if (json_array_size(topics) == 0) {
        free(text);
        text = text_copy("none");
    }
    json_decref(topics);
    return text;
}

static bool shared(const struct attempt *attempt, gossipsub_topic topic)
{
    struct gossipsub *router = host_router(attempt->host);
    return gossipsub_is_subscribed(router, topic) &&
           gossipsub_peer_is_subscribed(router, attempt->peer->router_handle, topic);
}

static bool wanted(const struct attempt *attempt, const char *topic)
{
    return attempt->topic == NULL || strcmp(attempt->topic, topic) == 0;
}

static bool shares_topic(const struct attempt *attempt)
{
    struct gossipsub *router = host_router(attempt->host);
    for (gossipsub_topic topic = 0; topic < gossipsub_topic_count(router); topic++) {
        if (wanted(attempt, gossipsub_topic_name(router, topic)) && shared(attempt, topic))
            return true;
    }
    return false;
}

static void time_out_mesh(struct attempt *attempt)
{
    char *ours = joined(topics_of(attempt->host, NULL));
    char *theirs = joined(topics_of(attempt->host, attempt->peer));
    if (shares_topic(attempt))
        fail(attempt, ATTEMPT_MESH_FAILED, "mesh",
             "the peer sent no GRAFT and ours did not stand (topics: ours %s; the peer's %s)", ours,
             theirs);
    else
        fail(attempt, ATTEMPT_MESH_FAILED, "mesh", "no topic in common (ours: %s; the peer's: %s)",
             ours, theirs);
    free(ours);
    free(theirs);
}

static void time_out_streams(struct attempt *attempt)
{
    if (!attempt->outbound_open && !attempt->inbound_open)
        fail(attempt, ATTEMPT_STREAM_FAILED, "streams", "no gossipsub stream opened either way");
    else if (attempt->outbound_open)
        fail(attempt, ATTEMPT_STREAM_FAILED, "streams",
             "one-way: the peer opened no gossipsub stream to us");
    else
        fail(attempt, ATTEMPT_STREAM_FAILED, "streams",
             "one-way: the peer did not accept our gossipsub stream");
}

static void time_out_handshake(struct attempt *attempt)
{
    double seconds = (double)attempt->settings.timeout_ms / 1000;
    if (attempt->accept)
        fail(attempt, ATTEMPT_UNREACHABLE, "handshake", "nobody dialled within %g s", seconds);
    else
        fail(attempt, ATTEMPT_UNREACHABLE, "handshake",
             "no QUIC answer within %g s (handshake timed out)", seconds);
}

static void time_out(struct attempt *attempt)
{
    double seconds = (double)attempt->settings.timeout_ms / 1000;
    enum attempt_step until = attempt->settings.until;
    if (attempt->peer == NULL)
        time_out_handshake(attempt);
    else if (until == ATTEMPT_HANDSHAKE)
        fail(attempt, ATTEMPT_TLS, "confirmed",
             "the peer did not confirm the handshake within %g s", seconds);
    else if (until == ATTEMPT_IDENTIFY)
        fail(attempt, ATTEMPT_PROTOCOL, "identify", "no answer within %g s", seconds);
    else if (!attempt->done[ATTEMPT_STATUS] && (!attempt->accept || until == ATTEMPT_STATUS))
        fail(attempt, ATTEMPT_STATUS_FAILED, "status",
             attempt->accept ? "the peer did not ask for our status within %g s"
                             : "no answer within %g s",
             seconds);
    else if (!attempt->done[ATTEMPT_STREAMS])
        time_out_streams(attempt);
    else
        time_out_mesh(attempt);
}

static void on_timeout(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct attempt *attempt = argument;
    if (attempt->reached)
        finish_later(attempt);
    else
        time_out(attempt);
}

/* ---- events of the host, one by one ---- */

static void on_connected(struct attempt *attempt, const struct host_event *event)
{
    struct quic_connection_facts facts;
    quic_connection_facts(event->connection->quic, &facts);
    attempt->peer = event->peer;
    attempt->dial = event->connection->number;
    attempt->started_ns = facts.started_ns;
    json_t *step = host_event_json(event);
    json_object_del(step, "event");
    json_object_set_new(step, "rtt_ms", json_real((double)facts.rtt_us / 1000));
    attempt->done[ATTEMPT_HANDSHAKE] = true;
    add_step(attempt, "handshake", true, step);
    if (is_goal(attempt, ATTEMPT_IDENTIFY))
        host_ask_identify(event->connection);
}

static void on_confirmed(struct attempt *attempt)
{
    add_step(attempt, "confirmed", true, NULL);
    complete(attempt, ATTEMPT_HANDSHAKE);
}

static enum attempt_exit exit_of_close(const struct quic_close *close)
{
    return close->cause == QUIC_TLS_FAILED || close->cause == QUIC_REFUSED_BY_PEER
               ? ATTEMPT_TLS
               : ATTEMPT_UNREACHABLE;
}

static void on_dial_failed(struct attempt *attempt, const struct quic_close *close)
{
    double seconds = (double)host_settings(attempt->host)->handshake_timeout_ms / 1000;
    if (close->cause == QUIC_HANDSHAKE_TIMEOUT && !close->answered)
        fail(attempt, ATTEMPT_UNREACHABLE, "handshake",
             "no QUIC answer within %g s (handshake timed out)", seconds);
    else
        fail(attempt, exit_of_close(close), "handshake", "%s", close->reason.text);
    attempt->dial = 0;
}

/* The connection went in the middle of things: the exit code is that of what was waited for. */
static void on_disconnected(struct attempt *attempt, const struct host_event *event)
{
    const struct quic_close *close = event->close;
    const char *reason = close->reason.text;
    bool last = LIST_NEXT(LIST_FIRST(&event->peer->connections), link) == NULL;
    if (!last)
        return;
    if (close->cause == QUIC_REFUSED_BY_PEER)
        fail(attempt, ATTEMPT_TLS, "confirmed", "the peer did not accept our certificate: %s",
             reason);
    else if (is_goal(attempt, ATTEMPT_HANDSHAKE))
        fail(attempt, exit_of_close(close), "confirmed", "%s", reason);
    else if (is_goal(attempt, ATTEMPT_IDENTIFY))
        fail(attempt, ATTEMPT_PROTOCOL, "identify", "connection lost: %s", reason);
    else if (!attempt->done[ATTEMPT_STATUS])
        fail(attempt, ATTEMPT_STATUS_FAILED, "status", "connection lost: %s", reason);
    else if (!attempt->done[ATTEMPT_STREAMS])
        fail(attempt, ATTEMPT_STREAM_FAILED, "streams", "connection lost: %s", reason);
    else
        fail(attempt, ATTEMPT_MESH_FAILED, "mesh", "connection lost: %s", reason);
    attempt->peer = NULL;
    attempt->dial = 0;
    if (attempt->reached)
        finish_later(attempt);
}

static void on_status(struct attempt *attempt, const struct host_event *event)
{
    if (attempt->done[ATTEMPT_STATUS])
        return;
    json_t *step = host_event_json(event);
    json_object_del(step, "event");
    add_step(attempt, "status", true, step);
    complete(attempt, ATTEMPT_STATUS);
}

static void on_status_failed(struct attempt *attempt, const struct host_event *event)
{
    bool not_spoken = event->end == PROTOCOL_REJECTED;
    if (not_spoken && !is_goal(attempt, ATTEMPT_STATUS)) {
        add_step(attempt, "status", true,
                 json_pack("{s:b, s:s}", "not_spoken", 1, "note",
                           "the peer does not speak status: passed over"));
        attempt->done[ATTEMPT_STATUS] = true;
    } else if (not_spoken) {
        fail(attempt, ATTEMPT_PROTOCOL, "status", "the peer does not speak status (`na`)");
    } else if (attempt->accept && !is_goal(attempt, ATTEMPT_STATUS) && !event->asked) {
        fail(attempt, ATTEMPT_STATUS_FAILED, "status", "the peer's request: %s", event->reason);
    } else {
        fail(attempt, ATTEMPT_STATUS_FAILED, "status", "%s", event->reason);
    }
}

static void end_identify(struct attempt *attempt)
{
    attempt->identify_ended = true;
    if (attempt->reached)
        finish_later(attempt);
}

static void on_identified(struct attempt *attempt, const struct host_event *event)
{
    if (attempt->identify_ended)
        return;
    json_t *step = host_event_json(event);
    json_object_del(step, "event");
    add_step(attempt, "identify", true, step);
    end_identify(attempt);
    complete(attempt, ATTEMPT_IDENTIFY);
}

static void on_identify_failed(struct attempt *attempt, const struct host_event *event)
{
    if (is_goal(attempt, ATTEMPT_IDENTIFY)) {
        fail(attempt, ATTEMPT_PROTOCOL, "identify", "%s", event->reason);
        return;
    }
    bool not_spoken = event->end == PROTOCOL_REJECTED;
    add_step(attempt, "identify", not_spoken,
             not_spoken ? json_pack("{s:b, s:s}", "not_spoken", 1, "note",
                                    "the peer does not speak identify: passed over")
                        : json_pack("{s:s}", "error", event->reason));
    end_identify(attempt);
}

static json_t *stream_json(const struct protocol_stream *stream)
{
    struct quic_connection_facts facts;
    quic_connection_facts(stream->connection->quic, &facts);
    return json_pack("{s:I, s:s, s:s}", "stream_id", (json_int_t)protocol_stream_id(stream),
                     "protocol", stream->protocol->name, "connection", facts.id);
}

/* Where a peer that dialled us gossips without having asked for our status, none will come. */
static void pass_over_status(struct attempt *attempt)
{
    if (attempt->done[ATTEMPT_STATUS] || is_goal(attempt, ATTEMPT_STATUS))
        return;
    attempt->done[ATTEMPT_STATUS] = true;
    add_step(attempt, "status", true,
             json_pack("{s:b, s:s}", "not_spoken", 1, "note", "the peer did not ask: passed over"));
}

static void on_mesh_progress(struct attempt *attempt);

static void check_streams(struct attempt *attempt)
{
    const struct peer *peer = attempt->peer;
    attempt->outbound_open = peer->outbound != NULL && peer->outbound_since_ms > 0;
    attempt->inbound_open = peer->inbound_count > 0;
    if (!attempt->outbound_open || !attempt->inbound_open || attempt->done[ATTEMPT_STREAMS])
        return;
    pass_over_status(attempt);
    if (attempt->failed || !attempt->done[ATTEMPT_STATUS])
        return;
    add_step(attempt, "streams", true,
             json_pack("{s:o, s:o}", "outbound", stream_json(peer->outbound), "inbound",
                       stream_json(peer->inbound[0])));
    complete(attempt, ATTEMPT_STREAMS);
    on_mesh_progress(attempt);
}

static void on_stream_refused(struct attempt *attempt, const struct host_event *event)
{
    if (event->end == PROTOCOL_REJECTED)
        fail(attempt, ATTEMPT_PROTOCOL, "streams", "the peer does not speak gossipsub (`na`)");
    else
        fail(attempt, ATTEMPT_STREAM_FAILED, "streams", "our gossipsub stream: %s",
             event->end == PROTOCOL_UNINTELLIGIBLE && event->reason[0] != '\0'
                 ? event->reason
                 : protocol_end_text(event->end));
}

static void on_stream_closed(struct attempt *attempt, const struct host_event *event)
{
    if (!attempt->reached && event->stream->outbound && event->end == PROTOCOL_RESET)
        fail(attempt, ATTEMPT_STREAM_FAILED, "streams",
             "our gossipsub stream was reset by the peer");
}

/* ---- the mesh ---- */

static void meshed(struct attempt *attempt, const char *topic, const char *grafted_by)
{
    if (attempt->done[ATTEMPT_MESH] || !attempt->done[ATTEMPT_STREAMS])
        return;
    evtimer_del(attempt->mesh_timer);
    add_step(attempt, "mesh", true,
             json_pack("{s:s, s:s}", "topic", topic, "grafted_by", grafted_by));
    complete(attempt, ATTEMPT_MESH);
}

static void on_mesh_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct attempt *attempt = argument;
    if (attempt->grafted != NULL)
        meshed(attempt, attempt->grafted, "us");
}

static void on_mesh_joined(struct attempt *attempt, const struct host_event *event)
{
    if (!wanted(attempt, event->topic))
        return;
    if (event->asked) {
        free(attempt->peer_grafted);
        attempt->peer_grafted = text_copy(event->topic);
    } else {
        free(attempt->grafted);
        attempt->grafted = text_copy(event->topic);
        attempt->acknowledged = false;
        evtimer_del(attempt->mesh_timer);
    }
    on_mesh_progress(attempt);
}

/* Whatever came before both streams were open counts once they are. */
static void on_mesh_progress(struct attempt *attempt)
{
    if (!attempt->done[ATTEMPT_STREAMS] || attempt->done[ATTEMPT_MESH])
        return;
    if (attempt->peer_grafted != NULL)
        meshed(attempt, attempt->peer_grafted, "peer");
    else if (attempt->grafted != NULL && attempt->acknowledged &&
             !evtimer_pending(attempt->mesh_timer, NULL))
        arm(attempt->mesh_timer, attempt->round_trip_us);
}

static void on_acknowledged(struct attempt *attempt, const struct host_event *event)
{
    if (attempt->grafted == NULL || attempt->acknowledged)
        return;
    struct quic_connection_facts facts;
    quic_connection_facts(event->connection->quic, &facts);
    attempt->acknowledged = true;
    attempt->round_trip_us = facts.rtt_us > ROUND_TRIP_MIN_US ? facts.rtt_us : ROUND_TRIP_MIN_US;
    on_mesh_progress(attempt);
}

static void on_graft_refused(struct attempt *attempt, const struct host_event *event)
{
    if (!wanted(attempt, event->topic) || attempt->done[ATTEMPT_MESH])
        return;
    bool ours = attempt->grafted != NULL && strcmp(attempt->grafted, event->topic) == 0;
    if (ours) {
        free(attempt->grafted);
        attempt->grafted = NULL;
        evtimer_del(attempt->mesh_timer);
    }
    if (attempt->topic != NULL || ours)
        fail(attempt, ATTEMPT_MESH_FAILED, "mesh", "the peer answered PRUNE on %s", event->topic);
}

/* ---- all events ---- */

static bool concerns(const struct attempt *attempt, const struct host_event *event)
{
    switch (event->kind) {
    case HOST_DIAL_FAILED:
        return attempt->dial != 0 && event->dial == attempt->dial;
    case HOST_ACCEPT_FAILED:
        return attempt->accept && attempt->peer == NULL;
    case HOST_CONNECTED:
        return attempt->peer == NULL &&
               (attempt->accept ? !event->connection->dialled
                                : event->connection->number == attempt->dial);
    default:
        return attempt->peer != NULL && event->peer == attempt->peer;
    }
}

static void on_event(void *context, const struct host_event *event)
{
    struct attempt *attempt = context;
    if (!concerns(attempt, event))
        return;
    switch (event->kind) {
    case HOST_CONNECTED:
        on_connected(attempt, event);
        break;
    case HOST_CONFIRMED:
        on_confirmed(attempt);
        break;
    case HOST_DIAL_FAILED:
    case HOST_ACCEPT_FAILED:
        on_dial_failed(attempt, event->close);
        break;
    case HOST_STATUS:
        on_status(attempt, event);
        break;
    case HOST_STATUS_FAILED:
        on_status_failed(attempt, event);
        break;
    case HOST_IDENTIFIED:
        on_identified(attempt, event);
        break;
    case HOST_IDENTIFY_FAILED:
        on_identify_failed(attempt, event);
        break;
    case HOST_STREAM_OPENED:
        check_streams(attempt);
        break;
    case HOST_STREAM_REFUSED:
        on_stream_refused(attempt, event);
        break;
    case HOST_STREAM_CLOSED:
        on_stream_closed(attempt, event);
        break;
    case HOST_MESH_JOINED:
        on_mesh_joined(attempt, event);
        break;
    case HOST_GRAFT_REFUSED:
        on_graft_refused(attempt, event);
        break;
    case HOST_GRAFT_ACKNOWLEDGED:
        on_acknowledged(attempt, event);
        break;
    case HOST_DISCONNECTED:
        on_disconnected(attempt, event);
        break;
    default:
        break;
    }
}

/* ---- beginning ---- */

static struct attempt *attempt_new(struct host *host, const struct attempt_settings *settings,
                                   const struct attempt_handlers *handlers, void *context)
{
    struct event_base *base = host_settings(host)->base;
    struct attempt *attempt = memory_new(sizeof(*attempt));
    attempt->host = host;
    attempt->settings = *settings;
    attempt->topic = settings->topic != NULL ? text_copy(settings->topic) : NULL;
    attempt->settings.topic = attempt->topic;
    attempt->handlers = handlers;
    attempt->context = context;
    attempt->result = json_object();
    attempt->steps = json_array();
    json_object_set_new(attempt->result, "steps", attempt->steps);
    attempt->timeout = evtimer_new(base, on_timeout, attempt);
    attempt->mesh_timer = evtimer_new(base, on_mesh_timer, attempt);
    attempt->finish = evtimer_new(base, on_finish, attempt);
    attempt->observer = (struct host_observer){.event = on_event, .context = attempt};
    host_observe(host, &attempt->observer);
    arm(attempt->timeout, settings->timeout_ms * 1000);
    return attempt;
}

static void on_resolved(void *context, const struct multiaddr *address, const char *reason)
{
    struct attempt *attempt = context;
    attempt->query = NULL;
    if (address == NULL) {
        fail(attempt, ATTEMPT_UNREACHABLE, "handshake", "the name cannot be resolved: %s", reason);
        return;
    }
    struct error error;
    attempt->dial = host_dial(attempt->host, address, &error);
    if (attempt->dial == 0)
        fail(attempt, ATTEMPT_UNREACHABLE, "handshake", "%s", error.text);
}

/* A peer that is connected already has done its steps: they are told as they stand. */
static void adopt(struct attempt *attempt, struct peer *peer)
{
    struct peer_connection *connection = peer_oldest_connection(peer);
    json_object_set_new(attempt->result, "already_connected", json_true());
    struct host_event event = {.kind = HOST_CONNECTED, .peer = peer, .connection = connection};
    on_connected(attempt, &event);
    on_confirmed(attempt);
    event.kind = HOST_STATUS;
    event.asked = connection->dialled;
    if (peer->status_known)
        on_status(attempt, &event);
    event.kind = HOST_IDENTIFIED;
    if (peer->identified)
        on_identified(attempt, &event);
    struct gossipsub *router = host_router(attempt->host);
    for (gossipsub_topic topic = 0; topic < gossipsub_topic_count(router); topic++) {
        const char *name = gossipsub_topic_name(router, topic);
        if (gossipsub_in_mesh(router, peer->router_handle, topic) && wanted(attempt, name) &&
            attempt->peer_grafted == NULL)
            attempt->peer_grafted = text_copy(name);
    }
    check_streams(attempt);
}

struct attempt *attempt_dial(struct host *host, struct resolver *resolver,
                             const struct multiaddr *address,
                             const struct attempt_settings *settings,
                             const struct attempt_handlers *handlers, void *context)
{
    struct attempt *attempt = attempt_new(host, settings, handlers, context);
    multiaddr_text(address, attempt->target);
    json_object_set_new(attempt->result, "target", json_string(attempt->target));
    attempt->started_ns = clock_now_ns();
    struct peer *peer = address->has_peer_id ? peer_find(host, &address->peer_id) : NULL;
    if (peer != NULL)
        adopt(attempt, peer);
    else
        attempt->query = resolver_ask(resolver, address, on_resolved, attempt);
    return attempt;
}

struct attempt *attempt_accept(struct host *host, const struct attempt_settings *settings,
                               const struct attempt_handlers *handlers, void *context)
{
    struct attempt *attempt = attempt_new(host, settings, handlers, context);
    attempt->accept = true;
    return attempt;
}
