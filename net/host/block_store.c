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
    struct entry **entries; /* by slot, then by root */
    struct entry **by_root;
    size_t count;
    uint64_t bytes;
};

/* ---- reading a folder ---- */

static bool read_block(const char *path, struct block_summary *block, struct buffer *ssz,
                       struct error *error)
{
    return file_read_plain(path, BLOCK_SSZ_MAX, ssz, error) &&
           (block_summarize(buffer_bytes(ssz), block, error) || error_prefix(error, "%s", path));
}

static void append(struct block_store *store, const struct block_summary *block, const char *path)
{
    struct entry *entry = memory_new(sizeof(*entry));
    *entry = (struct entry){.block = *block, .path = text_copy(path)};
    store->entries = memory_resize(store->entries, (store->count + 1) * sizeof(struct entry *));
    store->entries[store->count++] = entry;
    store->bytes += block->size;
}

static void take_file(struct block_store *store, const char *path)
{
    struct error error;
    struct buffer ssz = {0};
    struct block_summary block;
    if (read_block(path, &block, &ssz, &error))
        append(store, &block, path);
    else
        log_warn("%s; passed over", error.text);
    buffer_clear(&ssz);
}

/* What is no file could be waited for without end. */
static bool is_file(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 && S_ISREG(file.st_mode);
}

static int compare_slots(const void *left, const void *right)
{
    const struct entry *const *a = left, *const *b = right;
    if ((*a)->block.slot != (*b)->block.slot)
        return (*a)->block.slot < (*b)->block.slot ? -1 : 1;
    return memcmp((*a)->block.root, (*b)->block.root, BLOCK_ROOT_SIZE);
}

static int compare_roots(const void *left, const void *right)
{
    const struct entry *const *a = left, *const *b = right;
    return memcmp((*a)->block.root, (*b)->block.root, BLOCK_ROOT_SIZE);
}

static void entry_free(struct entry *entry)
{
    free(entry->path);
    free(entry);
}

/* One block may be in two files. */
static void drop_doubles(struct block_store *store)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->count; i++) {
        struct entry *entry = store->entries[i];
        if (kept > 0 && compare_slots(&store->entries[kept - 1], &entry) == 0) {
            store->bytes -= entry->block.size;
            entry_free(entry);
        } else {
            store->entries[kept++] = entry;
        }
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

static void sort(struct block_store *store)
{
    if (store->count == 0)
        return;
    qsort(store->entries, store->count, sizeof(*store->entries), compare_slots);
    drop_doubles(store);
    size_t size = store->count * sizeof(*store->by_root);
    store->by_root = memory_resize(store->by_root, size);
    memcpy(store->by_root, store->entries, size);
    qsort(store->by_root, store->count, sizeof(*store->by_root), compare_roots);
}

struct block_store *block_store_new(void)
{
    return memory_new(sizeof(struct block_store));
}

bool block_store_load(struct block_store *store, const char *folder, struct error *error)
{
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return error_set_kind(error,
                              errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : ERROR_SYSTEM,
                              "%s: %s", folder, strerror(errno));
    take_folder(store, folder, directory);
    closedir(directory);
    sort(store);
    return true;
}

void block_store_free(struct block_store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < store->count; i++)
        entry_free(store->entries[i]);
    free(store->by_root);
    free(store->entries);
    free(store);
}

/* ---- what is there ---- */

size_t block_store_count(const struct block_store *store)
{
    return store->count;
}

uint64_t block_store_bytes(const struct block_store *store)
{
    return store->bytes;
}

/* Of the COUNT that LIST has in the order that COMPARE tells, how many come before ENTRY. */
static size_t place_of(struct entry *const *list, size_t count, const struct entry *entry,
                       int (*compare)(const void *left, const void *right))
{
    size_t first = 0, behind = count;
    while (first < behind) {
        size_t middle = first + (behind - first) / 2;
        if (compare(&list[middle], &entry) < 0)
            first = middle + 1;
        else
            behind = middle;
    }
    return first;
}

size_t block_store_find(const struct block_store *store, const uint8_t root[BLOCK_ROOT_SIZE])
{
    struct entry wanted = {0};
    memcpy(wanted.block.root, root, BLOCK_ROOT_SIZE);
    size_t place = place_of(store->by_root, store->count, &wanted, compare_roots);
    if (place == store->count ||
        memcmp(store->by_root[place]->block.root, root, BLOCK_ROOT_SIZE) != 0)
        return store->count;
    return place_of(store->entries, store->count, store->by_root[place], compare_slots);
}

size_t block_store_from_slot(const struct block_store *store, uint64_t slot)
{
    struct entry wanted = {.block.slot = slot}; /* no root comes before that of zeros */
    return place_of(store->entries, store->count, &wanted, compare_slots);
}

const struct block_summary *block_store_at(const struct block_store *store, size_t entry)
{
    return &store->entries[entry]->block;
}

bool block_store_read(const struct block_store *store, size_t entry, struct buffer *ssz,
                      struct error *error)
{
    const struct entry *wanted = store->entries[entry];
    struct block_summary block;
    return read_block(wanted->path, &block, ssz, error) &&
           (memcmp(block.root, wanted->block.root, BLOCK_ROOT_SIZE) == 0 ||
            error_set(error, "%s: holds another block than at the start", wanted->path));
}

/* ---- more of them ---- */

static void insert(struct entry **list, size_t count, struct entry *entry,
                   int (*compare)(const void *left, const void *right))
{
    size_t place = place_of(list, count, entry, compare);
    memmove(list + place + 1, list + place, (count - place) * sizeof(*list));
    list[place] = entry;
}

void block_store_add(struct block_store *store, const struct block_summary *block, const char *path)
{
    append(store, block, path);
    size_t before = store->count - 1;
    struct entry *entry = store->entries[before];
    store->by_root = memory_resize(store->by_root, store->count * sizeof(*store->by_root));
    insert(store->entries, before, entry, compare_slots);
    insert(store->by_root, before, entry, compare_roots);
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
