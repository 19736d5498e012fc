#include "cmd/node/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "net/address/node_address.h"
#include "net/api/address.h"
#include "net/api/rpc_trace.h"
#include "net/host/options.h"

#define AT(member) .offset = offsetof(struct node_settings, member)

static const char *fault_words(void)
{
    static char words[1024];
    const char *name;
    size_t size = 0;
    for (size_t i = 0; (name = host_fault_name(i)) != NULL && size < sizeof(words); i++)
        size +=
            (size_t)snprintf(words + size, sizeof(words) - size, "%s%s", i > 0 ? " " : "", name);
    return words;
}

static const struct option_spec options[] = {
    {"listen", 'l', OPTION_LIST, AT(listen), "MULTIADDR",
     "Listen there; may be repeated; port 0 is any free one (default "
     "/ip4/127.0.0.1/udp/0/quic-v1)"},
    NODE_OPTION_KEY(struct node_settings,
                    "The identity: a file with 64 hexadecimal digits, made where it is absent "
                    "(default: a new identity each time)"),
    {"bootnode", 'b', OPTION_LIST, AT(bootnodes), "ADDRESS",
     "Dial that node, a multiaddr or an ENR, or all of a nodes.yaml, and again whenever the "
     "connection is lost; may be repeated"},
    {"direct", 0, OPTION_LIST, AT(direct), "PEER",
     "A peer that is to be sent every message and never in a mesh, and that has the same agreement "
     "with us: its peer id, or an address that has it, which is dialled; may be repeated"},
    NODE_OPTION_NETWORK(struct node_settings),
    {"topic", 't', OPTION_LIST, AT(topics), "TOPIC",
     "Subscribe: a topic as it is, or lean:block and the like; may be repeated (default "
     "lean:block, as a Lean client also lean:aggregation and lean:attestation_0)"},
    NODE_OPTION_STATUS(struct node_settings),
    {"heartbeat", 0, OPTION_DURATION, AT(heartbeat_ms), "DURATION",
     "Time between gossipsub heartbeats (default 700ms)", .minimum = 10, .maximum = 60000},
    {"idle-timeout", 0, OPTION_DURATION, AT(idle_timeout_ms), "DURATION",
     "Give up a peer after so long a silence, and after three tenths of it where an answer is "
     "owed; longer where one is stopped in a debugger (default 10s)",
     .minimum = 1000, .maximum = 600000},
    {"d", 0, OPTION_NUMBER, AT(d), "N", "Peers wanted in a mesh (default 8)", .maximum = 1000},
    {"d-low", 0, OPTION_NUMBER, AT(d_low), "N", "Fewest peers in a mesh (default 6)",
     .maximum = 1000},
    {"d-high", 0, OPTION_NUMBER, AT(d_high), "N", "Most peers in a mesh (default 12)",
     .maximum = 1000},
    {"d-lazy", 0, OPTION_NUMBER, AT(d_lazy), "N",
     "Peers told by IHAVE, or a quarter of those outside the mesh where that is more; 0: none "
     "(default 6)",
     .maximum = 1000},
    {"flood-publish", 0, OPTION_FLAG, AT(flood_publish), NULL,
     "Publish to every subscribed peer, not to the mesh alone"},
    NODE_OPTION_SIGN(struct node_settings,
                     "What messages of topics that are not Lean's are to be: none (unsigned, and "
                     "signed ones are refused), or strict, libp2p's default (signed, not "
                     "compressed, and unsigned ones are refused); Lean's are never signed "
                     "(default none)"),
    {"blocks", 0, OPTION_STRING, AT(blocks), "DIR",
     "Answer requests for blocks, by root and by range, from the files there as they are at the "
     "start, each the SSZ of a signed block (default: none are kept, which is answered with code "
     "3)",
     .files = true},
    NODE_OPTION_RECORD(struct node_settings,
                       "Write the blocks of gossip there, each whole as SLOT-ROOT.ssz, and answer "
                       "from them, and from those that are there at the start, as with --blocks "
                       "(default: none are recorded)"),
    {"api", 'a', OPTION_STRING, AT(api), "HOST:PORT",
     "Serve the HTTP API there, on loopback only, or `off` (default 127.0.0.1:0)"},
    NODE_OPTION_QLOG(struct node_settings),
    NODE_OPTION_QLOG_LIMIT(struct node_settings, node.qlog_limit, "connection"),
    NODE_OPTION_KEYLOG(struct node_settings),
    {"custom-network-config-dir", 0, OPTION_STRING, AT(config_folder), "DIR",
     "A genesis folder, as Lean's clients take it: dial its nodes, on block, aggregation and "
     "attestations",
     .files = true},
    {"node-id", 0, OPTION_STRING, AT(node_id), "NAME",
     "Which of its nodes to be: with its key, at its address, its API's port and that of its "
     "metrics"},
    {"node-key", 0, OPTION_STRING, AT(node_key), "FILE",
     "The same as --key of a file that is there, which others may be able to read", .files = true},
    {"api-port", 0, OPTION_NUMBER, AT(api_port), "PORT", "The same as --api 127.0.0.1:PORT",
     .minimum = 1, .maximum = 65535},
    {"metrics-port", 0, OPTION_NUMBER, AT(metrics_port), "PORT",
     "Serve /metrics at 127.0.0.1:PORT, too", .minimum = 1, .maximum = 65535},
    {"api-public", 0, OPTION_STRING, AT(api_public), "HOST:PORT",
     "Serve anybody there the routes of Lean's nodes and /metrics, and nothing else (default: "
     "nobody)"},
    {"is-aggregator", 0, OPTION_FLAG, AT(is_aggregator), NULL,
     "Subscribe to the attestations of every committee, and say so in the node record"},
    {"attestation-committee-count", 0, OPTION_NUMBER, AT(committees), "N",
     "How many committees there are (default: as the folder says, or 1)", .minimum = 1,
     .maximum = 64},
    {"validator-count", 0, OPTION_NUMBER, AT(validators), "N",
     "How many validators /lean/v0/fork_choice is to tell of (default: as the folder says, or 0)",
     .maximum = INT64_MAX},
    NODE_OPTION_AGENT(struct node_settings, "devnet-node"),
    {"seed", 0, OPTION_NUMBER, AT(seed), "N", "Of gossipsub's choices (default: random)"},
    NODE_OPTION_LOG_LEVEL(struct node_settings, "warn"),
    {"log-format", 0, OPTION_CHOICE, AT(log_format), "FORMAT", "How to log (default text)",
     .choices = log_format_names},
    NODE_OPTION_TRACE(struct node_settings,
                      "Print every gossipsub RPC in and out on stderr, in the format of the log "
                      "(default none)"),
    {"fault", 0, OPTION_LIST, AT(faults), "NAME",
     "Misbehave on purpose, for tests; see FAULTS; may be repeated", .words = fault_words},
    {0},
};

