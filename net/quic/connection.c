#include "net/quic/connection.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hex.h"
#include "common/log.h"
#include "common/memory.h"
#include "net/quic/internal.h"

enum {
    INITIAL_RTT_MS = 50,    /* a lost first packet costs about 150 ms, not a second */
    PACKETS_PER_TURN = 64,  /* written by one connection before others have their turn */
    STREAM_VECTORS = 16,    /* pieces handed to ngtcp2 at a time */
    CLOSING_PERIOD_PTO = 3, /* RFC 9000, section 10.2 */
    CLOSING_PERIOD_MAX_MS = 500,
    PROBE_PTO = 7, /* the probe and its repeats after 1, 2 and 4 probe timeouts */
    PROBE_MIN_MS = 1000,
};

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct quic_connection *connection = argument;
    endpoint_mark_dirty(connection);
    endpoint_pump(connection->endpoint);
}

static void write_log_record(void *user, uint32_t flags, const void *data, size_t size)
{
    (void)flags;
    struct quic_connection *connection = user;
    if (size > 0 && connection->log != NULL)
        qlog_writer_record(connection->log, bytes_of(data, size));
}

/* A node whose log cannot be written goes on without; its folder was checked at the start. */
static void open_log(struct quic_connection *connection, ngtcp2_settings *settings)
{
    const char *folder = connection->endpoint->settings.qlog_folder;
    if (folder == NULL)
        return;
    char id[QUIC_CONNECTION_ID_TEXT_SIZE];
    hex_write(bytes_of(connection->original.data, connection->original.datalen), id);
    struct error error;
    connection->log = qlog_writer_new(folder, id, connection->server ? "server" : "client", &error);
    if (connection->log == NULL)
        log_warn("%s", error.text);
    else
        compat_settings_qlog(settings, write_log_record, &connection->original);
}

static void fill_settings(struct quic_connection *connection, ngtcp2_settings *settings)
{
    const struct quic_settings *ours = &connection->endpoint->settings;
    ngtcp2_settings_default(settings);
    settings->initial_ts = connection->endpoint->now;
    settings->initial_rtt = (ngtcp2_duration)INITIAL_RTT_MS * MILLISECOND_NS;
    settings->handshake_timeout = ours->handshake_timeout_ms * MILLISECOND_NS;
    settings->max_tx_udp_payload_size = PACKET_SIZE_MAX;
    open_log(connection, settings);
}

static void fill_params(const struct quic_connection *connection, ngtcp2_transport_params *params)
{
    const struct quic_settings *ours = &connection->endpoint->settings;
    ngtcp2_transport_params_default(params);
    params->initial_max_stream_data_bidi_local = QUIC_STREAM_WINDOW;
    params->initial_max_stream_data_bidi_remote = QUIC_STREAM_WINDOW;
    params->initial_max_data = QUIC_CONNECTION_WINDOW;
    params->initial_max_streams_bidi = QUIC_REMOTE_STREAMS_MAX;
    params->initial_max_streams_uni = 0;
    params->max_idle_timeout = ours->idle_timeout_ms * MILLISECOND_NS;
    params->max_udp_payload_size = DATAGRAM_SIZE_MAX;
    params->active_connection_id_limit = 4;
}

static ngtcp2_path path_to(struct quic_connection *connection, const struct sockaddr *remote,
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
    if (server)
        endpoint->handshakes++;
    return connection;
}

static struct quic_connection *give_up(struct quic_connection *connection)
{
    connection->reported = true; /* nobody has heard of it */
    connection_free(connection);
    return NULL;
}

