#include "devnet/genesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/number.h"
#include "common/yaml.h"
#include "devnet/genesis_validators.h"
#include "devnet/own_files.h"
#include "net/address/enr_make.h"

static const char validators_file[] = "validator-config.yaml", records_file[] = "nodes.yaml",
                  config_file[] = "config.yaml", assigned_file[] = "validators.yaml",
                  annotated_file[] = "annotated_validators.yaml";

/* What hive has its clients put an address in the place of. */
static const char placeholder[] = "__HIVE_LOCAL_IP__";

static char *path_of(const struct genesis *genesis, const char *name, const char *ending)
{
    return text_format("%s/%s%s", genesis->folder, name, ending);
}

static bool genesis_is_there(const char *folder)
{
    /* A devnet's folder has a nodes.yaml of its own. */
    return file_is_in(folder, validators_file) ||
           (file_is_in(folder, records_file) && !own_files_are_in(folder));
}

struct genesis_node *genesis_find(const struct genesis *genesis, const char *name)
{
    for (size_t i = 0; i < genesis->count; i++)
        if (strcmp(genesis->nodes[i].name, name) == 0)
            return &genesis->nodes[i];
    return NULL;
}

struct genesis_node *genesis_find_peer(const struct genesis *genesis, const struct peer_id *id)
{
    for (size_t i = 0; i < genesis->count; i++)
        if (peer_id_equal(&genesis->nodes[i].address.at[0].peer_id, id))
            return &genesis->nodes[i];
    return NULL;
}

static struct genesis_node *add(struct genesis *genesis, const char *name)
{
    genesis->nodes = memory_resize(genesis->nodes, (genesis->count + 1) * sizeof(*genesis->nodes));
    struct genesis_node *node = &genesis->nodes[genesis->count++];
    *node = (struct genesis_node){.name = text_copy(name)};
    return node;
}

void genesis_clear(struct genesis *genesis)
{
    for (size_t i = 0; i < genesis->count; i++) {
        free(genesis->nodes[i].name);
        identity_free(genesis->nodes[i].identity);
        free(genesis->nodes[i].validators);
    }
    for (size_t i = 0; i < genesis->listed_count; i++)
        free(genesis->listed[i]);
    free(genesis->listed);
    free(genesis->nodes);
    free(genesis->folder);
    *genesis = (struct genesis){0};
}

/* ---- one entry of validator-config.yaml ---- */

/* An entry that is being read. */
struct entry {
    const struct yaml_tree *yaml;
    yaml_item item;
    struct genesis_node *node;
    struct error *error;
};

static bool fault(const struct entry *entry, yaml_item at, const char *key, const char *problem)
{
    return yaml_fault(entry->yaml, at, entry->error, "%s: %s: %s", entry->node->name, key, problem);
}

static bool read_number(const char *text, uint64_t maximum, uint64_t *number)
{
    return text != NULL && number_read(text, number) && *number <= maximum;
}

static bool read_port(const struct entry *entry, const char *key, uint16_t *port)
{
    yaml_item item = yaml_find_told(entry->yaml, entry->item, key);
    uint64_t number = *port;
    if (item != 0 && !read_number(yaml_text(entry->yaml, item), UINT16_MAX, &number))
        return fault(entry, item, key, "not a port; expected a number up to 65535");
    *port = (uint16_t)number;
    return true;
}

static bool read_secret(const struct entry *entry)
{
    yaml_item item = yaml_find_told(entry->yaml, entry->item, "privkey");
    const char *text = yaml_text(entry->yaml, item);
    struct buffer secret = {0};
    struct error problem;
    if (item == 0)
        return true;
    if (text == NULL || !hex_read(text, &secret) || secret.size != IDENTITY_SECRET_SIZE)
        error_set(&problem, "not a key; expected %d hexadecimal digits", 2 * IDENTITY_SECRET_SIZE);
    else
        entry->node->identity = identity_from_secret(buffer_bytes(&secret), &problem);
    if (secret.data != NULL)
        explicit_bzero(secret.data, secret.capacity);
    buffer_clear(&secret);
    return entry->node->identity != NULL || fault(entry, item, "privkey", problem.text);
}

