/* UDP: datagrams in and out in batches. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "net/quic/internal.h"

enum {
    RECEIVE_BATCH = 16,
    RECEIVE_BATCHES_PER_TURN = 8, /* before packets are written and others have their turn */
    SEND_BATCH = 32,
    SOCKET_BUFFER_SIZE = 4 << 20, /* asked for; the system may grant less */
};

struct send_batch {
    size_t count;
    struct quic_socket *sockets[SEND_BATCH];
    struct sockaddr_storage remotes[SEND_BATCH];
    struct iovec vectors[SEND_BATCH];
    struct mmsghdr messages[SEND_BATCH];
    uint8_t packets[SEND_BATCH][PACKET_SIZE_MAX];
};

struct send_batch *send_batch_new(void)
{
    return memory_new(sizeof(struct send_batch));
}

void send_batch_free(struct send_batch *batch)
{
    free(batch);
}

uint8_t *send_batch_room(struct quic_endpoint *endpoint)
{
    if (endpoint->batch->count == SEND_BATCH)
        send_batch_flush(endpoint);
    return endpoint->batch->packets[endpoint->batch->count];
}

void send_batch_add(struct quic_endpoint *endpoint, struct quic_socket *socket,
                    const ngtcp2_addr *remote, size_t size)
{
    struct send_batch *batch = endpoint->batch;
    size_t i = batch->count++;
    batch->sockets[i] = socket;
    memcpy(&batch->remotes[i], remote->addr, remote->addrlen);
    batch->vectors[i] = (struct iovec){.iov_base = batch->packets[i], .iov_len = size};
    batch->messages[i].msg_hdr = (struct msghdr){
        .msg_name = &batch->remotes[i],
        .msg_namelen = remote->addrlen,
        .msg_iov = &batch->vectors[i],
        .msg_iovlen = 1,
    };
    endpoint->statistics.datagrams_out++;
    endpoint->statistics.bytes_out += size;
}

/* A datagram that the system does not take is as good as lost on the way: QUIC sends it again. */
static void send_range(struct quic_endpoint *endpoint, size_t from, size_t to)
{
    struct send_batch *batch = endpoint->batch;
    while (from < to) {
        int sent =
            sendmmsg(batch->sockets[from]->fd, batch->messages + from, (unsigned)(to - from), 0);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0) {
            endpoint->statistics.datagrams_dropped++;
            sent = 1;
        }
        from += (size_t)sent;
    }
}

void send_batch_flush(struct quic_endpoint *endpoint)
{
    struct send_batch *batch = endpoint->batch;
    size_t from = 0;
    for (size_t i = 1; i <= batch->count; i++) {
        if (i < batch->count && batch->sockets[i] == batch->sockets[from])
            continue;
        send_range(endpoint, from, i);
        from = i;
    }
    batch->count = 0;
}

void socket_receive(struct quic_socket *socket, datagram_handler handler)
{
    static uint8_t datagrams[RECEIVE_BATCH][DATAGRAM_SIZE_MAX];
    struct sockaddr_storage remotes[RECEIVE_BATCH];
    struct iovec vectors[RECEIVE_BATCH];
    struct mmsghdr messages[RECEIVE_BATCH];
    for (unsigned turn = 0; turn < RECEIVE_BATCHES_PER_TURN; turn++) {
        for (size_t i = 0; i < RECEIVE_BATCH; i++) {
            vectors[i] = (struct iovec){.iov_base = datagrams[i], .iov_len = DATAGRAM_SIZE_MAX};
            messages[i].msg_hdr = (struct msghdr){.msg_name = &remotes[i],
                                                  .msg_namelen = sizeof(remotes[i]),
                                                  .msg_iov = &vectors[i],
                                                  .msg_iovlen = 1};
        }
        int count = recvmmsg(socket->fd, messages, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
        if (count < 0 && errno == EINTR)
            continue;
        for (int i = 0; i < count; i++) {
            const struct msghdr *header = &messages[i].msg_hdr;
            if ((header->msg_flags & MSG_TRUNC) == 0)
                handler(socket, header->msg_name, header->msg_namelen, datagrams[i],
                        messages[i].msg_len);
        }
        if (count < RECEIVE_BATCH)
            return;
    }
    endpoint_wake(socket->endpoint);
}

/* Path MTU is probed by QUIC itself: datagrams are never fragmented, and ICMP is not believed. */
static void set_options(int fd, int family)
{
    int size = SOCKET_BUFFER_SIZE, on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (family == AF_INET6) {
        int probe = IPV6_PMTUDISC_PROBE;
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe));
    } else {
        int probe = IP_PMTUDISC_PROBE;
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
    }
}

struct quic_socket *socket_open(struct quic_endpoint *endpoint, const struct sockaddr *address,
                                socklen_t size, struct error *error)
{
    int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set(error, "cannot make a UDP socket: %s", strerror(errno));
        return NULL;
    }
    set_options(fd, address->sa_family);
    struct quic_socket *socket = memory_new(sizeof(*socket));
    socket->endpoint = endpoint;
    socket->fd = fd;
    socket->address_size = sizeof(socket->address);
    if (bind(fd, address, size) == 0 &&
        getsockname(fd, (struct sockaddr *)&socket->address, &socket->address_size) == 0)
        return socket;
    error_set(error, "cannot listen: %s", strerror(errno));
    socket_close(socket);
    return NULL;
}

void socket_close(struct quic_socket *socket)
{
    if (socket->readable != NULL)
        event_free(socket->readable);
    close(socket->fd);
    free(socket);
}
