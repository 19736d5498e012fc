#include "devnet/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/shape.h"
#include "common/words.h"
#include "devnet/nodes_yaml.h"
#include "devnet/own_files.h"
#include "devnet/scrape.h"
#include "devnet/state_watch.h"

enum { STATE_VERSION = 1 };

static const char format_name[] = "devnet";

static const struct shape node_shape[] = {{"name", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"pid", SHAPE_INTEGER, SHAPE_REQUIRED, NULL},
                                          {"start_time", SHAPE_INTEGER, SHAPE_REQUIRED, NULL},
                                          {"peer_id", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                          {"api", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                          {"enr", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                          {"listen", SHAPE_STRINGS, SHAPE_REQUIRED, NULL},
                                          {"tapped", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                          {"tapped_enr", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                          {"mark", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                          {"arguments", SHAPE_STRINGS, SHAPE_OPTIONAL, NULL},
                                          {"place", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                          {"dials", SHAPE_STRING, SHAPE_OPTIONAL, NULL},
                                          {0}};
static const struct shape state_shape[] = {
    {"format", SHAPE_STRING, SHAPE_REQUIRED, NULL},
    {"version", SHAPE_INTEGER, SHAPE_REQUIRED, NULL},
    {"nodes", SHAPE_OBJECTS, SHAPE_REQUIRED, node_shape},
    {"arguments", SHAPE_STRINGS, SHAPE_OPTIONAL, NULL},
    {"between", SHAPE_OBJECTS, SHAPE_OPTIONAL, between_shape},
    {"removed", SHAPE_OBJECT, SHAPE_OPTIONAL, NULL},
    {0}};

void devnet_init(struct devnet *devnet, const char *folder)
{
    *devnet = (struct devnet){.lock = -1};
    char here[PATH_MAX] = "";
    if (folder[0] != '/' && getcwd(here, sizeof(here)) == NULL)
        here[0] = '\0';
    devnet->folder = here[0] != '\0' ? text_format("%s/%s", here, folder) : text_copy(folder);
}

static void clear_node(struct devnet_node *node)
{
    free(node->name);
    free(node->peer_id);
    free(node->api);
    free(node->enr);
    free(node->tapped);
    free(node->tapped_enr);
    free(node->lean_api);
    free(node->metrics);
    free(node->validators);
    free(node->place);
    free(node->dials);
    words_free(node->arguments);
    for (size_t j = 0; j < node->listen_count; j++)
        free(node->listen[j]);
    free(node->listen);
}

static void clear_nodes(struct devnet *devnet)
{
    for (size_t i = 0; i < devnet->count; i++)
        clear_node(&devnet->nodes[i]);
    free(devnet->nodes);
    devnet->nodes = NULL;
    devnet->count = 0;
    between_clear_all(devnet);
    words_free(devnet->node_arguments);
    devnet->node_arguments = NULL;
    names_clear(&devnet->removed);
}

/* ---- who dials whom ---- */

/* Where NAME stands in a list of names; NULL where it does not. */
static char *find_word(char *list, const char *name)
{
    size_t length = strlen(name);
    for (char *at = list; at != NULL && *at != '\0'; at += strcspn(at, " ")) {
        at += *at == ' ';
        if (strncmp(at, name, length) == 0 && (at[length] == ' ' || at[length] == '\0'))
            return at;
    }
    return NULL;
}

bool devnet_node_is_dialler(const struct devnet_node *node, const char *name)
{
    return find_word(node->dials, name) != NULL;
}

void devnet_node_dials(struct devnet_node *node, const char *name)
{
    if (devnet_node_is_dialler(node, name))
        return;
    char *longer = node->dials != NULL ? text_format("%s %s", node->dials, name) : text_copy(name);
    free(node->dials);
    node->dials = longer;
}

static void forget_dialled(struct devnet_node *node, const char *name)
{
    char *word = find_word(node->dials, name);
    if (word == NULL)
        return;
    const char *rest = word + strlen(name);
    rest += *rest == ' ';
    memmove(word, rest, strlen(rest) + 1);
    size_t length = strlen(node->dials);
    if (length > 0 && node->dials[length - 1] == ' ')
        node->dials[length - 1] = '\0';
}

/* The latest name of a peer id, and the latest DEVNET_NODES_MAX of them, which are in the order in
 * which they came. */
static void keep_name(struct names *removed, const char *peer_id, const char *name)
{
    if (removed->by_id != NULL)
        json_object_del(removed->by_id, peer_id);
    while (json_object_size(removed->by_id) >= DEVNET_NODES_MAX)
        json_object_del(removed->by_id, json_object_iter_key(json_object_iter(removed->by_id)));
    names_add(removed, peer_id, name);
}

void devnet_remove(struct devnet *devnet, size_t index)
{
    for (size_t i = 0; i < devnet->count; i++)
        forget_dialled(&devnet->nodes[i], devnet->nodes[index].name);
    if (devnet->nodes[index].peer_id != NULL)
        keep_name(&devnet->removed, devnet->nodes[index].peer_id, devnet->nodes[index].name);
    clear_node(&devnet->nodes[index]);
    memmove(&devnet->nodes[index], &devnet->nodes[index + 1],
            (--devnet->count - index) * sizeof(*devnet->nodes));
}

void devnet_clear(struct devnet *devnet)
{
    clear_nodes(devnet);
    if (devnet->lock >= 0)
        close(devnet->lock);
    free(devnet->folder);
}

char *devnet_path(const struct devnet *devnet, const char *name, const char *file)
{
    return file != NULL ? text_format("%s/%s/%s", devnet->folder, name, file)
                        : text_format("%s/%s", devnet->folder, name);
}

bool devnet_lock(struct devnet *devnet, struct error *error)
{
    if (!file_make_folder(devnet->folder, error))
        return false;
    char *path = devnet_path(devnet, "lock", NULL);
    devnet->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int code = errno;
    bool locked = devnet->lock >= 0 && flock(devnet->lock, LOCK_EX | LOCK_NB) == 0;
    if (devnet->lock < 0)
        error_set_kind(error, ERROR_SYSTEM, "%s: %s", path, strerror(code));
    else if (!locked)
        error_set(error,
                  "%s: another devnet up or down is at work here; wait for it, or use "
                  "another folder with --dir",
                  devnet->folder);
    free(path);
    return locked;
}

struct devnet_node *devnet_add(struct devnet *devnet, const char *name)
{
    devnet->nodes = memory_resize(devnet->nodes, (devnet->count + 1) * sizeof(*devnet->nodes));
    struct devnet_node *node = &devnet->nodes[devnet->count++];
    *node = (struct devnet_node){.name = text_copy(name)};
    return node;
}

struct devnet_node *devnet_find(const struct devnet *devnet, const char *name)
{
    for (size_t i = 0; i < devnet->count; i++)
        if (strcmp(devnet->nodes[i].name, name) == 0)
            return &devnet->nodes[i];
    return NULL;
}

struct process *devnet_processes(const struct devnet *devnet)
{
    struct process *processes = memory_new(devnet->count * sizeof(*processes) + 1);
    for (size_t i = 0; i < devnet->count; i++)
        processes[i] = devnet->nodes[i].process;
    return processes;
}

static char *copy_member(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text_copy(text) : NULL;
}

/* Of texts; NULL where there is none. */
static char **copy_list(const json_t *array)
{
    if (!json_is_array(array))
        return NULL;
    char **list = memory_new((json_array_size(array) + 1) * sizeof(*list));
    for (size_t i = 0; i < json_array_size(array); i++)
        list[i] = text_copy(json_string_value(json_array_get(array, i)));
    return list;
}

static void load_node(struct devnet *devnet, const json_t *entry)
{
    struct devnet_node *node =
        devnet_add(devnet, json_string_value(json_object_get(entry, "name")));
    node->process.pid = (pid_t)json_integer_value(json_object_get(entry, "pid"));
    node->process.start_time = (uint64_t)json_integer_value(json_object_get(entry, "start_time"));
    const char *mark = json_string_value(json_object_get(entry, "mark"));
    if (mark != NULL && strlen(mark) < sizeof(node->process.mark))
        memcpy(node->process.mark, mark, strlen(mark) + 1);
    node->peer_id = copy_member(entry, "peer_id");
    node->api = copy_member(entry, "api");
    node->enr = copy_member(entry, "enr");
    node->tapped = copy_member(entry, "tapped");
    node->tapped_enr = copy_member(entry, "tapped_enr");
    node->place = copy_member(entry, "place");
    node->dials = copy_member(entry, "dials");
    node->arguments = copy_list(json_object_get(entry, "arguments"));
    node->stopped = json_is_true(json_object_get(entry, "stopped"));
    node->paused =
        json_is_true(json_object_get(entry, "paused")) && process_is_paused(&node->process);
    const json_t *listen = json_object_get(entry, "listen");
    node->listen_count = json_array_size(listen);
    node->listen = memory_new((node->listen_count + 1) * sizeof(*node->listen));
    for (size_t i = 0; i < node->listen_count; i++)
        node->listen[i] = text_copy(json_string_value(json_array_get(listen, i)));
}

/* ADVICE is of a file that cannot be read. */
static bool load_nodes(struct devnet *devnet, struct bytes text, const char *advice,
                       struct error *error)
{
    json_error_t problem;
    if (text.size == 0)
        return error_set(error, "is empty: %s", advice);
    json_t *state = json_loadb((const char *)text.data, text.size, 0, &problem);
    if (state == NULL)
        return error_set(error, "not JSON: line %d: %s; %s", problem.line, problem.text, advice);
    bool sound = shape_check(state, state_shape, error);
    if (sound && (strcmp(json_string_value(json_object_get(state, "format")), format_name) != 0 ||
                  json_integer_value(json_object_get(state, "version")) != STATE_VERSION))
        sound =
            error_set_kind(error, ERROR_CONFLICT,
                           "not a devnet of version %d, but of %" JSON_INTEGER_FORMAT
                           ": end it with the devnet that started it",
                           STATE_VERSION, json_integer_value(json_object_get(state, "version")));
    size_t index;
    const json_t *entry;
    if (sound)
        json_array_foreach(json_object_get(state, "nodes"), index, entry)
        {
            load_node(devnet, entry);
        }
    if (sound) {
        devnet->node_arguments = copy_list(json_object_get(state, "arguments"));
        between_load_all(devnet, json_object_get(state, "between"));
        names_add_json(&devnet->removed, json_object_get(state, "removed"));
    }
    json_decref(state);
    return sound;
}

static const char state_file[] = STATE_FILE, left_file[] = "left.json";

static bool load(struct devnet *devnet, const char *file, struct error *error)
{
    const char *advice =
        file == state_file ? "delete it, and `devnet down` ends what still runs" : "delete it";
    clear_nodes(devnet);
    char *path = devnet_path(devnet, file, NULL);
    struct buffer text = {0};
    bool absent = access(path, F_OK) != 0 && errno == ENOENT;
    bool loaded = absent || file_read(path, DEVNET_STATE_MAX, &text, error);
    if (loaded && !absent && !load_nodes(devnet, buffer_bytes(&text), advice, error)) {
        error_prefix(error, "%s", path);
        loaded = false;
    }
    buffer_clear(&text);
    free(path);
    return loaded;
}

bool devnet_load(struct devnet *devnet, struct error *error)
{
    return load(devnet, state_file, error);
}

static int is_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Whether it is a folder that a node has logged in. */
static bool has_log(const struct devnet *devnet, const char *name)
{
    char *log = devnet_path(devnet, name, "log");
    bool has = access(log, F_OK) == 0;
    free(log);
    return has;
}

static void add_folders(struct devnet *devnet)
{
    struct dirent **entries;
    int count = scandir(devnet->folder, &entries, is_name, versionsort);
    for (int i = 0; i < count; i++) {
        if (!between_is_kind(entries[i]->d_name) && has_log(devnet, entries[i]->d_name))
            devnet_add(devnet, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

bool devnet_load_left(struct devnet *devnet, struct error *error)
{
    if (!load(devnet, left_file, error))
        return false;
    if (devnet->count == 0)
        add_folders(devnet);
    for (size_t i = 0; i < devnet->count; i++)
        devnet->nodes[i].process = (struct process){0};
    for (size_t i = 0; i < devnet->between_count; i++)
        devnet->between[i].process = (struct process){0};
    return true;
}

char *devnet_names(const struct devnet *devnet)
{
    struct buffer names = {0};
    if (devnet->count == 0)
        return text_copy("no nodes");
    for (size_t i = 0; i < devnet->count; i++)
        words_append_listed(&names, i, devnet->count, devnet->nodes[i].name);
    buffer_append_byte(&names, '\0');
    return (char *)names.data;
}

/* NULL where LIST is. */
static json_t *describe_list(char *const *list)
{
    json_t *array = list != NULL ? json_array() : NULL;
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

static json_t *describe_node(const struct devnet_node *node)
{
    json_t *listen = json_array();
    for (size_t i = 0; i < node->listen_count; i++)
        json_array_append_new(listen, json_string(node->listen[i]));
    const char *mark = node->process.mark[0] != '\0' ? node->process.mark : NULL;
    json_t *entry = json_pack(
        "{s:s,s:I,s:I,s:s?,s:s?,s:s*,s:o,s:s*,s:s*,s:s*,s:s*,s:s*,s:o*}", "name", node->name, "pid",
        (json_int_t)node->process.pid, "start_time", (json_int_t)node->process.start_time,
        "peer_id", node->peer_id, "api", node->api, "enr", node->enr, "listen", listen, "tapped",
        node->tapped, "tapped_enr", node->tapped_enr, "mark", mark, "place", node->place, "dials",
        node->dials, "arguments", describe_list(node->arguments));
    if (node->stopped)
        json_object_set_new(entry, "stopped", json_true());
    if (node->paused)
        json_object_set_new(entry, "paused", json_true());
    return entry;
}

/* Those whose names no other node has got; NULL where there are none. */
static json_t *describe_removed(const struct devnet *devnet)
{
    json_t *removed = json_object(), *name;
    const char *id;
    json_object_foreach(devnet->removed.by_id, id, name)
    {
        if (devnet_find(devnet, json_string_value(name)) == NULL)
            json_object_set(removed, id, name);
    }
    if (json_object_size(removed) > 0)
        return removed;
    json_decref(removed);
    return NULL;
}

bool devnet_save(const struct devnet *devnet, struct error *error)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < devnet->count; i++)
        if (!devnet->nodes[i].of_genesis)
            json_array_append_new(nodes, describe_node(&devnet->nodes[i]));
    json_t *state =
        json_pack("{s:s,s:i,s:o,s:o*,s:o*,s:o*}", "format", format_name, "version", STATE_VERSION,
                  "nodes", nodes, "arguments", describe_list(devnet->node_arguments), "between",
                  between_describe_all(devnet), "removed", describe_removed(devnet));
    /* Not sorted: the order of "removed" says who went first. */
    char *text = json_dumps(state, JSON_INDENT(2));
    char *path = devnet_path(devnet, state_file, NULL);
    bool saved = file_write(path, bytes_of_text(text), 0666, error);
    free(path);
    free(text);
    json_decref(state);
    return saved && scrape_write(devnet, error);
}

void devnet_write_pid(const struct devnet *devnet, const struct devnet_node *node)
{
    char *path = devnet_path(devnet, node->name, "pid");
    char *text = text_format("%d\n", (int)node->process.pid);
    file_write(path, bytes_of_text(text), 0666, NULL);
    free(text);
    free(path);
}

/* That says where others are to dial it; NULL where it has none. */
static const char *record_of(const struct devnet_node *node)
{
    return node->tapped != NULL ? node->tapped_enr : node->enr;
}

bool devnet_write_nodes_to(const struct devnet *devnet, const char *path, struct error *error)
{
    const char **records = memory_new((devnet->count + 1) * sizeof(*records));
    for (size_t i = 0; i < devnet->count; i++)
        records[i] = record_of(&devnet->nodes[i]);
    bool written = nodes_yaml_write(path, records, devnet->count, error);
    free(records);
    return written;
}

bool devnet_write_nodes(const struct devnet *devnet, struct error *error)
{
    if (own_files_has_genesis(devnet->folder))
        return true;
    char *path = devnet_path(devnet, "nodes.yaml", NULL);
    bool written = devnet_write_nodes_to(devnet, path, error);
    free(path);
    return written;
}

const char *devnet_node_address(const struct devnet_node *node)
{
    return node->tapped != NULL ? node->tapped : node->listen_count > 0 ? node->listen[0] : NULL;
}

char *devnet_node_key(const struct devnet *devnet, const struct devnet_node *node)
{
    for (char *const *at = node->arguments; at != NULL && *at != NULL; at++)
        if (strcmp(*at, "--key") == 0 && at[1] != NULL)
            return text_copy(at[1]);
    return devnet_path(devnet, node->name, "key");
}

bool devnet_node_is_foreign(const struct devnet_node *node)
{
    return node->api == NULL && node->listen_count > 0;
}

char *devnet_node_target(const struct devnet_node *node)
{
    if (node->api != NULL)
        return text_copy(node->api);
    const char *lean = node->lean_api, *page = node->metrics;
    return text_format("%s%s%s%s%s", node->listen[0], lean != NULL ? "=?" : "",
                       lean != NULL ? lean : "", page != NULL ? "=?" : "",
                       page != NULL ? page : "");
}

void devnet_name_node(const struct devnet_node *node, struct names *names)
{
    const char *ids[] = {node->peer_id, node->api, node->tapped};
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        if (ids[i] != NULL)
            names_add(names, ids[i], node->name);
    for (size_t i = 0; i < node->listen_count; i++)
        names_add(names, node->listen[i], node->name);
}

void devnet_name_all(const struct devnet *devnet, struct names *names)
{
    for (size_t i = 0; i < devnet->count; i++)
        devnet_name_node(&devnet->nodes[i], names);
    names_add_json(names, devnet->removed.by_id);
}

void devnet_forget(const struct devnet *devnet)
{
    char *path = devnet_path(devnet, state_file, NULL),
         *left = devnet_path(devnet, left_file, NULL);
    if (rename(path, left) != 0)
        unlink(path);
    free(path);
    free(left);
    if (own_files_are_in(devnet->folder))
        scrape_remove(devnet);
}

void devnet_forget_left(const struct devnet *devnet)
{
    own_files_remove(devnet);
}