/* As YAML has them. */
static bool read_truth(const char *text, bool *truth)
{
    static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
    for (size_t i = 0; text != NULL && i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(text, words[i]) == 0) {
            *truth = i >= 3;
            return true;
        }
    return false;
}

static bool take_field(const struct entry *entry, yaml_item fields, size_t index,
                       struct enr_draft *draft)
{
    const char *key = yaml_key_at(entry->yaml, fields, index);
    yaml_item item = yaml_at(entry->yaml, fields, index);
    const char *value = yaml_text(entry->yaml, item);
    struct error problem;
    bool truth;
    if (yaml_is_null(entry->yaml, item))
        return true;
    if (value == NULL)
        return fault(entry, item, key[0] != '\0' ? key : "enrFields", "one value is expected");
    if (strstr(value, placeholder) != NULL)
        return fault(entry, item, key,
                     "__HIVE_LOCAL_IP__ is left in; the node's address is to stand there");
    if (strcmp(key, "seq") == 0)
        return read_number(value, UINT64_MAX, &draft->sequence) ||
               fault(entry, item, "seq", "not a number");
    if (read_truth(value, &truth))
        value = truth ? "true" : "false";
    return enr_draft_set_text(draft, key, value, &problem) ||
           fault(entry, item, "enrFields", problem.text);
}

/* Makes the record of what the entry says. */
static bool make_record(const struct entry *entry)
{
    yaml_item fields = yaml_find(entry->yaml, entry->item, "enrFields");
    struct enr_draft draft = {0};
    struct enr record;
    struct error problem;
    if (yaml_kind(entry->yaml, fields) != YAML_MAP)
        return fault(entry, fields != 0 ? fields : entry->item, "enrFields",
                     "missing: where the node is (ip, quic)");
    bool taken = true;
    for (size_t i = 0; taken && i < yaml_count(entry->yaml, fields); i++)
        taken = take_field(entry, fields, i, &draft);
    if (taken)
        taken = (enr_draft_sign(&draft, entry->node->identity, &record, &problem) &&
                 node_address_of_enr(&record, &entry->node->address, &problem)) ||
                fault(entry, fields, "enrFields", problem.text);
    if (taken)
        enr_text(&record, entry->node->enr);
    enr_draft_clear(&draft);
    return taken;
}

static bool is_of(const struct node_address *address, const struct identity *identity)
{
    return peer_id_equal(&address->at[0].peer_id, identity_peer_id(identity));
}

static bool take_record(const struct entry *entry, yaml_item item)
{
    const char *text = yaml_text(entry->yaml, item);
    struct genesis_node *node = entry->node;
    struct error problem;
    if (text == NULL || strlen(text) >= sizeof(node->enr))
        return fault(entry, item, "enr", "not a node record");
    if (!node_address_parse(text, &node->address, &problem))
        return fault(entry, item, "enr", problem.text);
    if (node->identity != NULL && !is_of(&node->address, node->identity))
        return fault(entry, item, "enr", "it is the record of another key than privkey");
    snprintf(node->enr, sizeof(node->enr), "%s", text);
    return true;
}

static bool read_record(const struct entry *entry)
{
    yaml_item item = yaml_find_told(entry->yaml, entry->item, "enr");
    if (item != 0)
        return take_record(entry, item);
    if (entry->node->identity == NULL)
        return yaml_fault(entry->yaml, entry->item, entry->error,
                          "%s: neither a key (privkey, or the file %s.key) nor a record (enr)",
                          entry->node->name, entry->node->name);
    return make_record(entry);
}

/* Of several files one is named. */
struct shared_keys {
    char *first;
    size_t count;
};

