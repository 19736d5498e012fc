/* What a connection attempt makes of each event of the host. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"
#include "net/attempt_state.h"

enum { ROUND_TRIP_MIN_US = 1000 };

static json_t *passed_over(const char *note)
{
    return json_pack("{s:b, s:s}", "not_spoken", 1, "note", note);
}

/* ---- the connection comes, and goes ---- */

static void catch_up(struct attempt *attempt);

static void on_connected(struct attempt *attempt, const struct host_event *event)
{
    struct quic_connection_facts facts;
    quic_connection_facts(event->connection->quic, &facts);
    attempt->peer = event->peer;
    attempt->dial = event->connection->number;
    attempt->dialled = event->connection->dialled;
    if (json_object_get(attempt->result, "already_connected") == NULL)
        attempt->started_ns = facts.started_ns;
    json_t *step = host_event_json(event);
    json_object_del(step, "event");
    json_object_set_new(step, "rtt_ms", json_real((double)facts.rtt_us / 1000));
    attempt->done[ATTEMPT_HANDSHAKE] = true;
    attempt_add_step(attempt, "handshake", true, step);
    if (attempt_is_goal(attempt, ATTEMPT_IDENTIFY))
        host_ask_identify(event->connection);
    catch_up(attempt);
}

/* An answer of any kind to what we asked says the same: before it has accepted us, a peer cannot
 * read the question. */
static void on_confirmed(struct attempt *attempt, const struct host_event *event)
{
    if (event->connection->number != attempt->dial || attempt->confirmed)
        return;
    attempt->confirmed = true;
    attempt_add_step(attempt, "confirmed", true, NULL);
    attempt_complete(attempt, ATTEMPT_HANDSHAKE);
}

static bool is_tls_failure(const struct quic_close *close)
{
    return close->cause == QUIC_TLS_FAILED || close->cause == QUIC_REFUSED_BY_PEER;
}

static void on_dial_failed(struct attempt *attempt, const struct quic_close *close)
{
    double seconds = (double)host_settings(attempt->host)->handshake_timeout_ms / 1000;
    if (close->cause == QUIC_HANDSHAKE_TIMEOUT && !close->answered)
        attempt_fail(attempt, ATTEMPT_UNREACHABLE, "handshake",
                     "no QUIC answer within %g s (handshake timed out)", seconds);
    else
        attempt_fail(attempt, is_tls_failure(close) ? ATTEMPT_TLS : ATTEMPT_UNREACHABLE,
                     "handshake", "%s", close->reason.text);
    attempt->dial = 0;
}

/* Whoever fails by certificate or identity is the one that was waited for; stray packets are not.
 */
static void on_accept_failed(struct attempt *attempt, const struct quic_close *close)
{
    attempt->accept_failed = close->reason;
    if (is_tls_failure(close))
        attempt_fail(attempt, ATTEMPT_TLS, "handshake", "%s", close->reason.text);
}

static bool is_last_connection(const struct peer *peer)
{
    return LIST_NEXT(LIST_FIRST(&peer->connections), link) == NULL;
}

static bool graft_stood_to_the_end(const struct attempt *attempt, const struct quic_close *close);
static void meshed(struct attempt *attempt);

/* The connection went in the middle of things: the exit code is that of what was waited for. With
 * another between the same peers all goes on there, but for a status that was asked on this one. */
static void on_disconnected(struct attempt *attempt, const struct host_event *event)
{
    const struct quic_close *close = event->close;
    struct attempt_wait wait = attempt_waits_for(attempt);
    bool last = is_last_connection(event->peer);
    bool followed = event->connection->number == attempt->dial;
    if (!last && !(followed && wait.exit < ATTEMPT_STREAM_FAILED))
        return;
    if (graft_stood_to_the_end(attempt, close))
        meshed(attempt);
    else if (close->cause == QUIC_REFUSED_BY_PEER)
        attempt_fail(attempt, ATTEMPT_TLS, "confirmed",
                     "the peer did not accept our certificate: %s", close->reason.text);
    else if (wait.exit == ATTEMPT_TLS)
        attempt_fail(attempt, is_tls_failure(close) ? ATTEMPT_TLS : ATTEMPT_UNREACHABLE, wait.step,
                     "connection lost: %s", close->reason.text);
    else
        attempt_fail(attempt, wait.exit, wait.step, "connection lost: %s", close->reason.text);
    if (!last)
        return;
    attempt_describe_peer(attempt);
    attempt->peer = NULL;
    attempt->dial = 0;
    attempt_finish_if_whole(attempt);
}

