#include "cmd/devnet/devnet.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/output.h"
#include "common/program.h"
#include "devnet/propagation.h"
#include "devnet/wiring.h"

enum {
    CONNECT_TIMEOUT_MAX_MS = 600 * 1000, /* what the API of a node takes */
    TIMEOUT_DEFAULT_MS = 10 * 1000,
};

#define AT(member) .offset = offsetof(struct devnet_options, member)

static const struct option_spec common_options[] = {
    {"dir", 'd', OPTION_STRING, AT(folder), "DIR",
     "The devnet's folder (default: $DEVNET_DIR, else .devnet)", .files = true},
    {"genesis", 'g', OPTION_STRING, AT(genesis), "DIR",
     "A genesis folder, whose nodes are added to the devnet's", .files = true},
    {0},
};

static const struct option_spec up_options[] = {
    {"nodes", 'n', OPTION_NUMBER, AT(nodes), "N",
     "How many nodes (default: 2; with --genesis those of the folder)", .minimum = 1,
     .maximum = DEVNET_NODES_MAX},
    {"connect", 'c', OPTION_STRING, AT(connect), "HOW",
     "Who dials whom: none, line, ring, star, full, or random:K, where each has K connections and "
     "none is apart (default: full)",
     .choices = wiring_names},
    {"seed", 0, OPTION_NUMBER, AT(seed), "N",
     "Of random:K, for the same pairs again (default: random, and printed)", .maximum = INT64_MAX},
    {"tap", 0, OPTION_FLAG, AT(tap),
     .help = "Put one devnet-tap between all nodes, which logs and tells what they say to each "
             "other"},
    {"file", 'f', OPTION_STRING, AT(file), "FILE",
     "Instead of these options: an experiment, whose timeline and checks are left to run",
     .files = true},
    {"verbose", 'v', OPTION_FLAG, AT(verbose), .help = "Print each pair as it is connected"},
    {"timeout", 't', OPTION_DURATION, AT(timeout), "DURATION",
     "How long nodes may take to be ready, and then to connect (default: 10s)", .minimum = 1,
     .maximum = CONNECT_TIMEOUT_MAX_MS},
    {"with", 'w', OPTION_LIST, AT(with), "NAME=COMMAND",
     "Run another program as a node too; {port}, {key}, {bootnode}, {enr}, {nodes} and {qlog} in "
     "COMMAND are replaced; may be repeated"},
    {"path", 'p', OPTION_LIST, AT(paths), "A,B:KEY=VALUE,...",
     "Put a relay between all nodes, and make the path between nodes A and B bad, or all: keys are "
     "delay, jitter, loss, duplicate, reorder and seed; may be repeated"},
    {"partitionable", 0, OPTION_FLAG, AT(partitionable),
     .help = "Put a relay between all nodes, for devnet path and partition"},
    {"json", 0, OPTION_FLAG, AT(json),
     .help = "Print one JSON object once all are up, as status does"},
    {0},
};

static const struct option_spec run_options[] = {
    {"file", 'f', OPTION_STRING, AT(file), "FILE", "The experiment (default: devnet.yaml)",
     .files = true},
    {"report", 'r', OPTION_STRING, AT(report), "DIR",
     "Write a report there before the nodes are stopped, as report does (default: as the file "
     "says)",
     .files = true},
    {"timeout", 't', OPTION_DURATION, AT(timeout), "DURATION",
     "How long nodes may take to be ready, and to connect (default: as the file says, or 10s), and "
     "in the end to end (default: 10s)",
     .minimum = 1, .maximum = CONNECT_TIMEOUT_MAX_MS},
    {"json", 0, OPTION_FLAG, AT(json),
     .help = "Print a JSON object a line: up, each step and check, report, end"},
    {0},
};

static const struct option_spec genesis_options[] = {
    {"nodes", 'n', OPTION_NUMBER, AT(nodes), "N", "How many nodes (default: 2)", .minimum = 1,
     .maximum = DEVNET_NODES_MAX},
    {"name", 0, OPTION_STRING, AT(name), "NAME",
     "What they are called: NAME_0, NAME_1 and so on (default: devnet)"},
    {"ip", 'i', OPTION_LIST, AT(ips), "ADDRESS", "Where they are (default: 127.0.0.1)"},
    {"port", 'p', OPTION_NUMBER, AT(first_port), "PORT",
     "QUIC port of the first, the others count on; 0: any free ones (default: 9001)",
     .maximum = 65535},
    {"api-port", 0, OPTION_NUMBER, AT(first_api_port), "PORT", "The same of APIs (default: 5051)",
     .maximum = 65535},
    {"metrics-port", 0, OPTION_NUMBER, AT(first_metrics_port), "PORT",
     "The same of metrics (default: 8081)", .maximum = 65535},
    {"force", 'f', OPTION_FLAG, AT(force),
     .help = "Replace what an earlier genesis folder has there"},
    {"json", 0, OPTION_FLAG, AT(json),
     .help = "Print one JSON object with the nodes: names, peer ids, records, addresses, ports, "
             "validators and key files"},
    {0},
};

