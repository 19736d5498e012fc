/* Whether a connection that arrives is taken, and when: its owner may want to know first what comes
 * of another one. */
#include <stdlib.h>

#include "common/log.h"
#include "common/memory.h"
#include "net/quic/internal.h"

enum {
    APPLICATION_ERROR = 0x0c,  /* RFC 9000, section 10.2.3: what stands for one in an Initial */
    REFUSAL_REASON_MAX = 1024, /* of a packet's 1,200 bytes */
};

void admission_hold(struct quic_connection *connection, const struct sockaddr *remote,
                    socklen_t remote_size, struct bytes data)
{
    if (connection->held_count == QUIC_HELD_DATAGRAMS_MAX ||
        remote_size > sizeof(struct sockaddr_storage)) {
        connection->endpoint->statistics.datagrams_dropped++;
        return;
    }
    struct held_datagram *datagram = memory_new(sizeof(*datagram) + data.size);
    memcpy(&datagram->remote, remote, remote_size);
    datagram->remote_size = remote_size;
    datagram->size = data.size;
    memcpy(datagram->data, data.data, data.size);
    STAILQ_INSERT_TAIL(&connection->held, datagram, link);
    connection->held_count++;
}

void admission_forget(struct quic_connection *connection)
{
    struct held_datagram *datagram;
    while ((datagram = STAILQ_FIRST(&connection->held)) != NULL) {
        STAILQ_REMOVE_HEAD(&connection->held, link);
        free(datagram);
    }
    connection->held_count = 0;
}

static void await(struct quic_connection *connection, struct quic_connection *held)
{
    held->awaited_by = connection;
    connection->awaits = held;
}

void admission_stop_waiting(struct quic_connection *connection)
{
    struct quic_connection *waiting = connection->awaited_by;
    if (connection->awaits != NULL)
        connection->awaits->awaited_by = NULL;
    connection->awaits = connection->awaited_by = NULL;
    if (waiting == NULL)
        return;
    waiting->awaits = NULL;
    endpoint_mark_dirty(waiting);
}

/* The first of a connection's datagrams, and its header. */
static const struct held_datagram *first_of(const struct quic_connection *connection,
                                            ngtcp2_pkt_hd *header)
{
    const struct held_datagram *first = STAILQ_FIRST(&connection->held);
    ngtcp2_accept(header, first->data, first->size); /* as when it came */
    return first;
}

void admission_begin(struct quic_connection *connection)
{
    ngtcp2_pkt_hd header;
    const struct held_datagram *first = first_of(connection, &header);
    const struct sockaddr *remote = (const struct sockaddr *)&first->remote;
    struct error error;
    if (!connection_begin_server(connection, remote, first->remote_size, &header, &error)) {
        log_warn("%s", error.text);
        connection_close_held(connection, QUIC_PROTOCOL_ERROR, error.text);
        return;
    }
    const struct held_datagram *datagram;
    STAILQ_FOREACH(datagram, &connection->held, link)
    connection_receive(connection, (const struct sockaddr *)&datagram->remote,
                       datagram->remote_size, datagram->data, datagram->size);
    if (connection->retry_wanted)
        accept_send_retry(connection->socket, remote, first->remote_size, &header);
    admission_forget(connection);
    admission_stop_waiting(connection);
}

static enum quic_admission ask_owner(struct quic_connection *connection,
                                     const struct sockaddr *remote)
{
    const struct quic_settings *settings = &connection->endpoint->settings;
    if (settings->handlers->admit == NULL)
        return QUIC_ADMIT;
    struct multiaddr address = {0};
    multiaddr_from_sockaddr(remote, &address);
    return settings->handlers->admit(settings->context, connection, &address, &connection->policy);
}

void admission_ask(struct quic_socket *socket, const struct sockaddr *remote, socklen_t remote_size,
                   const ngtcp2_pkt_hd *header, const ngtcp2_cid *original_of_retry,
                   struct bytes data)
{
    struct quic_connection *connection = connection_new_arrival(socket, header, original_of_retry);
    switch (ask_owner(connection, remote)) {
    case QUIC_ADMIT:
        admission_hold(connection, remote, remote_size, data);
        admission_begin(connection);
        break;
    case QUIC_REFUSE:
        accept_send_refusal(socket, remote, remote_size, header, CONNECTION_REFUSED,
                            bytes_of(NULL, 0));
        connection->reported = true; /* its owner does not want to hear of it */
        connection_free(connection);
        break;
    case QUIC_HOLD:
        admission_hold(connection, remote, remote_size, data);
        connection->gone_at =
            connection->endpoint->now + connection->policy.handshake_timeout_ms * MILLISECOND_NS;
        endpoint_mark_dirty(connection);
        break;
    }
}

void quic_connection_admit(struct quic_connection *connection, const struct quic_policy *policy,
                           struct quic_connection *waiting)
{
    if (connection->state != CONNECTION_HELD)
        return;
    if (waiting != NULL)
        await(waiting, connection);
    if (policy != NULL)
        connection->policy = *policy;
    connection->admitted = true;
    endpoint_mark_dirty(connection);
}

void quic_connection_refuse_as(struct quic_connection *connection, const struct quic_close *close)
{
    if (connection->state != CONNECTION_HELD)
        return;
    ngtcp2_pkt_hd header;
    const struct held_datagram *first = first_of(connection, &header);
    struct bytes reason = close->said;
    if (reason.size > REFUSAL_REASON_MAX)
        reason.size = REFUSAL_REASON_MAX;
    accept_send_refusal(connection->socket, (const struct sockaddr *)&first->remote,
                        first->remote_size, &header,
                        close->application ? APPLICATION_ERROR : close->code, reason);
    connection_close_held(connection, QUIC_CLOSED_BY_US, "refused");
}

void quic_connection_refuse(struct quic_connection *connection)
{
    const struct quic_close close = {.code = CONNECTION_REFUSED};
    quic_connection_refuse_as(connection, &close);
}
