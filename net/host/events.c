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