static const struct option_spec down_options[] = {
    {"timeout", 't', OPTION_DURATION, AT(timeout), "DURATION",
     "How long nodes may take to end before they are killed (default: 10s)"},
    {"json", 0, OPTION_FLAG, AT(json),
     .help = "Print one JSON object with what became of each, as stop does, and of what stood "
             "between them"},
    {0},
};

#define TIMEOUT_OPTION                                                                             \
    {                                                                                              \
        "timeout", 't', OPTION_DURATION,                                                           \
            .offset = offsetof(struct devnet_options, timeout), "DURATION",                        \
            "How long nodes may take to end before they are killed, and to start and connect "     \
            "(default: 10s)",                                                                      \
            .minimum = 1, .maximum = CONNECT_TIMEOUT_MAX_MS                                        \
    }
#define OUTCOME_OPTION                                                                             \
    {                                                                                              \
        "json", 0, OPTION_FLAG, .offset = offsetof(struct devnet_options, json),                   \
                                .help = "Print one JSON object with what became of each"           \
    }
#define REDIAL_OPTION                                                                              \
    {                                                                                              \
        "no-redial", 0, OPTION_FLAG,                                                               \
            .offset = offsetof(struct devnet_options, no_redial),                                  \
            .help = "Do not connect them to those that they were connected to"                     \
    }

static const struct option_spec stop_options[] = {TIMEOUT_OPTION, OUTCOME_OPTION, {0}};
static const struct option_spec start_options[] = {
    REDIAL_OPTION, TIMEOUT_OPTION, OUTCOME_OPTION, {0}};
static const struct option_spec signal_options[] = {OUTCOME_OPTION, {0}};
static const struct option_spec add_options[] = {
    {"to", 0, OPTION_LIST, AT(to), "NODE",
     "Whom it dials; may be repeated (default: the first eight that are up)", .names = true},
    {"with", 'w', OPTION_LIST, AT(with), "NAME=COMMAND",
     "Another program, as of up; may be repeated"},
    REDIAL_OPTION,
    TIMEOUT_OPTION,
    OUTCOME_OPTION,
    {0},
};

static const struct option_spec heal_options[] = {
    {"no-redial", 0, OPTION_FLAG, AT(no_redial),
     .help = "Do not make connections again that the partition ended"},
    {"verbose", 'v', OPTION_FLAG, AT(verbose), .help = "Print each connection"},
    {"timeout", 't', OPTION_DURATION, AT(timeout), "DURATION",
     "How long connections may take to stand again (default: 10s)", .minimum = 1,
     .maximum = CONNECT_TIMEOUT_MAX_MS},
    {"json", 0, OPTION_FLAG, AT(json), .help = "Print JSON"},
    {0},
};

static const struct option_spec status_options[] = {
    {"watch", 'w', OPTION_FLAG, AT(watch),
     .help = "Look again and again: a table that stays on a terminal, else one a look"},
    {"interval", 'i', OPTION_DURATION, AT(interval), "DURATION",
     "Time between two looks (default: 3s)", .minimum = 100, .maximum = 3600000},
    {"json", 0, OPTION_FLAG, AT(json), .help = "Print JSON; with --watch one object a line"},
    {0},
};

static const struct option_spec enr_options[] = {
    {"key", 'k', OPTION_STRING, AT(key), "FILE", "make: the key file of the node whose it is",
     .files = true},
    {"ip", 'i', OPTION_LIST, AT(ips), "ADDRESS", "make: IPv4 or IPv6; one of each may be given"},
    {"port", 'p', OPTION_NUMBER, AT(port), "PORT", "make: of QUIC (quic; quic6 with IPv6)",
     .minimum = 1, .maximum = 65535},
    {"seq", 's', OPTION_NUMBER, AT(sequence), "N", "make: the sequence number (default: 1)",
     .minimum = 1},
    {"json", 0, OPTION_FLAG, AT(json), .help = "Print JSON"},
    {0},
};

