#include "cmd/mesh/mesh.h"

#include <stdint.h>
#include <string.h>

#include "common/log.h"
#include "common/program.h"
#include "net/mesh/snapshot.h"

#define AT(member) .offset = offsetof(struct mesh_options, member)

static const struct option_spec common_options[] = {
    {"timeout", 't', OPTION_DURATION, AT(timeout), "DURATION",
     "How long a node may take to answer, or to begin to (default: 5s)", .minimum = 1},
    {"name", 0, OPTION_LIST, AT(names), "NAME=ID,...",
     "Call the node with that peer id, API or address by a name; may be repeated"},
    {0},
};

static const char stay_help[] =
    "How long a node without an API of ours is visited, two heartbeats at least (default: 3s)";

static const struct option_spec dump_options[] = {
    {"for", 0, OPTION_DURATION, AT(stay), "DURATION", stay_help, .minimum = 1},
    {"output", 'o', OPTION_STRING, AT(output), "FILE",
     "Where to write the snapshot (default: standard output)", .files = true},
    {"text", 0, OPTION_FLAG, AT(text),
     .help = "Print it for people; with -o, beside the file on standard output"},
    {0},
};

static const struct option_spec diff_options[] = {
    {"for", 0, OPTION_DURATION, AT(stay), "DURATION", stay_help, .minimum = 1},
    {"ignore", 'i', OPTION_LIST, AT(ignore), "WHAT",
     "Leave out changes: KIND, KIND.FIELD, or MEMBER=PATTERN, such as backoff, peer.agent or "
     "'topic=*/attestation_*'; may be repeated"},
    {"json", 0, OPTION_FLAG, AT(json), .help = "Print one JSON object instead of lines"},
    {0},
};

static const struct option_spec check_options[] = {
    {"for", 0, OPTION_DURATION, AT(stay), "DURATION", stay_help, .minimum = 1},
    {"wait", 'w', OPTION_DURATION, AT(wait), "DURATION",
     "Look again and again until the mesh is sound, for so long"},
    {"json", 0, OPTION_FLAG, AT(json), .help = "Print one JSON object instead of lines"},
    {0},
};

static const struct option_spec watch_options[] = {
    {"for", 0, OPTION_DURATION, AT(duration), "DURATION", "Stop after so long (default: never)",
     .minimum = 1},
    {"all", 'a', OPTION_FLAG, AT(all), .help = "Messages and pings too"},
    {"json", 0, OPTION_FLAG, AT(json),
     .help = "Print the events as nodes tell them, one JSON object a line, each with its node"},
    {0},
};

static const struct option_spec graph_options[] = {
    {"for", 0, OPTION_DURATION, AT(stay), "DURATION", stay_help, .minimum = 1},
    {"topic", 0, OPTION_STRING, AT(topic), "TOPIC",
     "Draw the mesh of one topic: its name, or block or lean:block of one of Lean's (default: "
     "all)"},
    {"before", 'b', OPTION_STRING, AT(before), "SNAPSHOT|TARGET,TARGET...",
     "Mark what has changed since that earlier look", .files = true},
    {"html", 0, OPTION_STRING, AT(html), "FILE",
     "Write a page for a browser, which needs nothing but itself, instead of DOT", .files = true},
    {"dot", 0, OPTION_FLAG, AT(dot), .help = "Print DOT with --html too"},
    {"connections", 0, OPTION_FLAG, AT(connections),
     .help = "In DOT, draw connections that are no mesh edge too (in a page they can be chosen)"},
    {"json", 0, OPTION_FLAG, AT(json),
     .help = "Print what is drawn as one JSON object instead of DOT"},
    {0},
};

