/*
 * Begins handshakes and leaves them there, for shell tests.
 *
 *   half_open MULTIADDR COUNT
 *
 * A ClientHello of a connection of its own each time; what comes back is read, so that the sender
 * is no faster than the other side, and not answered. Prints {"sent":N,"retries":N} at the end.
 */
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "net/quic/internal.h"

enum {
    UNDER_WAY_MAX = 128, /* of which no Retry has come yet */
    PATIENCE_MS = 20,
    PACKET_TYPE = 0xf0,
    RETRY = 0xf0,
};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "half_open: %s: %s\n", what, why);
    exit(1);
}

static unsigned long read_retries(int fd)
{
    uint8_t datagram[DATAGRAM_SIZE_MAX];
    unsigned long retries = 0;
    while (recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT) > 0)
        retries += (datagram[0] & PACKET_TYPE) == RETRY;
    return retries;
}

static void send_hello(struct quic_connection *connection)
{
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    ngtcp2_pkt_info info = {0};
    uint8_t packet[PACKET_SIZE_MAX];
    ngtcp2_ssize size =
        ngtcp2_conn_writev_stream(connection->conn, &path.path, &info, packet, sizeof(packet), NULL,
                                  0, -1, NULL, 0, connection->started);
    const ngtcp2_addr *remote = &path.path.remote;
    if (size <= 0 || sendto(connection->socket->fd, packet, (size_t)size, 0,
                            (const struct sockaddr *)remote->addr, remote->addrlen) < 0)
        perror("half_open");
}

static void begin_many(struct quic_endpoint *endpoint, const struct multiaddr *target,
                       unsigned long count)
{
    unsigned long retries = 0, unanswered = 0;
    for (unsigned long sent = 0; sent < count; sent++) {
        struct error error;
        struct quic_connection *connection =
            quic_endpoint_dial(endpoint, target, NULL, NULL, &error);
        if (connection == NULL)
            fail("dialling", error.text);
        send_hello(connection);
        struct pollfd answers = {.fd = connection->socket->fd, .events = POLLIN};
        connection_free(connection);
        retries += read_retries(answers.fd);
        while (sent - retries - unanswered > UNDER_WAY_MAX) {
            if (poll(&answers, 1, PATIENCE_MS) == 0)
                unanswered = sent - retries; /* accepted, or lost on the way */
            retries += read_retries(answers.fd);
        }
    }
    printf("{\"sent\":%lu,\"retries\":%lu}\n", count, retries);
}

int main(int argc, char **argv)
{
    struct multiaddr target;
    struct error error;
    if (argc != 3 || !multiaddr_parse(argv[1], &target, &error))
        fail("usage", "half_open MULTIADDR COUNT");
    struct identity *identity = identity_generate();
    static const struct quic_handlers handlers; /* nobody is told: the loop never runs */
    struct quic_settings settings;
    quic_settings_default(&settings);
    settings.base = event_base_new();
    settings.identity = identity;
    settings.handlers = &handlers;
    struct quic_endpoint *endpoint = quic_endpoint_new(&settings, &error);
    if (endpoint == NULL)
        fail("QUIC", error.text);
    begin_many(endpoint, &target, strtoul(argv[2], NULL, 10));
    quic_endpoint_free(endpoint);
    event_base_free(settings.base);
    identity_free(identity);
    return 0;
}
