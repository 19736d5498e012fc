#include "cmd/mesh/mesh.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "devnet/ask.h"
#include "devnet/genesis.h"
#include "net/api/client.h"
#include "net/mesh/collect.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/target.h"

struct targets {
    char **items;
    size_t count;
    json_t *stopped; /* peer ids of nodes that are left out, as names */
    json_t *unasked; /* addresses that cannot be asked, and why */
};

static void add_target(struct targets *targets, char *target)
{
    targets->items = memory_resize(targets->items, (targets->count + 1) * sizeof(char *));
    targets->items[targets->count++] = target;
}

static void targets_clear(struct targets *targets)
{
    for (size_t i = 0; i < targets->count; i++)
        free(targets->items[i]);
    free(targets->items);
    json_decref(targets->stopped);
    json_decref(targets->unasked);
}

bool mesh_is_live(const char *input)
{
    if (strncmp(input, "http://", 7) == 0 || file_is_folder(input) || genesis_is_records(input))
        return true;
    if (access(input, F_OK) == 0)
        return false;
    size_t length = strcspn(input, ",");
    char *first = text_format("%.*s", (int)length, input);
    bool live = node_address_looks_like(first) || strstr(first, "://") != NULL ||
                api_url_check(first, NULL);
    free(first);
    return live;
}

static void add_nodes(struct targets *targets, const struct devnet *devnet)
{
    size_t count;
    char **asked = devnet_targets(devnet, DEVNET_VISITS_UNSEEN, &count);
    json_t *stopped = devnet_stopped_ids(devnet),
           *unasked = devnet_unasked(devnet, DEVNET_VISITS_UNSEEN);
    for (size_t i = 0; i < count; i++)
        add_target(targets, asked[i]);
    free(asked);
    json_object_update(targets->stopped, stopped);
    json_decref(stopped);
    json_object_update(targets->unasked, unasked);
    json_decref(unasked);
    devnet_name_all(devnet, &mesh_names);
}

/* All nodes of the devnet whose state is in FOLDER, or of the genesis folder that it is: those
 * without an API by the tap between them, or else by their addresses. */
static bool add_devnet(struct targets *targets, const char *folder, struct error *error)
{
    struct devnet devnet;
    devnet_init(&devnet, folder);
    bool loaded = genesis_load_devnet(NULL, &devnet, error);
    if (loaded && devnet.count == 0)
        loaded = error_set(error, "%s: no devnet is up there", folder);
    if (loaded)
        add_nodes(targets, &devnet);
    devnet_clear(&devnet);
    return loaded;
}

/* All nodes of a nodes.yaml. */
static bool add_records(struct targets *targets, const char *path, struct error *error)
{
    struct genesis genesis;
    char address[MULTIADDR_TEXT_SIZE];
    bool loaded = genesis_load_records(path, &genesis, error);
    for (size_t i = 0; loaded && i < genesis.count; i++) {
        const struct genesis_node *node = &genesis.nodes[i];
        multiaddr_text(&node->address.at[0], address);
        add_target(targets, text_copy(node->enr[0] != '\0' ? node->enr : address));
    }
    genesis_clear(&genesis);
    return loaded;
}

static bool add_input(struct targets *targets, const char *input, struct error *error)
{
    if (file_is_folder(input))
        return add_devnet(targets, input, error);
    if (genesis_is_records(input))
        return add_records(targets, input, error);
    char *copy = text_copy(input), *rest = copy;
    for (char *target; (target = strsep(&rest, ",")) != NULL;)
        add_target(targets, text_copy(target));
    free(copy);
    return true;
}

/* Those that the program which runs this one left out. */
static void add_stopped(struct targets *targets)
{
    json_t *ids = names_stopped_environment();
    size_t index;
    const json_t *id;
    json_array_foreach(ids, index, id)
    {
        json_object_set_new(targets->stopped, json_string_value(id), json_true());
    }
    json_decref(ids);
}

/* Likewise those that it cannot have asked. */
static void add_ended(struct targets *targets)
{
    json_t *addresses = names_ended_environment();
    size_t index;
    const json_t *address;
    json_array_foreach(addresses, index, address)
    {
        const char *text = json_string_value(address), *name = names_find(&mesh_names, text);
        char *why = text_format("%s ended by itself", name != NULL ? name : text);
        json_object_set_new(targets->unasked, text, json_string(why));
        free(why);
    }
    json_decref(addresses);
}

