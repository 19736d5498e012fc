#include "net/qlog/reading.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static void take_note(void *context, const char *path, const char *text)
{
    struct qlog_reading *reading = context;
    (void)path;
    reading->notes =
        memory_resize(reading->notes, (reading->note_count + 1) * sizeof(*reading->notes));
    reading->notes[reading->note_count++] = text_copy(text);
}

void qlog_reading_make(struct qlog_reading *reading, const char *path, uint64_t *progress)
{
    struct qlog_reader reader;
    *reading = (struct qlog_reading){0};
    qlog_reader_init(&reader, path, take_note, reading);
    reader.progress = progress;
    reading->outcome = qlog_reader_file(&reader, &reading->error);
    reading->ends_early = reader.ends_early;
    reading->mark = qlog_reader_mark(&reader);
    if (reading->outcome != QLOG_NOT_A_LOG) {
        reading->logs = reader.logs;
        reading->log_count = reader.log_count;
        reader.logs = NULL;
        reader.log_count = 0;
    }
    qlog_reader_clear(&reader);
}

void qlog_reading_clear(struct qlog_reading *reading)
{
    for (size_t i = 0; i < reading->note_count; i++)
        free(reading->notes[i]);
    for (size_t i = 0; i < reading->log_count; i++)
        qlog_log_free(reading->logs[i]);
    free(reading->notes);
    free(reading->logs);
    *reading = (struct qlog_reading){0};
}

/* --- Packing --- */

/* The texts of a log and of claims, which are packed behind their structs. */
#define LOG_TEXTS(log)                                                                             \
    {                                                                                              \
        &(log)->path, &(log)->writer, &(log)->original_id, &(log)->group_id, &(log)->initial_id,   \
            &(log)->retry_id, &(log)->event_group, &(log)->close.reason, &(log)->local_peer,       \
            &(log)->peer, &(log)->trace_error, &(log)->unknown_frame, &(log)->unread_why,          \
            &(log)->unknown_event, &(log)->agent, &(log)->nodes[QLOG_CLIENT].name,                 \
            &(log)->nodes[QLOG_CLIENT].peer, &(log)->nodes[QLOG_CLIENT].agent,                     \
            &(log)->nodes[QLOG_SERVER].name, &(log)->nodes[QLOG_SERVER].peer,                      \
            &(log)->nodes[QLOG_SERVER].agent                                                       \
    }
#define CLAIM_TEXTS(claims)                                                                        \
    {                                                                                              \
        &(claims)->protocol, &(claims)->role, &(claims)->peer, &(claims)->reason                   \
    }
#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static const size_t no_text = SIZE_MAX;

static void pack_text(struct buffer *output, const char *text)
{
    size_t size = text != NULL ? strlen(text) : no_text;
    buffer_append(output, &size, sizeof(size));
    if (text != NULL)
        buffer_append(output, text, size);
}

static void pack_claims(struct buffer *output, const struct qlog_claims *claims)
{
    char *const *const texts[] = CLAIM_TEXTS(claims);
    buffer_append(output, claims, sizeof(*claims));
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        pack_text(output, *texts[i]);
}

static void pack_stream(struct buffer *output, const struct qlog_stream *stream)
{
    buffer_append(output, stream, sizeof(*stream));
    if (stream->claims != NULL)
        pack_claims(output, stream->claims);
    if (stream->heard != NULL) {
        buffer_append(output, stream->heard, sizeof(*stream->heard));
        pack_text(output, stream->heard->protocol);
    }
}

static void pack_log(struct buffer *output, const struct qlog_log *log)
{
    char *const *const texts[] = LOG_TEXTS(log);
    buffer_append(output, log, sizeof(*log));
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        pack_text(output, *texts[i]);
    for (size_t i = 0; i < log->stream_count; i++)
        pack_stream(output, log->streams[i]);
}

