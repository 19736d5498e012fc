#include "cmd/connect/listen.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/connect/report.h"
#include "common/memory.h"
#include "net/api/event_json.h"
#include "net/api/message_json.h"

struct listen {
    struct host *host;
    const struct connect_settings *settings;
    struct host_observer observer;
    uint64_t kinds[LEAN_MESSAGE_KINDS]; /* the last: of other topics, Lean's or not */
    uint64_t refused, recorded;
    void (*enough)(void *context);
    void *context;
};

static void count(struct listen *listen, const struct host_event *event)
{
    const char *kind = message_json_kind(event->topic);
    enum lean_message_kind at = LEAN_BLOCK;
    while (at < LEAN_OTHER && (kind == NULL || strcmp(lean_message_kind_name(at), kind) != 0))
        at++;
    listen->kinds[at]++;
}

static void on_event(void *context, const struct host_event *event)
{
    struct listen *listen = context;
    bool counts = listen->settings->count > 0;
    if (counts && listen_has_enough(listen) && event->kind != HOST_BLOCK_RECORDED)
        return; /* no more than were asked for, but what becomes of the last one */
    if (event->kind == HOST_MESSAGE)
        count(listen, event);
    else if (event->kind == HOST_MESSAGE_REFUSED)
        listen->refused++;
    else if (event->kind == HOST_BLOCK_RECORDED)
        listen->recorded++;
    else if (event->kind != HOST_BLOCK_NOT_RECORDED)
        return;
    json_t *object = host_event_json(event);
    report_name_peer(object);
    (listen->settings->json ? report_line : report_gossip)(object);
    json_decref(object);
    if (event->kind == HOST_MESSAGE && counts && listen_has_enough(listen))
        listen->enough(listen->context);
}

struct listen *listen_new(struct host *host, const struct connect_settings *settings,
                          void (*enough)(void *context), void *context)
{
    struct listen *listen = memory_new(sizeof(*listen));
    *listen = (struct listen){
        .host = host,
        .settings = settings,
        .observer = {.event = on_event, .context = listen},
        .enough = enough,
        .context = context,
    };
    host_observe(host, &listen->observer);
    return listen;
}

uint64_t listen_count(const struct listen *listen)
{
    uint64_t total = 0;
    for (size_t kind = 0; kind < LEAN_MESSAGE_KINDS; kind++)
        total += listen->kinds[kind];
    return total;
}

bool listen_has_enough(const struct listen *listen)
{
    return listen_count(listen) >= listen->settings->count;
}

json_t *listen_json(const struct listen *listen)
{
    json_t *object = json_object();
    for (enum lean_message_kind kind = LEAN_BLOCK; kind < LEAN_MESSAGE_KINDS; kind++)
        json_object_set_new(object, lean_message_kind_name(kind),
                            json_integer((json_int_t)listen->kinds[kind]));
    json_object_set_new(object, "refused", json_integer((json_int_t)listen->refused));
    if (listen->settings->node.record.folder != NULL)
        json_object_set_new(object, "recorded", json_integer((json_int_t)listen->recorded));
    return object;
}

void listen_free(struct listen *listen)
{
    if (listen == NULL)
        return;
    host_unobserve(listen->host, &listen->observer);
    free(listen);
}