static void add_unasked(const struct targets *targets, json_t *snapshot)
{
    const char *address;
    json_t *why;
    json_object_foreach(targets->unasked, address, why)
    {
        snapshot_add_unreachable(snapshot, address, json_string_value(why));
    }
    snapshot_sort(snapshot);
}

json_t *mesh_ask(const struct mesh_options *options, const char *const *inputs, size_t count,
                 struct error *error)
{
    const struct mesh_manner manner = {.timeout_ms = options->timeout, .stay_ms = options->stay};
    struct targets targets = {.stopped = json_object(), .unasked = json_object()};
    add_stopped(&targets);
    add_ended(&targets);
    json_t *snapshot = NULL;
    bool sound = true;
    for (size_t i = 0; sound && i < count; i++)
        sound = add_input(&targets, inputs[i], error);
    if (sound)
        snapshot = mesh_collect((const char *const *)targets.items, targets.count, &manner, error);
    if (snapshot != NULL) {
        add_unasked(&targets, snapshot);
        snapshot_set_stopped(snapshot, targets.stopped);
        snapshot_set_names(snapshot, &mesh_names);
        snapshot_set_paths(snapshot, names_paths_environment());
    }
    targets_clear(&targets);
    return snapshot;
}

/* Of a file: what it calls nodes, and what they are called beside. */
static json_t *read_file(const char *path, struct error *error)
{
    json_t *snapshot = snapshot_read(path, error);
    if (snapshot == NULL)
        return NULL;
    names_add_json(&mesh_names, json_object_get(snapshot, "names"));
    snapshot_set_names(snapshot, &mesh_names);
    return snapshot;
}

static bool has_any(const json_t *snapshot, const char *list)
{
    return json_array_size(json_object_get(snapshot, list)) > 0;
}

static bool has_somebody(const json_t *snapshot)
{
    return has_any(snapshot, "nodes") || has_any(snapshot, "foreign") ||
           has_any(snapshot, "endpoints");
}

bool mesh_nobody_answered(const json_t *snapshot)
{
    return !has_somebody(snapshot) && has_any(snapshot, "unreachable");
}

bool mesh_nobody_asked(const json_t *snapshot)
{
    return !has_somebody(snapshot) && !has_any(snapshot, "unreachable");
}

static bool is_told(const json_t *answer)
{
    return answer != NULL && !json_is_null(answer);
}

/* Whether a Lean node's API told anything that is checked, and not of its health alone. */
static bool tells_anything(const json_t *endpoint)
{
    static const char *const checked[] = {"identity", "peers", "fork_choice"};
    const json_t *lean = json_object_get(endpoint, "lean");
    for (size_t i = 0; i < sizeof(checked) / sizeof(*checked); i++)
        if (is_told(json_object_get(lean, checked[i])))
            return true;
    return false;
}

bool mesh_has_nothing_to_check(const json_t *snapshot)
{
    size_t index;
    const json_t *endpoint;
    json_array_foreach(json_object_get(snapshot, "endpoints"), index, endpoint)
    {
        if (tells_anything(endpoint))
            return false;
    }
    return !has_any(snapshot, "nodes") && !has_any(snapshot, "foreign") &&
           !has_any(snapshot, "unreachable");
}

/* Of the folder of a devnet that is down, the mesh that it left; NULL where INPUT is none. */
static char *left_mesh(const char *input)
{
    char *state = text_format("%s/devnet.json", input), *mesh = text_format("%s/mesh.json", input);
    bool left = file_is_folder(input) && access(state, F_OK) != 0 && access(mesh, F_OK) == 0;
    free(state);
    if (left)
        return mesh;
    free(mesh);
    return NULL;
}

json_t *mesh_read(const struct mesh_options *options, const char *const *inputs, size_t count,
                  struct error *error)
{
    char *left = count == 1 ? left_mesh(inputs[0]) : NULL;
    json_t *snapshot;
    if (left != NULL)
        snapshot = read_file(left, error);
    else if (count == 1 && !mesh_is_live(inputs[0]))
        snapshot = read_file(inputs[0], error);
    else
        snapshot = mesh_ask(options, inputs, count, error);
    free(left);
    return snapshot;
}
