/* What an endpoint's owner decides a connection: two endpoints in one process, over loopback. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "net/address/identity.h"
#include "net/quic/connection.h"
#include "net/quic/stream.h"

#include "tests/unit/support.h"

enum { PATIENCE_MS = 10000, KEY_SIZE = 32, WINDOW = 4096 };

struct side {
    struct identity *identity;
    struct quic_endpoint *endpoint;
    struct quic_connection *connection, *asked; /* established; that asked to be admitted */
    struct quic_stream *stream;
    enum quic_admission admission;
    struct quic_policy policy; /* that it admits with */
    bool judging, judgement;
    struct peer_id judged;
    unsigned admissions, established, closed;
    unsigned opened, over, resets, stops, allowed;
    uint64_t reset_code;
    struct quic_close close;
    unsigned records, pings;
    unsigned stop_sendings; /* with the code 78 */
    uint8_t said[QUIC_CLOSE_REASON_MAX];
    size_t received;
    bool leaving; /* each connection as soon as it is established */
};

static struct event_base *base;
static struct side listener, dialler;

static enum quic_admission on_admit(void *context, struct quic_connection *connection,
                                    const struct multiaddr *remote, struct quic_policy *policy)
{
    struct side *side = context;
    assert_int_not_equal(remote->port, 0);
    side->admissions++;
    side->asked = connection;
    *policy = side->policy;
    return side->admission;
}

static bool on_judge(void *context, struct quic_connection *connection, const struct peer_id *peer,
                     enum key_type type, struct error *reason)
{
    (void)connection;
    struct side *side = context;
    assert_int_equal(type, KEY_SECP256K1);
    side->judged = *peer;
    return side->judgement || error_set(reason, "not liked");
}

static void on_established(void *context, struct quic_connection *connection)
{
    struct side *side = context;
    side->established++;
    side->connection = connection;
    if (side->leaving)
        quic_connection_leave(connection);
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
    if (close->said.size > 0)
        memcpy(side->said, close->said.data, close->said.size);
    if (side->connection == connection)
        side->connection = NULL;
}

static void on_stream(void *context, struct quic_stream *stream)
{
    struct side *side = context;
    side->opened++;
    side->stream = stream;
}

static void on_data(void *context, struct quic_stream *stream, struct bytes data, bool fin)
{
    (void)stream, (void)fin;
    ((struct side *)context)->received += data.size;
}

static void on_reset(void *context, struct quic_stream *stream, uint64_t code)
{
    (void)stream;
    struct side *side = context;
    side->resets++;
    side->reset_code = code;
}

static void on_stopped(void *context, struct quic_stream *stream)
{
    (void)stream;
    ((struct side *)context)->stops++;
}

static void on_allowed(void *context, struct quic_connection *connection)
{
    (void)connection;
    ((struct side *)context)->allowed++;
}

static void on_stream_closed(void *context, struct quic_stream *stream)
{
    struct side *side = context;
    side->over++;
    if (side->stream == stream)
        side->stream = NULL;
}

static void on_nothing(void *context)
{
    (void)context;
}

static void on_nothing_of_stream(void *context, struct quic_stream *stream)
{
    (void)context, (void)stream;
}

static bool says(struct bytes record, const char *text)
{
    return memmem(record.data, record.size, text, strlen(text)) != NULL;
}

static void on_record(void *context, struct quic_connection *connection, struct bytes record)
{
    (void)connection;
    struct side *side = context;
    bool received = says(record, "\"transport:packet_received\"");
    side->records++;
    side->pings += received && says(record, "\"frame_type\":\"ping\"");
    side->stop_sendings += received && says(record, "\"frame_type\":\"stop_sending\"") &&
                           says(record, "\"error_code\":78");
}

static const struct quic_handlers handlers = {
    .admit = on_admit,
    .connection_established = on_established,
    .connection_confirmed = on_confirmed,
    .connection_closed = on_closed,
    .streams_allowed = on_allowed,
    .stream_opened = on_stream,
    .stream_data = on_data,
    .stream_acknowledged = on_nothing_of_stream,
    .stream_reset = on_reset,
    .stream_stopped = on_stopped,
    .stream_closed = on_stream_closed,
    .recorded = on_record,
    .settle = on_nothing,
};