/* ---- status and identify; where the connection was lost, that event says why ---- */

static void check_streams(struct attempt *attempt);

static void end_status(struct attempt *attempt)
{
    attempt_complete(attempt, ATTEMPT_STATUS);
    check_streams(attempt);
    attempt_finish_if_whole(attempt);
}

static void on_status(struct attempt *attempt, const struct host_event *event)
{
    if (attempt->done[ATTEMPT_STATUS])
        return;
    on_confirmed(attempt, event);
    json_t *step = host_event_json(event);
    json_object_del(step, "event");
    attempt_add_step(attempt, "status", true, step);
    end_status(attempt);
}

static void fail_not_spoken(struct attempt *attempt, const char *step, enum protocol_end end)
{
    attempt_fail(attempt, ATTEMPT_PROTOCOL, step, "the peer does not speak it (%s)",
                 end == PROTOCOL_REJECTED ? "`na`" : protocol_end_text(end));
}

static void on_status_failed(struct attempt *attempt, const struct host_event *event)
{
    if (event->end == PROTOCOL_CONNECTION_LOST || attempt->done[ATTEMPT_STATUS])
        return;
    if (event->end != PROTOCOL_TIMED_OUT)
        on_confirmed(attempt, event);
    bool not_spoken = protocol_not_spoken(event->end);
    if (not_spoken && attempt_is_goal(attempt, ATTEMPT_STATUS)) {
        fail_not_spoken(attempt, "status", event->end);
    } else if (not_spoken) {
        attempt_add_step(attempt, "status", true,
                         passed_over("the peer does not speak status: passed over"));
        end_status(attempt);
    } else {
        attempt_fail(attempt, ATTEMPT_STATUS_FAILED, "status", "%s%s",
                     event->asked ? "" : "the peer's request: ", event->reason);
    }
}

static void on_identified(struct attempt *attempt, const struct host_event *event)
{
    if (attempt->identify_ended)
        return;
    json_t *step = host_event_json(event);
    json_object_del(step, "event");
    attempt_add_step(attempt, "identify", true, step);
    attempt->identify_ended = true;
    attempt_complete(attempt, ATTEMPT_IDENTIFY);
    attempt_finish_if_whole(attempt);
}

static void on_identify_failed(struct attempt *attempt, const struct host_event *event)
{
    if (event->end == PROTOCOL_CONNECTION_LOST || attempt->identify_ended)
        return;
    bool not_spoken = protocol_not_spoken(event->end);
    if (attempt_is_goal(attempt, ATTEMPT_IDENTIFY)) {
        if (not_spoken)
            fail_not_spoken(attempt, "identify", event->end);
        else
            attempt_fail(attempt, ATTEMPT_PROTOCOL, "identify", "%s", event->reason);
        return;
    }
    attempt_add_step(attempt, "identify", not_spoken,
                     not_spoken ? passed_over("the peer does not speak identify: passed over")
                                : json_pack("{s:s}", "error", event->reason));
    attempt->identify_ended = true;
    attempt_finish_if_whole(attempt);
}

/* ---- the gossipsub streams ---- */

static json_t *stream_json(const struct protocol_stream *stream)
{
    struct quic_connection_facts facts;
    quic_connection_facts(stream->connection->quic, &facts);
    return json_pack("{s:I, s:s, s:s}", "stream_id", (json_int_t)protocol_stream_id(stream),
                     "protocol", stream->protocol->name, "connection", facts.id);
}

static void on_mesh_progress(struct attempt *attempt);

static void check_streams(struct attempt *attempt)
{
    const struct peer *peer = attempt->peer;
    attempt->outbound_open = peer->outbound != NULL && peer->outbound_since_ms > 0;
    attempt->inbound_open = peer->inbound_count > 0;
    if (!attempt->outbound_open || !attempt->inbound_open || attempt->done[ATTEMPT_STREAMS] ||
        attempt->failed || attempt_waits_for_status(attempt))
        return;
    attempt_add_step(attempt, "streams", true,
                     json_pack("{s:o, s:o}", "outbound", stream_json(peer->outbound), "inbound",
                               stream_json(peer->inbound[0])));
    attempt_complete(attempt, ATTEMPT_STREAMS);
    on_mesh_progress(attempt);
}

