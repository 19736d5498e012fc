/* A connection's datagrams in, and its packets and timer out. */
#include <netinet/in.h>

#include "common/clock.h"
#include "common/event.h"
#include "net/quic/internal.h"

enum {
    PACKETS_PER_TURN = 64, /* written by one connection before others have their turn */
    /* Pieces handed to ngtcp2 at a time. A lost STREAM frame of four and more that is acknowledged
     * in part is never freed by 0.12: it goes to the pool of those that hold three. */
    STREAM_VECTORS = 3,
    PROBE_PTO = 7, /* the probe and its repeats after 1, 2 and 4 probe timeouts */
    PROBE_MIN_MS = 1000,
    PROBE_MAX_MS = 2000, /* a round trip measured while a machine was busy may be far too long */
    PROBE_PTO_MIN = 3,   /* at any rate: the probe, one repeat, and the way back */
};

/* In place of a time: nothing more is due. */
#define UNANSWERED_TOLD UINT64_MAX

/* ---- datagrams in ---- */

static bool is_stopped(const struct quic_stream *stream)
{
    const struct quic_connection *connection = stream->connection;
    return !stream->write_closed && !stream->finishing &&
           compat_stream_is_stopped(connection->conn, stream->id, connection->endpoint->now);
}

static void report_stopped_streams(struct quic_connection *connection)
{
    const struct quic_settings *settings = &connection->endpoint->settings;
    struct quic_stream *stream, *next;
    for (stream = LIST_FIRST(&connection->streams); stream != NULL; stream = next) {
        next = LIST_NEXT(stream, link);
        if (!is_stopped(stream))
            continue;
        stream_shut_write(stream);
        settings->handlers->stream_stopped(settings->context, stream);
    }
}

static bool same_remote(const ngtcp2_sockaddr *a, const struct sockaddr *b)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
        const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;
        return a6->sin6_port == b6->sin6_port &&
               memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
    }
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
    const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
    return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

bool connection_is_with(const struct quic_connection *connection, const struct sockaddr *remote)
{
    return same_remote(ngtcp2_conn_get_path(connection->conn)->remote.addr, remote);
}

/* What cannot be decrypted is no error to ngtcp2: a first acknowledgement or a TLS message tells.
 */
static bool is_understood(const struct quic_connection *connection)
{
    compat_conn_info info;
    compat_conn_get_info(connection->conn, &info);
    return connection->answered || info.min_rtt != UINT64_MAX;
}

static void tell_unanswered(struct quic_connection *connection, bool unanswered)
{
    const struct quic_settings *settings = &connection->endpoint->settings;
    if (connection->unanswered_told == unanswered)
        return;
    connection->unanswered_told = unanswered;
    settings->handlers->connection_unanswered(settings->context, connection, unanswered);
}

void quic_connection_doubt(struct quic_connection *connection)
{
    if (!quic_connection_is_established(connection))
        return;
    quic_connection_ping(connection);
    tell_unanswered(connection, true);
}

/* What was late on the way is no answer. */
static bool has_answered(const struct quic_connection *connection)
{
    compat_conn_info info;
    compat_conn_get_info(connection->conn, &info);
    return info.bytes_in_flight == 0 && !connection->ping_wanted;
}

static void note_sign_of_life(struct quic_connection *connection)
{
    connection->unanswered_at = 0;
    connection->silent_at = 0;
    if (connection->unanswered_told && (connection->deaf || has_answered(connection)))
        tell_unanswered(connection, false);
}

/*
 * A peer that moves is not followed (RFC 9000, section 9: we say disable_active_migration, and drop
 * what comes from another address all the same). ngtcp2 ends the process by an assertion where one
 * comes back while the path's MTU is being probed, in 0.12 whenever it answers a PATH_CHALLENGE
 * from there, in 1.x where the move came before the end of the handshake.
 */
