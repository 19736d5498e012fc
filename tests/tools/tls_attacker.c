/*
 * A peer that sends TLS messages out of turn, for shell tests: QUIC and the handshake as
 * devnet-node has them, and bytes of one's own in the CRYPTO frames.
 *
 *   tls_attacker MULTIADDR CASE...    a connection for each case, one after the other
 *   tls_attacker --listen CASE...     prints its multiaddr; each connection that comes is a case
 *
 * A case is PLACE:BYTES[,BYTES...]. Places, of which the first four may hold TLS up:
 *   initial      before ClientHello or ServerHello
 *   initial-end  behind it
 *   handshake    before the first message under handshake keys
 *   finished     behind Finished
 *   early        under 1-RTT keys as soon as they are there, beside Finished
 *   late         the same once the handshake is confirmed
 *   drip         as `late`, a byte a packet
 *   frames       frames, not TLS: what the first packet under 1-RTT keys holds, beside Finished
 * BYTES are [N*]HEX[+SIZE]: so many times, filled up with zeros. PLACE:types stands for 256 cases,
 * a message of each type with a body of one byte.
 *
 * Prints a line for each case and how it ended: "CASE 0x10a" for that transport error in the peer's
 * CONNECTION_CLOSE; "CASE lives" where the peer answered what was asked on a stream behind the
 * bytes; the words for it where the connection ended otherwise. Ends with 0 after the last
 * connection, and with 3 where nothing happens for too long.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/memory.h"
#include "net/quic/internal.h"
#include "tests/tools/attacker.h"

enum { PATIENCE_SECONDS = 15, HANDSHAKE_TIMEOUT_MS = 60000, TYPES = 256, PING = 1 };

enum place { INITIAL, INITIAL_END, HANDSHAKE, FINISHED, EARLY, LATE, DRIP, FRAMES, PLACES };

static const char *const place_names[PLACES] = {
    [INITIAL] = "initial",     [INITIAL_END] = "initial-end",
    [HANDSHAKE] = "handshake", [FINISHED] = "finished",
    [EARLY] = "early",         [LATE] = "late",
    [DRIP] = "drip",           [FRAMES] = "frames",
};

struct attack {
    char *name;
    enum place place;
    struct buffer bytes;
    size_t sent;
    struct quic_connection *connection; /* while it lives */
    bool told, over;
    STAILQ_ENTRY(attack) link;
};

static STAILQ_HEAD(, attack) attacks = STAILQ_HEAD_INITIALIZER(attacks);

static struct {
    struct event_base *base;
    struct quic_endpoint *endpoint;
    struct multiaddr target;
    bool listening;
    struct attack *next; /* for the next connection */
    struct attack *dripping;
    struct attack *framing; /* its next packet under 1-RTT keys holds its bytes alone */
    struct event *drip, *impatient;
} me;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "tls_attacker: %s: %s\n", what, why);
    exit(2);
}

static void be_patient(void)
{
    evtimer_add(me.impatient, &(struct timeval){.tv_sec = PATIENCE_SECONDS});
}

/* ---- cases ---- */

/* [N*]HEX[+SIZE] */
static void append_piece(char *text, struct buffer *bytes)
{
    char *times = strchr(text, '*'), *filled = strchr(text, '+');
    unsigned long count = times != NULL ? strtoul(text, NULL, 10) : 1;
    size_t size = filled != NULL ? strtoul(filled + 1, NULL, 10) : 0;
    if (filled != NULL)
        *filled = '\0';
    struct buffer once = {0};
    if (!hex_read(times != NULL ? times + 1 : text, &once))
        fail(text, "not hexadecimal");
    while (once.size < size)
        buffer_append_byte(&once, 0);
    for (unsigned long i = 0; i < count; i++)
        buffer_append(bytes, once.data, once.size);
    buffer_clear(&once);
}

static struct attack *add_attack(enum place place, char *name)
{
    struct attack *attack = memory_new(sizeof(*attack));
    attack->place = place;
    attack->name = name;
    STAILQ_INSERT_TAIL(&attacks, attack, link);
    return attack;
}

