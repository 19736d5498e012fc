#include "cmd/orphans/orphans.h"

#include <stdlib.h>

#include "common/memory.h"
#include "common/utf8.h"

void tell(enum log_level level, const char *path, const char *text)
{
    char *line = text_format("%s: %s", path, text);
    char *safe = utf8_safe_text(bytes_of_text(line));
    log_write(level, "%s", safe);
    free(safe);
    free(line);
}

static json_t *make_note(const char *path, const char *key, const char *text)
{
    char *safe_path = utf8_safe_text(bytes_of_text(path));
    char *safe_text = utf8_safe_text(bytes_of_text(text));
    json_t *note = json_pack("{s:s, s:s}", "path", safe_path, key, safe_text);
    free(safe_path);
    free(safe_text);
    return note;
}

json_t *make_trouble(const char *path, const char *message)
{
    return make_note(path, "message", message);
}

void tell_trouble(struct search *search, const char *path, const char *message)
{
    if (!search->silent)
        tell(LOG_ERROR, path, message);
    json_array_append_new(search->troubles, make_trouble(path, message));
}

void tell_skipped(struct search *search, const char *path, const char *reason)
{
    char *text = text_format("skipped: %s", reason);
    if (!search->silent)
        tell(LOG_INFO, path, text);
    free(text);
    json_array_append_new(search->skipped, make_note(path, "reason", reason));
}

void tell_reading(struct search *search, const struct log_file *file,
                  const struct qlog_reading *reading)
{
    for (size_t i = 0; i < reading->note_count; i++)
        tell(LOG_WARN, file->path, reading->notes[i]);
    if (reading->outcome == QLOG_NOT_A_LOG && !file->named)
        tell_skipped(search, file->path, reading->error.text);
    else if (reading->outcome != QLOG_READ)
        tell_trouble(search, file->path, reading->error.text);
}

bool has_trouble(const json_t *troubles, const json_t *trouble)
{
    size_t i;
    const json_t *known;
    json_array_foreach(troubles, i, known)
    {
        if (json_equal(known, trouble))
            return true;
    }
    return false;
}

/* A log without frames proves nothing, unless the other end's log has them. */
const char *why_undecidable(const struct qlog_connection *connection, enum qlog_role end)
{
    const struct qlog_log *log = connection->ends[end];
    const struct qlog_log *other = connection->ends[qlog_other(end)];
    if (log == NULL || log->frames > 0 || (other != NULL && other->frames > 0) ||
        qlog_log_never_began(log))
        return NULL;
    return log->packets > 0
               ? "its packets are logged without their frames: whether streams were orphaned "
                 "cannot be told from it"
               : "holds no packets: whether streams were orphaned cannot be told from it";
}

/* Of several connections in one file, the first tells. */
static void tell_once(struct search *search, json_t *told, const char *path, const char *why)
{
    if (json_object_get(told, path) != NULL)
        return;
    json_object_set_new_nocheck(told, path, json_true());
    tell_trouble(search, path, why);
}

void tell_undecidable(struct search *search, const struct qlog_connections *connections)
{
    json_t *told = json_object();
    for (size_t i = 0; i < connections->count; i++) {
        const struct qlog_connection *connection = connections->items[i];
        for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++) {
            const char *why = why_undecidable(connection, (enum qlog_role)end);
            if (why != NULL)
                tell_once(search, told, connection->ends[end]->path, why);
        }
    }
    json_decref(told);
    if (connections->count == 0 && json_array_size(search->troubles) == 0) {
        log_error("no QUIC log was found in what was named");
        json_array_append_new(search->troubles,
                              json_pack("{s:s}", "message", "no QUIC log was found"));
    }
}
