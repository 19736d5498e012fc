#!/usr/bin/env bats
# Nodes of a devnet go by their names wherever programs speak of them, and what happens has a time.
# One devnet is up for the whole file: nothing here changes it.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be

bats_require_minimum_version 1.5.0

setup_file() {
    export DEVNET_DIR=$BATS_FILE_TMPDIR/devnet
    unset DEVNET_BIN
    BIN=$(realpath "${BIN:-$BATS_TEST_DIRNAME/../build}")
    export BIN
    local mine="'$BIN/devnet-node' --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --key {key} --api off"
    "$BIN/devnet" up --with mine="$mine --topic lean:block --bootnode {bootnode}" > /dev/null 3>&-
}

teardown_file() {
    "$BIN/devnet" down > /dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    time='[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z'
}

devnet() {
    "$BIN/devnet" "$@"
}

# The peer id of a node.
id_of() {
    devnet status --json | jq -er --arg name "$1" '.nodes[] | select(.name == $name) | .peer_id'
}

@test "mesh dump, check and diff call nodes by their names, and give their ids in JSON" {
    run -0 devnet mesh dump --text -o dump.json
    [[ $output == *"node node1 ($(id_of node1)), devnet-node/"* ]]
    [[ $output == *"  peer mine, devnet-node/"* && $output == *"    mesh -> node2"* ]]
    jq -e --arg id "$(id_of mine)" '.names[$id] == "mine" and (.names | length) == 3' dump.json
    # Half of an edge: what a snapshot calls nodes is known wherever it is read.
    jq --arg id "$(id_of mine)" '(.nodes[0].topics[].mesh, .nodes[0].topics[].subscribers) |= map(
        select(. == $id))' dump.json > less.json
    run -1 "$BIN/devnet-mesh" check less.json
    [[ $output =~ node[12]\ -\>\ node[12]: && $output != *16Uiu2* ]]
    run -1 "$BIN/devnet-mesh" check --json less.json
    jq -e --arg id "$(id_of node1)" '.names[$id] == "node1" and any(.findings[]; .peer == $id or
        .node == $id)' <<< "$output"
    run -1 "$BIN/devnet-mesh" diff dump.json less.json
    [[ $output =~ "- mesh "[^\ ]*": "node[12]\ -\>\ node[12] && $output != *16Uiu2* ]]
    run -0 "$BIN/devnet-mesh" dump --text "$DEVNET_DIR"
    [[ $output == *"foreign mine ($(id_of mine)), "* ]]
}

@test "who does not answer is called by name" {
    id=$(id_of node1)
    run -1 "$BIN/devnet-mesh" check --name "gone=$id,http://127.0.0.1:1" http://127.0.0.1:1
    [[ ${lines[0]} == "error node_reachable: gone, http://127.0.0.1:1/mesh: cannot connect"* ]]
    run -2 "$BIN/devnet-mesh" check --name gone http://127.0.0.1:1
    [[ $output == *"--name gone: expected NAME=ID, or NAME=ID,ID..."* ]]
}

@test "graphs have names, in DOT, JSON and the page" {
    run -0 devnet mesh graph --html page.html --json
    jq -e '[.nodes[].label] | sort == ["mine", "node1", "node2"]' <<< "$output"
    grep -q '"label":"mine"' page.html
    run -0 devnet mesh graph
    [[ $output == *"\"$(id_of mine)\" [label=\"mine"* ]]
}

@test "orphans names both ends, and whose stream it is" {
    run -0 devnet orphans -v
    [[ $output =~ "node1 -> node2, "[0-9a-f]{16}" stream "[0-9]+": live (exact): /meshsub/"[0-9.]+", opened by node"[12] ]]
    [[ $output =~ "mine -> node1, "[0-9a-f]+ && $output != *"the client"* ]]
    run -0 devnet orphans --json --html page.html
    jq -e 'any(.connections[]; .names == {"client": "mine", "server": "node1"})' <<< "$output"
    grep -q '"names":{"client":"mine","server":"node1"}' page.html
    run -0 devnet orphans -v --follow --until-clean --grace 0s
    [[ $output == *"node1 -> node2, "*" stream "* ]]
    run -0 devnet orphans --json --follow --until-clean --grace 0s
    jq -es --arg time "^$time$" 'all(.t | test($time)) and any(.names.client == "mine")' <<< "$output"
}

@test "events have times and names, in logs and in watch" {
    run -0 devnet logs -e node1
    jq -es --arg time "^$time$" --arg mine "$(id_of mine)" 'all(.t | test($time)) and
        all(.peer_id != $mine or .peer_name == "mine") and any(.peer_name == "mine") and
        .[0].event == "ready" and .[0].peer_name == null' <<< "$output"
    devnet mesh watch --all --for 10s > watch.out 3>&- &
    devnet mesh watch --all --json --for 10s > watch.json 3>&- &
    for ((i = 0; i < 50; i++)); do
        if grep -q pong watch.out && grep -q pong watch.json; then break; fi
        devnet connect --until handshake node1 node2 > /dev/null # it is, which a ping proves
    done
    kill %1 %2
    wait
    grep -qE "^$time ~ pong: node1 -> node2 .*rtt_ms " watch.out
    jq -es --arg time "^$time$" 'all(.t | test($time)) and all(.node_name | test("^node[12]$")) and
        any(.event == "pong" and .peer_name == "node2")' watch.json
}

