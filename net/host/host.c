#include "net/host/host.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"
#include "net/host/internal.h"
#include "net/qlog/events.h"

enum { HANDSHAKE_TIMEOUT_MS = 10000 };

/* ---- what we speak ---- */

static const struct protocol *const protocols[] = {
    &gossipsub_protocols[GOSSIPSUB_1_2],
    &gossipsub_protocols[GOSSIPSUB_1_1],
    &gossipsub_protocols[GOSSIPSUB_1_0],
    &gossipsub_protocols[GOSSIPSUB_1_3],
    &status_protocol,
    &blocks_by_root_protocol,
    &blocks_by_range_protocol,
    &identify_protocol,
    &identify_push_protocol,
    &ping_protocol,
};

enum { PROTOCOLS = sizeof(protocols) / sizeof(*protocols) };

static bool is_gossipsub(const struct protocol *protocol)
{
    return protocol >= gossipsub_protocols && protocol < gossipsub_protocols + GOSSIPSUB_PROTOCOLS;
}

/* The fault: one version of gossipsub and no other. */
static bool is_other_version(unsigned faults, const struct protocol *protocol)
{
    return is_gossipsub(protocol) && (((faults & FAULT_GOSSIPSUB_1_1_ALONE) != 0 &&
                                       protocol != &gossipsub_protocols[GOSSIPSUB_1_1]) ||
                                      ((faults & FAULT_GOSSIPSUB_1_0_ALONE) != 0 &&
                                       protocol != &gossipsub_protocols[GOSSIPSUB_1_0]));
}

static bool is_hidden(const struct host *host, const struct protocol *protocol)
{
    unsigned faults = host->settings.faults;
    return is_other_version(faults, protocol) ||
           ((faults & FAULT_STATUS_NOT_SPOKEN) != 0 && protocol == &status_protocol) ||
           ((faults & FAULT_IDENTIFY_NOT_SPOKEN) != 0 && protocol == &identify_protocol) ||
           ((faults & FAULT_GOSSIPSUB_NOT_SPOKEN) != 0 && is_gossipsub(protocol));
}

const struct protocol *host_protocol_find(const struct host *host, const char *name)
{
    for (size_t i = 0; i < PROTOCOLS; i++) {
        if (strcmp(protocols[i]->name, name) == 0 && !is_hidden(host, protocols[i]))
            return protocols[i];
    }
    return NULL;
}

size_t host_protocol_names(const struct host *host, const char **names, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < PROTOCOLS && count < size; i++) {
        if (!is_hidden(host, protocols[i]))
            names[count++] = protocols[i]->name;
    }
    return count;
}

/* ---- what the endpoint tells ---- */

static struct peer_connection *connection_for(struct host *host, struct quic_connection *quic)
{
    struct peer_connection *connection = memory_new(sizeof(*connection));
    connection->host = host;
    connection->quic = quic;
    connection->number = quic_connection_number(quic);
    quic_connection_set_user(quic, connection);
    return connection;
}

static void log_peer(const struct peer_connection *connection)
{
    if (!quic_connection_has_log(connection->quic))
        return;
    char ours[PEER_ID_TEXT_SIZE];
    peer_id_text(host_peer_id(connection->host), ours);
    const struct qlog_field fields[] = {
        {"peer", QLOG_TEXT, .text = connection->peer->name},
        {"direction", QLOG_TEXT, .text = connection->dialled ? "dialled" : "accepted"},
        {"local_peer", QLOG_TEXT, .text = ours},
    };
    quic_connection_log(connection->quic, QLOG_PEER_IDENTIFIED, fields,
                        sizeof(fields) / sizeof(*fields));
}

void host_log_agent(const struct peer_connection *connection)
{
    const struct peer *peer = connection->peer;
    if (!quic_connection_has_log(connection->quic) || peer->identify.agent == NULL)
        return;
    const struct qlog_field fields[] = {
        {"peer", QLOG_TEXT, .text = peer->name},
        {"agent", QLOG_TEXT, .text = peer->identify.agent},
    };
    quic_connection_log(connection->quic, QLOG_PEER_AGENT, fields,
                        sizeof(fields) / sizeof(*fields));
}

/* A peer that comes again may have been restarted: what it left behind is dead, and our stream to
 * it must not stay there until that times out. */
static void probe_others(const struct peer_connection *newest)
{
    struct peer_connection *connection;
    LIST_FOREACH(connection, &newest->peer->connections, link)
    {
        if (connection != newest)
            quic_connection_probe(connection->quic);
    }
}