static const struct option_spec publish_options[] = {
    {"count", 'n', OPTION_NUMBER, AT(count), "N", "How many messages (default: 1)", .minimum = 1,
     .maximum = PROPAGATION_MESSAGES_MAX},
    {"rate", 'r', OPTION_DECIMAL, AT(rate), "R",
     "How many a second (default: each once the one before is out)", .maximum = 10000},
    {"size", 's', OPTION_NUMBER, AT(size), "BYTES",
     "Messages of so many random bytes, instead of a file or text", .minimum = 8,
     .maximum = 10 * 1024 * 1024},
    {"timeout", 't', OPTION_DURATION, AT(timeout), "DURATION",
     "How long the last message may take to be everywhere (default: 10s)", .minimum = 1,
     .maximum = CONNECT_TIMEOUT_MAX_MS},
    {"html", 0, OPTION_STRING, AT(html), "FILE", "Write a page with a plot of it, too",
     .files = true},
    {"json", 0, OPTION_FLAG, AT(json), .help = "Print JSON, each arrival too"},
    {0},
};

static const struct option_spec json_options[] = {
    {"json", 0, OPTION_FLAG, AT(json), .help = "Print JSON"},
    {0},
};

static const struct option_spec logs_options[] = {
    {"follow", 'f', OPTION_FLAG, AT(follow), .help = "Go on as the nodes write more"},
    {"events", 'e', OPTION_FLAG, AT(events),
     .help = "The events that nodes print (JSON lines) instead of their logs"},
    {"json", 0, OPTION_FLAG, AT(json),
     .help = "Print one JSON object a line: node_name, stream (stdout or stderr) and line, or the "
             "event with its node_name; with part where a line goes on, or has no end yet"},
    {0},
};

static const struct command_spec commands[] = {
    {"up", "[-- NODE-OPTION...]", "Start nodes, connect them and wait until they are", up_options,
     0, SIZE_MAX},
    {"run", NULL, "Start the nodes of a file, do what it says and when, check, report and stop",
     run_options, 0, 0},
    {"down", NULL, "Stop the nodes", down_options, 0, 0},
    {"stop", "NODE...", "Stop nodes, and keep their keys, ports and logs", stop_options, 1,
     DEVNET_NODES_MAX},
    {"start", "NODE...", "Start nodes where they were, and connect them as they were",
     start_options, 1, DEVNET_NODES_MAX},
    {"restart", "NODE...", "Stop and start nodes", start_options, 1, DEVNET_NODES_MAX},
    {"kill", "NODE...", "End nodes at once, as a crash would (SIGKILL)", signal_options, 1,
     DEVNET_NODES_MAX},
    {"pause", "NODE...", "Have nodes stand still (SIGSTOP)", signal_options, 1, DEVNET_NODES_MAX},
    {"resume", "NODE...", "Have nodes that stand still go on", signal_options, 1, DEVNET_NODES_MAX},
    {"add", "[NAME...] [-- NODE-OPTION...]", "Start more nodes, and connect them", add_options, 0,
     SIZE_MAX},
    {"remove", "NODE...", "Stop nodes, and forget them but for their folders", stop_options, 1,
     DEVNET_NODES_MAX},
    {"path", "[A,B:KEY=VALUE,...|all:...]...",
     "Change paths between nodes while they run (of up --path or --partitionable), and show them",
     json_options, 0, SIZE_MAX},
    {"partition", "NODE,... [NODE,...]...",
     "Have nothing pass between groups of nodes; of one group, between it and all others",
     json_options, 1, DEVNET_NODES_MAX},
    {"heal", NULL, "End the partition, and connect nodes as they were", heal_options, 0, 0},
    {"status", NULL, "Show the nodes, and who is up", status_options, 0, 0},
    {"logs", "[NODE...]", "Show what the nodes logged; of another program both its outputs",
     logs_options, 0, DEVNET_NODES_MAX},
    {"publish", "NODE TOPIC [FILE|TEXT]",
     "Have a node publish messages, and report who got them when", publish_options, 2, 3},
    {"report", "DIR", "Put all that a bug report needs into one folder", json_options, 1, 1},
    {"genesis", "DIR", "Write a genesis folder for nodes that are yet to be run", genesis_options,
     1, 1},
    {"enr", "show RECORD|NODE | make [KEY=VALUE...]",
     "Show each field of a node record, or make one of a key file", enr_options, 1, SIZE_MAX},
    {"key", "new|show FILE", "Make a key file, or show whose it is", json_options, 2, 2},
    /* Never parsed here: their own programs do that. */
    {"connect", "[NODE] NODE|MULTIADDR", "Connect to a node, or one to another (devnet-connect)",
     NULL, 0, SIZE_MAX},
    {"mesh", "dump|diff|check|watch|graph ...",
     "Dump, compare, check, watch or draw the mesh (devnet-mesh)", NULL, 0, SIZE_MAX},
    {"orphans", "[NODE|FOLDER...]", "Name the orphaned streams (devnet-orphans)", NULL, 0,
     SIZE_MAX},
    {"node", "...", "Run one more node, in the foreground (devnet-node)", NULL, 0, SIZE_MAX},
    {"relay", "...", "Run a bad path between nodes (devnet-relay)", NULL, 0, SIZE_MAX},
    {"tap", "[NODE...]", "Stand between nodes, and tell what they say (devnet-tap)", NULL, 0,
     SIZE_MAX},
    {0},
};

