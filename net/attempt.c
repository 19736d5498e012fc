#include "net/attempt.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/attempt_state.h"

enum {
    GRACE_MS = 500,       /* for answers that are under way when the goal is reached */
    TOPICS_SHOWN_MAX = 8, /* in an error message, of each side */
};

const char *const attempt_step_names[] = {"handshake", "identify", "status",
                                          "streams",   "mesh",     NULL};

/* ---- steps ---- */

static double milliseconds(struct attempt *attempt)
{
    uint64_t microseconds =
        attempt->started_ns == 0 ? 0 : (clock_now_ns() - attempt->started_ns) / 1000;
    double now = (double)microseconds / 1000;
    if (now > attempt->last_ms)
        attempt->last_ms = now;
    return attempt->last_ms;
}

void attempt_add_step(struct attempt *attempt, const char *name, bool ok, json_t *details)
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
    attempt->finishing = true;
    event_active(attempt->finish, EV_TIMEOUT, 0);
}

static void arm(struct event *timer, uint64_t milliseconds_left)
{
    struct timeval delay = clock_timeval(milliseconds_left * 1000);
    event_arm(timer, &delay);
}

/* Of the handshake it goes without saying where it failed. */
static bool names_itself(const char *step)
{
    return strcmp(step, "handshake") == 0 || strcmp(step, "confirmed") == 0;
}

