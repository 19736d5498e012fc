#include "net/qlog/rotated.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { LOOKS_MAX = 5 };

struct reading_on {
    struct qlog_search *search;
    struct qlog_reading *readings; /* one a file */
    unsigned jobs;
};

/* ---- which part of which log, by the names that the writer gives them ---- */

struct part {
    size_t stem; /* bytes of the path that all parts share: the connection and whose log it is */
    unsigned long long number;
};

static bool parse_part(const char *path, struct part *part)
{
    static const char end[] = ".sqlog", before[] = ".part";
    const size_t end_size = sizeof(end) - 1, before_size = sizeof(before) - 1;
    size_t size = strlen(path);
    if (size < end_size || strcmp(path + size - end_size, end) != 0)
        return false;
    size -= end_size;
    *part = (struct part){.stem = size, .number = 1};
    size_t digits = size;
    while (digits > 0 && isdigit((unsigned char)path[digits - 1]))
        digits--;
    if (digits == size || digits < before_size ||
        strncmp(path + digits - before_size, before, before_size) != 0)
        return true;
    *part =
        (struct part){.stem = digits - before_size, .number = strtoull(path + digits, NULL, 10)};
    return true;
}

static bool is_newer(const char *path, const char *than)
{
    struct part part, other;
    return parse_part(path, &part) && parse_part(than, &other) && part.stem == other.stem &&
           memcmp(path, than, part.stem) == 0 && part.number > other.number;
}

/* ---- who is gone ---- */

static bool is_gone(const struct reading_on *on, size_t index)
{
    const struct qlog_reading *reading = &on->readings[index];
    return !on->search->files[index].named && reading->outcome == QLOG_FAILED &&
           reading->error.kind == ERROR_NOT_FOUND;
}

static bool is_made_up_for(const struct reading_on *on, size_t index)
{
    for (size_t i = 0; i < on->search->count; i++)
        if (on->readings[i].outcome == QLOG_READ &&
            is_newer(on->search->files[i].path, on->search->files[index].path))
            return true;
    return false;
}

/* ---- another look ---- */

/* Whoever searched has heard of all but the logs. */
static void hear_nothing(void *context, enum qlog_remark_kind kind, const char *path,
                         const char *text)
{
    (void)context, (void)kind, (void)path, (void)text;
}

static bool is_known(const struct qlog_search *search, const char *path)
{
    for (size_t i = 0; i < search->count; i++)
        if (strcmp(search->files[i].path, path) == 0)
            return true;
    return false;
}

/* The newer parts of the log of PATH that are in its folder now, and not in SEARCH. */
static struct qlog_search find_newer(const struct qlog_search *search, const char *path)
{
    struct qlog_search found = {.handler = hear_nothing};
    const char *slash = strrchr(path, '/');
    char *folder =
        slash != NULL ? text_format("%.*s", (int)(slash - path) + 1, path) : text_copy(".");
    qlog_search_path(&found, folder);
    free(folder);
    size_t kept = 0;
    for (size_t i = 0; i < found.count; i++)
        if (is_newer(found.files[i].path, path) && !is_known(search, found.files[i].path))
            found.files[kept++] = found.files[i];
        else
            free(found.files[i].path);
    found.count = kept;
    return found;
}

/* Takes the files of FOUND. */
static void add(struct reading_on *on, struct qlog_search *found)
{
    struct qlog_search *search = on->search;
    struct qlog_reading *readings = qlog_read_files(found, on->jobs, NULL);
    size_t count = search->count + found->count;
    search->files = memory_resize(search->files, (count + 1) * sizeof(*search->files));
    on->readings = memory_resize(on->readings, (count + 1) * sizeof(*on->readings));
    for (size_t i = 0; i < found->count; i++) {
        search->files[search->count] = found->files[i];
        on->readings[search->count++] = readings[i];
    }
    found->count = 0;
    free(readings);
}

/* False where nothing has come. */
static bool look_again(struct reading_on *on)
{
    bool more = false;
    for (size_t i = 0, count = on->search->count; i < count; i++) {
        if (!is_gone(on, i) || is_made_up_for(on, i))
            continue;
        struct qlog_search found = find_newer(on->search, on->search->files[i].path);
        more |= found.count > 0;
        add(on, &found);
        qlog_search_clear(&found);
    }
    return more;
}

static void take_out_gone(struct reading_on *on)
{
    struct qlog_search *search = on->search;
    bool *out = memory_new((search->count + 1) * sizeof(*out));
    size_t kept = 0;
    for (size_t i = 0; i < search->count; i++)
        out[i] = is_gone(on, i) && is_made_up_for(on, i);
    for (size_t i = 0; i < search->count; i++) {
        if (out[i]) {
            free(search->files[i].path);
            qlog_reading_clear(&on->readings[i]);
            continue;
        }
        search->files[kept] = search->files[i];
        on->readings[kept++] = on->readings[i];
    }
    search->count = kept;
    free(out);
}

struct qlog_reading *qlog_read_rotated(struct qlog_search *search, unsigned jobs,
                                       const struct qlog_progress *progress)
{
    struct reading_on on = {.search = search, .jobs = jobs};
    on.readings = qlog_read_files(search, jobs, progress);
    for (int looks = 0; looks < LOOKS_MAX && look_again(&on); looks++)
        continue;
    take_out_gone(&on);
    return on.readings;
}
