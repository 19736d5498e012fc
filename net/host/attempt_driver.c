#include "net/host/attempt_driver.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"
#include "net/host/dial_race.h"
#include "net/host/internal.h"

struct attempt_driver {
    struct attempt attempt;
    struct host *host;
    const struct attempt_handlers *handlers;
    void *context;
    struct host_observer observer;
    struct resolver_query *query;
    struct dial_race race;
    struct event *timer;  /* for what the attempt wants to hear of the time */
    uint64_t timer_ns;    /* when that is */
    struct event *finish; /* ends it from the loop, never from within a caller */
    char *topic;
    struct attempt_result result;
    char target[MULTIADDR_TEXT_SIZE];
    char peer_id[PEER_ID_TEXT_SIZE];
};

/* ---- how things stand with a peer ---- */

/* Freed with free(). */
static struct attempt_topic *topics_of(const struct peer *peer, size_t *count)
{
    const struct gossipsub *router = host_router(peer->host);
    gossipsub_topic handles = (gossipsub_topic)gossipsub_topic_count(router);
    struct attempt_topic *topics = memory_new(handles * sizeof(*topics));
    uint64_t now = clock_now_ms();
    *count = 0;
    for (gossipsub_topic handle = 0; handle < handles; handle++) {
        bool ours = gossipsub_is_subscribed(router, handle);
        bool theirs = gossipsub_peer_is_subscribed(router, peer->router_handle, handle);
        if (!ours && !theirs)
            continue;
        topics[(*count)++] = (struct attempt_topic){
            .name = gossipsub_topic_name(router, handle),
            .ours = ours,
            .theirs = theirs,
            .meshed = gossipsub_in_mesh(router, peer->router_handle, handle),
            .pruned = ours && theirs &&
                      gossipsub_backoff_left(router, now, peer->router_handle, handle) > 0,
        };
    }
    return topics;
}

static void look_at_peer(const struct peer *peer, struct attempt_view *view)
{
    view->outbound_exists = peer->outbound != NULL;
    view->outbound_open = peer->outbound != NULL && peer->outbound_since_ms > 0;
    view->inbound_open = peer->inbound_count > 0;
    view->identify_asked = peer->identify_asked;
    view->identified = peer->identified;
    view->topics = topics_of(peer, &view->topic_count);
}

static enum attempt_known_status known_status(const struct peer_connection *connection)
{
    if (connection->peer->status_known)
        return ATTEMPT_STATUS_KNOWN;
    return connection->status == STATUS_NOT_SPOKEN ? ATTEMPT_STATUS_REFUSED
                                                   : ATTEMPT_STATUS_UNKNOWN;
}

static void look_at_connection(const struct peer_connection *connection,
                               struct attempt_event *event)
{
    event->status = known_status(connection);
    struct quic_connection_facts facts;
    quic_connection_facts(connection->quic, &facts);
    event->started_ns = facts.started_ns;
    event->confirmed = facts.confirmed;
    event->round_trip_us = facts.rtt_us;
}

static struct peer *peer_of(const struct attempt_driver *driver)
{
    return driver->attempt.peer == ATTEMPT_NO_PEER
               ? NULL
               : peer_of_router_handle(driver->host, driver->attempt.peer);
}

/* ---- the result ---- */

static void free_topics(const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((char *)(uintptr_t)names[i]);
    free((char **)(uintptr_t)names);
}

/* Copies: a topic may be forgotten before the end. Of the PEER's or, where it is NULL, ours. */
static const char *const *copy_topics(const struct host *host, const struct peer *peer,
                                      size_t *count)
{
    const struct gossipsub *router = host_router(host);
    char **names = memory_new(gossipsub_topic_count(router) * sizeof(*names));
    *count = 0;
    for (gossipsub_topic topic = 0; topic < gossipsub_topic_count(router); topic++) {
        bool subscribed = peer == NULL
                              ? gossipsub_is_subscribed(router, topic)
                              : gossipsub_peer_is_subscribed(router, peer->router_handle, topic);
        if (subscribed)
            names[(*count)++] = text_copy(gossipsub_topic_name(router, topic));
    }
    return (const char *const *)names;
}

