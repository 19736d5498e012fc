#include "net/host/peers.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "net/host/internal.h"

/* ---- the table ---- */

struct peer *peer_find(const struct host *host, const struct peer_id *id)
{
    struct peer *peer;
    HASH_FIND(hh, host->peers, id, sizeof(*id), peer);
    return peer;
}

struct peer *peer_first(const struct host *host)
{
    return host->peers;
}

struct peer *peer_next(const struct peer *peer)
{
    return peer->hh.next;
}

size_t peer_count(const struct host *host)
{
    return HASH_COUNT(host->peers);
}

struct peer *peer_of_router_handle(const struct host *host, gossipsub_peer handle)
{
    return handle < host->by_router_handle_size ? host->by_router_handle[handle] : NULL;
}

static void remember_router_handle(struct peer *peer)
{
    struct host *host = peer->host;
    size_t needed = (size_t)peer->router_handle + 1;
    if (needed > host->by_router_handle_size) {
        host->by_router_handle =
            memory_resize(host->by_router_handle, needed * sizeof(*host->by_router_handle));
        for (size_t i = host->by_router_handle_size; i < needed; i++)
            host->by_router_handle[i] = NULL;
        host->by_router_handle_size = needed;
    }
    host->by_router_handle[peer->router_handle] = peer;
}

static struct peer_connection *peer_connection_by_number(const struct peer *peer, uint64_t number)
{
    struct peer_connection *connection;
    LIST_FOREACH(connection, &peer->connections, link)
    {
        if (connection->number == number)
            return connection;
    }
    return NULL;
}

struct peer_connection *peer_oldest_connection(const struct peer *peer)
{
    struct peer_connection *oldest = LIST_FIRST(&peer->connections);
    while (oldest != NULL && LIST_NEXT(oldest, link) != NULL)
        oldest = LIST_NEXT(oldest, link);
    return oldest;
}

/* ---- the outbound stream: the lifecycle decides, this carries out ---- */

static void arm_lifecycle(struct peer *peer)
{
    uint64_t next = lifecycle_next_time(&peer->lifecycle);
    if (next == UINT64_MAX) {
        evtimer_del(peer->lifecycle_timer);
        return;
    }
    uint64_t now = clock_now_ms();
    uint64_t wait = next > now ? next - now : 0;
    struct timeval delay = clock_timeval(wait * 1000);
    event_arm(peer->lifecycle_timer, &delay);
}

static void carry_out(struct peer *peer, const struct lifecycle_action *actions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct peer_connection *connection = peer_connection_by_number(peer, actions[i].connection);
        if (actions[i].kind == LIFECYCLE_CLOSE_STREAM && peer->outbound != NULL &&
            peer->outbound_attempt == actions[i].attempt)
            driver_close_outbound(peer);
        else if (actions[i].kind == LIFECYCLE_OPEN_STREAM &&
                 (connection == NULL ||
                  !driver_open_outbound(peer, connection, actions[i].attempt)))
            peer_outbound_lost(peer, actions[i].attempt);
    }
    arm_lifecycle(peer);
}

static void on_lifecycle_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct peer *peer = argument;
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    carry_out(peer, actions, lifecycle_tick(&peer->lifecycle, clock_now_ms(), actions));
    driver_run(peer->host);
}

void peer_outbound_opened(struct peer *peer, uint64_t attempt)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    carry_out(peer, actions,
              lifecycle_stream_opened(&peer->lifecycle, clock_now_ms(), attempt, actions));
}

void peer_outbound_lost(struct peer *peer, uint64_t attempt)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    carry_out(peer, actions,
              lifecycle_stream_lost(&peer->lifecycle, clock_now_ms(), attempt, actions));
}

static void unsettle(struct peer *peer)
{
    if (!peer->unsettled)
        STAILQ_INSERT_TAIL(&peer->host->unsettled, peer, unsettled_link);
    peer->unsettled = true;
}

void peer_dial_ready(struct peer *peer)
{
    peer->dial_ready = true;
    unsettle(peer);
}

void peer_inbound_arrived(struct peer *peer)
{
    peer->inbound_arrived = true;
    unsettle(peer);
}

/* After the whole batch was read: the subscriptions that came with the peer's stream are known by
 * now, and answered in one RPC. */
static void settle(struct peer *peer)
{
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    if (peer->dial_ready)
        carry_out(peer, actions, lifecycle_dial_ready(&peer->lifecycle, clock_now_ms(), actions));
    if (peer->inbound_arrived)
        carry_out(peer, actions,
                  lifecycle_inbound_arrived(&peer->lifecycle, clock_now_ms(), actions));
    peer->dial_ready = false;
    peer->inbound_arrived = false;
}

