/*
 * Hosts in one process, on one event loop and over loopback: simultaneous dials, restarts without a
 * word, and streams and connections that are lost in the middle of things.
 */
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/random.h"
#include "net/host/internal.h"
#include "net/quic/internal.h"

#include "tests/unit/support.h"

enum { PATIENCE_MS = 10000, HEARTBEAT_MS = 50, KEY_SIZE = 32 };

static const char topic[] = "/leanconsensus/12345678/block/ssz_snappy";

/* One host and what it has told. */
struct node {
    struct event_base *base;
    struct identity *identity;
    struct host *host;
    struct host_observer observer;
    unsigned connected, disconnected, accept_failed, dial_failed;
    unsigned outbound_opened, inbound_opened, messages;
    unsigned blocks, answers; /* that came, and that were whole */
    unsigned in_order;        /* messages that say how many came before them */
    enum quic_close_cause last_cause;
};

struct scene {
    struct event_base *base;
    struct node a, b;
};

static void on_event(void *context, const struct host_event *event)
{
    struct node *node = context;
    node->connected += event->kind == HOST_CONNECTED;
    node->disconnected += event->kind == HOST_DISCONNECTED;
    node->accept_failed += event->kind == HOST_ACCEPT_FAILED;
    node->dial_failed += event->kind == HOST_DIAL_FAILED;
    if (event->kind == HOST_MESSAGE) {
        char text[32];
        snprintf(text, sizeof(text), "message %u", node->messages++);
        node->in_order += bytes_equal(event->payload, bytes_of_text(text));
    }
    node->blocks += event->kind == HOST_BLOCK;
    node->answers += event->kind == HOST_BLOCKS_RECEIVED;
    if (event->kind == HOST_STREAM_OPENED) {
        node->outbound_opened += event->stream->outbound;
        node->inbound_opened += !event->stream->outbound;
    }
    if (event->close != NULL)
        node->last_cause = event->close->cause;
}

/* KEY fills the secret; PORT 0 is any. */
static void node_start(struct node *node, struct event_base *base, uint8_t key, uint16_t port)
{
    uint8_t secret[KEY_SIZE];
    memset(secret, key, sizeof(secret));
    struct error error;
    *node = (struct node){.base = base};
    node->identity = identity_from_secret(bytes_of(secret, sizeof(secret)), &error);
    struct host_settings settings;
    host_settings_default(&settings);
    settings.base = base;
    settings.identity = node->identity;
    settings.seed = key;
    settings.gossipsub.heartbeat_ms = HEARTBEAT_MS;
    node->host = host_new(&settings, &error);
    assert_non_null(node->host);
    struct multiaddr address;
    char text[MULTIADDR_TEXT_SIZE];
    snprintf(text, sizeof(text), "/ip4/127.0.0.1/udp/%u/quic-v1", port);
    assert_true(multiaddr_parse(text, &address, &error));
    assert_true(host_listen(node->host, &address, &error));
    assert_true(host_subscribe(node->host, topic, &error));
    node->observer = (struct host_observer){.event = on_event, .context = node};
    host_observe(node->host, &node->observer);
}

/* Without a word to anybody, as SIGKILL would. */
static void node_kill(struct node *node)
{
    if (node->host != NULL) {
        host_unobserve(node->host, &node->observer);
        host_free(node->host);
        identity_free(node->identity);
    }
    node->host = NULL;
}

static uint16_t port_of(const struct node *node)
{
    return host_listen_address(node->host, 0).port;
}

static void dial(struct node *from, const struct node *to)
{
    struct multiaddr address = host_listen_address(to->host, 0);
    struct error error;
    assert_int_not_equal(host_dial(from->host, &address, &error), 0);
}

static struct peer *peer_at(const struct node *node, const struct node *other)
{
    return peer_find(node->host, identity_peer_id(other->identity));
}

