#include "cmd/connect/settings.h"

#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/number.h"
#include "net/api/client.h"
#include "net/api/node.h"
#include "net/gossipsub/payload.h"
#include "net/host/options.h"
#include "net/protocols/lean_message.h"

enum { TIMEOUT_DEFAULT_MS = 5000, UNTIL_DEFAULT = -1 };

static const char network_default[] = HOST_NETWORK_DEFAULT;
static const char agent_default[] = "devnet-connect/" DEVNET_VERSION;

#define AT(member) .offset = offsetof(struct connect_settings, member)

static const struct option_spec options[] = {
    {"accept", 0, OPTION_FLAG, AT(accept), NULL,
     "Wait to be dialled, and report the same steps from the listening side"},
    {"listen", 'l', OPTION_LIST, AT(listen), "MULTIADDR",
     "Listen there, and say on stderr where; may be repeated (default "
     "/ip4/127.0.0.1/udp/0/quic-v1 with --accept, nowhere without)"},
    {"from", 'f', OPTION_STRING, AT(from), "API",
     "Ask the running node with that HTTP API to dial, instead of dialling from here"},
    {"until", 'u', OPTION_CHOICE, AT(until), "STEP",
     "How far to go (default mesh, or status where nothing but blocks is wanted)",
     .choices = attempt_step_names},
    {"blocks-by-root", 0, OPTION_STRING, AT(by_root), "ROOT[,ROOT...]",
     "Then fetch those blocks from the peer, at most 1024, each root as 64 hexadecimal digits"},
    {"blocks-by-range", 0, OPTION_STRING, AT(by_range), "START:COUNT",
     "Then fetch the blocks of COUNT slots, 1 to 1024, from START on"},
    {"save", 0, OPTION_STRING, AT(save), "DIR",
     "Save each block that is fetched there, as SLOT-ROOT.ssz", .files = true},
    {"publish", 0, OPTION_STRING, AT(publication.file), "FILE",
     "Then publish what is in FILE, such as a block's SSZ, which is compressed on the way: on the "
     "first --topic, else on lean:block, lean:aggregation or lean:attestation_0 as its SSZ tells",
     .files = true},
    {"listen-gossip", 'g', OPTION_FLAG, AT(listens), NULL,
     "Show each message of gossip, from the connection on, until --count or --hold, or until "
     "stopped"},
    {"count", 'c', OPTION_NUMBER, AT(count), "N", "With --listen-gossip, leave after N messages",
     .minimum = 1},
    NODE_OPTION_RECORD(struct connect_settings,
                       "With or without --listen-gossip, listen, write the blocks of gossip there, "
                       "each whole as SLOT-ROOT.ssz, and answer the peer from them"),
    {"timeout", 't', OPTION_DURATION, AT(timeout_ms), "DURATION",
     "How long it may take (default 5s)", .minimum = 1, .maximum = API_TIMEOUT_MAX_MS},
    NODE_OPTION_NETWORK(struct connect_settings),
    {"topic", 0, OPTION_LIST, AT(topics), "TOPIC",
     "The topic to mesh on, as it is or lean:block and the like; may be repeated for others to "
     "listen to (default: subscribe to lean:block, when listening also to lean:aggregation and "
     "lean:attestation_0, and be content with any topic that both have)"},
    NODE_OPTION_SIGN(struct connect_settings,
                     "Whether messages of topics that are not Lean's must be signed, as libp2p's "
                     "default has it: none or strict; with --hold, refused ones could cost the "
                     "connection (default none)"),
    {"json", 'j', OPTION_FLAG, AT(json), NULL,
     "Print one JSON object at the end, on failure too; when listening also one a message, each on "
     "a line of its own"},
    {"hold", 0, OPTION_DURATION, AT(hold_ms), "DURATION",
     "Stay connected that long after the step was reached", .maximum = 86400000},
    NODE_OPTION_KEY(struct connect_settings,
                    "Our identity: a key file, made where it is absent (default: a new identity "
                    "each time)"),
    NODE_OPTION_STATUS(struct connect_settings),
    NODE_OPTION_AGENT(struct connect_settings, "devnet-connect"),
    NODE_OPTION_QLOG(struct connect_settings),
    NODE_OPTION_QLOG_LIMIT(struct connect_settings, node.qlog_limit, "connection"),
    NODE_OPTION_KEYLOG(struct connect_settings),
    NODE_OPTION_LOG_LEVEL(struct connect_settings, "error"),
    NODE_OPTION_TRACE(struct connect_settings,
                      "Print every gossipsub RPC in and out on stderr, as JSON with --json "
                      "(default none)"),
    {0},
};