static void on_stream_refused(struct attempt *attempt, const struct host_event *event)
{
    if (event->end == PROTOCOL_CONNECTION_LOST)
        return;
    if (event->end == PROTOCOL_REJECTED)
        attempt_fail(attempt, ATTEMPT_PROTOCOL, "streams",
                     "the peer does not speak gossipsub (`na`)");
    else
        attempt_fail(attempt, ATTEMPT_STREAM_FAILED, "streams", "our gossipsub stream: %s",
                     event->end == PROTOCOL_UNINTELLIGIBLE && event->reason[0] != '\0'
                         ? event->reason
                         : protocol_end_text(event->end));
}

static void on_stream_closed(struct attempt *attempt, const struct host_event *event)
{
    if (event->stream->outbound && event->end == PROTOCOL_RESET)
        attempt_fail(attempt, ATTEMPT_STREAM_FAILED, "streams",
                     "our gossipsub stream was reset by the peer");
}

/* ---- the mesh ---- */

bool attempt_wants(const struct attempt *attempt, const char *topic)
{
    return attempt->topic == NULL || strcmp(attempt->topic, topic) == 0;
}

/* The next topic from *TOPIC on that both sides have and the caller wants. */
static bool next_shared(const struct attempt *attempt, gossipsub_topic *topic)
{
    const struct gossipsub *router = host_router(attempt->host);
    for (; *topic < gossipsub_topic_count(router); ++*topic) {
        if (gossipsub_is_subscribed(router, *topic) &&
            attempt_wants(attempt, gossipsub_topic_name(router, *topic)) &&
            gossipsub_peer_is_subscribed(router, attempt->peer->router_handle, *topic))
            return true;
    }
    return false;
}

bool attempt_shares_topic(const struct attempt *attempt)
{
    gossipsub_topic topic = 0;
    return next_shared(attempt, &topic);
}

static bool was_pruned(const struct attempt *attempt, gossipsub_topic topic)
{
    return gossipsub_backoff_left(host_router(attempt->host), clock_now_ms(),
                                  attempt->peer->router_handle, topic) > 0;
}

/* No topic is left on which a GRAFT may stand yet. */
static bool all_pruned(const struct attempt *attempt)
{
    gossipsub_topic topic = 0;
    bool any = false;
    for (; next_shared(attempt, &topic); topic++) {
        if (!was_pruned(attempt, topic))
            return false;
        any = true;
    }
    return any;
}

static void set_graft(struct attempt *attempt, const char *topic, enum grafted_by by)
{
    free(attempt->grafted);
    attempt->grafted = topic != NULL ? text_copy(topic) : NULL;
    attempt->grafted_by = by;
    evtimer_del(attempt->mesh_timer);
}

/* Takes any topic in whose mesh the peer is. */
static void find_graft(struct attempt *attempt, enum grafted_by by)
{
    const struct gossipsub *router = host_router(attempt->host);
    set_graft(attempt, NULL, by);
    for (gossipsub_topic topic = 0; next_shared(attempt, &topic); topic++) {
        if (gossipsub_in_mesh(router, attempt->peer->router_handle, topic)) {
            set_graft(attempt, gossipsub_topic_name(router, topic), by);
            return;
        }
    }
}

static void meshed(struct attempt *attempt)
{
    static const char *const names[] = {
        [GRAFTED_BY_US] = "us", [GRAFTED_BY_PEER] = "peer", [GRAFTED_EARLIER] = "earlier"};
    attempt_add_step(attempt, "mesh", true,
                     json_pack("{s:s, s:s}", "topic", attempt->grafted, "grafted_by",
                               names[attempt->grafted_by]));
    attempt_complete(attempt, ATTEMPT_MESH);
}

/* Whatever came before both streams were open counts once they are. */
static void on_mesh_progress(struct attempt *attempt)
{
    if (!attempt->done[ATTEMPT_STREAMS] || attempt->done[ATTEMPT_MESH] || attempt->failed ||
        attempt->grafted == NULL)
        return;
    if (attempt->grafted_by != GRAFTED_BY_US) {
        meshed(attempt);
    } else if (attempt->acknowledged && !evtimer_pending(attempt->mesh_timer, NULL)) {
        struct timeval delay = clock_timeval(attempt->round_trip_us);
        event_arm(attempt->mesh_timer, &delay);
    }
}

/* A peer that has our GRAFT and takes its leave without PRUNE was content: one that connects only
 * to see whether it can is gone before the round trip is over. */
