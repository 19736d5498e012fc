/* How a connection ends: closed by us or by the peer, failed, fallen silent. RFC 9000, section 10.
 */
#include <gnutls/gnutls.h>

#include "net/quic/internal.h"

enum {
    CLOSING_PERIOD_PTO = 3, /* RFC 9000, section 10.2 */
    CLOSING_PERIOD_MAX_MS = 500,
    CRYPTO_ERROR_FIRST = 0x100, /* RFC 9001, section 4.8: TLS alerts */
    CRYPTO_ERROR_LAST = 0x1ff,
    REASON_TEXT_SIZE = 128,
    RESET_AS_IF_OF = 64, /* bytes of the packet that it answers: as long as any is */
};

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

/* As far as there is room and ASCII has letters for it. */
static void write_reason(struct bytes said, char text[REASON_TEXT_SIZE])
{
    size_t size = said.size < REASON_TEXT_SIZE - 1 ? said.size : REASON_TEXT_SIZE - 1;
    for (size_t i = 0; i < size; i++)
        text[i] = said.data[i] >= ' ' && said.data[i] < 0x7f ? (char)said.data[i] : '?';
    text[size] = '\0';
}

/* Writes our CONNECTION_CLOSE, which is kept to be repeated. */
static void send_close(struct quic_connection *connection, const compat_close_error *close)
{
    struct quic_endpoint *endpoint = connection->endpoint;
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    uint8_t *packet = send_batch_room(endpoint);
    ngtcp2_pkt_info info = {0};
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

void connection_close_by_us(struct quic_connection *connection)
{
    compat_close_error close;
    compat_close_error_init(&close);
    const struct wanted_close *wanted = &connection->wanted_close;
    const struct chunk *reason = wanted->reason;
    if (wanted->application)
        compat_close_error_set_application(&close, wanted->code, reason->data, reason->size);
    else
        compat_close_error_set_transport(&close, wanted->code, reason->data, reason->size);
    char text[REASON_TEXT_SIZE];
    write_reason(bytes_of(reason->data, reason->size), text);
    set_cause(connection, QUIC_CLOSED_BY_US, text);
    connection->close.application = wanted->application;
    connection->close.code = wanted->code;
    send_close(connection, &close);
}

void connection_close_held(struct quic_connection *connection, enum quic_close_cause cause,
                           const char *reason)
{
    set_cause(connection, cause, reason);
    connection->state = CONNECTION_GONE;
    endpoint_mark_dirty(connection);
}

void connection_stay_left(struct quic_connection *connection)
{
    uint64_t span_ms = connection->policy.handshake_timeout_ms;
    if (span_ms < connection->policy.idle_timeout_ms)
        span_ms = connection->policy.idle_timeout_ms;
    connection->gone_at = connection->endpoint->now + span_ms * MILLISECOND_NS;
}

void quic_connection_leave(struct quic_connection *connection)
{
    if (connection->state != CONNECTION_LIVE && connection->state != CONNECTION_HELD)
        return;
    set_cause(connection, QUIC_CLOSED_BY_US, "left in silence");
    if (connection->state == CONNECTION_HELD) /* otherwise it may just be read */
        admission_forget(connection);
    connection->state = CONNECTION_LEFT;
    connection_stay_left(connection);
    endpoint_mark_dirty(connection);
}

void quic_connection_reset(struct quic_connection *connection)
{
    if (connection->state != CONNECTION_LIVE)
        return;
    set_cause(connection, QUIC_CLOSED_BY_US, "forgotten");
    const ngtcp2_addr *remote = &ngtcp2_conn_get_path(connection->conn)->remote;
    if (connection->last_used.datalen > 0)
        accept_send_reset(connection->socket, (const struct sockaddr *)remote->addr,
                          remote->addrlen, RESET_AS_IF_OF, &connection->last_used);
    connection->state = CONNECTION_GONE;
    endpoint_mark_dirty(connection);
}

/* Where the peer lives after all, it is told. */
void connection_close_silent(struct quic_connection *connection)
{
    compat_close_error close;
    compat_close_error_init(&close);
    compat_close_error_set_application(&close, 0, NULL, 0);
    set_cause(connection, QUIC_IDLE_TIMEOUT, "the peer did not answer a probe");
    send_close(connection, &close);
}

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
    connection->close.said = bytes_of(close.reason, close.reasonlen);
    char reason[REASON_TEXT_SIZE];
    write_reason(connection->close.said, reason);
    error_set(&connection->close.reason, "closed by the peer: %s error 0x%llx%s%s%s%s",
              application ? "application" : "transport", (unsigned long long)close.error_code,
              alert_name != NULL ? ", " : "", alert_name != NULL ? alert_name : "",
              reason[0] != '\0' ? ": " : "", reason);
}