@test "each step of an attempt has its time, and who is met a name" {
    id=$(id_of node2)
    run -0 devnet connect --json node1 node2
    jq -e --arg time "^$time$" '.steps | length > 3 and all(.t | test($time))' <<< "$output"
    jq -e --arg id "$id" '.peer_name == "node2" and ([.steps[] | select(.peer_id)] | length > 1 and
        all(.peer_id == $id and .peer_name == "node2"))' <<< "$output"
    run -0 devnet connect --until handshake node1 node2
    [[ ${lines[0]} == "ok     handshake "*" ms  node2 ($id, secp256k1), TLS "* ]]
    run -0 devnet connect --json --until handshake node2
    jq -e '[.peer_name, .steps[0].peer_name] == ["node2", "node2"]' <<< "$output"
    # Without a devnet around it, it knows no names.
    address=$(devnet status --json | jq -er '.nodes[] | select(.name == "node2") | .listen[0]')
    run -0 "$BIN/devnet-connect" --until handshake "$address"
    [[ ${lines[0]} == "ok     handshake "*" ms  $id (secp256k1), TLS "* ]]
    run -0 "$BIN/devnet-connect" --json --until handshake "$address"
    jq -e '[.. | objects | select(has("peer_name"))] == []' <<< "$output"
}

@test "what goes wrong with an attempt is told by names" {
    id=$(id_of node2)
    nowhere=/ip4/127.0.0.1/udp/9/quic-v1/p2p/$id
    run -3 devnet connect --timeout 100ms "$nowhere"
    [[ $output == *"devnet-connect: node2, $nowhere: no QUIC answer within 0.1 s"* ]]
    address=$(devnet status --json | jq -er '.nodes[] | select(.name == "node1") | .listen[0]')
    address=${address%/p2p/*}/p2p/$id
    run -4 devnet connect "$address"
    [[ ${lines[0]} == "FAILED handshake "*" ms  "*"peer id is node1, not node2 as dialled"* ]]
    [[ ${lines[1]} == "devnet-connect: node2, $address: "*"peer id is node1, not node2 as dialled"* ]]
    run -4 devnet connect --json "$address"
    [[ $output == *"peer id is $(id_of node1), not $id as dialled"* ]]
    run -2 env DEVNET_NAMES=nonsense "$BIN/devnet-connect" "$address"
    [[ $output == *"\$DEVNET_NAMES: nonsense: expected NAME=ID, or NAME=ID,ID..."* ]]
}

@test "a message is said to be from a node by its name" {
    devnet connect --listen-gossip --count 1 node1 > heard 3>&- &
    for ((i = 0; i < 200; i++)); do
        if grep -q '^ok     mesh ' heard; then break; fi
        sleep 0.05
    done
    devnet publish node1 block 'said once' > /dev/null
    wait $!
    grep -q "^ok     message .*, from node1 ($(id_of node1))$" heard
}

# What bash offers for the last of the words: offers WORD...
offers() {
    local PATH=$BIN:$PATH # where devnet's own completion finds those of the others
    # shellcheck disable=SC1090 # as the program writes it
    source <("$BIN/$1" --help=bash)
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    "_${1//-/_}"
    echo "${COMPREPLY[*]}"
}

@test "completion knows nodes, commands, verdicts, kinds of peers, faults and steps" {
    [ "$(offers devnet logs '')" = "node1 node2 mine" ]
    [ "$(offers devnet connect node1 m)" = mine ]
    folder=$DEVNET_DIR
    [ "$(unset DEVNET_DIR && offers devnet --dir "$folder" mesh check m)" = mine ]
    [ "$(offers devnet mesh '')" = "dump diff check watch graph node1 node2 mine" ]
    [ "$(offers devnet partition node1,n)" = "node1,node1 node1,node2" ]
    [ "$(offers devnet path node1,node2 : d)" = "delay= duplicate=" ] # bash splits at the colon
    [ "$(offers devnet key s)" = show ]
    [ "$(offers devnet-orphans --fail-on half)" = half_closed ]
    [[ " $(offers devnet-orphans --peer-kind '') " == *" rust "* ]]
    [ "$(offers devnet-node --fault status-s)" = status-silent ]
    [ "$(offers devnet-connect --until h)" = handshake ]
    # Through devnet, with its names beside.
    [ "$(offers devnet orphans --fail-on half)" = half_closed ]
    [ "$(offers devnet orphans --fail-on = half)" = half_closed ]
    [ "$(offers devnet --dir "$folder" connect --until h)" = handshake ]
    [ "$(offers devnet node --fault status-s)" = status-silent ]
    [[ " $(offers devnet orphans --) " == *" --fail-on "*" --genesis "* ]]
    [ "$(offers devnet connect --from '')" = "node1 node2 mine" ]
    [ "$(offers devnet connect --hold '')" = "" ]
    [ "$(offers devnet mesh check --wait 5s m)" = mine ]
    [ "$(offers devnet mesh graph --h)" = "--help --html" ]
    touch 'a file'
    [ "$(offers devnet orphans --html a)" = "a file" ]
    [ "$(offers devnet orphans --json '')" = "a file node1 node2 mine" ]
    [ "$(offers devnet orphans --genesis '')" = "a file" ]
    rm 'a file'
    [ "$(offers devnet add --to '')" = "node1 node2 mine" ]
    [ "$(offers devnet publish node1 b)" = block ]
}