static const struct command_spec commands[] = {
    {.summary = "Connect and report", .operands = "[TARGET]", .operands_maximum = 1},
    {0},
};

static const struct example examples[] = {
    {"devnet-connect /ip4/127.0.0.1/udp/9000/quic-v1/p2p/16Uiu2HA...",
     "Dials, and shows each step up to the gossipsub mesh."},
    {"devnet-connect --until handshake /ip4/127.0.0.1/udp/9000/quic-v1 && echo up",
     "Is there a libp2p node?"},
    {"devnet-connect --json TARGET | jq -r '.steps[] | [.step, .ok, .ms] | @tsv'",
     "The steps and their times, for a script."},
    {"devnet-connect --accept --listen /ip4/127.0.0.1/udp/9000/quic-v1 --timeout 60s",
     "Waits for a node under test to dial, and reports from the listening side."},
    {"devnet-connect --blocks-by-range 100:32 --save blocks TARGET",
     "Fetches the blocks of 32 slots into the folder blocks."},
    {"devnet-connect --listen-gossip --record blocks TARGET",
     "Shows the blocks, attestations and aggregations of the network, and keeps the blocks."},
    {"devnet-connect --publish blocks/42-8caf684c....ssz TARGET", "Sends a block by gossip."},
    {"devnet-connect --from http://127.0.0.1:8080 TARGET",
     "Has a running devnet-node dial the target."},
    {0},
};

static const struct exit_status statuses[] = {
    {0, "the step asked for was reached"},
    {1,
     "internal failure: no socket to be had, for example; or what was found could not be printed"},
    {2, "usage"},
    {3, "unreachable: no answer, no common QUIC version, a name that cannot be resolved"},
    {4,
     "TLS or peer id: either side refused the other's certificate or identity, or the peer is no "
     "libp2p server: it selects no ALPN, or asks for no certificate"},
    {5, "protocol negotiation: what was asked for is not spoken"},
    {6, "status refused, malformed or not answered"},
    {7, "stream: the gossipsub streams did not both open, or the peer was lost during --hold or "
        "while listening"},
    {8, "mesh: no topic in common, or no GRAFT stood"},
    {9, "the API asked with --from failed"},
    {10, "blocks: refused, malformed, not those asked for, not there, or not whole within 10 s"},
    {11, "gossip: --publish reached nobody or was not acknowledged, or fewer than --count messages "
         "came"},
    {130, "interrupted (SIGINT) before the step was reached"},
    {143, "stopped (SIGTERM) before the step was reached"},
    {0},
};

const struct program_spec connect_program = {
    .name = "devnet-connect",
    .summary = "connect two libp2p nodes over QUIC and report each step of the handshake",
    .description =
        "Dials TARGET, a multiaddr such as /ip4/A/udp/P/quic-v1[/p2p/PEERID] or a node record "
        "(enr:..., EIP-778, whose signature must be right; its port is quic, else udp), and "
        "prints each step as it happens: handshake (complete, and the peer's identity verified), "
        "confirmed (the peer has accepted ours), status, streams (one gossipsub stream open each "
        "way), mesh, and identify, which is asked when the gossipsub stream is open and never on "
        "the way to the mesh.\n\n"
        "mesh means that the peer's GRAFT arrived, or that ours drew no PRUNE for one round trip "
        "after it was acknowledged. A peer that does not speak status or identify (`na`, or a "
        "reset in its place) is reported and passed over, unless --until asks for that very "
        "step.\n\n"
        "The addresses of a name are tried, up to 64, one more every 250 ms until one answers or "
        "--timeout is over. Beside a timeout is said what came in place of an "
        "answer: ICMP errors, datagrams that are not QUIC, bytes that nobody can read. With "
        "--from, a connection that the node has already is told as one (already_connected) once a "
        "ping has proven that it lives. Two statuses that finalize other roots at one slot are "
        "told to contradict each other.\n\n"
        "With --blocks-by-root or --blocks-by-range the peer is asked once the step is reached. Of "
        "each block are told slot, proposer, parent, root, which is computed from the block, and "
        "size. A block may have 10 MiB, the answer 10 s; what was not asked for ends it. Blocks "
        "that "
        "came before a failure are told, and saved, whole.\n\n"
        "With --publish the payload goes out once the mesh stands, and it is waited for until the "
        "peer has acknowledged it, which says nothing of whether it takes it for valid. With "
        "--listen-gossip each message is shown: its kind, slot, proposer, parent and root as far "
        "as "
        "its SSZ tells, size, the SHA-256 of its payload, and whose it was; and those that were "
        "refused, because they are no raw snappy, for example. The order is: the steps, --publish, "
        "the "
        "fetching of blocks, and then listening on.\n\n"
        "Nodes are called by the names that $DEVNET_NAMES gives (a line NAME=ID each), as devnet "
        "sets it; in JSON a name stands beside the id, as peer_name.\n\n"
        "With --json the object has: target, reached, exit, error, steps (step, ok, ms since the "
        "first packet, and what was learned), peer_id, topics (ours, theirs), rtt_ms, and blocks "
        "(slot, "
        "proposer, parent_root, root, size, and file where it was saved) where they were asked "
        "for, published (file, topic, kind, slot, root, id, size, receivers, acknowledged), and "
        "messages, how many came of each kind and how many were refused. When listening, the lines "
        "before it are devnet-node's events message, message_refused, block_recorded and "
        "block_not_recorded.",
    .options = options,
    .commands = commands,
    .examples = examples,
    .exit_statuses = statuses,
    .see_also = "devnet(1), devnet-node(1), devnet-orphans(1)",
};

