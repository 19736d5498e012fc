/*
 * A UDP path that somebody listens and writes to, for shell tests: what passes is forwarded as it
 * is, and ahead of each datagram goes whatever an attacker can make of it who has no keys but those
 * that every Initial packet tells (RFC 9000, section 21.1).
 *
 *   forger ADDRESS PORT    prints the port that it got; one client at a time
 *
 * To the client: Version Negotiation and Retry packets, with ids made up, with a broken integrity
 * tag, with the very version that is spoken, and, once it has heard of the server, flawless ones.
 * To both: the same kinds the wrong way round, stateless resets without the token, an earlier
 * datagram again, and one with a bit flipped.
 * Prints how many of them it sent when it is told to end.
 */
#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/quic/compat.h"

enum { DATAGRAM_SIZE_MAX = 2048, ID_SIZE = 8, RESET_SIZE = 43, OTHER_VERSION = 0x0a0a0a0a };

/* One direction; PEER is who its datagrams go to. */
struct way {
    int fd;
    struct sockaddr_in peer;
    uint8_t earlier[DATAGRAM_SIZE_MAX];
    size_t earlier_size;
    unsigned long forwarded;
};

static struct {
    struct way to_client, to_server;
    ngtcp2_cid client, server, original; /* connection ids, as long headers have shown them */
    unsigned long forged;
} me;

static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
    (void)number;
    told_to_end = 1;
}

static void forge(const struct way *way, const uint8_t *data, ngtcp2_ssize size)
{
    if (size > 0 && sendto(way->fd, data, (size_t)size, 0, (const struct sockaddr *)&way->peer,
                           sizeof(way->peer)) == size)
        me.forged++;
}

static ngtcp2_cid made_up(void)
{
    ngtcp2_cid id = {.datalen = ID_SIZE};
    gnutls_rnd(GNUTLS_RND_NONCE, id.data, ID_SIZE);
    return id;
}

static void forge_version_negotiation(const struct way *way, const ngtcp2_cid *to,
                                      const ngtcp2_cid *from, uint32_t version)
{
    uint8_t packet[DATAGRAM_SIZE_MAX];
    forge(way, packet,
          ngtcp2_pkt_write_version_negotiation(packet, sizeof(packet), 0, to->data, to->datalen,
                                               from->data, from->datalen, &version, 1));
}

static void forge_retry(const struct way *way, const ngtcp2_cid *to, bool flawless)
{
    uint8_t packet[DATAGRAM_SIZE_MAX];
    const ngtcp2_cid from = made_up();
    static const uint8_t token[] = "a token";
    ngtcp2_ssize size = ngtcp2_crypto_write_retry(packet, sizeof(packet), NGTCP2_PROTO_VER_V1, to,
                                                  &from, &me.original, token, sizeof(token));
    if (size > 0 && !flawless)
        packet[size - 1] ^= 1;
    forge(way, packet, size);
}

static void forge_reset(const struct way *way, const ngtcp2_cid *to)
{
    uint8_t packet[RESET_SIZE];
    gnutls_rnd(GNUTLS_RND_NONCE, packet, sizeof(packet));
    packet[0] = 0x40 | (packet[0] & 0x3f);
    memcpy(packet + 1, to->data, to->datalen <= ID_SIZE ? to->datalen : ID_SIZE);
    forge(way, packet, sizeof(packet));
}

static void forge_copies(const struct way *way)
{
    size_t size = way->earlier_size;
    if (size == 0 || size > DATAGRAM_SIZE_MAX)
        return;
    uint8_t copy[DATAGRAM_SIZE_MAX];
    memcpy(copy, way->earlier, size);
    forge(way, copy, (ngtcp2_ssize)size);
    copy[size / 2] ^= 1;
    forge(way, copy, (ngtcp2_ssize)size);
}

static void forge_for(const struct way *way, const ngtcp2_cid *to, const ngtcp2_cid *from)
{
    const ngtcp2_cid stranger = made_up();
    forge_version_negotiation(way, to, &stranger, OTHER_VERSION);
    forge_version_negotiation(way, &stranger, from, OTHER_VERSION);
    forge_version_negotiation(way, to, from, NGTCP2_PROTO_VER_V1);
    forge_retry(way, to, false);
    forge_retry(way, &stranger, true);
    forge_reset(way, to);
    forge_reset(way, &stranger);
    forge_copies(way);
    if (way->forwarded == 0)
        return;
    forge_version_negotiation(way, to, from, OTHER_VERSION);
    forge_retry(way, to, true);
}

static bool is_long(const uint8_t *data, size_t size, ngtcp2_version_cid *ids)
{
    return size > 0 && (data[0] & 0x80) != 0 &&
           ngtcp2_pkt_decode_version_cid(ids, data, size, ID_SIZE) == 0;
}

static void learn(const struct way *way, const uint8_t *data, size_t size)
{
    ngtcp2_version_cid ids;
    if (!is_long(data, size, &ids))
        return;
    bool from_client = way == &me.to_server;
    ngtcp2_cid_init(from_client ? &me.client : &me.server, ids.scid, ids.scidlen);
    if (from_client && way->forwarded == 0) {
        ngtcp2_cid_init(&me.original, ids.dcid, ids.dcidlen);
        me.server = me.original;
    }
}

/* To the server nothing is forged ahead of the first datagram: there is no connection yet. */
static void pass(struct way *way, struct sockaddr_in *sender)
{
    uint8_t data[DATAGRAM_SIZE_MAX];
    struct sockaddr_in from;
    socklen_t from_size = sizeof(from);
    const struct way *back = way == &me.to_server ? &me.to_client : &me.to_server;
    ssize_t size = recvfrom(back->fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_size);
    if (size < 0)
        return;
    *sender = from;
    learn(way, data, (size_t)size);
    if (way == &me.to_client)
        forge_for(way, &me.client, &me.server);
    else if (way->forwarded > 0)
        forge_for(way, &me.server, &me.client);
    sendto(way->fd, data, (size_t)size, 0, (const struct sockaddr *)&way->peer, sizeof(way->peer));
    memcpy(way->earlier, data, (size_t)size);
    way->earlier_size = (size_t)size;
    way->forwarded++;
}

static int any_port(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) != 0) {
        perror("forger");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    me.to_server.peer.sin_family = AF_INET;
    if (argc != 3 || inet_pton(AF_INET, argv[1], &me.to_server.peer.sin_addr) != 1) {
        fputs("usage: forger ADDRESS PORT\n", stderr);
        return 2;
    }
    me.to_server.peer.sin_port = htons((uint16_t)atoi(argv[2]));
    me.to_client.fd = any_port();
    me.to_server.fd = any_port();
    struct sockaddr_in bound = {0}, ignored;
    socklen_t size = sizeof(bound);
    getsockname(me.to_client.fd, (struct sockaddr *)&bound, &size);
    printf("%u\n", ntohs(bound.sin_port));
    fflush(stdout);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
    struct pollfd readable[] = {{.fd = me.to_client.fd, .events = POLLIN},
                                {.fd = me.to_server.fd, .events = POLLIN}};
    while (!told_to_end && poll(readable, 2, -1) > 0) {
        if (readable[0].revents != 0)
            pass(&me.to_server, &me.to_client.peer);
        if (readable[1].revents != 0)
            pass(&me.to_client, &ignored);
    }
    printf("%lu\n", me.forged);
    close(me.to_client.fd);
    close(me.to_server.fd);
    return 0;
}
