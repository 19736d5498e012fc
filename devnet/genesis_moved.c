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
#include "common/yaml_edit.h"
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

/* What a place of the file is to say. */
struct wanted {
    yaml_item item;
    const char *name, *key;
    char *text;
};

struct wanted_list {
    struct wanted *all;
    size_t count;
};

static void wanted_clear(struct wanted_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->all[i].text);
    free(list->all);
}

/* TEXT is the list's from then on; where the file does not have ITEM, nothing is wanted. */
static void want(struct wanted_list *list, yaml_item item, const char *name, const char *key,
                 char *text)
{
    if (item == 0) {
        free(text);
        return;
    }
    list->all = memory_resize(list->all, (list->count + 1) * sizeof(*list->all));
    list->all[list->count++] = (struct wanted){item, name, key, text};
}

/* A node's port is `quic`, or `udp` where it tells no other; who stays is to say what it says. */
static void want_ports(const struct yaml_tree *yaml, yaml_item entry, const char *name,
                       const struct genesis_place *place, struct wanted_list *list)
{
    static const char *const keys[] = {"quic", "quic6", "udp"};
    yaml_item fields = yaml_find(yaml, entry, "enrFields");
    bool has_quic =
        yaml_find_told(yaml, fields, "quic") != 0 || yaml_find_told(yaml, fields, "quic6") != 0;
    for (size_t i = 0; i < (has_quic ? 2 : 3); i++) {
        yaml_item item = yaml_find_told(yaml, fields, keys[i]);
        const char *text = yaml_text(yaml, item);
        want(list, item, name, keys[i],
             place != NULL ? text_format("%u", (unsigned)place->address->port)
                           : text_copy(text != NULL ? text : ""));
    }
}

static bool want_record(const struct moving *moving, const struct yaml_tree *yaml, yaml_item entry,
                        const char *name, struct wanted_list *list, struct error *error)
{
    yaml_item item = yaml_find_told(yaml, entry, "enr");
    const char *text = yaml_text(yaml, item);
    if (item != 0 && text == NULL)
        return yaml_fault(yaml, item, error, "%s: enr: not a node record", name);
    char *record = item != 0 ? move_text(moving, text, error) : NULL;
    want(list, item, name, "enr", record);
    return item == 0 || record != NULL;
}

/* Of all nodes, since what one says may be an alias of what another does. */
static bool want_all(const struct moving *moving, const struct yaml_tree *yaml,
                     struct wanted_list *list, struct error *error)
{
    yaml_item entries = yaml_find(yaml, yaml_root(yaml), "validators");
    bool done = true;
    for (size_t i = 0; i < yaml_count(yaml, entries) && done; i++) {
        yaml_item entry = yaml_at(yaml, entries, i);
        const char *name = yaml_text(yaml, yaml_find(yaml, entry, "name"));
        const struct genesis_node *node = name != NULL ? genesis_find(moving->genesis, name) : NULL;
        if (node == NULL)
            return yaml_fault(yaml, entry, error, "it has changed since it was read");
        want_ports(yaml, entry, name, place_of(moving, &node->address.at[0].peer_id), list);
        done = want_record(moving, yaml, entry, name, list, error);
    }
    return done;
}

/* Where a place that two nodes share was to say two things, it says one. */
static bool check_written(const struct wanted_list *list, const struct yaml_tree *read,
                          const struct yaml_tree *written, struct error *error)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct wanted *one = &list->all[i];
        const char *text = yaml_text(written, one->item);
        if (text == NULL || strcmp(text, one->text) != 0)
            return yaml_fault(read, one->item, error,
                              "%s: %s: cannot be %s, as another node has it from here, too; write "
                              "it out in the place of an alias",
                              one->name, one->key, one->text);
    }
    return true;
}

static bool edit_config(const struct wanted_list *list, const struct yaml_tree *yaml,
                        struct bytes text, struct buffer *output, struct error *error)
{
    struct yaml_edit *edits = memory_new((list->count + 1) * sizeof(*edits));
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct wanted *one = &list->all[i];
        const char *text_now = yaml_text(yaml, one->item);
        if (text_now != NULL && strcmp(text_now, one->text) != 0)
            edits[count++] = (struct yaml_edit){one->item, one->text};
    }
    bool edited = yaml_edit(yaml, text, edits, count, output, error);
    free(edits);
    return edited;
}