/* What the peer is, beside what the steps say; before it goes. */
static void describe(struct attempt_driver *driver, const struct peer *peer)
{
    struct attempt_result *result = &driver->result;
    result->our_topics = copy_topics(driver->host, NULL, &result->our_topic_count);
    if (peer == NULL)
        return;
    result->their_topics = copy_topics(driver->host, peer, &result->their_topic_count);
    struct quic_connection_facts facts;
    quic_connection_facts(peer_oldest_connection(peer)->quic, &facts);
    result->rtt_us = facts.rtt_us;
    peer_id_text(&peer->id, driver->peer_id);
    result->peer_id = driver->peer_id;
}

/* ---- what the attempt makes of an event ---- */

/* SOURCE is what the host told; where the attempt tells more than that, it is of the peer as it
 * stands. */
static void tell(const struct attempt_driver *driver, const struct attempt_told *told,
                 const struct host_event *source)
{
    static const enum host_event_kind kinds[ATTEMPT_STEPS] = {[ATTEMPT_HANDSHAKE] = HOST_CONNECTED,
                                                              [ATTEMPT_IDENTIFY] = HOST_IDENTIFIED,
                                                              [ATTEMPT_STATUS] = HOST_STATUS};
    if (driver->handlers->step == NULL)
        return;
    struct host_event event = {.kind = kinds[told->step]};
    if (source != NULL && source->peer != NULL) {
        event.peer = source->peer;
        if (event.kind == HOST_STATUS && source->connection != NULL) {
            event.connection = source->connection;
            event.by = source->connection->dialled ? HOST_BY_US : HOST_BY_PEER;
        }
    }
    bool is_whole = source != NULL && source->kind == event.kind;
    const struct host_event *of_peer = event.peer != NULL ? &event : NULL;
    driver->handlers->step(driver->context, told, is_whole ? source : of_peer);
}

static void arm(struct attempt_driver *driver, uint64_t now_ns)
{
    uint64_t next_ns = attempt_next_time(&driver->attempt);
    if (next_ns == driver->timer_ns)
        return;
    driver->timer_ns = next_ns;
    evtimer_del(driver->timer);
    if (next_ns == UINT64_MAX)
        return;
    struct timeval delay = clock_timeval(next_ns > now_ns ? (next_ns - now_ns) / 1000 : 0);
    event_arm(driver->timer, &delay);
}

static void take(struct attempt_driver *driver, uint64_t now_ns, const struct attempt_event *event,
                 const struct host_event *source);

static void ping(struct attempt_driver *driver, struct peer_connection *connection)
{
    const struct attempt_event failed = {.kind = ATTEMPT_HEARD_PING_FAILED,
                                         .peer = driver->attempt.peer,
                                         .connection = connection->number,
                                         .end = PROTOCOL_TIMED_OUT,
                                         .reason = "it allows no further stream"};
    if (!host_ping(connection->peer)) /* on its oldest connection, as this is */
        take(driver, clock_now_ns(), &failed, NULL);
}

/* SOURCE, where the event is the host's. */
static void take(struct attempt_driver *driver, uint64_t now_ns, const struct attempt_event *event,
                 const struct host_event *source)
{
    struct attempt_output output;
    attempt_take(&driver->attempt, now_ns, event, &output);
    for (size_t i = 0; i < output.count; i++)
        tell(driver, &output.told[i], source);
    /* Both are asked for at events of the host's alone. */
    if (output.ask_identify && source != NULL)
        host_ask_identify(source->connection);
    if (output.ping && source != NULL)
        ping(driver, source->connection);
    arm(driver, now_ns);
    if (driver->attempt.state == ATTEMPT_ENDS)
        event_active(driver->finish, EV_TIMEOUT, 0);
}

/* The same of an event with a peer, once that was looked at. */
static void take_of_peer(struct attempt_driver *driver, uint64_t now_ns,
                         struct attempt_event *event, const struct host_event *source)
{
    look_at_peer(source->peer, &event->view);
    if (source->connection != NULL)
        look_at_connection(source->connection, event);
    take(driver, now_ns, event, source);
    free((struct attempt_topic *)(uintptr_t)event->view.topics);
}

/* ---- the host's events ---- */

