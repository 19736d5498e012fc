#include "net/api/watchers.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/memory.h"
#include "net/api/event_json.h"

enum { UNAVAILABLE = 503 };

struct watcher {
    struct api_watchers *watchers;
    struct api_request *request;
    LIST_ENTRY(watcher) link;
};

struct api_watchers {
    void (*lost)(void *context, uint64_t count);
    void *context;
    LIST_HEAD(, watcher) all;
    size_t count;
};

static void watcher_gone(void *argument)
{
    struct watcher *watcher = argument;
    watcher->watchers->count--;
    LIST_REMOVE(watcher, link);
    free(watcher);
}

static json_t *say_lost(void *argument, uint64_t count)
{
    const struct watcher *watcher = argument;
    const struct api_watchers *watchers = watcher->watchers;
    if (watchers->lost != NULL)
        watchers->lost(watchers->context, count);
    json_t *line = json_pack("{s:s, s:I}", "event", "events_lost", "count", (json_int_t)count);
    event_json_set_time(line, clock_epoch_ms());
    return line;
}

struct api_watchers *api_watchers_new(void (*lost)(void *context, uint64_t count), void *context)
{
    struct api_watchers *watchers = memory_new(sizeof(*watchers));
    *watchers = (struct api_watchers){.lost = lost, .context = context};
    LIST_INIT(&watchers->all);
    return watchers;
}

void api_watchers_free(struct api_watchers *watchers)
{
    free(watchers);
}

void api_watchers_add(struct api_watchers *watchers, struct api_request *request, json_t *first)
{
    if (watchers->count == API_WATCHERS_MAX) {
        json_decref(first);
        api_reply_error(request, UNAVAILABLE, "%d clients are watching: try again later",
                        API_WATCHERS_MAX);
        return;
    }
    struct watcher *watcher = memory_new(sizeof(*watcher));
    watcher->watchers = watchers;
    watcher->request = request;
    watchers->count++;
    LIST_INSERT_HEAD(&watchers->all, watcher, link);
    api_stream_start(request, watcher_gone, watcher);
    api_stream_may_lose(request, say_lost);
    api_stream_line(request, first);
    json_decref(first);
}

bool api_watchers_any(const struct api_watchers *watchers)
{
    return watchers->count > 0;
}

void api_watchers_tell(const struct api_watchers *watchers, const json_t *line)
{
    const struct watcher *watcher;
    LIST_FOREACH(watcher, &watchers->all, link)
    {
        api_stream_line(watcher->request, line);
    }
}
