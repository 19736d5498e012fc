/*
 * Logs that are followed while they grow. The input is a run of steps, each a byte that says what
 * happens and one that says how much, and behind them the log. It is written in pieces of any size,
 * and between them looked at, rotated or cut to nothing. Where that loses nothing, what comes out
 * is what comes out of the log read whole.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "common/memory.h"
#include "net/qlog/followed_files.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/qlog_mutator.h"
#include "tests/fuzz/qlog_report_text.h"

enum { STEPS = 24, SCRIPT_SIZE = 2 * STEPS, NEWS_MAX = 4 * STEPS, ROUNDS_MAX = 64 };

/* --- In place of inotify(7): it would take milliseconds an input to end --- */

struct file_watch {
    struct {
        enum file_watch_event event;
        char *path;
    } news[NEWS_MAX];
    size_t count;
};

struct file_watch *file_watch_new(struct error *error)
{
    (void)error;
    return memory_new(sizeof(struct file_watch));
}

void file_watch_read(struct file_watch *watch, file_watch_handler *handler, void *context)
{
    for (size_t i = 0; i < watch->count; i++) {
        handler(context, watch->news[i].event, watch->news[i].path);
        free(watch->news[i].path);
    }
    watch->count = 0;
}

static void no_news(void *context, enum file_watch_event event, const char *path)
{
    (void)context;
    (void)event;
    (void)path;
}

void file_watch_free(struct file_watch *watch)
{
    file_watch_read(watch, no_news, NULL);
    free(watch);
}

int file_watch_descriptor(const struct file_watch *watch)
{
    (void)watch;
    return -1;
}

bool file_watch_add(struct file_watch *watch, const char *path, struct error *error)
{
    (void)watch;
    (void)path;
    (void)error;
    return true;
}

size_t file_watch_count(const struct file_watch *watch)
{
    (void)watch;
    return 0;
}

/* --- The log as its writer has it --- */

struct scene {
    struct qlog_followed_files files;
    char *path; /* where the log is written to */
    unsigned rotated;
    struct bytes all, left; /* the log, and what was not written yet */
    struct bytes part;      /* what stands in the file now */
    size_t read;            /* how much of it was there at the last look */
    uint64_t before;        /* what was read of the file before it was cut to nothing */
    bool there;             /* the file is */
    bool known;             /* and was seen, and it is clear whether the log goes on in it */
    bool whole;             /* nothing was lost until now */
    bool moved;             /* rotated, or cut to nothing */
};

static char *folder;

static void remove_folder(void)
{
    rmdir(folder);
}

static void make_folder(void)
{
    const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    folder = text_format("%s/fuzz-follow-XXXXXX", root);
    require(mkdtemp(folder) != NULL);
    atexit(remove_folder);
    stderr = fopen("/dev/null", "w"); /* libFuzzer has its own */
}

static void tell_watch(struct scene *scene, enum file_watch_event event, const char *path)
{
    struct file_watch *watch = scene->files.watch;
    if (watch->count == NEWS_MAX)
        return;
    watch->news[watch->count].event = event;
    watch->news[watch->count++].path = path != NULL ? text_copy(path) : NULL;
}

static char *rotated_path(const struct scene *scene, unsigned number)
{
    return text_format("%s.%u", scene->path, number);
}

