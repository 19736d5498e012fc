#include "net/quic/connection.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hex.h"
#include "common/losses.h"
#include "common/memory.h"
#include "net/quic/internal.h"

enum {
    INITIAL_RTT_MS = 50, /* a lost first packet costs about 150 ms, not a second */
};

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct quic_connection *connection = argument;
    endpoint_mark_dirty(connection);
    endpoint_pump(connection->endpoint);
}

static void on_record(void *user, uint32_t flags, const void *data, size_t size)
{
    (void)flags;
    struct quic_connection *connection = user;
    const struct quic_settings *settings = &connection->endpoint->settings;
    if (size == 0)
        return;
    if (connection->log != NULL)
        qlog_writer_record(connection->log, bytes_of(data, size));
    if (settings->handlers->recorded != NULL && !connection->reported)
        settings->handlers->recorded(settings->context, connection, bytes_of(data, size));
}

/* A node whose log cannot be written goes on without; its folder was checked at the start. */
static void open_log(struct quic_connection *connection)
{
    const char *folder = connection->endpoint->settings.qlog_folder;
    if (folder == NULL)
        return;
    char id[QUIC_CONNECTION_ID_TEXT_SIZE];
    hex_write(bytes_of(connection->original.data, connection->original.datalen), id);
    struct error error;
    connection->log = qlog_writer_new(folder, id, connection->server ? "server" : "client", &error);
    if (connection->log == NULL)
        losses_add(&error);
    else if (connection->endpoint->settings.qlog_limit > 0)
        qlog_writer_limit(connection->log, connection->endpoint->settings.qlog_limit);
}

static void fill_settings(struct quic_connection *connection, ngtcp2_settings *settings)
{
    ngtcp2_settings_default(settings);
    settings->initial_ts = connection->endpoint->now;
    settings->initial_rtt = (ngtcp2_duration)INITIAL_RTT_MS * MILLISECOND_NS;
    settings->handshake_timeout = connection->policy.handshake_timeout_ms * MILLISECOND_NS;
    settings->max_tx_udp_payload_size = PACKET_SIZE_MAX;
    open_log(connection);
    if (connection->log != NULL || connection->endpoint->settings.handlers->recorded != NULL)
        compat_settings_qlog(settings, on_record, &connection->original);
}

/* It runs during the handshake, too, which may take as long as its own timeout allows. */
static uint64_t announced_idle_ms(const struct quic_policy *policy)
{
    return policy->idle_timeout_ms > policy->handshake_timeout_ms ? policy->idle_timeout_ms
                                                                  : policy->handshake_timeout_ms;
}

static void fill_params(const struct quic_connection *connection, ngtcp2_transport_params *params)
{
    const struct quic_policy *policy = &connection->policy;
    ngtcp2_transport_params_default(params);
    params->initial_max_stream_data_bidi_local = policy->stream_window;
    params->initial_max_stream_data_bidi_remote = policy->stream_window;
    params->initial_max_data = policy->connection_window;
    params->initial_max_streams_bidi = policy->remote_streams_max;
    params->initial_max_streams_uni = 0;
    params->max_idle_timeout = announced_idle_ms(policy) * MILLISECOND_NS;
    params->max_udp_payload_size = DATAGRAM_SIZE_MAX;
    params->active_connection_id_limit = 4;
    params->disable_active_migration = 1;
}

ngtcp2_path connection_path(struct quic_connection *connection, const struct sockaddr *remote,
                            socklen_t remote_size)
{
    struct quic_socket *socket = connection->socket;
    return (ngtcp2_path){
        .local = {.addr = (ngtcp2_sockaddr *)&socket->address, .addrlen = socket->address_size},
        .remote = {.addr = (ngtcp2_sockaddr *)(uintptr_t)remote, .addrlen = remote_size},
    };
}

static struct quic_connection *connection_new(struct quic_socket *socket, bool server)
{
    struct quic_endpoint *endpoint = socket->endpoint;
    struct quic_connection *connection = memory_new(sizeof(*connection));
    connection->endpoint = endpoint;
    connection->socket = socket;
    connection->server = server;
    connection->state = server ? CONNECTION_HELD : CONNECTION_LIVE;
    connection->policy = endpoint->settings.policy;
    STAILQ_INIT(&connection->held);
    connection->crypto_guard.server = server;
    connection->number = ++endpoint->last_number;
    connection->started = endpoint_update_now(endpoint);
    LIST_INIT(&connection->streams);
    LIST_INIT(&connection->dead_streams);
    TAILQ_INIT(&connection->ready);
    SLIST_INIT(&connection->routes);
    SLIST_INIT(&connection->reset_tokens);
    connection->timer = evtimer_new(endpoint->settings.base, on_timer, connection);
    LIST_INSERT_HEAD(&endpoint->connections, connection, link);
    endpoint->connection_count++;
    endpoint->handshakes += server;
    endpoint->dials += !server;
    endpoint->inbound_count += server;
    return connection;
}

