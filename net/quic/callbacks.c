/* What ngtcp2 tells a connection while a packet is read, passed on to the endpoint's handlers. */
#include <gnutls/crypto.h>

#include "net/quic/internal.h"

static const struct quic_settings *settings_of(const struct quic_connection *connection)
{
    return &connection->endpoint->settings;
}

static void fill_random(uint8_t *output, size_t size, const ngtcp2_rand_ctx *context)
{
    (void)context;
    gnutls_rnd(GNUTLS_RND_NONCE, output, size);
}

void connection_make_cid(ngtcp2_cid *cid)
{
    cid->datalen = CID_SIZE;
    gnutls_rnd(GNUTLS_RND_NONCE, cid->data, CID_SIZE);
}

ngtcp2_duration connection_idle_timeout(const struct quic_connection *connection)
{
    const ngtcp2_transport_params *remote =
        ngtcp2_conn_get_remote_transport_params(connection->conn);
    ngtcp2_duration idle = connection->policy.idle_timeout_ms * MILLISECOND_NS;
    if (remote != NULL && remote->max_idle_timeout > 0 && remote->max_idle_timeout < idle)
        idle = remote->max_idle_timeout;
    return idle;
}

/* Half the shorter of both idle timeouts keeps an idle connection up over one lost packet. */
void connection_start_keep_alive(struct quic_connection *connection)
{
    const struct quic_policy *policy = &connection->policy;
    ngtcp2_duration idle = connection_idle_timeout(connection);
    ngtcp2_duration wanted = policy->keep_alive_ms * MILLISECOND_NS;
    if (wanted == 0)
        wanted = COMPAT_KEEP_ALIVE_NEVER;
    else if (wanted > idle / 2)
        wanted = idle / 2;
    ngtcp2_conn_set_keep_alive_timeout(connection->conn, wanted);
}

static int on_handshake_completed(ngtcp2_conn *conn, void *user)
{
    (void)conn;
    struct quic_connection *connection = user;
    if (!connection->server && !tls_check_server(connection))
        return NGTCP2_ERR_CALLBACK_FAILURE; /* connection_fail asks what was found */
    connection->endpoint->dials -= !connection->server;
    connection->established = true;
    connection->established_at = connection->endpoint->now;
    if (connection->server) {
        connection->confirmed = true;
        connection->endpoint->handshakes--;
    }
    connection_start_keep_alive(connection);
    const struct quic_settings *settings = settings_of(connection);
    settings->handlers->connection_established(settings->context, connection);
    if (connection->server)
        settings->handlers->connection_confirmed(settings->context, connection);
    return 0;
}

static int on_handshake_confirmed(ngtcp2_conn *conn, void *user)
{
    (void)conn;
    struct quic_connection *connection = user;
    if (connection->confirmed)
        return 0;
    connection->confirmed = true;
    const struct quic_settings *settings = settings_of(connection);
    settings->handlers->connection_confirmed(settings->context, connection);
    return 0;
}

static enum crypto_level level_of(compat_level level)
{
    if (level == COMPAT_LEVEL_INITIAL)
        return CRYPTO_INITIAL;
    return level == COMPAT_LEVEL_HANDSHAKE ? CRYPTO_HANDSHAKE : CRYPTO_APPLICATION;
}

static int on_crypto_data(ngtcp2_conn *conn, compat_level level, uint64_t offset,
                          const uint8_t *data, size_t size, void *user)
{
    struct quic_connection *connection = user;
    struct crypto_guard *guard = &connection->crypto_guard;
    connection->answered = true;
    uint64_t tickets = guard->tickets;
    enum crypto_decision decision =
        crypto_guard_decide(guard, level_of(level), bytes_of(data, size));
    connection->endpoint->statistics.session_tickets += guard->tickets - tickets;
    if (decision == CRYPTO_REFUSE)
        return NGTCP2_ERR_CRYPTO; /* connection_fail asks the guard */
    return decision == CRYPTO_DROP
               ? 0
               : ngtcp2_crypto_recv_crypto_data_cb(conn, level, offset, data, size, user);
}

static int on_retry(ngtcp2_conn *conn, const ngtcp2_pkt_hd *header, void *user)
{
    struct quic_connection *connection = user;
    connection->answered = true;
    return ngtcp2_crypto_recv_retry_cb(conn, header, user);
}

static int on_version_negotiation(ngtcp2_conn *conn, const ngtcp2_pkt_hd *header,
                                  const uint32_t *versions, size_t count, void *user)
{
    (void)conn, (void)header;
    struct quic_connection *connection = user;
    connection->offered_version = count > 0 ? versions[0] : 0;
    return 0;
}

static int on_stream_open(ngtcp2_conn *conn, int64_t id, void *user)
{
    struct quic_connection *connection = user;
    struct quic_stream *stream = stream_new(connection, id);
    ngtcp2_conn_set_stream_user_data(conn, id, stream);
    const struct quic_settings *settings = settings_of(connection);
    settings->handlers->stream_opened(settings->context, stream);
    return 0;
}

