/*
 * A peer that does whatever it is told, for shell tests: QUIC as devnet-node speaks it, and behind
 * it nothing but the bytes that the arguments ask for.
 *
 *   hostile [OPTION...] MULTIADDR STEP...    dials
 *   hostile [OPTION...] --listen STEP...     prints its multiaddr and waits to be dialled
 *
 *   --no-certificate, --bare-certificate (without libp2p's extension), --no-alpn: break TLS
 *   --odd-certificate: one that is in order, libp2p's extension critical, its signature's S high
 *   --no-parameters: no transport parameters of QUIC in the handshake
 *   --uni-streams: parameters that allow 5 unidirectional streams
 *   --no-request: a listener that does not ask for the dialler's certificate
 *   --long-hello: a ClientHello of two datagrams
 *   --no-credit: a dialler that acknowledges what comes, and makes no room for more
 *   --times N: dial as often at once, and do the steps on the first connection that is up
 *
 * Steps, on the current stream, which is the one last opened or accepted:
 *   open, accept            a stream of ours; the next one of the peer's, as it comes
 *   propose:ID, answer:ID   multistream-select's header and ID
 *   hex:BYTES, zeros:N, repeat:N:BYTES, drip:BYTES (one byte a packet)
 *   messages:N              as many gossip messages of the topic lean:block, no two the same
 *   part:N                  so many bytes of a gossip RPC of 10 MiB
 *   ids:KIND:N              so many random ids in one RPC; KIND is ihave, iwant or idontwant
 *   status                  answers a status request with the status that was asked with
 *   fin, reset, stop (STOP_SENDING alone)
 *   wait:data, wait:fin, wait:reset, wait:end (either, or the stream is gone), wait:answer
 *   (data or the end), wait:bytes:N (that many on the stream), wait:closed (the connection is),
 *   wait:connected:N (so many of --times)
 *   rest:MS, die (SIGKILL), close
 *
 * $HOSTILE_KEY is its key file; without it, its key is a new one.
 * Prints what happens, a line each; ends with 0 when the steps are done, 1 when a connection ends
 * before that, and 3 when one takes too long (40 s beyond what it rests).
 */
#include <dlfcn.h>
#include <event2/event.h>
#include <gnutls/x509.h>
#include <secp256k1.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/clock.h"
#include "common/hex.h"
#include "common/memory.h"
#include "common/varint.h"
#include "net/gossipsub/payload.h"
#include "net/gossipsub/rpc.h"
#include "net/quic/internal.h"
#include "tests/tools/attacker.h"
#include "tests/unit/rpc_ids.h"

enum { PATIENCE_SECONDS = 40, SHOWN_MAX = 64, DIALS_MAX = 1000, DRIP_US = 500 };

static const char block_topic[] = "/leanconsensus/12345678/block/ssz_snappy";

/* One of our streams, or of the peer's. */
struct channel {
    struct quic_stream *quic; /* NULL once it is gone */
    int64_t id;
    struct buffer input;
    bool fin, reset, accepted;
    struct channel *next;
};

static struct {
    struct event_base *base;
    struct quic_endpoint *endpoint;
    struct quic_policy policy; /* of what we dial */
    struct quic_connection *connection;
    unsigned long connected; /* connections that were established */
    struct channel *channels, *current;
    char **steps;
    struct buffer drip;
    size_t dripped;
    struct event *again;     /* the steps go on */
    struct event *impatient; /* the step takes too long */
    bool resting, closed;
} me;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "hostile: %s: %s\n", what, why);
    exit(2);
}

/* ---- what is written ---- */

static void write_message(const char *text)
{
    struct buffer message = {0};
    varint_append(&message, strlen(text) + 1);
    buffer_append_text(&message, text);
    buffer_append_byte(&message, '\n');
    quic_stream_write_bytes(me.current->quic, buffer_bytes(&message));
    buffer_clear(&message);
}

static void negotiate(const char *protocol)
{
    write_message("/multistream/1.0.0");
    write_message(protocol);
}

