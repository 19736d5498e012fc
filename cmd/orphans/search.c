#include "cmd/orphans/orphans.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/utf8.h"

/* What a log or a file's name holds is not let through to the terminal as it is. */
static void tell(enum log_level level, const char *path, const char *text)
{
    char *line = text_format("%s: %s", path, text);
    char *safe = utf8_safe_text(bytes_of_text(line));
    log_write(level, "%s", safe);
    free(safe);
    free(line);
}

static void add(json_t *list, const char *path, const char *key, const char *text)
{
    char *safe_path = utf8_safe_text(bytes_of_text(path));
    char *safe_text = utf8_safe_text(bytes_of_text(text));
    json_array_append_new(list, json_pack("{s:s, s:s}", "path", safe_path, key, safe_text));
    free(safe_path);
    free(safe_text);
}

static void trouble(struct search *search, const char *path, const char *message)
{
    tell(LOG_ERROR, path, message);
    add(search->troubles, path, "message", message);
}

static void skip(struct search *search, const char *path, const char *reason)
{
    char *text = text_format("skipped: %s", reason);
    tell(LOG_INFO, path, text);
    free(text);
    add(search->skipped, path, "reason", reason);
}

static void note(void *context, const char *path, const char *text)
{
    (void)context;
    tell(LOG_WARN, path, text);
}

static void read_log(struct search *search, const char *path, bool named)
{
    struct qlog_reader reader;
    struct error error = {{0}};
    qlog_reader_init(&reader, path, note, search);
    enum qlog_outcome outcome = qlog_reader_file(&reader, &error);
    if (outcome == QLOG_NOT_A_LOG && !named) {
        skip(search, path, error.text);
    } else if (outcome != QLOG_READ) {
        trouble(search, path, error.text);
    }
    if (outcome != QLOG_NOT_A_LOG) {
        const char *duplicate = NULL;
        search->files++;
        if (!qlog_connections_add(&search->connections, &reader, &duplicate))
            skip(search, path, "the same as a log that has been read");
    }
    qlog_reader_clear(&reader);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void search_entry(struct search *search, const char *path, unsigned depth);

static void search_folder(struct search *search, const char *path, unsigned depth)
{
    if (depth == FOLDER_DEPTH_LIMIT) {
        trouble(search, path, "folders are nested deeper than 16 levels: name this one itself");
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, is_entry, by_name);
    if (count < 0) {
        trouble(search, path, strerror(errno));
        return;
    }
    for (int i = 0; i < count; i++) {
        size_t end = strlen(path);
        const char *slash = end > 0 && path[end - 1] == '/' ? "" : "/";
        char *entry = text_format("%s%s%s", path, slash, entries[i]->d_name);
        search_entry(search, entry, depth + 1);
        free(entry);
        free(entries[i]);
    }
    free(entries);
}

/* Links are followed to files but not to folders, which may lead in a circle. */
static void search_entry(struct search *search, const char *path, unsigned depth)
{
    struct stat about;
    bool named = depth == 0;
    if ((named ? stat(path, &about) : lstat(path, &about)) != 0) {
        trouble(search, path, strerror(errno));
        return;
    }
    bool link = S_ISLNK(about.st_mode);
    if (link && stat(path, &about) != 0) {
        skip(search, path, strerror(errno));
        return;
    }
    if (S_ISDIR(about.st_mode) && !link)
        search_folder(search, path, depth);
    else if (S_ISREG(about.st_mode) || named)
        read_log(search, path, named);
    else
        skip(search, path, "neither a file nor a folder");
}

void search_path(struct search *search, const char *path)
{
    search_entry(search, path, 0);
}

/* A log without frames proves nothing, unless the other end's log has them. Of several connections
 * in one file, the first tells: TOLD has the paths. */
static void judge_log(struct search *search, const struct qlog_connection *connection,
                      enum qlog_role role, json_t *told)
{
    const struct qlog_log *log = connection->ends[role];
    const struct qlog_log *other = connection->ends[qlog_other(role)];
    if (log == NULL || log->frames > 0 || (other != NULL && other->frames > 0) ||
        qlog_log_never_began(log) || json_object_get(told, log->path) != NULL)
        return;
    json_object_set_new_nocheck(told, log->path, json_true());
    if (log->packets > 0)
        trouble(search, log->path,
                "its packets are logged without their frames: whether streams were orphaned "
                "cannot be told from it");
    else
        trouble(search, log->path,
                "holds no packets: whether streams were orphaned cannot be told from it");
}

void search_undecidable(struct search *search)
{
    json_t *told = json_object();
    for (size_t i = 0; i < search->connections.count; i++) {
        judge_log(search, search->connections.items[i], QLOG_CLIENT, told);
        judge_log(search, search->connections.items[i], QLOG_SERVER, told);
    }
    json_decref(told);
    if (search->files == 0 && json_array_size(search->troubles) == 0) {
        log_error("no QUIC log was found in what was named");
        json_array_append_new(search->troubles,
                              json_pack("{s:s}", "message", "no QUIC log was found"));
    }
}

void search_clear(struct search *search)
{
    qlog_connections_clear(&search->connections);
    json_decref(search->troubles);
    json_decref(search->skipped);
}