static const struct example examples[] = {
    {"devnet up -n 4", "Start four nodes, each connected to all others."},
    {"devnet connect node1 node2", "Connect two of them, and show each step."},
    {"devnet orphans", "Look for orphaned streams in the QUIC logs of all of them."},
    {"devnet mesh dump -o mesh.json", "Write the mesh of all of them into one snapshot."},
    {"devnet mesh diff mesh.json", "What has changed since."},
    {"devnet mesh check --wait 10s", "Wait until the mesh of all of them is sound."},
    {"devnet mesh graph --html mesh.html", "Draw the mesh of all of them, for a browser."},
    {"devnet up -n 200 --connect random:8 --seed 1",
     "Many nodes, with eight connections each, and the same ones when it is run again."},
    {"devnet up -n 2 --connect none -- --heartbeat 200ms", "Give the nodes options of their own."},
    {"devnet up --with mine='my-client --port {port} --key {key} --bootnode {bootnode}'",
     "Two nodes, and a client of your own that dials the first."},
    {"devnet up --tap --with mine='my-client --port {port} --key {key} --bootnode {bootnode}'",
     "The same with a tap between: orphans and mesh cover your client, too."},
    {"devnet connect --genesis genesis zeam_0", "Connect to a node of a genesis folder."},
    {"devnet status --genesis genesis --watch", "See who of them is up, as it changes."},
    {"devnet enr make --key node.key --ip 10.0.0.1 --port 9000 is_aggregator=true",
     "Make a node record."},
    {"devnet enr show enr:-IS4Q...", "What it says, and whether its signature is right."},
    {"devnet publish node1 block --size 100000 --count 20 --rate 5",
     "Who gets 20 blocks' worth of noise when, and over how many hops."},
    {"devnet status --watch", "Peers, mesh, round trips, messages a second and memory of each."},
    {"devnet restart node2", "Stop and start one of them, with the key and ports that it had."},
    {"devnet kill node1 && devnet mesh check --wait 30s && devnet start node1",
     "Wait until the others have got over a crash, and bring it back."},
    {"devnet add node5 -- --heartbeat 200ms", "One more node, connected to those that are up."},
    {"devnet run -f devnet.yaml --report bug",
     "A whole experiment: nodes, what is done to them and when, checks, a report, and the end."},
    {"devnet up -n 4 --path all:delay=20ms --path node1,node2:delay=50ms,loss=1",
     "Bad paths: a round trip of 40 ms, and one of 100 ms that loses datagrams."},
    {"devnet path node1,node2:loss=0 node2,node3:jitter=10ms",
     "Change them. What is not named stays as it is."},
    {"devnet partition node1,node2 node3,node4; sleep 30; devnet heal",
     "Have two halves know nothing of each other for a while."},
    {"devnet report bug && tar -czf bug.tar.gz bug",
     "Pack all that whoever looks into a failure needs, whether the devnet is up or down."},
    {"devnet down", "Stop them."},
    {0},
};

static const struct exit_status exit_statuses[] = {
    {0, "it worked; status: all nodes are up; publish: all messages are wherever they can be seen; "
        "run: all steps "
        "and checks ended as expected"},
    {1, "it failed, and nothing that `up` started is left; status: a node is not up, or none is; "
        "run: a step or a check did not end as expected, a node ended that no step stopped, or a "
        "signal came"},
    {2,
     "usage: an option, a name or a path that cannot be, of a node's, too; a file of up or run "
     "that is not sound: then nothing was started; a devnet of another version; path, partition, "
     "heal: no relay stands between the nodes"},
    {0},
};