static enum attempt_loss loss_of(const struct quic_close *close)
{
    switch (close->cause) {
    case QUIC_TLS_FAILED:
        return ATTEMPT_LOST_TLS;
    case QUIC_REFUSED_BY_PEER:
        return ATTEMPT_LOST_REFUSED;
    case QUIC_HANDSHAKE_TIMEOUT:
        return close->answered ? ATTEMPT_LOST : ATTEMPT_LOST_UNANSWERED;
    case QUIC_CLOSED_BY_PEER:
        return close->application && close->code == 0 ? ATTEMPT_LOST_LEAVE : ATTEMPT_LOST;
    default:
        return ATTEMPT_LOST;
    }
}

static bool is_by_peer(const struct host_event *event)
{
    return event->kind == HOST_STREAM_CLOSED ? !event->stream->outbound : event->by == HOST_BY_PEER;
}

/* But for what is known only by looking at the connection and the peer. */
static struct attempt_event translate(const struct host_event *event, enum attempt_event_kind kind)
{
    struct attempt_event told = {.kind = kind,
                                 .connection = event->dial,
                                 .by_peer = is_by_peer(event),
                                 .end = event->end,
                                 .topic = event->topic,
                                 .reason = event->reason};
    if (event->connection != NULL) {
        told.connection = event->connection->number;
        told.dialled = event->connection->dialled;
    }
    if (event->peer != NULL)
        told.peer = event->peer->router_handle;
    if (event->close != NULL) {
        told.loss = loss_of(event->close);
        told.reason = event->close->reason.text;
        told.last = event->peer != NULL && peer_connection_is_last(event->connection);
    }
    return told;
}

static bool kind_of(enum host_event_kind kind, enum attempt_event_kind *heard)
{
    static const struct {
        bool heard;
        enum attempt_event_kind as;
    } kinds[HOST_DISCONNECTED + 1] = {
        [HOST_CONNECTED] = {true, ATTEMPT_HEARD_CONNECTED},
        [HOST_CONFIRMED] = {true, ATTEMPT_HEARD_CONFIRMED},
        [HOST_DIAL_FAILED] = {true, ATTEMPT_HEARD_DIAL_FAILED},
        [HOST_ACCEPT_FAILED] = {true, ATTEMPT_HEARD_ACCEPT_FAILED},
        [HOST_STATUS] = {true, ATTEMPT_HEARD_STATUS},
        [HOST_STATUS_FAILED] = {true, ATTEMPT_HEARD_STATUS_FAILED},
        [HOST_IDENTIFIED] = {true, ATTEMPT_HEARD_IDENTIFIED},
        [HOST_IDENTIFY_FAILED] = {true, ATTEMPT_HEARD_IDENTIFY_FAILED},
        [HOST_PONG] = {true, ATTEMPT_HEARD_PONG},
        [HOST_PING_FAILED] = {true, ATTEMPT_HEARD_PING_FAILED},
        [HOST_STREAM_OPENED] = {true, ATTEMPT_HEARD_STREAM_OPENED},
        [HOST_STREAM_REFUSED] = {true, ATTEMPT_HEARD_STREAM_REFUSED},
        [HOST_STREAM_CLOSED] = {true, ATTEMPT_HEARD_STREAM_CLOSED},
        [HOST_MESH_JOINED] = {true, ATTEMPT_HEARD_GRAFT},
        [HOST_MESH_LEFT] = {true, ATTEMPT_HEARD_MESH_LEFT},
        [HOST_GRAFT_REFUSED] = {true, ATTEMPT_HEARD_GRAFT_REFUSED},
        [HOST_GRAFT_ACKNOWLEDGED] = {true, ATTEMPT_HEARD_ACKNOWLEDGEMENT},
        [HOST_DISCONNECTED] = {true, ATTEMPT_HEARD_DISCONNECTED},
    };
    *heard = kinds[kind].as;
    return kinds[kind].heard;
}

static void follow_dial(struct attempt_driver *driver, uint64_t dial)
{
    const struct attempt_event event = {.kind = ATTEMPT_HEARD_DIALLING, .connection = dial};
    take(driver, clock_now_ns(), &event, NULL);
}