static struct buffer bytes_from(const char *text)
{
    struct buffer bytes = {0};
    if (!hex_read(text, &bytes))
        fail(text, "not hexadecimal");
    return bytes;
}

static void write_repeated(unsigned long count, const char *text)
{
    struct buffer once = bytes_from(text), all = {0};
    for (unsigned long i = 0; i < count; i++)
        buffer_append(&all, once.data, once.size);
    quic_stream_write_bytes(me.current->quic, buffer_bytes(&all));
    buffer_clear(&once);
    buffer_clear(&all);
}

/* Their payloads are numbers, and begin anywhere: no two runs say the same either. */
static void write_messages(unsigned long count)
{
    uint64_t number = clock_now_ns();
    for (unsigned long i = 0; i < count; i++, number++) {
        struct buffer data = {0};
        payload_compress(bytes_of((const uint8_t *)&number, sizeof(number)), &data);
        struct chunk *rpc = rpc_encode_message(bytes_of_text(block_topic), buffer_bytes(&data));
        quic_stream_write(me.current->quic, rpc);
        chunk_unref(rpc);
        buffer_clear(&data);
    }
}

/* One piece, again and again, so that many such peers have room on one machine. */
static void write_part(unsigned long size)
{
    enum { PIECE = 1 << 16 };
    uint8_t length[VARINT_SIZE_MAX];
    quic_stream_write_bytes(me.current->quic,
                            bytes_of(length, varint_write(GOSSIPSUB_RPC_SIZE_MAX, length)));
    uint8_t *zeros = memory_new(PIECE);
    struct chunk *piece = chunk_new(zeros, PIECE);
    for (; size >= PIECE; size -= PIECE)
        quic_stream_write(me.current->quic, piece);
    quic_stream_write_bytes(me.current->quic, bytes_of(zeros, size));
    chunk_unref(piece);
    free(zeros);
}

typedef const uint8_t (*id_list)[GOSSIPSUB_MESSAGE_ID_SIZE];

static void add_ids(struct rpc_writer *writer, const char *kind, id_list ids, size_t count)
{
    if (strncmp(kind, "ihave:", 6) == 0)
        rpc_write_ihave(writer, bytes_of_text(block_topic), ids, count);
    else if (strncmp(kind, "iwant:", 6) == 0)
        rpc_write_iwant(writer, ids, count);
    else if (strncmp(kind, "idontwant:", 10) == 0)
        rpc_write_idontwant(writer, ids, count);
    else
        fail(kind, "neither ihave, iwant nor idontwant");
}

static void write_ids(const char *kind)
{
    const char *number = strchr(kind, ':');
    unsigned long left = number != NULL ? strtoul(number + 1, NULL, 10) : 0;
    struct rpc_writer writer = {0};
    uint8_t ids[RPC_IDS_MAX][GOSSIPSUB_MESSAGE_ID_SIZE];
    for (size_t part; left > 0; left -= part) {
        part = left < RPC_IDS_MAX ? left : RPC_IDS_MAX;
        for (size_t i = 0; i < part; i++)
            if (getrandom(ids[i], sizeof(ids[i]), 0) < 0)
                fail(kind, "no random numbers to be had");
        add_ids(&writer, kind, (id_list)ids, part);
    }
    struct chunk *rpc = rpc_writer_finish(&writer);
    quic_stream_write(me.current->quic, rpc);
    chunk_unref(rpc);
    rpc_writer_clear(&writer);
}

/* What followed the two messages of the negotiation goes back, behind a code of success. */
static void answer_status(void)
{
    static const char protocol[] = "/leanconsensus/req/status/1/ssz_snappy";
    struct bytes request = buffer_bytes(&me.current->input);
    negotiate(protocol);
    struct buffer answer = {0};
    buffer_append_byte(&answer, 0);
    size_t skipped = 2 + strlen("/multistream/1.0.0") + 2 + strlen(protocol);
    request = bytes_after(request, skipped);
    buffer_append(&answer, request.data, request.size);
    quic_stream_write_bytes(me.current->quic, buffer_bytes(&answer));
    buffer_clear(&answer);
    quic_stream_finish_apart(me.current->quic);
}

