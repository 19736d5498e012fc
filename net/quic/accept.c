/* What arrives for no connection of ours: new connections, unknown versions, lost connections. */
#include <gnutls/crypto.h>

#include "common/log.h"
#include "net/quic/internal.h"

enum {
    INITIAL_SIZE_MIN = 1200, /* RFC 9000, section 14.1 */
    RESET_SIZE_MIN = 21,     /* RFC 9000, section 10.3: smaller ones cannot be told from noise */
    RESET_SIZE_MAX = 43,
    RETRY_VALID_S = 10,
};

static ngtcp2_addr address_of(const struct sockaddr *remote, socklen_t size)
{
    return (ngtcp2_addr){.addr = (ngtcp2_sockaddr *)(uintptr_t)remote, .addrlen = size};
}

void accept_version_negotiation(struct quic_socket *socket, const struct sockaddr *remote,
                                socklen_t remote_size, size_t size, const ngtcp2_version_cid *ids)
{
    struct quic_endpoint *endpoint = socket->endpoint;
    if (size < INITIAL_SIZE_MIN || !socket->listening || endpoint->shut_down)
        return;
    const uint32_t versions[] = {NGTCP2_PROTO_VER_V1};
    uint8_t random;
    gnutls_rnd(GNUTLS_RND_NONCE, &random, 1);
    ngtcp2_ssize written = ngtcp2_pkt_write_version_negotiation(
        send_batch_room(endpoint), PACKET_SIZE_MAX, random, ids->scid, ids->scidlen, ids->dcid,
        ids->dcidlen, versions, 1);
    if (written <= 0)
        return;
    ngtcp2_addr address = address_of(remote, remote_size);
    send_batch_add(endpoint, socket, &address, (size_t)written);
    endpoint->statistics.version_negotiations_sent++;
}

void accept_send_retry(struct quic_socket *socket, const struct sockaddr *remote,
                       socklen_t remote_size, const ngtcp2_pkt_hd *header)
{
    struct quic_endpoint *endpoint = socket->endpoint;
    ngtcp2_cid source;
    connection_make_cid(&source);
    uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN];
    ngtcp2_ssize token_size = ngtcp2_crypto_generate_retry_token(
        token, endpoint->secret, sizeof(endpoint->secret), header->version,
        (const ngtcp2_sockaddr *)remote, remote_size, &source, &header->dcid, endpoint->now);
    if (token_size < 0)
        return;
    ngtcp2_ssize written =
        ngtcp2_crypto_write_retry(send_batch_room(endpoint), PACKET_SIZE_MAX, header->version,
                                  &header->scid, &source, &header->dcid, token, (size_t)token_size);
    if (written <= 0)
        return;
    ngtcp2_addr address = address_of(remote, remote_size);
    send_batch_add(endpoint, socket, &address, (size_t)written);
    endpoint->statistics.retries_sent++;
}

void accept_send_refusal(struct quic_socket *socket, const struct sockaddr *remote,
                         socklen_t remote_size, const ngtcp2_pkt_hd *header, uint64_t code,
                         struct bytes reason)
{
    struct quic_endpoint *endpoint = socket->endpoint;
    endpoint->statistics.refused++;
    ngtcp2_ssize written = ngtcp2_crypto_write_connection_close(
        send_batch_room(endpoint), PACKET_SIZE_MAX, header->version, &header->scid, &header->dcid,
        code, reason.data, reason.size);
    if (written <= 0)
        return;
    ngtcp2_addr address = address_of(remote, remote_size);
    send_batch_add(endpoint, socket, &address, (size_t)written);
}

void accept_send_reset(struct quic_socket *socket, const struct sockaddr *remote,
                       socklen_t remote_size, size_t size, const ngtcp2_cid *id)
{
    struct quic_endpoint *endpoint = socket->endpoint;
    uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN];
    if (ngtcp2_crypto_generate_stateless_reset_token(token, endpoint->secret,
                                                     sizeof(endpoint->secret), id) != 0)
        return;
    /* Smaller than what it answers: two ends that reset each other come to an end. */
    size_t reset_size = size - 1 < RESET_SIZE_MAX ? size - 1 : RESET_SIZE_MAX;
    uint8_t random[RESET_SIZE_MAX];
    size_t random_size = reset_size - NGTCP2_STATELESS_RESET_TOKENLEN;
    gnutls_rnd(GNUTLS_RND_NONCE, random, random_size);
    ngtcp2_ssize written = ngtcp2_pkt_write_stateless_reset(
        send_batch_room(endpoint), PACKET_SIZE_MAX, token, random, random_size);
    if (written <= 0)
        return;
    ngtcp2_addr address = address_of(remote, remote_size);
    send_batch_add(endpoint, socket, &address, (size_t)written);
    endpoint->statistics.resets_sent++;
}

