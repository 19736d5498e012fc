/* What a tap carries: the same is done over a direct connection and over one through the tap, and
 * what has arrived at either end must be the same, word for word. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "net/quic/stream.h"
#include "net/tap/tap.h"

#include "tests/unit/support.h"

enum {
    QUIET_MS = 200,
    TURNS = 1000,
    PATIENCE_MS = 10000,
    KEY_SIZE = 32,
    STREAMS = 8,
    TEXT_SHOWN = 32
};

struct side {
    uint8_t key;
    struct identity *identity;
    struct quic_endpoint *endpoint;
    struct multiaddr address;
    enum quic_admission admission;
    struct quic_policy policy;
    bool refusing; /* by its judgement of the certificate */
    struct quic_connection *connection;
    struct quic_stream *streams[STREAMS]; /* by id / 4, those of both */
    struct buffer journal;
    unsigned established, closed, opened, ends, pings, stops, data;
    size_t received, shown;
    struct quic_close close;
};

static struct event_base *base;
static struct side a, b;
static struct tap *tap;

static void note(struct side *side, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct side *side, const char *format, ...)
{
    char line[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    buffer_append_text(&side->journal, line);
    buffer_append_text(&side->journal, "\n");
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

static struct quic_stream **place(struct side *side, struct quic_stream *stream)
{
    return &side->streams[(quic_stream_id(stream) & 1) * (STREAMS / 2) +
                          quic_stream_id(stream) / 4 % (STREAMS / 2)];
}

static void on_opened(void *context, struct quic_stream *stream)
{
    struct side *side = context;
    side->opened++;
    *place(side, stream) = stream;
    note(side, "stream %lld", (long long)quic_stream_id(stream));
}

static void on_data(void *context, struct quic_stream *stream, struct bytes data, bool fin)
{
    struct side *side = context;
    side->data++;
    side->received += data.size;
    side->ends += fin;
    if (data.size <= TEXT_SHOWN)
        note(side, "stream %lld: '%.*s'%s", (long long)quic_stream_id(stream), (int)data.size,
             (const char *)data.data, fin ? " FIN" : "");
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
    if (*place(side, stream) == stream)
        *place(side, stream) = NULL;
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

static void open_side(struct side *side)
{
    struct error error;
    struct quic_settings settings;
    quic_settings_default(&settings);
    settings.base = base;
    settings.identity = side->identity;
    settings.policy = side->policy;
    settings.handlers = &handlers;
    settings.context = side;
    side->endpoint = quic_endpoint_new(&settings, &error);
    assert_non_null(side->endpoint);
    assert_true(quic_endpoint_listen(side->endpoint, &side->address, &error));
    side->address = quic_endpoint_listen_address(side->endpoint, 0);
}

static struct identity *identity_of(uint8_t key)
{
    uint8_t secret[KEY_SIZE];
    memset(secret, key, sizeof(secret));
    return identity_from_secret(bytes_of(secret, sizeof(secret)), NULL);
}

static void start(struct side *side, uint8_t key, const char *host)
{
    struct error error;
    struct quic_settings settings;
    quic_settings_default(&settings);
    *side = (struct side){.key = key, .admission = QUIC_ADMIT, .policy = settings.policy};
    side->policy.keep_alive_ms = 0;
    side->policy.unanswered_ms = 0;
    side->policy.chunks_apart = true;
    side->identity = identity_of(key);
    char text[MULTIADDR_TEXT_SIZE];
    snprintf(text, sizeof(text), "%s/udp/0/quic-v1", host);
    assert_true(multiaddr_parse(text, &side->address, &error));
    open_side(side);
}

static void add_to_tap(const struct side *side, const char *name)
{
    struct error error;
    struct tap_plan plan = {
        .identity = identity_of(side->key), .tap = side->address, .real = side->address};
    plan.tap.port = 0;
    snprintf(plan.name, sizeof(plan.name), "%s", name);
    assert_true(tap_add(tap, &plan, &error));
    tap_plan_clear(&plan);
}

static const struct tap_watcher *watcher;

static void begin_at(const char *host)
{
    base = event_base_new();
    start(&a, 1, host);
    start(&b, 2, host);
    const struct tap_settings settings = {.base = base, .watcher = watcher};
    tap = tap_new(&settings);
    add_to_tap(&a, "a");
    add_to_tap(&b, "b");
}

static void clear_side(struct side *side)
{
    quic_endpoint_free(side->endpoint);
    identity_free(side->identity);
    buffer_clear(&side->journal);
}

static void end_all(void)
{
    clear_side(&a);
    clear_side(&b);
    tap_free(tap);
    event_base_free(base);
    watcher = NULL;
}

/* Runs the loop until VALUE is COUNT at least. */
static void await(const unsigned *value, unsigned count)
{
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (*value < count && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_true(*value >= count);
}

static void run_ms(uint64_t milliseconds)
{
    struct timeval span = clock_timeval(milliseconds * 1000);
    event_base_loopexit(base, &span);
    event_base_dispatch(base);
}

/* A dials B. */
static void dial(bool tapped)
{
    struct error error;
    struct multiaddr address = tapped ? *tap_node_address(tap_node(tap, 1)) : b.address;
    assert_non_null(quic_endpoint_dial(a.endpoint, &address, NULL, &a.policy, &error));
}

static void connect_both(bool tapped)
{
    dial(tapped);
    await(&a.established, 1);
    await(&b.established, 1);
}

/* ---- scripts: what is done at the ends, either way ---- */

typedef void (*script_function)(bool tapped);

static void say(struct quic_stream *stream, const char *text)
{
    quic_stream_write_bytes(stream, bytes_of_text(text));
}

static struct quic_stream *stream_at(const struct side *side, int64_t id)
{
    struct quic_stream *stream = side->streams[(id & 1) * (STREAMS / 2) + id / 4];
    assert_non_null(stream);
    return stream;
}

static void frames_and_fins(bool tapped)
{
    connect_both(tapped);
    struct quic_stream *stream = quic_stream_open(a.connection);
    say(stream, "one");
    say(stream, "two");
    say(stream, "three");
    quic_stream_finish(stream); /* with the last of it */
    await(&b.ends, 1);
    struct quic_stream *answer = stream_at(&b, 0);
    say(answer, "four");
    await(&a.data, 1);
    quic_stream_finish(answer); /* alone */
    await(&a.ends, 1);
    stream = quic_stream_open(b.connection);
    say(stream, "five");
    quic_stream_finish_apart(stream);
    await(&a.ends, 2);
}

static void resets_and_stops(bool tapped)
{
    connect_both(tapped);
    struct quic_stream *stream = quic_stream_open(a.connection);
    say(stream, "said before");
    await(&b.data, 1);
    quic_stream_reset_write(stream, 77);
    await(&b.ends, 1);
    say(stream_at(&b, 0), "still heard");
    await(&a.data, 1);
    quic_stream_stop_read(stream, 78);
    await(&b.stops, 1);
    await(&a.ends, 1); /* which is answered with RESET_STREAM */
    stream = quic_stream_open(a.connection);
    say(stream, "both");
    await(&b.data, 2);
    quic_stream_reset(stream_at(&b, 4), (UINT64_C(1) << 62) - 1); /* the highest there is */
    await(&a.ends, 2);
    await(&a.stops, 1);
    await(&b.ends, 2);
}

static void second_stream_first(bool tapped)
{
    connect_both(tapped);
    struct quic_stream *first = quic_stream_open(a.connection);
    struct quic_stream *second = quic_stream_open(a.connection);
    say(second, "second");
    await(&b.data, 1);
    say(first, "first");
    await(&b.data, 2);
}

static void close_with_reason(bool tapped)
{
    connect_both(tapped);
    struct quic_stream *stream = quic_stream_open(a.connection);
    say(stream, "last words");
    while (quic_stream_unsent(stream) > 0) /* it is out, and nobody has acknowledged it */
        event_base_loop(base, EVLOOP_ONCE);
    const struct quic_close close = {
        .application = true, .code = 4711, .said = bytes_of_text("had enough")};
    quic_connection_close_as(a.connection, &close);
    await(&b.closed, 1);
}

static void listener_closes_as_transport(bool tapped)
{
    connect_both(tapped);
    const struct quic_close close = {.code = 0x0a, .said = bytes_of_text("broken rules")};
    quic_connection_close_as(b.connection, &close);
    await(&a.closed, 1);
}

static void listener_refuses(bool tapped)
{
    b.admission = QUIC_REFUSE;
    dial(tapped);
    await(&a.closed, 1);
}

static void listener_dislikes_certificate(bool tapped)
{
    b.refusing = true;
    dial(tapped);
    await(&a.closed, 1);
}

static void listener_is_dead(bool tapped)
{
    a.policy.handshake_timeout_ms = 300;
    quic_endpoint_free(b.endpoint);
    b.endpoint = NULL;
    dial(tapped);
    await(&a.closed, 1);
    assert_false(a.close.answered);
}

static void listener_falls_silent(bool tapped)
{
    a.policy.idle_timeout_ms = a.policy.handshake_timeout_ms = 400;
    connect_both(tapped);
    quic_connection_leave(b.connection);
    await(&a.closed, 1);
}

/* PINGs are not answered by the tap for one that is dead. */
static void silence_in_answer_to_pings(bool tapped)
{
    a.policy.idle_timeout_ms = a.policy.handshake_timeout_ms = 1600;
    a.policy.keep_alive_ms = 200;
    connect_both(tapped);
    quic_connection_leave(b.connection);
    await(&a.closed, 1);
}

/* One that is killed, and comes back at once. */
static void listener_forgets(bool tapped)
{
    connect_both(tapped);
    say(quic_stream_open(a.connection), "before");
    await(&b.data, 1);
    run_ms(50);
    quic_endpoint_free(b.endpoint);
    open_side(&b);
    say(quic_stream_open(a.connection), "after");
    await(&a.closed, 1);
}

static void pings(bool tapped)
{
    connect_both(tapped);
    unsigned before = b.pings;
    quic_connection_ping(a.connection);
    await(&b.pings, before + 1);
    before = a.pings;
    quic_connection_ping(b.connection);
    await(&a.pings, before + 1);
}

static void limits_of_streams(bool tapped)
{
    b.policy.remote_streams_max = 2;
    connect_both(tapped);
    assert_int_equal(quic_connection_streams_left(a.connection), 2);
    for (size_t i = 0; i < 2; i++)
        say(quic_stream_open(a.connection), "x");
    assert_null(quic_stream_open(a.connection));
    await(&b.data, 2);
    quic_stream_reset(stream_at(&b, 0), 1);
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (quic_connection_streams_left(a.connection) == 0 && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(quic_connection_streams_left(a.connection), 1);
}

static char *journal_of(struct side *side)
{
    return text_format("%.*s", (int)side->journal.size, (const char *)side->journal.data);
}

/* Both ends' journals of a run. */
static void run_script(script_function script, bool tapped, const char *host, char *journals[2])
{
    begin_at(host);
    script(tapped);
    journals[0] = journal_of(&a);
    journals[1] = journal_of(&b);
    end_all();
}

static void hold_equal(script_function script, const char *host)
{
    char *direct[2], *tapped[2];
    run_script(script, false, host, direct);
    run_script(script, true, host, tapped);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(tapped[i], direct[i]);
        free(direct[i]);
        free(tapped[i]);
    }
}

#define SAME(script)                                                                               \
    static void script##_come_through(void **state)                                                \
    {                                                                                              \
        (void)state;                                                                               \
        hold_equal(script, "/ip4/127.0.0.1");                                                      \
    }

SAME(frames_and_fins)
SAME(resets_and_stops)
SAME(second_stream_first)
SAME(close_with_reason)
SAME(listener_closes_as_transport)
SAME(listener_refuses)
SAME(listener_dislikes_certificate)
SAME(listener_is_dead)
SAME(listener_falls_silent)
SAME(silence_in_answer_to_pings)
SAME(listener_forgets)
SAME(pings)
SAME(limits_of_streams)

static void the_same_over_ipv6(void **state)
{
    (void)state;
    hold_equal(frames_and_fins, "/ip6/::1");
    hold_equal(close_with_reason, "/ip6/::1");
}

/* ---- what the tap itself is asked for ---- */

static void several_connections_are_carried_apart(void **state)
{
    (void)state;
    begin_at("/ip4/127.0.0.1");
    connect_both(true);
    struct quic_connection *first = a.connection;
    dial(true);
    await(&a.established, 2);
    await(&b.established, 2);
    assert_int_equal(tap_statistics(tap)->live, 2);
    say(quic_stream_open(first), "of the first");
    say(quic_stream_open(a.connection), "of the second");
    await(&b.data, 2);
    quic_connection_close(first, 0, "");
    await(&b.closed, 1);
    assert_int_equal(a.closed, 1);
    assert_non_null(a.connection);
    end_all();
}

/* One that has come back at once is not hidden behind what it left. */
static void what_a_restarted_node_left_is_not_answered_for(void **state)
{
    (void)state;
    begin_at("/ip4/127.0.0.1");
    connect_both(true);
    struct quic_connection *left_behind = b.connection;
    quic_connection_leave(a.connection);
    run_ms(50);
    dial(true);
    await(&b.established, 2);
    quic_connection_probe(left_behind);
    await(&b.closed, 1);
    assert_int_equal(b.close.cause, QUIC_IDLE_TIMEOUT);
    assert_true(b.connection != left_behind);
    end_all();
}

static void a_reader_that_stops_bounds_what_is_kept(void **state)
{
    (void)state;
    enum { SIZE = 16 << 20, ROOM = 1 << 16 };
    begin_at("/ip4/127.0.0.1");
    b.policy.credit_by_hand = true;
    b.policy.stream_window = ROOM;
    connect_both(true);
    uint8_t *data = memory_new(SIZE);
    quic_stream_write_bytes(quic_stream_open(a.connection), bytes_of(data, SIZE));
    free(data);
    await(&b.data, 1);
    run_ms(300);
    assert_true(b.received <= ROOM);
    const struct tap_pair *pair = tap_first_pair(tap);
    uint64_t kept = tap_pair_said(pair, TAP_DIALLER) - b.received;
    assert_true(kept > 0 && kept <= ROOM);
    end_all();
}

static void count_of_held(void *context, struct tap_pair *pair, int64_t stream, enum tap_side from,
                          struct bytes data)
{
    (void)context, (void)data;
    if (from == TAP_DIALLER)
        tap_pair_hold(pair, stream, from, 3);
}

static void what_is_held_waits_until_it_is_released(void **state)
{
    (void)state;
    static const struct tap_watcher holding = {.stream_data = count_of_held};
    watcher = &holding;
    begin_at("/ip4/127.0.0.1");
    connect_both(true);
    struct quic_stream *stream = quic_stream_open(a.connection);
    say(stream, "abcdef");
    quic_stream_finish(stream);
    await(&b.data, 1);
    say(stream_at(&b, 0), "heard");
    await(&a.data, 1);
    assert_int_equal(b.received, 3);
    assert_int_equal(b.ends, 0);
    run_ms(QUIET_MS); /* nothing is on its way that would take it along */
    tap_pair_release(tap_first_pair(tap), 0, TAP_DIALLER);
    for (int turn = 0; turn < TURNS && b.ends == 0; turn++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(b.ends, 1);
    assert_int_equal(b.received, 6);
    end_all();
}

/* So many connections that all their windows together would be too much. */
static void all_windows_together_are_bounded(void **state)
{
    (void)state;
    enum { MANY = 40, SIZE = 1 << 20 };
    begin_at("/ip4/127.0.0.1");
    for (unsigned i = 0; i < MANY; i++)
        dial(true);
    await(&a.established, MANY);
    await(&b.established, MANY);
    assert_true(tap_statistics(tap)->narrow > 0);
    assert_int_equal(tap_statistics(tap)->live, MANY);
    /* A narrow one carries all the same. */
    uint8_t *data = memory_new(SIZE);
    quic_stream_write_bytes(quic_stream_open(a.connection), bytes_of(data, SIZE));
    free(data);
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (b.received < SIZE && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(b.received, SIZE);
    end_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_and_fins_come_through),
        cmocka_unit_test(resets_and_stops_come_through),
        cmocka_unit_test(second_stream_first_come_through),
        cmocka_unit_test(close_with_reason_come_through),
        cmocka_unit_test(listener_closes_as_transport_come_through),
        cmocka_unit_test(listener_refuses_come_through),
        cmocka_unit_test(listener_dislikes_certificate_come_through),
        cmocka_unit_test(listener_is_dead_come_through),
        cmocka_unit_test(listener_falls_silent_come_through),
        cmocka_unit_test(silence_in_answer_to_pings_come_through),
        cmocka_unit_test(listener_forgets_come_through),
        cmocka_unit_test(pings_come_through),
        cmocka_unit_test(limits_of_streams_come_through),
        cmocka_unit_test(the_same_over_ipv6),
        cmocka_unit_test(several_connections_are_carried_apart),
        cmocka_unit_test(what_a_restarted_node_left_is_not_answered_for),
        cmocka_unit_test(a_reader_that_stops_bounds_what_is_kept),
        cmocka_unit_test(all_windows_together_are_bounded),
        cmocka_unit_test(what_is_held_waits_until_it_is_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