/* What is worst of all that was dialled: a peer that was met and refused says more than silence. */
static enum attempt_loss loss_of_all(const struct dial_race *race)
{
    enum attempt_loss worst = ATTEMPT_LOST_UNANSWERED;
    for (size_t i = 0; i < race->begun; i++) {
        if (!race->tries[i].over)
            continue;
        enum attempt_loss loss = loss_of(&race->tries[i].close);
        if (loss == ATTEMPT_LOST_TLS || loss == ATTEMPT_LOST_REFUSED)
            return loss;
        worst = loss != ATTEMPT_LOST_UNANSWERED ? ATTEMPT_LOST : worst;
    }
    return worst;
}

/* True where another address is left, or is being dialled: nothing is to be told of it yet. */
static bool is_dialled_on(struct attempt_driver *driver, const struct host_event *source,
                          struct attempt_event *event, struct error *reasons)
{
    if (!dial_race_has(&driver->race, event->connection))
        return false;
    if (source->kind == HOST_CONNECTED) {
        dial_race_won(&driver->race, event->connection);
        follow_dial(driver, event->connection);
    } else if (source->kind == HOST_DIAL_FAILED) {
        if (!dial_race_lost(&driver->race, event->connection, source->close))
            return true;
        dial_race_reasons(&driver->race, reasons);
        event->reason = reasons->text;
        event->loss = loss_of_all(&driver->race);
        follow_dial(driver, event->connection);
        dial_race_end(&driver->race);
    }
    return false;
}

static void on_event(void *context, const struct host_event *source)
{
    struct attempt_driver *driver = context;
    enum attempt_event_kind kind;
    struct error reasons;
    if (!kind_of(source->kind, &kind))
        return;
    struct attempt_event event = translate(source, kind);
    if (is_dialled_on(driver, source, &event, &reasons))
        return;
    event.handshake_timeout_ms = host_settings(driver->host)->handshake_timeout_ms;
    if (!attempt_hears(&driver->attempt, &event))
        return;
    if (kind == ATTEMPT_HEARD_DISCONNECTED && event.last)
        describe(driver, source->peer);
    const struct host_event connected = {
        .kind = HOST_CONNECTED, .peer = source->peer, .connection = source->connection};
    bool is_echo = kind == ATTEMPT_HEARD_PONG || kind == ATTEMPT_HEARD_PING_FAILED;
    if (source->peer != NULL)
        take_of_peer(driver, clock_now_ns(), &event, is_echo ? &connected : source);
    else
        take(driver, clock_now_ns(), &event, source);
}

/* ---- the end ---- */

static void driver_free(struct attempt_driver *driver)
{
    if (driver->query != NULL)
        resolver_cancel(driver->query);
    dial_race_end(&driver->race);
    host_unobserve(driver->host, &driver->observer);
    event_free(driver->timer);
    event_free(driver->finish);
    free_topics(driver->result.our_topics, driver->result.our_topic_count);
    free_topics(driver->result.their_topics, driver->result.their_topic_count);
    free(driver->topic);
    free(driver);
}

static void on_finish(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct attempt_driver *driver = argument;
    if (driver->result.our_topics == NULL)
        describe(driver, peer_of(driver));
    driver->result.outcome = attempt_outcome(&driver->attempt);
    if (driver->handlers->done != NULL)
        driver->handlers->done(driver->context, &driver->result);
    driver_free(driver);
}

void attempt_cancel(struct attempt_driver *driver)
{
    driver_free(driver);
}

void attempt_abandon(struct attempt_driver *driver, int code, const char *reason)
{
    const struct attempt_event event = {
        .kind = ATTEMPT_HEARD_ABANDONED, .exit = code, .reason = reason};
    take(driver, clock_now_ns(), &event, NULL);
}

/* libevent's clock is coarser than ours: it may be called a little early. */
static uint64_t not_before(uint64_t time_ns)
{
    uint64_t now_ns = clock_now_ns();
    return now_ns > time_ns ? now_ns : time_ns;
}

static bool is_answered(const struct dial_race *race)
{
    bool answered = false;
    for (size_t i = 0; i < race->begun; i++)
        answered = answered || host_dial_answered(race->host, race->tries[i].dial);
    return answered;
}

