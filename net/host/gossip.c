/* Carries out what the router asks for over the peers' streams, and tells it what arrives there. */
#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/varint.h"
#include "net/gossipsub/refusal.h"
#include "net/host/internal.h"
#include "net/host/versions.h"

enum {
    /* What some peers take at the most: rust-libp2p, go-libp2p. */
    LARGE_RPC_MIN = 1 << 16,
    LARGER_RPC_MIN = 1 << 20,
    LARGE_RPC_RECENT_MS = 2000, /* since it was written: what a peer needs to read and reset */
};

static struct peer *peer_of(const struct protocol_stream *stream)
{
    return stream->connection->peer;
}

/* ---- actions ---- */

static void trace(const struct peer *peer, struct bytes rpc, bool out, bool dropped)
{
    const struct host_settings *settings = &peer->host->settings;
    struct traced_rpc traced = {.peer = peer->name,
                                .out = out,
                                .dropped = dropped,
                                .rpc = rpc,
                                .context = settings->trace_context};
    settings->trace_rpc(&traced);
}

void gossip_trace_in(const struct peer *peer, struct bytes rpc)
{
    if (peer->host->settings.trace_rpc != NULL)
        trace(peer, rpc, false, false);
}

static void trace_out(const struct peer *peer, const struct chunk *rpc, bool dropped)
{
    uint64_t size;
    if (peer->host->settings.trace_rpc != NULL)
        trace(peer, bytes_after(chunk_bytes(rpc), (size_t)varint_read(chunk_bytes(rpc), &size)),
              true, dropped);
}

static void note_unsent(struct peer *peer, bool unsent)
{
    if (unsent && !peer->unsent)
        LIST_INSERT_HEAD(&peer->host->unsent, peer, unsent_link);
    if (!unsent && peer->unsent)
        LIST_REMOVE(peer, unsent_link);
    peer->unsent = unsent;
}

static void report_progress(struct peer *peer)
{
    struct host *host = peer->host;
    const struct quic_stream *stream = peer->outbound->quic;
    struct gossipsub_progress progress = {.connection = peer->outbound->connection->number,
                                          .unsent = quic_stream_unsent(stream),
                                          .acknowledged = quic_stream_acknowledged(stream)};
    note_unsent(peer, progress.unsent > 0);
    gossipsub_stream_progressed(host->router, clock_now_ms(), peer->router_handle, &progress,
                                &host->actions);
}

static void note_large_rpc(struct peer *peer, size_t size)
{
    if (size <= LARGE_RPC_MIN)
        return;
    peer->large_rpc.size = size;
    peer->large_rpc.end = quic_stream_written(peer->outbound->quic);
    peer->large_rpc.written_ms = clock_now_ms();
}

static void send_rpc(struct peer *peer, const struct gossipsub_action *action)
{
    if (peer->outbound == NULL)
        return;
    trace_out(peer, action->rpc, false);
    quic_stream_write(peer->outbound->quic, action->rpc);
    note_large_rpc(peer, action->rpc->size);
    if (action->has_graft)
        peer->graft_written = quic_stream_written(peer->outbound->quic);
    report_progress(peer);
}

/* The lifecycle opens another. */
static void reset_stream(struct peer *peer)
{
    if (peer->outbound == NULL)
        return;
    log_warn("peer %s: its gossipsub stream is reset: it has taken nothing for a minute, and %zu "
             "bytes wait",
             peer->name, gossipsub_peer_unsent(peer->host->router, peer->router_handle));
    protocol_stream_abort(peer->outbound, PROTOCOL_TIMED_OUT);
}

static void drop_peer(struct peer *peer, const char *reason)
{
    log_warn("peer %s: %s", peer->name, reason);
    host_disconnect(peer->host, peer, reason);
}