static size_t connections_at(const struct node *node, const struct node *other)
{
    const struct peer *peer = peer_at(node, other);
    size_t count = 0;
    if (peer != NULL) {
        const struct peer_connection *connection;
        LIST_FOREACH(connection, &peer->connections, link) count++;
    }
    return count;
}

static bool has_meshed(const struct node *node, const struct node *other)
{
    const struct peer *peer = peer_at(node, other);
    gossipsub_topic handle;
    return peer != NULL && peer->outbound != NULL && peer->outbound_since_ms > 0 &&
           peer->inbound_count > 0 &&
           gossipsub_topic_find(host_router(node->host), topic, &handle) &&
           gossipsub_in_mesh(host_router(node->host), peer->router_handle, handle);
}

static bool meshed(const struct scene *scene)
{
    return has_meshed(&scene->a, &scene->b) && has_meshed(&scene->b, &scene->a);
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what, (void)argument;
}

/* Runs the loop until CONDITION holds; false after LIMIT_MS. */
static bool run_until(struct scene *scene, bool (*condition)(const struct scene *), uint64_t limit)
{
    uint64_t deadline = clock_now_ms() + limit;
    struct event *tick = event_new(scene->base, -1, EV_PERSIST, on_tick, NULL);
    event_add(tick, &(struct timeval){.tv_usec = 5000});
    while (!condition(scene) && clock_now_ms() < deadline)
        event_base_loop(scene->base, EVLOOP_ONCE);
    event_free(tick);
    return condition(scene);
}

static bool never(const struct scene *scene)
{
    (void)scene;
    return false;
}

static void run_for(struct scene *scene, uint64_t milliseconds)
{
    run_until(scene, never, milliseconds);
}

static bool both_heard(const struct scene *scene)
{
    return scene->a.messages > 0 && scene->b.messages > 0;
}

/* A message each way arrives, once. */
static void exchange_messages(struct scene *scene)
{
    static unsigned counter;
    char text[32];
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t receivers;
    struct error error;
    struct node *nodes[] = {&scene->a, &scene->b};
    scene->a.messages = scene->b.messages = 0;
    for (size_t i = 0; i < 2; i++) {
        snprintf(text, sizeof(text), "message %u", ++counter);
        assert_true(
            host_publish(nodes[i]->host, topic, bytes_of_text(text), id, &receivers, &error));
        assert_int_equal(receivers, 1);
    }
    assert_true(run_until(scene, both_heard, PATIENCE_MS));
    run_for(scene, 3 * HEARTBEAT_MS);
    assert_int_equal(scene->a.messages, 1);
    assert_int_equal(scene->b.messages, 1);
}

static int setup(void **state)
{
    log_init("test_host", LOG_ERROR, false);
    struct scene *scene = memory_new(sizeof(*scene));
    scene->base = event_base_new();
    node_start(&scene->a, scene->base, 1, 0);
    node_start(&scene->b, scene->base, 2, 0);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    node_kill(&scene->a);
    node_kill(&scene->b);
    event_base_free(scene->base);
    free(scene);
    return 0;
}

static void restart(struct scene *scene, struct node *node, uint8_t key, uint16_t port)
{
    node_kill(node);
    node_start(node, scene->base, key, port);
}

/* ---- tests ---- */

static void one_stream_each_way_and_no_more(void **state)
{
    struct scene *scene = *state;
    dial(&scene->a, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    exchange_messages(scene);
    const struct node *nodes[] = {&scene->a, &scene->b};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(nodes[i]->outbound_opened, 1);
        assert_int_equal(nodes[i]->inbound_opened, 1);
        assert_int_equal(nodes[i]->disconnected, 0);
    }
}

static bool two_connections(const struct scene *scene)
{
    return connections_at(&scene->a, &scene->b) == 2 && connections_at(&scene->b, &scene->a) == 2;
}

static void dial_each_other(struct scene *scene)
{
    dial(&scene->a, &scene->b);
    dial(&scene->b, &scene->a);
    assert_true(run_until(scene, two_connections, PATIENCE_MS));
    assert_true(run_until(scene, meshed, PATIENCE_MS));
}