static void append(struct scene *scene, size_t size)
{
    int descriptor = open(scene->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct bytes piece =
        bytes_of(scene->left.data, size < scene->left.size ? size : scene->left.size);
    require(descriptor >= 0);
    require(write(descriptor, piece.data, piece.size) == (ssize_t)piece.size);
    close(descriptor);
    if (scene->part.size == 0)
        scene->part.data = piece.data;
    scene->part.size += piece.size;
    scene->left = bytes_after(scene->left, piece.size);
    tell_watch(scene, scene->there ? FILE_WRITTEN : FILE_MOVED, scene->path);
    scene->there = true;
}

static bool has_header(struct bytes text)
{
    static const char *const names[] = {"\"qlog_version\"", "\"qlog_format\"", "\"file_schema\""};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (memmem(text.data, text.size, names[i], strlen(names[i])) != NULL)
            return true;
    return false;
}

/* Whether a file with PART of a log shows that it goes on one that began elsewhere. */
static bool goes_on(struct bytes part)
{
    size_t sight = part.size < QLOG_HEADER_SIGHT ? part.size : QLOG_HEADER_SIGHT;
    return part.size > 0 && (*part.data == '{' || *part.data == QLOG_RECORD_SEPARATOR) &&
           !has_header(part) &&
           (sight == QLOG_HEADER_SIGHT || memchr(part.data, '\n', sight) != NULL);
}

static bool begins(const struct scene *scene)
{
    return scene->part.data == scene->all.data;
}

static void look(struct scene *scene)
{
    unsigned rounds = 0;
    qlog_followed_files_hear(&scene->files);
    while (qlog_followed_files_read(&scene->files))
        require(++rounds < ROUNDS_MAX);
    if (!scene->there)
        return;
    /* Cut to nothing and grown beyond what it was: that cannot be seen for certain. */
    if (!scene->known && scene->before > 0 && scene->part.size >= scene->before)
        scene->whole = false;
    scene->known = scene->known || begins(scene) || goes_on(scene->part);
    scene->read = scene->part.size;
}

/* What was written since the last look would not be known to belong to it. */
static void begin_part(struct scene *scene)
{
    scene->whole = scene->whole && scene->known;
    scene->moved = true;
    scene->known = false;
    scene->part = bytes_of(scene->left.data, 0);
}

static void rotate(struct scene *scene)
{
    if (!scene->there)
        return;
    char *path = rotated_path(scene, ++scene->rotated);
    require(rename(scene->path, path) == 0);
    tell_watch(scene, FILE_MOVED, scene->path);
    tell_watch(scene, FILE_MOVED, path);
    free(path);
    begin_part(scene);
    scene->there = false;
    scene->before = 0;
}

static void cut(struct scene *scene)
{
    if (!scene->there)
        return;
    require(truncate(scene->path, 0) == 0);
    tell_watch(scene, FILE_WRITTEN, scene->path);
    scene->whole = scene->whole && scene->read == scene->part.size;
    scene->before = scene->read;
    begin_part(scene);
    scene->read = 0;
}

static void delete (struct scene *scene)
{
    if (!scene->there)
        return;
    require(unlink(scene->path) == 0);
    tell_watch(scene, FILE_MOVED, scene->path);
    begin_part(scene);
    scene->there = scene->whole = false;
}

static void step(struct scene *scene, uint8_t what, uint8_t amount)
{
    switch (what % 16) {
    case 8:
        rotate(scene);
        break;
    case 9:
        cut(scene);
        break;
    case 10:
        if (amount == 0)
            delete (scene);
        break;
    case 11:
        tell_watch(scene, FILES_MISSED, NULL);
        break;
    case 12:
    case 13:
    case 14:
    case 15:
        look(scene);
        break;
    default:
        append(scene, what % 8 < 4 ? amount : 64 * (size_t)amount);
    }
}

static void no_remark(void *context, enum qlog_remark_kind kind, const char *path, const char *text)
{
    (void)context;
    (void)kind;
    (void)path;
    (void)text;
}

/* --- What comes of it --- */

/* As of a log that grew just now; how it is called does not matter. */
static void prepare(struct qlog_log *log)
{
    free(log->path);
    log->path = text_copy("log");
    log->followed = true;
    log->quiet = 0;
}

static char *report_of(const struct qlog_reader *reader)
{
    for (size_t i = 0; i < reader->log_count; i++)
        prepare(reader->logs[i]);
    return qlog_report_text(reader->logs, reader->log_count);
}

/* Of all files, one after the other. */
static char *report_all(const struct qlog_followed_files *files)
{
    const struct qlog_followed_file *file;
    char *all = text_copy("");
    DL_FOREACH(files->all, file)
    {
        if (file->log->reader.log_count == 0)
            continue;
        char *report = report_of(&file->log->reader), *longer = text_format("%s%s", all, report);
        free(all);
        free(report);
        all = longer;
    }
    return all;
}

/* NULL where it depends on the blocks what comes of it, or reading stops. */
static char *report_whole(const struct scene *scene)
{
    struct qlog_reader reader;
    struct error error = {.text = ""};
    char *report = NULL;
    qlog_reader_init(&reader, "log", NULL, NULL);
    bool read = scene->all.size == 0 || qlog_reader_feed(&reader, scene->all, &error);
    bool damaged = reader.unpacker != NULL && !read;
    if (!damaged && (read || !scene->moved))
        report = reader.not_a_log || reader.log_count == 0 ? text_copy("") : report_of(&reader);
    qlog_reader_clear(&reader);
    return report;
}

static void check(struct scene *scene)
{
    char *report = report_all(&scene->files);
    char *expected = scene->whole && (begins(scene) || scene->known) ? report_whole(scene) : NULL;
    require(expected == NULL || strcmp(report, expected) == 0);
    /* Nothing has changed since. */
    tell_watch(scene, FILES_MISSED, NULL);
    look(scene);
    char *again = report_all(&scene->files);
    require(strcmp(report, again) == 0);
    free(again);
    free(expected);
    free(report);
}

static void remove_files(const struct scene *scene)
{
    unlink(scene->path);
    for (unsigned i = 1; i <= scene->rotated; i++) {
        char *path = rotated_path(scene, i);
        unlink(path);
        free(path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (folder == NULL)
        make_folder();
    if (size < SCRIPT_SIZE)
        return 0;
    struct bytes all = bytes_of(data + SCRIPT_SIZE, size - SCRIPT_SIZE);
    struct scene scene = {.path = text_format("%s/log", folder),
                          .all = all,
                          .left = all,
                          .part = bytes_of(all.data, 0),
                          .whole = true};
    struct error error;
    require(qlog_followed_files_init(&scene.files, &folder, 1, no_remark, NULL, &error));
    for (size_t i = 0; i < STEPS; i++)
        step(&scene, data[2 * i], data[2 * i + 1]);
    if (scene.left.size > 0)
        append(&scene, scene.left.size);
    look(&scene);
    check(&scene);
    qlog_followed_files_clear(&scene.files);
    remove_files(&scene);
    free(scene.path);
    return 0;
}

/* Changes the steps, or the log. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed)
{
    if (size < SCRIPT_SIZE || limit < SCRIPT_SIZE)
        return LLVMFuzzerMutate(data, size, limit);
    if (seed % 2 == 0)
        return SCRIPT_SIZE +
               qlog_mutate(data + SCRIPT_SIZE, size - SCRIPT_SIZE, limit - SCRIPT_SIZE, seed);
    LLVMFuzzerMutate(data, SCRIPT_SIZE, SCRIPT_SIZE);
    return size;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
                                 size_t other_size, uint8_t *output, size_t limit, unsigned seed)
{
    if (size < SCRIPT_SIZE || other_size < SCRIPT_SIZE || limit < SCRIPT_SIZE)
        return 0;
    memcpy(output, data, SCRIPT_SIZE);
    return SCRIPT_SIZE + qlog_splice(data + SCRIPT_SIZE, size - SCRIPT_SIZE, other + SCRIPT_SIZE,
                                     other_size - SCRIPT_SIZE, output + SCRIPT_SIZE,
                                     limit - SCRIPT_SIZE, seed);
}