void connection_receive(struct quic_connection *connection, const struct sockaddr *remote,
                        socklen_t remote_size, const uint8_t *data, size_t size)
{
    connection->bytes_in += size;
    if (connection->state == CONNECTION_HELD) {
        admission_hold(connection, remote, remote_size, bytes_of(data, size));
        return;
    }
    if (connection->state == CONNECTION_LEFT) {
        connection_stay_left(connection);
        return;
    }
    if (!connection_is_with(connection, remote)) {
        connection->endpoint->statistics.datagrams_from_elsewhere++;
        return;
    }
    ngtcp2_path path = connection_path(connection, remote, remote_size);
    if (connection->state == CONNECTION_CLOSING)
        connection_repeat_close(connection, &path.remote);
    if (connection->state != CONNECTION_LIVE)
        return;
    if (connection->deaf) {
        note_sign_of_life(connection);
        return;
    }
    if ((data[0] & HEADER_FORM_LONG) == 0 && size > CID_SIZE)
        ngtcp2_cid_init(&connection->last_used, data + 1, CID_SIZE);
    size = early_hold(connection, remote, remote_size, bytes_of(data, size));
    if (size == 0)
        return;
    ngtcp2_pkt_info info = {0};
    int code =
        ngtcp2_conn_read_pkt(connection->conn, &path, &info, data, size, connection->endpoint->now);
    connection->answered = is_understood(connection);
    endpoint_mark_dirty(connection);
    if (connection->state != CONNECTION_LIVE) /* by its owner, for what was read */
        return;
    if (code == 0) {
        note_sign_of_life(connection);
        report_stopped_streams(connection);
        return;
    }
    connection->answered = true;
    if (code == NGTCP2_ERR_DRAINING)
        connection_draining(connection);
    else
        connection_fail(connection, code);
}

/* ---- packets out ---- */

/* A FIN waits for the packet after the one that carries the stream's last byte. */
static struct quic_stream *next_ready_stream(struct quic_connection *connection)
{
    struct quic_stream *stream;
    TAILQ_FOREACH(stream, &connection->ready, ready_link)
    {
        if (stream->unsent > 0 || !stream->fin_apart ||
            stream->last_packet != connection->packets_written)
            return stream;
    }
    return NULL;
}

/* What a refused write says of the stream; true where the connection can go on. */
static bool stream_refused(struct quic_stream *stream, ngtcp2_ssize code)
{
    if (stream != NULL && code == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
        stream->blocked = true;
        stream_update_ready(stream);
        return true;
    }
    if (stream != NULL &&
        (code == NGTCP2_ERR_STREAM_SHUT_WR || code == NGTCP2_ERR_STREAM_NOT_FOUND)) {
        stream_shut_write(stream);
        return true;
    }
    return false;
}

/* Writes frames of one stream, or what else is due. Returns 1 to go on, 0 when there is no more for
 * now, or an error of ngtcp2's. */
static int write_step(struct quic_connection *connection)
{
    struct quic_endpoint *endpoint = connection->endpoint;
    struct quic_stream *stream = next_ready_stream(connection);
    ngtcp2_vec vectors[STREAM_VECTORS];
    bool fin = false;
    size_t at_most = connection->policy.chunks_apart ? 1 : STREAM_VECTORS;
    size_t count = stream != NULL ? stream_vectors(stream, vectors, at_most, &fin) : 0;
    uint32_t flags = stream != NULL ? NGTCP2_WRITE_STREAM_FLAG_MORE : 0;
    flags |= fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0;
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    ngtcp2_pkt_info info = {0};
    ngtcp2_ssize accepted = -1;
    uint8_t *packet = send_batch_room(endpoint);
    ngtcp2_ssize size = ngtcp2_conn_writev_stream(
        connection->conn, &path.path, &info, packet, PACKET_SIZE_MAX, &accepted, flags,
        stream != NULL ? stream->id : -1, vectors, count, endpoint->now);
    if (size < 0 && size != NGTCP2_ERR_WRITE_MORE)
        return stream_refused(stream, size) ? 1 : (int)size;
    if (stream != NULL && accepted >= 0)
        stream_sent(stream, (size_t)accepted, fin);
    if (size == NGTCP2_ERR_WRITE_MORE)
        return 1;
    if (size == 0)
        return 0;
    connection->packets_written++;
    connection->bytes_out += (uint64_t)size;
    send_batch_add(endpoint, connection->socket, &path.path.remote, (size_t)size);
    return 1;
}

static void write_packets(struct quic_connection *connection)
{
    uint64_t limit = connection->packets_written + PACKETS_PER_TURN;
    int step;
    do
        step = write_step(connection);
    while (step == 1 && connection->packets_written < limit);
    /* Before the handshake is over 0.12 would pace by a made-up round trip. */
    if (connection->established)
        ngtcp2_conn_update_pkt_tx_time(connection->conn, connection->endpoint->now);
    if (step < 0) {
        connection_fail(connection, step);
        return;
    }
    if (step == 1)
        endpoint_mark_dirty(connection);
    early_read(connection);
}

static ngtcp2_tstamp next_expiry(struct quic_connection *connection)
{
    if (connection->state != CONNECTION_LIVE)
        return connection->gone_at;
    if (connection->awaits != NULL)
        return UINT64_MAX;
    ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(connection->conn);
    ngtcp2_tstamp at =
        connection->silent_at != 0 ? connection->silent_at : connection->unanswered_at;
    return at != 0 && at < expiry ? at : expiry;
}