void qlog_reading_pack(const struct qlog_reading *reading, struct buffer *output)
{
    buffer_append(output, reading, sizeof(*reading));
    for (size_t i = 0; i < reading->note_count; i++)
        pack_text(output, reading->notes[i]);
    for (size_t i = 0; i < reading->log_count; i++)
        pack_log(output, reading->logs[i]);
}

/* --- Unpacking --- */

static bool unpack(struct bytes *input, void *value, size_t size)
{
    if (input->size < size)
        return false;
    memcpy(value, input->data, size);
    *input = bytes_after(*input, size);
    return true;
}

/* Sets *TEXT, whatever it was: it came from another process. */
static bool unpack_text(struct bytes *input, char **text)
{
    size_t size;
    *text = NULL;
    if (!unpack(input, &size, sizeof(size)) || (size != no_text && input->size < size))
        return false;
    if (size == no_text)
        return true;
    *text = memory_new(size + 1);
    return unpack(input, *text, size);
}

static bool unpack_texts(struct bytes *input, char **const *texts, size_t count)
{
    bool whole = true;
    for (size_t i = 0; i < count; i++)
        whole = unpack_text(input, texts[i]) && whole;
    return whole;
}

static bool unpack_claims(struct bytes *input, struct qlog_claims *claims)
{
    bool whole = unpack(input, claims, sizeof(*claims));
    char **const texts[] = CLAIM_TEXTS(claims);
    return unpack_texts(input, texts, COUNT_OF(texts)) && whole;
}

static bool unpack_heard(struct bytes *input, struct qlog_heard *heard)
{
    bool whole = unpack(input, heard, sizeof(*heard));
    return unpack_text(input, &heard->protocol) && whole;
}

static bool unpack_stream(struct bytes *input, struct qlog_log *log)
{
    struct qlog_stream packed;
    if (!unpack(input, &packed, sizeof(packed)))
        return false;
    struct qlog_stream *stream = qlog_log_add(log, packed.id);
    bool claimed = packed.claims != NULL, heard = packed.heard != NULL;
    packed.claims = NULL;
    packed.heard = NULL;
    *stream = packed;
    if (claimed)
        stream->claims = memory_new(sizeof(*stream->claims));
    if (claimed && !unpack_claims(input, stream->claims))
        return false;
    if (heard)
        stream->heard = memory_new(sizeof(*stream->heard));
    return !heard || unpack_heard(input, stream->heard);
}

static bool unpack_log(struct bytes *input, struct qlog_reading *reading)
{
    struct qlog_log *log = memory_new(sizeof(*log));
    bool whole = unpack(input, log, sizeof(*log));
    char **const texts[] = LOG_TEXTS(log);
    size_t streams = log->stream_count;
    reading->logs[reading->log_count++] = log;
    log->streams = NULL;
    log->slots = NULL;
    log->stream_count = log->slot_count = 0;
    whole = unpack_texts(input, texts, COUNT_OF(texts)) && whole;
    for (size_t i = 0; whole && i < streams; i++)
        whole = unpack_stream(input, log);
    return whole;
}

bool qlog_reading_unpack(struct qlog_reading *reading, struct bytes input)
{
    struct qlog_reading packed = {0};
    bool whole = unpack(&input, &packed, sizeof(packed)) &&
                 packed.note_count <= QLOG_BAD_RECORDS_LIMIT &&
                 packed.log_count <= QLOG_LOGS_PER_FILE_LIMIT;
    *reading = (struct qlog_reading){
        .outcome = packed.outcome, .error = packed.error, .ends_early = packed.ends_early};
    reading->mark = packed.mark;
    if (whole) {
        reading->notes = memory_new((packed.note_count + 1) * sizeof(*reading->notes));
        reading->logs = memory_new((packed.log_count + 1) * sizeof(struct qlog_log *));
    }
    while (whole && reading->note_count < packed.note_count)
        whole = unpack_text(&input, &reading->notes[reading->note_count++]);
    while (whole && reading->log_count < packed.log_count)
        whole = unpack_log(&input, reading);
    if (!whole || input.size > 0) {
        qlog_reading_clear(reading);
        return false;
    }
    return true;
}
