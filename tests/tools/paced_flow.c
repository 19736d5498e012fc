/*
 * How long gossip messages are under way between two nodes, a process each, over whatever is
 * between them.
 *
 * paced_flow SIZE
 *
 * Prints {"publisher", "receiver"}, where the two listen: their keys are 64 times the digit 1
 * and 2. Then reads lines from stdin, "ADDRESS MESSAGES RATE": the publisher dials the receiver
 * there, and publishes so many messages a second, or, where RATE is 0, as fast as they are taken.
 * For each it prints {"messages", "received", "wall_ms", "median_us"}: what has arrived, from the
 * first one's publication to the last one's arrival, and how long one was under way.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/output.h"
#include "net/host/internal.h"

enum {
    QUEUE_MAX = 1 << 20,    /* bytes that wait for the network before the publisher pauses */
    BACKLOG_MAX = 16 << 20, /* of what has not arrived: the host leaves out more than 32 MiB */
    PAUSE_US = 200,
    AT_ONCE = 8, /* what is published waits for the loop's next turn */
    MESSAGES_MAX = 1 << 16,
    LIMIT_S = 120,
    LINE_SIZE = 256,
};
#define PATIENCE_NS UINT64_C(10000000000) /* for what may be lost */

static const char topic[] = "/leanconsensus/12345678/block/ssz_snappy";

struct node {
    struct event_base *base;
    struct identity *identity;
    struct host *host;
    struct host_observer observer;
};

struct order {
    struct multiaddr address;
    size_t messages;
    double rate; /* a second; 0: as fast as may be */
};

/* What has arrived, which both processes see. */
struct arrivals {
    _Atomic size_t count;
    uint64_t last_ns;
    uint64_t delays_ns[MESSAGES_MAX];
};

static struct arrivals *arrivals;
static size_t size;

static void fail(const char *what)
{
    fprintf(stderr, "paced_flow: %s\n", what);
    exit(1);
}

static void start(struct node *node, int key, void (*event)(void *, const struct host_event *),
                  void *context)
{
    struct error error;
    struct host_settings settings;
    struct multiaddr address;
    uint8_t secret[IDENTITY_SECRET_SIZE];
    memset(secret, key, sizeof(secret));
    node->base = event_base_new();
    node->identity = identity_from_secret(bytes_of(secret, sizeof(secret)), &error);
    host_settings_default(&settings);
    settings.base = node->base;
    settings.identity = node->identity;
    node->host = host_new(&settings, &error);
    if (node->host == NULL || !host_subscribe(node->host, topic, &error) ||
        !multiaddr_parse("/ip4/127.0.0.1/udp/0/quic-v1", &address, &error) ||
        !host_listen(node->host, &address, &error))
        fail(error.text);
    node->observer = (struct host_observer){.event = event, .context = context};
    host_observe(node->host, &node->observer);
}

/* ---- the receiver ---- */

static void on_received(void *context, const struct host_event *event)
{
    (void)context;
    uint64_t sent_ns;
    size_t count = arrivals->count;
    if (event->kind != HOST_MESSAGE || event->payload.size != size || count == MESSAGES_MAX)
        return;
    memcpy(&sent_ns, event->payload.data, sizeof(sent_ns));
    arrivals->last_ns = clock_now_ns();
    arrivals->delays_ns[count] = arrivals->last_ns - sent_ns;
    arrivals->count = count + 1;
}

static void receive(int addresses)
{
    struct node node;
    start(&node, 0x22, on_received, NULL);
    struct multiaddr address = host_listen_address(node.host, 0);
    if (write(addresses, &address, sizeof(address)) != (ssize_t)sizeof(address))
        exit(1);
    event_base_dispatch(node.base); /* until it is killed */
    exit(0);
}

/* ---- the publisher ---- */

struct publisher {
    struct node node;
    struct order order;
    struct event *tick;
    uint8_t *payload;
    size_t done;
    uint64_t began_ns, last_ns;
};

static void stop(void *context)
{
    struct publisher *publisher = context;
    event_base_loopbreak(publisher->node.base);
}

static bool may_publish(const struct publisher *publisher, const struct peer *peer)
{
    double rate = publisher->order.rate;
    double due = (double)(clock_now_ns() - publisher->began_ns) / 1e9 * rate;
    return publisher->done < publisher->order.messages &&
           (rate <= 0 || (double)publisher->done < due) &&
           publisher->done - arrivals->count < BACKLOG_MAX / size &&
           (rate > 0 || quic_stream_unsent(peer->outbound->quic) < QUEUE_MAX);
}

