#include "cmd/tap/settings.h"

#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "net/api/address.h"
#include "net/host/options.h"

#define AT(member) .offset = offsetof(struct tap_options, member)

static const struct option_spec option_table[] = {
    {"qlog", 'q', OPTION_STRING, AT(qlog), "DIR",
     "Write a QUIC log of each leg there, for devnet-orphans (default: none); with --from: those "
     "that were written beside the events",
     .files = true},
    NODE_OPTION_QLOG_LIMIT(struct tap_options, qlog_limit, "leg"),
    {"genesis", 'g', OPTION_STRING, AT(genesis), "DIR",
     "Stand between all nodes of a Lean genesis folder whose keys it has, beside those named; the "
     "tap is at the host of each, at any free port",
     .files = true},
    {"out", 'o', OPTION_STRING, AT(out), "DIR",
     "Write that folder as others are to see it: the tap's ports and records in nodes.yaml and "
     "validator-config.yaml, and links to all else",
     .files = true},
    {"api", 'a', OPTION_STRING, AT(api), "HOST:PORT",
     "Serve the HTTP API there, on loopback only, or `off` (default 127.0.0.1:0)"},
    {"trace", 0, OPTION_CHOICE, AT(trace), "WHAT",
     "Write what nodes say to each other to stderr as text: none or rpc (default none)",
     .choices = node_option_traces},
    {"hold", 0, OPTION_LIST, AT(holds), "RULE",
     "Hold what a node says until another has done something; may be repeated"},
    {"refuse", 0, OPTION_LIST, AT(refusals), "RULE",
     "Have a node's proposals of a protocol refused by the other; may be repeated"},
    {"reset", 0, OPTION_LIST, AT(resets), "RULE",
     "Reset a node's streams of a protocol as soon as it proposes it; may be repeated"},
    {"drop-echo", 0, OPTION_LIST, AT(dropped_echoes), "RULE",
     "Let a node's answers to proposals of a protocol never arrive; may be repeated"},
    {"html", 0, OPTION_STRING, AT(html), "FILE",
     "At the end write a page of who said what when, to look at in a browser", .files = true},
    {"from", 0, OPTION_STRING, AT(from), "EVENTS",
     "Draw the page of --html of what a devnet-tap has printed, or of a folder of QUIC logs, and "
     "stand between nobody",
     .files = true},
    {"log-level", 0, OPTION_CHOICE, AT(log_level), "LEVEL", "How much to log (default warn)",
     .choices = log_level_names},
    {"log-format", 0, OPTION_CHOICE, AT(log_format), "FORMAT", "How to log (default text)",
     .choices = log_format_names},
    {0},
};

static const struct command_spec commands[] = {
    {.operands = "[NODE...]", .summary = "Stand between nodes", .operands_maximum = SIZE_MAX},
    {0},
};

static const struct example examples[] = {
    {"devnet-tap a=a.key,127.0.0.1:9101,127.0.0.1:9001 b=b.key,127.0.0.1:9102,127.0.0.1:9002",
     "Between two nodes, which are to be given each other's address at ports 9101 and 9102."},
    {"devnet-tap --qlog logs a=a.key,127.0.0.1:0,127.0.0.1:9001 b=b.key,127.0.0.1:0,[::1]:9002",
     "The same at any free ports, which the first line tells, with QUIC logs."},
    {"devnet-tap --genesis genesis --out tapped",
     "Between all nodes of a genesis folder, which are then to be given tapped/nodes.yaml."},
    {"devnet-tap --html page.html --from events.jsonl --qlog logs",
     "What a devnet-tap has printed before, as a page, with verdicts by its QUIC logs."},
    {"devnet-tap --hold 'echo gossipsub from b until b proposes gossipsub plus 300ms' a=... b=...",
     "B's answer to A's gossipsub stream comes after B's own stream: both may race to open "
     "theirs."},
    {0},
};

static const struct exit_status statuses[] = {
    {0, "stopped by SIGTERM or SIGINT"},
    {1, "failed: an address is taken, for example; or events or logs could not be written whole"},
    {2,
     "usage: a NODE that cannot be, or not beside another; a key file that is none, or of another "
     "peer id; a folder or file to read that is not there or not what it should be"},
    {0},
};