static struct quic_connection *give_up(struct quic_connection *connection)
{
    connection->reported = true; /* nobody has heard of it */
    connection_free(connection);
    return NULL;
}

/* The one that TEXT dictates, or one of chance where it is NULL. */
static bool choose_original(const char *text, ngtcp2_cid *original, struct error *error)
{
    if (text == NULL) {
        connection_make_cid(original);
        return true;
    }
    struct buffer id = {0};
    bool valid = hex_read(text, &id) && id.size >= NGTCP2_MIN_INITIAL_DCIDLEN &&
                 id.size <= NGTCP2_MAX_CIDLEN;
    if (valid)
        ngtcp2_cid_init(original, id.data, id.size);
    buffer_clear(&id);
    return valid || error_set(error, "%s: an original connection id is %d to %d bytes, hexadecimal",
                              text, NGTCP2_MIN_INITIAL_DCIDLEN, NGTCP2_MAX_CIDLEN);
}

struct quic_connection *connection_new_client(struct quic_socket *socket,
                                              const struct sockaddr *remote, socklen_t remote_size,
                                              const struct quic_dial *dial, struct error *error)
{
    struct quic_connection *connection = connection_new(socket, false);
    if (dial->policy != NULL)
        connection->policy = *dial->policy;
    connection->has_expected = dial->expected != NULL;
    if (dial->expected != NULL)
        connection->expected = *dial->expected;
    if (!choose_original(dial->id, &connection->original, error))
        return give_up(connection);
    if (!tls_session_new(connection, error))
        return give_up(connection);
    ngtcp2_cid source;
    connection_make_cid(&source);
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    fill_settings(connection, &settings);
    fill_params(connection, &params);
    ngtcp2_path path = connection_path(connection, remote, remote_size);
    int code = ngtcp2_conn_client_new(&connection->conn, &connection->original, &source, &path,
                                      NGTCP2_PROTO_VER_V1, &connection_client_callbacks, &settings,
                                      &params, NULL, connection);
    if (code != 0) {
        error_set_kind(error, ERROR_SYSTEM, "cannot begin a connection: %s", ngtcp2_strerror(code));
        return give_up(connection);
    }
    ngtcp2_conn_set_tls_native_handle(connection->conn, connection->session);
    endpoint_add_route(connection, &source);
    endpoint_mark_dirty(connection);
    return connection;
}

struct quic_connection *connection_new_arrival(struct quic_socket *socket,
                                               const ngtcp2_pkt_hd *header,
                                               const ngtcp2_cid *original_of_retry)
{
    struct quic_connection *connection = connection_new(socket, true);
    connection->retried = original_of_retry != NULL;
    connection->original = connection->retried ? *original_of_retry : header->dcid;
    endpoint_add_route(connection, &header->dcid);
    return connection;
}

static void fill_server_params(const struct quic_connection *connection,
                               const ngtcp2_pkt_hd *header, const ngtcp2_cid *source,
                               ngtcp2_transport_params *params)
{
    const struct quic_endpoint *endpoint = connection->endpoint;
    fill_params(connection, params);
    compat_params_original_dcid(params, &connection->original);
    if (connection->retried) {
        params->retry_scid = header->dcid;
        params->retry_scid_present = 1;
    }
    params->stateless_reset_token_present =
        ngtcp2_crypto_generate_stateless_reset_token(
            params->stateless_reset_token, endpoint->secret, sizeof(endpoint->secret), source) == 0;
}

bool connection_begin_server(struct quic_connection *connection, const struct sockaddr *remote,
                             socklen_t remote_size, const ngtcp2_pkt_hd *header,
                             struct error *error)
{
    if (!tls_session_new(connection, error))
        return false;
    ngtcp2_cid source;
    connection_make_cid(&source);
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    fill_settings(connection, &settings);
    fill_server_params(connection, header, &source, &params);
    if (connection->retried)
        compat_settings_token(&settings, header);
    ngtcp2_path path = connection_path(connection, remote, remote_size);
    int code =
        ngtcp2_conn_server_new(&connection->conn, &header->scid, &source, &path, header->version,
                               &connection_server_callbacks, &settings, &params, NULL, connection);
    if (code != 0)
        return error_set_kind(error, ERROR_SYSTEM, "cannot accept a connection: %s",
                              ngtcp2_strerror(code));
    ngtcp2_conn_set_tls_native_handle(connection->conn, connection->session);
    endpoint_add_route(connection, &source);
    connection->state = CONNECTION_LIVE;
    return true;
}

