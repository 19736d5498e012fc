/* devnet genesis: writes a genesis folder. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/devnet/devnet.h"
#include "common/file.h"
#include "common/log.h"
#include "common/output.h"
#include "devnet/genesis_write.h"

enum { NODES_DEFAULT = 2 };

static void print_node(const struct genesis_node *node)
{
    char address[MULTIADDR_TEXT_SIZE];
    multiaddr_text(&node->address.at[0], address);
    printf("%s %s %s\n", node->name, address, node->enr);
}

/* As it is read again. */
static int print(const char *folder)
{
    struct genesis genesis;
    struct error error;
    bool read = genesis_load(folder, &genesis, &error);
    for (size_t i = 0; read && i < genesis.count; i++)
        print_node(&genesis.nodes[i]);
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
    return print(folder);
}