const struct program_spec tap_program = {
    .name = "devnet-tap",
    .summary = "stand between nodes with their own keys, and tell what they say to each other",
    .description =
        "Ends both QUIC connections of every dial with the identities of the nodes themselves, "
        "whose keys are at hand in a devnet, and carries each stream over, one to one. So it sees "
        "what nodes say that write no logs, and they need not know.\n\n"
        "NODE is NAME=KEY-FILE,TAP-ADDRESS,REAL-ADDRESS. The key file holds the node's secret: 64 "
        "hexadecimal digits for secp256k1, ed25519: and 64 digits, libp2p's PrivateKey protobuf, "
        "or PEM of an ed25519, RSA or ECDSA key; here, not in POST /nodes, it may be a pipe. "
        "Others are to dial the node at the tap address, "
        "of which "
        "port 0 is any free one; the node is at the real address. An address is HOST:PORT or a "
        "multiaddr; where it has a peer id, that must be the key's. The real one may have a name "
        "(/dns4/HOST/udp/PORT), which is looked up once, at the start. No two nodes are at one "
        "real "
        "address, and none where the tap is dialled.\n\n"
        "What either side does reaches the other: bytes as they were cut into frames, FIN apart "
        "from data where it came apart, RESET_STREAM and STOP_SENDING with their codes, closes "
        "with code and reason, refusals, stateless resets, PINGs and silence. Where the dialler "
        "comes from the real address of a node, that one is taken for it, and the listener is "
        "dialled before anything is answered. Who comes from another address, as js-libp2p does, "
        "is known by its certificate: its handshake is complete before the listener is dialled, so "
        "that a listener that is dead or refuses is seen later than without a tap. Whose key is "
        "not at hand is refused.\n\n"
        "What cannot be kept: the nodes do not see each other's transport parameters, but that "
        "the one that is reached last is given the other's idle timeout and limits; of windows, no "
        "more than 1 MiB a stream and 4 MiB a connection, and 64 and 128 KiB "
        "where those of all could hold more than 256 MiB. Unidirectional streams, of which libp2p "
        "has none, are not carried: neither node may open any. Certificates, and the frame "
        "type in a CONNECTION_CLOSE, are the tap's: a node whose identity signs with a high S, "
        "which rust-libp2p does not take, is taken behind a tap; of the signature in the handshake "
        "the scheme alone is seen. A listener that is dialled first has completed its handshake "
        "before the dialler has judged it: that the dialler refuses it comes behind, by the same "
        "alert. The event connected tells what each certificate says, found in "
        "order, and under not_kept what of it and of the parameters the other was shown "
        "otherwise. Each leg acknowledges what comes on it; where a "
        "node has not answered for a second, nothing of the other's is acknowledged any more, so "
        "that it finds out as it would by itself.\n\n"
        "Prints one JSON object a line on stdout: first {\"event\":\"ready\"} with each node's "
        "name, peer id, tap address and real address; then connected and closed, with "
        "the names of who dialled whom (and whether the listener asks for the dialler's "
        "certificate: "
        "who does not cannot know it); closed says by whose side, why, whether it had been "
        "connected, "
        "and, where it had not, what came in place of the listener's answer. Of the streams: "
        "stream_opened, proposed, agreed, refused (na), illegible, speaks (the first byte of the "
        "protocol's), rpc, status, blocks, error_code, agent, malformed, ended and stream_closed, "
        "each with from, to, stream, protocol, and where it begins in what that side says. Of the "
        "mesh, from who did it, to whom: subscribed, unsubscribed, mesh_joined (a GRAFT, to one "
        "that is subscribed), mesh_left; and of a gossipsub stream that its opener can write on, "
        "gossip_opened and gossip_ended.\n\n"
        "Rules make nodes meet in the order that one wants, and each thing that they do is an "
        "event "
        "(held, released, renamed, reset). --hold 'echo|answer|rpc|stream PROTOCOL from NAME until "
        "NAME "
        "proposes|opens|sends PROTOCOL [plus DURATION] [limit DURATION]': what is held is a node's "
        "echo of a proposal and all behind it, what it says behind its echo, behind its own "
        "proposal, or on the whole stream that it opened; until on the same connection the "
        "second NAME, which may be either node, has proposed a protocol, has opened a stream (* is "
        "of any protocol; otherwise that is known when it proposes), or has sent its first RPC, "
        "and then as long as plus says; no longer than limit in all (5s; a day at most), than "
        "which "
        "plus is shorter. Where what is waited for is past already, nothing is held; "
        "of a stream whose header came before its proposal, the header is not. Each rule's hold "
        "ends by itself: another that begins further back on the stream goes on. At the end of the "
        "connection all is released. "
        "--refuse 'PROTOCOL from NAME': where that node proposes it, the other is shown a name of "
        "the same length that nobody has, so that it refuses as it does any (na, or as go-libp2p a "
        "reset where an RPC is behind it); what follows on "
        "the stream is theirs. A proposal whose name is handed on already, as its end came "
        "later, is reset. "
        "--reset 'PROTOCOL from NAME [code N]' resets a node's streams of it, --drop-echo "
        "'PROTOCOL from NAME' loses its echo and all behind it. PROTOCOL is a "
        "name, or its beginning with * behind it, or gossipsub, status or identify.\n\n"
        "--html FILE writes a page at the end: for each connection two life lines, its streams as "
        "lanes between them, and who said what when, by name, with what is in it; filtered by "
        "nodes, protocol, topic and words. With --qlog, orphaned streams are marked as "
        "devnet-orphans judges them; else those on which a protocol was agreed, and nobody speaks "
        "or ends anything. --from draws it later, of the lines that were printed, or of QUIC logs "
        "alone, which do not tell what was said; a last line that is cut is left out with a "
        "warning. Of "
        "more than 16 MiB of events it has the first, and says how many are left out.\n\n"
        "The API: GET /health; /mesh, each node's subscriptions, mesh, backoffs, streams and peers "
        "as they are on the wire; /connections, those that live, with what each side has said in "
        "bytes; /events, the lines of stdout as they come; /metrics, for Prometheus, counted by "
        "the node that did it, with rates of the "
        "last 10 s. POST "
        "/nodes {\"node\": NODE} adds a node, or says where one that is there, by name and key, "
        "really is from now on; it answers with its tap address (event: node_added, node_moved). "
        "Of "
        "{\"left\": NAME} /health and /mesh tell no more until it is given again (node_left).",
    .options = option_table,
    .commands = commands,
    .examples = examples,
    .exit_statuses = statuses,
    .see_also = "devnet(1), devnet-node(1), devnet-orphans(1), devnet-mesh(1), devnet-relay(1)",
};

