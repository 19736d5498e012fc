#include "net/relay/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/hash_table.h"
#include "common/log.h"
#include "common/memory.h"
#include "net/relay/delay_queue.h"

enum {
    DATAGRAM_SIZE_MAX = 65535,
    BATCH = 64, /* datagrams read at once, so that timers get their turn */
    SOCKET_BUFFER_SIZE = 4 << 20,
    SWEEP_INTERVAL_S = 10,
};

/* One direction of one client. */
struct flow {
    struct client *client;
    enum direction direction;
    uint64_t last_release_ns; /* jitter does not reorder: nobody leaves before it */
};

struct client_key {
    uint8_t address[16];
    uint32_t scope;
    uint16_t family;
    uint16_t port;
};

struct client {
    struct relay *relay;
    struct client_key key;
    struct relay_endpoint endpoint;
    int socket; /* connected to the server */
    struct event *readable;
    struct flow flows[DIRECTION_COUNT];
    uint64_t active_ms;
    size_t pending; /* datagrams in the queue that point here */
    UT_hash_handle hh;
};

struct relay {
    struct event_base *base;
    const struct impairment *impairment;
    struct relay_endpoint listening, server;
    int socket;
    struct event *readable, *release, *sweep;
    struct client *clients;
    struct delay_queue queue;
    uint64_t armed_ns; /* when `release` fires; UINT64_MAX: not armed */
    struct relay_counts counts[DIRECTION_COUNT];
    bool warned_of_clients, warned_of_queue;
};

/* What is being carried: one at a time, whatever the number of relays. */
static uint8_t datagram_buffer[DATAGRAM_SIZE_MAX];

static int open_socket(int family)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int size = SOCKET_BUFFER_SIZE;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
    return fd;
}

static ssize_t send_once(const struct flow *flow, struct bytes datagram)
{
    const struct client *client = flow->client;
    if (flow->direction == FROM_CLIENT)
        return send(client->socket, datagram.data, datagram.size, 0);
    return sendto(client->relay->socket, datagram.data, datagram.size, 0,
                  (const struct sockaddr *)&client->endpoint.address, client->endpoint.size);
}

static void forward(const struct flow *flow, struct bytes datagram, unsigned copies)
{
    struct relay_counts *counts = &flow->client->relay->counts[flow->direction];
    for (unsigned i = 0; i < copies; i++) {
        ssize_t sent = send_once(flow, datagram);
        /* The error is an earlier datagram's, told by ICMP; this one has not been sent yet. */
        if (sent < 0 && (errno == ECONNREFUSED || errno == EINTR))
            sent = send_once(flow, datagram);
        if (sent < 0) {
            counts->failed++;
            continue;
        }
        counts->forwarded++;
        counts->duplicated += i > 0;
        counts->bytes += datagram.size;
    }
}

static void arm(struct relay *relay)
{
    uint64_t next = delay_queue_next(&relay->queue);
    if (next >= relay->armed_ns)
        return;
    uint64_t now = clock_now_ns();
    uint64_t wait_us = next > now ? (next - now + 999) / 1000 : 0;
    const struct timeval wait = clock_timeval(wait_us);
    event_arm(relay->release, &wait);
    relay->armed_ns = next;
}

static void on_release(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct relay *relay = context;
    struct delayed *delayed;
    while ((delayed = delay_queue_pop(&relay->queue, clock_now_ns())) != NULL) {
        struct flow *flow = delayed->owner;
        flow->client->pending--;
        if (relay->impairment->cut)
            relay->counts[flow->direction].dropped++;
        else
            forward(flow, bytes_of(delayed->data, delayed->size), delayed->copies);
        free(delayed);
    }
    relay->armed_ns = UINT64_MAX;
    arm(relay);
}

