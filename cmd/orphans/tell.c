#include "cmd/orphans/orphans.h"

#include <stdlib.h>
#include <string.h>

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

/* Whether what is none was meant to be one: its name says so, or its beginning. A disk that was
 * full leaves such files, and who packed them in another way. */
static bool should_be_a_log(const struct qlog_found *file, const struct qlog_reading *reading)
{
    const char *slash = strrchr(file->path, '/'), *name = slash != NULL ? slash + 1 : file->path;
    return strstr(name, "qlog") != NULL || reading->ends_early;
}

static void tell_trace_error(struct findings *findings, const char *path, size_t index,
                             const char *why)
{
    char *text = text_format("trace %zu of it is an error in place of events: %s", index + 1, why);
    note_remark(findings, QLOG_REMARK_TROUBLE, path, text);
    free(text);
}

void tell_reading(struct findings *findings, const struct qlog_found *file,
                  const struct qlog_reading *reading)
{
    for (size_t i = 0; i < reading->note_count; i++)
        note_remark(findings, QLOG_REMARK_NOTE, file->path, reading->notes[i]);
    for (size_t i = 0; i < reading->log_count; i++)
        if (reading->logs[i]->trace_error != NULL)
            tell_trace_error(findings, file->path, i, reading->logs[i]->trace_error);
    if (reading->outcome == QLOG_NOT_A_LOG && !file->named && !should_be_a_log(file, reading))
        note_remark(findings, QLOG_REMARK_SKIPPED, file->path, reading->error.text);
    else if (reading->outcome != QLOG_READ)
        note_remark(findings, QLOG_REMARK_TROUBLE, file->path, reading->error.text);
}

/* Several connections in one file may have the same to tell. */
static void tell_once(struct findings *findings, json_t *told, const char *path, const char *why)
{
    char *key = text_format("%s\n%s", path, why);
    if (json_object_get(told, key) == NULL) {
        json_object_set_new_nocheck(told, key, json_true());
        note_remark(findings, QLOG_REMARK_TROUBLE, path, why);
    }
    free(key);
}

/* The paths that there is trouble with, as members: a log that could not be read to its end is
 * trouble already, for that reason. */
static json_t *troubled_paths(const struct findings *findings)
{
    json_t *paths = json_object(), *trouble;
    size_t i;
    json_array_foreach(findings->troubles, i, trouble)
    {
        json_object_set_new_nocheck(paths, json_string_value(json_object_get(trouble, "path")),
                                    json_true());
    }
    return paths;
}

static bool is_troubled(const json_t *paths, const char *path)
{
    char *safe = utf8_safe_text(bytes_of_text(path));
    bool found = json_object_get(paths, safe) != NULL;
    free(safe);
    return found;
}

static void tell_copies(struct findings *findings, const struct qlog_connections *connections)
{
    for (size_t i = 0; i < connections->copy_count; i++) {
        const struct qlog_copy *copy = &connections->copies[i];
        char *text = text_format("%s says all of it, too", copy->of->path);
        note_remark(findings, QLOG_REMARK_SKIPPED, copy->log->path, text);
        free(text);
    }
}

void tell_undecidable(struct findings *findings, const struct qlog_connections *connections)
{
    json_t *told = json_object(), *troubled = troubled_paths(findings);
    for (size_t i = 0; i < connections->count; i++) {
        const struct qlog_connection *connection = connections->items[i];
        for (unsigned place = 0; place < QLOG_PLACES; place++) {
            char *why = qlog_why_undecidable(connection, place);
            const char *path = why != NULL ? qlog_log_at(connection, place)->path : NULL;
            if (why != NULL && !is_troubled(troubled, path))
                tell_once(findings, told, path, why);
            free(why);
        }
    }
    json_decref(troubled);
    json_decref(told);
    tell_copies(findings, connections);
    if (connections->count == 0 && json_array_size(findings->troubles) == 0) {
        log_error("no QUIC log was found in what was named");
        json_array_append_new(findings->troubles,
                              json_pack("{s:s}", "message", "no QUIC log was found"));
    }
}