/* ---- steps ---- */

static void be_patient(unsigned long more_seconds)
{
    struct timeval patience = {.tv_sec = (time_t)(PATIENCE_SECONDS + more_seconds)};
    evtimer_add(me.impatient, &patience);
}

static void go_on_after(unsigned long microseconds)
{
    struct timeval delay = {.tv_sec = (time_t)(microseconds / 1000000),
                            .tv_usec = (suseconds_t)(microseconds % 1000000)};
    me.resting = true;
    evtimer_add(me.again, &delay);
    be_patient(microseconds / 1000000);
}

static struct channel *channel_new(struct quic_stream *quic)
{
    struct channel *channel = memory_new(sizeof(*channel));
    channel->quic = quic;
    channel->id = quic_stream_id(quic);
    channel->next = me.channels;
    me.channels = channel;
    quic_stream_set_user(quic, channel);
    return channel;
}

static void open_stream(void)
{
    struct quic_stream *quic = quic_stream_open(me.connection);
    if (quic == NULL)
        puts("no stream left");
    else
        me.current = channel_new(quic);
    if (quic != NULL)
        me.current->accepted = true;
}

/* The oldest of the peer's that was not accepted yet; false where there is none. */
static bool accept_stream(void)
{
    struct channel *found = NULL;
    for (struct channel *channel = me.channels; channel != NULL; channel = channel->next) {
        if (!channel->accepted)
            found = channel;
    }
    if (found == NULL)
        return false;
    found->accepted = true;
    me.current = found;
    return true;
}

static bool has_come(const char *what)
{
    const struct channel *channel = me.current;
    if (strcmp(what, "closed") == 0)
        return me.closed;
    if (strcmp(what, "data") == 0)
        return channel->input.size > 0;
    if (strncmp(what, "connected:", 10) == 0)
        return me.connected >= strtoul(what + 10, NULL, 10);
    if (strncmp(what, "bytes:", 6) == 0)
        return channel->input.size >= strtoul(what + 6, NULL, 10);
    if (strcmp(what, "fin") == 0)
        return channel->fin;
    if (strcmp(what, "reset") == 0)
        return channel->reset;
    bool ended = channel->fin || channel->reset || channel->quic == NULL;
    if (strcmp(what, "end") == 0)
        return ended;
    if (strcmp(what, "answer") == 0)
        return ended || channel->input.size > 0;
    fail(what, "cannot be waited for");
}

static const char *argument_of(const char *step, const char *name)
{
    size_t length = strlen(name);
    return strncmp(step, name, length) == 0 && step[length] == ':' ? step + length + 1 : NULL;
}

/* Steps with an argument that write to the stream; false where STEP is none. */
static bool write_step(const char *step)
{
    const char *argument;
    char *rest;
    if ((argument = argument_of(step, "propose")) != NULL ||
        (argument = argument_of(step, "answer")) != NULL) {
        negotiate(argument);
    } else if ((argument = argument_of(step, "hex")) != NULL) {
        write_repeated(1, argument);
    } else if ((argument = argument_of(step, "zeros")) != NULL) {
        write_repeated(strtoul(argument, NULL, 10), "00");
    } else if ((argument = argument_of(step, "repeat")) != NULL) {
        unsigned long count = strtoul(argument, &rest, 10);
        write_repeated(count, rest + 1);
    } else if ((argument = argument_of(step, "messages")) != NULL) {
        write_messages(strtoul(argument, NULL, 10));
    } else if ((argument = argument_of(step, "part")) != NULL) {
        write_part(strtoul(argument, NULL, 10));
    } else if ((argument = argument_of(step, "ids")) != NULL) {
        write_ids(argument);
    } else if ((argument = argument_of(step, "drip")) != NULL) {
        me.drip = bytes_from(argument);
        me.dripped = 0;
    } else {
        return false;
    }
    return true;
}