static void tell(struct peer *peer, const struct gossipsub_action *action,
                 enum host_event_kind kind)
{
    struct host *host = peer->host;
    const char *topic = gossipsub_topic_name(host->router, action->topic);
    struct host_event event = {
        .kind = kind,
        .peer = peer,
        .topic = topic,
        .by = action->by_peer || kind == HOST_GRAFT_REFUSED ? HOST_BY_PEER : HOST_BY_US,
        .reason = action->reason,
        .id = bytes_of(action->wire_id.bytes, action->wire_id.size),
        .payload = action->payload != NULL ? chunk_bytes(action->payload) : bytes_of(NULL, 0),
    };
    host_tell(host, &event);
}

static void tell_refused(struct peer *peer, const struct gossipsub_action *action)
{
    struct host_event event = {
        .kind = HOST_MESSAGE_REFUSED,
        .peer = peer,
        .topic = gossipsub_topic_name(peer->host->router, action->topic),
        .refusal = action->refusal,
        .reason = gossipsub_refusal_text(action->refusal),
    };
    host_tell(peer->host, &event);
}

/* Nobody is in our mesh before it has accepted our stream. */
static void mesh_joined(struct peer *peer, const struct gossipsub_action *action)
{
    if (peer->outbound_since_ms == 0)
        mesh_join_wait(peer, action->topic, action->by_peer);
    else
        tell(peer, action, HOST_MESH_JOINED);
}

static void mesh_left(struct peer *peer, const struct gossipsub_action *action)
{
    if (!mesh_join_forget(peer, action->topic))
        tell(peer, action, HOST_MESH_LEFT);
}

static void tell_waiting_joins(struct peer *peer)
{
    struct mesh_join join;
    while (mesh_join_take(peer, &join)) {
        const struct gossipsub_action action = {.topic = join.topic, .by_peer = join.by_peer};
        tell(peer, &action, HOST_MESH_JOINED);
    }
}

static void carry_out(struct host *host, const struct gossipsub_action *action)
{
    struct peer *peer = peer_of_router_handle(host, action->peer);
    if (peer == NULL)
        return;
    switch (action->kind) {
    case GOSSIPSUB_SEND:
        send_rpc(peer, action);
        break;
    case GOSSIPSUB_LEFT_OUT:
        trace_out(peer, action->rpc, true);
        break;
    case GOSSIPSUB_RESET_STREAM:
        reset_stream(peer);
        break;
    case GOSSIPSUB_DROP_PEER:
        drop_peer(peer, action->reason);
        break;
    case GOSSIPSUB_DELIVER:
        tell(peer, action, HOST_MESSAGE);
        break;
    case GOSSIPSUB_REJECTED:
        tell_refused(peer, action);
        break;
    case GOSSIPSUB_SUBSCRIBED:
        tell(peer, action, HOST_SUBSCRIBED);
        break;
    case GOSSIPSUB_UNSUBSCRIBED:
        tell(peer, action, HOST_UNSUBSCRIBED);
        break;
    case GOSSIPSUB_GRAFTED:
        mesh_joined(peer, action);
        break;
    case GOSSIPSUB_PRUNED:
        mesh_left(peer, action);
        break;
    case GOSSIPSUB_GRAFT_REFUSED:
        tell(peer, action, HOST_GRAFT_REFUSED);
        break;
    }
}

void driver_run(struct host *host)
{
    /* Observers may publish and so add actions of their own: the outer call carries them out. */
    if (host->running)
        return;
    host->running = true;
    for (size_t i = 0; i < host->actions.count; i++) {
        struct gossipsub_action action = host->actions.items[i];
        carry_out(host, &action);
    }
    gossipsub_actions_reset(&host->actions);
    host->running = false;
}

void driver_sent(struct host *host)
{
    struct peer *next;
    for (struct peer *peer = LIST_FIRST(&host->unsent); peer != NULL; peer = next) {
        next = LIST_NEXT(peer, unsent_link);
        report_progress(peer);
    }
    driver_run(host);
}

/* ---- the peer's streams ---- */