static bool graft_stood_to_the_end(const struct attempt *attempt, const struct quic_close *close)
{
    return attempt->done[ATTEMPT_STREAMS] && !attempt->done[ATTEMPT_MESH] && !attempt->failed &&
           attempt->grafted != NULL && attempt->acknowledged &&
           close->cause == QUIC_CLOSED_BY_PEER && close->application && close->code == 0;
}

void attempt_on_mesh_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct attempt *attempt = argument;
    if (attempt->grafted != NULL && !attempt->done[ATTEMPT_MESH] && !attempt->failed)
        meshed(attempt);
}

static bool is_grafted_on(const struct attempt *attempt, const char *topic)
{
    return attempt->grafted != NULL && strcmp(attempt->grafted, topic) == 0;
}

static void on_mesh_joined(struct attempt *attempt, const struct host_event *event)
{
    if (!attempt_wants(attempt, event->topic) || attempt->done[ATTEMPT_MESH])
        return;
    if (event->asked) {
        set_graft(attempt, event->topic, GRAFTED_BY_PEER);
    } else if (attempt->grafted == NULL || is_grafted_on(attempt, event->topic)) {
        set_graft(attempt, event->topic, GRAFTED_BY_US);
        attempt->acknowledged = false;
    }
    on_mesh_progress(attempt);
}

static void forget_graft(struct attempt *attempt, const char *topic)
{
    if (!is_grafted_on(attempt, topic))
        return;
    find_graft(attempt, GRAFTED_BY_US);
    on_mesh_progress(attempt);
}

/* Where the mesh is left because our stream has gone, its own event says so, or the connection's.
 */
static void on_mesh_left(struct attempt *attempt, const struct host_event *event)
{
    if (event->asked || attempt->peer->outbound != NULL)
        forget_graft(attempt, event->topic);
}

static void on_graft_refused(struct attempt *attempt, const struct host_event *event)
{
    forget_graft(attempt, event->topic);
    if (attempt->grafted == NULL && !attempt->done[ATTEMPT_MESH] && all_pruned(attempt))
        attempt_fail(attempt, ATTEMPT_MESH_FAILED, "mesh",
                     "the peer answered PRUNE on %s: its mesh is full, or a backoff has not run "
                     "out",
                     event->topic);
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

/* ---- a peer that was connected before ---- */

/* What has happened on another of the peer's connections is told as it stands. Its status is asked
 * again on one that we dial now. */
static void catch_up(struct attempt *attempt)
{
    struct host_event event = {.kind = HOST_IDENTIFIED, .peer = attempt->peer};
    if (attempt->peer->identified)
        on_identified(attempt, &event);
    find_graft(attempt, GRAFTED_EARLIER);
    check_streams(attempt);
}

static void adopt_status(struct attempt *attempt, struct peer_connection *connection)
{
    struct host_event event = {.kind = HOST_STATUS,
                               .peer = attempt->peer,
                               .connection = connection,
                               .asked = connection->dialled};
    if (attempt->peer->status_known) {
        on_status(attempt, &event);
    } else if (connection->status == STATUS_NOT_SPOKEN) {
        event.end = PROTOCOL_REJECTED;
        on_status_failed(attempt, &event);
    }
}

void attempt_adopt(struct attempt *attempt, struct peer *peer)
{
    struct peer_connection *connection = peer_oldest_connection(peer);
    json_object_set_new(attempt->result, "already_connected", json_true());
    struct host_event event = {.kind = HOST_CONNECTED, .peer = peer, .connection = connection};
    on_connected(attempt, &event);
    struct quic_connection_facts facts;
    quic_connection_facts(connection->quic, &facts);
    if (facts.confirmed)
        on_confirmed(attempt, &event);
    adopt_status(attempt, connection);
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

void attempt_on_event(void *context, const struct host_event *event)
{
    struct attempt *attempt = context;
    if (!concerns(attempt, event) || (attempt->finishing && event->kind != HOST_DISCONNECTED))
        return;
    switch (event->kind) {
    case HOST_CONNECTED:
        on_connected(attempt, event);
        break;
    case HOST_CONFIRMED:
        on_confirmed(attempt, event);
        break;
    case HOST_DIAL_FAILED:
        on_dial_failed(attempt, event->close);
        break;
    case HOST_ACCEPT_FAILED:
        on_accept_failed(attempt, event->close);
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
    case HOST_MESH_LEFT:
        on_mesh_left(attempt, event);
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
