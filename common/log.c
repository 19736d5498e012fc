#include "common/log.h"

#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/utf8.h"

enum {
    LINE_SIZE = 2048,
    PATIENCE_MS = 100, /* with a reader that falls asleep, once */
};

static struct {
    const char *program;
    enum log_level level;
    bool json;
} settings = {.program = "devnet", .level = LOG_WARN};

const char *const log_level_names[] = {"error", "warn", "info", "debug", "trace", NULL};
const char *const log_format_names[] = {"text", "json", NULL};

void log_init(const char *program, enum log_level level, bool json)
{
    settings.program = program;
    settings.level = level;
    settings.json = json;
}

bool log_enabled(enum log_level level)
{
    return level <= settings.level;
}

/* A log that nobody reads must not stop the program: lines are lost instead. */
static bool somebody_reads(void)
{
    static bool asleep;
    struct pollfd entry = {.fd = STDERR_FILENO, .events = POLLOUT};
    asleep = poll(&entry, 1, asleep ? 0 : PATIENCE_MS) != 1;
    return !asleep;
}

static void write_json(enum log_level level, const char *line)
{
    json_t *record =
        json_pack("{s:I, s:s, s:s, s:s}", "time", (json_int_t)clock_epoch_ms(), "level",
                  log_level_names[level], "program", settings.program, "message", line);
    if (record == NULL)
        return;
    json_dumpf(record, stderr, JSON_COMPACT);
    fputc('\n', stderr);
    json_decref(record);
}

void log_write(enum log_level level, const char *format, ...)
{
    if (!log_enabled(level) || !somebody_reads())
        return;
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    char *safe = utf8_safe_text(bytes_of_text(line)); /* much of it comes from elsewhere */
    if (settings.json)
        write_json(level, safe);
    else
        fprintf(stderr, "%s: %s%s%s\n", settings.program,
                level == LOG_ERROR ? "" : log_level_names[level], level == LOG_ERROR ? "" : ": ",
                safe);
    free(safe);
}
