/*
 * UDP datagrams out, in batches. A run of packets to one address, all of one size but the last,
 * goes to the system as one (UDP segmentation offload): most of what bulk costs is the way through
 * the kernel, paid per send.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/memory.h"
#include "net/quic/internal.h"

enum {
    SEND_BATCH = 44, /* packets; as many as fit the largest UDP datagram, as which a run is sent */
};

_Static_assert(SEND_BATCH *PACKET_SIZE_MAX <= 65507, "a run must fit one UDP datagram");

/* Room for the one control message that tells the segments' size. */
union segment_control {
    struct cmsghdr header;
    uint8_t space[CMSG_SPACE(sizeof(uint16_t))];
};

struct send_batch {
    size_t count;
    bool no_segmentation; /* the system refused it once */
    struct quic_socket *sockets[SEND_BATCH];
    struct sockaddr_storage remotes[SEND_BATCH];
    socklen_t remote_sizes[SEND_BATCH];
    struct iovec vectors[SEND_BATCH];
    struct mmsghdr messages[SEND_BATCH];
    union segment_control controls[SEND_BATCH];
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
    batch->remote_sizes[i] = remote->addrlen;
    memcpy(&batch->remotes[i], remote->addr, remote->addrlen);
    batch->vectors[i] = (struct iovec){.iov_base = batch->packets[i], .iov_len = size};
    endpoint->statistics.datagrams_out++;
    endpoint->statistics.bytes_out += size;
}

/* ---- runs ---- */

static bool same_way(const struct send_batch *batch, size_t a, size_t b)
{
    return batch->sockets[a] == batch->sockets[b] &&
           batch->remote_sizes[a] == batch->remote_sizes[b] &&
           memcmp(&batch->remotes[a], &batch->remotes[b], batch->remote_sizes[a]) == 0;
}

/* How many packets from FROM on can be sent as one. */
static size_t run_length(const struct send_batch *batch, size_t from)
{
    size_t size = batch->vectors[from].iov_len;
    size_t end = from + 1;
    while (!batch->no_segmentation && end < batch->count && same_way(batch, from, end) &&
           batch->vectors[end].iov_len <= size && batch->vectors[end - 1].iov_len == size)
        end++;
    return end - from;
}

static void fill_message(struct send_batch *batch, struct msghdr *header, size_t from, size_t count)
{
    *header = (struct msghdr){
        .msg_name = &batch->remotes[from],
        .msg_namelen = batch->remote_sizes[from],
        .msg_iov = &batch->vectors[from],
        .msg_iovlen = count,
    };
    if (count == 1)
        return;
    uint16_t segment = (uint16_t)batch->vectors[from].iov_len;
    header->msg_control = &batch->controls[from];
    header->msg_controllen = sizeof(batch->controls[from]);
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(segment));
    memcpy(CMSG_DATA(control), &segment, sizeof(segment));
}

/* ---- sending ---- */

static bool is_of_another(int reason)
{
    return reason == ECONNREFUSED || reason == EHOSTUNREACH || reason == ENETUNREACH ||
           reason == EPROTO || reason == EHOSTDOWN || reason == ENONET;
}

/* An error that ICMP has brought of another datagram is told by the next call, whatever that sends,
 * and only once. */
static ssize_t send_single(int fd, const struct msghdr *message)
{
    ssize_t sent = sendmsg(fd, message, 0);
    return sent < 0 && is_of_another(errno) ? sendmsg(fd, message, 0) : sent;
}

/* The system takes no run here, or one of its packets is a probe of a size that the path does not
 * bear: each goes alone, and the batch says no more of runs if it was not for a probe. */
static void send_one_by_one(struct quic_endpoint *endpoint, const struct msghdr *run, int fd,
                            int reason)
{
    if (reason == EIO || reason == EINVAL || reason == EOPNOTSUPP)
        endpoint->batch->no_segmentation = true;
    for (size_t i = 0; i < run->msg_iovlen; i++) {
        struct msghdr single = {.msg_name = run->msg_name,
                                .msg_namelen = run->msg_namelen,
                                .msg_iov = &run->msg_iov[i],
                                .msg_iovlen = 1};
        if (send_single(fd, &single) < 0)
            endpoint->statistics.datagrams_dropped++;
    }
}

/* A datagram that the system does not take is as good as lost on the way: QUIC sends it again. */
static void send_messages(struct quic_endpoint *endpoint, int fd, struct mmsghdr *messages,
                          size_t count)
{
    while (count > 0) {
        int sent = sendmmsg(fd, messages, (unsigned)count, 0);
        if (sent < 0 && is_of_another(errno))
            sent = sendmmsg(fd, messages, (unsigned)count, 0);
        int reason = errno;
        if (sent < 0 && reason == EINTR)
            continue;
        const struct msghdr *refused = &messages[0].msg_hdr;
        if (sent <= 0) {
            bool full = reason == EAGAIN || reason == ENOBUFS;
            if (refused->msg_iovlen > 1 && !full)
                send_one_by_one(endpoint, refused, fd, reason);
            else
                endpoint->statistics.datagrams_dropped += refused->msg_iovlen;
            sent = 1;
        }
        messages += sent;
        count -= (size_t)sent;
    }
}

void send_batch_flush(struct quic_endpoint *endpoint)
{
    struct send_batch *batch = endpoint->batch;
    size_t count = 0;
    for (size_t from = 0; from < batch->count;) {
        size_t length = run_length(batch, from);
        fill_message(batch, &batch->messages[count++].msg_hdr, from, length);
        size_t next = from + length;
        if (next == batch->count || batch->sockets[next] != batch->sockets[from]) {
            send_messages(endpoint, batch->sockets[from]->fd, batch->messages, count);
            count = 0;
        }
        from = next;
    }
    batch->count = 0;
}
