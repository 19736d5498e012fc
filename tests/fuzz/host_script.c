#include "tests/fuzz/host_script.h"

#include "common/log.h"
#include "common/varint.h"
#include "net/host/internal.h"
#include "net/quic/internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/plain_quic.h"
#include "tests/fuzz/speaker.h"
#include "tests/fuzz/virtual_loop.h"
#include "tests/fuzz/wire.h"

enum {
    RECORDS_MAX = 40,
    CONNECTIONS_MAX = 3,
    REPLAYS_MAX = 80,
    WAITED_S_MAX = 300,
    REPLAYS_AT_ONCE_MAX = 40,
    SECOND_MS = 1000,
    ESTABLISH_MS = 3000,
    HONEST_MS = 15000,
    HONEST_ONE_OF = 32, /* scripts are followed by an honest connection */
    SHUTDOWN_MS = 2000,
    CRYPTO_PIECE = 1000,
    PROTOCOL_NAMES = 16,
    BUDGET = 64 * 1024,
};

static const char topic[] = "lean:block", other_topic[] = "lean:vote";
static const char *const addresses[] = {"/ip4/127.0.0.1/udp/4001", "/ip4/127.0.0.2/udp/4002",
                                        "/ip4/127.0.0.3/udp/4003"};

enum who { HOST, ATTACKER, HONEST, ENDS };

static struct {
    struct identity *identity;
    struct multiaddr address;
} ends[ENDS];

struct scene {
    struct host *host;
    bool listens;
    struct speaker attacker, honest;
    struct host_observer observer;
    unsigned connections, replays, waited_s;
    bool honest_confirmed, shut_down;
};

/* ---- records ---- */

bool host_record_take(struct bytes *script, struct host_record *record)
{
    if (script->size == 0)
        return false;
    size_t size = 0, header = script->size < RECORD_HEADER_SIZE ? script->size : RECORD_HEADER_SIZE;
    record->step = script->data[0] % STEPS;
    for (size_t i = 1; i < header; i++)
        size |= (size_t)script->data[i] << (8 * (i - 1));
    *script = bytes_after(*script, header);
    if (size > script->size)
        size = script->size;
    record->arguments = bytes_of(script->data, size);
    *script = bytes_after(*script, size);
    return true;
}

static uint8_t take_byte(struct bytes *arguments)
{
    if (arguments->size == 0)
        return 0;
    uint8_t byte = *arguments->data;
    *arguments = bytes_after(*arguments, 1);
    return byte;
}

static uint16_t take_number(struct bytes *arguments)
{
    uint16_t low = take_byte(arguments);
    return (uint16_t)(low | take_byte(arguments) << 8);
}

/* ---- steps below the streams ---- */

static void wait_ms(uint64_t milliseconds)
{
    virtual_loop_run(milliseconds * MILLISECOND_NS);
}

static bool is_established(const void *context)
{
    const struct scene *scene = context;
    return scene->attacker.established;
}

/* Most scripts want the handshake over; those that do not say so by what they do before. */
static void establish(struct scene *scene)
{
    virtual_loop_run_until(is_established, scene, (uint64_t)ESTABLISH_MS * MILLISECOND_NS);
}

/* What waits for a packet that the attacker will send by itself goes on waiting. */
static void flush_level(struct scene *scene, enum packet_level level)
{
    if (level == LEVEL_APPLICATION)
        speaker_ping(&scene->attacker);
    if (scene->attacker.established || scene->attacker.connection == NULL)
        wire_force(level);
}

static enum packet_level take_level(struct scene *scene, struct bytes *arguments)
{
    enum packet_level level = LEVELS - 1 - take_byte(arguments) % LEVELS;
    if (level == LEVEL_APPLICATION)
        establish(scene);
    return level;
}

static void send_crypto(struct scene *scene, enum packet_level level, struct bytes data)
{
    do {
        size_t size = data.size < CRYPTO_PIECE ? data.size : CRYPTO_PIECE;
        wire_crypto(level, bytes_of(data.data, size));
        flush_level(scene, level);
        data = bytes_after(data, size);
    } while (data.size > 0);
}

static void step_tls(struct scene *scene, struct bytes arguments)
{
    enum packet_level level = take_level(scene, &arguments);
    struct buffer message = {0};
    buffer_append_byte(&message, take_byte(&arguments));
    for (int shift = 16; shift >= 0; shift -= 8)
        buffer_append_byte(&message, (uint8_t)(arguments.size >> shift));
    buffer_append(&message, arguments.data, arguments.size);
    send_crypto(scene, level, buffer_bytes(&message));
    buffer_clear(&message);
}