static const struct operand_words operand_words[] = {
    {"logs", NULL, true, false},
    {"stop", NULL, true, false},
    {"start", NULL, true, false},
    {"restart", NULL, true, false},
    {"kill", NULL, true, false},
    {"pause", NULL, true, false},
    {"resume", NULL, true, false},
    {"remove", NULL, true, false},
    {"enr", "show make", true, false},
    {"key", "new show", false, true},
    {"publish", "block aggregation", true, true},
    {"path", "all: delay= jitter= loss= duplicate= reorder= seed= clean", true, false},
    {"partition", NULL, true, false},
    {0},
};

static const struct guest_words guests = {
    .commands = "connect | mesh | orphans | node | relay | tap",
    .named = "connect:--from | connect:-f | mesh:--before | mesh:-b | node:--bootnode | node:-b",
    .own = "--genesis",
};

/* Of the devnet that is meant, up or down: of what devnet_save has written. */
static const char names_script[] =
    "folder=${DEVNET_DIR:-.devnet}\n"
    "            for ((i = 1; i + 1 < COMP_CWORD; i++)); do\n"
    "                case ${COMP_WORDS[i]} in\n"
    "                -d | --dir)\n"
    "                    if [[ ${COMP_WORDS[i + 1]} == = ]]; then ((i++)); fi\n"
    "                    folder=${COMP_WORDS[i + 1]} ;;\n"
    "                esac\n"
    "            done\n"
    "            for file in devnet.json left.json; do\n"
    "                if [[ -e $folder/$file ]]; then\n"
    "                    sed -n 's/^ *\"name\": \"\\([A-Za-z0-9_-]*\\)\",*$/\\1/p' "
    "\"$folder/$file\"\n"
    "                    break\n"
    "                fi\n"
    "            done";