static void on_established(void *context, struct quic_connection *quic)
{
    struct host *host = context;
    struct peer_connection *connection = quic_connection_user(quic);
    if (connection == NULL)
        connection = connection_for(host, quic);
    struct quic_connection_facts facts;
    quic_connection_facts(quic, &facts);
    if (peer_id_equal(&facts.peer_id, host_peer_id(host))) {
        quic_connection_close(quic, 1, "that is ourselves");
        return;
    }
    if (!peer_attach(connection, &facts.peer_id, facts.key_type)) {
        quic_connection_close(quic, 1, "too many connections");
        return;
    }
    log_peer(connection);
    host_log_agent(connection);
    probe_others(connection);
    struct host_event event = {
        .kind = HOST_CONNECTED, .peer = connection->peer, .connection = connection};
    host_tell(host, &event);
    if (connection->dialled)
        status_ask(connection);
}

static void on_confirmed(void *context, struct quic_connection *quic)
{
    struct peer_connection *connection = quic_connection_user(quic);
    if (connection == NULL || connection->peer == NULL)
        return;
    struct host_event event = {
        .kind = HOST_CONFIRMED, .peer = connection->peer, .connection = connection};
    host_tell(context, &event);
}

/* Nothing came of it: CONNECTION is NULL for a handshake of a stranger's. */
static void tell_failed(struct host *host, const struct quic_connection *quic,
                        const struct quic_close *close)
{
    const struct peer_connection *connection = quic_connection_user(quic);
    struct host_event event = {.kind = HOST_ACCEPT_FAILED, .failed = quic, .close = close};
    if (connection != NULL && connection->dialled) {
        event.kind = HOST_DIAL_FAILED;
        event.dial = connection->number;
    }
    host_tell(host, &event);
}

static void on_closed(void *context, struct quic_connection *quic, const struct quic_close *close)
{
    struct host *host = context;
    struct peer_connection *connection = quic_connection_user(quic);
    if (connection == NULL || connection->peer == NULL) {
        tell_failed(host, quic, close);
    } else {
        struct host_event event = {.kind = HOST_DISCONNECTED,
                                   .peer = connection->peer,
                                   .connection = connection,
                                   .close = close};
        host_tell(host, &event);
        peer_detach(connection);
    }
    free(connection);
    driver_run(host);
}

static void on_stream_opened(void *context, struct quic_stream *quic)
{
    (void)context;
    struct peer_connection *connection = quic_connection_user(quic_stream_connection(quic));
    if (connection != NULL && connection->peer != NULL)
        protocol_stream_accept(connection, quic);
    else
        quic_stream_reset(quic, 0);
}

static void on_stream_data(void *context, struct quic_stream *quic, struct bytes data, bool fin)
{
    (void)context;
    struct protocol_stream *stream = quic_stream_user(quic);
    if (stream != NULL)
        protocol_stream_receive(stream, data, fin);
    else
        quic_stream_credit(quic, data.size);
}

static void on_stream_acknowledged(void *context, struct quic_stream *quic)
{
    (void)context;
    struct protocol_stream *stream = quic_stream_user(quic);
    if (stream != NULL && !stream->ended && stream->protocol != NULL &&
        stream->protocol->acknowledged != NULL)
        stream->protocol->acknowledged(stream);
}

/* A responder that answers `na` may not want what came with the proposal: the answer is waited for,
 * and may be behind STOP_SENDING in the same packet. */
static bool is_unanswered(const struct protocol_stream *stream)
{
    return stream->outbound && stream->negotiation.state == MULTISTREAM_PENDING;
}

static void on_stream_reset(void *context, struct quic_stream *quic, uint64_t code)
{
    (void)context, (void)code;
    struct protocol_stream *stream = quic_stream_user(quic);
    if (stream != NULL)
        protocol_stream_abort(stream,
                              is_unanswered(stream) ? PROTOCOL_RESET_UNANSWERED : PROTOCOL_RESET);
}

/* The half of a peer's stream that we never write may be stopped: the other is read on. */
static bool is_only_read(const struct protocol_stream *stream)
{
    return !stream->outbound && stream->protocol != NULL && stream->protocol->one_way;
}

static void on_stream_stopped(void *context, struct quic_stream *quic)
{
    const struct protocol_stream *stream = quic_stream_user(quic);
    if (stream != NULL && !is_unanswered(stream) && !is_only_read(stream))
        on_stream_reset(context, quic, 0);
}

static void on_stream_closed(void *context, struct quic_stream *quic)
{
    (void)context;
    struct protocol_stream *stream = quic_stream_user(quic);
    bool lost = !quic_connection_is_established(quic_stream_connection(quic));
    if (stream != NULL)
        protocol_stream_quic_closed(stream, lost);
}

static void on_settle(void *context)
{
    struct host *host = context;
    peers_settle(host);
    driver_run(host);
}

static void on_sent(void *context)
{
    driver_sent(context);
}