static void step_crypto(struct scene *scene, struct bytes arguments)
{
    enum packet_level level = take_level(scene, &arguments);
    send_crypto(scene, level, arguments);
}

static void step_frames(struct scene *scene, struct bytes arguments)
{
    enum packet_level level = take_level(scene, &arguments);
    bool alone = take_byte(&arguments) % 2 == 1;
    if (!speaker_is_live(&scene->attacker))
        wire_acknowledge(level);
    wire_frames(level, arguments, alone);
    flush_level(scene, level);
}

static void step_raw(struct bytes arguments)
{
    uint8_t source = take_byte(&arguments);
    wire_raw(arguments, source);
}

static void step_replay(struct scene *scene, struct bytes arguments)
{
    uint8_t index = take_byte(&arguments), variant = take_byte(&arguments);
    uint8_t source = take_byte(&arguments);
    unsigned count = take_byte(&arguments) % REPLAYS_AT_ONCE_MAX + 1;
    for (unsigned i = 0; i < count && scene->replays < REPLAYS_MAX; i++, scene->replays++)
        wire_replay(index, variant == 0 ? 0 : (uint8_t)(variant + i), source);
}

static void step_fate(struct bytes arguments)
{
    bool from_host = take_byte(&arguments) % 2 == 1;
    enum wire_fate fate = take_byte(&arguments) % FATES;
    wire_fate(from_host, fate, take_number(&arguments));
}

/* ---- steps on streams ---- */

static void step_open(struct scene *scene, struct bytes arguments)
{
    const char *names[PROTOCOL_NAMES];
    size_t count = host_protocol_names(scene->host, names, PROTOCOL_NAMES);
    size_t protocol = take_byte(&arguments) % (count + 1);
    establish(scene);
    struct quic_stream *stream = speaker_open(&scene->attacker);
    if (stream == NULL)
        return;
    if (protocol < count)
        speaker_propose(stream, names[protocol]);
    quic_stream_write_bytes(stream, arguments);
}

static struct quic_stream *take_stream(struct scene *scene, struct bytes *arguments)
{
    establish(scene);
    return speaker_stream(&scene->attacker, take_byte(arguments));
}

static void step_write(struct scene *scene, struct bytes arguments)
{
    struct quic_stream *stream = take_stream(scene, &arguments);
    if (stream != NULL)
        quic_stream_write_bytes(stream, arguments);
}

static void step_rpc(struct scene *scene, struct bytes arguments)
{
    struct quic_stream *stream = take_stream(scene, &arguments);
    struct buffer prefix = {0};
    varint_append(&prefix, arguments.size);
    if (stream != NULL) {
        quic_stream_write_bytes(stream, buffer_bytes(&prefix));
        quic_stream_write_bytes(stream, arguments);
    }
    buffer_clear(&prefix);
}

static void step_end(struct scene *scene, struct bytes arguments)
{
    struct quic_stream *stream = take_stream(scene, &arguments);
    uint8_t how = take_byte(&arguments) % 3;
    if (stream == NULL)
        return;
    if (how == 0)
        quic_stream_finish(stream);
    else if (how == 1)
        quic_stream_reset(stream, take_byte(&arguments));
    else if (stream->connection->state == CONNECTION_LIVE)
        compat_conn_shutdown_stream_read(stream->connection->conn, stream->id, 0);
}

/* ---- what the host does meanwhile ---- */

static void publish(struct host *host, struct bytes payload)
{
    char *name = host_topic_expand(host, topic, NULL);
    uint8_t id[GOSSIPSUB_MESSAGE_ID_SIZE];
    size_t receivers;
    struct error error;
    host_publish(host, name, payload, id, &receivers, &error);
    free(name);
}

static void set_subscribed(struct host *host, const char *which, bool subscribed)
{
    char *name = host_topic_expand(host, which, NULL);
    struct error error;
    if (subscribed)
        host_subscribe(host, name, &error);
    else
        host_unsubscribe(host, name, &error);
    free(name);
}

static void step_host(struct scene *scene, struct bytes arguments)
{
    struct host *host = scene->host;
    uint8_t what = take_byte(&arguments);
    establish(scene);
    struct peer *peer = peer_first(host);
    switch (what % 7) {
    case 0:
        publish(host, arguments);
        break;
    case 1:
        set_subscribed(host, other_topic, true);
        break;
    case 2:
        set_subscribed(host, topic, false);
        break;
    case 3:
        set_subscribed(host, topic, true);
        break;
    case 4:
        if (peer != NULL)
            host_ping(peer);
        break;
    case 5:
        if (peer != NULL)
            host_ask_identify(peer_oldest_connection(peer));
        break;
    default:
        if (peer != NULL)
            host_disconnect(host, peer, "asked to");
    }
}

