#include "net/host/events.h"

#include "common/clock.h"
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
    struct host_event told = *event;
    told.time_ms = clock_epoch_ms(); /* once: all tell the same */
    for (observer = LIST_FIRST(&host->observers); observer != NULL; observer = next) {
        next = LIST_NEXT(observer, link);
        observer->event(observer->context, &told);
    }
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