static struct quic_handlers judging_handlers;

static void start(struct side *side, uint8_t key, bool judging)
{
    uint8_t secret[KEY_SIZE];
    memset(secret, key, sizeof(secret));
    struct error error;
    *side = (struct side){.admission = QUIC_ADMIT, .judging = judging};
    side->identity = identity_from_secret(bytes_of(secret, sizeof(secret)), &error);
    struct quic_settings settings;
    quic_settings_default(&settings);
    side->policy = settings.policy;
    settings.base = base;
    settings.identity = side->identity;
    judging_handlers = handlers;
    judging_handlers.judge = on_judge;
    settings.handlers = judging ? &judging_handlers : &handlers;
    settings.context = side;
    side->endpoint = quic_endpoint_new(&settings, &error);
    assert_non_null(side->endpoint);
    struct multiaddr any;
    assert_true(multiaddr_parse("/ip4/127.0.0.1/udp/0/quic-v1", &any, &error));
    assert_true(quic_endpoint_listen(side->endpoint, &any, &error));
}

static int begin(void **state)
{
    (void)state;
    base = event_base_new();
    start(&listener, 1, false);
    start(&dialler, 2, false);
    return 0;
}

static int begin_with_judge(void **state)
{
    (void)state;
    base = event_base_new();
    start(&listener, 1, true);
    start(&dialler, 2, false);
    return 0;
}

static int end(void **state)
{
    (void)state;
    quic_endpoint_free(dialler.endpoint);
    quic_endpoint_free(listener.endpoint);
    identity_free(dialler.identity);
    identity_free(listener.identity);
    event_base_free(base);
    return 0;
}

static void dial(const struct quic_policy *policy)
{
    struct error error;
    struct multiaddr address = quic_endpoint_listen_address(listener.endpoint, 0);
    assert_non_null(quic_endpoint_dial(dialler.endpoint, &address, NULL, policy, &error));
}

