#include "cmd/connect/fetch.h"

#include <stdlib.h>

#include "cmd/connect/report.h"
#include "common/file.h"
#include "common/memory.h"
#include "net/api/block_json.h"

enum { INTERNAL = 1, NOT_SPOKEN = 5 };

struct fetch {
    struct host *host;
    const struct connect_settings *settings;
    struct host_observer observer;
    json_t *blocks;
    struct error not_saved; /* the first; empty: all were */
    fetch_done done;
    void *context;
};

static void save(struct fetch *fetch, const struct host_event *event, json_t *object)
{
    const char *folder = fetch->settings->save;
    struct error error;
    char *path = NULL;
    if (folder == NULL || fetch->not_saved.text[0] != '\0')
        return;
    if (file_make_folder(folder, &error))
        path = block_save(folder, event->block, event->payload, &error);
    if (path != NULL)
        json_object_set_new(object, "file", json_string(path));
    else
        error_set(&fetch->not_saved, "--save: %s", error.text);
    free(path);
}

static void take_block(struct fetch *fetch, const struct host_event *event)
{
    json_t *object = block_json(event->block);
    save(fetch, event, object);
    if (!fetch->settings->json)
        report_block(object);
    json_array_append_new(fetch->blocks, object);
}

static void end(const struct fetch *fetch, int code, const char *error)
{
    fetch->done(fetch->context, code, error);
}

/* By slots, some may have none. */
static void received(const struct fetch *fetch, size_t count)
{
    size_t wanted = fetch->settings->blocks.root_count;
    if (fetch->not_saved.text[0] != '\0') {
        end(fetch, INTERNAL, fetch->not_saved.text);
    } else if (count < wanted) {
        char *error = text_format("blocks: %zu of %zu came: the peer has no others", count, wanted);
        end(fetch, FETCH_FAILED, error);
        free(error);
    } else {
        end(fetch, 0, NULL);
    }
}

static void failed(const struct fetch *fetch, const struct host_event *event)
{
    char *error = text_format("blocks: %s; %zu had come", event->reason, event->count);
    end(fetch, protocol_not_spoken(event->end) ? NOT_SPOKEN : FETCH_FAILED, error);
    free(error);
}

static void on_event(void *context, const struct host_event *event)
{
    struct fetch *fetch = context;
    if (event->kind == HOST_BLOCK)
        take_block(fetch, event);
    else if (event->kind == HOST_BLOCKS_RECEIVED)
        received(fetch, event->count);
    else if (event->kind == HOST_BLOCKS_FAILED)
        failed(fetch, event);
}

struct fetch *fetch_new(struct host *host, struct peer *peer,
                        const struct connect_settings *settings, json_t *blocks, fetch_done done,
                        void *context)
{
    if (peer == NULL || !host_ask_blocks(peer, &settings->blocks))
        return NULL;
    struct fetch *fetch = memory_new(sizeof(*fetch));
    *fetch = (struct fetch){
        .host = host,
        .settings = settings,
        .blocks = blocks,
        .done = done,
        .context = context,
        .observer = {.event = on_event, .context = fetch},
    };
    host_observe(host, &fetch->observer);
    return fetch;
}

void fetch_free(struct fetch *fetch)
{
    host_unobserve(fetch->host, &fetch->observer);
    free(fetch);
}
