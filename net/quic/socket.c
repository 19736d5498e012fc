/* UDP sockets, and datagrams in, in batches. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "net/quic/internal.h"

enum {
    RECEIVE_BATCH = 8,
    RECEIVE_SIZE_MAX = 65536,     /* the system may join datagrams of one sender (UDP_GRO) */
    RECEIVE_BATCHES_PER_TURN = 8, /* before packets are written and others have their turn */
    SOCKET_BUFFER_SIZE = 4 << 20, /* asked for; the system may grant less */
};

/* What was received at one place: datagrams of one size, the last perhaps smaller, from one sender.
 */
static void hand_over(struct quic_socket *socket, struct msghdr *header, const uint8_t *data,
                      size_t size, datagram_handler handler)
{
    int segment = 0;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL;
         control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO)
            memcpy(&segment, CMSG_DATA(control), sizeof(segment));
    }
    size_t step = segment > 0 ? (size_t)segment : size;
    if (step > DATAGRAM_SIZE_MAX)
        return;
    do {
        size_t part = size < step ? size : step;
        handler(socket, header->msg_name, header->msg_namelen, data, part);
        data += part;
        size -= part;
    } while (size > 0);
}

void socket_receive(struct quic_socket *socket, datagram_handler handler)
{
    static uint8_t buffers[RECEIVE_BATCH][RECEIVE_SIZE_MAX];
    struct sockaddr_storage remotes[RECEIVE_BATCH];
    struct iovec vectors[RECEIVE_BATCH];
    struct mmsghdr messages[RECEIVE_BATCH];
    _Alignas(struct cmsghdr) uint8_t controls[RECEIVE_BATCH][CMSG_SPACE(sizeof(int))];
    for (unsigned turn = 0; turn < RECEIVE_BATCHES_PER_TURN; turn++) {
        for (size_t i = 0; i < RECEIVE_BATCH; i++) {
            vectors[i] = (struct iovec){.iov_base = buffers[i], .iov_len = RECEIVE_SIZE_MAX};
            messages[i].msg_hdr = (struct msghdr){.msg_name = &remotes[i],
                                                  .msg_namelen = sizeof(remotes[i]),
                                                  .msg_iov = &vectors[i],
                                                  .msg_iovlen = 1,
                                                  .msg_control = controls[i],
                                                  .msg_controllen = sizeof(controls[i])};
        }
        int count = recvmmsg(socket->fd, messages, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) /* or else the queue of errors would have us called again at once */
            unanswered_read_errors(socket);
        for (int i = 0; i < count; i++)
            hand_over(socket, &messages[i].msg_hdr, buffers[i], messages[i].msg_len, handler);
        if (count < RECEIVE_BATCH)
            return;
    }
    endpoint_wake(socket->endpoint);
}

/* Path MTU is probed by QUIC itself: datagrams are never fragmented, and ICMP is not believed, but
 * told. */
static void set_options(int fd, int family)
{
    int size = SOCKET_BUFFER_SIZE, on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
    if (family == AF_INET6) {
        int probe = IPV6_PMTUDISC_PROBE;
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe));
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
    } else {
        int probe = IP_PMTUDISC_PROBE;
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
        setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
    }
}

struct quic_socket *socket_open(struct quic_endpoint *endpoint, const struct sockaddr *address,
                                socklen_t size, struct error *error)
{
    int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set_kind(error, ERROR_SYSTEM, "cannot make a UDP socket: %s", strerror(errno));
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
    error_set_kind(error, ERROR_SYSTEM, "cannot listen: %s", strerror(errno));
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