/* By the API, which somebody knows who has asked for it. */
static bool will_be_given(const struct tap_options *options)
{
    return options->api != NULL && strcmp(options->api, "off") != 0;
}

/* Of what a running tap alone has: NULL where none is given. */
static const char *option_of_running(const struct tap_options *options)
{
    const struct {
        bool given;
        const char *name;
    } rows[] = {
        {options->holds.count > 0, "--hold"},
        {options->refusals.count > 0, "--refuse"},
        {options->resets.count > 0, "--reset"},
        {options->dropped_echoes.count > 0, "--drop-echo"},
        {options->api != NULL, "--api"},
        {options->trace != 0, "--trace"},
        {options->qlog_limit != 0, "--qlog-limit"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].given)
            return rows[i].name;
    return NULL;
}

static void check_from(const struct tap_options *options, bool between)
{
    const char *running = option_of_running(options);
    if (options->html == NULL)
        tap_usage_error("--from is drawn as a page: --html FILE is to be given, too");
    if (between)
        tap_usage_error("--from draws what was printed: neither NODE nor --genesis");
    if (running != NULL)
        tap_usage_error("--from draws what was printed: %s is of a tap that runs", running);
    if (file_is_same(options->from, options->html))
        tap_usage_error("--html %s is the file that --from reads, and the page would "
                        "take its place",
                        options->html);
    if (options->qlog != NULL && file_is_folder(options->from))
        tap_usage_error("--from %s has QUIC logs: --qlog is beside events", options->from);
}

static void check_api(const char *text)
{
    struct api_address address;
    struct error error;
    if (strcmp(text, "off") != 0 && !api_address_check(text, &address, &error))
        tap_usage_error("--api %s", error.text);
}

void tap_options_read(int argc, char **argv, struct tap_options *options)
{
    *options = (struct tap_options){.log_level = LOG_WARN};
    struct options_result result = options_parse(&tap_program, argc, argv, options);
    options->nodes = result.operands;
    options->node_count = result.operand_count;
    bool between = options->node_count > 0 || options->genesis != NULL;
    if (options->from != NULL)
        check_from(options, between);
    if (options->from == NULL && !between && !will_be_given(options))
        tap_usage_error("no NODE, and no --genesis: between whom? (POST /nodes of "
                        "--api HOST:PORT takes them later, too)");
    if (options->qlog_limit != 0 && options->qlog == NULL)
        tap_usage_error("--qlog-limit: it is of the logs of --qlog");
    if (options->api == NULL)
        options->api = "127.0.0.1:0";
    check_api(options->api);
    if (options->out != NULL && options->genesis == NULL)
        tap_usage_error("--out is of a --genesis folder, which is not given");
}

void tap_options_clear(struct tap_options *options)
{
    options_clear(&tap_program, options);
}
