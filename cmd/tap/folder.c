#include "cmd/tap/folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/tap/tell.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "devnet/genesis.h"
#include "devnet/nodes_yaml.h"

enum { FILE_MODE = 0600 }; /* validator-config.yaml holds keys */

static const char nodes_file[] = "nodes.yaml", config_file[] = "validator-config.yaml";

/* ---- its nodes ---- */

static bool add_node(struct tap *tap, struct genesis_node *node, struct error *error)
{
    if (node->identity == NULL || node->address.count == 0) {
        log_warn("%s: its %s is not at hand: left out", node->name,
                 node->identity == NULL ? "key" : "address");
        return true;
    }
    struct tap_plan plan = {.identity = node->identity, .real = node->address.at[0]};
    snprintf(plan.name, sizeof(plan.name), "%s", node->name);
    plan.real.has_peer_id = true;
    plan.real.peer_id = *identity_peer_id(node->identity);
    plan.tap = plan.real;
    plan.tap.port = 0;
    bool added = tap_add(tap, &plan, error);
    node->identity = plan.identity; /* NULL where it was taken over */
    return added;
}

bool folder_add(struct tap *tap, const char *folder, struct error *error)
{
    struct genesis genesis;
    bool added = genesis_load(folder, &genesis, error);
    for (size_t i = 0; i < genesis.count && added; i++)
        added = add_node(tap, &genesis.nodes[i], error);
    genesis_clear(&genesis);
    if (added && tap_node_count(tap) == 0)
        return error_set(error, "%s: holds no node with its key", folder);
    return added;
}

/* ---- as others are to see it ---- */

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

/* What is to stand in the place of the line's value, or NULL; freed by the caller. */
static char *replacement(const struct tap_node *node, struct bytes line, struct bytes *value)
{
    bool is_port = value_of(line, "quic", value) || value_of(line, "quic6", value);
    if (node == NULL || value->size == 0)
        return NULL;
    if (is_port)
        return text_format("%u", (unsigned)tap_node_address(node)->port);
    return value_of(line, "enr", value) && value->size > 0 ? teller_enr(node) : NULL;
}

/* The file, with what is told of each node replaced, line by line. */
static void rewrite_config(const struct tap *tap, struct bytes text, struct buffer *output)
{
    const struct tap_node *node = NULL;
    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end != NULL ? (size_t)(end - text.data) : text.size;
        struct bytes line = bytes_of(text.data, size), value = {0};
        if (value_of(line, "name", &value))
            node = tap_node_named(tap, value);
        char *other = replacement(node, line, &value);
        if (other != NULL) {
            buffer_append(output, line.data, (size_t)(value.data - line.data));
            buffer_append_text(output, other);
            line = bytes_after(line, (size_t)(value.data - line.data) + value.size);
        }
        free(other);
        buffer_append(output, line.data, line.size);
        buffer_append_byte(output, '\n');
        text = bytes_after(text, end != NULL ? size + 1 : size);
    }
}

static bool write_config(const struct tap *tap, const char *folder, const char *out,
                         struct error *error)
{
    struct buffer read = {0}, written = {0};
    char *from = text_format("%s/%s", folder, config_file);
    char *to = text_format("%s/%s", out, config_file);
    bool done = access(from, F_OK) != 0; /* a folder need not have it */
    if (!done && file_read(from, GENESIS_FILE_MAX, &read, error)) {
        rewrite_config(tap, buffer_bytes(&read), &written);
        done = file_write(to, buffer_bytes(&written), FILE_MODE, error);
    }
    free(from);
    free(to);
    buffer_clear(&read);
    buffer_clear(&written);
    return done;
}

static bool write_nodes(const struct tap *tap, const char *out, struct error *error)
{
    size_t count = tap_node_count(tap);
    char **records = memory_new((count + 1) * sizeof(char *));
    char *path = text_format("%s/%s", out, nodes_file);
    for (size_t i = 0; i < count; i++)
        records[i] = teller_enr(tap_node(tap, i));
    bool written = nodes_yaml_write(path, (const char *const *)records, count, error);
    for (size_t i = 0; i < count; i++)
        free(records[i]);
    free(records);
    free(path);
    return written;
}

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

bool folder_write(const struct tap *tap, const char *folder, const char *out, struct error *error)
{
    if (!file_make_folder(out, error))
        return false;
    if (same_folder(folder, out))
        return error_set(error, "%s: is the genesis folder itself", out);
    return write_nodes(tap, out, error) && write_config(tap, folder, out, error) &&
           link_others(folder, out, error);
}