void attempt_fail(struct attempt *attempt, int code, const char *step, const char *format, ...)
{
    if (attempt->failed || attempt->reached)
        return;
    char text[ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    char *safe = utf8_safe_text(bytes_of_text(text));
    attempt->failed = true;
    attempt->exit = code;
    error_set(&attempt->error, "%s", safe);
    if (!names_itself(step))
        error_prefix(&attempt->error, "%s", step);
    attempt_add_step(attempt, step, false, json_pack("{s:s}", "error", safe));
    free(safe);
    finish_later(attempt);
}

/* ---- what is awaited ---- */

bool attempt_is_goal(const struct attempt *attempt, enum attempt_step step)
{
    return attempt->settings.until == step;
}

bool attempt_waits_for_status(const struct attempt *attempt)
{
    return !attempt->done[ATTEMPT_STATUS] &&
           (attempt->dialled || attempt_is_goal(attempt, ATTEMPT_STATUS));
}

struct attempt_wait attempt_waits_for(const struct attempt *attempt)
{
    if (attempt->peer == NULL)
        return (struct attempt_wait){"handshake", ATTEMPT_UNREACHABLE};
    if (attempt_is_goal(attempt, ATTEMPT_HANDSHAKE))
        return (struct attempt_wait){"confirmed", ATTEMPT_TLS};
    if (attempt_is_goal(attempt, ATTEMPT_IDENTIFY))
        return (struct attempt_wait){"identify", ATTEMPT_PROTOCOL};
    if (attempt_waits_for_status(attempt))
        return (struct attempt_wait){"status", ATTEMPT_STATUS_FAILED};
    if (!attempt->done[ATTEMPT_STREAMS])
        return (struct attempt_wait){"streams", ATTEMPT_STREAM_FAILED};
    return (struct attempt_wait){"mesh", ATTEMPT_MESH_FAILED};
}

/* A peer that dialled us and gossips already may ask for our status yet. */
static bool status_may_come(const struct attempt *attempt)
{
    return !attempt->dialled && !attempt->done[ATTEMPT_STATUS] &&
           attempt->settings.until > ATTEMPT_STATUS;
}

static bool something_is_under_way(const struct attempt *attempt)
{
    return attempt->peer != NULL && ((attempt->peer->identify_asked && !attempt->identify_ended) ||
                                     status_may_come(attempt));
}

void attempt_finish_if_whole(struct attempt *attempt)
{
    if (attempt->reached && !something_is_under_way(attempt))
        finish_later(attempt);
}

void attempt_complete(struct attempt *attempt, enum attempt_step step)
{
    attempt->done[step] = true;
    if (!attempt_is_goal(attempt, step) || attempt->failed || attempt->reached)
        return;
    attempt->reached = true;
    arm(attempt->timeout, GRACE_MS);
    attempt_finish_if_whole(attempt);
}

/* ---- the result ---- */

static const char *reached_name(const struct attempt *attempt)
{
    static const enum attempt_step path[] = {ATTEMPT_MESH, ATTEMPT_STREAMS, ATTEMPT_STATUS};
    if (attempt->reached)
        return attempt_step_names[attempt->settings.until];
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

void attempt_describe_peer(struct attempt *attempt)
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
    free(attempt->grafted);
    free(attempt->topic);
    free(attempt);
}

static void on_finish(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct attempt *attempt = argument;
    json_t *result = attempt->result;
    if (attempt->reached && status_may_come(attempt))
        attempt_add_step(attempt, "status", true,
                         json_pack("{s:b, s:s}", "not_spoken", 1, "note",
                                   "the peer did not ask for it: passed over"));
    if (attempt->peer != NULL || json_object_get(result, "topics") == NULL)
        attempt_describe_peer(attempt);
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

void attempt_abandon(struct attempt *attempt, int code, const char *reason)
{
    attempt_fail(attempt, code, attempt_waits_for(attempt).step, "%s", reason);
    finish_later(attempt);
}

/* ---- running out of time, with the best guess why ---- */

/* Takes over TOPICS. */
static char *joined(json_t *topics)
{
    size_t count = json_array_size(topics);
    char *text = text_copy(count == 0 ? "none" : "");
    for (size_t i = 0; i < count && i < TOPICS_SHOWN_MAX; i++) {
        const char *topic = json_string_value(json_array_get(topics, i));
        char *longer = text_format("%s%s%s", text, i > 0 ? ", " : "", topic);
        free(text);
        text = longer;
    }
    if (count > TOPICS_SHOWN_MAX) {
        char *longer = text_format("%s and %zu more", text, count - TOPICS_SHOWN_MAX);
        free(text);
        text = longer;
    }
    json_decref(topics);
    return text;
}

static void time_out_mesh(struct attempt *attempt, int code, double seconds)
{
    char *ours = joined(topics_of(attempt->host, NULL));
    char *theirs = joined(topics_of(attempt->host, attempt->peer));
    if (!attempt_shares_topic(attempt))
        attempt_fail(attempt, code, "mesh",
                     "no topic in common within %g s (ours: %s; the peer's: %s)%s%s", seconds, ours,
                     theirs, attempt->topic != NULL ? "; asked for " : "",
                     attempt->topic != NULL ? attempt->topic : "");
    else
        attempt_fail(
            attempt, code, "mesh",
            "no GRAFT stood within %g s: none came from the peer%s (ours: %s; the peer's: %s)",
            seconds, attempt->grafted != NULL ? ", and ours was not acknowledged in time" : "",
            ours, theirs);
    free(ours);
    free(theirs);
}

static void time_out_streams(struct attempt *attempt, int code, double seconds)
{
    const char *what = "no gossipsub stream opened either way";
    if (attempt->outbound_open)
        what = "one-way: the peer opened no gossipsub stream to us";
    else if (attempt->inbound_open)
        what = "one-way: the peer did not accept our gossipsub stream";
    attempt_fail(attempt, code, "streams", "%s within %g s", what, seconds);
}

static void time_out_handshake(struct attempt *attempt, int code, double seconds)
{
    const char *failed = attempt->accept_failed.text;
    if (attempt->query != NULL)
        attempt_fail(attempt, code, "handshake", "the name was not resolved within %g s", seconds);
    else if (attempt->accept)
        attempt_fail(attempt, code, "handshake", "nobody dialled within %g s%s%s%s", seconds,
                     *failed != '\0' ? " (a handshake failed: " : "", failed,
                     *failed != '\0' ? ")" : "");
    else if (host_dial_answered(attempt->host, attempt->dial))
        attempt_fail(attempt, code, "handshake",
                     "the peer answered, and did not complete the handshake within %g s", seconds);
    else
        attempt_fail(attempt, code, "handshake", "no QUIC answer within %g s (handshake timed out)",
                     seconds);
}

static void time_out(struct attempt *attempt)
{
    double seconds = (double)attempt->settings.timeout_ms / 1000;
    struct attempt_wait wait = attempt_waits_for(attempt);
    if (attempt->peer == NULL)
        time_out_handshake(attempt, wait.exit, seconds);
    else if (wait.exit == ATTEMPT_MESH_FAILED)
        time_out_mesh(attempt, wait.exit, seconds);
    else if (wait.exit == ATTEMPT_STREAM_FAILED)
        time_out_streams(attempt, wait.exit, seconds);
    else if (wait.exit == ATTEMPT_TLS)
        attempt_fail(attempt, wait.exit, wait.step,
                     "the peer did not confirm the handshake within %g s", seconds);
    else if (wait.exit == ATTEMPT_STATUS_FAILED && !attempt->dialled)
        attempt_fail(attempt, wait.exit, wait.step,
                     "the peer, which dialled, did not ask for our status within %g s", seconds);
    else
        attempt_fail(attempt, wait.exit, wait.step, "no answer within %g s", seconds);
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
    attempt->result = json_pack("{s:n}", "target");
    attempt->steps = json_array();
    json_object_set_new(attempt->result, "steps", attempt->steps);
    attempt->timeout = evtimer_new(base, on_timeout, attempt);
    attempt->mesh_timer = evtimer_new(base, attempt_on_mesh_timer, attempt);
    attempt->finish = evtimer_new(base, on_finish, attempt);
    attempt->observer = (struct host_observer){.event = attempt_on_event, .context = attempt};
    host_observe(host, &attempt->observer);
    arm(attempt->timeout, settings->timeout_ms);
    return attempt;
}

static void on_resolved(void *context, const struct multiaddr *address, const char *reason)
{
    struct attempt *attempt = context;
    attempt->query = NULL;
    if (address == NULL) {
        attempt_fail(attempt, ATTEMPT_UNREACHABLE, "handshake", "the name cannot be resolved: %s",
                     reason);
        return;
    }
    struct error error;
    attempt->dial = host_dial(attempt->host, address, &error);
    if (attempt->dial == 0)
        attempt_fail(attempt, ATTEMPT_UNREACHABLE, "handshake", "%s", error.text);
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
        attempt_adopt(attempt, peer);
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