/* The file, with what is told of each node replaced. */
static bool rewrite_config(const struct moving *moving, const char *path, struct bytes text,
                           struct buffer *output, struct error *error)
{
    struct wanted_list list = {0};
    struct yaml_tree *yaml = yaml_tree_parse(path, text, error), *written = NULL;
    if (yaml != NULL && want_all(moving, yaml, &list, error) &&
        edit_config(&list, yaml, text, output, error))
        written = yaml_tree_parse(path, buffer_bytes(output), error);
    bool done = written != NULL && check_written(&list, yaml, written, error);
    wanted_clear(&list);
    yaml_tree_free(yaml);
    yaml_tree_free(written);
    return done;
}

static void clear_secret(struct buffer *text)
{
    if (text->data != NULL)
        explicit_bzero(text->data, text->capacity);
    buffer_clear(text);
}

/* Of a file that is to be written in OUT: what names, or is, a file elsewhere as well, which may be
 * the genesis folder's, gives way to it. */
static bool part_from_others(const char *path, struct error *error)
{
    struct stat about;
    if (lstat(path, &about) != 0 || (!S_ISLNK(about.st_mode) && about.st_nlink == 1) ||
        S_ISDIR(about.st_mode) || unlink(path) == 0)
        return true;
    return error_set_kind(error, ERROR_SYSTEM, "%s: is a link, and cannot be removed: %s", path,
                          strerror(errno));
}

/* What the file is to hold; a folder need not have it, and then nothing is. */
static bool make_config(const struct moving *moving, struct buffer *config, struct error *error)
{
    struct buffer read = {0};
    char *from = text_format("%s/%s", moving->genesis->folder, config_file);
    bool made = access(from, F_OK) != 0 ||
                (file_read(from, GENESIS_FILE_MAX, &read, error) &&
                 rewrite_config(moving, from, buffer_bytes(&read), config, error));
    free(from);
    clear_secret(&read);
    return made;
}

static bool write_config(const struct buffer *config, const char *out, struct error *error)
{
    char *to = text_format("%s/%s", out, config_file);
    bool written = config->size == 0 || (part_from_others(to, error) &&
                                         file_write(to, buffer_bytes(config), FILE_MODE, error));
    free(to);
    return written;
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

static bool make_records(const struct moving *moving, struct records *records, struct error *error)
{
    const struct genesis *genesis = moving->genesis;
    size_t room = genesis->listed_count + genesis->count + moving->count;
    records->texts = memory_new((room + 1) * sizeof(char *));
    return add_records(moving, records, error);
}

static bool write_nodes(const struct records *records, const char *out, struct error *error)
{
    char *path = text_format("%s/%s", out, nodes_file);
    bool written =
        part_from_others(path, error) &&
        nodes_yaml_write(path, (const char *const *)records->texts, records->count, error);
    free(path);
    return written;
}

static void records_clear(struct records *records)
{
    for (size_t i = 0; i < records->count; i++)
        free(records->texts[i]);
    free(records->texts);
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

static bool make_folder(const struct genesis *genesis, const char *out, struct error *error)
{
    if (!file_make_folder(out, error))
        return false;
    return !file_is_same(genesis->folder, out) ||
           error_set(error, "%s: is the genesis folder itself", out);
}

bool genesis_write_moved(const struct genesis *genesis, const struct genesis_place *places,
                         size_t count, const char *out, struct error *error)
{
    const struct moving moving = {.genesis = genesis, .places = places, .count = count};
    struct records records = {0};
    struct buffer config = {0};
    /* Nothing is written of what cannot all be. */
    bool done = make_records(&moving, &records, error) && make_config(&moving, &config, error) &&
                make_folder(genesis, out, error) && write_nodes(&records, out, error) &&
                write_config(&config, out, error) && link_others(genesis->folder, out, error);
    clear_secret(&config);
    records_clear(&records);
    return done;
}
