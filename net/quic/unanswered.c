/* What comes in place of an answer to a dial, to be told beside the timeout: ICMP errors, datagrams
 * that are no QUIC, packets that nobody can read. Nothing of it ends a dial: none is authentic. */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h> /* needs time.h */

#include "net/quic/internal.h"

enum {
    ERRORS_PER_TURN = 64,
};

static bool is_dial(const struct quic_connection *connection)
{
    return !connection->server && !connection->established && connection->conn != NULL;
}

/* ---- ICMP ---- */

/* Of an error that ICMP has brought; NULL where it is the system's own. */
static const struct sock_extended_err *icmp_error(struct msghdr *header)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL;
         control = CMSG_NXTHDR(header, control)) {
        bool has_error =
            (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR) ||
            (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_RECVERR);
        if (!has_error)
            continue;
        const struct sock_extended_err *error =
            (const struct sock_extended_err *)(const void *)CMSG_DATA(control);
        bool by_icmp =
            error->ee_origin == SO_EE_ORIGIN_ICMP || error->ee_origin == SO_EE_ORIGIN_ICMP6;
        return by_icmp ? error : NULL;
    }
    return NULL;
}

static void note_icmp(struct quic_endpoint *endpoint, const struct sockaddr *remote, int number)
{
    struct quic_connection *connection;
    LIST_FOREACH(connection, &endpoint->connections, link)
    {
        if (is_dial(connection) && connection_is_with(connection, remote))
            connection->icmp_error = number;
    }
}

void unanswered_read_errors(struct quic_socket *socket)
{
    for (unsigned i = 0; i < ERRORS_PER_TURN; i++) {
        struct sockaddr_storage remote = {0};
        _Alignas(struct cmsghdr) uint8_t control[512];
        struct msghdr header = {.msg_name = &remote,
                                .msg_namelen = sizeof(remote),
                                .msg_control = control,
                                .msg_controllen = sizeof(control)};
        if (recvmsg(socket->fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return;
        const struct sock_extended_err *error = icmp_error(&header);
        if (error != NULL)
            note_icmp(socket->endpoint, (const struct sockaddr *)&remote, (int)error->ee_errno);
    }
}

/* ---- datagrams ---- */

void unanswered_note_datagram(struct quic_endpoint *endpoint, const struct sockaddr *remote,
                              const uint8_t *data, bool is_quic)
{
    /* A short header has no place before the handshake is over. */
    bool is_foreign = !is_quic || (data[0] & HEADER_FORM_LONG) == 0;
    struct quic_connection *connection;
    if (endpoint->dials == 0)
        return;
    LIST_FOREACH(connection, &endpoint->connections, link)
    {
        if (!is_dial(connection) || !connection_is_with(connection, remote))
            continue;
        connection->foreign_datagrams += is_foreign;
        connection->stray_datagrams += !is_foreign;
    }
}

/* ---- in words ---- */

struct sentence {
    char *text;
    size_t size, length;
};

static void add(struct sentence *sentence, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct sentence *sentence, const char *format, ...)
{
    va_list arguments;
    if (sentence->length >= sentence->size)
        return;
    va_start(arguments, format);
    sentence->length += (size_t)vsnprintf(sentence->text + sentence->length,
                                          sentence->size - sentence->length, format, arguments);
    va_end(arguments);
}

static void add_count(struct sentence *sentence, uint64_t count, const char *what)
{
    if (count > 0)
        add(sentence, "; %llu %s", (unsigned long long)count, what);
}

void quic_connection_in_place_of_answer(const struct quic_connection *connection, char *text,
                                        size_t size)
{
    struct sentence sentence = {.text = text, .size = size};
    text[0] = '\0';
    if (connection->icmp_error != 0)
        add(&sentence, "; ICMP came back: %s", strerror(connection->icmp_error));
    add_count(&sentence, connection->foreign_datagrams,
              connection->foreign_datagrams == 1 ? "datagram came that is not QUIC"
                                                 : "datagrams came that are not QUIC");
    add_count(&sentence, connection->stray_datagrams,
              connection->stray_datagrams == 1 ? "packet came that is of no connection of ours"
                                               : "packets came that are of no connection of ours");
    if (!connection->answered)
        add_count(&sentence, connection->bytes_in, "bytes came, and none were understood");
}
