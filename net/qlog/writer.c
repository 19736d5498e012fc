#include "net/qlog/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/losses.h"
#include "common/memory.h"
#include "common/utf8.h"

enum { FLUSH_SIZE = 32768, RECORD_SEPARATOR = 0x1e, SAME_NAME_MAX = 9 };

struct qlog_writer {
    int fd; /* -1 once writing has failed */
    char *path;
    struct buffer pending;
    bool begun; /* the library's first record, the header, has been written */
};

static void create_file(struct qlog_writer *writer, const char *folder, const char *id,
                        const char *role)
{
    writer->path = text_format("%s/%s_%s.sqlog", folder, id, role);
    for (unsigned i = 2; i <= SAME_NAME_MAX + 1; i++) {
        writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (writer->fd >= 0 || errno != EEXIST || i > SAME_NAME_MAX)
            return;
        free(writer->path);
        writer->path = text_format("%s/%s_%s-%u.sqlog", folder, id, role, i);
    }
}

struct qlog_writer *qlog_writer_new(const char *folder, const char *id, const char *role,
                                    struct error *error)
{
    struct qlog_writer *writer = memory_new(sizeof(*writer));
    create_file(writer, folder, id, role);
    if (writer->fd >= 0)
        return writer;
    error_set_kind(error, ERROR_SYSTEM, "%s: cannot write the QUIC log: %s", writer->path,
                   strerror(errno));
    qlog_writer_free(writer);
    return NULL;
}

void qlog_writer_free(struct qlog_writer *writer)
{
    if (writer == NULL)
        return;
    qlog_writer_flush(writer);
    if (writer->fd >= 0)
        close(writer->fd);
    buffer_clear(&writer->pending);
    free(writer->path);
    free(writer);
}

void qlog_writer_discard(struct qlog_writer *writer)
{
    if (writer != NULL)
        unlink(writer->path);
    qlog_writer_free(writer);
}

/* A full disk ends the log, not the node. */
static void give_up(struct qlog_writer *writer)
{
    struct error loss;
    error_set_kind(&loss, ERROR_SYSTEM, "%s: the QUIC log ends here: %s", writer->path,
                   strerror(errno));
    losses_add(&loss);
    close(writer->fd);
    writer->fd = -1;
}

void qlog_writer_flush(struct qlog_writer *writer)
{
    if (writer->fd >= 0 && !file_write_all(writer->fd, buffer_bytes(&writer->pending)))
        give_up(writer);
    buffer_clear(&writer->pending);
}

/* ngtcp2 writes times since the connection began, and never says when that was: without it nobody
 * can tell which of two connections came first. */
static void append_header(struct qlog_writer *writer, struct bytes header)
{
    static const char unset[] = "\"reference_time\":0";
    const uint8_t *found = memmem(header.data, header.size, unset, sizeof(unset) - 1);
    size_t before = found != NULL ? (size_t)(found - header.data) + sizeof(unset) - 2 : header.size;
    buffer_append(&writer->pending, header.data, before);
    if (found == NULL)
        return;
    char *epoch = text_format("%" PRIu64, clock_epoch_ms());
    buffer_append_text(&writer->pending, epoch);
    free(epoch);
    buffer_append(&writer->pending, header.data + before + 1, header.size - before - 1);
}

void qlog_writer_record(struct qlog_writer *writer, struct bytes record)
{
    if (writer->fd < 0)
        return;
    if (record.size > 0 && !writer->begun) {
        append_header(writer, record);
        writer->begun = true;
    } else {
        buffer_append(&writer->pending, record.data, record.size);
    }
    if (writer->pending.size >= FLUSH_SIZE)
        qlog_writer_flush(writer);
}

static json_t *text_json(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL)
        return string;
    char *safe = utf8_safe_text(bytes_of_text(text));
    string = json_string(safe);
    free(safe);
    return string;
}

static json_t *data_json(const struct qlog_field *fields, size_t count)
{
    json_t *data = json_object();
    for (size_t i = 0; i < count; i++) {
        if (fields[i].kind == QLOG_NUMBER)
            json_object_set_new(data, fields[i].name, json_integer(fields[i].number));
        else if (fields[i].text != NULL)
            json_object_set_new(data, fields[i].name, text_json(fields[i].text));
    }
    return data;
}

void qlog_writer_event(struct qlog_writer *writer, uint64_t time_ms, const char *name,
                       const struct qlog_field *fields, size_t count)
{
    json_t *event = json_pack("{s:I, s:s, s:o}", "time", (json_int_t)time_ms, "name", name, "data",
                              data_json(fields, count));
    char *text = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    buffer_append_byte(&writer->pending, RECORD_SEPARATOR);
    buffer_append_text(&writer->pending, text);
    buffer_append_byte(&writer->pending, '\n');
    free(text);
    qlog_writer_record(writer, bytes_of(NULL, 0));
}