static void delay(struct flow *flow, struct bytes datagram,
                  const struct impairment_decision *decision)
{
    struct relay *relay = flow->client->relay;
    uint64_t release_ns = clock_now_ns() + decision->delay_ns;
    if (release_ns < flow->last_release_ns)
        release_ns = flow->last_release_ns;
    if (!decision->hold)
        flow->last_release_ns = release_ns;
    struct delayed *delayed = delay_queue_push(&relay->queue, release_ns, datagram);
    if (delayed == NULL) {
        relay->counts[flow->direction].failed++;
        if (!relay->warned_of_queue)
            log_warn("over %d MiB wait for their delay: what comes now is lost",
                     DELAY_QUEUE_BYTES_MAX >> 20);
        relay->warned_of_queue = true;
        return;
    }
    delayed->owner = flow;
    delayed->copies = decision->duplicate ? 2 : 1;
    flow->client->pending++;
    arm(relay);
}

static void carry(struct flow *flow, struct bytes datagram)
{
    struct relay *relay = flow->client->relay;
    struct relay_counts *counts = &relay->counts[flow->direction];
    struct impairment_decision decision =
        impairment_decide(relay->impairment, flow->direction, ++counts->received);
    if (decision.drop) {
        counts->dropped++;
        return;
    }
    counts->reordered += decision.hold;
    if (decision.delay_ns > 0)
        delay(flow, datagram, &decision);
    else
        forward(flow, datagram, decision.duplicate ? 2 : 1);
}

static void on_server_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct client *client = context;
    for (int i = 0; i < BATCH; i++) {
        ssize_t size = recv(fd, datagram_buffer, sizeof(datagram_buffer), 0);
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (size < 0)
            continue; /* ICMP's word that the server is not there: clients find out themselves */
        client->active_ms = clock_now_ms();
        carry(&client->flows[FROM_SERVER], bytes_of(datagram_buffer, (size_t)size));
    }
}

static struct client_key key_of(const struct relay_endpoint *endpoint)
{
    struct client_key key = {.family = endpoint->address.ss_family,
                             .port = relay_endpoint_port(endpoint)};
    if (key.family == AF_INET6) {
        const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)&endpoint->address;
        memcpy(key.address, &ip6->sin6_addr, sizeof(ip6->sin6_addr));
        key.scope = ip6->sin6_scope_id;
    } else {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)&endpoint->address;
        memcpy(key.address, &ip4->sin_addr, sizeof(ip4->sin_addr));
    }
    return key;
}

static void client_free(struct client *client)
{
    HASH_DEL(client->relay->clients, client);
    if (client->readable != NULL)
        event_free(client->readable);
    if (client->socket >= 0)
        close(client->socket);
    free(client);
}

/* Once: what a client sends in vain may be a flood. */
static void warn_of_client(struct relay *relay, const char *reason)
{
    if (!relay->warned_of_clients)
        log_warn("a client is ignored, with %u relayed: %s", HASH_COUNT(relay->clients), reason);
    relay->warned_of_clients = true;
}

static struct client *client_new(struct relay *relay, const struct relay_endpoint *endpoint,
                                 const struct client_key *key)
{
    struct client *client = memory_new(sizeof(*client));
    client->relay = relay;
    client->key = *key;
    client->endpoint = *endpoint;
    for (int i = 0; i < DIRECTION_COUNT; i++)
        client->flows[i] = (struct flow){.client = client, .direction = (enum direction)i};
    HASH_ADD(hh, relay->clients, key, sizeof(client->key), client);
    client->socket = open_socket(relay->server.address.ss_family);
    if (client->socket < 0 ||
        connect(client->socket, (const struct sockaddr *)&relay->server.address,
                relay->server.size) != 0) {
        warn_of_client(relay, strerror(errno));
        client_free(client);
        return NULL;
    }
    client->readable =
        event_new(relay->base, client->socket, EV_READ | EV_PERSIST, on_server_readable, client);
    event_arm(client->readable, NULL);
    return client;
}