static const char api_default[] = "127.0.0.1:0";

static const struct command_spec commands[] = {{.summary = "Run a node"}, {0}};

static const struct example examples[] = {
    {"devnet-node --key node1.key --qlog logs",
     "A node on any free port, with an identity that is kept, and QUIC logs."},
    {"devnet-node --listen /ip4/0.0.0.0/udp/9000/quic-v1 --bootnode "
     "/ip4/127.0.0.1/udp/9001/quic-v1/p2p/16Uiu2HA...",
     "A node at port 9000 that keeps a connection to another."},
    {"devnet-node --custom-network-config-dir genesis --node-id devnet_0",
     "A node of a genesis folder, in the way of Lean's clients."},
    {"devnet-node --record blocks --bootnode /ip4/127.0.0.1/udp/9001/quic-v1/p2p/16Uiu2HA...",
     "A node that keeps the blocks that it hears of, and answers others from them."},
    {"devnet-node --network devnet0 --topic lean:block --topic lean:attestation_0",
     "A node on two topics of the network devnet0."},
    {0},
};

static const struct exit_status statuses[] = {
    {0, "stopped by SIGTERM or SIGINT"},
    {1, "failed: the port is taken, for example; or events, logs or recorded blocks could not be "
        "written whole"},
    {2, "usage"},
    {0},
};