static const struct quic_handlers handlers = {
    .connection_established = on_established,
    .connection_confirmed = on_confirmed,
    .connection_closed = on_closed,
    .stream_opened = on_stream_opened,
    .stream_data = on_stream_data,
    .stream_acknowledged = on_stream_acknowledged,
    .stream_reset = on_stream_reset,
    .stream_stopped = on_stream_stopped,
    .stream_closed = on_stream_closed,
    .settle = on_settle,
    .sent = on_sent,
};

/* ---- beginning and end ---- */

void host_settings_default(struct host_settings *settings)
{
    *settings = (struct host_settings){
        .agent = "devnet-node/" DEVNET_VERSION,
        .network = HOST_NETWORK_DEFAULT,
        .handshake_timeout_ms = HANDSHAKE_TIMEOUT_MS,
        .idle_timeout_ms = HOST_IDLE_TIMEOUT_MS,
        .budget = SHARES_BUDGET,
    };
    gossipsub_parameters_default(&settings->gossipsub);
}

static struct quic_endpoint *make_endpoint(struct host *host, struct error *error)
{
    struct quic_settings settings;
    quic_settings_default(&settings);
    settings.base = host->settings.base;
    settings.identity = host->settings.identity;
    settings.keylog_path = host->settings.keylog_path;
    settings.qlog_folder = host->settings.qlog_folder;
    settings.qlog_limit = host->settings.qlog_limit;
    settings.policy.handshake_timeout_ms = host->settings.handshake_timeout_ms;
    settings.policy.stream_window = HOST_STREAM_WINDOW;
    settings.policy.connection_window = HOST_CONNECTION_WINDOW;
    settings.policy.credit_by_hand = true;
    settings.policy.idle_timeout_ms = host->settings.idle_timeout_ms;
    settings.policy.keep_alive_ms = host->settings.idle_timeout_ms / 2;
    settings.policy.unanswered_ms = host->settings.idle_timeout_ms * 3 / 10;
    settings.handlers = &handlers;
    settings.context = host;
    return quic_endpoint_new(&settings, error);
}

/* The fault: a router that wants nobody in its meshes answers every GRAFT with PRUNE. */
static struct gossipsub *make_router(const struct host_settings *settings)
{
    struct gossipsub_parameters parameters = settings->gossipsub;
    if ((settings->faults & FAULT_PRUNES_EVERYBODY) != 0)
        parameters.d = parameters.d_low = parameters.d_high = parameters.d_out = 0;
    return gossipsub_new(&parameters, settings->seed);
}

struct host *host_new(const struct host_settings *settings, struct error *error)
{
    if (!gossipsub_parameters_check(&settings->gossipsub, error))
        return NULL;
    struct host *host = memory_new(sizeof(*host));
    host->settings = *settings;
    host->record_sequence = clock_epoch_ms();
    LIST_INIT(&host->observers);
    STAILQ_INIT(&host->unsettled);
    LIST_INIT(&host->unsent);
    host->router = make_router(settings);
    if (settings->sign)
        signing_start(host);
    host->endpoint = make_endpoint(host, error);
    if (host->endpoint == NULL) {
        host_free(host);
        return NULL;
    }
    driver_start(host);
    intake_start(host);
    blocks_answer_start(host);
    return host;
}

void host_free(struct host *host)
{
    if (host == NULL)
        return;
    quic_endpoint_free(host->endpoint);
    driver_stop(host);
    intake_stop(host);
    blocks_answer_stop(host);
    gossipsub_free(host->router);
    if (host->shutdown_timer != NULL)
        event_free(host->shutdown_timer);
    free(host->by_router_handle);
    free(host);
}

enum { SHUTDOWN_POLL_MS = 1 };

static void on_shutdown_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct host *host = argument;
    if (quic_endpoint_connection_count(host->endpoint) > 0 && host->shutdown_left_ms > 0) {
        host->shutdown_left_ms -=
            SHUTDOWN_POLL_MS < host->shutdown_left_ms ? SHUTDOWN_POLL_MS : host->shutdown_left_ms;
        return;
    }
    event_del(host->shutdown_timer);
    host->shutdown_done(host->shutdown_context);
}

void host_shutdown(struct host *host, uint64_t limit_ms, void (*done)(void *context), void *context)
{
    if (host->shutdown_timer != NULL)
        return;
    host->shutdown_done = done;
    host->shutdown_context = context;
    host->shutdown_left_ms = limit_ms;
    quic_endpoint_shutdown(host->endpoint);
    host->shutdown_timer = event_new(host->settings.base, -1, EV_PERSIST, on_shutdown_timer, host);
    struct timeval period = {.tv_usec = SHUTDOWN_POLL_MS * 1000};
    event_arm(host->shutdown_timer, &period);
}