struct quic_connection *connection_new_client(struct quic_socket *socket,
                                              const struct sockaddr *remote, socklen_t remote_size,
                                              const struct peer_id *expected, struct error *error)
{
    struct quic_connection *connection = connection_new(socket, false);
    connection->has_expected = expected != NULL;
    if (expected != NULL)
        connection->expected = *expected;
    if (!tls_session_new(connection, error))
        return give_up(connection);
    ngtcp2_cid source;
    connection_make_cid(&source);
    connection_make_cid(&connection->original);
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    fill_settings(connection, &settings);
    fill_params(connection, &params);
    ngtcp2_path path = path_to(connection, remote, remote_size);
    int code = ngtcp2_conn_client_new(&connection->conn, &connection->original, &source, &path,
                                      NGTCP2_PROTO_VER_V1, &connection_client_callbacks, &settings,
                                      &params, NULL, connection);
    if (code != 0) {
        error_set(error, "cannot begin a connection: %s", ngtcp2_strerror(code));
        return give_up(connection);
    }
    ngtcp2_conn_set_tls_native_handle(connection->conn, connection->session);
    endpoint_add_route(connection, &source);
    endpoint_mark_dirty(connection);
    return connection;
}

struct quic_connection *connection_new_server(struct quic_socket *socket,
                                              const struct sockaddr *remote, socklen_t remote_size,
                                              const ngtcp2_pkt_hd *header,
                                              const ngtcp2_cid *original_of_retry,
                                              struct error *error)
{
    struct quic_connection *connection = connection_new(socket, true);
    connection->original = original_of_retry != NULL ? *original_of_retry : header->dcid;
    if (!tls_session_new(connection, error))
        return give_up(connection);
    ngtcp2_cid source;
    connection_make_cid(&source);
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    fill_settings(connection, &settings);
    fill_params(connection, &params);
    compat_params_original_dcid(&params, &connection->original);
    if (original_of_retry != NULL) {
        params.retry_scid = header->dcid;
        params.retry_scid_present = 1;
        compat_settings_token(&settings, header);
    }
    const struct quic_endpoint *endpoint = connection->endpoint;
    params.stateless_reset_token_present =
        ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token, endpoint->secret,
                                                     sizeof(endpoint->secret), &source) == 0;
    ngtcp2_path path = path_to(connection, remote, remote_size);
    int code =
        ngtcp2_conn_server_new(&connection->conn, &header->scid, &source, &path, header->version,
                               &connection_server_callbacks, &settings, &params, NULL, connection);
    if (code != 0) {
        error_set(error, "cannot accept a connection: %s", ngtcp2_strerror(code));
        return give_up(connection);
    }
    ngtcp2_conn_set_tls_native_handle(connection->conn, connection->session);
    endpoint_add_route(connection, &source);
    endpoint_add_route(connection, &header->dcid);
    return connection;
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
    if (connection->server && !connection->established)
        endpoint->handshakes--;
    if (connection->dirty)
        STAILQ_REMOVE(&endpoint->dirty, connection, quic_connection, dirty_link);
    LIST_REMOVE(connection, link);
    endpoint->connection_count--;
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
    if (connection->session != NULL)
        gnutls_deinit(connection->session);
    qlog_writer_free(connection->log);
    chunk_unref(connection->close_packet);
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

/* ---- how a connection ends ---- */

static void linger(struct quic_connection *connection, enum connection_state state)
{
    ngtcp2_duration period = CLOSING_PERIOD_PTO * ngtcp2_conn_get_pto(connection->conn);
    const ngtcp2_duration longest = (ngtcp2_duration)CLOSING_PERIOD_MAX_MS * MILLISECOND_NS;
    connection->state = state;
    connection->gone_at = connection->endpoint->now + (period < longest ? period : longest);
    endpoint_mark_dirty(connection);
}

static void set_cause(struct quic_connection *connection, enum quic_close_cause cause,
                      const char *text)
{
    connection->close.cause = cause;
    connection->close.answered = connection->answered;
    error_set(&connection->close.reason, "%s", text);
}

/* Writes our CONNECTION_CLOSE, which is kept to be repeated. */
static void send_close(struct quic_connection *connection, const compat_close_error *close)
{
    struct quic_endpoint *endpoint = connection->endpoint;
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    uint8_t *packet = send_batch_room(endpoint);
    ngtcp2_pkt_info info;
    ngtcp2_ssize size = ngtcp2_conn_write_connection_close(
        connection->conn, &path.path, &info, packet, PACKET_SIZE_MAX, close, endpoint->now);
    if (size <= 0) {
        connection->state = CONNECTION_GONE;
        return;
    }
    connection->close_packet = chunk_new(packet, (size_t)size);
    send_batch_add(endpoint, connection->socket, &path.path.remote, (size_t)size);
    linger(connection, CONNECTION_CLOSING);
}

