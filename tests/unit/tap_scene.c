#include "tests/unit/tap_scene.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/relay/relay.h"

enum { TEXT_SHOWN = 32, PRIME = 16777619 };

struct event_base *base;
struct side a, b;
struct tap *tap;
static struct relay *front_relay, *back_relay;
static struct way way;
static uint64_t began_ns;

static void note(struct side *side, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct side *side, const char *format, ...)
{
    side->journal = memory_resize(side->journal, (side->lines + 1) * sizeof(*side->journal));
    struct line *line = &side->journal[side->lines++];
    line->at_us = (clock_now_ns() - began_ns) / 1000;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->text, sizeof(line->text), format, arguments);
    va_end(arguments);
}

/* ---- what the ends are told ---- */

static enum quic_admission on_admit(void *context, struct quic_connection *connection,
                                    const struct multiaddr *remote, struct quic_policy *policy)
{
    (void)connection, (void)remote;
    const struct side *side = context;
    *policy = side->policy;
    return side->admission;
}

static bool on_judge(void *context, struct quic_connection *connection, const struct peer_id *peer,
                     enum key_type type, struct error *reason)
{
    (void)connection, (void)type;
    struct side *side = context;
    bool expected = peer_id_equal(peer, identity_peer_id(side == &a ? b.identity : a.identity));
    return (expected && !side->refusing) || error_set(reason, "not liked");
}

static void on_established(void *context, struct quic_connection *connection)
{
    struct side *side = context;
    side->established++;
    side->connection = connection;
    note(side, "established");
}

static void on_confirmed(void *context, struct quic_connection *connection)
{
    (void)context, (void)connection;
}

static void on_closed(void *context, struct quic_connection *connection,
                      const struct quic_close *close)
{
    struct side *side = context;
    side->closed++;
    side->close = *close;
    note(side, "%s: %s %llu '%.*s'", quic_close_cause_name(close->cause),
         close->application ? "application" : "transport", (unsigned long long)close->code,
         (int)close->said.size, close->said.size > 0 ? (const char *)close->said.data : "");
    if (side->connection == connection)
        side->connection = NULL;
}

static size_t place_of(int64_t id)
{
    return (size_t)((id & 1) * (STREAMS / 2) + id / 4 % (STREAMS / 2));
}

static void on_opened(void *context, struct quic_stream *stream)
{
    struct side *side = context;
    int64_t id = quic_stream_id(stream);
    side->opened++;
    side->streams[place_of(id)] = stream;
    side->heard[place_of(id)] = (struct heard){0};
    note(side, "stream %lld", (long long)id);
}

static void add_up(struct side *side, long long id, struct bytes data, bool fin)
{
    struct heard *heard = &side->heard[place_of(id)];
    heard->size += data.size;
    for (size_t i = 0; i < data.size; i++)
        heard->sum = (heard->sum ^ data.data[i]) * PRIME;
    if (fin)
        note(side, "stream %lld: %llu bytes, checksum %016llx, FIN", id,
             (unsigned long long)heard->size, (unsigned long long)heard->sum);
}

static void on_data(void *context, struct quic_stream *stream, struct bytes data, bool fin)
{
    struct side *side = context;
    long long id = (long long)quic_stream_id(stream);
    side->data++;
    side->received += data.size;
    side->ends += fin;
    if (side->sums)
        add_up(side, id, data, fin);
    else if (data.size <= TEXT_SHOWN)
        note(side, "stream %lld: '%.*s'%s", id, (int)data.size, (const char *)data.data,
             fin ? " FIN" : "");
}

static void on_reset(void *context, struct quic_stream *stream, uint64_t code)
{
    struct side *side = context;
    side->ends++;
    note(side, "stream %lld: reset %llu", (long long)quic_stream_id(stream),
         (unsigned long long)code);
}

static void on_nothing_of_stream(void *context, struct quic_stream *stream)
{
    (void)context, (void)stream;
}

static void on_stream_closed(void *context, struct quic_stream *stream)
{
    struct side *side = context;
    struct quic_stream **place = &side->streams[place_of(quic_stream_id(stream))];
    if (*place == stream)
        *place = NULL;
}

/* Of ngtcp2's own words, which say all codes there are. */
static void on_record(void *context, struct quic_connection *connection, struct bytes record)
{
    (void)connection;
    struct side *side = context;
    static const char format[] =
        "{\"frame_type\":\"stop_sending\",\"stream_id\":%llu,\"error_code\":%llu}";
    char *text = text_format("%.*s", (int)record.size, (const char *)record.data);
    unsigned long long id, code;
    const char *stop = strstr(text, "{\"frame_type\":\"stop_sending\"");
    bool received = strstr(text, "\"transport:packet_received\"") != NULL;
    side->pings += received && strstr(text, "\"frame_type\":\"ping\"") != NULL;
    if (received && stop != NULL && sscanf(stop, format, &id, &code) == 2) {
        side->stops++;
        note(side, "stream %llu: stop %llu", id, code);
    }
    free(text);
}

static void on_nothing(void *context)
{
    (void)context;
}

static const struct quic_handlers handlers = {
    .admit = on_admit,
    .judge = on_judge,
    .connection_established = on_established,
    .connection_confirmed = on_confirmed,
    .connection_closed = on_closed,
    .stream_opened = on_opened,
    .stream_data = on_data,
    .stream_acknowledged = on_nothing_of_stream,
    .stream_reset = on_reset,
    .stream_stopped = on_nothing_of_stream,
    .stream_closed = on_stream_closed,
    .recorded = on_record,
    .settle = on_nothing,
};

