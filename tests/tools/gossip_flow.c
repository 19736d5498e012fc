/*
 * How many gossip messages two nodes move: a publisher and a receiver, a process each, over
 * loopback. Prints {"size", "messages", "received", "wall_ms", "cpu_ms", "rss_kb"} of both
 * together. With a MULTIADDR the receiver is a node that runs already, and "received" is what was
 * published to it.
 *
 * gossip_flow SIZE MESSAGES [MULTIADDR]
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/output.h"
#include "net/host/internal.h"

enum {
    QUEUE_MAX = 1 << 20, /* bytes that wait for the network before the publisher pauses */
    PAUSE_US = 200,
    LIMIT_S = 120,
};

static const char topic[] = "/leanconsensus/12345678/block/ssz_snappy";

struct bench {
    struct event_base *base;
    struct identity *identity;
    struct host *host;
    struct host_observer observer;
    struct event *tick;
    size_t size, messages, done;
    bool leaves; /* once all is published: the receiver does not */
    uint8_t *payload;
    int address[2];
};

static void start(struct bench *bench)
{
    struct error error;
    struct host_settings settings;
    bench->base = event_base_new();
    bench->identity = identity_generate();
    host_settings_default(&settings);
    settings.base = bench->base;
    settings.identity = bench->identity;
    bench->host = host_new(&settings, &error);
    if (bench->host == NULL || !host_subscribe(bench->host, topic, &error)) {
        fprintf(stderr, "gossip_flow: %s\n", error.text);
        exit(1);
    }
}

static void stop(void *context)
{
    struct bench *bench = context;
    event_base_loopbreak(bench->base);
}

/* ---- the receiver ---- */

static void on_received(void *context, const struct host_event *event)
{
    struct bench *bench = context;
    if (event->kind == HOST_MESSAGE && ++bench->done == bench->messages)
        host_shutdown(bench->host, 0, stop, bench);
    if (event->kind == HOST_DISCONNECTED)
        stop(bench);
}

static void receive(struct bench *bench)
{
    struct error error;
    struct multiaddr address;
    start(bench);
    if (!multiaddr_parse("/ip4/127.0.0.1/udp/0/quic-v1", &address, &error) ||
        !host_listen(bench->host, &address, &error))
        exit(1);
    address = host_listen_address(bench->host, 0);
    if (write(bench->address[1], &address, sizeof(address)) != (ssize_t)sizeof(address))
        exit(1);
    bench->observer = (struct host_observer){.event = on_received, .context = bench};
    host_observe(bench->host, &bench->observer);
    event_base_dispatch(bench->base);
    if (write(bench->address[1], &bench->done, sizeof(bench->done)) < 0)
        exit(1);
    exit(0);
}

/* ---- the publisher ---- */

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct bench *bench = argument;
    const struct peer *peer = peer_first(bench->host);
    while (bench->done < bench->messages && peer != NULL && peer->outbound != NULL &&
           quic_stream_unsent(peer->outbound->quic) < QUEUE_MAX) {
        uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
        size_t receivers;
        struct error error;
        memcpy(bench->payload, &bench->done, sizeof(bench->done));
        if (!host_publish(bench->host, topic, bytes_of(bench->payload, bench->size), id, &receivers,
                          &error)) {
            fprintf(stderr, "gossip_flow: %s\n", error.text);
            exit(1);
        }
        bench->done++;
    }
    if (bench->leaves && bench->done == bench->messages &&
        (peer == NULL || peer->outbound == NULL || quic_stream_unsent(peer->outbound->quic) == 0)) {
        host_shutdown(bench->host, 0, stop, bench);
        return;
    }
    struct timeval delay = {.tv_usec = PAUSE_US};
    evtimer_add(bench->tick, &delay);
}

static void on_published(void *context, const struct host_event *event)
{
    struct bench *bench = context;
    struct timeval now = {0};
    if (event->kind == HOST_MESH_JOINED && bench->tick == NULL) {
        bench->tick = evtimer_new(bench->base, on_tick, bench);
        evtimer_add(bench->tick, &now);
    }
    if (event->kind == HOST_DISCONNECTED)
        stop(bench);
}

static void publish(struct bench *bench, const struct multiaddr *address)
{
    struct error error;
    start(bench);
    bench->observer = (struct host_observer){.event = on_published, .context = bench};
    host_observe(bench->host, &bench->observer);
    bench->payload = memory_new(bench->size + sizeof(bench->done));
    for (size_t i = 0; i < bench->size; i++)
        bench->payload[i] = (uint8_t)(random() >> 8);
    if (host_dial(bench->host, address, &error) == 0)
        exit(1);
    event_base_dispatch(bench->base);
    free(bench->payload);
    host_free(bench->host);
    identity_free(bench->identity);
}

static double cpu_ms(int who, long *rss_kb)
{
    struct rusage usage;
    getrusage(who, &usage);
    *rss_kb = usage.ru_maxrss > *rss_kb ? usage.ru_maxrss : *rss_kb;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

/* Both ends; how many messages came through. */
static size_t flow_between_two(struct bench *bench)
{
    struct multiaddr address;
    size_t received = 0;
    pid_t child = fork();
    if (child == 0)
        receive(bench);
    if (read(bench->address[0], &address, sizeof(address)) != (ssize_t)sizeof(address))
        exit(1);
    publish(bench, &address);
    if (read(bench->address[0], &received, sizeof(received)) < 0)
        exit(1);
    waitpid(child, NULL, 0);
    return received;
}

static size_t flow_to(struct bench *bench, const char *text)
{
    struct multiaddr address;
    struct error error;
    if (!multiaddr_parse(text, &address, &error)) {
        fprintf(stderr, "gossip_flow: %s: %s\n", text, error.text);
        exit(2);
    }
    bench->leaves = true;
    publish(bench, &address);
    return bench->done;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        fputs("usage: gossip_flow SIZE MESSAGES [MULTIADDR]\n", stderr);
        return 2;
    }
    struct bench bench = {.size = strtoul(argv[1], NULL, 10),
                          .messages = strtoul(argv[2], NULL, 10)};
    if (bench.size < sizeof(bench.done) || bench.messages == 0 || pipe(bench.address) != 0)
        return 2;
    alarm(LIMIT_S);
    uint64_t started = clock_now_ns();
    size_t received = argc == 4 ? flow_to(&bench, argv[3]) : flow_between_two(&bench);
    long rss_kb = 0;
    double cpu = cpu_ms(RUSAGE_SELF, &rss_kb) + cpu_ms(RUSAGE_CHILDREN, &rss_kb);
    json_t *result = json_pack(
        "{s:I, s:I, s:I, s:f, s:f, s:I}", "size", (json_int_t)bench.size, "messages",
        (json_int_t)bench.messages, "received", (json_int_t)received, "wall_ms",
        (double)(clock_now_ns() - started) / 1e6, "cpu_ms", cpu, "rss_kb", (json_int_t)rss_kb);
    output_json_line(result);
    json_decref(result);
    return received == bench.messages ? 0 : 1;
}