static bool has_options_of_our_own_node(const struct connect_settings *settings)
{
    const struct node_options *node = &settings->node;
    return settings->listen.count > 0 || settings->hold_ms > 0 ||
           node->network != network_default || node->key != NULL || node->key_hex != NULL ||
           node->finalized != NULL || node->head != NULL || node->agent != agent_default ||
           settings->by_root != NULL || settings->by_range != NULL || settings->listens ||
           node->record.folder != NULL || settings->publication.file != NULL ||
           settings->topics.count > 1 || node->qlog != NULL || node->keylog != NULL ||
           node->trace != 0 || node->sign != 0;
}

static void check_combination(const struct connect_settings *settings)
{
    if (settings->accept && (settings->target != NULL || settings->from != NULL))
        connect_usage_error("--accept waits to be dialled: it takes neither a target nor --from");
    if (!settings->accept && settings->target == NULL)
        connect_usage_error("a target is needed: a multiaddr or an ENR, or --accept");
    struct error error;
    if (!node_options_check(&settings->node, &error))
        connect_usage_error("%s", error.text);
    if (settings->from != NULL && has_options_of_our_own_node(settings))
        connect_usage_error("with --from it is the other node that dials: --listen, --network, "
                            "--key, --key-hex, --finalized, --head, --agent, --qlog, --keylog, "
                            "--trace, --sign, --record, --hold, a second --topic and those of "
                            "gossip and blocks are its own");
}

/* ---- blocks ---- */

static void read_roots(struct connect_settings *settings)
{
    const char *text = settings->by_root;
    while (*text != '\0') {
        char root[2 + 2 * BLOCK_ROOT_SIZE + 1];
        size_t length = strcspn(text, ","), before = settings->roots.size;
        snprintf(root, sizeof(root), "%.*s", (int)length, text);
        if (length >= sizeof(root) ||
            !hex_read(root + (strncmp(root, "0x", 2) == 0 ? 2 : 0), &settings->roots) ||
            settings->roots.size - before != BLOCK_ROOT_SIZE)
            connect_usage_error("--blocks-by-root %.*s: a root has 64 hexadecimal digits",
                                (int)length, text);
        text += length + (text[length] == ',' && text[length + 1] != '\0');
        if (*text == ',')
            connect_usage_error("--blocks-by-root: a comma without a root behind it");
    }
    settings->blocks.roots = (block_root_list)settings->roots.data;
    settings->blocks.root_count = settings->roots.size / BLOCK_ROOT_SIZE;
    if (settings->blocks.root_count == 0 || settings->blocks.root_count > BLOCKS_BY_ROOT_MAX)
        connect_usage_error("--blocks-by-root: %zu roots; 1 to %d can be asked for",
                            settings->blocks.root_count, BLOCKS_BY_ROOT_MAX);
}