void peers_settle(struct host *host)
{
    struct peer *peer;
    while ((peer = STAILQ_FIRST(&host->unsettled)) != NULL) {
        STAILQ_REMOVE_HEAD(&host->unsettled, unsettled_link);
        peer->unsettled = false;
        settle(peer);
    }
}

/* ---- peers come and go with their connections ---- */

static void peer_free(struct peer *peer)
{
    struct host *host = peer->host;
    if (peer->unsettled)
        STAILQ_REMOVE(&host->unsettled, peer, peer, unsettled_link);
    if (peer->in_router) {
        driver_peer_gone(peer);
        host->by_router_handle[peer->router_handle] = NULL;
    }
    struct mesh_join join;
    while (mesh_join_take(peer, &join))
        continue;
    event_free(peer->lifecycle_timer);
    identify_clear(&peer->identify);
    HASH_DEL(host->peers, peer);
    free(peer);
}

static struct peer *peer_new(struct peer_connection *connection, const struct peer_id *id,
                             enum key_type type)
{
    struct host *host = connection->host;
    struct peer *peer = memory_new(sizeof(*peer));
    peer->host = host;
    peer->id = *id;
    peer->key_type = type;
    peer_id_text(id, peer->name);
    LIST_INIT(&peer->connections);
    lifecycle_init(&peer->lifecycle);
    peer->lifecycle_timer = evtimer_new(host->settings.base, on_lifecycle_timer, peer);
    HASH_ADD(hh, host->peers, id, sizeof(peer->id), peer);
    peer->in_router = driver_peer_added(peer, connection->dialled);
    if (!peer->in_router) {
        peer_free(peer);
        return NULL;
    }
    remember_router_handle(peer);
    return peer;
}

bool peer_attach(struct peer_connection *connection, const struct peer_id *id, enum key_type type)
{
    struct peer *peer = peer_find(connection->host, id);
    if (peer == NULL)
        peer = peer_new(connection, id, type);
    if (peer == NULL)
        return false;
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    size_t count;
    if (!lifecycle_connection_added(&peer->lifecycle, clock_now_ms(), connection->number, actions,
                                    &count))
        return false;
    connection->peer = peer;
    LIST_INSERT_HEAD(&peer->connections, connection, link);
    carry_out(peer, actions, count);
    return true;
}

void peer_detach(struct peer_connection *connection)
{
    struct peer *peer = connection->peer;
    LIST_REMOVE(connection, link);
    connection->peer = NULL;
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX];
    size_t count =
        lifecycle_connection_lost(&peer->lifecycle, clock_now_ms(), connection->number, actions);
    if (count > 0 && actions[0].kind == LIFECYCLE_FORGET)
        peer_free(peer);
    else
        carry_out(peer, actions, count);
}

/* ---- views ---- */

struct peer_view peer_view(const struct peer *peer)
{
    struct peer_view view = {
        .peer = peer,
        .host = peer->host,
        .name = peer->name,
        .key_type = peer->key_type,
        .identified = peer->identified,
        .identify = &peer->identify,
        .status = peer->status_known ? &peer->status : NULL,
        .router_handle = peer->router_handle,
        .outbound_state = peer->lifecycle.state,
        .opens_avoided = peer->lifecycle.opens_avoided,
        .outbound = peer->outbound,
        .inbound_count = peer->inbound_count,
    };
    for (size_t i = 0; i < peer->inbound_count; i++)
        view.inbound[i] = peer->inbound[i];
    return view;
}

const struct peer_connection *peer_connection_after(const struct peer *peer,
                                                    const struct peer_connection *previous)
{
    return previous == NULL ? LIST_FIRST(&peer->connections) : LIST_NEXT(previous, link);
}

bool peer_connection_is_last(const struct peer_connection *connection)
{
    const struct peer_connection *first = LIST_FIRST(&connection->peer->connections);
    return first == connection && LIST_NEXT(first, link) == NULL;
}

void peer_connection_facts(const struct peer_connection *connection,
                           struct quic_connection_facts *facts)
{
    quic_connection_facts(connection->quic, facts);
}

struct stream_view stream_view(const struct protocol_stream *stream)
{
    return (struct stream_view){
        .id = protocol_stream_id(stream),
        .protocol = stream->protocol->name,
        .outbound = stream->outbound,
        .opened_ms = stream->opened_ms,
        .connection = stream->connection,
    };
}
