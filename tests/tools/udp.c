/*
 * The two ends of a UDP path, for shell tests.
 *
 *   udp echo ADDRESS                  prints the port it got, and sends each datagram back
 *   udp blank ADDRESS HEX             the same, and sends HEX back in place of each
 *   udp garble ADDRESS                the same, but an Initial packet that nobody can decrypt, to
 * the connection id of the sender's udp send ADDRESS PORT COUNT WAIT  sends "1" to COUNT at once,
 * prints each answer as "TEXT MILLISECONDS", and ends after WAIT ms without any udp raw ADDRESS
 * PORT WAIT HEX...  sends each HEX ("" is an empty datagram; HEX+SIZE is filled up with zeros) and
 * prints each answer in hexadecimal udp noise ADDRESS PORT COUNT SEED sends random datagrams, most
 * with the look of QUIC
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hex.h"
#include "common/random.h"

enum { DATAGRAM_SIZE_MAX = 65535 };

static char datagram[DATAGRAM_SIZE_MAX + 1];

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static struct addrinfo *resolve(const char *address, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(address, port, &hints, &found) != 0)
        fail(address);
    return found;
}

/* What is sent back for COUNT bytes in `datagram`: their number, in `datagram`. */
typedef size_t (*answerer)(size_t count);

static struct buffer blank;

static size_t same(size_t count)
{
    return count;
}

static size_t blank_answer(size_t count)
{
    (void)count;
    memcpy(datagram, blank.data, blank.size);
    return blank.size;
}

/* RFC 9000, section 17.2: the first byte, the version, and each connection id behind its length. */
static size_t garbled_answer(size_t count)
{
    enum { IDS = 5, ID_SIZE = 8, SIZE = 1200 };
    char id[ID_SIZE];
    if (count < IDS + 2 * (ID_SIZE + 1))
        return 0;
    memcpy(id, datagram + IDS + 1 + ID_SIZE + 1, ID_SIZE);
    memset(datagram + IDS, 0x5a, SIZE - IDS);
    datagram[IDS] = datagram[IDS + 1 + ID_SIZE] = ID_SIZE;
    memcpy(datagram + IDS + 1, id, ID_SIZE);
    memcpy(datagram + IDS + 2 * (ID_SIZE + 1), "\x00\x44\x90", 3); /* no token, 1168 bytes */
    return SIZE;
}

static int echo(const char *address, answerer answer)
{
    struct addrinfo *local = resolve(address, "0");
    int fd = socket(local->ai_family, SOCK_DGRAM, 0);
    struct sockaddr_in6 bound = {0};
    socklen_t size = sizeof(bound);
    if (fd < 0 || bind(fd, local->ai_addr, local->ai_addrlen) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        fail("echo");
    freeaddrinfo(local);
    printf("%u\n", ntohs(bound.sin6_port)); /* where IPv4 has its port too */
    fflush(stdout);
    for (;;) {
        struct sockaddr_storage from;
        socklen_t from_size = sizeof(from);
        ssize_t count =
            recvfrom(fd, datagram, DATAGRAM_SIZE_MAX, 0, (struct sockaddr *)&from, &from_size);
        if (count >= 0)
            sendto(fd, datagram, answer((size_t)count), 0, (struct sockaddr *)&from, from_size);
    }
}

static void print_answers(int fd, int wait_ms, uint64_t start)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    while (poll(&readable, 1, wait_ms) > 0) {
        ssize_t size = recv(fd, datagram, DATAGRAM_SIZE_MAX, 0);
        if (size < 0)
            continue;
        datagram[size] = '\0';
        printf("%s %.1f\n", datagram, (double)(clock_now_ns() - start) / 1e6);
    }
}

static int send_numbers(const char *address, const char *port, unsigned long count, int wait_ms)
{
    struct addrinfo *remote = resolve(address, port);
    int fd = socket(remote->ai_family, SOCK_DGRAM, 0);
    if (fd < 0 || connect(fd, remote->ai_addr, remote->ai_addrlen) != 0)
        fail("send");
    freeaddrinfo(remote);
    uint64_t start = clock_now_ns();
    for (unsigned long i = 1; i <= count; i++) {
        int size = snprintf(datagram, sizeof(datagram), "%lu", i);
        if (send(fd, datagram, (size_t)size, 0) != size)
            perror("send");
    }
    print_answers(fd, wait_ms, start);
    close(fd);
    return 0;
}