static void close_by_us(struct quic_connection *connection)
{
    compat_close_error close;
    compat_close_error_init(&close);
    const char *reason = connection->close_reason;
    compat_close_error_set_application(&close, connection->close_code, (const uint8_t *)reason,
                                       strlen(reason));
    set_cause(connection, QUIC_CLOSED_BY_US, reason);
    connection->close.application = true;
    connection->close.code = connection->close_code;
    send_close(connection, &close);
}

/* Where the peer lives after all, it is told. */
static void close_silent(struct quic_connection *connection)
{
    compat_close_error close;
    compat_close_error_init(&close);
    compat_close_error_set_application(&close, 0, NULL, 0);
    set_cause(connection, QUIC_IDLE_TIMEOUT, "the peer did not answer a probe");
    send_close(connection, &close);
}

enum { CRYPTO_ERROR_FIRST = 0x100, CRYPTO_ERROR_LAST = 0x1ff };

static void closed_by_peer(struct quic_connection *connection)
{
    compat_close_error close = compat_conn_close_error(connection->conn);
    bool application = close.type == COMPAT_CLOSE_APPLICATION;
    bool alert = !application && close.error_code >= CRYPTO_ERROR_FIRST &&
                 close.error_code <= CRYPTO_ERROR_LAST;
    set_cause(connection, alert ? QUIC_REFUSED_BY_PEER : QUIC_CLOSED_BY_PEER, "");
    connection->close.application = application;
    connection->close.code = close.error_code;
    const char *alert_name =
        alert ? gnutls_alert_get_name((gnutls_alert_description_t)(close.error_code & 0xff)) : NULL;
    char reason[128];
    size_t size = close.reasonlen < sizeof(reason) - 1 ? close.reasonlen : sizeof(reason) - 1;
    for (size_t i = 0; i < size; i++)
        reason[i] = close.reason[i] >= ' ' && close.reason[i] < 0x7f ? (char)close.reason[i] : '?';
    reason[size] = '\0';
    error_set(&connection->close.reason, "closed by the peer: %s error 0x%llx%s%s%s%s",
              application ? "application" : "transport", (unsigned long long)close.error_code,
              alert_name != NULL ? ", " : "", alert_name != NULL ? alert_name : "",
              size > 0 ? ": " : "", reason);
}

static void fail_tls(struct quic_connection *connection, compat_close_error *close)
{
    uint8_t alert = ngtcp2_conn_get_tls_alert(connection->conn);
    compat_close_error_set_alert(close, alert);
    connection->close.code = close->error_code;
    if (connection->tls_error.text[0] != '\0') {
        set_cause(connection, QUIC_TLS_FAILED, connection->tls_error.text);
        return;
    }
    const char *name = gnutls_alert_get_name((gnutls_alert_description_t)alert);
    set_cause(connection, QUIC_TLS_FAILED, "");
    error_set(&connection->close.reason, "TLS handshake failed: %s",
              name != NULL ? name : "unknown reason");
}

/* What looked like the beginning of a handshake was noise: worth no log, and no word to the
 * handlers, who never heard of it. */
static void drop(struct quic_connection *connection)
{
    set_cause(connection, QUIC_PROTOCOL_ERROR, "dropped before the handshake was complete");
    connection->state = CONNECTION_GONE;
    if (!connection->server || connection->established)
        return;
    connection->reported = true;
    qlog_writer_discard(connection->log);
    connection->log = NULL;
}