/* True where the step is done. */
static bool take_step(const char *step)
{
    const char *argument;
    if ((argument = argument_of(step, "wait")) != NULL)
        return has_come(argument);
    if (strcmp(step, "accept") == 0)
        return accept_stream();
    if ((argument = argument_of(step, "rest")) != NULL)
        go_on_after(strtoul(argument, NULL, 10) * 1000);
    else if (strcmp(step, "open") == 0)
        open_stream();
    else if (strcmp(step, "close") == 0)
        quic_connection_close(me.connection, 0, "hostile");
    else if (strcmp(step, "die") == 0)
        raise(SIGKILL);
    else if (me.current == NULL || me.current->quic == NULL)
        printf("no stream to %s\n", step);
    else if (strcmp(step, "status") == 0)
        answer_status();
    else if (strcmp(step, "fin") == 0)
        quic_stream_finish(me.current->quic);
    else if (strcmp(step, "reset") == 0)
        quic_stream_reset(me.current->quic, 0);
    else if (strcmp(step, "stop") == 0)
        compat_conn_shutdown_stream_read(me.current->quic->connection->conn, me.current->id, 0);
    else if (!write_step(step))
        fail(step, "no such step");
    return true;
}

static void drip_byte(void)
{
    if (me.current->quic != NULL)
        quic_stream_write_bytes(me.current->quic, bytes_of(me.drip.data + me.dripped, 1));
    if (++me.dripped == me.drip.size)
        buffer_clear(&me.drip);
    go_on_after(DRIP_US);
}

static void advance(void)
{
    while (!me.resting && me.drip.size > 0)
        drip_byte();
    while (!me.resting && me.drip.size == 0 && *me.steps != NULL && take_step(*me.steps))
        me.steps++;
    if (*me.steps == NULL && !me.resting && me.drip.size == 0)
        event_base_loopbreak(me.base);
}

static void on_again(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what, (void)argument;
    me.resting = false;
    advance();
}

/* ---- what QUIC tells ---- */

static void on_established(void *context, struct quic_connection *connection)
{
    (void)context;
    puts("connected");
    me.connected++;
    if (me.connection == NULL)
        me.connection = connection;
}

static void on_confirmed(void *context, struct quic_connection *connection)
{
    (void)context, (void)connection;
    puts("confirmed");
}

static void on_closed(void *context, struct quic_connection *connection,
                      const struct quic_close *close)
{
    (void)context;
    printf("closed: %s\n", close->reason.text);
    if (me.connection == NULL || me.connection == connection)
        me.closed = true;
}

static void on_opened(void *context, struct quic_stream *quic)
{
    (void)context;
    printf("%lld opened\n", (long long)channel_new(quic)->id);
}

static void on_data(void *context, struct quic_stream *quic, struct bytes data, bool fin)
{
    (void)context;
    struct channel *channel = quic_stream_user(quic);
    buffer_append(&channel->input, data.data, data.size);
    char shown[2 * SHOWN_MAX + 1];
    hex_write(bytes_of(data.data, data.size < SHOWN_MAX ? data.size : SHOWN_MAX), shown);
    if (data.size > 0)
        printf("%lld data %zu %s\n", (long long)channel->id, data.size, shown);
    if (fin)
        printf("%lld fin\n", (long long)channel->id);
    channel->fin = channel->fin || fin;
}

static void on_reset(void *context, struct quic_stream *quic, uint64_t code)
{
    (void)context, (void)code;
    struct channel *channel = quic_stream_user(quic);
    printf("%lld reset\n", (long long)channel->id);
    channel->reset = true;
}

static void on_stopped(void *context, struct quic_stream *stream)
{
    on_reset(context, stream, 0);
}

static void on_stream_closed(void *context, struct quic_stream *quic)
{
    (void)context;
    struct channel *channel = quic_stream_user(quic);
    printf("%lld gone\n", (long long)channel->id);
    channel->quic = NULL;
}

static void on_acknowledged(void *context, struct quic_stream *quic)
{
    (void)context, (void)quic;
}

static void on_settle(void *context)
{
    (void)context;
    if (me.closed && *me.steps != NULL && strcmp(*me.steps, "wait:closed") != 0)
        exit(1);
    if (me.connection != NULL || me.closed)
        advance();
}

