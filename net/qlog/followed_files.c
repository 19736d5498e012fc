#include "net/qlog/followed_files.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <utlist.h>

#include "common/memory.h"

static void remark(const struct qlog_followed_files *files, enum qlog_remark_kind kind,
                   const char *path, const char *text)
{
    files->handler(files->context, kind, path, text);
}

static void note(void *context, const char *path, const char *text)
{
    remark(context, QLOG_REMARK_NOTE, path, text);
}

bool qlog_followed_files_init(struct qlog_followed_files *files, char *const *operands,
                              size_t count, qlog_remark_handler *handler, void *context,
                              struct error *error)
{
    *files = (struct qlog_followed_files){.operands = operands,
                                          .operand_count = count,
                                          .handler = handler,
                                          .context = context,
                                          .look_around = true};
    files->watch = file_watch_new(error);
    return files->watch != NULL;
}

static struct qlog_followed_file *add(struct qlog_followed_files *files, const char *path,
                                      const struct stat *about)
{
    struct qlog_followed_file *file = memory_new(sizeof(*file));
    file->log = qlog_followed_new(path, about, note, files);
    file->changed = file->seen = true;
    DL_APPEND(files->all, file);
    return file;
}

struct qlog_followed_file *qlog_followed_files_add_fed(struct qlog_followed_files *files,
                                                       const char *path)
{
    struct qlog_followed_file *file = add(files, path, NULL);
    file->changed = false;
    file->fed = true;
    return file;
}

static void free_file(struct qlog_followed_files *files, struct qlog_followed_file *file)
{
    DL_DELETE(files->all, file);
    qlog_followed_free(file->log);
    free(file->former);
    free(file->trouble);
    free(file);
}

void qlog_followed_files_drop(struct qlog_followed_files *files, struct qlog_followed_file *file)
{
    struct qlog_followed_file *other;
    DL_FOREACH(files->all, other)
    {
        if (other->predecessor == file)
            other->predecessor = NULL;
    }
    free_file(files, file);
}

void qlog_followed_files_clear(struct qlog_followed_files *files)
{
    struct qlog_followed_file *file, *next;
    HASH_CLEAR(hh_path, files->by_path);
    HASH_CLEAR(hh_place, files->by_place);
    DL_FOREACH_SAFE(files->all, file, next)
    {
        free_file(files, file);
    }
    file_watch_free(files->watch);
    qlog_search_clear(&files->found);
    qlog_remarks_clear(&files->not_found);
    qlog_remarks_clear(&files->troubles);
}

static struct qlog_followed_file *find_path(const struct qlog_followed_files *files,
                                            const char *path)
{
    struct qlog_followed_file *file;
    HASH_FIND(hh_path, files->by_path, path, strlen(path), file);
    return file;
}

/* It is a key, padding and all. */
static void set_place(struct qlog_file_place *place, const struct stat *about)
{
    memset(place, 0, sizeof(*place));
    place->device = about->st_dev;
    place->inode = about->st_ino;
}

static struct qlog_followed_file *find_place(const struct qlog_followed_files *files,
                                             const struct stat *about)
{
    struct qlog_file_place place;
    struct qlog_followed_file *file;
    set_place(&place, about);
    HASH_FIND(hh_place, files->by_place, &place, sizeof(place), file);
    return file;
}

/* "./logs/" and "logs" are one. */
static struct bytes plain_path(const char *path)
{
    while (path[0] == '.' && path[1] == '/' && path[2] != '\0')
        path += 2;
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    return bytes_of(path, size);
}

/* Whether PATH is an operand or below one: the folder of a named file has others in it. */
static bool is_wanted(const struct qlog_followed_files *files, const char *path)
{
    struct bytes plain = plain_path(path);
    for (size_t i = 0; i < files->operand_count; i++) {
        struct bytes operand = plain_path(files->operands[i]);
        bool below = plain.size > operand.size && plain.data[operand.size] == '/';
        if (bytes_equal(operand, bytes_of_text(".")) || bytes_equal(operand, bytes_of_text("/")) ||
            ((below || plain.size == operand.size) &&
             memcmp(plain.data, operand.data, operand.size) == 0))
            return true;
    }
    return false;
}