static void add_types(enum place place)
{
    for (unsigned type = 0; type < TYPES; type++) {
        const uint8_t message[] = {(uint8_t)type, 0, 0, 1, 0};
        struct attack *attack = add_attack(place, text_format("%s:%u", place_names[place], type));
        buffer_append(&attack->bytes, message, sizeof(message));
    }
}

static void add_case(const char *text)
{
    const char *colon = strchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    unsigned place = 0;
    while (place < PLACES &&
           (strncmp(place_names[place], text, length) != 0 || place_names[place][length] != '\0'))
        place++;
    if (place == PLACES)
        fail(text, "not PLACE:BYTES");
    if (strcmp(colon + 1, "types") == 0) {
        add_types(place);
        return;
    }
    struct attack *attack = add_attack(place, text_format("%s", text));
    char *pieces = text_format("%s", colon + 1), *rest = pieces, *piece;
    while ((piece = strsep(&rest, ",")) != NULL)
        append_piece(piece, &attack->bytes);
    free(pieces);
}

static void tell(struct attack *attack, const char *outcome)
{
    if (!attack->told)
        printf("%s %s\n", attack->name, outcome);
    attack->told = true;
    be_patient();
}

/* ---- bytes of our own ---- */

static void submit(struct attack *attack, gnutls_record_encryption_level_t level, size_t size)
{
    compat_level at = ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(level);
    ngtcp2_conn_submit_crypto_data(attack->connection->conn, at, attack->bytes.data + attack->sent,
                                   size);
    attack->sent += size;
}

static bool is_due(const struct attack *attack, enum place place)
{
    return attack != NULL && attack->place == place && attack->sent == 0;
}

/* A connection that comes is of the next case once TLS has something to say on it: there may be
 * others, as a late packet of one that is gone looks like the first of another, and brings no
 * ClientHello. */
static struct attack *attack_of(struct quic_connection *connection)
{
    if (connection->user == NULL && me.next != NULL) {
        struct attack *attack = me.next;
        connection->user = attack;
        attack->connection = connection;
        me.next = STAILQ_NEXT(attack, link);
    }
    return connection->user;
}

/* What GnuTLS has to say goes to ngtcp2, as ngtcp2's own function of this kind has it, and our
 * bytes around it. */
static int pass_on(gnutls_session_t session, gnutls_record_encryption_level_t level,
                   gnutls_handshake_description_t type, const void *data, size_t size)
{
    if (type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC)
        return 0;
    const ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(session);
    struct quic_connection *connection = reference->user_data;
    struct attack *attack = attack_of(connection);
    bool initial = level == GNUTLS_ENCRYPTION_LEVEL_INITIAL;
    if (is_due(attack, initial ? INITIAL : HANDSHAKE))
        submit(attack, level, attack->bytes.size);
    compat_level at = ngtcp2_crypto_gnutls_from_gnutls_record_encryption_level(level);
    if (ngtcp2_conn_submit_crypto_data(connection->conn, at, data, size) != 0)
        return -1;
    bool finished = type == GNUTLS_HANDSHAKE_FINISHED;
    if ((initial && is_due(attack, INITIAL_END)) || (finished && is_due(attack, FINISHED)))
        submit(attack, level, attack->bytes.size);
    if (finished && is_due(attack, FRAMES))
        me.framing = attack;
    if (finished && (is_due(attack, EARLY) || is_due(attack, FRAMES)))
        submit(attack, GNUTLS_ENCRYPTION_LEVEL_APPLICATION, attack->bytes.size);
    return 0;
}

/* Whether a packet under 1-RTT keys is the attack's, by whom it goes to. */
static bool is_of(const struct attack *attack, const uint8_t *header)
{
    const ngtcp2_cid *to = ngtcp2_conn_get_dcid(attack->connection->conn);
    return (header[0] & 0x80) == 0 && memcmp(header + 1, to->data, to->datalen) == 0;
}