static void open_inbound(struct protocol_stream *stream)
{
    struct peer *peer = peer_of(stream);
    struct host *host = peer->host;
    if (peer->inbound_count == PEER_INBOUND_STREAMS_MAX ||
        (host->settings.faults & FAULT_GOSSIPSUB_RESET) != 0) {
        log_warn("peer %s: gossipsub stream %lld reset: %zu are open", peer->name,
                 (long long)protocol_stream_id(stream), peer->inbound_count);
        protocol_stream_abort(stream, PROTOCOL_RESET);
        return;
    }
    intake_open(stream);
    peer->inbound[peer->inbound_count++] = stream;
    struct host_event event = {.kind = HOST_STREAM_OPENED,
                               .peer = peer,
                               .connection = stream->connection,
                               .stream = stream};
    host_tell(host, &event);
    gossipsub_inbound_opened(host->router, clock_now_ms(), peer->router_handle, &host->actions);
    peer_inbound_arrived(peer);
}

static void inbound_ended(struct protocol_stream *stream, enum protocol_end end)
{
    struct peer *peer = peer_of(stream);
    for (size_t i = 0; i < peer->inbound_count; i++) {
        if (peer->inbound[i] != stream)
            continue;
        peer->inbound[i] = peer->inbound[--peer->inbound_count];
        intake_close(stream);
        struct host_event event = {.kind = HOST_STREAM_CLOSED,
                                   .peer = peer,
                                   .connection = stream->connection,
                                   .stream = stream,
                                   .end = end,
                                   .reason = stream->error.text};
        host_tell(peer->host, &event);
        return;
    }
}

/* ---- our stream ---- */

/* Those that a fault hides are not proposed either. */
static unsigned all_versions(const struct host *host)
{
    unsigned versions = VERSIONS_PROPOSED;
    for (unsigned version = 0; version < GOSSIPSUB_PROTOCOLS; version++) {
        if (host_protocol_find(host, gossipsub_protocols[version].name) == NULL)
            versions &= ~(1U << version);
    }
    return versions;
}

/* The next of the versions that were not refused yet; NULL where there is none, or no stream. */
static struct protocol_stream *propose(struct peer *peer, struct peer_connection *connection)
{
    enum gossipsub_version version;
    if (!version_to_propose(peer->outbound_untried, peer->identified ? &peer->identify : NULL,
                            &version))
        return NULL;
    peer->outbound_untried &= ~(1U << version);
    struct protocol_stream *stream =
        protocol_stream_open(connection, &gossipsub_protocols[version], NULL);
    peer->outbound = stream;
    peer->outbound_since_ms = 0;
    peer->graft_written = 0;
    peer->large_rpc.size = 0;
    if (stream == NULL)
        return NULL;
    struct host *host = peer->host;
    gossipsub_stream_opened(host->router, clock_now_ms(), peer->router_handle, version,
                            &host->actions);
    driver_run(host);
    return stream;
}

bool driver_open_outbound(struct peer *peer, struct peer_connection *connection, uint64_t attempt)
{
    if ((peer->host->settings.faults & FAULT_GOSSIPSUB_NOT_SPOKEN) != 0)
        return false;
    peer->outbound_attempt = attempt;
    peer->outbound_untried = all_versions(peer->host);
    return propose(peer, connection) != NULL;
}

static void forget_outbound(struct peer *peer)
{
    struct host *host = peer->host;
    peer->outbound = NULL;
    peer->outbound_since_ms = 0;
    peer->graft_written = 0;
    note_unsent(peer, false);
    gossipsub_stream_closed(host->router, clock_now_ms(), peer->router_handle, &host->actions);
    driver_run(host);
}

void driver_close_outbound(struct peer *peer)
{
    struct protocol_stream *stream = peer->outbound;
    forget_outbound(peer);
    protocol_stream_abort(stream, PROTOCOL_RESET);
}

static const struct protocol unowned_protocol;

/* The fault: a stream that passes no check, and that nobody will write, read or close. */
static void open_unowned(struct peer_connection *connection)
{
    struct protocol_stream *stream = protocol_stream_open(connection, &unowned_protocol, NULL);
    if (stream != NULL)
        stream->unregistered = true;
}

static void graft_acknowledged(struct protocol_stream *stream)
{
    struct peer *peer = peer_of(stream);
    peer->graft_written = 0;
    struct host_event event = {.kind = HOST_GRAFT_ACKNOWLEDGED,
                               .peer = peer,
                               .connection = stream->connection,
                               .stream = stream};
    host_tell(peer->host, &event);
}