/* What a failing call of ngtcp2 means for the connection. */
static void connection_fail(struct quic_connection *connection, int code)
{
    compat_close_error close;
    compat_close_error_init(&close);
    switch (code) {
    case NGTCP2_ERR_IDLE_CLOSE:
        set_cause(connection, QUIC_IDLE_TIMEOUT, "the peer fell silent (idle timeout)");
        connection->state = CONNECTION_GONE;
        return;
    case NGTCP2_ERR_RETRY:
        connection->retry_wanted = true;
        drop(connection);
        return;
    case NGTCP2_ERR_DROP_CONN:
        drop(connection);
        return;
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
        set_cause(connection, QUIC_NO_COMMON_VERSION, "");
        error_set(&connection->close.reason,
                  "the peer does not speak QUIC version 1 (it offers 0x%x)",
                  connection->offered_version);
        connection->state = CONNECTION_GONE;
        return;
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
        set_cause(connection, QUIC_HANDSHAKE_TIMEOUT, "handshake timed out");
        compat_close_error_set_library(&close, code);
        break;
    case NGTCP2_ERR_CRYPTO:
        fail_tls(connection, &close);
        break;
    default:
        set_cause(connection, QUIC_PROTOCOL_ERROR, "");
        compat_close_error_set_library(&close, code);
        connection->close.code = close.error_code;
        error_set(&connection->close.reason, "QUIC protocol error: %s", ngtcp2_strerror(code));
        break;
    }
    send_close(connection, &close);
}

static void connection_draining(struct quic_connection *connection)
{
    if (connection->close.cause == QUIC_STATELESS_RESET)
        set_cause(connection, QUIC_STATELESS_RESET,
                  "the peer no longer knows the connection "
                  "(stateless reset)");
    else
        closed_by_peer(connection);
    linger(connection, CONNECTION_DRAINING);
}

/* ---- datagrams in ---- */

/* Ever more rarely: two ends that close at once would answer each other's packets for the whole
 * period (RFC 9000, section 10.2.1). */
static void repeat_close(struct quic_connection *connection, const ngtcp2_addr *remote)
{
    uint64_t count = ++connection->received_since_close;
    if ((count & (count - 1)) != 0)
        return;
    struct quic_endpoint *endpoint = connection->endpoint;
    const struct chunk *packet = connection->close_packet;
    memcpy(send_batch_room(endpoint), packet->data, packet->size);
    send_batch_add(endpoint, connection->socket, remote, packet->size);
}

/*
 * ngtcp2 answers STOP_SENDING with RESET_STREAM, and tells nobody: its callback of that name is for
 * our own. That such a stream takes no data is what it says first of all; more than any stream may
 * carry is refused by every other, without effect.
 */
static bool is_stopped(const struct quic_stream *stream)
{
    if (stream->write_closed || stream->finishing)
        return false;
    static uint8_t byte;
    const ngtcp2_vec beyond = {.base = &byte, .len = SIZE_MAX};
    ngtcp2_pkt_info info;
    return ngtcp2_conn_writev_stream(stream->connection->conn, NULL, &info, &byte, 0, NULL, 0,
                                     stream->id, &beyond, 1, stream->connection->endpoint->now) ==
           NGTCP2_ERR_STREAM_SHUT_WR;
}

static void report_stopped_streams(struct quic_connection *connection)
{
    const struct quic_settings *settings = &connection->endpoint->settings;
    struct quic_stream *stream, *next;
    for (stream = LIST_FIRST(&connection->streams); stream != NULL; stream = next) {
        next = LIST_NEXT(stream, link);
        if (!is_stopped(stream))
            continue;
        stream_shut_write(stream);
        settings->handlers->stream_stopped(settings->context, stream);
    }
}

void connection_receive(struct quic_connection *connection, const struct sockaddr *remote,
                        socklen_t remote_size, const uint8_t *data, size_t size)
{
    ngtcp2_path path = path_to(connection, remote, remote_size);
    connection->bytes_in += size;
    if (connection->state == CONNECTION_CLOSING)
        repeat_close(connection, &path.remote);
    if (connection->state != CONNECTION_LIVE)
        return;
    ngtcp2_pkt_info info = {0};
    int code =
        ngtcp2_conn_read_pkt(connection->conn, &path, &info, data, size, connection->endpoint->now);
    connection->answered = connection->answered || code == 0 || code == NGTCP2_ERR_DRAINING;
    endpoint_mark_dirty(connection);
    if (code == 0) {
        connection->silent_at = 0;
        report_stopped_streams(connection);
        return;
    }
    connection->answered = true;
    if (code == NGTCP2_ERR_DRAINING)
        connection_draining(connection);
    else
        connection_fail(connection, code);
}