static struct client *find_client(struct relay *relay, const struct relay_endpoint *endpoint)
{
    struct client_key key = key_of(endpoint);
    struct client *client = NULL;
    HASH_FIND(hh, relay->clients, &key, sizeof(key), client);
    if (client == NULL && HASH_COUNT(relay->clients) < RELAY_CLIENTS_MAX)
        client = client_new(relay, endpoint, &key);
    else if (client == NULL)
        warn_of_client(relay, "as many as can be are relayed already");
    return client;
}

static void on_client_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct relay *relay = context;
    for (int i = 0; i < BATCH; i++) {
        struct relay_endpoint from = {.size = sizeof(from.address)};
        ssize_t size = recvfrom(fd, datagram_buffer, sizeof(datagram_buffer), 0,
                                (struct sockaddr *)&from.address, &from.size);
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (size < 0)
            continue;
        struct client *client = find_client(relay, &from);
        if (client == NULL) {
            relay->counts[FROM_CLIENT].received++;
            relay->counts[FROM_CLIENT].failed++;
            continue;
        }
        client->active_ms = clock_now_ms();
        carry(&client->flows[FROM_CLIENT], bytes_of(datagram_buffer, (size_t)size));
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct relay *relay = context;
    uint64_t now = clock_now_ms();
    struct client *client, *next;
    HASH_ITER(hh, relay->clients, client, next)
    {
        if (client->pending == 0 && now - client->active_ms > RELAY_CLIENT_IDLE_MS)
            client_free(client);
    }
}

static bool listen_at(struct relay *relay, const struct relay_endpoint *listen, struct error *error)
{
    relay->socket = open_socket(listen->address.ss_family);
    relay->listening.size = sizeof(relay->listening.address);
    char text[RELAY_ENDPOINT_TEXT_SIZE];
    relay_endpoint_text(listen, text);
    if (relay->socket < 0 ||
        bind(relay->socket, (const struct sockaddr *)&listen->address, listen->size) != 0 ||
        getsockname(relay->socket, (struct sockaddr *)&relay->listening.address,
                    &relay->listening.size) != 0)
        return error_set_kind(error, ERROR_SYSTEM, "cannot listen at %s: %s", text,
                              strerror(errno));
    return true;
}

struct relay *relay_new(struct event_base *base, const struct relay_endpoint *listen,
                        const struct relay_endpoint *server, const struct impairment *impairment,
                        struct error *error)
{
    struct relay *relay = memory_new(sizeof(*relay));
    relay->base = base;
    relay->impairment = impairment;
    relay->server = *server;
    relay->armed_ns = UINT64_MAX;
    if (!listen_at(relay, listen, error)) {
        relay_free(relay);
        return NULL;
    }
    relay->readable =
        event_new(base, relay->socket, EV_READ | EV_PERSIST, on_client_readable, relay);
    relay->release = evtimer_new(base, on_release, relay);
    relay->sweep = event_new(base, -1, EV_PERSIST, on_sweep, relay);
    const struct timeval interval = {.tv_sec = SWEEP_INTERVAL_S};
    event_arm(relay->readable, NULL);
    event_arm(relay->sweep, &interval);
    return relay;
}

void relay_free(struct relay *relay)
{
    struct client *client, *next;
    HASH_ITER(hh, relay->clients, client, next)
    {
        client_free(client);
    }
    delay_queue_clear(&relay->queue);
    struct event *const events[] = {relay->readable, relay->release, relay->sweep};
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
        if (events[i] != NULL)
            event_free(events[i]);
    if (relay->socket >= 0)
        close(relay->socket);
    free(relay);
}

const struct relay_endpoint *relay_listening_at(const struct relay *relay)
{
    return &relay->listening;
}

void relay_count(const struct relay *relay, struct relay_counts *counts)
{
    memcpy(counts, relay->counts, sizeof(relay->counts));
    for (size_t i = 0; i < relay->queue.count; i++)
        counts[((const struct flow *)relay->queue.heap[i]->owner)->direction].pending++;
}
