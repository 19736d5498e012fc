/* What the command line of devnet-node asks for. */
#ifndef CMD_NODE_SETTINGS_H
#define CMD_NODE_SETTINGS_H

#include "common/options.h"
#include "net/host/host.h"
#include "net/host/options.h"

struct node_settings {
    struct option_list listen, bootnodes, topics, direct, faults;
    struct node_options node;
    const char *api, *blocks;
    uint64_t heartbeat_ms, idle_timeout_ms, d, d_low, d_high, d_lazy, seed;
    bool flood_publish;
    /* Those of Lean's clients: see client.h. */
    const char *config_folder, *node_id, *node_key, *api_public;
    uint64_t api_port, metrics_port, committees, validators;
    bool is_aggregator;
    int log_format;
    struct peer_id *direct_peers; /* of `direct`, in its order */
};

extern const struct program_spec node_program;
/* Exits 2 with a message that names the option; as options_usage_error() takes the rest. */
#define node_usage_error(...) options_usage_error(&node_program, __VA_ARGS__)

/* Reads the command line; exits on help and on bad usage. */
void node_settings_read(int argc, char **argv, struct node_settings *settings);
void node_settings_clear(struct node_settings *settings);
/* Whether --api says where. */
bool node_settings_have_api(const struct node_settings *settings);
/* Everything of HOST that the options say; identity and base are the caller's. */
void node_settings_apply(const struct node_settings *settings, struct host_settings *host);

#endif