/* ---- setting up ---- */

void open_again(struct side *side)
{
    struct error error;
    struct quic_settings settings;
    quic_settings_default(&settings);
    settings.base = base;
    settings.identity = side->identity;
    settings.policy = side->policy;
    settings.handshakes_before_retry = side == &b ? way.before_retry : 0;
    settings.handlers = &handlers;
    settings.context = side;
    side->endpoint = quic_endpoint_new(&settings, &error);
    assert_non_null(side->endpoint);
    assert_true(quic_endpoint_listen(side->endpoint, &side->address, &error));
    side->address = quic_endpoint_listen_address(side->endpoint, 0);
}

/* A key of 64 times the same digit, as a key file has it. */
static struct identity *identity_of(const struct side *side)
{
    enum { DIGITS = 64 };
    char path[] = "/tmp/tap_scene.XXXXXX", digits[DIGITS + 1] = {0};
    memset(digits, side == &a ? '1' : '2', DIGITS);
    int file = mkstemp(path);
    assert_true(file >= 0);
    dprintf(file, "%s%s\n", way.ed25519 ? "ed25519:" : "", digits);
    close(file);
    bool shared;
    struct error error;
    struct identity *identity = identity_load_any(path, false, &shared, &error);
    unlink(path);
    assert_non_null(identity);
    return identity;
}

static void parse(const char *text, struct multiaddr *address)
{
    struct error error;
    assert_true(multiaddr_parse(text, address, &error));
}

static const char *any_port(void)
{
    return way.over_ipv6 ? "/ip6/::1/udp/0/quic-v1" : "/ip4/127.0.0.1/udp/0/quic-v1";
}

static void start(struct side *side, const char *name)
{
    struct quic_settings settings;
    quic_settings_default(&settings);
    *side = (struct side){.name = name, .admission = QUIC_ADMIT, .policy = settings.policy};
    side->policy.keep_alive_ms = 0;
    side->policy.unanswered_ms = 0;
    side->policy.chunks_apart = true;
    side->identity = identity_of(side);
    parse(any_port(), &side->address);
    open_again(side);
}

/* A path to ADDRESS, which becomes that of its beginning. */
static struct relay *lay_path(const struct impairment *impairment, struct multiaddr *address)
{
    struct error error;
    struct relay_endpoint listen, server;
    char text[MULTIADDR_TEXT_SIZE];
    address->has_peer_id = false;
    multiaddr_text(address, text);
    assert_true(relay_endpoint_parse(text, &server, &error));
    assert_true(relay_endpoint_parse(any_port(), &listen, &error));
    struct relay *relay = relay_new(base, &listen, &server, impairment, &error);
    assert_non_null(relay);
    address->port = relay_endpoint_port(relay_listening_at(relay));
    return relay;
}

static void add_to_tap(const struct side *side, struct multiaddr real)
{
    struct error error;
    struct tap_plan plan = {.identity = identity_of(side), .real = real};
    parse(any_port(), &plan.tap);
    snprintf(plan.name, sizeof(plan.name), "%s", side->name);
    assert_true(tap_add(tap, &plan, &error));
    tap_plan_clear(&plan);
}

static struct multiaddr where_dialled; /* by A */

void begin(const struct way *wanted)
{
    way = *wanted;
    base = event_base_new();
    began_ns = clock_now_ns();
    start(&a, "a");
    start(&b, "b");
    const struct tap_settings settings = {.base = base, .watcher = way.watcher};
    tap = tap_new(&settings);
    struct multiaddr real = b.address;
    if (way.back_path != NULL)
        back_relay = lay_path(way.back_path, &real);
    add_to_tap(&a, a.address);
    add_to_tap(&b, real);
    where_dialled = way.tapped ? *tap_node_address(tap_node(tap, 1)) : b.address;
    if (way.front_path != NULL)
        front_relay = lay_path(way.front_path, &where_dialled);
}

static void clear_side(struct side *side)
{
    quic_endpoint_free(side->endpoint);
    identity_free(side->identity);
    free(side->journal);
}

void end_all(void)
{
    clear_side(&a);
    clear_side(&b);
    tap_free(tap);
    if (front_relay != NULL)
        relay_free(front_relay);
    if (back_relay != NULL)
        relay_free(back_relay);
    front_relay = back_relay = NULL;
    event_base_free(base);
}

void await(const unsigned *value, unsigned count)
{
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (*value < count && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_true(*value >= count);
}

void run_ms(uint64_t milliseconds)
{
    struct timeval span = clock_timeval(milliseconds * 1000);
    event_base_loopexit(base, &span);
    event_base_dispatch(base);
}

void dial(void)
{
    struct error error;
    assert_non_null(quic_endpoint_dial(a.endpoint, &where_dialled, NULL, &a.policy, &error));
}

void connect_both(void)
{
    dial();
    await(&a.established, 1);
    await(&b.established, 1);
}

void say(struct quic_stream *stream, const char *text)
{
    quic_stream_write_bytes(stream, bytes_of_text(text));
}

struct quic_stream *stream_at(const struct side *side, int64_t id)
{
    struct quic_stream *stream = side->streams[place_of(id)];
    assert_non_null(stream);
    return stream;
}
