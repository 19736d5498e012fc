#include "net/host/events.h"

#include "net/host/internal.h"

void host_observe(struct host *host, struct host_observer *observer)
{
    observer->gone = false;
    LIST_INSERT_HEAD(&host->observers, observer, link);
}

void host_unobserve(struct host *host, struct host_observer *observer)
{
    (void)host;
    if (!observer->gone)
        LIST_REMOVE(observer, link);
    observer->gone = true;
}

/* An observer may remove itself, but none that comes after it. */
void host_tell(struct host *host, const struct host_event *event)
{
    struct host_observer *observer, *next;
    for (observer = LIST_FIRST(&host->observers); observer != NULL; observer = next) {
        next = LIST_NEXT(observer, link);
        observer->event(observer->context, event);
    }
}

const char *quic_close_cause_name(enum quic_close_cause cause)
{
    static const char *const causes[] = {
        [QUIC_CLOSED_BY_US] = "closed_by_us",
        [QUIC_CLOSED_BY_PEER] = "closed_by_peer",
        [QUIC_REFUSED_BY_PEER] = "refused_by_peer",
        [QUIC_TLS_FAILED] = "tls_failed",
        [QUIC_PROTOCOL_ERROR] = "protocol_error",
        [QUIC_HANDSHAKE_TIMEOUT] = "handshake_timeout",
        [QUIC_IDLE_TIMEOUT] = "idle_timeout",
        [QUIC_STATELESS_RESET] = "stateless_reset",
        [QUIC_NO_COMMON_VERSION] = "no_common_version",
    };
    return causes[cause];
}

const char *host_unrecorded_name(enum host_unrecorded cause)
{
    static const char *const causes[] = {
        [HOST_UNRECORDED_MALFORMED] = "malformed",
        [HOST_UNRECORDED_FULL] = "full",
        [HOST_UNRECORDED_UNWRITABLE] = "unwritable",
    };
    return causes[cause];
}