static const struct quic_handlers handlers = {
    .connection_established = on_established,
    .connection_confirmed = on_confirmed,
    .connection_closed = on_closed,
    .stream_opened = on_opened,
    .stream_data = on_data,
    .stream_acknowledged = on_acknowledged,
    .stream_reset = on_reset,
    .stream_stopped = on_stopped,
    .stream_closed = on_stream_closed,
    .settle = on_settle,
};

/* ---- broken TLS ---- */

static void use_no_certificate(void)
{
    gnutls_certificate_free_credentials(me.endpoint->credentials);
    gnutls_certificate_allocate_credentials(&me.endpoint->credentials);
}

static void use_bare_certificate(void)
{
    use_no_certificate();
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_init(&key);
    gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, "1", 1);
    gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 3600);
    gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3600);
    gnutls_x509_crt_set_key(certificate, key);
    gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
    gnutls_certificate_set_x509_key(me.endpoint->credentials, &certificate, 1, key);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}

/* In place of GnuTLS' own, for the sessions of a listener, which begin and go on in one call. */
static struct {
    bool alpn, request, parameters;
} left_out;

static struct {
    bool odd_certificate, uni_streams;
} put_in;

static gnutls_ext_send_func send_parameters;

static int send_nothing(gnutls_session_t session, gnutls_buffer_t output)
{
    (void)session, (void)output;
    return 0;
}

/* initial_max_streams_uni, which is left out where it is none (RFC 9000, section 18.2), behind. */
static int send_with_uni_streams(gnutls_session_t session, gnutls_buffer_t output)
{
    static const uint8_t five[] = {0x09, 1, 5};
    int code = send_parameters(session, output);
    return code < 0 ? code : gnutls_buffer_append_data(output, five, sizeof(five));
}

/* By ngtcp2's glue, for the transport parameters. */
/* NOLINTNEXTLINE(readability-function-size): GnuTLS has as many parameters */
int gnutls_session_ext_register(gnutls_session_t session, const char *name, int type,
                                gnutls_ext_parse_type_t parse_point, gnutls_ext_recv_func receive,
                                gnutls_ext_send_func send, gnutls_ext_deinit_data_func end,
                                gnutls_ext_pack_func pack, gnutls_ext_unpack_func unpack,
                                unsigned flags)
{
    static int (*original)(gnutls_session_t, const char *, int, gnutls_ext_parse_type_t,
                           gnutls_ext_recv_func, gnutls_ext_send_func, gnutls_ext_deinit_data_func,
                           gnutls_ext_pack_func, gnutls_ext_unpack_func, unsigned);
    if (original == NULL)
        *(void **)&original = dlsym(RTLD_NEXT, "gnutls_session_ext_register");
    send_parameters = send;
    if (left_out.parameters)
        send = send_nothing;
    else if (put_in.uni_streams)
        send = send_with_uni_streams;
    return original(session, name, type, parse_point, receive, send, end, pack, unpack, flags);
}

int gnutls_x509_crt_set_extension_by_oid(gnutls_x509_crt_t certificate, const char *oid,
                                         const void *data, size_t size, unsigned critical)
{
    static int (*original)(gnutls_x509_crt_t, const char *, const void *, size_t, unsigned);
    if (original == NULL)
        *(void **)&original = dlsym(RTLD_NEXT, "gnutls_x509_crt_set_extension_by_oid");
    return original(certificate, oid, data, size, put_in.odd_certificate || critical);
}

/* S becomes less than the order of the curve by what it was. */
static int turn_s(const secp256k1_context *context, secp256k1_ecdsa_signature *signature)
{
    uint8_t both[64];
    return secp256k1_ecdsa_signature_serialize_compact(context, both, signature) &&
           secp256k1_ec_seckey_negate(context, both + sizeof(both) / 2) &&
           secp256k1_ecdsa_signature_parse_compact(context, signature, both);
}