/* NAME.key, where it is there: the same key, or that which the entry leaves out. */
static bool read_key_file(const struct genesis *genesis, const struct entry *entry,
                          struct shared_keys *others)
{
    struct genesis_node *node = entry->node;
    char *path = path_of(genesis, node->name, ".key");
    bool there = access(path, F_OK) == 0, shared = false;
    struct identity *identity = there ? identity_load(path, &shared, entry->error) : NULL;
    bool sound = !there || identity != NULL;
    if (identity != NULL && shared && others->count++ == 0)
        others->first = text_copy(path);
    if (identity != NULL && node->identity != NULL &&
        !peer_id_equal(identity_peer_id(identity), identity_peer_id(node->identity)))
        sound = yaml_fault(entry->yaml, entry->item, entry->error,
                           "%s: privkey is another key than that in %s", node->name, path);
    if (sound && identity != NULL && node->identity == NULL)
        node->identity = identity;
    else
        identity_free(identity);
    free(path);
    return sound;
}

bool genesis_is_name(const char *name)
{
    static const char characters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t length = strlen(name);
    return length > 0 && length <= GENESIS_NAME_MAX && name[0] != '-' &&
           strspn(name, characters) == length;
}

static bool read_flag(const struct entry *entry)
{
    yaml_item item = yaml_find_told(entry->yaml, entry->item, "isAggregator");
    if (item == 0) /* as hive has it */
        item = yaml_find_told(entry->yaml, entry->item, "is_aggregator");
    return item == 0 || read_truth(yaml_text(entry->yaml, item), &entry->node->is_aggregator) ||
           fault(entry, item, "isAggregator", "true or false is expected");
}

/* Whether it is another node than those before it; where it is said to be in the place of one, that
 * is warned of. */
static bool is_another(const struct genesis *genesis, const struct entry *entry)
{
    const struct multiaddr *own = &entry->node->address.at[0];
    yaml_item key = yaml_find(entry->yaml, entry->item, "privkey");
    for (const struct genesis_node *node = genesis->nodes; node < entry->node; node++) {
        const struct multiaddr *at = &node->address.at[0];
        if (peer_id_equal(&at->peer_id, &own->peer_id))
            return yaml_fault(entry->yaml, key != 0 ? key : entry->item, entry->error,
                              "%s: has the key of %s, too", entry->node->name, node->name);
        if (at->port == own->port && strcmp(at->host, own->host) == 0)
            log_warn("%s/%s:%zu: %s is to be where %s is: %s, port %u", genesis->folder,
                     validators_file, yaml_line(entry->yaml, entry->item), entry->node->name,
                     node->name, at->host, (unsigned)at->port);
    }
    return true;
}

static bool read_entry(struct genesis *genesis, const struct yaml_tree *yaml, yaml_item item,
                       struct shared_keys *others, struct error *error)
{
    yaml_item name = yaml_find(yaml, item, "name");
    const char *text = yaml_text(yaml, name);
    if (text == NULL)
        return yaml_fault(yaml, item, error, "name: missing");
    if (!genesis_is_name(text))
        return yaml_fault(yaml, name, error,
                          "name: \"%.80s\": 1 to %d letters, digits, _ and - are expected", text,
                          GENESIS_NAME_MAX);
    if (genesis_find(genesis, text) != NULL)
        return yaml_fault(yaml, name, error, "name: %s: there is a node of that name already",
                          text);
    struct entry entry = {.yaml = yaml, .item = item, .node = add(genesis, text), .error = error};
    return read_secret(&entry) && read_key_file(genesis, &entry, others) && read_record(&entry) &&
           is_another(genesis, &entry) && read_port(&entry, "httpPort", &entry.node->api_port) &&
           read_port(&entry, "apiPort", &entry.node->api_port) &&
           read_port(&entry, "metricsPort", &entry.node->metrics_port) && read_flag(&entry);
}

/* ---- the files ---- */

static void warn_of_shared(struct shared_keys *others)
{
    if (others->count > 1)
        log_warn("%s and %zu more: others can use these keys", others->first, others->count - 1);
    else if (others->count == 1)
        log_warn("%s: others can use this key", others->first);
    free(others->first);
}

static bool read_committees(struct genesis *genesis, const struct yaml_tree *yaml, yaml_item item,
                            struct error *error)
{
    return item == 0 ||
           (read_number(yaml_text(yaml, item), GENESIS_COMMITTEES_MAX, &genesis->committees) &&
            genesis->committees > 0) ||
           yaml_fault(yaml, item, error, "attestation committees: expected 1 to %d",
                      GENESIS_COMMITTEES_MAX);
}