static void arm_timer(struct quic_connection *connection)
{
    ngtcp2_tstamp expiry = next_expiry(connection);
    ngtcp2_tstamp now = connection->endpoint->now;
    if (expiry == UINT64_MAX) {
        evtimer_del(connection->timer);
        return;
    }
    uint64_t microseconds = expiry > now ? (expiry - now + 999) / 1000 : 0;
    struct timeval delay = clock_timeval(microseconds);
    event_arm(connection->timer, &delay);
}

static ngtcp2_duration probe_patience(struct quic_connection *connection)
{
    const ngtcp2_duration shortest = (ngtcp2_duration)PROBE_MIN_MS * MILLISECOND_NS;
    const ngtcp2_duration longest = (ngtcp2_duration)PROBE_MAX_MS * MILLISECOND_NS;
    ngtcp2_duration pto = ngtcp2_conn_get_pto(connection->conn);
    ngtcp2_duration least = PROBE_PTO_MIN * pto > shortest ? PROBE_PTO_MIN * pto : shortest;
    ngtcp2_duration most = PROBE_PTO * pto < longest ? PROBE_PTO * pto : longest;
    return most > least ? most : least;
}

/* A keep-alive timeout that is over already makes ngtcp2 send a PING. */
static void begin_ping(struct quic_connection *connection)
{
    ngtcp2_conn_set_keep_alive_timeout(connection->conn, 1);
}

/* Silence counts from the first packet on that wants an answer. */
static void watch_silence(struct quic_connection *connection)
{
    ngtcp2_duration patience = connection->policy.unanswered_ms * MILLISECOND_NS;
    if (patience == 0 || !connection->established)
        return;
    compat_conn_info info;
    compat_conn_get_info(connection->conn, &info);
    if (info.bytes_in_flight == 0)
        connection->unanswered_at = 0;
    else if (connection->unanswered_at == 0)
        connection->unanswered_at = connection->endpoint->now + patience;
}

static bool is_unanswered(const struct quic_connection *connection)
{
    return connection->silent_at == 0 && connection->unanswered_at != 0 &&
           connection->unanswered_at <= connection->endpoint->now;
}

/* Where the owner is told of silence, it sees to it. */
static bool wants_probe(struct quic_connection *connection)
{
    bool unanswered = is_unanswered(connection);
    if (!unanswered || connection->endpoint->settings.handlers->connection_unanswered == NULL)
        return connection->probe_wanted || unanswered;
    tell_unanswered(connection, true);
    connection->unanswered_at = UNANSWERED_TOLD;
    return connection->probe_wanted;
}

static void write_live(struct quic_connection *connection)
{
    ngtcp2_tstamp now = connection->endpoint->now;
    bool probe = wants_probe(connection);
    bool ping = probe || connection->ping_wanted;
    if (probe)
        connection->silent_at = now + probe_patience(connection);
    if (ping)
        begin_ping(connection);
    if (ngtcp2_conn_get_expiry(connection->conn) <= now) {
        int code = ngtcp2_conn_handle_expiry(connection->conn, now);
        if (code != 0)
            connection_fail(connection, code);
    }
    if (connection->state == CONNECTION_LIVE)
        write_packets(connection);
    if (ping)
        connection_start_keep_alive(connection);
    connection->probe_wanted = connection->ping_wanted = false;
    if (connection->state == CONNECTION_LIVE)
        watch_silence(connection);
    if (connection->state == CONNECTION_LIVE && connection->close_wanted)
        connection_close_by_us(connection);
    else if (connection->state == CONNECTION_LIVE && connection->silent_at != 0 &&
             connection->silent_at <= now)
        connection_close_silent(connection);
}

void connection_write(struct quic_connection *connection)
{
    ngtcp2_tstamp now = connection->endpoint->now;
    if (connection->state == CONNECTION_HELD && connection->admitted)
        admission_begin(connection);
    if (connection->state == CONNECTION_LIVE) {
        if (connection->awaits == NULL)
            write_live(connection);
    } else if (connection->state == CONNECTION_HELD && connection->gone_at <= now) {
        connection_close_held(connection, QUIC_HANDSHAKE_TIMEOUT, "not admitted in time");
    } else if (connection->gone_at <= now) {
        connection->state = CONNECTION_GONE;
    }
    if (connection->state != CONNECTION_GONE)
        arm_timer(connection);
}