void connection_free_dead_streams(struct quic_connection *connection)
{
    struct quic_stream *stream, *next;
    for (stream = LIST_FIRST(&connection->dead_streams); stream != NULL; stream = next) {
        next = LIST_NEXT(stream, link);
        stream_free(stream);
    }
}

void connection_free(struct quic_connection *connection)
{
    struct quic_endpoint *endpoint = connection->endpoint;
    if (!connection->established) {
        endpoint->handshakes -= connection->server;
        endpoint->dials -= !connection->server;
    }
    if (connection->dirty)
        STAILQ_REMOVE(&endpoint->dirty, connection, quic_connection, dirty_link);
    LIST_REMOVE(connection, link);
    endpoint->connection_count--;
    endpoint->inbound_count -= connection->server;
    if (connection->conn != NULL)
        ngtcp2_conn_del(connection->conn); /* writes the log's last record */
    while (!SLIST_EMPTY(&connection->routes))
        endpoint_remove_route(connection, &SLIST_FIRST(&connection->routes)->cid);
    while (!SLIST_EMPTY(&connection->reset_tokens))
        endpoint_remove_reset_token(connection, SLIST_FIRST(&connection->reset_tokens)->token);
    struct quic_stream *stream;
    while ((stream = LIST_FIRST(&connection->streams)) != NULL)
        stream_free(stream);
    connection_free_dead_streams(connection);
    admission_forget(connection);
    admission_stop_waiting(connection);
    if (connection->session != NULL)
        gnutls_deinit(connection->session);
    qlog_writer_free(connection->log);
    chunk_unref(connection->close_packet);
    chunk_unref(connection->wanted_close.reason);
    event_free(connection->timer);
    free(connection);
}

void connection_report_closed(struct quic_connection *connection)
{
    if (connection->reported)
        return;
    connection->reported = true;
    struct quic_stream *stream;
    while ((stream = LIST_FIRST(&connection->streams)) != NULL)
        stream_closed(stream);
    const struct quic_settings *settings = &connection->endpoint->settings;
    settings->handlers->connection_closed(settings->context, connection, &connection->close);
}

/* ---- what owners ask for ---- */

void quic_connection_facts(const struct quic_connection *connection,
                           struct quic_connection_facts *facts)
{
    *facts = (struct quic_connection_facts){
        .peer_id = connection->peer.id,
        .key_type = connection->peer.key_type,
        .dialled = !connection->server,
        .confirmed = connection->confirmed,
        .asked = connection->asked,
        .started_ns = connection->started,
    };
    hex_write(bytes_of(connection->original.data, connection->original.datalen), facts->id);
    if (connection->conn == NULL)
        return;
    facts->cipher = tls_cipher_name(connection->session);
    facts->group = tls_group_name(connection->session);
    facts->quic_version = ngtcp2_conn_get_negotiated_version(connection->conn);
    facts->established_ns = connection->established_at;
    facts->idle_timeout_ms = connection_idle_timeout(connection) / MILLISECOND_NS;
    facts->bytes_in = connection->bytes_in;
    facts->bytes_out = connection->bytes_out;
    const ngtcp2_path *path = ngtcp2_conn_get_path(connection->conn);
    multiaddr_from_sockaddr(path->remote.addr, &facts->remote);
    facts->remote.has_peer_id = connection->established;
    facts->remote.peer_id = connection->peer.id;
    compat_conn_info info;
    compat_conn_get_info(connection->conn, &info);
    if (info.min_rtt != UINT64_MAX)
        facts->rtt_us = info.smoothed_rtt / 1000;
}

const struct certificate_peer *quic_connection_certificate(const struct quic_connection *connection)
{
    return &connection->peer;
}

const char *quic_connection_signature(const struct quic_connection *connection)
{
    return tls_signature_name(connection->session, connection->server);
}

bool quic_connection_is_established(const struct quic_connection *connection)
{
    return connection->established && connection->state == CONNECTION_LIVE &&
           !connection->close_wanted;
}