static bool read_validators(struct genesis *genesis, const struct yaml_tree *yaml,
                            struct error *error)
{
    yaml_item list = yaml_find(yaml, yaml_root(yaml), "validators");
    yaml_item config = yaml_find(yaml, yaml_root(yaml), "config");
    struct shared_keys others = {0};
    if (yaml_kind(yaml, list) != YAML_LIST)
        return yaml_fault(yaml, list, error, "validators: a list of nodes is expected");
    if (yaml_count(yaml, list) > DEVNET_NODES_MAX)
        return yaml_fault(yaml, list, error, "validators: %zu nodes; at most %d are allowed",
                          yaml_count(yaml, list), DEVNET_NODES_MAX);
    bool sound = read_committees(
        genesis, yaml, yaml_find_told(yaml, config, "attestation_committee_count"), error);
    for (size_t i = 0; sound && i < yaml_count(yaml, list); i++)
        sound = read_entry(genesis, yaml, yaml_at(yaml, list, i), &others, error);
    warn_of_shared(&others);
    return sound;
}

/* Whether both say the same first address; TOLD is what RECORD says. */
static bool agrees(const struct genesis_node *node, const struct node_address *record, char *told)
{
    char known[MULTIADDR_TEXT_SIZE];
    multiaddr_text(&node->address.at[0], known);
    multiaddr_text(&record->at[0], told);
    return strcmp(known, told) == 0;
}

static void list(struct genesis *genesis, const char *text)
{
    size_t room = (genesis->listed_count + 1) * sizeof(*genesis->listed);
    genesis->listed = memory_resize(genesis->listed, room);
    genesis->listed[genesis->listed_count++] = text_copy(text);
}

static bool read_node(struct genesis *genesis, const struct yaml_tree *yaml, yaml_item item,
                      struct error *error)
{
    struct node_address address;
    struct error problem;
    const char *text = yaml_text(yaml, item);
    if (text == NULL || yaml_is_null(yaml, item))
        return yaml_fault(yaml, item, error, "a node record is expected");
    if (strstr(text, placeholder) != NULL)
        return yaml_fault(yaml, item, error, "%s is left in", placeholder);
    if (!node_address_parse(text, &address, &problem))
        return yaml_fault(yaml, item, error, "%s", problem.text);
    if (!address.at[0].has_peer_id)
        return yaml_fault(yaml, item, error, "%s: must end with /p2p/PEERID", text);
    if (address.at[0].port == 0)
        return yaml_fault(yaml, item, error, "%s: port 0 cannot be dialled", text);
    list(genesis, text);
    struct genesis_node *node = genesis_find_peer(genesis, &address.at[0].peer_id);
    char told[MULTIADDR_TEXT_SIZE], name[PEER_ID_TEXT_SIZE];
    if (node != NULL && !agrees(node, &address, told))
        log_warn("%s/%s:%zu: %s is said to be at %s, unlike in %s", genesis->folder, records_file,
                 yaml_line(yaml, item), node->name, told, validators_file);
    if (node != NULL) {
        node->is_listed = true;
        return true;
    }
    if (genesis->count == DEVNET_NODES_MAX)
        return yaml_fault(yaml, item, error, "more than %d nodes", DEVNET_NODES_MAX);
    peer_id_text(&address.at[0].peer_id, name);
    node = add(genesis, name);
    node->is_listed = true;
    node->address = address;
    if (text[0] != '/')
        snprintf(node->enr, sizeof(node->enr), "%s", text);
    return true;
}

static bool read_records(struct genesis *genesis, const struct yaml_tree *yaml, struct error *error)
{
    yaml_item root = yaml_root(yaml);
    if (yaml_kind(yaml, root) != YAML_LIST && root != 0)
        return yaml_fault(yaml, root, error, "a list of node records is expected");
    for (size_t i = 0; i < yaml_count(yaml, root); i++)
        if (!read_node(genesis, yaml, yaml_at(yaml, root, i), error))
            return false;
    return true;
}