static int connected(const char *address, const char *port)
{
    struct addrinfo *remote = resolve(address, port);
    int fd = socket(remote->ai_family, SOCK_DGRAM, 0);
    if (fd < 0 || connect(fd, remote->ai_addr, remote->ai_addrlen) != 0)
        fail("connect");
    freeaddrinfo(remote);
    return fd;
}

static void send_hex(int fd, char *text)
{
    char *filled = strchr(text, '+');
    size_t size = filled != NULL ? strtoul(filled + 1, NULL, 10) : 0;
    if (filled != NULL)
        *filled = '\0';
    struct buffer bytes = {0};
    if (!hex_read(text, &bytes))
        fail(text);
    while (bytes.size < size)
        buffer_append_byte(&bytes, 0);
    if (send(fd, bytes.data, bytes.size, 0) < 0)
        perror("send");
    buffer_clear(&bytes);
}

static int send_raw(const char *address, const char *port, int wait_ms, char **datagrams)
{
    int fd = connected(address, port);
    for (; *datagrams != NULL; datagrams++)
        send_hex(fd, *datagrams);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    while (poll(&readable, 1, wait_ms) > 0) {
        ssize_t size = recv(fd, datagram, DATAGRAM_SIZE_MAX, 0);
        if (size < 0)
            continue;
        char *text = hex_text(bytes_of(datagram, (size_t)size));
        puts(text);
        free(text);
    }
    close(fd);
    return 0;
}

/* Random bytes behind the first byte of an Initial, a Handshake packet, a Retry, or a short header,
 * half of them with version 1 and connection ids of legal lengths. */
static void make_noise(struct random *random, size_t size)
{
    static const uint8_t first[] = {0xc0, 0xe0, 0xf0, 0x40, 0xd0};
    for (size_t i = 0; i < size; i++)
        datagram[i] = (char)random_below(random, 256);
    if (size > 0)
        datagram[0] = (char)(first[random_below(random, sizeof(first))] | (datagram[0] & 0x0f));
    if (size > 32 && random_below(random, 2) == 0) {
        memcpy(datagram + 1, "\0\0\0\1\10", 5);
        datagram[14] = 8;
    }
}

static int send_noise(const char *address, const char *port, unsigned long count, uint64_t seed)
{
    enum { NOISE_SIZE_MAX = 1500 };
    int fd = connected(address, port);
    struct random random;
    random_seed(&random, seed);
    for (unsigned long i = 0; i < count; i++) {
        size_t size = random_below(&random, 4) == 0 ? random_below(&random, 64)
                                                    : random_below(&random, NOISE_SIZE_MAX);
        make_noise(&random, size);
        if (send(fd, datagram, size, 0) < 0)
            perror("send");
        if (i % 64 == 63)
            usleep(1000);
    }
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "echo") == 0)
        return echo(argv[2], same);
    if (argc == 3 && strcmp(argv[1], "garble") == 0)
        return echo(argv[2], garbled_answer);
    if (argc == 4 && strcmp(argv[1], "blank") == 0 && hex_read(argv[3], &blank))
        return echo(argv[2], blank_answer);
    if (argc == 6 && strcmp(argv[1], "send") == 0)
        return send_numbers(argv[2], argv[3], strtoul(argv[4], NULL, 10), atoi(argv[5]));
    if (argc >= 5 && strcmp(argv[1], "raw") == 0)
        return send_raw(argv[2], argv[3], atoi(argv[4]), argv + 5);
    if (argc == 6 && strcmp(argv[1], "noise") == 0)
        return send_noise(argv[2], argv[3], strtoul(argv[4], NULL, 10),
                          strtoull(argv[5], NULL, 10));
    fputs("usage: udp echo ADDRESS | udp blank ADDRESS HEX | udp garble ADDRESS\n"
          "       udp send ADDRESS PORT COUNT WAIT\n"
          "       udp raw ADDRESS PORT WAIT HEX... | udp noise ADDRESS PORT COUNT SEED\n",
          stderr);
    return 2;
}