/* A CRYPTO frame that TLS was not shown. */
static void fail_crypto(struct quic_connection *connection, compat_close_error *close)
{
    const struct crypto_guard *guard = &connection->crypto_guard;
    const char *reason = guard->reason.text;
    compat_close_error_set_transport(close, guard->code, (const uint8_t *)reason, strlen(reason));
    connection->close.code = guard->code;
    bool established = connection->established;
    set_cause(connection, established ? QUIC_PROTOCOL_ERROR : QUIC_TLS_FAILED, "");
    error_set(&connection->close.reason, "%s: the peer sent %s",
              established ? "QUIC protocol error" : "TLS handshake failed", reason);
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

/* What looked like the beginning of a handshake was noise: worth no log, and no word but to an
 * owner who has taken it up when it was asked whether to admit it. */
static void drop(struct quic_connection *connection)
{
    set_cause(connection, QUIC_PROTOCOL_ERROR, "dropped before the handshake was complete");
    connection->state = CONNECTION_GONE;
    if (!connection->server || connection->established)
        return;
    connection->reported = connection->user == NULL;
    qlog_writer_discard(connection->log);
    connection->log = NULL;
}

static const char timed_out[] = "handshake timed out";

static void say_timed_out(struct quic_connection *connection)
{
    char beside[ERROR_TEXT_SIZE];
    quic_connection_in_place_of_answer(connection, beside, sizeof(beside));
    error_set(&connection->close.reason, "%s%s", timed_out, beside);
}

/* What a failing call of ngtcp2 means for the connection. */
void connection_fail(struct quic_connection *connection, int code)
{
    compat_close_error close;
    compat_close_error_init(&close);
    /* Both timers may be due at once, and the peer of an unfinished handshake is told. */
    if (code == NGTCP2_ERR_IDLE_CLOSE && !connection->established)
        code = NGTCP2_ERR_HANDSHAKE_TIMEOUT;
    switch (code) {
    case NGTCP2_ERR_IDLE_CLOSE:
        set_cause(connection, QUIC_IDLE_TIMEOUT, "the peer fell silent (idle timeout)");
        connection->state = connection->deaf ? CONNECTION_LEFT : CONNECTION_GONE;
        if (connection->deaf) /* it may be there all the same, and is not to be reset */
            connection_stay_left(connection);
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
        set_cause(connection, QUIC_HANDSHAKE_TIMEOUT, "");
        say_timed_out(connection);
        /* The library would say that the peer, who said nothing, broke the protocol. */
        compat_close_error_set_transport(&close, NGTCP2_NO_ERROR, (const uint8_t *)timed_out,
                                         sizeof(timed_out) - 1);
        break;
    case NGTCP2_ERR_CRYPTO:
    case NGTCP2_ERR_CALLBACK_FAILURE:
        if (connection->crypto_guard.code != 0)
            fail_crypto(connection, &close);
        else
            fail_tls(connection, &close);
        break;
    default:
        set_cause(connection, QUIC_PROTOCOL_ERROR, "");
        compat_close_error_set_library(&close, code);
        connection->close.code = close.error_code;
        error_set_kind(&connection->close.reason, ERROR_SYSTEM, "QUIC protocol error: %s",
                       ngtcp2_strerror(code));
        break;
    }
    send_close(connection, &close);
}

void connection_draining(struct quic_connection *connection)
{
    if (connection->close.cause == QUIC_STATELESS_RESET)
        set_cause(connection, QUIC_STATELESS_RESET,
                  "the peer no longer knows the connection "
                  "(stateless reset)");
    else
        closed_by_peer(connection);
    linger(connection, CONNECTION_DRAINING);
}

/* Ever more rarely: two ends that close at once would answer each other's packets for the whole
 * period (RFC 9000, section 10.2.1). */
void connection_repeat_close(struct quic_connection *connection, const ngtcp2_addr *remote)
{
    uint64_t count = ++connection->received_since_close;
    if ((count & (count - 1)) != 0)
        return;
    struct quic_endpoint *endpoint = connection->endpoint;
    const struct chunk *packet = connection->close_packet;
    memcpy(send_batch_room(endpoint), packet->data, packet->size);
    send_batch_add(endpoint, connection->socket, remote, packet->size);
}

const char *quic_close_cause_name(enum quic_close_cause cause)
{
    static const char *const causes[] = {
        [QUIC_CLOSED_BY_US] = "closed_by_us",
        [QUIC_CLOSED_BY_PEER] = "closed_by_peer",
        [QUIC_REFUSED_BY_PEER] = "refused_by_peer",
        [QUIC_TLS_FAILED] = "tls_failed",
        [QUIC_PROTOCOL_ERROR] = "protocol_error",
        [QUIC_HANDSHAKE_TIMEOUT] = "handshake_timeout",
        [QUIC_IDLE_TIMEOUT] = "idle_timeout",
        [QUIC_STATELESS_RESET] = "stateless_reset",
        [QUIC_NO_COMMON_VERSION] = "no_common_version",
    };
    return causes[cause];
}