/* How many there are, by either name (the second is ream's), or else as many as there are keys. */
static bool read_total(struct genesis *genesis, const struct yaml_tree *yaml, struct error *error)
{
    yaml_item item = yaml_find_told(yaml, yaml_root(yaml), "VALIDATOR_COUNT");
    if (item == 0)
        item = yaml_find_told(yaml, yaml_root(yaml), "NUM_VALIDATORS");
    genesis->validator_total = genesis->validators;
    if (item == 0)
        return true;
    genesis->has_total = true;
    if (!read_number(yaml_text(yaml, item), INT64_MAX, &genesis->validator_total))
        return yaml_fault(yaml, item, error, "VALIDATOR_COUNT: a number is expected");
    if (genesis->validators > 0 && genesis->validator_total != genesis->validators) {
        log_warn("%s/%s:%zu: %llu validators, and the keys of %zu", genesis->folder, config_file,
                 yaml_line(yaml, item), (unsigned long long)genesis->validator_total,
                 genesis->validators);
        genesis->validator_total = genesis->validators;
    }
    return true;
}

static bool read_config(struct genesis *genesis, const struct yaml_tree *yaml, struct error *error)
{
    uint64_t number;
    yaml_item root = yaml_root(yaml), time = yaml_find_told(yaml, root, "GENESIS_TIME");
    if (root != 0 && yaml_kind(yaml, root) != YAML_MAP)
        return yaml_fault(yaml, root, error, "keys and values are expected");
    if (time != 0 && !read_number(yaml_text(yaml, time), UINT64_MAX, &number))
        return yaml_fault(yaml, time, error, "GENESIS_TIME: seconds since 1970 are expected");
    return read_committees(genesis, yaml, yaml_find_told(yaml, root, "ATTESTATION_COMMITTEE_COUNT"),
                           error) &&
           genesis_read_keys(genesis, yaml, yaml_find_told(yaml, root, "GENESIS_VALIDATORS"),
                             error) &&
           read_total(genesis, yaml, error);
}

static bool take(struct genesis *genesis, const char *file, const struct yaml_tree *yaml,
                 struct error *error)
{
    if (strcmp(file, validators_file) == 0)
        return read_validators(genesis, yaml, error);
    if (strcmp(file, records_file) == 0)
        return read_records(genesis, yaml, error);
    if (strcmp(file, assigned_file) == 0 || strcmp(file, annotated_file) == 0)
        return genesis_read_assignment(genesis, file, yaml, error);
    return read_config(genesis, yaml, error);
}

bool genesis_take(struct genesis *genesis, const char *file, const char *path, struct bytes text,
                  struct error *error)
{
    struct yaml_tree *yaml = yaml_tree_parse(path, text, error);
    bool taken = yaml != NULL && take(genesis, file, yaml, error);
    yaml_tree_free(yaml);
    return taken;
}

/* Reads PATH as the file of the folder that FILE says. */
static bool read_path(struct genesis *genesis, const char *file, const char *path,
                      struct error *error)
{
    struct buffer text = {0};
    bool taken = file_read_plain(path, GENESIS_FILE_MAX, &text, error) &&
                 genesis_take(genesis, file, path, buffer_bytes(&text), error);
    if (text.data != NULL)
        explicit_bzero(text.data, text.capacity); /* there are keys in it */
    buffer_clear(&text);
    return taken;
}

/* Reads FILE where it is there. */
static bool read_file(struct genesis *genesis, const char *file, struct error *error)
{
    if (!file_is_in(genesis->folder, file))
        return true;
    char *path = path_of(genesis, file, "");
    bool taken = read_path(genesis, file, path, error);
    free(path);
    return taken;
}

bool genesis_is_records(const char *path)
{
    static const char *const endings[] = {".yaml", ".yml"};
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strcmp(path + length - ending, endings[i]) == 0)
            return true;
    }
    return false;
}

bool genesis_load_records(const char *path, struct genesis *genesis, struct error *error)
{
    *genesis = (struct genesis){.folder = text_copy(path), .committees = 1};
    return read_path(genesis, records_file, path, error) &&
           (genesis->count > 0 || error_set(error, "%s: has no nodes", path));
}

