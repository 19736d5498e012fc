#include "net/quic/endpoint.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "net/quic/internal.h"

static const struct quic_policy default_policy = {
    .idle_timeout_ms = 10000,
    .handshake_timeout_ms = 10000,
    .keep_alive_ms = 5000,
    .unanswered_ms = 3000,
    .stream_window = 1 << 20,
    .connection_window = 4 << 20,
    .remote_streams_max = 128,
};

void quic_settings_default(struct quic_settings *settings)
{
    *settings = (struct quic_settings){.policy = default_policy};
}

ngtcp2_tstamp endpoint_update_now(struct quic_endpoint *endpoint)
{
    endpoint->now = clock_now_ns();
    return endpoint->now;
}

/* ---- which connection a datagram belongs to ---- */

void endpoint_add_route(struct quic_connection *connection, const ngtcp2_cid *cid)
{
    struct route *route = memory_new(sizeof(*route));
    route->cid = *cid;
    route->connection = connection;
    SLIST_INSERT_HEAD(&connection->routes, route, link);
    HASH_ADD_KEYPTR(hh, connection->endpoint->routes, route->cid.data, route->cid.datalen, route);
}

static struct route *find_route(const struct quic_endpoint *endpoint, const uint8_t *cid,
                                size_t size)
{
    struct route *route;
    HASH_FIND(hh, endpoint->routes, cid, size, route);
    return route;
}

void endpoint_remove_route(struct quic_connection *connection, const ngtcp2_cid *cid)
{
    struct route *route = find_route(connection->endpoint, cid->data, cid->datalen);
    if (route == NULL || route->connection != connection)
        return;
    HASH_DEL(connection->endpoint->routes, route);
    SLIST_REMOVE(&connection->routes, route, route, link);
    free(route);
}

static struct reset_token *find_reset_token(const struct quic_endpoint *endpoint,
                                            const uint8_t *token)
{
    struct reset_token *known;
    HASH_FIND(hh, endpoint->reset_tokens, token, NGTCP2_STATELESS_RESET_TOKENLEN, known);
    return known;
}

void endpoint_add_reset_token(struct quic_connection *connection, const uint8_t *token)
{
    if (find_reset_token(connection->endpoint, token) != NULL)
        return;
    struct reset_token *known = memory_new(sizeof(*known));
    memcpy(known->token, token, sizeof(known->token));
    known->connection = connection;
    SLIST_INSERT_HEAD(&connection->reset_tokens, known, link);
    HASH_ADD(hh, connection->endpoint->reset_tokens, token, sizeof(known->token), known);
}

void endpoint_remove_reset_token(struct quic_connection *connection, const uint8_t *token)
{
    struct reset_token *known = find_reset_token(connection->endpoint, token);
    if (known == NULL || known->connection != connection)
        return;
    HASH_DEL(connection->endpoint->reset_tokens, known);
    SLIST_REMOVE(&connection->reset_tokens, known, reset_token, link);
    free(known);
}

/* ---- the pump ---- */

void endpoint_wake(struct quic_endpoint *endpoint)
{
    event_active(endpoint->wake, EV_TIMEOUT, 0);
}

void endpoint_mark_dirty(struct quic_connection *connection)
{
    struct quic_endpoint *endpoint = connection->endpoint;
    if (!connection->dirty)
        STAILQ_INSERT_TAIL(&endpoint->dirty, connection, dirty_link);
    connection->dirty = true;
    if (!endpoint->pumping)
        endpoint_wake(endpoint);
}

static void settle(struct quic_endpoint *endpoint)
{
    endpoint->settings.handlers->settle(endpoint->settings.context);
}

/* Reporting a closed connection may make others dirty, and their streams too: until all is calm. */
static void write_dirty(struct quic_endpoint *endpoint, struct quic_connection **done)
{
    struct quic_connection *connection;
    while ((connection = STAILQ_FIRST(&endpoint->dirty)) != NULL) {
        STAILQ_REMOVE_HEAD(&endpoint->dirty, dirty_link);
        connection->dirty = false;
        connection_write(connection);
        if (connection->log != NULL)
            qlog_writer_flush(connection->log);
        connection_free_dead_streams(connection);
        bool ended = connection->state != CONNECTION_LIVE && connection->state != CONNECTION_HELD;
        if (ended && !connection->reported) {
            connection_report_closed(connection);
            settle(endpoint);
        }
        connection_free_dead_streams(connection);
        if (connection->state == CONNECTION_GONE) {
            *done = connection;
            return;
        }
    }
    *done = NULL;
}

void endpoint_pump(struct quic_endpoint *endpoint)
{
    if (endpoint->pumping)
        return;
    endpoint->pumping = true;
    endpoint_update_now(endpoint);
    settle(endpoint);
    struct quic_connection *gone;
    do {
        write_dirty(endpoint, &gone);
        if (gone != NULL)
            connection_free(gone);
    } while (gone != NULL);
    send_batch_flush(endpoint);
    if (endpoint->settings.handlers->sent != NULL)
        endpoint->settings.handlers->sent(endpoint->settings.context);
    endpoint->pumping = false;
    if (!STAILQ_EMPTY(&endpoint->dirty))
        endpoint_wake(endpoint);
}

