#include "cmd/devnet/devnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "devnet/family.h"
#include "net/mesh/collect.h"
#include "net/mesh/snapshot.h"

enum { ANSWER_TIMEOUT_MS = 2000 };

json_t *devnet_ask(const struct devnet *devnet, uint64_t timeout_ms)
{
    const struct mesh_manner manner = {.timeout_ms = timeout_ms};
    const char **apis = memory_new((devnet->count + 1) * sizeof(*apis));
    size_t count = 0;
    for (size_t i = 0; i < devnet->count; i++)
        if (devnet->nodes[i].api != NULL && process_is_running(&devnet->nodes[i].process))
            apis[count++] = devnet->nodes[i].api;
    json_t *snapshot = mesh_collect(apis, count, &manner, NULL);
    free(apis);
    return snapshot;
}

static const json_t *find_answer(const json_t *snapshot, const char *peer_id)
{
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(snapshot, "nodes"), index, node)
    {
        if (peer_id != NULL && strcmp(snapshot_item_name(node), peer_id) == 0)
            return node;
    }
    return NULL;
}

/* By topic, how many peers are in the mesh. */
static json_t *count_mesh(const json_t *answer)
{
    json_t *counts = json_object();
    const char *name;
    json_t *topic;
    json_object_foreach(json_object_get(answer, "topics"), name, topic)
    {
        json_object_set_new(
            counts, name,
            json_integer((json_int_t)json_array_size(json_object_get(topic, "mesh"))));
    }
    return counts;
}

static json_t *describe(const struct devnet_node *node, const json_t *snapshot)
{
    const json_t *answer = find_answer(snapshot, node->peer_id);
    bool foreign = devnet_node_is_foreign(node) && family_lives(&node->process);
    const char *state = answer != NULL || foreign            ? "up"
                        : process_is_running(&node->process) ? "silent"
                                                             : "down";
    json_t *listen = json_array();
    for (size_t i = 0; i < node->listen_count; i++)
        json_array_append_new(listen, json_string(node->listen[i]));
    json_t *entry = json_pack("{s:s,s:s,s:I,s:s?,s:s?,s:s?,s:o}", "name", node->name, "state",
                              state, "pid", (json_int_t)node->process.pid, "peer_id", node->peer_id,
                              "api", node->api, "enr", node->enr, "listen", listen);
    if (answer != NULL) {
        size_t peers = json_array_size(json_object_get(answer, "peers"));
        json_object_set_new(entry, "peers", json_integer((json_int_t)peers));
        json_object_set_new(entry, "mesh", count_mesh(answer));
    }
    return entry;
}

static const char *text_of(const json_t *entry, const char *member)
{
    const char *text = json_string_value(json_object_get(entry, member));
    return text != NULL ? text : "-";
}

static void print_node(const json_t *entry)
{
    const char *state = text_of(entry, "state");
    bool up = strcmp(state, "up") == 0;
    printf("%-8s %s%-6s%s pid %-8" JSON_INTEGER_FORMAT " %s", text_of(entry, "name"),
           output_colour(stdout, up ? COLOUR_GREEN : COLOUR_RED), state, output_colour_end(stdout),
           json_integer_value(json_object_get(entry, "pid")), text_of(entry, "api"));
    if (json_object_get(entry, "peers") != NULL)
        printf(" peers %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(entry, "peers")));
    const char *listen = json_string_value(json_array_get(json_object_get(entry, "listen"), 0));
    printf("\n         %s\n", listen != NULL ? listen : "-");
    if (json_is_string(json_object_get(entry, "enr")))
        printf("         %s\n", text_of(entry, "enr"));
}

/* Whether there are nodes and all are up. */
static bool all_up(const json_t *nodes)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(nodes, index, entry)
    {
        if (strcmp(text_of(entry, "state"), "up") != 0)
            return false;
    }
    return json_array_size(nodes) > 0;
}

json_t *devnet_describe(const struct devnet *devnet)
{
    json_t *snapshot = devnet_ask(devnet, ANSWER_TIMEOUT_MS), *nodes = json_array();
    for (size_t i = 0; i < devnet->count; i++)
        json_array_append_new(nodes, describe(&devnet->nodes[i], snapshot));
    json_decref(snapshot);
    return json_pack("{s:s,s:b,s:o}", "folder", devnet->folder, "up", all_up(nodes), "nodes",
                     nodes);
}

static void print_status(const json_t *status)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(status, "nodes"), index, entry)
    {
        print_node(entry);
    }
}

int devnet_status_command(const struct devnet_options *options)
{
    struct devnet devnet;
    struct error error;
    devnet_init(&devnet, options->folder);
    bool up = false;
    if (!devnet_load(&devnet, &error)) {
        log_error("%s", error.text);
    } else {
        json_t *status = devnet_describe(&devnet);
        up = json_is_true(json_object_get(status, "up"));
        if (options->json)
            output_json(status);
        else
            print_status(status);
        if (devnet.count == 0)
            log_info("no devnet is up in %s", devnet.folder);
        json_decref(status);
    }
    devnet_clear(&devnet);
    return up ? DEVNET_OK : DEVNET_FAILED;
}