static const struct program_spec program = {
    .name = "devnet",
    .summary = "spin up a local network of nodes, and ask it things",
    .description =
        "The nodes are called node1, node2 and so on, and run until they are stopped by devnet "
        "down. Their keys, logs and QUIC logs are in a folder each, in the devnet's folder; a QUIC "
        "log takes no more than 1M unless up is told otherwise (-- --qlog-limit SIZE). "
        "Devnets in different folders do not know of each other.\n\n"
        "devnet [--dir DIR] X ... runs devnet-X, found beside devnet, with the names of nodes "
        "replaced by what it takes: their APIs, their multiaddrs or the folders of their QUIC "
        "logs. devnet connect node1 node2 asks node1 to dial node2; devnet connect node2 dials it "
        "from here; devnet mesh dump, devnet mesh check and devnet orphans without names are "
        "about all nodes; devnet mesh diff FILE compares with all of them. logs -f, mesh watch and "
        "orphans --follow without names go on to nodes that come meanwhile. Nodes are called by "
        "their "
        "names in what these print; ids stand in JSON, to which logs -e and connect --json add "
        "\"peer_name\".\n\n"
        "devnet up --with NAME=COMMAND runs another program as a node, by /bin/sh. {port} becomes "
        "the UDP port on 127.0.0.1 to listen on, {key} a file with its secp256k1 secret (64 "
        "hexadecimal digits), {bootnode} the multiaddr of node1, {enr} its node record, {nodes} a "
        "nodes.yaml with the records of all that are up, {qlog} a folder for its QUIC logs. "
        "Without {bootnode}, {enr} and {nodes}, node1 dials it. It counts as up once the two are "
        "connected; a program with a key of its own is known by the peer id that it shows then, "
        "which is warned of where {key} is in COMMAND. devnet down, and an up that fails or is "
        "interrupted, end whatever came of the "
        "command: those in its session, their children, and who has its DEVNET_MARK in the "
        "environment. devnet down also ends what logs to a folder in DIR that devnet.json does not "
        "know: a DIR that was deleted leaves its nodes running.\n\n"
        "devnet up --tap puts one devnet-tap between all nodes, which speaks for each with the "
        "node's own key: {bootnode}, {enr} and {nodes} have its addresses, nodes dial each other "
        "through it, those that come later, too, and orphans and mesh without names are about "
        "what it saw as well, so that programs that tell nothing are in them. A program has to "
        "take {key}. Its QUIC logs are in the folder tap, bounded as the nodes' are, and its "
        "events, without a limit. Who is no node dials the nodes where they are: the tap refuses "
        "whose key it does not have.\n\n"
        "devnet stop, start, restart, kill, pause, resume and remove are about the nodes named, "
        "other programs, too. A node that is started again has the key, the ports and the "
        "arguments that it had, in the folder where up was run, and logs go on. Connections that "
        "up and add made are made again by who made them (another program that dialled is waited "
        "for, then dialled), unless --no-redial says otherwise. What is as asked already is said, "
        "and no failure. A node that was stopped or killed is not asked by mesh without names; "
        "status calls it stopped, and one that stands still paused. add starts one more with the "
        "options that up gave, or with --with another program, as up does; what cannot be "
        "connected "
        "is not left.\n\n"
        "up --path and --partitionable put one relay process (devnet-relay --api) between all "
        "nodes: whoever dials another, as up, add, start, connect NODE NODE and --with have it, "
        "finds it at a port of the relay that stays the same. A path A,B:KEY=VALUE,... is of both "
        "directions; delay and jitter (durations, one way), loss, duplicate and reorder (percent) "
        "and seed are its keys; all: is of every path of which that key was not said by itself, "
        "A,B:clean makes one clean, and all:clean all of them. Each link has luck of its own, by "
        "the seed and the "
        "names: the same in each run. partition drops what is under way, too; connections across "
        "end when they are idle for too long (10s, or -- --idle-timeout). The last one counts; who "
        "is in no group is reached by all. heal ends it and has the connections made again, as "
        "start does. Without such a relay all three exit with 2.\n\n"
        "--genesis DIR adds the nodes of a genesis folder, as Lean's devnets have it "
        "(validator-config.yaml, nodes.yaml, config.yaml, validators.yaml or "
        "annotated_validators.yaml, NAME.key): their names stand for them "
        "in all commands, status and mesh without names are about them, too, and up runs a node "
        "of ours in the place of each that is not up. status visits them as a peer, and takes the "
        "number of their peers from their metrics. The same holds where the devnet's folder is a "
        "genesis folder. devnet genesis writes one, but for the keys of validators.\n\n"
        "devnet up -f FILE and devnet run -f FILE take the nodes from a YAML file, which is "
        "checked whole before anything is started: nodes (a number, or a list of names and of "
        "mappings: name or count, with options, or name with the command of another program), "
        "options (of all nodes of ours), connect (as of up, or a list of pairs, such as \"node1 "
        "node2\", the first of which dials), paths (a list, as of up --path), partitionable, tap "
        "(as of up --tap), seed, timeout, timeline, checks, wait and report. Words are split as a "
        "shell does, but nothing "
        "is expanded; a list of texts is one word each. A step of the timeline is\n\n"
        "at TIME [expect STATUS] COMMAND [ARGUMENT...]\n\n"
        "TIME is from when all nodes are up, as 500ms, 10s or 2m, and none is before that of the "
        "step above. COMMAND is stop, start, restart, kill, pause, resume, add, remove, connect, "
        "publish, path, partition, heal, mesh, orphans, status, logs or report, with the arguments "
        "that it takes on the command line. It is to end with 0, or with what expect says, `any` "
        "for whatever it is. Steps are run one after the other, late where the one before takes "
        "longer, and also after one that failed; one that takes a quarter of an hour has failed. "
        "checks are the same without a time; `mesh` alone is mesh check --wait 10s, or the time "
        "that wait says. Without checks these are mesh and orphans. devnet run prints each with "
        "its time and what it said, writes the report, and stops the nodes, also where a signal "
        "comes (without a report then); of nodes that do not come up it writes the report, "
        "too. What ended by itself by then is named, and the run has failed; a step `stop NAME` "
        "says that the node was to end.\n\n"
        "devnet enr shows and makes node records (ENR, EIP-778, scheme v4). A node has one where "
        "its key is of secp256k1, as all keys of ours are: a node with an ed25519 key has none. "
        "VALUE is an address for ip and ip6, a port for tcp, udp, quic and the same with a 6; "
        "true, false, a number, or 0x and hexadecimal digits for other keys.\n\n"
        "devnet publish has a node publish on TOPIC: its name, or block or lean:block of one of "
        "Lean's. "
        "A third operand is a file, where there is one of that name, or else a text, behind which "
        "stands its number with --count. Times are from just before the node is asked until its "
        "API's /events tells of the arrival, so loopback's and the programs' own are in them; hops "
        "follow from whom each node had a message first; duplicates are what nodes counted "
        "meanwhile. What another program got is not seen, as it has no API, and is not expected: "
        "such nodes are listed (not_seen in JSON). A node of ours that does not answer, or has "
        "ended by itself, is expected to get all. SIGINT, SIGTERM and SIGHUP have it report what "
        "arrived so far (\"interrupted\" in JSON), and exit with 128 and their number.\n\n"
        "devnet report DIR writes one folder: what each node logged, its events and QUIC logs, a "
        "snapshot and checks of the mesh, the verdicts on streams, pages of both, all events in "
        "order of time, the versions, and the commands that led there, as a script; of devnet run "
        "what repeats it by the copy of its file, wherever DIR is. DIR must be empty or not there; "
        "it is written whole or not at all. No key is in it: key files stay "
        "where they are, and keys of the nodes are replaced in what is copied.\n\n"
        "Of a devnet that is down, logs, orphans and mesh use what it left: logs and QUIC logs, "
        "and the mesh as down found it (mesh.json).",
    .options = common_options,
    .commands = commands,
    .examples = examples,
    .exit_statuses = exit_statuses,
    .see_also = "devnet-node(1), devnet-connect(1), devnet-mesh(1), devnet-orphans(1), "
                "devnet-relay(1), devnet-tap(1)",
    .operand_words = operand_words,
    .names = names_script,
    .guests = &guests,
};

