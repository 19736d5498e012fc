#include "net/host/block_recorder.h"

#include <stdlib.h>

#include "common/file.h"
#include "common/log.h"
#include "common/losses.h"
#include "common/memory.h"
#include "net/gossipsub/lean_topic.h"
#include "net/protocols/lean_message.h"

struct block_recorder {
    struct host *host;
    struct host_observer observer;
    struct block_recorder_settings settings;
    struct block_store *blocks;
    bool full_logged;
};

static void refuse(struct block_recorder *recorder, const struct host_event *message,
                   enum host_unrecorded cause, const char *reason)
{
    struct host_event event = {
        .kind = HOST_BLOCK_NOT_RECORDED,
        .peer = message->peer,
        .topic = message->topic,
        .unrecorded = cause,
        .reason = reason,
    };
    log_write(cause == HOST_UNRECORDED_FULL && !recorder->full_logged ? LOG_WARN : LOG_INFO,
              "--record %s: a message of %s is not recorded: %s", recorder->settings.folder,
              peer_view(message->peer).name, reason);
    recorder->full_logged |= cause == HOST_UNRECORDED_FULL;
    host_tell(recorder->host, &event);
}

static bool has_room(const struct block_recorder *recorder, size_t size, struct error *error)
{
    const struct block_recorder_settings *settings = &recorder->settings;
    size_t count = block_store_count(recorder->blocks);
    uint64_t bytes = block_store_bytes(recorder->blocks);
    if (count >= settings->blocks_max)
        return error_set(error, "%zu blocks are kept, and no more are to be", count);
    return (bytes <= settings->bytes_max && size <= settings->bytes_max - bytes) ||
           error_set(error, "%llu bytes are kept, and with its %zu there would be more than %llu",
                     (unsigned long long)bytes, size, (unsigned long long)settings->bytes_max);
}

static void save(struct block_recorder *recorder, const struct host_event *message,
                 const struct block_summary *block)
{
    struct block_store *blocks = recorder->blocks;
    struct error error;
    char *path = block_save(recorder->settings.folder, block, message->payload, &error);
    if (path == NULL) {
        losses_add(&error);
        refuse(recorder, message, HOST_UNRECORDED_UNWRITABLE, error.text);
        return;
    }
    block_store_add(blocks, block, path);
    struct host_event event = {
        .kind = HOST_BLOCK_RECORDED,
        .peer = message->peer,
        .topic = message->topic,
        .block = block,
        .file = path,
    };
    host_tell(recorder->host, &event);
    free(path);
}

static bool is_of_blocks(const char *topic)
{
    struct bytes network, name;
    return lean_topic_read(topic, &network, &name) && lean_message_kind(name) == LEAN_BLOCK;
}

static void on_event(void *context, const struct host_event *event)
{
    struct block_recorder *recorder = context;
    const struct block_store *blocks = recorder->blocks;
    struct block_summary block;
    struct error error;
    if (event->kind != HOST_MESSAGE || !is_of_blocks(event->topic))
        return;
    if (!block_summarize(event->payload, &block, &error))
        refuse(recorder, event, HOST_UNRECORDED_MALFORMED, error.text);
    else if (block_store_find(blocks, block.root) < block_store_count(blocks))
        log_info("--record %s: block of slot %llu is there already", recorder->settings.folder,
                 (unsigned long long)block.slot);
    else if (!has_room(recorder, block.size, &error))
        refuse(recorder, event, HOST_UNRECORDED_FULL, error.text);
    else
        save(recorder, event, &block);
}

struct block_recorder *block_recorder_new(struct host *host,
                                          const struct block_recorder_settings *settings,
                                          struct block_store *blocks)
{
    if (settings->folder == NULL)
        return NULL;
    struct block_recorder *recorder = memory_new(sizeof(*recorder));
    *recorder = (struct block_recorder){
        .host = host,
        .observer = {.event = on_event, .context = recorder},
        .settings = *settings,
        .blocks = blocks,
    };
    host_observe(host, &recorder->observer);
    return recorder;
}

void block_recorder_free(struct block_recorder *recorder)
{
    if (recorder == NULL)
        return;
    host_unobserve(recorder->host, &recorder->observer);
    free(recorder);
}

bool block_recorder_open(const char *record, const char *given, struct block_store **blocks,
                         struct error *error)
{
    *blocks = record != NULL || given != NULL ? block_store_new() : NULL;
    if (record != NULL &&
        (!file_make_folder(record, error) || !block_store_load(*blocks, record, error)))
        return error_prefix(error, "--record");
    return given == NULL || block_store_load(*blocks, given, error) ||
           error_prefix(error, "--blocks");
}