static void receive_datagram(struct quic_socket *socket, const struct sockaddr *remote,
                             socklen_t remote_size, const uint8_t *data, size_t size)
{
    struct quic_endpoint *endpoint = socket->endpoint;
    endpoint->statistics.datagrams_in++;
    endpoint->statistics.bytes_in += size;
    if (size == 0)
        return; /* ngtcp2 asserts on these */
    ngtcp2_version_cid ids;
    int code = ngtcp2_pkt_decode_version_cid(&ids, data, size, CID_SIZE);
    if (code == NGTCP2_ERR_VERSION_NEGOTIATION)
        accept_version_negotiation(socket, remote, remote_size, size, &ids);
    struct route *route = code == 0 ? find_route(endpoint, ids.dcid, ids.dcidlen) : NULL;
    if (route == NULL)
        unanswered_note_datagram(endpoint, remote, data, code == 0);
    if (code != 0)
        return;
    if (route != NULL)
        connection_receive(route->connection, remote, remote_size, data, size);
    else
        accept_datagram(socket, remote, remote_size, data, size, &ids);
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct quic_socket *socket = argument;
    struct quic_endpoint *endpoint = socket->endpoint;
    endpoint->pumping = true; /* what handlers mark is written below */
    endpoint_update_now(endpoint);
    socket_receive(socket, receive_datagram);
    endpoint->pumping = false;
    endpoint_pump(endpoint);
}

static void on_wake(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    endpoint_pump(argument);
}

/* ---- beginning and end ---- */

/* Derived from the identity: a node that comes back can reset the connections it lost. */
static bool derive_secret(struct quic_endpoint *endpoint, struct error *error)
{
    static const char label[] = "devnet stateless reset and retry";
    struct bytes secret = identity_secret(endpoint->settings.identity);
    int code = gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret.data, secret.size, label,
                                sizeof(label) - 1, endpoint->secret);
    return code == 0 ||
           error_set_kind(error, ERROR_SYSTEM, "cannot derive a secret: %s", gnutls_strerror(code));
}

/* Found out at the start, not with the first connection. */
static bool check_qlog_folder(const char *folder, struct error *error)
{
    if (folder == NULL)
        return true;
    return file_make_folder(folder, error) &&
           (access(folder, W_OK | X_OK) == 0 ||
            error_set(error, "%s: cannot write QUIC logs there", folder));
}

struct quic_endpoint *quic_endpoint_new(const struct quic_settings *settings, struct error *error)
{
    struct quic_endpoint *endpoint = memory_new(sizeof(*endpoint));
    endpoint->settings = *settings;
    endpoint->keylog = -1;
    LIST_INIT(&endpoint->connections);
    STAILQ_INIT(&endpoint->dirty);
    endpoint->batch = send_batch_new();
    endpoint->resets = budget_full(QUIC_RESETS_PER_SECOND, endpoint_update_now(endpoint));
    endpoint->refusals_told = budget_full(1, endpoint->now);
    endpoint->wake = event_new(settings->base, -1, 0, on_wake, endpoint);
    if (check_qlog_folder(settings->qlog_folder, error) && derive_secret(endpoint, error) &&
        tls_endpoint_init(endpoint, error))
        return endpoint;
    quic_endpoint_free(endpoint);
    return NULL;
}

void quic_endpoint_free(struct quic_endpoint *endpoint)
{
    if (endpoint == NULL)
        return;
    struct quic_connection *connection;
    endpoint->pumping = true; /* nothing is to be woken any more */
    while ((connection = LIST_FIRST(&endpoint->connections)) != NULL) {
        connection_report_closed(connection);
        connection_free(connection);
    }
    for (size_t i = 0; i < endpoint->socket_count; i++)
        socket_close(endpoint->sockets[i]);
    tls_endpoint_clear(endpoint);
    event_free(endpoint->wake);
    send_batch_free(endpoint->batch);
    free(endpoint);
}

static struct quic_socket *add_socket(struct quic_endpoint *endpoint,
                                      const struct sockaddr *address, socklen_t size,
                                      struct error *error)
{
    if (endpoint->socket_count == QUIC_SOCKETS_MAX) {
        error_set(error, "more than %d addresses", QUIC_SOCKETS_MAX);
        return NULL;
    }
    struct quic_socket *socket = socket_open(endpoint, address, size, error);
    if (socket == NULL)
        return NULL;
    socket->readable =
        event_new(endpoint->settings.base, socket->fd, EV_READ | EV_PERSIST, on_readable, socket);
    event_arm(socket->readable, NULL);
    endpoint->sockets[endpoint->socket_count++] = socket;
    return socket;
}

bool quic_endpoint_listen(struct quic_endpoint *endpoint, const struct multiaddr *address,
                          struct error *error)
{
    char text[MULTIADDR_TEXT_SIZE];
    multiaddr_text(address, text);
    struct sockaddr_storage storage;
    socklen_t size = multiaddr_to_sockaddr(address, &storage);
    if (size == 0)
        return error_set(error, "%s: listening needs an IP address, not a name", text);
    struct quic_socket *socket =
        add_socket(endpoint, (const struct sockaddr *)&storage, size, error);
    if (socket == NULL)
        return error_prefix(error, "%s", text);
    socket->listening = true;
    return true;
}