/* What may stand before the command: --dir and --genesis, which every command knows. */
struct leading {
    const char *folder, *genesis;
    int next; /* the first argument after */
};

/* Where ARGUMENTS begin with OPTION or LETTER and a value, how many of them that are; 0 if not. */
static int take_leading(char **arguments, const char *option, const char *letter,
                        const char **value)
{
    size_t length = strlen(option);
    if ((strcmp(arguments[0], option) == 0 || strcmp(arguments[0], letter) == 0) &&
        arguments[1] != NULL) {
        *value = arguments[1];
        return 2;
    }
    if (strncmp(arguments[0], option, length) != 0 || arguments[0][length] != '=')
        return 0;
    *value = arguments[0] + length + 1;
    return 1;
}

static struct leading read_leading(char **argv)
{
    struct leading leading = {.next = 1};
    int taken = 1;
    while (taken > 0 && argv[leading.next] != NULL) {
        taken = take_leading(argv + leading.next, "--dir", "-d", &leading.folder);
        if (taken == 0)
            taken = take_leading(argv + leading.next, "--genesis", "-g", &leading.genesis);
        leading.next += taken;
    }
    return leading;
}

/* What is there in its place, or above it, must be a folder. */
static bool check_folder(const char *folder, bool given)
{
    struct stat about;
    const char *option = given ? "--dir" : "$DEVNET_DIR";
    bool there = stat(folder, &about) == 0;
    if ((there && S_ISDIR(about.st_mode)) || (!there && errno == ENOENT))
        return true;
    log_error("%s %s: %s", option, folder, strerror(there ? ENOTDIR : errno));
    return false;
}

static bool operand_is(const struct options_result *result, const char *word)
{
    return strcmp(result->operands[0], word) == 0;
}

/* ---- the commands that are ours ---- */

/* What else is in the folder is not to be lost. */
static int run_up(const struct devnet_options *options, const struct options_result *result)
{
    struct error error;
    if (!devnet_check_folder(options, options->file, &error)) {
        log_error("%s", error.text);
        return DEVNET_USAGE;
    }
    return devnet_up_command(options, result->operands, result->operand_count);
}

static int run_experiment(const struct devnet_options *options, const struct options_result *result)
{
    (void)result;
    return devnet_experiment_command(options);
}

static int run_down(const struct devnet_options *options, const struct options_result *result)
{
    (void)result;
    return devnet_down_command(options);
}

static int run_nodes(const struct devnet_options *options, const struct options_result *result)
{
    return devnet_nodes_command(options, result->command->name, result->operands,
                                result->operand_count);
}

static int run_paths(const struct devnet_options *options, const struct options_result *result)
{
    return devnet_paths_command(options, result->command->name, result->operands,
                                result->operand_count);
}

static int run_status(const struct devnet_options *options, const struct options_result *result)
{
    (void)result;
    return devnet_status_command(options);
}

static int run_logs(const struct devnet_options *options, const struct options_result *result)
{
    return devnet_logs_command(options, result->operands, result->operand_count);
}

static int run_publish(const struct devnet_options *options, const struct options_result *result)
{
    return devnet_publish_command(options, result->operands, result->operand_count);
}

static int run_report(const struct devnet_options *options, const struct options_result *result)
{
    return devnet_report_command(options, result->operands[0]);
}

static int run_genesis(const struct devnet_options *options, const struct options_result *result)
{
    return devnet_genesis_command(options, result->operands[0]);
}