/* ---- connections ---- */

static void connect_ends(struct scene *scene)
{
    if (scene->connections == CONNECTIONS_MAX)
        return;
    scene->connections++;
    wire_connection();
    struct error error;
    if (scene->listens) {
        speaker_dial(&scene->attacker, &ends[HOST].address);
    } else {
        scene->attacker.established = scene->attacker.confirmed = false;
        scene->attacker.connection = NULL;
        host_dial(scene->host, &ends[ATTACKER].address, &error);
    }
}

static void step_close(struct scene *scene, struct bytes arguments)
{
    char reason[64] = "";
    uint8_t code = take_byte(&arguments);
    size_t size = arguments.size < sizeof(reason) ? arguments.size : sizeof(reason) - 1;
    if (size > 0)
        memcpy(reason, arguments.data, size);
    if (scene->attacker.connection != NULL)
        quic_connection_close(scene->attacker.connection, code, reason);
}

static void step_wait(struct scene *scene, struct bytes arguments)
{
    enum { LAST_MS = 127 };
    unsigned span = take_byte(&arguments);
    unsigned seconds = span <= LAST_MS ? 0 : span - LAST_MS;
    if (scene->waited_s + seconds > WAITED_S_MAX)
        return;
    scene->waited_s += seconds;
    wait_ms(seconds == 0 ? span : seconds * (uint64_t)SECOND_MS);
}

static void carry_out(struct scene *scene, const struct host_record *record)
{
    struct bytes arguments = record->arguments;
    switch (record->step) {
    case STEP_WAIT:
        step_wait(scene, arguments);
        break;
    case STEP_TLS:
        step_tls(scene, arguments);
        break;
    case STEP_CRYPTO:
        step_crypto(scene, arguments);
        break;
    case STEP_FRAMES:
        step_frames(scene, arguments);
        break;
    case STEP_OPEN:
        step_open(scene, arguments);
        break;
    case STEP_WRITE:
        step_write(scene, arguments);
        break;
    case STEP_RPC:
        step_rpc(scene, arguments);
        break;
    case STEP_END:
        step_end(scene, arguments);
        break;
    case STEP_RAW:
        step_raw(arguments);
        break;
    case STEP_REPLAY:
        step_replay(scene, arguments);
        break;
    case STEP_FATE:
        step_fate(arguments);
        break;
    case STEP_HOST:
        step_host(scene, arguments);
        break;
    case STEP_CLOSE:
        step_close(scene, arguments);
        break;
    case STEP_CONNECT:
        connect_ends(scene);
        break;
    case STEP_MUTE:
        scene->attacker.mute = true;
        break;
    case STEPS:
        break;
    }
}

/* ---- what must hold ---- */

const char *__lsan_default_suppressions(void);

/* ngtcp2 0.12 loses track of a STREAM frame of several pieces that is lost, and then acknowledged
 * in part. That connections are let go is required below. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libngtcp2.so\n";
}

static void check_host(const struct host *host)
{
    const struct quic_endpoint *endpoint = host->endpoint;
    size_t connections = 0, handshakes = 0;
    const struct quic_connection *connection;
    LIST_FOREACH(connection, &endpoint->connections, link)
    {
        connections++;
        handshakes += connection->server && !connection->established;
    }
    require(connections == endpoint->connection_count && connections <= QUIC_CONNECTIONS_MAX);
    require(handshakes == endpoint->handshakes);
    /* Beyond those only some whose address is proven: the attacker's own. */
    require(handshakes <= QUIC_HANDSHAKES_BEFORE_RETRY + CONNECTIONS_MAX);
    size_t peers = 0;
    for (const struct peer *peer = peer_first(host); peer != NULL;
         peer = peer_next(peer), peers++) {
        require(!LIST_EMPTY(&peer->connections));
    }
    require(peers <= connections);
    /* Room for more of a stream is made by what was carried out alone, or by a share. */
    require(host->shares.held <=
            host->shares.granted + connections * PEER_INBOUND_STREAMS_MAX * HOST_STREAM_WINDOW);
}

static void on_event(void *context, const struct host_event *event)
{
    struct scene *scene = context;
    if (event->kind == HOST_CONFIRMED &&
        peer_id_equal(&event->peer->id, identity_peer_id(ends[HONEST].identity)))
        scene->honest_confirmed = true;
}

static bool honest_is_served(const void *context)
{
    const struct scene *scene = context;
    return scene->honest_confirmed && scene->honest.confirmed;
}