static void say_beside(const struct dial_race *race, struct error *beside)
{
    uint64_t dial = dial_race_open(race);
    beside->text[0] = '\0';
    if (race->count > 1) {
        struct error reasons;
        dial_race_reasons(race, &reasons);
        error_set(beside, "; %s", reasons.text);
    } else if (dial != 0) {
        host_dial_in_place_of_answer(race->host, dial, beside->text, sizeof(beside->text));
    }
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct attempt_driver *driver = argument;
    const struct host_event source = {.peer = peer_of(driver)};
    struct error beside;
    struct attempt_event event = {.kind = ATTEMPT_HEARD_TIME,
                                  .answered = is_answered(&driver->race),
                                  .loss = loss_of_all(&driver->race),
                                  .reason = beside.text};
    say_beside(&driver->race, &beside);
    uint64_t now_ns = not_before(driver->timer_ns);
    if (source.peer != NULL)
        take_of_peer(driver, now_ns, &event, &source);
    else
        take(driver, now_ns, &event, &source);
}

/* ---- the beginning ---- */

static struct attempt_driver *driver_new(struct host *host, const struct attempt_settings *settings,
                                         const struct attempt_handlers *handlers, void *context,
                                         bool accept)
{
    struct event_base *base = host_settings(host)->base;
    struct attempt_driver *driver = memory_new(sizeof(*driver));
    struct attempt_settings kept = *settings;
    kept.topic = driver->topic = settings->topic != NULL ? text_copy(settings->topic) : NULL;
    driver->host = host;
    driver->handlers = handlers;
    driver->context = context;
    driver->timer = evtimer_new(base, on_timer, driver);
    driver->timer_ns = UINT64_MAX;
    driver->finish = evtimer_new(base, on_finish, driver);
    driver->observer = (struct host_observer){.event = on_event, .context = driver};
    host_observe(host, &driver->observer);
    uint64_t now_ns = clock_now_ns();
    attempt_init(&driver->attempt, &kept, accept, now_ns);
    arm(driver, now_ns);
    return driver;
}

static void on_resolved(void *context, const struct multiaddr *addresses, size_t count,
                        size_t left_out, const char *reason)
{
    struct attempt_driver *driver = context;
    struct error error;
    enum attempt_loss loss = ATTEMPT_LOST;
    driver->query = NULL;
    if (driver->attempt.state == ATTEMPT_ENDS)
        return;
    if (count == 0) {
        error_set(&error, "the name cannot be resolved: %s", reason);
    } else if (dial_race_begin(&driver->race, driver->host, addresses, count, left_out, &error)) {
        follow_dial(driver, dial_race_open(&driver->race));
        return;
    } else if (error.kind == ERROR_SYSTEM) {
        loss = ATTEMPT_LOST_OURS;
    }
    const struct attempt_event event = {
        .kind = ATTEMPT_HEARD_NAME_FAILED, .loss = loss, .reason = error.text};
    take(driver, clock_now_ns(), &event, NULL);
}

/* Follows a peer that is connected already, once it has proven to be. */
static void adopt(struct attempt_driver *driver, struct peer *peer)
{
    struct peer_connection *connection = peer_oldest_connection(peer);
    const struct host_event source = {
        .kind = HOST_CONNECTED, .peer = peer, .connection = connection};
    struct attempt_event event = translate(&source, ATTEMPT_HEARD_ALREADY_THERE);
    driver->result.already_connected = true;
    take_of_peer(driver, clock_now_ns(), &event, &source);
}

struct attempt_driver *attempt_dial(struct host *host, struct resolver *resolver,
                                    const struct node_address *address,
                                    const struct attempt_settings *settings,
                                    const struct attempt_handlers *handlers, void *context)
{
    struct attempt_driver *driver = driver_new(host, settings, handlers, context, false);
    multiaddr_text(&address->at[0], driver->target);
    driver->result.target = driver->target;
    struct peer *peer =
        address->at[0].has_peer_id ? peer_find(host, &address->at[0].peer_id) : NULL;
    if (peer != NULL)
        adopt(driver, peer);
    else
        driver->query = resolver_ask(resolver, address, on_resolved, driver);
    return driver;
}

struct attempt_driver *attempt_accept(struct host *host, const struct attempt_settings *settings,
                                      const struct attempt_handlers *handlers, void *context)
{
    return driver_new(host, settings, handlers, context, true);
}