/* In the place of a CRYPTO frame with as many bytes: there is room for them, and PADDING behind. */
int __real_ngtcp2_crypto_encrypt_cb(uint8_t *sealed, const ngtcp2_crypto_aead *aead,
                                    const ngtcp2_crypto_aead_ctx *context, const uint8_t *plain,
                                    size_t size, const uint8_t *nonce, size_t nonce_size,
                                    const uint8_t *header, size_t header_size);
int __wrap_ngtcp2_crypto_encrypt_cb(uint8_t *sealed, const ngtcp2_crypto_aead *aead,
                                    const ngtcp2_crypto_aead_ctx *context, const uint8_t *plain,
                                    size_t size, const uint8_t *nonce, size_t nonce_size,
                                    const uint8_t *header, size_t header_size);

int __wrap_ngtcp2_crypto_encrypt_cb(uint8_t *sealed, const ngtcp2_crypto_aead *aead,
                                    const ngtcp2_crypto_aead_ctx *context, const uint8_t *plain,
                                    size_t size, const uint8_t *nonce, size_t nonce_size,
                                    const uint8_t *header, size_t header_size)
{
    uint8_t frames[DATAGRAM_SIZE_MAX] = {0};
    if (me.framing != NULL && is_of(me.framing, header) && plain[0] != PING &&
        me.framing->bytes.size <= size && size <= sizeof(frames)) {
        memcpy(frames, me.framing->bytes.data, me.framing->bytes.size);
        plain = frames;
        me.framing = NULL;
    }
    return __real_ngtcp2_crypto_encrypt_cb(sealed, aead, context, plain, size, nonce, nonce_size,
                                           header, header_size);
}

/* The linker has this called in tls_session_new's place: it is the one moment before a server's
 * first words. */
bool __real_tls_session_new(struct quic_connection *connection, struct error *error);
bool __wrap_tls_session_new(struct quic_connection *connection, struct error *error);

bool __wrap_tls_session_new(struct quic_connection *connection, struct error *error)
{
    if (!__real_tls_session_new(connection, error))
        return false;
    gnutls_handshake_set_read_function(connection->session, pass_on);
    if (!me.listening)
        attack_of(connection);
    return true;
}

/* Who answers has read all before it. */
static void ask_for_life(struct attack *attack)
{
    struct quic_stream *stream = quic_stream_open(attack->connection);
    if (stream != NULL)
        quic_stream_write_bytes(stream, bytes_of_text("\x13/multistream/1.0.0\n"));
}

static void on_drip(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what, (void)argument;
    struct attack *attack = me.dripping;
    if (attack->over)
        return;
    submit(attack, GNUTLS_ENCRYPTION_LEVEL_APPLICATION, 1);
    endpoint_mark_dirty(attack->connection); /* what is marked within one turn goes in one packet */
    if (attack->sent < attack->bytes.size)
        event_active(me.drip, EV_TIMEOUT, 0);
    else
        ask_for_life(attack);
}

/* ---- what QUIC tells ---- */

static void on_established(void *context, struct quic_connection *connection)
{
    (void)context, (void)connection;
}

static void on_confirmed(void *context, struct quic_connection *connection)
{
    (void)context;
    struct attack *attack = connection->user;
    if (attack == NULL)
        return;
    if (attack->place == DRIP) {
        me.dripping = attack;
        event_active(me.drip, EV_TIMEOUT, 0);
        return;
    }
    if (attack->place == LATE)
        submit(attack, GNUTLS_ENCRYPTION_LEVEL_APPLICATION, attack->bytes.size);
    ask_for_life(attack);
}

static void on_closed(void *context, struct quic_connection *connection,
                      const struct quic_close *close)
{
    (void)context;
    struct attack *attack = connection->user;
    if (attack == NULL)
        return;
    bool by_peer = close->cause == QUIC_CLOSED_BY_PEER || close->cause == QUIC_REFUSED_BY_PEER;
    char code[32];
    snprintf(code, sizeof(code), "0x%llx", (unsigned long long)close->code);
    tell(attack, by_peer && !close->application ? code : close->reason.text);
    attack->over = true;
    /* Nothing is repeated to the peer. With many in their closing period we would ask for Retry,
     * and ngtcp2 0.12 does not hear a client's early CONNECTION_CLOSE behind one. */
    connection->gone_at = 0;
    endpoint_mark_dirty(connection);
}

