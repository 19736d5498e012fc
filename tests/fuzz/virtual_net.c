#include "tests/fuzz/virtual_net.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/udp.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/virtual_loop.h"

enum {
    SOCKETS_MAX = 16,
    FIRST_FD = 100000, /* such as the system will not hand out */
    FIRST_PORT = 50000,
};

struct datagram {
    struct sockaddr_in from, to;
    size_t size;
    struct event *arrival;
    STAILQ_ENTRY(datagram) waiting_link; /* to be read */
    LIST_ENTRY(datagram) link;           /* under way */
    uint8_t data[];
};

static struct virtual_socket {
    bool open;
    struct sockaddr_in address;
    STAILQ_HEAD(, datagram) waiting;
} sockets[SOCKETS_MAX];

static LIST_HEAD(, datagram) under_way = LIST_HEAD_INITIALIZER(under_way);
static virtual_net_handler sent_handler;

/* ---- datagrams ---- */

static bool same_address(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

static void on_arrival(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct datagram *datagram = argument;
    LIST_REMOVE(datagram, link);
    event_free(datagram->arrival);
    for (int i = 0; i < SOCKETS_MAX; i++) {
        if (!sockets[i].open || !same_address(&sockets[i].address, &datagram->to))
            continue;
        STAILQ_INSERT_TAIL(&sockets[i].waiting, datagram, waiting_link);
        virtual_loop_readable(FIRST_FD + i);
        return;
    }
    free(datagram);
}

void virtual_net_post(const struct sockaddr_in *from, const struct sockaddr_in *to,
                      struct bytes bytes, uint64_t delay_ns)
{
    struct datagram *datagram = memory_new(sizeof(*datagram) + bytes.size);
    datagram->from = *from;
    datagram->to = *to;
    datagram->size = bytes.size;
    if (bytes.size > 0)
        memcpy(datagram->data, bytes.data, bytes.size);
    datagram->arrival = event_new(NULL, -1, 0, on_arrival, datagram);
    struct timeval delay = clock_timeval(delay_ns / 1000);
    event_add(datagram->arrival, &delay);
    LIST_INSERT_HEAD(&under_way, datagram, link);
}

void virtual_net_begin(virtual_net_handler handler)
{
    for (int i = 0; i < SOCKETS_MAX; i++)
        require(!sockets[i].open);
    sent_handler = handler;
}

void virtual_net_end(void)
{
    struct datagram *datagram;
    while ((datagram = LIST_FIRST(&under_way)) != NULL) {
        LIST_REMOVE(datagram, link);
        event_free(datagram->arrival);
        free(datagram);
    }
}

/* ---- the system calls ---- */

int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
int __wrap_close(int fd);
int __real_close(int fd);

static struct virtual_socket *socket_of(int fd)
{
    require(fd >= FIRST_FD && fd < FIRST_FD + SOCKETS_MAX && sockets[fd - FIRST_FD].open);
    return &sockets[fd - FIRST_FD];
}

int __wrap_socket(int family, int type, int protocol)
{
    (void)type, (void)protocol;
    for (int i = 0; i < SOCKETS_MAX && family == AF_INET; i++) {
        if (sockets[i].open)
            continue;
        sockets[i].open = true;
        STAILQ_INIT(&sockets[i].waiting);
        return FIRST_FD + i;
    }
    errno = EAFNOSUPPORT;
    return -1;
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size)
{
    require(size == sizeof(struct sockaddr_in));
    struct sockaddr_in *ours = &socket_of(fd)->address;
    memcpy(ours, address, sizeof(*ours));
    if (ours->sin_port == 0)
        ours->sin_port = htons((uint16_t)(FIRST_PORT + fd - FIRST_FD));
    return 0;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    (void)address, (void)size;
    (void)socket_of(fd);
    return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
    *size = sizeof(struct sockaddr_in);
    memcpy(address, &socket_of(fd)->address, *size);
    return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    (void)level, (void)name, (void)value, (void)size;
    (void)socket_of(fd);
    return 0;
}

static void receive(struct datagram *datagram, struct mmsghdr *message)
{
    struct msghdr *header = &message->msg_hdr;
    require(header->msg_namelen >= sizeof(datagram->from));
    memcpy(header->msg_name, &datagram->from, sizeof(datagram->from));
    header->msg_namelen = sizeof(datagram->from);
    header->msg_controllen = 0;
    size_t room = header->msg_iov[0].iov_len;
    message->msg_len = (unsigned)(datagram->size < room ? datagram->size : room);
    memcpy(header->msg_iov[0].iov_base, datagram->data, message->msg_len);
    free(datagram);
}

int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout)
{
    (void)flags, (void)timeout;
    struct virtual_socket *socket = socket_of(fd);
    unsigned taken = 0;
    struct datagram *datagram;
    while (taken < count && (datagram = STAILQ_FIRST(&socket->waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(&socket->waiting, waiting_link);
        receive(datagram, &messages[taken++]);
    }
    if (taken == 0)
        errno = EAGAIN;
    return taken > 0 ? (int)taken : -1;
}

/* Segmentation offload gives one vector a packet: each is a datagram. */
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    (void)flags;
    const struct virtual_socket *socket = socket_of(fd);
    size_t sent = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *vector = &message->msg_iov[i];
        sent_handler(&socket->address, message->msg_name,
                     bytes_of(vector->iov_base, vector->iov_len));
        sent += vector->iov_len;
    }
    return (ssize_t)sent;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    for (unsigned i = 0; i < count; i++)
        messages[i].msg_len = (unsigned)__wrap_sendmsg(fd, &messages[i].msg_hdr, flags);
    return (int)count;
}

int __wrap_close(int fd)
{
    if (fd < FIRST_FD)
        return __real_close(fd);
    struct virtual_socket *socket = socket_of(fd);
    struct datagram *datagram;
    while ((datagram = STAILQ_FIRST(&socket->waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(&socket->waiting, waiting_link);
        free(datagram);
    }
    socket->open = false;
    return 0;
}
