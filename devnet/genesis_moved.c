#include "devnet/genesis_moved.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "devnet/nodes_yaml.h"
#include "net/address/enr_make.h"

enum { FILE_MODE = 0600 }; /* validator-config.yaml holds keys */

static const char nodes_file[] = "nodes.yaml", config_file[] = "validator-config.yaml";

struct moving {
    const struct genesis *genesis;
    const struct genesis_place *places;
    size_t count;
};

/* NULL: it stays. */
static const struct genesis_place *place_of(const struct moving *moving, const struct peer_id *id)
{
    for (size_t i = 0; i < moving->count; i++)
        if (peer_id_equal(identity_peer_id(moving->places[i].identity), id))
            return &moving->places[i];
    return NULL;
}

static char *move_record(const char *text, const struct genesis_place *place, struct error *error)
{
    char *record = enr_move(text, place->address, place->identity, error);
    if (record == NULL) {
        char peer_id[PEER_ID_TEXT_SIZE];
        peer_id_text(&place->address->peer_id, peer_id);
        error_prefix(error, "the record of %s", peer_id);
    }
    return record;
}

/* A node's record or multiaddr as it is to be, freed with free(); NULL with the error set. */
static char *move_text(const struct moving *moving, const char *text, struct error *error)
{
    struct node_address address;
    if (!node_address_parse(text, &address, error))
        return NULL;
    const struct genesis_place *place = place_of(moving, &address.at[0].peer_id);
    if (place == NULL)
        return text_copy(text);
    if (text[0] != '/')
        return move_record(text, place, error);
    char *moved = memory_new(MULTIADDR_TEXT_SIZE);
    multiaddr_text(place->address, moved);
    return moved;
}

/* ---- validator-config.yaml ---- */

/* What stands behind KEY on the line, without quotes; false where the line is of another key. */
static bool value_of(struct bytes line, const char *key, struct bytes *value)
{
    static const char around[] = " \t\r-\"'";
    while (line.size > 0 && strchr(around, line.data[0]) != NULL)
        line = bytes_after(line, 1);
    size_t size = strlen(key);
    if (line.size <= size || memcmp(line.data, key, size) != 0 || line.data[size] != ':')
        return false;
    line = bytes_after(line, size + 1);
    while (line.size > 0 && strchr(around, line.data[0]) != NULL)
        line = bytes_after(line, 1);
    size = 0;
    while (size < line.size && strchr(" \t\r\"'#", line.data[size]) == NULL)
        size++;
    *value = bytes_of(line.data, size);
    return true;
}

/* Where the node of that name is to be; NULL where it stays. */
static const struct genesis_place *place_named(const struct moving *moving, struct bytes name)
{
    char *text = text_format("%.*s", (int)name.size, (const char *)name.data);
    const struct genesis_node *node = genesis_find(moving->genesis, text);
    free(text);
    return node != NULL ? place_of(moving, &node->address.at[0].peer_id) : NULL;
}

/* Appends LINE, which is of the node at PLACE. */
static bool append_line(const struct moving *moving, const struct genesis_place *place,
                        struct bytes line, struct buffer *output, struct error *error)
{
    struct bytes value = {0};
    char *other = NULL;
    bool is_port = value_of(line, "quic", &value) || value_of(line, "quic6", &value);
    if (place != NULL && value.size > 0 && is_port) {
        other = text_format("%u", (unsigned)place->address->port);
    } else if (place != NULL && value_of(line, "enr", &value) && value.size > 0) {
        char *record = text_format("%.*s", (int)value.size, (const char *)value.data);
        other = move_text(moving, record, error);
        free(record);
        if (other == NULL)
            return false;
    }
    if (other != NULL) {
        buffer_append(output, line.data, (size_t)(value.data - line.data));
        buffer_append_text(output, other);
        line = bytes_after(line, (size_t)(value.data - line.data) + value.size);
    }
    free(other);
    buffer_append(output, line.data, line.size);
    buffer_append_byte(output, '\n');
    return true;
}

/* The file, with what is told of each node replaced, line by line. */
static bool rewrite_config(const struct moving *moving, struct bytes text, struct buffer *output,
                           struct error *error)
{
    const struct genesis_place *place = NULL;
    bool written = true;
    while (text.size > 0 && written) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end != NULL ? (size_t)(end - text.data) : text.size;
        struct bytes line = bytes_of(text.data, size), value = {0};
        if (value_of(line, "name", &value))
            place = place_named(moving, value);
        written = append_line(moving, place, line, output, error);
        text = bytes_after(text, end != NULL ? size + 1 : size);
    }
    return written;
}