static void on_stream(void *context, struct quic_stream *stream)
{
    (void)context, (void)stream;
}

static void on_data(void *context, struct quic_stream *stream, struct bytes data, bool fin)
{
    (void)context, (void)data, (void)fin;
    struct quic_connection *connection = quic_stream_connection(stream);
    if (connection->user == NULL || !quic_stream_is_local(stream))
        return;
    tell(connection->user, "lives");
    quic_connection_close(connection, 0, "attacked in vain");
}

static void on_reset(void *context, struct quic_stream *stream, uint64_t code)
{
    (void)context, (void)stream, (void)code;
}

static void dial_next(void)
{
    struct error error;
    if (quic_endpoint_dial(me.endpoint, &me.target, NULL, NULL, &error) == NULL)
        fail("dialling", error.text);
}

static void on_settle(void *context)
{
    (void)context;
    const struct attack *last = NULL, *attack;
    bool over = true;
    STAILQ_FOREACH(attack, &attacks, link)
    {
        if (attack == me.next)
            break;
        last = attack;
        over = over && attack->over;
    }
    if (me.next == NULL && over)
        event_base_loopbreak(me.base);
    else if (me.next != NULL && !me.listening && (last == NULL || last->told))
        dial_next();
}

static const struct quic_handlers handlers = {
    .connection_established = on_established,
    .connection_confirmed = on_confirmed,
    .connection_closed = on_closed,
    .stream_opened = on_stream,
    .stream_data = on_data,
    .stream_acknowledged = on_stream,
    .stream_reset = on_reset,
    .stream_stopped = on_stream,
    .stream_closed = on_stream,
    .settle = on_settle,
};

/* ---- beginning ---- */

static void on_impatient(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what, (void)argument;
    const struct attack *attack;
    STAILQ_FOREACH(attack, &attacks, link)
    {
        if (!attack->over) {
            printf("%s in vain\n", attack->name);
            exit(3);
        }
    }
}

static void set_up(const struct identity *identity)
{
    struct quic_settings settings = attacker_settings(identity, &handlers);
    me.base = settings.base;
    /* It is the peer that is to be tried: we wait for what it makes of it. */
    settings.policy.handshake_timeout_ms = HANDSHAKE_TIMEOUT_MS;
    settings.policy.idle_timeout_ms = HANDSHAKE_TIMEOUT_MS;
    settings.policy.unanswered_ms = 0;
    struct error error;
    me.endpoint = quic_endpoint_new(&settings, &error);
    if (me.endpoint == NULL)
        fail("QUIC", error.text);
    me.drip = event_new(me.base, -1, 0, on_drip, NULL);
    me.impatient = evtimer_new(me.base, on_impatient, NULL);
}

static void clear(struct identity *identity)
{
    quic_endpoint_free(me.endpoint);
    struct attack *attack;
    while ((attack = STAILQ_FIRST(&attacks)) != NULL) {
        STAILQ_REMOVE_HEAD(&attacks, link);
        buffer_clear(&attack->bytes);
        free(attack->name);
        free(attack);
    }
    event_free(me.drip);
    event_free(me.impatient);
    event_base_free(me.base);
    identity_free(identity);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 3)
        fail("usage", "tls_attacker MULTIADDR|--listen CASE...");
    struct identity *identity = identity_generate();
    set_up(identity);
    for (int i = 2; i < argc; i++)
        add_case(argv[i]);
    me.next = STAILQ_FIRST(&attacks);
    me.listening = strcmp(argv[1], "--listen") == 0;
    struct error error;
    if (me.listening) {
        if (!attacker_listen(me.endpoint, identity, &error))
            fail("--listen", error.text);
    } else if (!multiaddr_parse(argv[1], &me.target, &error)) {
        fail(argv[1], error.text);
    }
    be_patient();
    endpoint_wake(me.endpoint);
    event_base_dispatch(me.base);
    clear(identity);
    return 0;
}