/* ---- asked from outside ---- */

bool host_listen(struct host *host, const struct multiaddr *address, struct error *error)
{
    if (address->has_peer_id && !peer_id_equal(&address->peer_id, host_peer_id(host))) {
        char text[MULTIADDR_TEXT_SIZE], own[PEER_ID_TEXT_SIZE];
        multiaddr_text(address, text);
        peer_id_text(host_peer_id(host), own);
        return error_set(error, "%s: that is another's peer id: ours is %s; leave out /p2p", text,
                         own);
    }
    return quic_endpoint_listen(host->endpoint, address, error);
}

size_t host_listen_count(const struct host *host)
{
    return quic_endpoint_listen_count(host->endpoint);
}

struct multiaddr host_listen_address(const struct host *host, size_t index)
{
    struct multiaddr address = quic_endpoint_listen_address(host->endpoint, index);
    address.has_peer_id = true;
    address.peer_id = *host_peer_id(host);
    return address;
}

const struct peer_id *host_peer_id(const struct host *host)
{
    return identity_peer_id(host->settings.identity);
}

const struct host_settings *host_settings(const struct host *host)
{
    return &host->settings;
}

struct gossipsub *host_router(const struct host *host)
{
    return host->router;
}

const struct quic_endpoint_statistics *host_endpoint_statistics(const struct host *host)
{
    return quic_endpoint_statistics(host->endpoint);
}

uint64_t host_dial(struct host *host, const struct multiaddr *address, struct error *error)
{
    if (address->has_peer_id && peer_id_equal(&address->peer_id, host_peer_id(host))) {
        error_set(error, "that is ourselves");
        return 0;
    }
    const struct peer_id *expected = address->has_peer_id ? &address->peer_id : NULL;
    struct quic_connection *quic =
        quic_endpoint_dial(host->endpoint, address, expected, NULL, error);
    if (quic == NULL)
        return 0;
    struct peer_connection *connection = connection_for(host, quic);
    connection->dialled = true;
    return connection->number;
}

static struct quic_connection *find_dial(const struct host *host, uint64_t dial)
{
    struct quic_connection *quic = quic_endpoint_first(host->endpoint);
    while (quic != NULL && quic_connection_number(quic) != dial)
        quic = quic_connection_next(quic);
    return quic;
}

/* A round trip is known from the first acknowledgement on: what is no QUIC gives none. */
bool host_dial_answered(const struct host *host, uint64_t dial)
{
    const struct quic_connection *quic = find_dial(host, dial);
    struct quic_connection_facts facts = {0};
    if (quic != NULL)
        quic_connection_facts(quic, &facts);
    return facts.rtt_us > 0;
}

void host_dial_in_place_of_answer(const struct host *host, uint64_t dial, char *text, size_t size)
{
    const struct quic_connection *quic = find_dial(host, dial);
    text[0] = '\0';
    if (quic != NULL)
        quic_connection_in_place_of_answer(quic, text, size);
}

void host_dial_cancel(struct host *host, uint64_t dial)
{
    struct quic_connection *quic = find_dial(host, dial);
    if (quic != NULL)
        quic_connection_close(quic, 0, "given up");
}

void host_disconnect(struct host *host, struct peer *peer, const char *reason)
{
    (void)host;
    struct peer_connection *connection;
    LIST_FOREACH(connection, &peer->connections, link)
    quic_connection_close(connection->quic, 0, reason);
}

void host_ask_identify(struct peer_connection *connection)
{
    struct peer *peer = connection->peer;
    if (peer->identify_asked || !quic_connection_is_established(connection->quic))
        return;
    peer->identify_asked = true;
    identify_ask(connection);
}

bool host_ping(struct peer *peer)
{
    return ping_ask(peer_oldest_connection(peer));
}

bool host_ask_blocks(struct peer *peer, const struct host_blocks_request *request)
{
    return blocks_ask(peer_oldest_connection(peer), request);
}

bool host_subscribe(struct host *host, const char *topic, struct error *error)
{
    bool done = gossipsub_subscribe(host->router, clock_now_ms(), topic, &host->actions, error);
    driver_run(host);
    return done;
}

bool host_unsubscribe(struct host *host, const char *topic, struct error *error)
{
    bool done = gossipsub_unsubscribe(host->router, clock_now_ms(), topic, &host->actions, error);
    driver_run(host);
    return done;
}

bool host_publish(struct host *host, const char *topic, struct bytes payload,
                  uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE], size_t *receivers, struct error *error)
{
    intake_limit_unsent(host);
    bool done = gossipsub_publish(host->router, clock_now_ms(), topic, payload, id, receivers,
                                  &host->actions, error);
    driver_run(host);
    return done;
}
