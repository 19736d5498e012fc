#include "net/host/dialer.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "net/host/dial_race.h"
#include "net/host/healer.h"
#include "net/host/internal.h"

struct target {
    struct dialer *dialer;
    struct node_address address;
    char text[MULTIADDR_TEXT_SIZE];
    bool has_peer_id; /* learnt from the first connection where the address has none */
    struct peer_id peer_id;
    struct dial_race race; /* while connections are being set up */
    uint64_t dial;         /* the connection that is up; 0: none */
    uint64_t backoff_ms;
    uint64_t connected_at_ms;
    bool waiting; /* the peer is connected by other means: until it is not */
    struct event *timer;
    struct resolver_query *query;
    struct healer healer;
    LIST_ENTRY(target) link;
};

struct dialer {
    struct host *host;
    struct resolver *resolver;
    struct host_observer observer;
    size_t count;
    LIST_HEAD(, target) targets;
};

static void retry_later(struct target *target)
{
    target->dial = 0;
    if (healer_waits(&target->healer))
        return; /* it has it dialled: on_healing */
    struct timeval delay = clock_timeval(target->backoff_ms * 1000);
    event_arm(target->timer, &delay);
    target->backoff_ms *= 2;
    if (target->backoff_ms > DIALER_BACKOFF_LAST_MS)
        target->backoff_ms = DIALER_BACKOFF_LAST_MS;
}

static void on_resolved(void *context, const struct multiaddr *addresses, size_t count,
                        size_t left_out, const char *reason)
{
    struct target *target = context;
    target->query = NULL;
    struct error error;
    if (count == 0)
        error_set(&error, "the name cannot be resolved: %s", reason);
    else if (dial_race_begin(&target->race, target->dialer->host, addresses, count, left_out,
                             &error))
        return;
    log_warn("%s: %s", target->text, error.text);
    retry_later(target);
}

/* Not where the peer has come to us meanwhile. */
static void dial(struct target *target)
{
    const struct host *host = target->dialer->host;
    target->waiting = target->has_peer_id && peer_find(host, &target->peer_id) != NULL;
    if (target->waiting)
        return;
    target->query = resolver_ask(target->dialer->resolver, &target->address, on_resolved, target);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    dial(argument);
}

static void dial_failed(struct target *target, const struct host_event *event)
{
    struct error reasons;
    if (!dial_race_lost(&target->race, event->dial, event->close))
        return;
    dial_race_reasons(&target->race, &reasons);
    dial_race_end(&target->race);
    log_warn("%s: %s", target->text, reasons.text);
    retry_later(target);
}

static void on_healing(void *context)
{
    struct target *target = context;
    target->backoff_ms = DIALER_BACKOFF_FIRST_MS;
    if (target->dial == 0 && target->query == NULL && target->race.host == NULL)
        dial(target);
}

static void on_target_event(struct target *target, const struct host_event *event)
{
    switch (event->kind) {
    case HOST_CONNECTED:
        target->dial = event->connection->number;
        dial_race_won(&target->race, target->dial);
        target->connected_at_ms = clock_now_ms();
        target->has_peer_id = true;
        target->peer_id = event->peer->id;
        break;
    case HOST_DIAL_FAILED:
        dial_failed(target, event);
        break;
    case HOST_DISCONNECTED:
        if (clock_now_ms() - target->connected_at_ms >= DIALER_STEADY_MS)
            target->backoff_ms = DIALER_BACKOFF_FIRST_MS;
        retry_later(target);
        break;
    default:
        break;
    }
}

/* A connection that was not dialled for the target, but kept it from being dialled, is gone. */
static bool waited_for(const struct target *target, const struct host_event *event)
{
    return target->waiting && event->kind == HOST_DISCONNECTED &&
           peer_id_equal(&target->peer_id, &event->peer->id);
}

static void on_event(void *context, const struct host_event *event)
{
    struct dialer *dialer = context;
    uint64_t number = event->connection != NULL ? event->connection->number : event->dial;
    struct target *target;
    LIST_FOREACH(target, &dialer->targets, link)
    {
        bool dialled = target->dial == number || dial_race_has(&target->race, number);
        healer_hear(&target->healer, dialled ? number : target->dial, event);
        if (number == 0)
            continue;
        if (dialled)
            on_target_event(target, event);
        else if (waited_for(target, event))
            retry_later(target);
    }
}

struct dialer *dialer_new(struct host *host, struct resolver *resolver)
{
    struct dialer *dialer = memory_new(sizeof(*dialer));
    dialer->host = host;
    dialer->resolver = resolver;
    dialer->observer = (struct host_observer){.event = on_event, .context = dialer};
    LIST_INIT(&dialer->targets);
    host_observe(host, &dialer->observer);
    return dialer;
}

static void target_free(struct target *target)
{
    if (target->query != NULL)
        resolver_cancel(target->query);
    dial_race_end(&target->race);
    event_free(target->timer);
    healer_clear(&target->healer);
    LIST_REMOVE(target, link);
    target->dialer->count--;
    free(target);
}

void dialer_free(struct dialer *dialer)
{
    struct target *target;
    while ((target = LIST_FIRST(&dialer->targets)) != NULL)
        target_free(target);
    host_unobserve(dialer->host, &dialer->observer);
    free(dialer);
}

bool dialer_add(struct dialer *dialer, const struct node_address *address, struct error *error)
{
    if (dialer->count == DIALER_TARGETS_MAX)
        return error_set(error, "more than %d nodes to dial", DIALER_TARGETS_MAX);
    struct target *target = memory_new(sizeof(*target));
    target->dialer = dialer;
    target->address = *address;
    multiaddr_text(&address->at[0], target->text);
    target->has_peer_id = address->at[0].has_peer_id;
    target->peer_id = address->at[0].peer_id;
    target->backoff_ms = DIALER_BACKOFF_FIRST_MS;
    target->timer = evtimer_new(host_settings(dialer->host)->base, on_timer, target);
    healer_init(&target->healer, dialer->host, on_healing, target);
    LIST_INSERT_HEAD(&dialer->targets, target, link);
    dialer->count++;
    dial(target);
    return true;
}

void dialer_remove(struct dialer *dialer, const struct peer_id *id)
{
    struct target *target, *next;
    for (target = LIST_FIRST(&dialer->targets); target != NULL; target = next) {
        next = LIST_NEXT(target, link);
        if (!target->has_peer_id || !peer_id_equal(&target->peer_id, id))
            continue;
        target_free(target);
    }
}