static void clear_secret(struct buffer *text)
{
    if (text->data != NULL)
        explicit_bzero(text->data, text->capacity);
    buffer_clear(text);
}

static bool write_config(const struct moving *moving, const char *out, struct error *error)
{
    struct buffer read = {0}, written = {0};
    char *from = text_format("%s/%s", moving->genesis->folder, config_file);
    char *to = text_format("%s/%s", out, config_file);
    bool done = access(from, F_OK) != 0 || /* a folder need not have it */
                (file_read(from, GENESIS_FILE_MAX, &read, error) &&
                 rewrite_config(moving, buffer_bytes(&read), &written, error) &&
                 file_write(to, buffer_bytes(&written), FILE_MODE, error));
    free(from);
    free(to);
    clear_secret(&read);
    clear_secret(&written);
    return done;
}

/* ---- nodes.yaml ---- */

struct records {
    char **texts;
    size_t count;
};

static bool add_record(const struct moving *moving, const char *text, struct records *records,
                       struct error *error)
{
    char *moved = move_text(moving, text, error);
    if (moved != NULL)
        records->texts[records->count++] = moved;
    return moved != NULL;
}

/* What is listed there, then the folder's other nodes, then those that it does not have. */
static bool add_records(const struct moving *moving, struct records *records, struct error *error)
{
    const struct genesis *genesis = moving->genesis;
    bool added = true;
    for (size_t i = 0; i < genesis->listed_count && added; i++)
        added = add_record(moving, genesis->listed[i], records, error);
    for (size_t i = 0; i < genesis->count && added; i++)
        if (!genesis->nodes[i].is_listed)
            added = add_record(moving, genesis->nodes[i].enr, records, error);
    for (size_t i = 0; i < moving->count && added; i++) {
        const struct genesis_place *place = &moving->places[i];
        if (genesis_find_peer(genesis, &place->address->peer_id) == NULL && place->record != NULL)
            added = add_record(moving, place->record, records, error);
    }
    return added;
}

static bool write_nodes(const struct moving *moving, const char *out, struct error *error)
{
    const struct genesis *genesis = moving->genesis;
    size_t room = genesis->listed_count + genesis->count + moving->count;
    struct records records = {.texts = memory_new((room + 1) * sizeof(char *))};
    char *path = text_format("%s/%s", out, nodes_file);
    bool written = add_records(moving, &records, error) &&
                   nodes_yaml_write(path, (const char *const *)records.texts, records.count, error);
    for (size_t i = 0; i < records.count; i++)
        free(records.texts[i]);
    free(records.texts);
    free(path);
    return written;
}

/* ---- the folder ---- */

static bool link_one(const char *folder, const char *out, const char *name, struct error *error)
{
    if (name[0] == '.' || strcmp(name, nodes_file) == 0 || strcmp(name, config_file) == 0)
        return true;
    char *from = text_format("%s/%s", folder, name);
    char *to = text_format("%s/%s", out, name);
    struct stat about;
    bool replaced = lstat(to, &about) != 0 || (S_ISLNK(about.st_mode) && unlink(to) == 0);
    bool linked = replaced && symlink(from, to) == 0;
    if (!linked)
        error_set_kind(error, ERROR_SYSTEM, "%s: cannot be linked to: %s", to,
                       replaced ? strerror(errno) : "something else is there");
    free(from);
    free(to);
    return linked;
}

static bool link_others(const char *folder, const char *out, struct error *error)
{
    char whole[PATH_MAX];
    DIR *stream = realpath(folder, whole) != NULL ? opendir(whole) : NULL;
    if (stream == NULL)
        return error_set_kind(error, ERROR_SYSTEM, "%s: %s", folder, strerror(errno));
    const struct dirent *entry;
    bool linked = true;
    while (linked && (entry = readdir(stream)) != NULL)
        linked = link_one(whole, out, entry->d_name, error);
    closedir(stream);
    return linked;
}

static bool same_folder(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

bool genesis_write_moved(const struct genesis *genesis, const struct genesis_place *places,
                         size_t count, const char *out, struct error *error)
{
    const struct moving moving = {.genesis = genesis, .places = places, .count = count};
    if (!file_make_folder(out, error))
        return false;
    if (same_folder(genesis->folder, out))
        return error_set(error, "%s: is the genesis folder itself", out);
    return write_nodes(&moving, out, error) && write_config(&moving, out, error) &&
           link_others(genesis->folder, out, error);
}