/* ---- packets out ---- */

/* A FIN waits for the packet after the one that carries the stream's last byte. */
static struct quic_stream *next_ready_stream(struct quic_connection *connection)
{
    struct quic_stream *stream;
    TAILQ_FOREACH(stream, &connection->ready, ready_link)
    {
        if (stream->unsent > 0 || !stream->fin_apart ||
            stream->last_packet != connection->packets_written)
            return stream;
    }
    return NULL;
}

/* What a refused write says of the stream; true where the connection can go on. */
static bool stream_refused(struct quic_stream *stream, ngtcp2_ssize code)
{
    if (stream != NULL && code == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
        stream->blocked = true;
        stream_update_ready(stream);
        return true;
    }
    if (stream != NULL &&
        (code == NGTCP2_ERR_STREAM_SHUT_WR || code == NGTCP2_ERR_STREAM_NOT_FOUND)) {
        stream_shut_write(stream);
        return true;
    }
    return false;
}

/* Writes frames of one stream, or what else is due. Returns 1 to go on, 0 when there is no more for
 * now, or an error of ngtcp2's. */
static int write_step(struct quic_connection *connection)
{
    struct quic_endpoint *endpoint = connection->endpoint;
    struct quic_stream *stream = next_ready_stream(connection);
    ngtcp2_vec vectors[STREAM_VECTORS];
    bool fin = false;
    size_t count = stream != NULL ? stream_vectors(stream, vectors, STREAM_VECTORS, &fin) : 0;
    uint32_t flags = stream != NULL ? NGTCP2_WRITE_STREAM_FLAG_MORE : 0;
    flags |= fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0;
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    ngtcp2_pkt_info info;
    ngtcp2_ssize accepted = -1;
    uint8_t *packet = send_batch_room(endpoint);
    ngtcp2_ssize size = ngtcp2_conn_writev_stream(
        connection->conn, &path.path, &info, packet, PACKET_SIZE_MAX, &accepted, flags,
        stream != NULL ? stream->id : -1, vectors, count, endpoint->now);
    if (size < 0 && size != NGTCP2_ERR_WRITE_MORE)
        return stream_refused(stream, size) ? 1 : (int)size;
    if (stream != NULL && accepted >= 0)
        stream_sent(stream, (size_t)accepted, fin);
    if (size == NGTCP2_ERR_WRITE_MORE)
        return 1;
    if (size == 0)
        return 0;
    connection->packets_written++;
    connection->bytes_out += (uint64_t)size;
    send_batch_add(endpoint, connection->socket, &path.path.remote, (size_t)size);
    return 1;
}

static void write_packets(struct quic_connection *connection)
{
    uint64_t limit = connection->packets_written + PACKETS_PER_TURN;
    int step;
    do
        step = write_step(connection);
    while (step == 1 && connection->packets_written < limit);
    /* Before the handshake is over 0.12 would pace by a made-up round trip. */
    if (connection->established)
        ngtcp2_conn_update_pkt_tx_time(connection->conn, connection->endpoint->now);
    if (step < 0)
        connection_fail(connection, step);
    else if (step == 1)
        endpoint_mark_dirty(connection);
}

static ngtcp2_tstamp next_expiry(struct quic_connection *connection)
{
    if (connection->state != CONNECTION_LIVE)
        return connection->gone_at;
    ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(connection->conn);
    bool probed = connection->silent_at != 0 && connection->silent_at < expiry;
    return probed ? connection->silent_at : expiry;
}

static void arm_timer(struct quic_connection *connection)
{
    ngtcp2_tstamp expiry = next_expiry(connection);
    ngtcp2_tstamp now = connection->endpoint->now;
    if (expiry == UINT64_MAX) {
        evtimer_del(connection->timer);
        return;
    }
    uint64_t microseconds = expiry > now ? (expiry - now + 999) / 1000 : 0;
    struct timeval delay = {.tv_sec = (time_t)(microseconds / 1000000),
                            .tv_usec = (suseconds_t)(microseconds % 1000000)};
    evtimer_add(connection->timer, &delay);
}