/* Runs the loop until VALUE is COUNT. */
static void await(const unsigned *value, unsigned count)
{
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (*value < count && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(*value, count);
}

static void run_ms(uint64_t milliseconds)
{
    struct timeval span = clock_timeval(milliseconds * 1000);
    event_base_loopexit(base, &span);
    event_base_dispatch(base);
}

static void what_is_refused_is_told_so(void **state)
{
    (void)state;
    listener.admission = QUIC_REFUSE;
    dial(NULL);
    await(&dialler.closed, 1);
    assert_int_equal(dialler.close.cause, QUIC_CLOSED_BY_PEER);
    assert_false(dialler.close.application);
    assert_int_equal(dialler.close.code, 0x02);
    assert_int_equal(listener.closed, 0);
    assert_int_equal(quic_endpoint_connection_count(listener.endpoint), 0);
    assert_int_equal(quic_endpoint_statistics(listener.endpoint)->refused, 1);
}

static void what_is_held_begins_when_it_is_admitted(void **state)
{
    (void)state;
    listener.admission = QUIC_HOLD;
    dial(NULL);
    await(&listener.admissions, 1);
    run_ms(50);
    assert_int_equal(listener.admissions, 1);
    assert_int_equal(quic_endpoint_statistics(listener.endpoint)->datagrams_out, 0);
    quic_connection_admit(listener.asked, NULL, NULL);
    assert_int_equal(listener.established, 0); /* never within the owner's call */
    await(&listener.established, 1);
    await(&dialler.established, 1);
}

static void what_is_held_can_be_refused(void **state)
{
    (void)state;
    listener.admission = QUIC_HOLD;
    dial(NULL);
    await(&listener.admissions, 1);
    quic_connection_refuse(listener.asked);
    await(&dialler.closed, 1);
    assert_int_equal(dialler.close.code, 0x02);
    await(&listener.closed, 1);
    assert_int_equal(quic_endpoint_connection_count(listener.endpoint), 0);
}

static void what_is_held_for_too_long_is_let_go(void **state)
{
    (void)state;
    listener.admission = QUIC_HOLD;
    listener.policy.handshake_timeout_ms = 50;
    dial(NULL);
    await(&listener.closed, 1);
    assert_int_equal(listener.close.cause, QUIC_HANDSHAKE_TIMEOUT);
    assert_int_equal(quic_endpoint_statistics(listener.endpoint)->datagrams_out, 0);
}

static void the_owner_judges_whose_certificate_it_is(void **state)
{
    (void)state;
    listener.judgement = false;
    dial(NULL);
    await(&listener.closed, 1);
    assert_int_equal(listener.close.cause, QUIC_TLS_FAILED);
    assert_string_equal(listener.close.reason.text, "not liked");
    assert_true(peer_id_equal(&listener.judged, identity_peer_id(dialler.identity)));
    listener.judgement = true;
    dial(NULL);
    await(&listener.established, 1);
}

static void credit_is_given_by_hand_where_the_policy_says_so(void **state)
{
    (void)state;
    listener.policy.credit_by_hand = true;
    listener.policy.stream_window = WINDOW;
    listener.policy.connection_window = WINDOW;
    dial(NULL);
    await(&dialler.established, 1);
    struct quic_stream *stream = quic_stream_open(dialler.connection);
    uint8_t data[3 * WINDOW] = {0};
    quic_stream_write_bytes(stream, bytes_of(data, sizeof(data)));
    run_ms(100);
    assert_int_equal(listener.received, WINDOW);
    quic_stream_credit(listener.stream, WINDOW);
    run_ms(100);
    assert_int_equal(listener.received, 2 * WINDOW);
    quic_stream_credit(listener.stream, WINDOW);
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (listener.received < sizeof(data) && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(listener.received, sizeof(data));
}

static void write_text(struct quic_stream *stream, const char *text)
{
    quic_stream_write_bytes(stream, bytes_of_text(text));
}

/* Runs the loop until SIDE has received SIZE bytes. */
static void await_bytes(const struct side *side, size_t size)
{
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (side->received < size && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(side->received, size);
}

/* A stream of the dialler's on which a byte has come to the listener. */
static struct quic_stream *stream_with_a_byte(void)
{
    dial(NULL);
    await(&dialler.established, 1);
    struct quic_stream *stream = quic_stream_open(dialler.connection);
    write_text(stream, "x");
    await_bytes(&listener, 1);
    return stream;
}

static void a_writing_half_is_reset_apart(void **state)
{
    (void)state;
    struct quic_stream *stream = stream_with_a_byte();
    quic_stream_reset_write(stream, 77);
    await(&listener.resets, 1);
    assert_int_equal(listener.reset_code, 77);
    assert_int_equal(listener.stops, 0);
    write_text(listener.stream, "back");
    await_bytes(&dialler, 4);
    assert_int_equal(dialler.resets + dialler.over, 0);
    quic_stream_finish(listener.stream);
    await(&dialler.over, 1);
    await(&listener.over, 1);
}

static void a_reading_half_is_stopped_apart(void **state)
{
    (void)state;
    struct quic_stream *stream = stream_with_a_byte();
    quic_stream_stop_read(listener.stream, 78);
    await(&dialler.stops, 1);
    await(&listener.resets, 1); /* the dialler's answer, with the code that it was stopped with */
    assert_int_equal(listener.reset_code, 78);
    assert_in_range(dialler.stop_sendings, 1, UINT32_MAX);
    write_text(stream, "unwanted");
    write_text(listener.stream, "back");
    await_bytes(&dialler, 4);
    assert_int_equal(listener.received, 1);
    assert_int_equal(dialler.resets + dialler.over, 0);
    quic_stream_finish(listener.stream);
    await(&dialler.over, 1);
    await(&listener.over, 1);
}

static void connect_both(const struct quic_policy *policy)
{
    dial(policy);
    await(&dialler.established, dialler.established + 1);
    if (listener.established < dialler.established)
        await(&listener.established, dialler.established);
}

/* A dialler that gives up says that nothing was wrong. What waits for that to be read is silent. */
static void a_close_is_read_before_another_goes_on(void **state)
{
    (void)state;
    listener.admission = QUIC_HOLD;
    struct quic_policy policy = dialler.policy;
    policy.handshake_timeout_ms = 100;
    dial(&policy);
    await(&dialler.closed, 1);
    assert_int_equal(dialler.close.cause, QUIC_HANDSHAKE_TIMEOUT);
    run_ms(50);
    struct quic_connection *held = listener.asked;
    listener.admission = QUIC_ADMIT;
    connect_both(NULL);
    struct quic_connection *waiting = listener.connection;
    quic_connection_admit(held, NULL, waiting);
    write_text(quic_stream_open(waiting), "x");
    assert_int_equal(dialler.opened, 0);
    await(&listener.closed, 1);
    assert_int_equal(listener.close.cause, QUIC_CLOSED_BY_PEER);
    assert_int_equal(listener.close.code, 0);
    assert_non_null(strstr(listener.close.reason.text, "handshake timed out"));
    assert_int_equal(listener.established, 1);
    await(&dialler.opened, 1);
}

/* The listener closes with what CLOSE says, and the dialler hears just that. */
static void closes_as(const struct quic_close *close, enum quic_close_cause cause)
{
    connect_both(NULL);
    unsigned closed = dialler.closed;
    quic_connection_close_as(listener.connection, close);
    await(&dialler.closed, closed + 1);
    assert_int_equal(dialler.close.cause, cause);
    assert_int_equal(dialler.close.application, close->application);
    assert_true(dialler.close.code == close->code);
    assert_int_equal(dialler.close.said.size, close->said.size);
    assert_memory_equal(dialler.said, close->said.data, close->said.size);
    await(&listener.closed, closed + 1);
    assert_int_equal(listener.close.cause, QUIC_CLOSED_BY_US);
    assert_true(listener.close.code == close->code);
}

static void a_close_says_what_its_owner_wants(void **state)
{
    enum { ALERT_UNKNOWN_CA = 0x130, FLOW_CONTROL_ERROR = 0x03 };
    (void)state;
    uint8_t reason[QUIC_CLOSE_REASON_MAX];
    for (size_t i = 0; i < sizeof(reason); i++)
        reason[i] = (uint8_t)i;
    const struct bytes said = bytes_of(reason, sizeof(reason));
    closes_as(
        &(struct quic_close){.application = true, .code = (UINT64_C(1) << 62) - 1, .said = said},
        QUIC_CLOSED_BY_PEER);
    closes_as(&(struct quic_close){.code = FLOW_CONTROL_ERROR, .said = said}, QUIC_CLOSED_BY_PEER);
    closes_as(&(struct quic_close){.code = ALERT_UNKNOWN_CA, .said = bytes_of(reason, 1)},
              QUIC_REFUSED_BY_PEER);
    assert_string_equal(dialler.close.reason.text,
                        "closed by the peer: transport error 0x130, CA is unknown: ?");
}

/* In as many ms as the dialler gives an unanswered packet and the listener a connection it left. */
static const struct quic_policy *short_policy(void)
{
    static struct quic_policy policy;
    policy = dialler.policy;
    policy.unanswered_ms = 100;
    listener.policy.idle_timeout_ms = 100;
    listener.policy.handshake_timeout_ms = 4000;
    return &policy;
}

static uint64_t datagrams_of_listener(void)
{
    return quic_endpoint_statistics(listener.endpoint)->datagrams_out;
}

static void await_no_connections(const struct side *side)
{
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (quic_endpoint_connection_count(side->endpoint) > 0 && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(quic_endpoint_connection_count(side->endpoint), 0);
}

static void who_is_left_hears_nothing(void **state)
{
    (void)state;
    connect_both(short_policy());
    run_ms(100);
    uint64_t before = datagrams_of_listener();
    quic_connection_leave(listener.connection);
    assert_int_equal(listener.closed, 0); /* never within the owner's call */
    await(&listener.closed, 1);
    assert_int_equal(listener.close.cause, QUIC_CLOSED_BY_US);
    write_text(quic_stream_open(dialler.connection), "x");
    await(&dialler.closed, 1);
    assert_int_equal(dialler.close.cause, QUIC_IDLE_TIMEOUT);
    assert_int_equal(datagrams_of_listener(), before);
    assert_int_equal(listener.opened, 0);
    await_no_connections(&listener);
    assert_int_equal(listener.closed, 1);
}

static void a_peer_can_be_left_while_what_it_sent_is_read(void **state)
{
    (void)state;
    listener.leaving = true;
    connect_both(short_policy());
    await(&listener.closed, 1);
    uint64_t before = datagrams_of_listener();
    await(&dialler.closed, 1);
    assert_int_equal(datagrams_of_listener(), before);
    quic_endpoint_shutdown(listener.endpoint); /* it does not wait for who was left */
    uint64_t began = clock_now_ms();
    await_no_connections(&listener);
    assert_true(clock_now_ms() - began < listener.policy.handshake_timeout_ms);
}

static void who_is_held_can_be_left(void **state)
{
    (void)state;
    listener.admission = QUIC_HOLD;
    dial(NULL);
    await(&listener.admissions, 1);
    quic_connection_leave(listener.asked);
    await(&listener.closed, 1);
    uint64_t before = quic_endpoint_statistics(listener.endpoint)->datagrams_in;
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (quic_endpoint_statistics(listener.endpoint)->datagrams_in < before + 3 &&
           clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_in_range(quic_endpoint_statistics(listener.endpoint)->datagrams_in, before + 3,
                    UINT32_MAX);
    assert_int_equal(listener.admissions, 1);
    assert_int_equal(datagrams_of_listener(), 0);
    assert_int_equal(dialler.closed, 0);
}

static void a_ping_comes_when_it_is_asked_for(void **state)
{
    (void)state;
    struct quic_policy policy = dialler.policy;
    policy.keep_alive_ms = listener.policy.keep_alive_ms = 0;
    connect_both(&policy);
    run_ms(300); /* until all is acknowledged, the path's MTU too */
    for (unsigned i = 0; i < 3; i++) {
        unsigned before = listener.pings;
        uint64_t limit = clock_now_ms() + PATIENCE_MS;
        quic_connection_ping(dialler.connection);
        while (listener.pings == before && clock_now_ms() < limit)
            event_base_loop(base, EVLOOP_ONCE);
        assert_in_range(listener.pings, before + 1, UINT32_MAX); /* again, if its answer is late */
        run_ms(100);
    }
    assert_int_equal(dialler.closed + listener.closed, 0);
}

static void what_has_no_log_is_recorded_all_the_same(void **state)
{
    (void)state;
    connect_both(NULL);
    assert_false(quic_connection_has_log(dialler.connection));
    assert_in_range(dialler.records, 4, UINT32_MAX);
    assert_in_range(listener.records, 4, UINT32_MAX);
}

static void an_original_connection_id_can_be_dictated(void **state)
{
    (void)state;
    static const char *const invalid[] = {"", "00112233445566",
                                          "0011223344556677889900112233445566778899aa",
                                          "xx11223344556677", "001122334455667"};
    struct multiaddr address = quic_endpoint_listen_address(listener.endpoint, 0);
    struct error error;
    for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
        const struct quic_dial dial = {.id = invalid[i]};
        assert_null(quic_endpoint_dial_as(dialler.endpoint, &address, &dial, &error));
        assert_non_null(strstr(error.text, "8 to 20 bytes, hexadecimal"));
    }
    assert_int_equal(quic_endpoint_connection_count(dialler.endpoint), 0);
    static const char *const valid[] = {"0011223344556677",
                                        "00112233445566778899aabbccddeeff00112233"};
    for (unsigned i = 0; i < 2; i++) {
        const struct quic_dial dial = {.id = valid[i]};
        assert_non_null(quic_endpoint_dial_as(dialler.endpoint, &address, &dial, &error));
        await(&listener.established, i + 1);
        await(&dialler.established, i + 1);
        struct quic_connection_facts facts;
        quic_connection_facts(dialler.connection, &facts);
        assert_string_equal(facts.id, valid[i]);
        quic_connection_facts(listener.connection, &facts);
        assert_string_equal(facts.id, valid[i]);
    }
}

/* Opens a stream of the dialler's and sees it to its end on both sides: the COUNTth. */
static void have_a_stream(unsigned count)
{
    struct quic_stream *stream = quic_stream_open(dialler.connection);
    assert_non_null(stream);
    quic_stream_finish(stream);
    await(&listener.opened, count);
    quic_stream_finish(listener.stream);
    await(&dialler.over, count);
    await(&listener.over, count);
}

static void streams_are_allowed_by_hand_where_the_policy_says_so(void **state)
{
    (void)state;
    listener.policy.streams_by_hand = true;
    listener.policy.remote_streams_max = 1;
    dial(NULL);
    await(&dialler.established, 1);
    await(&listener.established, 1);
    unsigned allowed = dialler.allowed; /* by the handshake */
    have_a_stream(1);
    run_ms(100);
    assert_null(quic_stream_open(dialler.connection));
    assert_int_equal(dialler.allowed, allowed);
    quic_connection_allow_streams(listener.connection, 1);
    await(&dialler.allowed, allowed + 1);
    have_a_stream(2);
    assert_null(quic_stream_open(dialler.connection));
}

static void streams_that_are_over_make_room_by_themselves(void **state)
{
    (void)state;
    listener.policy.remote_streams_max = 1;
    dial(NULL);
    await(&dialler.established, 1);
    await(&listener.established, 1);
    unsigned allowed = dialler.allowed;
    quic_connection_allow_streams(listener.connection, 9); /* not left to its owner */
    have_a_stream(1);
    await(&dialler.allowed, allowed + 1);
    have_a_stream(2);
    await(&dialler.allowed, allowed + 2);
}

/* Counted in datagrams of an idle connection, which only PINGs and their answers are; in how many
 * ms, for a busy machine takes longer. */
static uint64_t datagrams_while_idle(uint64_t keep_alive_ms, uint64_t *took_ms)
{
    struct quic_policy policy = dialler.policy;
    policy.keep_alive_ms = keep_alive_ms;
    listener.policy.keep_alive_ms = 0;
    unsigned established = dialler.established;
    dial(&policy);
    await(&dialler.established, established + 1);
    run_ms(300);
    uint64_t before = quic_endpoint_statistics(dialler.endpoint)->datagrams_out;
    uint64_t began = clock_now_ms();
    run_ms(300);
    *took_ms = clock_now_ms() - began;
    return quic_endpoint_statistics(dialler.endpoint)->datagrams_out - before;
}

static void a_connection_is_kept_alive_as_its_policy_says(void **state)
{
    enum { KEEP_ALIVE_MS = 20 };
    (void)state;
    uint64_t took_ms;
    assert_int_equal(datagrams_while_idle(0, &took_ms), 0);
    uint64_t count = datagrams_while_idle(KEEP_ALIVE_MS, &took_ms);
    /* Each may go out twice, where its answer is late. */
    assert_in_range(count, 2, 2 * took_ms / KEEP_ALIVE_MS);
}

/* As many as may come, in turns that fit the sockets' buffers. */
static void fill_table(const struct quic_policy *policy)
{
    enum { TURN = 32 };
    listener.admission = QUIC_HOLD;
    for (unsigned i = 1; i <= QUIC_CONNECTIONS_INBOUND_MAX; i++) {
        dial(policy);
        if (i % TURN == 0)
            await(&listener.admissions, i);
    }
}

static void who_comes_to_a_full_table_is_refused_and_we_dial_all_the_same(void **state)
{
    (void)state;
    struct quic_policy policy = listener.policy;
    policy.handshake_timeout_ms = listener.policy.handshake_timeout_ms = 10 * PATIENCE_MS;
    fill_table(&policy);
    assert_int_equal(quic_endpoint_statistics(listener.endpoint)->refused, 0);
    dial(&policy);
    await(&dialler.closed, 1);
    assert_int_equal(listener.admissions, QUIC_CONNECTIONS_INBOUND_MAX);
    assert_int_equal(quic_endpoint_statistics(listener.endpoint)->refused, 1);
    assert_int_equal(dialler.close.cause, QUIC_CLOSED_BY_PEER);
    struct error error;
    struct multiaddr address = quic_endpoint_listen_address(dialler.endpoint, 0);
    assert_non_null(quic_endpoint_dial(listener.endpoint, &address, NULL, NULL, &error));
    await(&listener.established, 1);
}

/* The listener vanishes; a byte that is written then is never acknowledged. */
static void write_to_the_dead(uint64_t unanswered_ms)
{
    struct quic_policy policy = dialler.policy;
    policy.idle_timeout_ms = 10 * PATIENCE_MS;
    policy.unanswered_ms = unanswered_ms;
    listener.policy.idle_timeout_ms = policy.idle_timeout_ms;
    dial(&policy);
    await(&dialler.established, 1);
    run_ms(100);
    quic_endpoint_free(listener.endpoint);
    listener.endpoint = NULL;
    struct quic_stream *stream = quic_stream_open(dialler.connection);
    quic_stream_write_bytes(stream, bytes_of((const uint8_t *)"x", 1));
}

static void who_acknowledges_nothing_is_given_up_before_the_idle_timeout(void **state)
{
    (void)state;
    write_to_the_dead(100);
    await(&dialler.closed, 1);
    assert_int_equal(dialler.close.cause, QUIC_IDLE_TIMEOUT);
    assert_string_equal(dialler.close.reason.text, "the peer did not answer a probe");
}

static void who_acknowledges_nothing_is_kept_where_the_policy_says_so(void **state)
{
    (void)state;
    write_to_the_dead(0);
    run_ms(3000);
    assert_int_equal(dialler.closed, 0);
}

/* Nothing is under way: silence alone is no reason for a probe. */
static void a_silent_peer_that_owes_nothing_is_left_alone(void **state)
{
    (void)state;
    dialler.policy.unanswered_ms = listener.policy.unanswered_ms = 100;
    /* On a busy machine an answer may be late, and rightly asked for. */
    uint64_t datagrams = 1, took_ms;
    for (unsigned try = 0; try < 5 && datagrams > 0; try++)
        datagrams = datagrams_while_idle(0, &took_ms);
    assert_int_equal(datagrams, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_refused_is_told_so, begin, end),
        cmocka_unit_test_setup_teardown(what_is_held_begins_when_it_is_admitted, begin, end),
        cmocka_unit_test_setup_teardown(a_close_is_read_before_another_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(what_is_held_can_be_refused, begin, end),
        cmocka_unit_test_setup_teardown(what_is_held_for_too_long_is_let_go, begin, end),
        cmocka_unit_test_setup_teardown(the_owner_judges_whose_certificate_it_is, begin_with_judge,
                                        end),
        cmocka_unit_test_setup_teardown(credit_is_given_by_hand_where_the_policy_says_so, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_writing_half_is_reset_apart, begin, end),
        cmocka_unit_test_setup_teardown(a_reading_half_is_stopped_apart, begin, end),
        cmocka_unit_test_setup_teardown(streams_are_allowed_by_hand_where_the_policy_says_so, begin,
                                        end),
        cmocka_unit_test_setup_teardown(streams_that_are_over_make_room_by_themselves, begin, end),
        cmocka_unit_test_setup_teardown(a_close_says_what_its_owner_wants, begin, end),
        cmocka_unit_test_setup_teardown(who_is_left_hears_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_peer_can_be_left_while_what_it_sent_is_read, begin, end),
        cmocka_unit_test_setup_teardown(who_is_held_can_be_left, begin, end),
        cmocka_unit_test_setup_teardown(a_ping_comes_when_it_is_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(what_has_no_log_is_recorded_all_the_same, begin, end),
        cmocka_unit_test_setup_teardown(an_original_connection_id_can_be_dictated, begin, end),
        cmocka_unit_test_setup_teardown(a_connection_is_kept_alive_as_its_policy_says, begin, end),
        cmocka_unit_test_setup_teardown(
            who_comes_to_a_full_table_is_refused_and_we_dial_all_the_same, begin, end),
        cmocka_unit_test_setup_teardown(
            who_acknowledges_nothing_is_given_up_before_the_idle_timeout, begin, end),
        cmocka_unit_test_setup_teardown(who_acknowledges_nothing_is_kept_where_the_policy_says_so,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_silent_peer_that_owes_nothing_is_left_alone, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