bool genesis_load(const char *folder, struct genesis *genesis, struct error *error)
{
    *genesis = (struct genesis){.folder = text_copy(folder), .committees = 1};
    if (!genesis_is_there(folder))
        return error_set(error, "%s: no genesis folder: neither %s nor %s is there", folder,
                         validators_file, records_file);
    bool loaded =
        read_file(genesis, validators_file, error) && read_file(genesis, records_file, error) &&
        read_file(genesis, config_file, error) && read_file(genesis, assigned_file, error) &&
        read_file(genesis, annotated_file, error) &&
        (genesis->count > 0 || error_set(error, "%s: has no nodes", folder));
    if (loaded)
        genesis_warn_of_shared_validators(genesis);
    return loaded;
}

/* ---- as nodes of a devnet ---- */

static void copy_addresses(const struct genesis_node *node, struct devnet_node *copy)
{
    char text[MULTIADDR_TEXT_SIZE];
    copy->listen = memory_new((node->address.count + 1) * sizeof(*copy->listen));
    for (size_t i = 0; i < node->address.count; i++) {
        multiaddr_text(&node->address.at[i], text);
        copy->listen[copy->listen_count++] = text_copy(text);
    }
}

/* Of a port at the node's first address; NULL where it is 0. Clients' HTTP listens on IPv4, those
 * that are here on loopback or any address, wherever their QUIC is. */
static char *url_of(const struct genesis_node *node, uint16_t port, const char *path)
{
    const struct multiaddr *at = &node->address.at[0];
    bool local = strcmp(at->host, "::1") == 0, ip6 = at->kind == MULTIADDR_IP6 && !local;
    return port == 0 ? NULL
                     : text_format("http://%s%s%s:%u%s", ip6 ? "[" : "",
                                   local ? "127.0.0.1" : at->host, ip6 ? "]" : "", port, path);
}

static bool has_peer(const struct devnet *devnet, const char *peer_id)
{
    for (size_t i = 0; i < devnet->count; i++)
        if (devnet->nodes[i].peer_id != NULL && strcmp(devnet->nodes[i].peer_id, peer_id) == 0)
            return true;
    return false;
}

static void copy_validators(const struct genesis_node *node, struct devnet_node *copy)
{
    size_t size = node->validator_count * sizeof(*node->validators);
    free(copy->validators);
    copy->validators = memory_new(size + 1);
    copy->validator_count = node->validator_count;
    if (size > 0)
        memcpy(copy->validators, node->validators, size);
}

void genesis_add_to(const struct genesis *genesis, struct devnet *devnet)
{
    for (size_t i = 0; i < genesis->count; i++) {
        const struct genesis_node *node = &genesis->nodes[i];
        char peer_id[PEER_ID_TEXT_SIZE];
        peer_id_text(&node->address.at[0].peer_id, peer_id);
        struct devnet_node *copy = devnet_find(devnet, node->name);
        if (copy != NULL)
            copy_validators(node, copy);
        if (copy != NULL || has_peer(devnet, peer_id))
            continue;
        copy = devnet_add(devnet, node->name);
        copy_validators(node, copy);
        copy->of_genesis = true;
        copy->peer_id = text_copy(peer_id);
        copy->enr = node->enr[0] != '\0' ? text_copy(node->enr) : NULL;
        copy->lean_api = url_of(node, node->api_port, "");
        copy->metrics = url_of(node, node->metrics_port, "/metrics");
        copy_addresses(node, copy);
    }
}

bool genesis_load_for(const char *folder, const struct devnet *devnet, struct genesis *genesis,
                      struct error *error)
{
    *genesis = (struct genesis){0};
    if (folder == NULL && !genesis_is_there(devnet->folder))
        return true;
    return genesis_load(folder != NULL ? folder : devnet->folder, genesis, error);
}

bool genesis_load_devnet(const char *folder, struct devnet *devnet, struct error *error)
{
    struct genesis genesis = {0};
    bool loaded = devnet_load(devnet, error) && genesis_load_for(folder, devnet, &genesis, error);
    if (loaded)
        genesis_add_to(&genesis, devnet);
    genesis_clear(&genesis);
    return loaded;
}
