#include "cmd/devnet/devnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/devnet/counts.h"
#include "cmd/devnet/status_watch.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/utf8.h"
#include "devnet/ask.h"
#include "devnet/family.h"
#include "devnet/genesis.h"
#include "devnet/tap.h"
#include "net/api/status_json.h"
#include "net/mesh/lean_answer.h"
#include "net/mesh/prometheus.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/tapped.h"

enum { ANSWER_TIMEOUT_MS = 2000 };

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

/* By its own API, or else its page of metrics; NULL where neither tells. */
static json_t *count_connected(const json_t *answer)
{
    const json_t *peers = json_object_get(json_object_get(answer, "lean"), "peers");
    const json_t *metrics = json_object_get(json_object_get(answer, "volatile"), "metrics");
    json_int_t count = 0;
    double sum;
    size_t index;
    const json_t *peer;
    json_array_foreach(peers, index, peer)
    {
        count += lean_peer_is_connected(peer);
    }
    if (json_is_array(peers))
        return json_integer(count);
    return prometheus_sum(metrics, "lean_connected_peers", &sum) ? json_integer((json_int_t)sum)
                                                                 : NULL;
}

/* What a Lean node's own API told: its head is newer than what a visitor was told of. */
static void add_lean(json_t *entry, const json_t *lean)
{
    const json_t *choice = json_object_get(lean, "fork_choice");
    if (json_is_object(choice))
        json_object_set(entry, "head", json_object_get(choice, "head"));
    if (lean != NULL)
        json_object_set(entry, "health", json_object_get(lean, "health"));
}

/* What it says of itself. */
static void add_answer(json_t *entry, const json_t *answer, bool ours)
{
    const json_t *peers = json_object_get(answer, "peers");
    const json_t *status = json_object_get(answer, "status");
    json_object_set(entry, "agent", json_object_get(answer, "agent"));
    if (json_is_object(status))
        json_object_set(entry, "head", json_object_get(status, "head"));
    if (ours) {
        json_object_set_new(entry, "peers", json_integer((json_int_t)json_array_size(peers)));
        json_object_set_new(entry, "mesh", count_mesh(answer));
    } else {
        json_object_set_new(entry, "peers", count_connected(answer));
        add_lean(entry, json_object_get(answer, "lean"));
    }
    counts_add(entry, answer);
}

int devnet_load_status(const struct error *error)
{
    return error->kind == ERROR_CONFLICT ? DEVNET_USAGE : DEVNET_FAILED;
}

/* What a tap heard of a node does not say that it is up. */
static const char *state_of(const struct devnet_node *node, const json_t *answer)
{
    if (node->stopped)
        return "stopped";
    if (node->paused)
        return "paused";
    bool foreign =
        !node->of_genesis && devnet_node_is_foreign(node) && family_lives(&node->process);
    if ((answer != NULL && !tapped_is_node(answer)) || foreign)
        return "up";
    return process_is_running(&node->process) ? "silent" : "down";
}

/* NULL where no genesis folder tells. */
static json_t *validators_of(const struct devnet_node *node)
{
    json_t *validators = node->validator_count > 0 ? json_array() : NULL;
    for (size_t i = 0; i < node->validator_count; i++)
        json_array_append_new(validators, json_integer((json_int_t)node->validators[i]));
    return validators;
}

/* By its own API or, of another's, by a visit. MEMORY: bytes that it has; 0: not known. */
static json_t *describe(const struct devnet_node *node, const json_t *snapshot, uint64_t memory)
{
    const json_t *answer = snapshot_find_item(json_object_get(snapshot, "nodes"), node->peer_id);
    if (tapped_is_node(answer) && !family_lives(&node->process)) /* that is of before */
        answer = NULL;
    bool foreign = node->of_genesis && answer == NULL;
    if (foreign)
        answer = snapshot_find_item(json_object_get(snapshot, "foreign"), node->peer_id);
    json_t *listen = json_array();
    for (size_t i = 0; i < node->listen_count; i++)
        json_array_append_new(listen, json_string(node->listen[i]));
    json_t *entry =
        json_pack("{s:s,s:s,s:I,s:s?,s:s?,s:s?,s:o}", "name", node->name, "state",
                  state_of(node, answer), "pid", (json_int_t)node->process.pid, "peer_id",
                  node->peer_id, "api", node->of_genesis && !foreign ? node->lean_api : node->api,
                  "enr", node->enr, "listen", listen);
    if (node->tapped != NULL)
        json_object_update_new(
            entry, json_pack("{s:s,s:s?}", "tapped", node->tapped, "tapped_enr", node->tapped_enr));
    if (node->of_genesis)
        json_object_update_new(entry, json_pack("{s:b,s:s?,s:s?}", "foreign", foreign, "lean_api",
                                                node->lean_api, "metrics", node->metrics));
    json_object_set_new(entry, "validators", validators_of(node));
    json_object_set_new(entry, "memory_bytes",
                        memory > 0 ? json_integer((json_int_t)memory) : NULL);
    if (answer != NULL)
        add_answer(entry, answer, !foreign);
    else
        counts_add_told(entry, snapshot, node->peer_id);
    return entry;
}

static const char *text_of(const json_t *entry, const char *member)
{
    const char *text = json_string_value(json_object_get(entry, member));
    return text != NULL ? text : "-";
}

/* Without the end of the line. */
static void print_process(const json_t *entry)
{
    const char *state = text_of(entry, "state");
    bool up = strcmp(state, "up") == 0;
    printf("%-8s %s%-6s%s pid %-8" JSON_INTEGER_FORMAT " %s", text_of(entry, "name"),
           output_colour(stdout, up ? COLOUR_GREEN : COLOUR_RED), state, output_colour_end(stdout),
           json_integer_value(json_object_get(entry, "pid")), text_of(entry, "api"));
}

