#include "devnet/genesis_write.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/memory.h"
#include "devnet/nodes_yaml.h"
#include "devnet/ports.h"
#include "net/address/enr_make.h"

enum { GENESIS_DELAY_S = 30, KEY_MODE = 0600, FILE_MODE = 0666 };

struct new_node {
    char *name;
    struct identity *identity;
    uint64_t port, api_port, metrics_port;
    char enr[ENR_TEXT_SIZE];
};

struct writing {
    const struct genesis_plan *plan;
    struct new_node *nodes;
    char *folder; /* where it is written first */
};

/* ---- who the nodes are ---- */

static bool is_taken(const struct writing *writing, size_t count, uint64_t port)
{
    for (size_t i = 0; i < count; i++) {
        const struct new_node *node = &writing->nodes[i];
        if (node->port == port || node->api_port == port || node->metrics_port == port)
            return true;
    }
    return false;
}

static uint64_t pick(const struct writing *writing, uint64_t first, size_t index, int type)
{
    uint64_t port = first + index;
    while (first == 0 && is_taken(writing, index + 1, port = port_find_free(type)))
        ;
    return port;
}

static bool make_node(const struct writing *writing, size_t index, struct error *error)
{
    const struct genesis_plan *plan = writing->plan;
    struct new_node *node = &writing->nodes[index];
    struct enr_draft draft = {0};
    struct enr record;
    node->name = text_format("%s_%zu", plan->name, index);
    node->identity = identity_generate();
    node->port = pick(writing, plan->port, index, SOCK_DGRAM);
    node->api_port = pick(writing, plan->api_port, index, SOCK_STREAM);
    node->metrics_port = pick(writing, plan->metrics_port, index, SOCK_STREAM);
    const char *key = strchr(plan->ip, ':') != NULL ? "ip6" : "ip";
    bool made = enr_draft_set_text(&draft, key, plan->ip, error) &&
                enr_draft_set_port(&draft, "quic", node->port, error) &&
                enr_draft_sign(&draft, node->identity, &record, error);
    if (made)
        enr_text(&record, node->enr);
    enr_draft_clear(&draft);
    errno = EINVAL;
    return made;
}

/* ---- the files ---- */

static void append(struct buffer *text, char *line)
{
    buffer_append_text(text, line);
    free(line);
}

static void append_node(struct buffer *text, const struct writing *writing,
                        const struct new_node *node)
{
    char *secret = hex_text(identity_secret(node->identity));
    append(text, text_format("  - name: \"%s\"\n    privkey: \"%s\"\n", node->name, secret));
    append(text, text_format("    enrFields:\n      %s: \"%s\"\n      quic: %llu\n",
                             strchr(writing->plan->ip, ':') != NULL ? "ip6" : "ip",
                             writing->plan->ip, (unsigned long long)node->port));
    append(text,
           text_format("    metricsPort: %llu\n    apiPort: %llu\n",
                       (unsigned long long)node->metrics_port, (unsigned long long)node->api_port));
    append(text, text_format("    isAggregator: %s\n    count: 1\n",
                             node == writing->nodes ? "true" : "false"));
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

static bool write_file(const struct writing *writing, const char *name, const struct buffer *text,
                       mode_t mode, struct error *error)
{
    char *path = text_format("%s/%s", writing->folder, name);
    bool written = file_write(path, buffer_bytes(text), mode, error);
    free(path);
    return written;
}

static bool write_validator_config(const struct writing *writing, struct error *error)
{
    struct buffer text = {0};
    buffer_append_text(&text, "shuffle: roundrobin\n"
                              "deployment_mode: local\n"
                              "config:\n"
                              "  activeEpoch: 18\n"
                              "  keyType: \"hash-sig\"\n"
                              "  attestation_committee_count: 1\n"
                              "validators:\n");
    for (size_t i = 0; i < writing->plan->count; i++)
        append_node(&text, writing, &writing->nodes[i]);
    bool written = write_file(writing, "validator-config.yaml", &text, KEY_MODE, error);
    explicit_bzero(text.data, text.capacity);
    buffer_clear(&text);
    return written;
}

static bool write_validators(const struct writing *writing, struct error *error)
{
    struct buffer text = {0};
    for (size_t i = 0; i < writing->plan->count; i++)
        append(&text, text_format("%s: [%zu]\n", writing->nodes[i].name, i));
    bool written = write_file(writing, "validators.yaml", &text, FILE_MODE, error);
    buffer_clear(&text);
    return written;
}

static bool write_config(const struct writing *writing, struct error *error)
{
    struct buffer text = {0};
    append(&text, text_format("GENESIS_TIME: %llu\n"
                              "ATTESTATION_COMMITTEE_COUNT: 1\n"
                              "ACTIVE_EPOCH: 18\n"
                              "VALIDATOR_COUNT: %zu\n",
                              (unsigned long long)(clock_epoch_ms() / 1000 + GENESIS_DELAY_S),
                              writing->plan->count));
    bool written = write_file(writing, "config.yaml", &text, FILE_MODE, error);
    buffer_clear(&text);
    return written;
}

static bool write_key(const struct writing *writing, const struct new_node *node,
                      struct error *error)
{
    char *path = text_format("%s/%s.key", writing->folder, node->name);
    bool written = identity_save(node->identity, path, error);
    free(path);
    return written;
}

static bool write_nodes(const struct writing *writing, struct error *error)
{
    size_t count = writing->plan->count;
    const char **records = memory_new(count * sizeof(*records) + 1);
    for (size_t i = 0; i < count; i++)
        records[i] = writing->nodes[i].enr;
    char *path = text_format("%s/nodes.yaml", writing->folder);
    bool written = nodes_yaml_write(path, records, count, error);
    free(path);
    free(records);
    return written;
}

static bool write_all(const struct writing *writing, struct error *error)
{
    for (size_t i = 0; i < writing->plan->count; i++)
        if (!make_node(writing, i, error) || !write_key(writing, &writing->nodes[i], error))
            return false;
    return write_validators(writing, error) && write_nodes(writing, error) &&
           write_config(writing, error) && write_validator_config(writing, error);
}

/* ---- the folder ---- */

static bool is_empty(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, NULL);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    if (count >= 0)
        free(entries);
    return count == 2; /* . and .. */
}

