/* devnet genesis: writes a genesis folder. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/devnet/devnet.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "devnet/genesis_write.h"

enum { NODES_DEFAULT = 2 };

static void print_nodes(const struct genesis *genesis)
{
    for (size_t i = 0; i < genesis->count; i++) {
        const struct genesis_node *node = &genesis->nodes[i];
        char address[MULTIADDR_TEXT_SIZE];
        multiaddr_text(&node->address.at[0], address);
        printf("%s %s %s\n", node->name, address, node->enr);
    }
}

static json_t *describe(const struct genesis_node *node)
{
    char address[MULTIADDR_TEXT_SIZE], id[PEER_ID_TEXT_SIZE];
    multiaddr_text(&node->address.at[0], address);
    peer_id_text(&node->address.at[0].peer_id, id);
    json_t *validators = json_array();
    for (size_t i = 0; i < node->validator_count; i++)
        json_array_append_new(validators, json_integer((json_int_t)node->validators[i]));
    char *key = text_format("%s.key", node->name);
    json_t *told =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:o}", "name", node->name, "peer_id", id,
                  "enr", node->enr, "address", address, "api_port", node->api_port, "metrics_port",
                  node->metrics_port, "key_file", key, "validators", validators);
    free(key);
    return told;
}

static void print_json(const struct genesis *genesis)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < genesis->count; i++)
        json_array_append_new(nodes, describe(&genesis->nodes[i]));
    json_t *told = json_pack("{s:s, s:o}", "folder", genesis->folder, "nodes", nodes);
    output_json(told);
    json_decref(told);
}

/* As it is read again. */
static int print(const struct devnet_options *options, const char *folder)
{
    struct genesis genesis;
    struct error error;
    bool read = genesis_load(folder, &genesis, &error);
    if (read && options->json)
        print_json(&genesis);
    else if (read)
        print_nodes(&genesis);
    genesis_clear(&genesis);
    if (!read)
        log_error("%s", error.text);
    return read ? DEVNET_OK : DEVNET_FAILED;
}

/* Whether there are so many ports, and names can be made. */
static bool check_plan(const struct genesis_plan *plan)
{
    const uint64_t firsts[] = {plan->port, plan->api_port, plan->metrics_port};
    static const char *const options[] = {"--port", "--api-port", "--metrics-port"};
    for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
        if (firsts[i] + plan->count <= UINT16_MAX + 1)
            continue;
        log_error("%s %llu: there are not %zu ports from there on", options[i],
                  (unsigned long long)firsts[i], plan->count);
        return false;
    }
    if (genesis_is_name(plan->name) && strlen(plan->name) + 4 <= GENESIS_NAME_MAX)
        return true;
    log_error("--name %s: up to %d letters, digits, _ and - are expected", plan->name,
              GENESIS_NAME_MAX - 4);
    return false;
}

int devnet_genesis_command(const struct devnet_options *options, const char *folder)
{
    struct error error;
    const struct genesis_plan plan = {
        .folder = folder,
        .name = options->name,
        .count = options->nodes > 0 ? options->nodes : NODES_DEFAULT,
        .ip = options->ips.count > 0 ? options->ips.items[0] : "127.0.0.1",
        .port = options->first_port,
        .api_port = options->first_api_port,
        .metrics_port = options->first_metrics_port,
        .force = options->force,
    };
    if (!check_plan(&plan))
        return DEVNET_USAGE;
    if (!genesis_write(&plan, &error)) {
        int code = errno;
        log_error("%s", error.text);
        return file_path_is_to_blame(code) ? DEVNET_USAGE : DEVNET_FAILED;
    }
    return print(options, folder);
}
