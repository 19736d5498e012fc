#include "net/host/block_store.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/memory.h"

enum { BLOCK_FILE_MODE = 0644 };

struct entry {
    struct block_summary block;
    char *path;
};

struct block_store {
    struct entry *entries; /* by slot, then by root */
    const struct entry **by_root;
    size_t count;
};

/* ---- reading a folder ---- */

static bool read_block(const char *path, struct block_summary *block, struct buffer *ssz,
                       struct error *error)
{
    return file_read(path, BLOCK_SSZ_MAX, ssz, error) &&
           (block_summarize(buffer_bytes(ssz), block, error) || error_prefix(error, "%s", path));
}

static void take_file(struct block_store *store, const char *path)
{
    struct error error;
    struct buffer ssz = {0};
    struct entry entry;
    if (!read_block(path, &entry.block, &ssz, &error)) {
        log_warn("%s; passed over", error.text);
    } else {
        entry.path = text_copy(path);
        store->entries = memory_resize(store->entries, (store->count + 1) * sizeof(entry));
        store->entries[store->count++] = entry;
    }
    buffer_clear(&ssz);
}

/* What is no file could be waited for without end. */
static bool is_file(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 && S_ISREG(file.st_mode);
}

static int by_slot(const void *left, const void *right)
{
    const struct block_summary *a = &((const struct entry *)left)->block;
    const struct block_summary *b = &((const struct entry *)right)->block;
    if (a->slot != b->slot)
        return a->slot < b->slot ? -1 : 1;
    return memcmp(a->root, b->root, BLOCK_ROOT_SIZE);
}

/* One block may be in two files. */
static void drop_doubles(struct block_store *store)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->count; i++) {
        if (kept > 0 && by_slot(&store->entries[kept - 1], &store->entries[i]) == 0)
            free(store->entries[i].path);
        else
            store->entries[kept++] = store->entries[i];
    }
    store->count = kept;
}

static void take_folder(struct block_store *store, const char *folder, DIR *directory)
{
    const struct dirent *file;
    while ((file = readdir(directory)) != NULL) {
        if (file->d_name[0] == '.')
            continue;
        if (store->count == BLOCK_STORE_MAX) {
            log_warn("%s: more than %d blocks; the others are passed over", folder,
                     BLOCK_STORE_MAX);
            return;
        }
        char *path = text_format("%s/%s", folder, file->d_name);
        if (is_file(path))
            take_file(store, path);
        free(path);
    }
}

static int compare_roots(const void *left, const void *right)
{
    const struct entry *const *a = left, *const *b = right;
    return memcmp((*a)->block.root, (*b)->block.root, BLOCK_ROOT_SIZE);
}

static void sort(struct block_store *store)
{
    if (store->count == 0)
        return;
    qsort(store->entries, store->count, sizeof(*store->entries), by_slot);
    drop_doubles(store);
    store->by_root = memory_new(store->count * sizeof(*store->by_root));
    for (size_t i = 0; i < store->count; i++)
        store->by_root[i] = &store->entries[i];
    qsort(store->by_root, store->count, sizeof(*store->by_root), compare_roots);
}

struct block_store *block_store_new(const char *folder, struct error *error)
{
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        error_set_kind(error, ERROR_SYSTEM, "%s: %s", folder, strerror(errno));
        return NULL;
    }
    struct block_store *store = memory_new(sizeof(*store));
    take_folder(store, folder, directory);
    closedir(directory);
    sort(store);
    return store;
}

void block_store_free(struct block_store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < store->count; i++)
        free(store->entries[i].path);
    free(store->by_root);
    free(store->entries);
    free(store);
}

/* ---- what is there ---- */

size_t block_store_count(const struct block_store *store)
{
    return store->count;
}

size_t block_store_find(const struct block_store *store, const uint8_t root[BLOCK_ROOT_SIZE])
{
    struct entry wanted;
    memcpy(wanted.block.root, root, BLOCK_ROOT_SIZE);
    const struct entry *key = &wanted;
    const struct entry *const *found =
        store->count == 0 ? NULL
                          : bsearch(&key, store->by_root, store->count, sizeof(key), compare_roots);
    return found != NULL ? (size_t)(*found - store->entries) : store->count;
}

size_t block_store_from_slot(const struct block_store *store, uint64_t slot)
{
    size_t first = 0, behind = store->count;
    while (first < behind) {
        size_t middle = first + (behind - first) / 2;
        if (store->entries[middle].block.slot < slot)
            first = middle + 1;
        else
            behind = middle;
    }
    return first;
}

const struct block_summary *block_store_at(const struct block_store *store, size_t entry)
{
    return &store->entries[entry].block;
}

bool block_store_read(const struct block_store *store, size_t entry, struct buffer *ssz,
                      struct error *error)
{
    const struct entry *wanted = &store->entries[entry];
    struct block_summary block;
    return read_block(wanted->path, &block, ssz, error) &&
           (memcmp(block.root, wanted->block.root, BLOCK_ROOT_SIZE) == 0 ||
            error_set(error, "%s: holds another block than at the start", wanted->path));
}

/* ---- saving ---- */

char *block_save(const char *folder, const struct block_summary *block, struct bytes ssz,
                 struct error *error)
{
    char *root = hex_text(bytes_of(block->root, BLOCK_ROOT_SIZE));
    char *path = text_format("%s/%llu-%s.ssz", folder, (unsigned long long)block->slot, root);
    free(root);
    if (file_write(path, ssz, BLOCK_FILE_MODE, error))
        return path;
    free(path);
    return NULL;
}