static const struct command_spec commands[] = {
    {"dump", "SNAPSHOT|TARGET...", "Write what the nodes say of the mesh into one snapshot",
     dump_options, 1, SNAPSHOT_NODES_MAX},
    {"diff", "A B", "Show what changed between two snapshots or live nodes", diff_options, 2, 2},
    {"check", "SNAPSHOT|TARGET...", "Say whether the mesh is sound, and what is not", check_options,
     1, SNAPSHOT_NODES_MAX},
    {"watch", "API...", "Show what changes, as it happens: of nodes, or taps", watch_options, 1,
     SNAPSHOT_NODES_MAX},
    {"graph", "SNAPSHOT|TARGET...", "Draw the mesh: DOT, or a page for a browser", graph_options, 1,
     SNAPSHOT_NODES_MAX},
    {0},
};

static const struct example examples[] = {
    {"devnet-mesh dump -o before.json http://127.0.0.1:8080 http://127.0.0.1:8081",
     "Write the state of two nodes into before.json."},
    {"devnet-mesh diff before.json http://127.0.0.1:8080,http://127.0.0.1:8081",
     "Show what has changed since, asking the nodes live."},
    {"devnet-mesh dump http://127.0.0.1:8080 /ip4/127.0.0.1/udp/9000/quic-v1/p2p/16Uiu2HA...",
     "Beside our node one of another kind, which is visited for three seconds."},
    {"devnet-mesh diff --ignore connection --ignore peer.agent before.json .devnet",
     "Compare with all nodes of a running devnet, but not everything."},
    {"devnet-mesh diff --json before.json after.json | jq '.changes[] | select(.kind == \"mesh\")'",
     "Mesh edges that came or went, for a script."},
    {"devnet-mesh check --wait 10s http://127.0.0.1:8080 http://127.0.0.1:8081",
     "Wait until two nodes are properly meshed; say what is wrong where they are not."},
    {"devnet-mesh watch --json http://127.0.0.1:8080 | jq 'select(.event == \"mesh_left\")'",
     "Who leaves the mesh of a node, as it happens."},
    {"devnet-mesh graph --html mesh.html --before before.json after.json",
     "A page that shows the mesh, and what came and went since."},
    {"devnet-mesh graph --topic lean:block mesh.json | dot -Tsvg > mesh.svg",
     "The mesh of one topic, drawn by graphviz."},
    {0},
};

static const struct exit_status exit_statuses[] = {
    {0, "dump: every node answered; diff: no difference; check: sound; "
        "watch: stopped; graph: drawn"},
    {1, "a node was unreachable, or all of them, and what is printed says which (dump leaves a "
        "file that is there as it is where none answered, or all are stopped); dump: a visit was "
        "cut short; diff: different; check: unsound; watch: a node went away"},
    {2, "usage, or trouble: nothing could be written, or an input could not be read; check: no "
        "node to be checked"},
    {0},
};