static bool fail(const char *path, struct error *error)
{
    int code = errno;
    error_set_kind(error, ERROR_SYSTEM, "%s: %s", path, strerror(code));
    errno = code;
    return false;
}

/* Each file takes the place of what is there, whole. */
static bool move_files(const char *from, const char *to, struct error *error)
{
    struct dirent **entries;
    int count = scandir(from, &entries, NULL, alphasort);
    bool moved = count >= 0;
    for (int i = 0; i < count; i++) {
        char *source = text_format("%s/%s", from, entries[i]->d_name);
        char *target = text_format("%s/%s", to, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && moved && rename(source, target) != 0)
            moved = fail(target, error);
        free(source);
        free(target);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return moved;
}

static bool settle(const struct writing *writing, struct error *error)
{
    const char *target = writing->plan->folder;
    mode_t mask = umask(0);
    umask(mask);
    chmod(writing->folder, 0777 & ~mask);
    if (is_empty(target) && rename(writing->folder, target) == 0)
        return true;
    return move_files(writing->folder, target, error);
}

static void clear(struct writing *writing)
{
    for (size_t i = 0; i < writing->plan->count; i++) {
        free(writing->nodes[i].name);
        identity_free(writing->nodes[i].identity);
    }
    free(writing->nodes);
    free(writing->folder);
}

/* Beside the folder, which may be written with a slash at its end. */
static char *temporary_beside(const char *folder)
{
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    return text_format("%.*s.XXXXXX", (int)length, folder);
}

bool genesis_write(const struct genesis_plan *plan, struct error *error)
{
    bool was_there = access(plan->folder, F_OK) == 0;
    if (!file_make_folder(plan->folder, error))
        return false;
    if (!plan->force && !is_empty(plan->folder)) {
        errno = EEXIST;
        return error_set(error, "%s: is not empty; --force replaces what is written", plan->folder);
    }
    struct writing writing = {.plan = plan,
                              .nodes = memory_new(plan->count * sizeof(struct new_node)),
                              .folder = temporary_beside(plan->folder)};
    bool made = mkdtemp(writing.folder) != NULL || fail(writing.folder, error);
    bool written = made && write_all(&writing, error) && settle(&writing, error);
    int code = errno;
    if (made) {
        file_empty_folder(writing.folder);
        rmdir(writing.folder);
    }
    if (!written && !was_there)
        rmdir(plan->folder);
    clear(&writing);
    errno = code;
    return written;
}