static void peers_that_dial_each_other_at_once_share_one_pair_of_streams(void **state)
{
    struct scene *scene = *state;
    dial_each_other(scene);
    exchange_messages(scene);
    /* Both connections answer their probe, and live on. */
    run_for(scene, 1500);
    assert_true(two_connections(scene));
    const struct node *nodes[] = {&scene->a, &scene->b};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(nodes[i]->connected, 2);
        assert_int_equal(nodes[i]->outbound_opened, 1);
        assert_int_equal(nodes[i]->inbound_opened, 1);
    }
}

static bool one_connection_and_meshed(const struct scene *scene)
{
    return connections_at(&scene->a, &scene->b) == 1 && connections_at(&scene->b, &scene->a) == 1 &&
           meshed(scene);
}

static void close_one_of_two(struct scene *scene, bool oldest)
{
    dial_each_other(scene);
    struct peer *peer = peer_at(&scene->a, &scene->b);
    struct peer_connection *connection =
        oldest ? peer_oldest_connection(peer) : LIST_FIRST(&peer->connections);
    quic_connection_close(connection->quic, 0, "test");
    assert_true(run_until(scene, one_connection_and_meshed, PATIENCE_MS));
    exchange_messages(scene);
    assert_int_equal(peer_at(&scene->a, &scene->b)->inbound_count, 1);
    assert_int_equal(peer_at(&scene->b, &scene->a)->inbound_count, 1);
}

static void the_streams_survive_the_older_connection(void **state)
{
    close_one_of_two(*state, true);
}

static void the_streams_survive_the_newer_connection(void **state)
{
    close_one_of_two(*state, false);
}

static void a_killed_peer_is_back_at_once_on_another_port(void **state)
{
    struct scene *scene = *state;
    dial(&scene->b, &scene->a);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    restart(scene, &scene->b, 2, 0);
    dial(&scene->b, &scene->a);
    /* The dead connection is found out by its probe, not by its idle timeout of 10 s. */
    assert_true(run_until(scene, one_connection_and_meshed, 3000));
    assert_int_equal(scene->a.last_cause, QUIC_IDLE_TIMEOUT);
    exchange_messages(scene);
}

static void a_killed_peer_is_back_when_we_dial_it_again(void **state)
{
    struct scene *scene = *state;
    dial(&scene->b, &scene->a);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    restart(scene, &scene->b, 2, 0);
    dial(&scene->a, &scene->b);
    assert_true(run_until(scene, one_connection_and_meshed, 3000));
    exchange_messages(scene);
}

static void a_killed_listener_on_its_old_port_resets_the_old_connection(void **state)
{
    struct scene *scene = *state;
    dial(&scene->a, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    restart(scene, &scene->b, 2, port_of(&scene->b));
    dial(&scene->b, &scene->a);
    assert_true(run_until(scene, one_connection_and_meshed, 900));
    assert_int_equal(scene->a.last_cause, QUIC_STATELESS_RESET);
    exchange_messages(scene);
}

static void a_peer_may_be_killed_again_and_again(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 0; i < 6; i++) {
        dial(&scene->b, &scene->a);
        assert_true(run_until(scene, meshed, PATIENCE_MS));
        restart(scene, &scene->b, 2, port_of(&scene->b));
    }
    dial(&scene->b, &scene->a);
    assert_true(run_until(scene, one_connection_and_meshed, PATIENCE_MS));
    exchange_messages(scene);
}

/* STOP_SENDING alone. */
static void stop_reading(const struct protocol_stream *stream)
{
    struct quic_stream *quic = stream->quic;
    assert_int_equal(compat_conn_shutdown_stream_read(quic->connection->conn, quic->id, 0), 0);
    endpoint_mark_dirty(quic->connection);
}

static bool a_reopened(const struct scene *scene)
{
    return scene->a.outbound_opened > 1 && meshed(scene);
}