/* Answers a packet of a connection that we do not know (any more), such as one from before a
 * restart, so that the peer need not wait for its idle timeout. */
static void answer_unknown(struct quic_socket *socket, const struct sockaddr *remote,
                           socklen_t remote_size, size_t size, const ngtcp2_cid *id)
{
    struct quic_endpoint *endpoint = socket->endpoint;
    if (size <= RESET_SIZE_MIN || id->datalen != CID_SIZE)
        return;
    /* Where a path duplicates datagrams, two ends that know nothing of each other's connection
     * would answer each other's resets with ever more. */
    if (budget_take(&endpoint->resets, endpoint->now))
        accept_send_reset(socket, remote, remote_size, size, id);
    else
        endpoint->statistics.resets_withheld++;
}

static void receive_unknown_short(struct quic_socket *socket, const struct sockaddr *remote,
                                  socklen_t remote_size, const uint8_t *data, size_t size,
                                  const ngtcp2_version_cid *ids)
{
    struct quic_endpoint *endpoint = socket->endpoint;
    struct reset_token *known = NULL;
    if (size >= RESET_SIZE_MIN)
        HASH_FIND(hh, endpoint->reset_tokens, data + size - NGTCP2_STATELESS_RESET_TOKENLEN,
                  NGTCP2_STATELESS_RESET_TOKENLEN, known);
    if (known != NULL) {
        connection_receive(known->connection, remote, remote_size, data, size);
        return;
    }
    ngtcp2_cid id;
    ngtcp2_cid_init(&id, ids->dcid, ids->dcidlen);
    answer_unknown(socket, remote, remote_size, size, &id);
}

/* The original connection id that a Retry token of ours vouches for; false where it is none. */
static bool verify_retry(const struct quic_endpoint *endpoint, const struct sockaddr *remote,
                         socklen_t remote_size, const ngtcp2_pkt_hd *header, ngtcp2_cid *original)
{
    ngtcp2_vec token = compat_header_token(header);
    return token.len > 0 && compat_token_is_retry(token.base) &&
           ngtcp2_crypto_verify_retry_token(
               original, token.base, token.len, endpoint->secret, sizeof(endpoint->secret),
               header->version, (const ngtcp2_sockaddr *)remote, remote_size, &header->dcid,
               (ngtcp2_duration)RETRY_VALID_S * NGTCP2_SECONDS, endpoint->now) == 0;
}

static bool is_full(const struct quic_endpoint *endpoint)
{
    return endpoint->connection_count >= QUIC_CONNECTIONS_MAX ||
           endpoint->inbound_count >= QUIC_CONNECTIONS_INBOUND_MAX;
}

static void refuse_beyond_table(struct quic_socket *socket, const struct sockaddr *remote,
                                socklen_t remote_size, const ngtcp2_pkt_hd *header)
{
    struct quic_endpoint *endpoint = socket->endpoint;
    accept_send_refusal(socket, remote, remote_size, header, CONNECTION_REFUSED, bytes_of(NULL, 0));
    if (budget_take(&endpoint->refusals_told, endpoint->now))
        log_warn("a connection is refused, %llu in all: %zu are there, %zu of them inbound; "
                 "there may be %d, inbound %d",
                 (unsigned long long)endpoint->statistics.refused, endpoint->connection_count,
                 endpoint->inbound_count, QUIC_CONNECTIONS_MAX, QUIC_CONNECTIONS_INBOUND_MAX);
}

void accept_datagram(struct quic_socket *socket, const struct sockaddr *remote,
                     socklen_t remote_size, const uint8_t *data, size_t size,
                     const ngtcp2_version_cid *ids)
{
    struct quic_endpoint *endpoint = socket->endpoint;
    if ((data[0] & HEADER_FORM_LONG) == 0) {
        receive_unknown_short(socket, remote, remote_size, data, size, ids);
        return;
    }
    ngtcp2_pkt_hd header;
    if (!socket->listening || endpoint->shut_down || ngtcp2_accept(&header, data, size) != 0)
        return;
    if (is_full(endpoint)) {
        refuse_beyond_table(socket, remote, remote_size, &header);
        return;
    }
    ngtcp2_cid original;
    bool retried = verify_retry(endpoint, remote, remote_size, &header, &original);
    size_t unproven = endpoint->settings.handshakes_before_retry;
    if (!retried &&
        endpoint->handshakes >= (unproven > 0 ? unproven : QUIC_HANDSHAKES_BEFORE_RETRY)) {
        accept_send_retry(socket, remote, remote_size, &header);
        return;
    }
    admission_ask(socket, remote, remote_size, &header, retried ? &original : NULL,
                  bytes_of(data, size));
}