uint64_t quic_connection_number(const struct quic_connection *connection)
{
    return connection->number;
}

struct quic_connection *quic_connection_next(const struct quic_connection *connection)
{
    return LIST_NEXT(connection, link);
}

void *quic_connection_user(const struct quic_connection *connection)
{
    return connection->user;
}

void quic_connection_set_user(struct quic_connection *connection, void *user)
{
    connection->user = user;
}

void quic_connection_close(struct quic_connection *connection, uint64_t code, const char *reason)
{
    const struct quic_close close = {
        .application = true, .code = code, .said = bytes_of_text(reason)};
    quic_connection_close_as(connection, &close);
}

void quic_connection_close_as(struct quic_connection *connection, const struct quic_close *close)
{
    quic_connection_refuse(connection);
    if (connection->state != CONNECTION_LIVE || connection->close_wanted)
        return;
    size_t size = close->said.size;
    connection->close_wanted = true;
    connection->wanted_close = (struct wanted_close){
        .application = close->application,
        .code = close->code,
        .reason = chunk_new(close->said.data,
                            size < QUIC_CLOSE_REASON_MAX ? size : QUIC_CLOSE_REASON_MAX),
    };
    endpoint_mark_dirty(connection);
}

void quic_connection_allow_streams(struct quic_connection *connection, size_t count)
{
    if (count == 0 || connection->state != CONNECTION_LIVE || !connection->policy.streams_by_hand)
        return;
    ngtcp2_conn_extend_max_streams_bidi(connection->conn, count);
    endpoint_mark_dirty(connection);
}

uint64_t quic_connection_streams_left(const struct quic_connection *connection)
{
    return connection->state == CONNECTION_LIVE
               ? ngtcp2_conn_get_streams_bidi_left(connection->conn)
               : 0;
}

void quic_connection_credit(struct quic_connection *connection, size_t size)
{
    if (size == 0 || connection->state != CONNECTION_LIVE || !connection->policy.credit_by_hand)
        return;
    size_t there = size < connection->owed ? size : connection->owed;
    connection->owed -= there;
    ngtcp2_conn_extend_max_offset(connection->conn, size - there);
    endpoint_mark_dirty(connection);
}

bool quic_connection_peer_limits(const struct quic_connection *connection,
                                 struct quic_limits *limits)
{
    const ngtcp2_transport_params *params =
        connection->conn != NULL ? ngtcp2_conn_get_remote_transport_params(connection->conn) : NULL;
    if (params == NULL)
        return false;
    *limits = (struct quic_limits){
        .idle_timeout_ms = params->max_idle_timeout / MILLISECOND_NS,
        .stream_window = params->initial_max_stream_data_bidi_remote,
        .connection_window = params->initial_max_data,
        .streams_max = params->initial_max_streams_bidi,
        .uni_streams_max = params->initial_max_streams_uni,
    };
    return true;
}

void quic_connection_own_limits(const struct quic_connection *connection,
                                struct quic_limits *limits)
{
    const struct quic_policy *policy = &connection->policy;
    *limits = (struct quic_limits){
        .idle_timeout_ms = announced_idle_ms(policy),
        .stream_window = policy->stream_window,
        .connection_window = policy->connection_window,
        .streams_max = policy->remote_streams_max,
    };
}

void quic_connection_deafen(struct quic_connection *connection, bool deaf)
{
    connection->deaf = deaf;
}

void quic_connection_probe(struct quic_connection *connection)
{
    if (!quic_connection_is_established(connection) || connection->silent_at != 0)
        return;
    connection->probe_wanted = true;
    endpoint_mark_dirty(connection);
}

void quic_connection_ping(struct quic_connection *connection)
{
    if (!quic_connection_is_established(connection))
        return;
    connection->ping_wanted = true;
    endpoint_mark_dirty(connection);
}

bool quic_connection_has_log(const struct quic_connection *connection)
{
    return connection->log != NULL;
}

void quic_connection_log(struct quic_connection *connection, const char *name,
                         const struct qlog_field *fields, size_t count)
{
    if (connection->log == NULL)
        return;
    /* Between pumps the endpoint's time is that of the last one. */
    struct quic_endpoint *endpoint = connection->endpoint;
    uint64_t now = endpoint->pumping ? endpoint->now : endpoint_update_now(endpoint);
    uint64_t elapsed = now - connection->started;
    qlog_writer_event(connection->log, elapsed / MILLISECOND_NS, name, fields, count);
}