/* The file that was written to: a folder that several operands lead to is watched under one name
 * alone, and its files may be known by another. */
static struct qlog_followed_file *find_written(const struct qlog_followed_files *files,
                                               const char *path)
{
    struct qlog_followed_file *file = find_path(files, path);
    struct stat about;
    if (file == NULL && is_wanted(files, path) && stat(path, &about) == 0)
        file = find_place(files, &about);
    return file;
}

static void heard(void *context, enum file_watch_event event, const char *path)
{
    struct qlog_followed_files *files = context;
    struct qlog_followed_file *file = event == FILE_WRITTEN ? find_written(files, path) : NULL;
    if (file != NULL)
        file->changed = true;
    if (event == FILES_MISSED || (event == FILE_MOVED && is_wanted(files, path)))
        files->look_around = true;
}

void qlog_followed_files_hear(struct qlog_followed_files *files)
{
    file_watch_read(files->watch, heard, files);
}

/* --- Telling --- */

static void tell_file_trouble(struct qlog_followed_files *files, struct qlog_followed_file *file,
                              const char *text)
{
    if (file->trouble != NULL && strcmp(file->trouble, text) == 0)
        return;
    free(file->trouble);
    file->trouble = text_copy(text);
    qlog_remarks_add(&files->troubles, file->log->path, text);
    remark(files, QLOG_REMARK_TROUBLE, file->log->path, text);
}

void qlog_followed_files_tell(struct qlog_followed_files *files, struct qlog_followed_file *file)
{
    const struct qlog_followed *log = file->log;
    if (file->told || log->state == QLOG_FOLLOWED_ON || log->state == QLOG_FOLLOWED_RETIRED)
        return;
    file->told = true;
    if (log->state == QLOG_FOLLOWED_NO_LOG && !log->named)
        remark(files, QLOG_REMARK_SKIPPED, log->path, log->error.text);
    else
        tell_file_trouble(files, file, log->error.text);
}

/* What is wrong with names and folders is told when it is new; it may be mended yet. */
static void tell_not_found(const struct qlog_followed_files *files,
                           const struct qlog_remarks *before)
{
    for (size_t i = 0; i < files->not_found.count; i++) {
        const struct qlog_remark *trouble = &files->not_found.items[i];
        if (!qlog_remarks_has(before, trouble->path, trouble->text))
            remark(files, QLOG_REMARK_NOT_YET, trouble->path, trouble->text);
    }
}

/* --- Looking around --- */

static void watch_path(struct qlog_followed_files *files, const char *path)
{
    struct error error;
    if (file_watch_add(files->watch, path, &error))
        return;
    if (!files->unwatched_told)
        remark(files, QLOG_REMARK_UNWATCHED, NULL, error.text);
    files->unwatched = files->unwatched_told = true;
}

/* A file that is named may be replaced, or be no more than named yet: its folder tells. */
static void watch_all(struct qlog_followed_files *files)
{
    const struct qlog_search *found = &files->found;
    struct stat about;
    files->unwatched = false;
    for (size_t i = 0; i < found->folder_count; i++)
        watch_path(files, found->folders[i]);
    for (size_t i = 0; i < found->count; i++)
        if (found->files[i].named || found->files[i].link)
            watch_path(files, found->files[i].path);
    for (size_t i = 0; i < files->operand_count; i++) {
        char *copy = text_copy(files->operands[i]);
        const char *folder = dirname(copy);
        if (stat(folder, &about) == 0)
            watch_path(files, folder);
        else
            files->unwatched = true;
        free(copy);
    }
    files->unwatched_told &= files->unwatched;
}

static void keep_trouble(void *context, enum qlog_remark_kind kind, const char *path,
                         const char *text)
{
    struct qlog_followed_files *files = context;
    if (kind == QLOG_REMARK_TROUBLE)
        qlog_remarks_add(&files->not_found, path, text);
}

/* What comes into a folder before it is watched is seen by searching once more. */
static void search_again(struct qlog_followed_files *files)
{
    size_t watched;
    do {
        watched = file_watch_count(files->watch);
        qlog_search_clear(&files->found);
        qlog_remarks_clear(&files->not_found);
        files->found = (struct qlog_search){.handler = keep_trouble, .context = files};
        for (size_t i = 0; i < files->operand_count; i++)
            qlog_search_path(&files->found, files->operands[i]);
        qlog_search_end(&files->found);
        watch_all(files);
    } while (file_watch_count(files->watch) > watched);
}