static void require_honest_service(struct scene *scene)
{
    struct error error;
    speaker_begin(&scene->honest, ends[HONEST].identity, &ends[HONEST].address);
    if (scene->listens)
        speaker_dial(&scene->honest, &ends[HOST].address);
    else
        require(host_dial(scene->host, &ends[HONEST].address, &error) != 0);
    require(virtual_loop_run_until(honest_is_served, scene, (uint64_t)HONEST_MS * MILLISECOND_NS));
}

static void on_shut_down(void *context)
{
    struct scene *scene = context;
    scene->shut_down = true;
}

static bool is_shut_down(const void *context)
{
    const struct scene *scene = context;
    return scene->shut_down;
}

static void require_clean_end(struct scene *scene)
{
    struct host *host = scene->host;
    const struct quic_endpoint *endpoint = host->endpoint;
    host_shutdown(host, SHUTDOWN_MS, on_shut_down, scene);
    require(
        virtual_loop_run_until(is_shut_down, scene, (uint64_t)2 * SHUTDOWN_MS * MILLISECOND_NS));
    require(endpoint->connection_count == 0 && endpoint->handshakes == 0);
    require(endpoint->routes == NULL && endpoint->reset_tokens == NULL);
    require(peer_first(host) == NULL);
}

/* ---- a script from beginning to end ---- */

/* Before the first script; what it takes of random numbers is not missed by that. */
static void make_ends(void)
{
    log_init("fuzz", LOG_ERROR, false);
    plain_quic_begin();
    for (size_t i = 0; i < ENDS; i++) {
        struct error error;
        uint8_t secret[IDENTITY_SECRET_SIZE];
        memset(secret, (int)i + 1, sizeof(secret));
        ends[i].identity = identity_from_secret(bytes_of(secret, sizeof(secret)), &error);
        require(multiaddr_parse(addresses[i], &ends[i].address, &error));
        require(certificate_credentials(ends[i].identity, &error) != NULL);
    }
}

static void make_host(struct scene *scene)
{
    struct host_settings settings;
    struct error error;
    host_settings_default(&settings);
    settings.identity = ends[HOST].identity;
    settings.seed = 1;
    settings.budget = BUDGET;
    scene->host = host_new(&settings, &error);
    require(scene->host != NULL);
    require(host_listen(scene->host, &ends[HOST].address, &error));
    set_subscribed(scene->host, topic, true);
    scene->observer = (struct host_observer){.event = on_event, .context = scene};
    host_observe(scene->host, &scene->observer);
}

static struct sockaddr_in socket_address(enum who who)
{
    struct sockaddr_storage storage;
    struct sockaddr_in address;
    require(multiaddr_to_sockaddr(&ends[who].address, &storage) == sizeof(address));
    memcpy(&address, &storage, sizeof(address));
    return address;
}

static void begin(struct scene *scene)
{
    if (ends[HOST].identity == NULL)
        make_ends();
    struct sockaddr_in attacker = socket_address(ATTACKER), host = socket_address(HOST);
    virtual_loop_begin();
    plain_quic_begin();
    wire_begin(&attacker, &host);
    make_host(scene);
    speaker_begin(&scene->attacker, ends[ATTACKER].identity, &ends[ATTACKER].address);
    connect_ends(scene);
}

static void end(struct scene *scene)
{
    speaker_end(&scene->attacker);
    if (scene->honest.endpoint != NULL)
        speaker_end(&scene->honest);
    host_unobserve(scene->host, &scene->observer);
    host_free(scene->host);
    wire_end();
    require(virtual_loop_event_count() == 0);
}

/* The same scripts every time, so that what fails can be had again. */
static bool is_followed_by_honest(struct bytes script)
{
    unsigned sum = 0;
    for (size_t i = 0; i < script.size; i++)
        sum += script.data[i];
    return sum % HONEST_ONE_OF == 0;
}

void host_script_run(bool listens, struct bytes script)
{
    struct scene scene = {.listens = listens};
    struct bytes rest = script;
    struct host_record record;
    begin(&scene);
    for (unsigned i = 0; i < RECORDS_MAX && host_record_take(&rest, &record); i++) {
        carry_out(&scene, &record);
        check_host(scene.host);
    }
    establish(&scene);
    wait_ms(1);
    for (enum packet_level level = 0; level < LEVELS; level++)
        wire_force(level);
    wait_ms(SECOND_MS);
    check_host(scene.host);
    if (is_followed_by_honest(script))
        require_honest_service(&scene);
    require_clean_end(&scene);
    end(&scene);
}