static void a_stream_that_the_peer_resets_is_opened_again(void **state)
{
    struct scene *scene = *state;
    dial(&scene->a, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    protocol_stream_abort(peer_at(&scene->b, &scene->a)->inbound[0], PROTOCOL_RESET);
    assert_true(run_until(scene, a_reopened, PATIENCE_MS));
    exchange_messages(scene);
    assert_int_equal(scene->a.outbound_opened, 2);
    assert_int_equal(scene->b.outbound_opened, 1);
}

static void a_stream_that_the_peer_stops_reading_is_opened_again(void **state)
{
    struct scene *scene = *state;
    dial(&scene->a, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    stop_reading(peer_at(&scene->b, &scene->a)->inbound[0]);
    assert_true(run_until(scene, a_reopened, PATIENCE_MS));
    exchange_messages(scene);
    assert_int_equal(scene->a.outbound_opened, 2);
    assert_int_equal(scene->b.outbound_opened, 1);
}

static void the_half_of_a_stream_that_nobody_writes_may_be_stopped(void **state)
{
    struct scene *scene = *state;
    dial(&scene->a, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    struct protocol_stream *stream = peer_at(&scene->b, &scene->a)->outbound;
    stream->quic->read_closed = true; /* the RESET_STREAM that answers is nothing to B */
    stop_reading(stream);
    exchange_messages(scene);
    assert_int_equal(peer_at(&scene->a, &scene->b)->inbound_count, 1);
    assert_int_equal(scene->b.outbound_opened, 1);
}

static bool b_unmeshed(const struct scene *scene)
{
    return peer_at(&scene->a, &scene->b) == NULL && peer_at(&scene->b, &scene->a) == NULL;
}

static void nothing_of_a_peer_stays_when_it_is_disconnected(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 0; i < 5; i++) {
        dial(i % 2 == 0 ? &scene->a : &scene->b, i % 2 == 0 ? &scene->b : &scene->a);
        assert_true(run_until(scene, meshed, PATIENCE_MS));
        host_disconnect(scene->a.host, peer_at(&scene->a, &scene->b), "test");
        assert_true(run_until(scene, b_unmeshed, PATIENCE_MS));
    }
    assert_int_equal(peer_count(scene->a.host), 0);
    assert_int_equal(peer_count(scene->b.host), 0);
}

static void peers_that_close_at_once_part_in_few_words(void **state)
{
    struct scene *scene = *state;
    dial(&scene->a, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    uint64_t before = host_endpoint_statistics(scene->a.host)->datagrams_out;
    host_disconnect(scene->a.host, peer_at(&scene->a, &scene->b), "test");
    host_disconnect(scene->b.host, peer_at(&scene->b, &scene->a), "test");
    run_for(scene, 600);
    assert_true(b_unmeshed(scene));
    assert_in_range(host_endpoint_statistics(scene->a.host)->datagrams_out - before, 1, 20);
}

static bool a_was_refused(const struct scene *scene)
{
    return scene->a.dial_failed + scene->a.disconnected > 0;
}

static void a_node_that_dials_itself_is_told_so_once(void **state)
{
    struct scene *scene = *state;
    struct multiaddr address = host_listen_address(scene->a.host, 0);
    struct error error;
    assert_int_equal(host_dial(scene->a.host, &address, &error), 0);
    address.has_peer_id = false;
    assert_int_not_equal(host_dial(scene->a.host, &address, &error), 0);
    assert_true(run_until(scene, a_was_refused, PATIENCE_MS));
    run_for(scene, 200);
    assert_int_equal(scene->a.dial_failed, 1);
    assert_int_equal(scene->a.accept_failed, 1);
    assert_int_equal(scene->a.connected, 0);
}

static bool too_many(const struct scene *scene)
{
    return scene->b.accept_failed > 0;
}

static void a_fifth_connection_of_a_peer_is_refused(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 0; i < LIFECYCLE_CONNECTIONS_MAX + 1; i++)
        dial(&scene->a, &scene->b);
    assert_true(run_until(scene, too_many, PATIENCE_MS));
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    exchange_messages(scene);
    assert_int_equal(connections_at(&scene->b, &scene->a), LIFECYCLE_CONNECTIONS_MAX);
    assert_int_equal(peer_at(&scene->b, &scene->a)->inbound_count, 1);
}

/* The first SIZE bytes of an RPC of a megabyte, on the stream on which FROM talks to TO. */
static void send_part_of_rpc(const struct node *from, const struct node *to, size_t size)
{
    static const uint8_t length[] = {0x80, 0x80, 0x40};
    struct quic_stream *stream = peer_at(from, to)->outbound->quic;
    uint8_t *zeros = memory_new(size);
    quic_stream_write_bytes(stream, bytes_of(length, sizeof(length)));
    quic_stream_write_bytes(stream, bytes_of(zeros, size));
    free(zeros);
}

static bool b_holds_all_of_a(const struct scene *scene)
{
    return scene->b.host->shares.held == 500003;
}

static bool b_holds_all_of_c(const struct scene *scene)
{
    return scene->b.host->shares.held == 700003;
}

static bool b_dropped_some(const struct scene *scene)
{
    return host_endpoint_statistics(scene->b.host)->datagrams_from_elsewhere > 0;
}

static bool b_heard(const struct scene *scene)
{
    return scene->b.messages > 0;
}

static int open_loopback_socket(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* As where a NAT between them forgets, and remembers. */
static void a_peer_that_moves_is_not_followed_and_may_come_back(void **state)
{
    struct scene *scene = *state;
    dial(&scene->a, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    struct quic_socket *socket = scene->a.host->endpoint->sockets[0];
    int home = socket->fd, elsewhere = open_loopback_socket();
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t receivers;
    struct error error;
    socket->fd = elsewhere;
    assert_true(host_publish(scene->a.host, topic, bytes_of_text("moved"), id, &receivers, &error));
    assert_true(run_until(scene, b_dropped_some, PATIENCE_MS));
    assert_int_equal(scene->b.messages, 0);
    socket->fd = home;
    close(elsewhere);
    assert_true(run_until(scene, b_heard, PATIENCE_MS));
    exchange_messages(scene);
    assert_int_equal(scene->a.disconnected + scene->b.disconnected, 0);
}

static bool c_is_reset(const struct scene *scene)
{
    return scene->b.host->intake_resets > 0;
}

/* Its share goes to who waits; the connection stays, and it may open another stream. */
static void of_peers_whose_rpcs_do_not_end_the_one_that_stalls_loses_its_stream(void **state)
{
    struct scene *scene = *state;
    struct node c;
    node_start(&c, scene->base, 3, 0);
    scene->b.host->shares.budget = 1000000;
    dial(&scene->a, &scene->b);
    dial(&c, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    while (!has_meshed(&c, &scene->b))
        event_base_loop(scene->base, EVLOOP_ONCE);
    send_part_of_rpc(&c, &scene->b, 700000);
    assert_true(run_until(scene, b_holds_all_of_c, PATIENCE_MS));
    run_for(scene, 100);
    assert_int_equal(scene->b.host->intake_resets, 0);
    assert_int_equal(scene->b.host->shares.held, 700003);
    send_part_of_rpc(&scene->a, &scene->b, 500000);
    assert_true(run_until(scene, c_is_reset, PATIENCE_MS));
    assert_int_equal(peer_at(&scene->b, &c)->share.losses, 1);
    assert_true(run_until(scene, b_holds_all_of_a, PATIENCE_MS));
    assert_int_equal(scene->b.host->intake_resets, 1);
    assert_int_equal(scene->b.disconnected + c.disconnected + scene->a.disconnected, 0);
    while (!has_meshed(&c, &scene->b))
        event_base_loop(scene->base, EVLOOP_ONCE);
    node_kill(&c);
}

/* An RPC of ten megabytes, and in it as many fields that nobody knows as there is room for. */
static void send_tiny_fields(const struct node *from, const struct node *to)
{
    static const uint8_t length[] = {0x80, 0x80, 0x80, 0x05}, field[] = {15 << 3, 0};
    struct buffer fields = {0};
    while (fields.size < GOSSIPSUB_RPC_SIZE_MAX)
        buffer_append(&fields, field, sizeof(field));
    struct quic_stream *stream = peer_at(from, to)->outbound->quic;
    quic_stream_write_bytes(stream, bytes_of(length, sizeof(length)));
    quic_stream_write_bytes(stream, buffer_bytes(&fields));
    buffer_clear(&fields);
}

static bool b_works(const struct scene *scene)
{
    return !TAILQ_EMPTY(&scene->b.host->intakes);
}

static bool b_is_done(const struct scene *scene)
{
    return scene->b.host->shares.held == 0;
}

static bool b_heard_twice(const struct scene *scene)
{
    return scene->b.messages == 2;
}

static void an_rpc_of_a_million_entries_holds_up_nobody_elses(void **state)
{
    enum { TURNS = 50 };
    struct scene *scene = *state;
    struct node c;
    node_start(&c, scene->base, 3, 0);
    dial(&scene->a, &scene->b);
    dial(&c, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    while (!has_meshed(&c, &scene->b))
        event_base_loop(scene->base, EVLOOP_ONCE);
    send_tiny_fields(&scene->a, &scene->b);
    assert_true(run_until(scene, b_works, PATIENCE_MS));
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t receivers;
    struct error error;
    assert_true(host_publish(c.host, topic, bytes_of_text("meanwhile"), id, &receivers, &error));
    unsigned turns = 0;
    for (; scene->b.messages == 0 && turns < TURNS; turns++)
        event_base_loop(scene->base, EVLOOP_ONCE);
    assert_int_equal(scene->b.messages, 1);
    assert_true(b_works(scene)); /* still */
    assert_int_equal(scene->b.host->shares.held, GOSSIPSUB_RPC_SIZE_MAX + 4);
    assert_true(run_until(scene, b_is_done, PATIENCE_MS));
    assert_int_equal(scene->b.host->shares.granted, 0);
    /* And its stream goes on. */
    assert_true(host_publish(scene->a.host, topic, bytes_of_text("then"), id, &receivers, &error));
    assert_true(run_until(scene, b_heard_twice, PATIENCE_MS));
    node_kill(&c);
}

enum { MANY = 1000 };

static bool b_heard_many(const struct scene *scene)
{
    return scene->b.messages == MANY;
}

static void small_rpcs_behind_a_large_one_keep_their_order(void **state)
{
    struct scene *scene = *state;
    dial(&scene->a, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    send_tiny_fields(&scene->a, &scene->b);
    for (unsigned i = 0; i < MANY; i++) {
        char text[32];
        uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
        size_t receivers;
        struct error error;
        snprintf(text, sizeof(text), "message %u", i);
        assert_true(
            host_publish(scene->a.host, topic, bytes_of_text(text), id, &receivers, &error));
    }
    assert_true(run_until(scene, b_works, PATIENCE_MS));
    assert_int_equal(scene->b.messages, 0);
    assert_true(run_until(scene, b_heard_many, PATIENCE_MS));
    assert_int_equal(scene->b.in_order, MANY);
    assert_true(run_until(scene, b_is_done, PATIENCE_MS));
}

/* ---- answers with blocks ---- */

enum { ANSWERS = 16, BLOCKS_EACH = 4, PROOF_SIZE = 199000 };

static size_t most_kept, most_waiting;

static bool all_answered(const struct scene *scene)
{
    struct host_kept kept = host_kept(scene->b.host);
    most_kept = kept.blocks > most_kept ? kept.blocks : most_kept;
    most_waiting = kept.answers_waiting > most_waiting ? kept.answers_waiting : most_waiting;
    return scene->a.answers == ANSWERS && kept.blocks == 0;
}

/* A block whose proof does not compress, in a folder of its own. */
static struct block_store *store_of_one_block(char *folder, struct block_summary *block)
{
    struct error error;
    struct buffer ssz = {0};
    struct random random;
    assert_non_null(mkdtemp(folder));
    assert_true(file_read("tests/fixtures/blocks/9.ssz", BLOCK_SSZ_MAX, &ssz, &error));
    random_seed(&random, 1);
    for (size_t i = ssz.size - PROOF_SIZE; i < ssz.size; i++)
        ssz.data[i] = (uint8_t)random_next(&random);
    assert_true(block_summarize(buffer_bytes(&ssz), block, &error));
    char *path = block_save(folder, block, buffer_bytes(&ssz), &error);
    struct block_store *store = block_store_new();
    assert_non_null(path);
    block_store_add(store, block, path);
    free(path);
    buffer_clear(&ssz);
    return store;
}

/* One peer's have a quarter of the budget: each of them waits for the others', and none is lost. */
static void answers_with_blocks_wait_for_room_in_the_budget(void **state)
{
    struct scene *scene = *state;
    char folder[] = "/tmp/test_host_XXXXXX";
    struct block_summary block;
    struct block_store *store = store_of_one_block(folder, &block);
    scene->b.host->settings.blocks = store;
    scene->b.host->shares.budget = 1000000;
    dial(&scene->a, &scene->b);
    assert_true(run_until(scene, meshed, PATIENCE_MS));
    uint8_t roots[BLOCKS_EACH][BLOCK_ROOT_SIZE];
    for (size_t i = 0; i < BLOCKS_EACH; i++)
        memcpy(roots[i], block.root, BLOCK_ROOT_SIZE);
    const struct host_blocks_request request = {.roots = (block_root_list)roots,
                                                .root_count = BLOCKS_EACH};
    for (size_t i = 0; i < ANSWERS; i++)
        assert_true(host_ask_blocks(peer_at(&scene->a, &scene->b), &request));
    most_kept = most_waiting = 0;
    assert_true(run_until(scene, all_answered, PATIENCE_MS));
    assert_int_equal(scene->a.blocks, ANSWERS * BLOCKS_EACH);
    assert_in_range(most_kept, PROOF_SIZE, 1000000 / 4);
    assert_in_range(most_waiting, ANSWERS / 2, ANSWERS);
    assert_int_equal(host_kept(scene->b.host).answers_waiting, 0);
    scene->b.host->settings.blocks = NULL;
    block_store_free(store);
    file_empty_folder(folder);
    rmdir(folder);
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        SCENE(one_stream_each_way_and_no_more),
        SCENE(peers_that_dial_each_other_at_once_share_one_pair_of_streams),
        SCENE(the_streams_survive_the_older_connection),
        SCENE(the_streams_survive_the_newer_connection),
        SCENE(a_killed_peer_is_back_at_once_on_another_port),
        SCENE(a_killed_peer_is_back_when_we_dial_it_again),
        SCENE(a_killed_listener_on_its_old_port_resets_the_old_connection),
        SCENE(a_peer_may_be_killed_again_and_again),
        SCENE(a_stream_that_the_peer_resets_is_opened_again),
        SCENE(a_stream_that_the_peer_stops_reading_is_opened_again),
        SCENE(the_half_of_a_stream_that_nobody_writes_may_be_stopped),
        SCENE(peers_that_close_at_once_part_in_few_words),
        SCENE(nothing_of_a_peer_stays_when_it_is_disconnected),
        SCENE(a_node_that_dials_itself_is_told_so_once),
        SCENE(a_fifth_connection_of_a_peer_is_refused),
        SCENE(a_peer_that_moves_is_not_followed_and_may_come_back),
        SCENE(of_peers_whose_rpcs_do_not_end_the_one_that_stalls_loses_its_stream),
        SCENE(an_rpc_of_a_million_entries_holds_up_nobody_elses),
        SCENE(small_rpcs_behind_a_large_one_keep_their_order),
        SCENE(answers_with_blocks_wait_for_room_in_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