size_t quic_endpoint_listen_count(const struct quic_endpoint *endpoint)
{
    size_t count = 0;
    for (size_t i = 0; i < endpoint->socket_count; i++)
        count += endpoint->sockets[i]->listening;
    return count;
}

struct multiaddr quic_endpoint_listen_address(const struct quic_endpoint *endpoint, size_t index)
{
    struct multiaddr address = {0};
    size_t i = 0;
    while (!endpoint->sockets[i]->listening || index-- > 0)
        i++;
    multiaddr_from_sockaddr((const struct sockaddr *)&endpoint->sockets[i]->address, &address);
    return address;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* The system sends nothing from a loopback address to anywhere else. */
static bool can_reach(const struct quic_socket *socket, const struct sockaddr_storage *remote)
{
    return socket->address.ss_family == remote->ss_family &&
           (is_loopback(remote) || !is_loopback(&socket->address));
}

static struct quic_socket *socket_for(struct quic_endpoint *endpoint,
                                      const struct sockaddr_storage *remote, struct error *error)
{
    for (size_t i = 0; i < endpoint->socket_count; i++) {
        if (can_reach(endpoint->sockets[i], remote))
            return endpoint->sockets[i];
    }
    sa_family_t family = remote->ss_family;
    struct sockaddr_storage any = {.ss_family = family};
    socklen_t size = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    return add_socket(endpoint, (const struct sockaddr *)&any, size, error);
}

/* "Anywhere", which a node that listens there may print, means this machine; answers would come
 * from another address than was dialled. */
static void replace_unspecified(struct sockaddr_storage *remote)
{
    struct sockaddr_in *ip4 = (struct sockaddr_in *)remote;
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)remote;
    if (remote->ss_family == AF_INET && ip4->sin_addr.s_addr == htonl(INADDR_ANY))
        ip4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (remote->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&ip6->sin6_addr))
        ip6->sin6_addr = in6addr_loopback;
}

/* What no packet can reach is told at once, and not after a timeout. */
static bool check_route(const struct sockaddr_storage *remote, socklen_t size, struct error *error)
{
    int fd = socket(remote->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set_kind(error, ERROR_SYSTEM, "cannot make a UDP socket: %s", strerror(errno));
    bool routed = connect(fd, (const struct sockaddr *)remote, size) == 0;
    if (!routed)
        error_set_kind(error, ERROR_NOT_FOUND, "there is no way to that address: %s",
                       strerror(errno));
    close(fd);
    return routed;
}

struct quic_connection *quic_endpoint_dial(struct quic_endpoint *endpoint,
                                           const struct multiaddr *address,
                                           const struct peer_id *expected,
                                           const struct quic_policy *policy, struct error *error)
{
    const struct quic_dial dial = {.expected = expected, .policy = policy};
    return quic_endpoint_dial_as(endpoint, address, &dial, error);
}

struct quic_connection *quic_endpoint_dial_as(struct quic_endpoint *endpoint,
                                              const struct multiaddr *address,
                                              const struct quic_dial *dial, struct error *error)
{
    struct sockaddr_storage remote;
    socklen_t size = multiaddr_to_sockaddr(address, &remote);
    if (size == 0 || address->port == 0) {
        error_set(error, size == 0 ? "dialling needs an IP address" : "port 0 cannot be dialled");
        return NULL;
    }
    if (endpoint->shut_down || endpoint->connection_count >= QUIC_CONNECTIONS_MAX) {
        error_set_kind(error, endpoint->shut_down ? ERROR_SYSTEM : ERROR_FULL, "%s",
                       endpoint->shut_down ? "shutting down" : "too many connections");
        return NULL;
    }
    replace_unspecified(&remote);
    if (!check_route(&remote, size, error))
        return NULL;
    struct quic_socket *socket = socket_for(endpoint, &remote, error);
    if (socket == NULL)
        return NULL;
    return connection_new_client(socket, (const struct sockaddr *)&remote, size, dial, error);
}

void quic_endpoint_shutdown(struct quic_endpoint *endpoint)
{
    endpoint->shut_down = true;
    struct quic_connection *connection;
    LIST_FOREACH(connection, &endpoint->connections, link)
    {
        quic_connection_close(connection, 0, "shutting down");
        if (connection->state == CONNECTION_LEFT) {
            connection->gone_at = 0;
            endpoint_mark_dirty(connection);
        }
    }
}

size_t quic_endpoint_connection_count(const struct quic_endpoint *endpoint)
{
    return endpoint->connection_count;
}

struct quic_connection *quic_endpoint_first(const struct quic_endpoint *endpoint)
{
    return LIST_FIRST(&endpoint->connections);
}

const struct quic_endpoint_statistics *
quic_endpoint_statistics(const struct quic_endpoint *endpoint)
{
    return &endpoint->statistics;
}