static void rename_file(struct qlog_followed_file *file, const char *path)
{
    if (strcmp(file->log->path, path) == 0)
        return;
    free(file->former);
    file->former = file->log->path;
    file->log->path = text_copy(path);
    file->log->reader.path = file->log->path;
}

static void enter(struct qlog_followed_files *files, struct qlog_followed_file *file,
                  const struct stat *about)
{
    set_place(&file->place, about);
    HASH_ADD_KEYPTR(hh_path, files->by_path, file->log->path, strlen(file->log->path), file);
    HASH_ADD(hh_place, files->by_place, place, sizeof(file->place), file);
}

/* One that was renamed begins as it did, and is no shorter; of a new one that was only just made
 * there may be too little to tell. */
static bool is_another(const struct qlog_followed_file *file, const char *path,
                       const struct stat *about)
{
    enum qlog_beginning beginning = qlog_beginning_of(path);
    bool shorter = (uint64_t)about->st_size < file->log->offset;
    return beginning == QLOG_BEGINS_ANEW || (beginning == QLOG_BEGINS_UNTOLD && shorter);
}

/* Which file this is: one that was renamed has its place, but so has a new one where another was
 * deleted, which a log that rotates does all the time. */
static struct qlog_followed_file *find_seen(const struct qlog_followed_files *files,
                                            const char *path, const struct stat *about)
{
    struct qlog_followed_file *file = find_place(files, about);
    bool other = file != NULL && strcmp(file->log->path, path) != 0 &&
                 !qlog_followed_is_in(file->log, path) && is_another(file, path, about);
    return other ? NULL : file;
}

/* One file of a look around. */
struct sight {
    const struct qlog_found *found;
    struct stat about;
    struct qlog_followed_file *file;        /* NULL: it is new */
    struct qlog_followed_file *predecessor; /* what had its path until now */
};

/* What had the path last: it was replaced just now, or was renamed or deleted a while ago. */
static struct qlog_followed_file *find_predecessor(const struct qlog_followed_files *files,
                                                   const char *path)
{
    struct qlog_followed_file *file = find_path(files, path), *other;
    DL_FOREACH(files->all, other)
    {
        bool had = other->gone ? strcmp(other->log->path, path) == 0
                               : other->former != NULL && strcmp(other->former, path) == 0;
        if (file == NULL && had && other->log->state == QLOG_FOLLOWED_ON)
            file = other;
    }
    return file;
}

static size_t look(struct qlog_followed_files *files, struct sight *sights)
{
    size_t count = 0;
    for (size_t i = 0; i < files->found.count; i++) {
        struct sight *sight = &sights[count];
        const struct qlog_found *found = &files->found.files[i];
        if (stat(found->path, &sight->about) != 0)
            continue;
        if (!S_ISREG(sight->about.st_mode)) {
            qlog_remarks_add(&files->not_found, found->path,
                             "is no file: what comes from it is followed on standard input, as -");
            continue;
        }
        sight->found = found;
        sight->file = find_seen(files, found->path, &sight->about);
        sight->predecessor = sight->file == NULL ? find_predecessor(files, found->path) : NULL;
        count++;
    }
    return count;
}

static void mark_unseen(struct qlog_followed_files *files)
{
    struct qlog_followed_file *file, *next;
    HASH_ITER(hh_place, files->by_place, file, next)
    {
        file->seen = false;
    }
}

static void mark_gone(struct qlog_followed_files *files)
{
    struct qlog_followed_file *file;
    DL_FOREACH(files->all, file)
    {
        file->gone = !file->seen;
    }
}