static int run_enr(const struct devnet_options *options, const struct options_result *result)
{
    if (!operand_is(result, "show") && !operand_is(result, "make"))
        options_usage_error(&program, "enr %s: expected `enr show RECORD` or `enr make`",
                            result->operands[0]);
    return devnet_enr_command(options, result->operands[0], result->operands + 1,
                              result->operand_count - 1);
}

static int run_key(const struct devnet_options *options, const struct options_result *result)
{
    if (!operand_is(result, "new") && !operand_is(result, "show"))
        options_usage_error(&program, "key %s: expected `key new FILE` or `key show FILE`",
                            result->operands[0]);
    return devnet_key_command(options, result->operands[0], result->operands[1]);
}

/* What carries out each row of `commands` that no other program does. */
typedef int own_command(const struct devnet_options *options, const struct options_result *result);
static const struct {
    const char *name;
    own_command *run;
} own_commands[] = {
    {"up", run_up},           {"run", run_experiment},  {"down", run_down},
    {"stop", run_nodes},      {"start", run_nodes},     {"restart", run_nodes},
    {"kill", run_nodes},      {"pause", run_nodes},     {"resume", run_nodes},
    {"add", run_nodes},       {"remove", run_nodes},    {"path", run_paths},
    {"partition", run_paths}, {"heal", run_paths},      {"status", run_status},
    {"logs", run_logs},       {"publish", run_publish}, {"report", run_report},
    {"genesis", run_genesis}, {"enr", run_enr},         {"key", run_key},
};

/* NULL where there is none. */
static own_command *find_own(const char *name)
{
    for (size_t i = 0; i < sizeof(own_commands) / sizeof(*own_commands); i++)
        if (strcmp(own_commands[i].name, name) == 0)
            return own_commands[i].run;
    return NULL;
}

static bool has_row(const char *name)
{
    for (const struct command_spec *command = commands; command->name != NULL; command++)
        if (strcmp(command->name, name) == 0)
            return true;
    return false;
}

/* A command is ours or another program's, and help has them all. */
static void check_commands(void)
{
    for (const struct command_spec *command = commands; command->name != NULL; command++)
        assert((find_own(command->name) != NULL) != devnet_is_guest(command->name));
    for (size_t i = 0; i < sizeof(own_commands) / sizeof(*own_commands); i++)
        assert(has_row(own_commands[i].name));
    for (size_t i = 0; devnet_guest_name(i) != NULL; i++)
        assert(has_row(devnet_guest_name(i)));
}

/* Of what a file may say otherwise. */
static void set_defaults(struct devnet_options *options)
{
    options->connect_said = options->connect != NULL;
    options->timeout_said = options->timeout != UINT64_MAX;
    if (!options->connect_said)
        options->connect = "full";
    if (!options->timeout_said)
        options->timeout = TIMEOUT_DEFAULT_MS;
}

static int run(int argc, char **argv)
{
    const char *from_environment = getenv("DEVNET_DIR");
    struct devnet_options options = {
        .folder = from_environment != NULL && *from_environment ? from_environment : ".devnet",
        .seed = UINT64_MAX,
        .timeout = UINT64_MAX,
        .interval = 3000,
        .count = 1,
        .name = "devnet",
        .first_port = 9001,
        .first_api_port = 5051,
        .first_metrics_port = 8081,
    };
    const struct leading leading = read_leading(argv);
    const char *fallback = options.folder, *folder = leading.folder;
    int next = leading.next;
    if (!check_folder(folder != NULL ? folder : fallback, folder != NULL))
        return DEVNET_USAGE;
    if (next < argc && argv[next][0] != '-' && find_own(argv[next]) == NULL)
        return devnet_run_program(folder != NULL ? folder : options.folder, leading.genesis,
                                  argv[next], argv + next + 1);

    struct options_result result = options_parse(&program, argc, argv, &options);
    if (!check_folder(options.folder, options.folder != fallback))
        return DEVNET_USAGE;
    if (devnet_is_guest(result.command->name))
        options_usage_error(&program, "%s: nothing but --dir and --genesis may stand before it",
                            result.command->name);
    set_defaults(&options);
    int status = find_own(result.command->name)(&options, &result);
    options_clear(&program, &options);
    return status;
}

int main(int argc, char **argv)
{
    program_begin(program.name, DEVNET_FAILED);
    log_init(program.name, LOG_INFO, false);
    check_commands();
    return output_end_status(run(argc, argv), DEVNET_FAILED);
}
