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
#include "net/qlog/carry.h"
#include "net/qlog/event.h"
#include "net/qlog/reader.h"

enum { FLUSH_SIZE = 32768, SAME_NAME_MAX = 9, PARTS = 4 };

struct qlog_writer {
    int fd; /* -1 once writing has failed */
    char *path;
    struct buffer pending;
    bool begun; /* the library's first record, the header, has been written */
    /* Of a log that rotates: */
    uint64_t limit;          /* bytes of all parts; 0: it does not */
    struct buffer header;    /* with which every part begins */
    char *first_path;        /* of the first part, whether it is still there or not */
    uint64_t part, oldest;   /* the number of the part that is written, and of the oldest there */
    uint64_t size, room;     /* bytes of this part, and how many it takes */
    uint64_t packets[PARTS]; /* in all parts up to that one, by number modulo PARTS */
    uint64_t packets_dropped;
};

static void create_file(struct qlog_writer *writer, const char *folder, const char *id,
                        const char *role)
{
    writer->path = text_format("%s/%s_%s.sqlog", folder, id, role);
    writer->part = writer->oldest = 1;
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
    buffer_clear(&writer->header);
    free(writer->first_path);
    free(writer->path);
    free(writer);
}

/* Of a log that rotates; to be freed. */
static char *path_of(const struct qlog_writer *writer, uint64_t part)
{
    size_t stem = strlen(writer->first_path) - strlen(".sqlog");
    return part == 1
               ? text_copy(writer->first_path)
               : text_format("%.*s.part%" PRIu64 ".sqlog", (int)stem, writer->first_path, part);
}

void qlog_writer_limit(struct qlog_writer *writer, uint64_t limit)
{
    writer->limit = limit;
    writer->room = limit / PARTS;
    writer->first_path = text_copy(writer->path);
}

static void remove_oldest(struct qlog_writer *writer)
{
    char *path = path_of(writer, writer->oldest);
    unlink(path);
    free(path);
    writer->oldest++;
}

void qlog_writer_discard(struct qlog_writer *writer)
{
    while (writer != NULL && writer->limit > 0 && writer->oldest < writer->part)
        remove_oldest(writer);
    if (writer != NULL)
        unlink(writer->path);
    qlog_writer_free(writer);
}

/* A full disk ends the log, not the node. */
static void give_up(struct qlog_writer *writer, const char *why)
{
    struct error loss;
    error_set_kind(&loss, ERROR_SYSTEM, "%s: the QUIC log ends here: %s", writer->path, why);
    losses_add(&loss);
    close(writer->fd);
    writer->fd = -1;
}

void qlog_writer_flush(struct qlog_writer *writer)
{
    if (writer->fd >= 0 && !file_write_all(writer->fd, buffer_bytes(&writer->pending)))
        give_up(writer, strerror(errno));
    buffer_clear(&writer->pending);
}

/* ngtcp2 writes times since the connection began, and never says when that was: without it nobody
 * can tell which of two connections came first. */
static void make_header(struct buffer *header, struct bytes record)
{
    static const char unset[] = "\"reference_time\":0";
    const uint8_t *found = memmem(record.data, record.size, unset, sizeof(unset) - 1);
    size_t before = found != NULL ? (size_t)(found - record.data) + sizeof(unset) - 2 : record.size;
    buffer_append(header, record.data, before);
    if (found == NULL)
        return;
    char *epoch = text_format("%" PRIu64, clock_epoch_ms());
    buffer_append_text(header, epoch);
    free(epoch);
    buffer_append(header, record.data + before + 1, record.size - before - 1);
}

/* --- Rotating --- */

/* What the part that ends says is read from it, and not kept in memory all the time. False where
 * the file is not there any more, or is none of ours. */
static bool begin_part(struct qlog_writer *writer)
{
    struct qlog_reader reader;
    struct error error;
    qlog_reader_init(&reader, writer->path, NULL, NULL);
    bool whole = qlog_reader_file(&reader, &error) == QLOG_READ && reader.log_count == 1;
    if (whole) {
        struct qlog_log *log = reader.logs[0];
        const struct qlog_part part = {.number = writer->part + 1,
                                       .parts_dropped = writer->oldest - 1,
                                       .packets_dropped = writer->packets_dropped};
        writer->packets[writer->part % PARTS] = log->packets;
        buffer_append(&writer->pending, writer->header.data, writer->header.size);
        qlog_carry_write(log, &part, &writer->pending);
    }
    qlog_reader_clear(&reader);
    return whole;
}

/* Before the next one begins, so that there are never more bytes than are allowed. */
static void drop_oldest(struct qlog_writer *writer)
{
    if (writer->part - writer->oldest + 1 < PARTS)
        return;
    uint64_t packets = writer->packets[writer->oldest % PARTS];
    losses_add_rotated(packets - writer->packets_dropped);
    writer->packets_dropped = packets;
    remove_oldest(writer);
}

static void open_part(struct qlog_writer *writer)
{
    close(writer->fd);
    free(writer->path);
    writer->path = path_of(writer, ++writer->part);
    writer->fd = open(writer->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    writer->size = writer->pending.size;
    /* Where much is repeated, a part has as much room for what is new. */
    writer->room = writer->limit / PARTS;
    if (writer->room < 2 * writer->size)
        writer->room = 2 * writer->size;
    if (writer->fd < 0)
        give_up(writer, strerror(errno));
    else
        qlog_writer_flush(writer);
}

static void rotate(struct qlog_writer *writer)
{
    qlog_writer_flush(writer);
    if (writer->fd < 0)
        return;
    drop_oldest(writer);
    if (begin_part(writer))
        open_part(writer);
    else
        give_up(writer, "it cannot be read back, to be gone on with in another part");
}

/* --- Records --- */

static void take(struct qlog_writer *writer, struct bytes record)
{
    if (writer->limit > 0 && writer->size + record.size > writer->room && writer->fd >= 0 &&
        writer->begun)
        rotate(writer);
    if (writer->fd < 0)
        return;
    buffer_append(&writer->pending, record.data, record.size);
    writer->size += record.size;
    if (writer->pending.size >= FLUSH_SIZE)
        qlog_writer_flush(writer);
}

void qlog_writer_record(struct qlog_writer *writer, struct bytes record)
{
    if (record.size == 0 || writer->begun) {
        take(writer, record);
        return;
    }
    make_header(&writer->header, record);
    take(writer, buffer_bytes(&writer->header));
    writer->begun = true;
    if (writer->limit == 0)
        buffer_clear(&writer->header);
}

/* --- Events of ours --- */

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
    struct buffer event = {0};
    qlog_event_append(&event, json_integer((json_int_t)time_ms), name, data_json(fields, count));
    take(writer, buffer_bytes(&event));
    buffer_clear(&event);
}