const struct program_spec node_program = {
    .name = "devnet-node",
    .summary = "one Lean networking node: libp2p over QUIC, status, gossipsub",
    .description =
        "Listens and dials, answers and asks status, identify and ping, answers requests for "
        "blocks, "
        "gossips on its topics, "
        "writes QUIC logs and serves a local HTTP API.\n\n"
        "Prints one JSON object a line on stdout: first {\"event\":\"ready\"} with the peer id, "
        "the multiaddrs and the API's address, then what happens: connected, confirmed, status, "
        "identified, stream_opened, stream_closed, subscribed, unsubscribed, mesh_joined, "
        "mesh_left, message, message_refused, "
        "blocks_answered, block_recorded, block_not_recorded, disconnected and others.\n\n"
        "The API: GET /health, /mesh, /peers, /events, /metrics, and of Lean's nodes "
        "/lean/v0/health, /lean/v0/fork_choice and /lean/v0/checkpoints/justified, which tell "
        "what --head and --finalized say; POST /connect, /disconnect, /ping, /publish, "
        "/subscribe, /unsubscribe, with a JSON object each.\n\n"
        "With --custom-network-config-dir and --node-id it is a node of a genesis folder, as "
        "Lean's clients are: --listen, --key or --node-key, --api or --api-port, and --topic "
        "stand before what the folder says. It subscribes to block, aggregation and the "
        "attestations of its own committee (its place in the folder modulo their count), or of "
        "all with --is-aggregator or where the folder says so. Without a folder, any of "
        "--node-key, --api-port, --metrics-port, --is-aggregator and "
        "--attestation-committee-count makes it such a client, of the first committee.\n\n"
        "FAULTS: second-gossip-stream opens a second gossipsub stream that nobody owns; "
        "status-silent, status-refused, status-malformed, status-endless, status-not-spoken, "
        "identify-not-spoken, gossipsub-not-spoken, gossipsub-reset and prunes-everybody do what "
        "their names say; gossipsub-1.1-alone and gossipsub-1.0-alone hide every other version; "
        "with not-spoken-reset, streams are reset where `na` would be answered; blocks-too-large, "
        "blocks-twice, blocks-other, blocks-code, blocks-malformed and blocks-stalled are wrong "
        "answers to requests for blocks.",
    .options = options,
    .commands = commands,
    .examples = examples,
    .exit_statuses = statuses,
    .see_also = "devnet(1), devnet-connect(1), devnet-orphans(1), devnet-mesh(1)",
};

static struct peer_id direct_peer(const char *text)
{
    struct peer_id id;
    struct error error;
    if (!node_address_peer_id(text, &id, &error))
        node_usage_error("--direct %s", error.text);
    return id;
}

static void read_direct_peers(struct node_settings *settings)
{
    settings->direct_peers = memory_new((settings->direct.count + 1) * sizeof(struct peer_id));
    for (size_t i = 0; i < settings->direct.count; i++)
        settings->direct_peers[i] = direct_peer(settings->direct.items[i]);
}

