/* Waits until the peers have what was sent to them, before all is closed. */
#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"
#include "net/host/internal.h"

enum { POLL_MS = 1 };

struct drain {
    struct host *host;
    struct event *timer;
    uint64_t end_ms;
    void (*done)(void *context);
    void *context;
};

static bool has_all(const struct peer *peer)
{
    if (peer->outbound == NULL)
        return true;
    const struct quic_stream *stream = peer->outbound->quic;
    return gossipsub_peer_unsent(peer->host->router, peer->router_handle) == 0 &&
           quic_stream_acknowledged(stream) >= quic_stream_written(stream);
}

bool host_is_drained(const struct host *host)
{
    for (const struct peer *peer = peer_first(host); peer != NULL; peer = peer_next(peer)) {
        if (!has_all(peer))
            return false;
    }
    return true;
}

static void look(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct drain *drain = argument;
    if (!host_is_drained(drain->host) && clock_now_ms() < drain->end_ms)
        return;
    drain->done(drain->context);
    event_free(drain->timer);
    free(drain);
}

void host_drain(struct host *host, uint64_t limit_ms, void (*done)(void *context), void *context)
{
    struct drain *drain = memory_new(sizeof(*drain));
    *drain = (struct drain){
        .host = host, .end_ms = clock_now_ms() + limit_ms, .done = done, .context = context};
    drain->timer = event_new(host->settings.base, -1, EV_PERSIST, look, drain);
    struct timeval period = {.tv_usec = POLL_MS * 1000};
    event_arm(drain->timer, &period);
}
