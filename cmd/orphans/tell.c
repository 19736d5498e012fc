#include "cmd/orphans/orphans.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/verdict/undecidable.h"

void findings_init(struct findings *findings)
{
    *findings = (struct findings){.troubles = json_array(), .skipped = json_array()};
}

void findings_clear(struct findings *findings)
{
    json_decref(findings->troubles);
    json_decref(findings->skipped);
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

/* How each kind is told, around its text. */
static const struct {
    enum log_level level;
    const char *before, *behind;
} manners[] = {
    [QLOG_REMARK_NOTE] = {LOG_WARN, "", ""},
    [QLOG_REMARK_ANEW] = {LOG_INFO, "", ""},
    [QLOG_REMARK_SKIPPED] = {LOG_INFO, "skipped: ", ""},
    [QLOG_REMARK_NOT_YET] = {LOG_WARN, "", " (it is read once it can be)"},
    [QLOG_REMARK_TROUBLE] = {LOG_ERROR, "", ""},
    [QLOG_REMARK_UNWATCHED] = {LOG_WARN, "", "; looking again every second instead"},
};

void tell_remark(void *context, enum qlog_remark_kind kind, const char *path, const char *text)
{
    (void)context;
    char *line = text_format("%s%s%s%s%s", path != NULL ? path : "", path != NULL ? ": " : "",
                             manners[kind].before, text, manners[kind].behind);
    char *safe = utf8_safe_text(bytes_of_text(line));
    log_write(manners[kind].level, "%s", safe);
    free(safe);
    free(line);
}

void note_remark(void *context, enum qlog_remark_kind kind, const char *path, const char *text)
{
    const struct findings *findings = context;
    tell_remark(NULL, kind, path, text);
    if (kind == QLOG_REMARK_TROUBLE)
        json_array_append_new(findings->troubles, make_trouble(path, text));
    else if (kind == QLOG_REMARK_SKIPPED)
        json_array_append_new(findings->skipped, make_note(path, "reason", text));
}

void tell_reading(struct findings *findings, const struct qlog_found *file,
                  const struct qlog_reading *reading)
{
    for (size_t i = 0; i < reading->note_count; i++)
        note_remark(findings, QLOG_REMARK_NOTE, file->path, reading->notes[i]);
    if (reading->outcome == QLOG_NOT_A_LOG && !file->named)
        note_remark(findings, QLOG_REMARK_SKIPPED, file->path, reading->error.text);
    else if (reading->outcome != QLOG_READ)
        note_remark(findings, QLOG_REMARK_TROUBLE, file->path, reading->error.text);
}

/* Of several connections in one file, the first tells. */
static void tell_once(struct findings *findings, json_t *told, const char *path, const char *why)
{
    if (json_object_get(told, path) != NULL)
        return;
    json_object_set_new_nocheck(told, path, json_true());
    note_remark(findings, QLOG_REMARK_TROUBLE, path, why);
}

void tell_undecidable(struct findings *findings, const struct qlog_connections *connections)
{
    json_t *told = json_object();
    for (size_t i = 0; i < connections->count; i++) {
        const struct qlog_connection *connection = connections->items[i];
        for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++) {
            const char *why = qlog_why_undecidable(connection, (enum qlog_role)end);
            if (why != NULL)
                tell_once(findings, told, connection->ends[end]->path, why);
        }
    }
    json_decref(told);
    if (connections->count == 0 && json_array_size(findings->troubles) == 0) {
        log_error("no QUIC log was found in what was named");
        json_array_append_new(findings->troubles,
                              json_pack("{s:s}", "message", "no QUIC log was found"));
    }
}
