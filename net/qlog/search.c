#include "net/qlog/search.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/memory.h"

static void remark(const struct qlog_search *search, enum qlog_remark_kind kind, const char *path,
                   const char *text)
{
    search->handler(search->context, kind, path, text);
}

static void add_file(struct qlog_search *search, const char *path, const struct qlog_found *file)
{
    search->files = memory_resize(search->files, (search->count + 1) * sizeof(*search->files));
    search->files[search->count] = *file;
    search->files[search->count++].path = text_copy(path);
}

static void add_path(char ***paths, size_t *count, const char *path)
{
    *paths = memory_resize(*paths, (*count + 1) * sizeof(**paths));
    (*paths)[(*count)++] = text_copy(path);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static void search_entry(struct qlog_search *search, const char *path, unsigned depth);

static void search_folder(struct qlog_search *search, const char *path, unsigned depth)
{
    if (depth == QLOG_FOLDER_DEPTH_LIMIT) {
        remark(search, QLOG_REMARK_TROUBLE, path,
               "folders are nested deeper than 16 levels: name this one itself");
        return;
    }
    add_path(&search->folders, &search->folder_count, path);
    struct dirent **entries;
    int count = scandir(path, &entries, is_entry, by_name);
    if (count < 0) {
        remark(search, QLOG_REMARK_TROUBLE, path, strerror(errno));
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

/* Whether writers of logs name them so, packed or not, live or not. */
static bool has_name_of_log(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash : path;
    return strstr(name, ".qlog") != NULL || strstr(name, ".sqlog") != NULL;
}

static void tell_broken(const struct qlog_search *search, const char *path, int reason)
{
    char *text = text_format("a link that leads nowhere: %s", strerror(reason));
    bool trouble = has_name_of_log(path);
    remark(search, trouble ? QLOG_REMARK_TROUBLE : QLOG_REMARK_SKIPPED, path, text);
    free(text);
}

/* Links are followed to files but not to folders, which may lead in a circle. */
static void search_entry(struct qlog_search *search, const char *path, unsigned depth)
{
    struct stat about;
    bool named = depth == 0;
    if ((named ? stat(path, &about) : lstat(path, &about)) != 0) {
        if (!named && errno == ENOENT)
            return; /* it went after its folder was read */
        remark(search, QLOG_REMARK_TROUBLE, path, strerror(errno));
        return;
    }
    bool link = S_ISLNK(about.st_mode);
    if (link && stat(path, &about) != 0) {
        tell_broken(search, path, errno);
        return;
    }
    if (S_ISDIR(about.st_mode) && link && !named)
        add_path(&search->links, &search->link_count, path);
    else if (S_ISDIR(about.st_mode))
        search_folder(search, path, depth);
    else if (S_ISREG(about.st_mode) || named)
        add_file(
            search, path,
            &(struct qlog_found){.named = named,
                                 .link = link,
                                 .size = S_ISREG(about.st_mode) ? (uint64_t)about.st_size : 0});
    else
        remark(search, QLOG_REMARK_SKIPPED, path, "neither a file nor a folder");
}

void qlog_search_path(struct qlog_search *search, const char *path)
{
    if (strcmp(path, "-") == 0)
        add_file(search, path, &(struct qlog_found){.named = true});
    else
        search_entry(search, path, 0);
}

static bool was_searched(const struct qlog_search *search, const char *link)
{
    for (size_t i = 0; i < search->folder_count; i++)
        if (file_is_same(search->folders[i], link))
            return true;
    return false;
}

void qlog_search_end(struct qlog_search *search)
{
    for (size_t i = 0; i < search->link_count; i++)
        if (!was_searched(search, search->links[i]))
            remark(search, QLOG_REMARK_TROUBLE, search->links[i],
                   "a link to a folder, which is not followed: name it itself");
}

uint64_t qlog_search_size(const struct qlog_search *search)
{
    uint64_t size = 0;
    for (size_t i = 0; i < search->count; i++)
        size += search->files[i].size;
    return size;
}

void qlog_search_clear(struct qlog_search *search)
{
    for (size_t i = 0; i < search->count; i++)
        free(search->files[i].path);
    for (size_t i = 0; i < search->folder_count; i++)
        free(search->folders[i]);
    for (size_t i = 0; i < search->link_count; i++)
        free(search->links[i]);
    free(search->files);
    free(search->folders);
    free(search->links);
}