static int on_stream_data(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t offset,
                          const uint8_t *data, size_t size, void *user, void *stream_user)
{
    (void)offset;
    struct quic_connection *connection = user;
    struct quic_stream *stream = stream_user;
    bool fin = (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0;
    bool unwanted = stream == NULL || stream->closed || stream->read_closed;
    endpoint_mark_dirty(connection);
    if (unwanted || !connection->policy.credit_by_hand) {
        ngtcp2_conn_extend_max_stream_offset(conn, id, size);
        ngtcp2_conn_extend_max_offset(conn, size);
    }
    if (unwanted)
        return 0;
    stream->read_closed = fin;
    const struct quic_settings *settings = settings_of(connection);
    settings->handlers->stream_data(settings->context, stream, bytes_of(data, size), fin);
    return 0;
}

static int on_acknowledged(ngtcp2_conn *conn, int64_t id, uint64_t offset, uint64_t size,
                           void *user, void *stream_user)
{
    (void)conn, (void)id, (void)offset;
    struct quic_connection *connection = user;
    struct quic_stream *stream = stream_user;
    if (stream == NULL || stream->closed)
        return 0;
    stream_acknowledged(stream, (size_t)size);
    const struct quic_settings *settings = settings_of(connection);
    settings->handlers->stream_acknowledged(settings->context, stream);
    return 0;
}

static int on_stream_close(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t code, void *user,
                           void *stream_user)
{
    (void)flags, (void)code;
    struct quic_connection *connection = user;
    if (stream_user != NULL)
        stream_closed(stream_user);
    if (!connection->policy.streams_by_hand && !ngtcp2_conn_is_local_stream(conn, id))
        ngtcp2_conn_extend_max_streams_bidi(conn, 1);
    endpoint_mark_dirty(connection);
    return 0;
}

static int on_streams_allowed(ngtcp2_conn *conn, uint64_t maximum, void *user)
{
    (void)conn, (void)maximum;
    struct quic_connection *connection = user;
    const struct quic_settings *settings = settings_of(connection);
    if (settings->handlers->streams_allowed != NULL)
        settings->handlers->streams_allowed(settings->context, connection);
    return 0;
}

static int on_stream_reset(ngtcp2_conn *conn, int64_t id, uint64_t final_size, uint64_t code,
                           void *user, void *stream_user)
{
    (void)conn, (void)id, (void)final_size;
    struct quic_connection *connection = user;
    struct quic_stream *stream = stream_user;
    if (stream == NULL || stream->closed || stream->read_closed)
        return 0;
    stream->read_closed = true;
    const struct quic_settings *settings = settings_of(connection);
    settings->handlers->stream_reset(settings->context, stream, code);
    return 0;
}

static int on_extend_stream_data(ngtcp2_conn *conn, int64_t id, uint64_t maximum, void *user,
                                 void *stream_user)
{
    (void)conn, (void)id, (void)maximum, (void)user;
    struct quic_stream *stream = stream_user;
    if (stream != NULL && !stream->closed) {
        stream->blocked = false;
        stream_update_ready(stream);
    }
    return 0;
}

static int on_new_connection_id(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t size,
                                void *user)
{
    (void)conn, (void)size;
    struct quic_connection *connection = user;
    struct quic_endpoint *endpoint = connection->endpoint;
    connection_make_cid(cid);
    if (ngtcp2_crypto_generate_stateless_reset_token(token, endpoint->secret,
                                                     sizeof(endpoint->secret), cid) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    endpoint_add_route(connection, cid);
    return 0;
}

static int on_remove_connection_id(ngtcp2_conn *conn, const ngtcp2_cid *cid, void *user)
{
    (void)conn;
    endpoint_remove_route(user, cid);
    return 0;
}

static int on_peer_connection_id(ngtcp2_conn *conn, compat_cid_status status, uint64_t sequence,
                                 const ngtcp2_cid *cid, const uint8_t *token, void *user)
{
    (void)conn, (void)sequence, (void)cid;
    if (token == NULL)
        return 0;
    if (status == COMPAT_CID_ACTIVATED)
        endpoint_add_reset_token(user, token);
    else
        endpoint_remove_reset_token(user, token);
    return 0;
}

static int on_stateless_reset(ngtcp2_conn *conn, const ngtcp2_pkt_stateless_reset *reset,
                              void *user)
{
    (void)conn, (void)reset;
    struct quic_connection *connection = user;
    connection->close.cause = QUIC_STATELESS_RESET;
    return 0;
}

#define COMMON_CALLBACKS                                                                           \
    .recv_crypto_data = on_crypto_data, .handshake_completed = on_handshake_completed,             \
    .encrypt = ngtcp2_crypto_encrypt_cb, .decrypt = ngtcp2_crypto_decrypt_cb,                      \
    .hp_mask = ngtcp2_crypto_hp_mask_cb, .recv_stream_data = on_stream_data,                       \
    .acked_stream_data_offset = on_acknowledged, .stream_open = on_stream_open,                    \
    .stream_close = on_stream_close, .recv_stateless_reset = on_stateless_reset,                   \
    .rand = fill_random, .get_new_connection_id = on_new_connection_id,                            \
    .remove_connection_id = on_remove_connection_id, .update_key = ngtcp2_crypto_update_key_cb,    \
    .stream_reset = on_stream_reset, .extend_max_local_streams_bidi = on_streams_allowed,          \
    .extend_max_stream_data = on_extend_stream_data, .dcid_status = on_peer_connection_id,         \
    .handshake_confirmed = on_handshake_confirmed,                                                 \
    .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,                             \
    .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,                         \
    .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,                           \
    .version_negotiation = ngtcp2_crypto_version_negotiation_cb

const ngtcp2_callbacks connection_client_callbacks = {
    COMMON_CALLBACKS,
    .client_initial = ngtcp2_crypto_client_initial_cb,
    .recv_retry = on_retry,
    .recv_version_negotiation = on_version_negotiation,
};

const ngtcp2_callbacks connection_server_callbacks = {
    COMMON_CALLBACKS,
    .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
};