static void print_node(const json_t *entry)
{
    print_process(entry);
    if (json_object_get(entry, "peers") != NULL)
        printf(" peers %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(entry, "peers")));
    const char *listen = json_string_value(json_array_get(json_object_get(entry, "listen"), 0));
    printf("\n         %s\n", listen != NULL ? listen : "-");
    if (json_is_string(json_object_get(entry, "enr")))
        printf("         %s\n", text_of(entry, "enr"));
    if (json_is_string(json_object_get(entry, "tapped")))
        printf("         at the tap: %s\n", text_of(entry, "tapped"));
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

/* What stands between the nodes; NULL where nothing does. */
static json_t *describe_between(const struct devnet *devnet)
{
    json_t *list = devnet->between_count > 0 ? json_array() : NULL;
    for (size_t i = 0; i < devnet->between_count; i++) {
        const struct devnet_between *between = &devnet->between[i];
        const char *state = process_is_running(&between->process) ? "up" : "down";
        json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:s?}", "name", between->kind, "state",
                                              state, "pid", (json_int_t)between->process.pid, "api",
                                              between->api));
    }
    return list;
}

json_t *devnet_describe(const struct devnet *devnet)
{
    json_t *snapshot = devnet_ask(devnet, ANSWER_TIMEOUT_MS), *nodes = json_array();
    json_t *between = describe_between(devnet), *paths = devnet_describe_paths(devnet);
    struct process *processes = devnet_processes(devnet);
    uint64_t *memory = memory_new((devnet->count + 1) * sizeof(*memory));
    family_memory(processes, devnet->count, memory);
    for (size_t i = 0; i < devnet->count; i++)
        json_array_append_new(nodes, describe(&devnet->nodes[i], snapshot, memory[i]));
    free(memory);
    free(processes);
    json_decref(snapshot);
    bool up = all_up(nodes) && (between == NULL || all_up(between));
    json_t *status = json_pack("{s:s,s:b,s:o,s:o*}", "folder", devnet->folder, "up", up, "nodes",
                               nodes, "between", between);
    if (paths != NULL)
        json_object_update(status, paths);
    json_decref(paths);
    return status;
}

static void print_between(const json_t *status)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(status, "between"), index, entry)
    {
        print_process(entry);
        putchar('\n');
    }
    devnet_print_paths(status);
}

static void print_status(const json_t *status)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(status, "nodes"), index, entry)
    {
        print_node(entry);
    }
    print_between(status);
}

/* ---- a table: whose nodes they are does not matter ---- */

static void print_row(const json_t *entry)
{
    const json_t *head = json_object_get(entry, "head"), *peers = json_object_get(entry, "peers");
    const char *state = text_of(entry, "state");
    bool up = strcmp(state, "up") == 0;
    char number[SLOT_TEXT_SIZE], slot[SLOT_TEXT_SIZE + 16] = "-", count[32] = "-";
    if (json_is_object(head)) {
        slot_text(json_object_get(head, "slot"), number);
        snprintf(slot, sizeof(slot), "%s %.10s", number, text_of(head, "root"));
    }
    if (json_is_integer(peers))
        snprintf(count, sizeof(count), "%" JSON_INTEGER_FORMAT, json_integer_value(peers));
    char *agent = utf8_safe_text(bytes_of_text(text_of(entry, "agent")));
    printf("%-16s %s%-6s%s %-18s %5s  %s\n", text_of(entry, "name"),
           output_colour(stdout, up ? COLOUR_GREEN : COLOUR_RED), state, output_colour_end(stdout),
           slot, count, agent);
    free(agent);
}

static void print_table(const json_t *status)
{
    size_t index;
    const json_t *entry;
    printf("%s%-16s %-6s %-18s %5s  %s%s\n", output_colour(stdout, COLOUR_BOLD), "node", "state",
           "head", "peers", "agent", output_colour_end(stdout));
    json_array_foreach(json_object_get(status, "nodes"), index, entry)
    {
        print_row(entry);
    }
    print_between(status);
}

static void print(const json_t *status, const struct devnet_options *options)
{
    if (options->json)
        output_json(status);
    else if (options->genesis != NULL)
        print_table(status);
    else
        print_status(status);
}

static int show(struct devnet *devnet, const struct genesis *genesis,
                const struct devnet_options *options)
{
    genesis_add_to(genesis, devnet);
    if (options->watch) {
        status_watch(devnet, genesis, options);
        return DEVNET_OK;
    }
    json_t *status = devnet_describe(devnet);
    bool up = json_is_true(json_object_get(status, "up"));
    print(status, options);
    if (devnet->count == 0)
        log_info("no devnet is up in %s", devnet->folder);
    json_decref(status);
    return up ? DEVNET_OK : DEVNET_FAILED;
}

int devnet_status_command(const struct devnet_options *options)
{
    struct devnet devnet;
    struct genesis genesis = {0};
    struct error error;
    int status = DEVNET_FAILED;
    devnet_init(&devnet, options->folder);
    bool loaded = devnet_load(&devnet, &error);
    if (!loaded)
        status = devnet_load_status(&error);
    if (loaded && !genesis_load_for(options->genesis, &devnet, &genesis, &error)) {
        loaded = false;
        status = DEVNET_USAGE;
    }
    if (loaded)
        status = show(&devnet, &genesis, options);
    else
        log_error("%s", error.text);
    genesis_clear(&genesis);
    devnet_clear(&devnet);
    return status;
}