static void look_around(struct qlog_followed_files *files)
{
    struct qlog_remarks before = files->not_found;
    files->not_found = (struct qlog_remarks){0};
    files->look_around = false;
    search_again(files);
    struct sight *sights = memory_new((files->found.count + 1) * sizeof(*sights));
    size_t count = look(files, sights);
    mark_unseen(files);
    HASH_CLEAR(hh_path, files->by_path);
    HASH_CLEAR(hh_place, files->by_place);
    for (size_t i = 0; i < count; i++) {
        struct sight *sight = &sights[i];
        /* Several links to one file are one log; a path may be named twice. */
        if (find_path(files, sight->found->path) != NULL)
            continue;
        if (sight->file == NULL)
            sight->file = find_place(files, &sight->about);
        if (sight->file == NULL) {
            sight->file = add(files, sight->found->path, &sight->about);
            sight->file->log->named = sight->found->named;
            sight->file->predecessor = sight->predecessor;
        } else if (sight->file->seen) {
            continue;
        }
        rename_file(sight->file, sight->found->path);
        sight->file->seen = sight->file->changed = true;
        enter(files, sight->file, &sight->about);
    }
    free(sights);
    mark_gone(files);
    tell_not_found(files, &before);
    qlog_remarks_clear(&before);
}

/* --- Reading --- */

/* Other bytes stand where FILE was read: the same log goes on in them, or they are another. */
static void replace(struct qlog_followed_files *files, struct qlog_followed_file *file)
{
    struct stat about;
    enum qlog_beginning beginning = qlog_beginning_of(file->log->path);
    if (beginning == QLOG_BEGINS_UNTOLD || stat(file->log->path, &about) != 0)
        return;
    file->changed = true;
    if (beginning == QLOG_BEGINS_AMID && file->log->state == QLOG_FOLLOWED_ON) {
        qlog_followed_go_on(file->log);
        return;
    }
    remark(files, QLOG_REMARK_ANEW, file->log->path, "was written anew");
    HASH_DELETE(hh_path, files->by_path, file);
    HASH_DELETE(hh_place, files->by_place, file);
    file->gone = true;
    file->changed = file->seen = false;
    struct qlog_followed_file *next = add(files, file->log->path, &about);
    next->log->named = file->log->named;
    enter(files, next, &about);
}

/* A new file where another was: the same log goes on in it where it has no header of its own. The
 * old file is known by then, wherever it is: its rest is read, and it is left. False while that
 * cannot be told yet. */
static bool settle_predecessor(struct qlog_followed_file *file)
{
    struct qlog_followed_file *old = file->predecessor;
    enum qlog_beginning beginning = qlog_beginning_of(file->log->path);
    if (old == NULL || beginning == QLOG_BEGINS_UNTOLD)
        return old == NULL;
    file->predecessor = NULL;
    if (beginning == QLOG_BEGINS_ANEW || old->log->state != QLOG_FOLLOWED_ON)
        return true;
    if (!old->gone)
        qlog_followed_read(old->log);
    /* They change roles: the log goes on here, and what is left of the old file is passed over. */
    struct qlog_followed *left = file->log, *log = old->log;
    uint64_t offset = log->offset;
    memcpy(left->tail, log->tail, log->tail_size);
    left->tail_size = log->tail_size;
    qlog_followed_go_on(log);
    left->offset = offset;
    qlog_followed_retire(left);
    char *path = left->path;
    left->path = log->path;
    log->path = path;
    log->reader.path = path;
    file->log = log;
    old->log = left;
    return true;
}

/* Whether there is more to read in it. */
static bool read_file(struct qlog_followed_files *files, struct qlog_followed_file *file)
{
    file->changed = false;
    if (file->gone || !settle_predecessor(file))
        return false;
    switch (qlog_followed_read(file->log)) {
    case QLOG_NEWS_MORE:
        file->changed = true;
        break;
    case QLOG_NEWS_REPLACED:
        replace(files, file);
        break;
    case QLOG_NEWS_GONE:
        files->look_around = true;
        break;
    case QLOG_NEWS_TROUBLE:
        tell_file_trouble(files, file, file->log->error.text);
        break;
    default:
        break;
    }
    qlog_followed_files_tell(files, file);
    return file->changed;
}

bool qlog_followed_files_read(struct qlog_followed_files *files)
{
    struct qlog_followed_file *file;
    bool more = false;
    if (files->look_around || files->unwatched)
        look_around(files);
    DL_FOREACH(files->all, file)
    {
        if (file->changed && read_file(files, file))
            more = true;
    }
    return more || files->look_around;
}