int secp256k1_ecdsa_sign(const secp256k1_context *context, secp256k1_ecdsa_signature *signature,
                         const unsigned char *digest, const unsigned char *secret,
                         secp256k1_nonce_function nonce, const void *data)
{
    static int (*original)(const secp256k1_context *, secp256k1_ecdsa_signature *,
                           const unsigned char *, const unsigned char *, secp256k1_nonce_function,
                           const void *);
    if (original == NULL)
        *(void **)&original = dlsym(RTLD_NEXT, "secp256k1_ecdsa_sign");
    return original(context, signature, digest, secret, nonce, data) &&
           (!put_in.odd_certificate || turn_s(context, signature));
}

int gnutls_alpn_set_protocols(gnutls_session_t session, const gnutls_datum_t *protocols,
                              unsigned count, unsigned flags)
{
    static int (*original)(gnutls_session_t, const gnutls_datum_t *, unsigned, unsigned);
    if (original == NULL)
        *(void **)&original = dlsym(RTLD_NEXT, "gnutls_alpn_set_protocols");
    return left_out.alpn ? 0 : original(session, protocols, count, flags);
}

void gnutls_handshake_set_hook_function(gnutls_session_t session, unsigned type, int when,
                                        gnutls_handshake_hook_func hook)
{
    static void (*original)(gnutls_session_t, unsigned, int, gnutls_handshake_hook_func);
    if (original == NULL)
        *(void **)&original = dlsym(RTLD_NEXT, "gnutls_handshake_set_hook_function");
    if (!left_out.alpn)
        original(session, type, when, hook);
}

void gnutls_certificate_server_set_request(gnutls_session_t session,
                                           gnutls_certificate_request_t request)
{
    static void (*original)(gnutls_session_t, gnutls_certificate_request_t);
    if (original == NULL)
        *(void **)&original = dlsym(RTLD_NEXT, "gnutls_certificate_server_set_request");
    original(session, left_out.request ? GNUTLS_CERT_IGNORE : request);
}

/* One without ALPN takes the place of the session; nothing has been sent yet. */
static void use_no_alpn(struct quic_connection *connection)
{
    gnutls_deinit(connection->session);
    gnutls_init(&connection->session, GNUTLS_CLIENT | GNUTLS_NO_END_OF_EARLY_DATA);
    gnutls_priority_set(connection->session, me.endpoint->priorities);
    gnutls_credentials_set(connection->session, GNUTLS_CRD_CERTIFICATE, me.endpoint->credentials);
    ngtcp2_crypto_gnutls_configure_client_session(connection->session);
    gnutls_session_set_ptr(connection->session, &connection->reference);
    ngtcp2_conn_set_tls_native_handle(connection->conn, connection->session);
}

/* A ClientHello of two datagrams: many key shares and application protocols, and a long name. */
static void use_long_hello(struct quic_connection *connection)
{
    enum { PROTOCOLS = 8, LENGTH = 31, NAME = 250 };
    static unsigned char names[PROTOCOLS][LENGTH];
    static char server[NAME];
    use_no_alpn(connection);
    gnutls_datum_t protocols[PROTOCOLS] = {{.data = (unsigned char *)"libp2p", .size = 6}};
    for (int i = 1; i < PROTOCOLS; i++) {
        memset(names[i], 'a' + i, LENGTH);
        protocols[i] = (gnutls_datum_t){.data = names[i], .size = LENGTH};
    }
    gnutls_alpn_set_protocols(connection->session, protocols, PROTOCOLS, 0);
    for (size_t i = 0; i < sizeof(server); i++)
        server[i] = i % 50 == 49 ? '.' : 'a';
    server[NAME - 1] = 'a';
    gnutls_server_name_set(connection->session, GNUTLS_NAME_DNS, server, sizeof(server));
    gnutls_priority_set_direct(connection->session,
                               "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:"
                               "-GROUP-ALL:+GROUP-FFDHE4096:+GROUP-X25519:+GROUP-SECP521R1",
                               NULL);
}

/* ---- beginning ---- */