static void publish_one(struct publisher *publisher)
{
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t receivers;
    struct error error;
    uint64_t now_ns = clock_now_ns();
    memcpy(publisher->payload, &now_ns, sizeof(now_ns));
    if (!host_publish(publisher->node.host, topic, bytes_of(publisher->payload, size), id,
                      &receivers, &error))
        fail(error.text);
    publisher->done++;
    publisher->last_ns = now_ns;
}

static bool is_over(const struct publisher *publisher)
{
    return publisher->done == publisher->order.messages &&
           (arrivals->count == publisher->done ||
            clock_now_ns() - publisher->last_ns > PATIENCE_NS);
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct publisher *publisher = argument;
    const struct peer *peer = peer_first(publisher->node.host);
    if (peer == NULL || peer->outbound == NULL)
        fail("the connection is lost");
    for (int i = 0; i < AT_ONCE && may_publish(publisher, peer); i++)
        publish_one(publisher);
    if (is_over(publisher)) {
        stop(publisher);
        return;
    }
    struct timeval delay = {.tv_usec = PAUSE_US};
    evtimer_add(publisher->tick, &delay);
}

static void on_meshed(void *context, const struct host_event *event)
{
    struct publisher *publisher = context;
    struct timeval now = {0};
    if (event->kind == HOST_DISCONNECTED)
        stop(publisher);
    if (event->kind != HOST_MESH_JOINED)
        return;
    publisher->began_ns = clock_now_ns();
    evtimer_add(publisher->tick, &now);
}

/* One connection, until all has arrived. */
static void carry_out(struct publisher *publisher)
{
    struct error error;
    publisher->done = 0;
    arrivals->count = 0;
    if (host_dial(publisher->node.host, &publisher->order.address, &error) == 0)
        fail(error.text);
    event_base_dispatch(publisher->node.base);
    host_disconnect(publisher->node.host, peer_first(publisher->node.host), "");
    event_base_dispatch(publisher->node.base);
}

static int by_size(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static void tell(const struct publisher *publisher)
{
    size_t count = arrivals->count;
    qsort(arrivals->delays_ns, count, sizeof(uint64_t), by_size);
    uint64_t middle = count > 0 ? arrivals->delays_ns[count / 2] : 0;
    json_t *json = json_pack("{s:I, s:I, s:f, s:f}", "messages",
                             (json_int_t)publisher->order.messages, "received", (json_int_t)count,
                             "wall_ms", (double)(arrivals->last_ns - publisher->began_ns) / 1e6,
                             "median_us", (double)middle / 1e3);
    output_json_line(json);
    json_decref(json);
    fflush(stdout);
}

static void take_orders(struct publisher *publisher)
{
    char line[LINE_SIZE], address[LINE_SIZE];
    struct error error;
    struct order *order = &publisher->order;
    while (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "end\n") != 0) {
        if (sscanf(line, "%255s %zu %lf", address, &order->messages, &order->rate) != 3 ||
            !multiaddr_parse(address, &order->address, &error) || order->messages > MESSAGES_MAX)
            fail("expected ADDRESS MESSAGES RATE");
        alarm(LIMIT_S);
        carry_out(publisher);
        alarm(0);
        tell(publisher);
    }
}

static void tell_addresses(const struct publisher *publisher, int addresses)
{
    struct multiaddr theirs, ours = host_listen_address(publisher->node.host, 0);
    char ours_text[MULTIADDR_TEXT_SIZE], theirs_text[MULTIADDR_TEXT_SIZE];
    if (read(addresses, &theirs, sizeof(theirs)) != (ssize_t)sizeof(theirs))
        fail("the receiver has ended");
    multiaddr_text(&ours, ours_text);
    multiaddr_text(&theirs, theirs_text);
    printf("{\"publisher\":\"%s\",\"receiver\":\"%s\"}\n", ours_text, theirs_text);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    size = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    int addresses[2];
    if (size < sizeof(uint64_t) || pipe(addresses) != 0) {
        fputs("usage: paced_flow SIZE\n", stderr);
        return 2;
    }
    arrivals =
        mmap(NULL, sizeof(*arrivals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (arrivals == MAP_FAILED)
        fail("no memory");
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        receive(addresses[1]);
    }
    struct publisher publisher = {.payload = memory_new(size)};
    for (size_t i = 0; i < size; i++)
        publisher.payload[i] = (uint8_t)(random() >> 8);
    start(&publisher.node, 0x11, on_meshed, &publisher);
    publisher.tick = evtimer_new(publisher.node.base, on_tick, &publisher);
    tell_addresses(&publisher, addresses[0]);
    take_orders(&publisher);
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
    event_free(publisher.tick);
    free(publisher.payload);
    host_free(publisher.node.host);
    identity_free(publisher.node.identity);
    event_base_free(publisher.node.base);
    return 0;
}