static const struct program_spec program = {
    .name = "devnet-mesh",
    .summary = "dump, compare, check, watch and draw the gossip mesh of nodes",
    .description =
        "A snapshot is JSON, with keys and lists sorted, so that diff(1) and git are of use on it "
        "too. What changes all the time (ages, round-trip times, counters, API addresses) stands "
        "under \"volatile\" in each node; diff does not look at it. Nodes are called by the names "
        "that "
        "--name gives them, the folder of their devnet or the snapshot; their ids stand in dump "
        "and in JSON, where \"names\" has the name of each id. \"paths\" tells what is wrong "
        "between "
        "them, as $DEVNET_PATHS has it, a line each, and \"stopped\" the ids of nodes that were "
        "stopped on purpose and so not asked, as a devnet's folder and $DEVNET_STOPPED say; one "
        "that "
        "ended by itself and cannot be asked, as they and $DEVNET_ENDED (addresses) say, is "
        "\"unreachable\".\n\n"
        "An API is the address of a node's HTTP API, such as http://127.0.0.1:8080: of a node of "
        "ours or, where that has no /mesh, a Lean node's own (/lean/v0/health, node/identity, "
        "node/peers, fork_choice, and /metrics beside them). A TARGET is an API; the multiaddr or "
        "ENR of a node without one, which is visited as a peer for a while and recorded as "
        "\"foreign\" (identify, status, subscriptions, whether it grafts); the API of a "
        "devnet-tap, for the nodes that it is between, with edges by the GRAFTs and PRUNEs that "
        "went "
        "over the wire, where they do not tell of themselves; "
        "a page of metrics in Prometheus' format, such as http://127.0.0.1:8008/metrics, of which "
        "what leanMetrics names is kept; ADDRESS=PAGE, ADDRESS=API or ADDRESS=API=PAGE for all of "
        "one node (=?PAGE, =?API: if somebody serves it), which is not visited where that API is "
        "ours; "
        "or the folder of a running devnet, a "
        "genesis folder as Lean's devnets have it, or a nodes.yaml, which mean all of their nodes. "
        "A and B are "
        "snapshot files, or one "
        "or more TARGETs separated by commas, which are asked then and there. \"sources\" in the "
        "snapshot says where each fact is from; check and diff blame no node for what is not "
        "known of it.\n\n"
        "watch follows taps, too: connections, gossipsub streams, subscriptions and mesh edges of "
        "their nodes, by the tap's names; what two nodes tell that are watched themselves is left "
        "to them, unless --all is given. A node that is lost is asked again every second, and "
        "watch ends once all are. Nodes that come later are watched where $DEVNET_FOLLOW names "
        "their devnet's folder, as devnet has it do where no node is named.\n\n"
        "The snapshot's JSON Schema is installed as share/devnet/snapshot.schema.json.\n\n"
        "check looks at what must hold of a mesh, and explains what does not. Errors make it "
        "unsound: node_reachable, seen_by_tap, same_network, status_compatible, "
        "chain_possible, api_own, peering_mutual, outbound_stream, stream_heard, peer_stream, "
        "edge_mutual, degree, "
        "mesh_not_empty, "
        "member_subscribed, member_backoff, messages_accepted, topic_connected. inbound_stream and "
        "peers_complete are warnings; no_cut_node and no_bridge are notes.\n\n"
        "What check finds, and what diff and watch say has changed, ends with "
        "\"(known from a tap)\" where it rests, if in part, on what a tap heard, and has "
        "\"known_from\" with --json.\n\n"
        "graph draws an arrow from a node to each that it has in its mesh: one with two heads "
        "where both have the other, dashed and red with \"one way\" on it where one end does not, "
        "and dashed and grey where that end was not asked.",
    .options = common_options,
    .commands = commands,
    .examples = examples,
    .exit_statuses = exit_statuses,
    .see_also = "devnet(1), devnet-node(1)",
};

/* Everything that is printed from here on knows them. */
static void read_names(const struct option_list *list)
{
    struct error error;
    for (size_t i = 0; i < list->count; i++)
        if (!names_add_text(&mesh_names, list->items[i], &error))
            options_usage_error(&program, "--name %s", error.text);
    if (!names_add_environment(&mesh_names, &error))
        options_usage_error(&program, "%s", error.text);
}

static int run(const struct mesh_options *options, const struct options_result *result)
{
    const char *const *operands = (const char *const *)result->operands;
    const char *command = result->command->name;
    if (strcmp(command, "dump") == 0)
        return mesh_dump_command(options, operands, result->operand_count);
    if (strcmp(command, "check") == 0)
        return mesh_check_command(options, operands, result->operand_count);
    if (strcmp(command, "watch") == 0)
        return mesh_watch_command(options, operands, result->operand_count);
    if (strcmp(command, "graph") == 0) {
        if (options->json && (options->dot || options->connections))
            options_usage_error(&program, "--json: not with --dot or --connections");
        return mesh_graph_command(options, operands, result->operand_count);
    }
    return mesh_diff_command(options, operands[0], operands[1]);
}

int main(int argc, char **argv)
{
    program_begin(program.name, MESH_TROUBLE);
    static struct mesh_options options = {.timeout = 5000, .stay = 3000};
    struct options_result result = options_parse(&program, argc, argv, &options);
    log_init(program.name, LOG_INFO, false);
    read_names(&options.names);
    int status = run(&options, &result);
    names_clear(&mesh_names);
    options_clear(&program, &options);
    return status;
}