/* A keep-alive timeout that is over already makes ngtcp2 send a PING. */
static void begin_probe(struct quic_connection *connection)
{
    ngtcp2_duration patience = PROBE_PTO * ngtcp2_conn_get_pto(connection->conn);
    const ngtcp2_duration shortest = (ngtcp2_duration)PROBE_MIN_MS * MILLISECOND_NS;
    connection->silent_at = connection->endpoint->now + (patience > shortest ? patience : shortest);
    ngtcp2_conn_set_keep_alive_timeout(connection->conn, 1);
}

static void write_live(struct quic_connection *connection)
{
    ngtcp2_tstamp now = connection->endpoint->now;
    bool probe = connection->probe_wanted;
    if (probe)
        begin_probe(connection);
    if (ngtcp2_conn_get_expiry(connection->conn) <= now) {
        int code = ngtcp2_conn_handle_expiry(connection->conn, now);
        if (code != 0)
            connection_fail(connection, code);
    }
    if (connection->state == CONNECTION_LIVE)
        write_packets(connection);
    if (probe)
        connection_start_keep_alive(connection);
    connection->probe_wanted = false;
    if (connection->state == CONNECTION_LIVE && connection->close_wanted)
        close_by_us(connection);
    else if (connection->state == CONNECTION_LIVE && connection->silent_at != 0 &&
             connection->silent_at <= now)
        close_silent(connection);
}

void connection_write(struct quic_connection *connection)
{
    ngtcp2_tstamp now = connection->endpoint->now;
    if (connection->state == CONNECTION_LIVE)
        write_live(connection);
    else if (connection->gone_at <= now)
        connection->state = CONNECTION_GONE;
    if (connection->state != CONNECTION_GONE)
        arm_timer(connection);
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
        .cipher = tls_cipher_name(connection->session),
        .group = tls_group_name(connection->session),
        .quic_version = ngtcp2_conn_get_negotiated_version(connection->conn),
        .started_ns = connection->started,
        .established_ns = connection->established_at,
        .bytes_in = connection->bytes_in,
        .bytes_out = connection->bytes_out,
    };
    const ngtcp2_path *path = ngtcp2_conn_get_path(connection->conn);
    multiaddr_from_sockaddr(path->remote.addr, &facts->remote);
    facts->remote.has_peer_id = connection->established;
    facts->remote.peer_id = connection->peer.id;
    hex_write(bytes_of(connection->original.data, connection->original.datalen), facts->id);
    compat_conn_info info;
    compat_conn_get_info(connection->conn, &info);
    if (info.min_rtt != UINT64_MAX)
        facts->rtt_us = info.smoothed_rtt / 1000;
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
    if (connection->state != CONNECTION_LIVE || connection->close_wanted)
        return;
    connection->close_wanted = true;
    connection->close_code = code;
    snprintf(connection->close_reason, sizeof(connection->close_reason), "%s", reason);
    endpoint_mark_dirty(connection);
}

void quic_connection_probe(struct quic_connection *connection)
{
    if (!quic_connection_is_established(connection) || connection->silent_at != 0)
        return;
    connection->probe_wanted = true;
    endpoint_mark_dirty(connection);
}

bool quic_connection_has_log(const struct quic_connection *connection)
{
    return connection->log != NULL;
}

void quic_connection_log(struct quic_connection *connection, const char *name, json_t *data)
{
    if (connection->log == NULL) {
        json_decref(data);
        return;
    }
    /* Between pumps the endpoint's time is that of the last one. */
    struct quic_endpoint *endpoint = connection->endpoint;
    uint64_t now = endpoint->pumping ? endpoint->now : endpoint_update_now(endpoint);
    uint64_t elapsed = now - connection->started;
    qlog_writer_event(connection->log, elapsed / MILLISECOND_NS, name, data);
}