/* Only of a stream that the peer has accepted: before, nobody has heard of the GRAFT. */
static void look_for_acknowledgement(struct protocol_stream *stream)
{
    const struct peer *peer = peer_of(stream);
    if (peer->outbound_since_ms > 0 && peer->graft_written > 0 &&
        quic_stream_acknowledged(stream->quic) >= peer->graft_written)
        graft_acknowledged(stream);
}

static void outbound_echoed(struct protocol_stream *stream)
{
    struct peer *peer = peer_of(stream);
    struct host *host = peer->host;
    peer->outbound_since_ms = clock_now_ms();
    peer_outbound_opened(peer, peer->outbound_attempt);
    struct host_event event = {.kind = HOST_STREAM_OPENED,
                               .peer = peer,
                               .connection = stream->connection,
                               .stream = stream};
    host_tell(host, &event);
    tell_waiting_joins(peer);
    look_for_acknowledgement(stream);
    host_ask_identify(stream->connection);
    if ((host->settings.faults & FAULT_SECOND_GOSSIP_STREAM) != 0)
        open_unowned(stream->connection);
}

static void outbound_acknowledged(struct protocol_stream *stream)
{
    struct peer *peer = peer_of(stream);
    if (peer->outbound != stream)
        return;
    look_for_acknowledgement(stream);
    report_progress(peer);
    driver_run(peer->host);
}

/* Nothing tells the sender of a limit on the size of RPCs: a reset is all that comes of it. */
static void suspect_large_rpc(struct protocol_stream *stream, enum protocol_end end)
{
    const struct peer *peer = peer_of(stream);
    size_t size = peer->large_rpc.size;
    bool under_way =
        size > 0 && (quic_stream_acknowledged(stream->quic) < peer->large_rpc.end ||
                     clock_now_ms() - peer->large_rpc.written_ms < LARGE_RPC_RECENT_MS);
    if (end != PROTOCOL_RESET || !under_way || stream->error.text[0] != '\0')
        return;
    error_set(&stream->error,
              "an RPC of %zu bytes was under way: the peer may take no more than %d", size,
              size > LARGER_RPC_MIN ? LARGER_RPC_MIN : LARGE_RPC_MIN);
    log_warn("peer %s: our gossipsub stream was reset: %s", peer->name, stream->error.text);
}

static void outbound_ended(struct protocol_stream *stream, enum protocol_end end)
{
    struct peer *peer = peer_of(stream);
    struct host *host = peer->host;
    if (peer->outbound != stream)
        return;
    suspect_large_rpc(stream, end);
    bool was_open = peer->outbound_since_ms > 0;
    struct host_event event = {.kind = was_open ? HOST_STREAM_CLOSED : HOST_STREAM_REFUSED,
                               .peer = peer,
                               .connection = stream->connection,
                               .stream = stream,
                               .end = end,
                               .reason = stream->error.text};
    forget_outbound(peer);
    if (protocol_not_spoken(end) && propose(peer, stream->connection) != NULL)
        return;
    host_tell(host, &event);
    host_ask_identify(stream->connection);
    if (end != PROTOCOL_CONNECTION_LOST)
        peer_outbound_lost(peer, peer->outbound_attempt);
}

/* ---- one table for both directions ---- */

static void on_open(struct protocol_stream *stream)
{
    if (stream->outbound)
        outbound_echoed(stream);
    else
        open_inbound(stream);
    driver_run(stream->connection->host);
}

/* What comes on the reverse half of our own stream is not gossip: passed over. */
static void on_data(struct protocol_stream *stream, struct bytes data)
{
    if (stream->outbound)
        quic_stream_credit(stream->quic, data.size);
    else
        intake_receive(stream, data);
}

/* The peer has ended its own stream: our half follows. One of ours that it half-closes stays. */
static void on_fin(struct protocol_stream *stream)
{
    if (!stream->outbound)
        intake_finish(stream);
}

static void on_acknowledged(struct protocol_stream *stream)
{
    if (stream->outbound)
        outbound_acknowledged(stream);
}

