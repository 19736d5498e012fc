#include "net/host/healer.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "net/host/internal.h"

static void take(struct healer *healer, enum healing_event event);

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    take(argument, HEALING_TICK);
}

static void arm(struct healer *healer)
{
    uint64_t next = healing_next_time(&healer->healing), now = clock_now_ms();
    if (next == UINT64_MAX) {
        evtimer_del(healer->timer);
        return;
    }
    struct timeval delay = clock_timeval(next > now ? (next - now) * 1000 : 0);
    event_arm(healer->timer, &delay);
}

/* ---- what is done, and told ---- */

static const char *symptom(const struct healer *healer)
{
    return healer->healing.has_stream
               ? "the peer opened a gossipsub stream and announced no topic on it: it has none, or "
                 "still holds our previous connection"
               : "the peer speaks gossipsub and opened no stream to us: it may still hold our "
                 "previous connection";
}

static void tell(const struct healer *healer, enum host_healing_step step, const char *reason)
{
    const struct host_healing healing = {.peer = healer->name,
                                         .step = step,
                                         .attempt = healer->healing.attempt,
                                         .wait_ms = healer->healing.wait_ms};
    struct host_event event = {.kind = HOST_HEALING, .healing = &healing, .reason = reason};
    host_tell(healer->host, &event);
}

static void close_all(struct healer *healer)
{
    struct peer *peer = peer_find(healer->host, &healer->id);
    log_warn("peer %s: %s: closed, and dialled anew in %llu ms", healer->name, symptom(healer),
             (unsigned long long)healer->healing.wait_ms);
    tell(healer, HOST_HEALING_CLOSED, symptom(healer));
    if (peer != NULL)
        host_disconnect(healer->host, peer, "to be dialled anew");
}

static void give_up(const struct healer *healer)
{
    log_warn("peer %s: %s: it stays connected as it is", healer->name, symptom(healer));
    tell(healer, HOST_HEALING_GIVEN_UP, symptom(healer));
}

static void carry_out(struct healer *healer, enum healing_action action)
{
    switch (action) {
    case HEALING_NOTHING:
        break;
    case HEALING_CLOSE:
        close_all(healer);
        break;
    case HEALING_DIAL:
        tell(healer, HOST_HEALING_DIALLING, NULL);
        healer->dial(healer->context);
        break;
    case HEALING_GIVE_UP:
        give_up(healer);
        break;
    case HEALING_HEALED:
        tell(healer, HOST_HEALING_HEALED, NULL);
        break;
    }
}

static void take(struct healer *healer, enum healing_event event)
{
    carry_out(healer, healing_take(&healer->healing, clock_now_ms(), event));
    arm(healer);
}

/* ---- what is heard ---- */

static bool lists_gossipsub(const struct identify *identify)
{
    static const char prefix[] = "/meshsub/";
    for (size_t i = 0; i < identify->protocol_count; i++) {
        if (strncmp(identify->protocols[i], prefix, sizeof(prefix) - 1) == 0)
            return true;
    }
    return false;
}

/* Not every stack has identify: that our own stream was accepted says as much. */
static bool speaks_gossipsub(const struct peer *peer)
{
    return peer->identified ? lists_gossipsub(&peer->identify) : peer->outbound_since_ms > 0;
}

static bool is_of(const struct host_event *event, uint64_t dial)
{
    return event->connection != NULL && event->connection->number == dial;
}

static void hear_connected(struct healer *healer, uint64_t dial, const struct host_event *event)
{
    if (!is_of(event, dial) || !peer_connection_is_last(event->connection)) {
        take(healer, HEALING_LEFT);
        return;
    }
    struct quic_connection_facts facts;
    quic_connection_facts(event->connection->quic, &facts);
    healer->healing.idle_timeout_ms = facts.idle_timeout_ms;
    take(healer, HEALING_CONNECTED);
}

static void hear_own(struct healer *healer, uint64_t dial, const struct host_event *event)
{
    switch (event->kind) {
    case HOST_CONNECTED:
        hear_connected(healer, dial, event);
        break;
    case HOST_DISCONNECTED:
        if (is_of(event, dial))
            take(healer, HEALING_LEFT);
        break;
    case HOST_IDENTIFIED:
    case HOST_IDENTIFY_FAILED:
        if (speaks_gossipsub(event->peer))
            take(healer, HEALING_SPEAKS);
        break;
    case HOST_STREAM_OPENED:
        if (!event->stream->outbound)
            take(healer, HEALING_STREAM);
        break;
    case HOST_SUBSCRIBED:
        take(healer, HEALING_TOPIC);
        break;
    default:
        break;
    }
}

void healer_hear(struct healer *healer, uint64_t dial, const struct host_event *event)
{
    if (event->peer == NULL)
        return;
    bool ours = event->connection != NULL && dial != 0 && event->connection->number == dial;
    if (ours && event->kind == HOST_CONNECTED) { /* the address may not have named the peer */
        healer->id = event->peer->id;
        snprintf(healer->name, sizeof(healer->name), "%s", event->peer->name);
    }
    if (healer->name[0] != '\0' && peer_id_equal(&event->peer->id, &healer->id))
        hear_own(healer, dial, event);
}

bool healer_waits(const struct healer *healer)
{
    return healer->healing.state == HEALING_WAITING;
}

/* ---- beginning and end ---- */

void healer_init(struct healer *healer, struct host *host, void (*dial)(void *context),
                 void *context)
{
    *healer = (struct healer){.host = host, .dial = dial, .context = context};
    healer->timer = evtimer_new(host_settings(host)->base, on_timer, healer);
}

void healer_clear(struct healer *healer)
{
    event_free(healer->timer);
}