static void read_range(struct connect_settings *settings)
{
    char start[24];
    const char *text = settings->by_range, *colon = strchr(text, ':');
    struct block_range *range = &settings->blocks.range;
    size_t length = colon != NULL ? (size_t)(colon - text) : sizeof(start);
    if (length < sizeof(start))
        snprintf(start, sizeof(start), "%.*s", (int)length, text);
    if (length >= sizeof(start) || !number_read(start, &range->start) ||
        !number_read(colon + 1, &range->count) || range->count == 0 ||
        range->count > BLOCKS_BY_RANGE_MAX || range->start > UINT64_MAX - range->count)
        connect_usage_error("--blocks-by-range %s: write START:COUNT, a slot and 1 to %d of them",
                            text, BLOCKS_BY_RANGE_MAX);
}

static void read_blocks(struct connect_settings *settings)
{
    if (settings->by_root != NULL && settings->by_range != NULL)
        connect_usage_error("--blocks-by-root and --blocks-by-range exclude each other");
    if (settings->by_root != NULL)
        read_roots(settings);
    else if (settings->by_range != NULL)
        read_range(settings);
    else if (settings->save != NULL)
        connect_usage_error("--save: nothing is to be fetched; see --blocks-by-root and "
                            "--blocks-by-range");
}

/* ---- gossip ---- */

/* By what the payload is, as no option says it. */
static const char *topic_of(const struct publication *publication)
{
    static const char *const topics[] = {[LEAN_BLOCK] = "lean:block",
                                         [LEAN_ATTESTATION] = "lean:attestation_0",
                                         [LEAN_AGGREGATION] = "lean:aggregation"};
    struct lean_message message;
    for (enum lean_message_kind kind = LEAN_BLOCK; kind < LEAN_OTHER; kind++)
        if (lean_message_read(kind, buffer_bytes(&publication->payload), &message, NULL))
            return topics[kind];
    connect_usage_error("--publish %s: it is no signed block, attestation or aggregation: say its "
                        "--topic",
                        publication->file);
}

static void read_publication(struct connect_settings *settings)
{
    struct publication *publication = &settings->publication;
    struct error error;
    if (publication->file == NULL)
        return;
    if (!file_read(publication->file, PAYLOAD_SIZE_MAX, &publication->payload, &error))
        connect_usage_error("--publish %s", error.text);
    publication->topic =
        settings->topics.count > 0 ? settings->topics.items[0] : topic_of(publication);
}

static void read_gossip(struct connect_settings *settings)
{
    settings->listens |= settings->node.record.folder != NULL;
    if (settings->count > 0 && !settings->listens)
        connect_usage_error("--count: it is of the messages of --listen-gossip");
    read_publication(settings);
    bool gossips = settings->listens || settings->publication.file != NULL;
    bool fetches = settings->by_root != NULL || settings->by_range != NULL;
    if (settings->until == UNTIL_DEFAULT)
        settings->until = fetches && !gossips ? ATTEMPT_STATUS : ATTEMPT_MESH;
    if (settings->publication.file != NULL && settings->until < (int)ATTEMPT_MESH)
        connect_usage_error("--publish needs the mesh: --until %s is too early",
                            attempt_step_names[settings->until]);
}

void connect_settings_read(int argc, char **argv, struct connect_settings *settings)
{
    *settings = (struct connect_settings){
        .node = {.network = network_default,
                 .agent = agent_default,
                 .log_level = LOG_ERROR,
                 .record = BLOCK_RECORDER_DEFAULT},
        .until = UNTIL_DEFAULT,
        .timeout_ms = TIMEOUT_DEFAULT_MS,
    };
    struct options_result result = options_parse(&connect_program, argc, argv, settings);
    struct error error;
    settings->target = result.operand_count > 0 ? result.operands[0] : NULL;
    check_combination(settings);
    read_blocks(settings);
    read_gossip(settings);
    if (settings->target != NULL &&
        !node_address_parse(settings->target, &settings->address, &error))
        connect_usage_error("%s", error.text);
    if (settings->target != NULL && settings->address.at[0].port == 0)
        connect_usage_error("%s: port 0 cannot be dialled", settings->target);
    if (settings->from != NULL && !api_url_check(settings->from, &error))
        connect_usage_error("--from %s: %s", settings->from, error.text);
    if (settings->target != NULL && settings->target[0] == '/')
        snprintf(settings->name, sizeof(settings->name), "%s", settings->target);
    else if (settings->target != NULL)
        multiaddr_text(&settings->address.at[0], settings->name);
}

void connect_settings_clear(struct connect_settings *settings)
{
    buffer_clear(&settings->roots);
    buffer_clear(&settings->publication.payload);
    options_clear(&connect_program, settings);
}