static void on_ended(struct protocol_stream *stream, enum protocol_end end)
{
    if (stream->outbound)
        outbound_ended(stream, end);
    else
        inbound_ended(stream, end);
    driver_run(stream->connection->host);
}

#define GOSSIPSUB_PROTOCOL(id)                                                                     \
    {                                                                                              \
        .name = id, .one_way = true, .credits = true, .inbound_role = "gossipsub_inbound",         \
        .outbound_role = "gossipsub_outbound", .open = on_open, .data = on_data, .fin = on_fin,    \
        .acknowledged = on_acknowledged, .ended = on_ended                                         \
    }

const struct protocol gossipsub_protocols[GOSSIPSUB_PROTOCOLS] = {
    [GOSSIPSUB_1_0] = GOSSIPSUB_PROTOCOL(MESHSUB_1_0),
    [GOSSIPSUB_1_1] = GOSSIPSUB_PROTOCOL(MESHSUB_1_1),
    [GOSSIPSUB_1_2] = GOSSIPSUB_PROTOCOL(MESHSUB_1_2),
    [GOSSIPSUB_1_3] = GOSSIPSUB_PROTOCOL(MESHSUB_1_3),
};

static const struct protocol unowned_protocol = {.name = MESHSUB_1_2};

/* ---- peers and time ---- */

static bool is_direct(const struct peer *peer)
{
    const struct host_settings *settings = &peer->host->settings;
    for (size_t i = 0; i < settings->direct_peer_count; i++) {
        if (peer_id_equal(&settings->direct_peers[i], &peer->id))
            return true;
    }
    return false;
}

bool driver_peer_added(struct peer *peer, bool outbound)
{
    struct host *host = peer->host;
    struct bytes id = bytes_of(peer->id.bytes, peer->id.size);
    if (!gossipsub_peer_added(host->router, clock_now_ms(), id, outbound, &peer->router_handle))
        return false;
    share_join(&host->shares, &peer->share);
    gossipsub_peer_set_direct(host->router, clock_now_ms(), peer->router_handle, is_direct(peer),
                              &host->actions);
    return true;
}

void driver_peer_gone(struct peer *peer)
{
    struct host *host = peer->host;
    note_unsent(peer, false);
    share_leave(&host->shares, &peer->share);
    gossipsub_peer_gone(host->router, clock_now_ms(), peer->router_handle, &host->actions);
    driver_run(host);
}

/* libevent keeps the period, but for a heartbeat that was missed: then it begins anew. */
static void count_heartbeat(struct host *host)
{
    struct host_heartbeats *heartbeats = &host->heartbeats;
    uint64_t now = clock_now_ns(), period = host->settings.gossipsub.heartbeat_ms * 1000000;
    uint64_t late = now > heartbeats->due_ns ? now - heartbeats->due_ns : 0;
    heartbeats->count++;
    heartbeats->late_ns += late;
    if (late > heartbeats->latest_ns)
        heartbeats->latest_ns = late;
    heartbeats->due_ns = late < period ? heartbeats->due_ns + period : now + period;
}

struct host_heartbeats host_heartbeats(const struct host *host)
{
    return host->heartbeats;
}

static void on_heartbeat(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct host *host = argument;
    count_heartbeat(host);
    gossipsub_heartbeat(host->router, clock_now_ms(), &host->actions);
    driver_run(host);
    for (struct peer *peer = peer_first(host); peer != NULL; peer = peer_next(peer))
        gossip_log_limits(peer);
    intake_maintain(host);
}

void driver_start(struct host *host)
{
    uint64_t period = host->settings.gossipsub.heartbeat_ms;
    struct timeval delay = clock_timeval(period * 1000);
    host->heartbeat = event_new(host->settings.base, -1, EV_PERSIST, on_heartbeat, host);
    event_arm(host->heartbeat, &delay);
    host->heartbeats.due_ns = clock_now_ns() + period * 1000000;
}

void driver_stop(struct host *host)
{
    if (host->heartbeat != NULL)
        event_free(host->heartbeat);
    gossipsub_actions_clear(&host->actions);
}