void node_settings_read(int argc, char **argv, struct node_settings *settings)
{
    struct gossipsub_parameters gossipsub;
    gossipsub_parameters_default(&gossipsub);
    *settings = (struct node_settings){
        .node = {.network = HOST_NETWORK_DEFAULT,
                 .agent = "devnet-node/" DEVNET_VERSION,
                 .log_level = LOG_WARN,
                 .record = BLOCK_RECORDER_DEFAULT},
        .api = api_default,
        .heartbeat_ms = gossipsub.heartbeat_ms,
        .idle_timeout_ms = HOST_IDLE_TIMEOUT_MS,
        .d = gossipsub.d,
        .d_low = gossipsub.d_low,
        .d_high = gossipsub.d_high,
        .d_lazy = gossipsub.d_lazy,
    };
    options_parse(&node_program, argc, argv, settings);
    read_direct_peers(settings);
    struct error error;
    if (!node_options_check(&settings->node, &error))
        node_usage_error("%s", error.text);
    if (settings->node_key != NULL &&
        (settings->node.key != NULL || settings->node.key_hex != NULL))
        node_usage_error("--node-key, --key and --key-hex exclude each other");
    if (settings->api_port > 0 && node_settings_have_api(settings))
        node_usage_error("--api and --api-port exclude each other");
    if (settings->metrics_port > 0 && strcmp(settings->api, "off") == 0)
        node_usage_error("--metrics-port: not with --api off");
    if (settings->api_public != NULL && strcmp(settings->api, "off") == 0)
        node_usage_error("--api-public: not with --api off");
    struct api_address api;
    if (strcmp(settings->api, "off") != 0 && !api_address_check(settings->api, &api, &error))
        node_usage_error("--api %s", error.text);
    if (settings->api_public != NULL && !api_address_parse(settings->api_public, &api))
        node_usage_error("--api-public %s: not an address to listen on; write ADDRESS:PORT",
                         settings->api_public);
}

bool node_settings_have_api(const struct node_settings *settings)
{
    return settings->api != api_default;
}

void node_settings_clear(struct node_settings *settings)
{
    free(settings->direct_peers);
    options_clear(&node_program, settings);
}

static unsigned faults_of(const struct option_list *names)
{
    unsigned faults = 0;
    for (size_t i = 0; i < names->count; i++) {
        unsigned fault = host_fault_find(names->items[i]);
        if (fault == 0)
            node_usage_error("--fault %s: there is no such fault; see --help", names->items[i]);
        faults |= fault;
    }
    return faults;
}

/* D_out has no option: it is as large as the others allow, up to its default. */
static void fit_d_out(struct gossipsub_parameters *gossipsub)
{
    if (gossipsub->d_out > gossipsub->d / 2)
        gossipsub->d_out = gossipsub->d / 2;
    if (gossipsub->d_out >= gossipsub->d_low)
        gossipsub->d_out = gossipsub->d_low > 0 ? gossipsub->d_low - 1 : 0;
}

void node_settings_apply(const struct node_settings *settings, struct host_settings *host)
{
    host->seed = settings->seed;
    host->idle_timeout_ms = settings->idle_timeout_ms;
    host->direct_peers = settings->direct_peers;
    host->direct_peer_count = settings->direct.count;
    host->faults = faults_of(&settings->faults);
    if (settings->node.trace == 1)
        host->trace_rpc = settings->log_format == 1 ? rpc_trace_print_json : rpc_trace_print_text;
    host->gossipsub.heartbeat_ms = settings->heartbeat_ms;
    host->gossipsub.d = (unsigned)settings->d;
    host->gossipsub.d_low = (unsigned)settings->d_low;
    host->gossipsub.d_high = (unsigned)settings->d_high;
    host->gossipsub.d_lazy = (unsigned)settings->d_lazy;
    if (settings->d_lazy == 0)
        host->gossipsub.gossip_percent = 0;
    fit_d_out(&host->gossipsub);
    uint64_t history_ms = host->gossipsub.history_length * host->gossipsub.heartbeat_ms;
    if (host->gossipsub.seen_ttl_ms < history_ms)
        host->gossipsub.seen_ttl_ms = history_ms;
    host->gossipsub.flood_publish = settings->flood_publish;
    struct error error;
    if (!node_options_apply(&settings->node, host, &error) ||
        !gossipsub_parameters_check(&host->gossipsub, &error))
        node_usage_error("%s", error.text);
}