static void dial(const char *text, void (*prepare)(struct quic_connection *))
{
    struct multiaddr address;
    struct error error;
    if (!multiaddr_parse(text, &address, &error))
        fail(text, error.text);
    struct quic_connection *connection =
        quic_endpoint_dial(me.endpoint, &address, NULL, &me.policy, &error);
    if (connection == NULL)
        fail(text, error.text);
    if (prepare != NULL)
        prepare(connection);
}

static void on_impatient(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what, (void)argument;
    printf("in vain: %s\n", *me.steps != NULL ? *me.steps : "the end");
    exit(3);
}

static void set_up(const struct identity *identity)
{
    struct quic_settings settings = attacker_settings(identity, &handlers);
    me.base = settings.base;
    me.policy = settings.policy;
    struct error error;
    me.endpoint = quic_endpoint_new(&settings, &error);
    if (me.endpoint == NULL)
        fail("QUIC", error.text);
    me.again = evtimer_new(me.base, on_again, NULL);
    me.impatient = evtimer_new(me.base, on_impatient, NULL);
}

static void clear(struct identity *identity)
{
    quic_endpoint_free(me.endpoint);
    while (me.channels != NULL) {
        struct channel *channel = me.channels;
        me.channels = channel->next;
        buffer_clear(&channel->input);
        free(channel);
    }
    event_free(me.again);
    event_free(me.impatient);
    event_base_free(me.base);
    identity_free(identity);
}

static struct identity *own_identity(void)
{
    const char *path = getenv("HOSTILE_KEY");
    struct error error;
    bool shared;
    struct identity *identity =
        path != NULL ? identity_load(path, &shared, &error) : identity_generate();
    if (identity == NULL)
        fail("$HOSTILE_KEY", error.text);
    return identity;
}

static struct {
    bool no_certificate, bare_certificate, no_credit, listen;
    void (*prepare)(struct quic_connection *);
    unsigned long times;
} wanted = {.times = 1};

static const struct {
    const char *name;
    bool *flag;
} flags[] = {
    {"--no-certificate", &wanted.no_certificate},
    {"--bare-certificate", &wanted.bare_certificate},
    {"--odd-certificate", &put_in.odd_certificate},
    {"--no-alpn", &left_out.alpn},
    {"--no-parameters", &left_out.parameters},
    {"--uni-streams", &put_in.uni_streams},
    {"--no-request", &left_out.request},
    {"--no-credit", &wanted.no_credit},
    {"--listen", &wanted.listen},
};

static bool *flag_of(const char *option)
{
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        if (strcmp(option, flags[i].name) == 0)
            return flags[i].flag;
    fail(option, "no such option");
}

/* Returns where the steps begin; before them is the address, or --listen. */
static char **read_options(char **next, char **end)
{
    for (; next < end && strncmp(*next, "--", 2) == 0 && !wanted.listen; next++) {
        if (strcmp(*next, "--long-hello") == 0)
            wanted.prepare = use_long_hello;
        else if (strcmp(*next, "--times") == 0 && next + 1 < end)
            wanted.times = strtoul(*++next, NULL, 10);
        else
            *flag_of(*next) = true;
    }
    if (next == end && !wanted.listen)
        fail("usage", "hostile [OPTION...] MULTIADDR|--listen STEP...");
    if (left_out.alpn)
        wanted.prepare = use_no_alpn;
    return wanted.listen ? next : next + 1;
}

static void begin(const struct identity *identity, const char *address)
{
    struct error error;
    if (wanted.no_certificate)
        use_no_certificate();
    if (wanted.bare_certificate)
        use_bare_certificate();
    me.policy.credit_by_hand = wanted.no_credit;
    if (!wanted.listen)
        for (unsigned long i = 0; i < wanted.times && i < DIALS_MAX; i++)
            dial(address, wanted.prepare);
    else if (!attacker_listen(me.endpoint, identity, &error))
        fail("--listen", error.text);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    me.steps = read_options(argv + 1, argv + argc);
    struct identity *identity = own_identity();
    set_up(identity);
    begin(identity, me.steps[-1]);
    be_patient(0);
    event_base_dispatch(me.base);
    clear(identity);
    return 0;
}
