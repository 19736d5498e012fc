#!/usr/bin/env bats
# The paths between a devnet's nodes: bad ones, partitions, and the relay that makes them.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr, own_devnet.bash mine

bats_require_minimum_version 1.5.0
load own_devnet.bash

# Asks the API of NODE, or of the relay: ask NAME PATH.
ask() {
    curl --silent "$(jq -r --arg name "$1" '.nodes + .between | .[] | select(.name == $name or .kind == $name) | .api' .devnet/devnet.json)$2"
}

# The ids of NODE's connections by the names of its peers.
connections_of() {
    ask "$1" /peers | jq -c --slurpfile state .devnet/devnet.json '[.peers[] | .peer_id as $id |
        {key: ($state[0].nodes[] | select(.peer_id == $id) | .name), value: .connections[0].id}] | from_entries'
}

has_peers() {
    [ "$(connections_of "$1" | jq -r 'keys | join(" ")')" = "$2" ]
}

# How long NODE waits for ANOTHER's answer to a ping, in whole milliseconds.
round_trip() {
    devnet connect --json "$1" "$2" | jq '.steps[0].ms | floor'
}

is_quicker() {
    [ "$(round_trip "$1" "$2")" -lt "$3" ]
}

# Whether the relay that the state in FILE tells of lives, and is no zombie.
relay_lives() {
    local pid
    pid=$(jq -er '.between[0].pid' "$1")
    [ -e "/proc/$pid/stat" ] && ! grep -q '^[0-9]* (.*) Z' "/proc/$pid/stat"
}

# What is wrong, by status.
told() {
    devnet status --json | jq -c '[.paths[] | [.nodes, .text]], .partition'
}

@test "paths are bad as they are said to be, are changed while they run, and nodes keep to them" {
    devnet up -n 3 --path node2,node1:delay=40ms --path all:delay=1ms --with mine="$mine --bootnode {enr}"
    [ "$(told)" = $'[["all","delay=1ms"],[["node2","node1"],"delay=40ms"]]\n[]' ]
    run -0 devnet status
    [[ $output == *$'\nrelay    up     pid '*$'\npath     all: delay=1ms\npath     node2,node1: delay=40ms' ]]
    [ "$(round_trip node1 node2)" -ge 80 ]
    eventually is_quicker node1 node3 80
    run -0 devnet path node1,node2:delay=0 mine,node1:loss=0.5,seed=3
    [ "$output" = $'path     all: delay=1ms\npath     node2,node1: clean\npath     mine,node1: delay=1ms,loss=0.5,seed=3' ]
    eventually is_quicker node1 node2 80
    run -0 devnet path all:clean
    [ "$output" = "all paths are clean" ]

    devnet restart node2 mine
    devnet add node4 --to node1 --with other="$mine --bootnode \$(sed -n 's/^- //p' {nodes} | head -n 1)"
    ask relay /links | jq -r '.links[] | select(.client.forwarded > 0) | .listen' | sort > links
    devnet status --json | jq -r '.nodes[].listen[0] | sub("/p2p/.*"; "")' > direct
    for node in node1 node2 node3 node4; do
        ask "$node" /peers | jq -r '.peers[].connections[] | select(.direction == "dialled") | .remote'
    done | sort > dialled
    [ "$(wc -l < dialled)" -eq 4 ] # node4's and ours: the others dialled by themselves
    [ -z "$(comm -13 links dialled)" ]
    [ "$(ask relay /links | jq -c '[.links[] | [.from, .to] | select(.[0] == "other")] | unique')" = '[["other","mine"],["other","node1"],["other","node2"],["other","node3"],["other","node4"]]' ]
    devnet path node1,node2:delay=2ms
    devnet report bug
    grep -qF '"paths":["node1,node2: delay=2ms"]' bug/mesh.html
    grep -qF '"paths":["node1,node2: delay=2ms"]' bug/orphans.html
    [ "$(jq -r 'select(.node_name == "relay") | .event' bug/timeline.jsonl | paste -s -d ' ')" = "ready path path path path" ]
    [[ $(< bug/README.md) == *"- paths: node1,node2: delay=2ms"* ]]
    run -0 devnet down
    [ "${lines[-1]}" = "relay stopped" ]
    run ! relay_lives .devnet/left.json
    devnet up -n 1 --partitionable
    devnet down --json | jq -e '. == {nodes: [{name: "node1", outcome: "stopped"}],
        between: [{name: "relay", outcome: "stopped"}], connections: []}'
}

@test "a partition ends the connections across it alone, and heal makes them again" {
    devnet up -n 4 --partitionable -- --idle-timeout 3s --heartbeat 200ms
    before=$(connections_of node1 | jq .node2)
    run -0 devnet partition node1,node2 node4,node3
    [ "$output" = "parted   node1,node2 | node4,node3" ]
    [ "$(told)" = $'[]\n["node1,node2","node4,node3"]' ]
    eventually has_peers node1 node2
    eventually has_peers node2 node1
    eventually has_peers node3 node4
    eventually has_peers node4 node3
    [ "$(connections_of node1 | jq .node2)" = "$before" ]
    run -1 devnet mesh check
    run -0 devnet restart node3
    [[ $output == *"node3 is not connected to node4"* || $output == *"node3 connected to node4"* ]]
    [[ $output == *"node1 is not connected to node3: \`devnet partition\` keeps them apart"* ]]
    run -0 devnet partition node4
    [ "$output" = "parted   node4 | all others" ]
    run -0 devnet heal
    [[ $output == "no partition any more: 6 connections stand" ]]
    devnet mesh check --wait 10s
    for node in 1 2 3 4; do
        [ "$(connections_of "node$node" | jq length)" -eq 3 ]
    done
    [ "$(connections_of node1 | jq .node2)" = "$before" ]
}

@test "what cannot be is named with exit 2, and an up that fails leaves no relay" {
    names() { # MESSAGE ARGUMENT...
        run -2 --separate-stderr devnet "${@:2}"
        [[ $stderr == "devnet: $1"* ]]
    }
    names "no devnet is up in " path all:loss=1
    names "--path node1,node3:loss=1: node3: no such node" up --path node1,node3:loss=1
    names "--path mine,node1:los=1: 'los' is no key" up --path mine,node1:los=1 --with mine=true
    names "--with relay: what stands between nodes is called so, and no node" up --with relay=true
    for name in commands lock; do
        names "--with $name: a devnet keeps a file of that name: call the node otherwise" up --with $name=true
    done
    [ ! -e .devnet/devnet.json ]
    devnet up
    names "no relay stands between the nodes in " path all:loss=1
    [[ $stderr == *"\`devnet up\` with --partitionable or --path puts one there" ]]
    names "no relay stands between the nodes in " path
    names "no relay stands between the nodes in " partition node1
    names "no relay stands between the nodes in " heal
    names "node1,node3:loss=1: node3: no such node" path node1,node3:loss=1
    names "all:loss=x: loss: 'x' is no percentage" path all:loss=x
    names "node3: no such node" partition node1 node3
    names "node1 is in two groups: 'node1' and 'node2,node1'" partition node1 node2,node1
    names "'node1,': expected names of nodes" partition node1,
    devnet down
    run -1 devnet up --path all:delay=1ms --with mine='exit 3'
    jq -er '.between[0].pid > 1' .devnet/left.json
    run ! relay_lives .devnet/left.json
}

is_gone() {
    ! kill -0 "$1" 2> /dev/null
}

@test "a node that cannot be connected as its relay is gone is not left" {
    devnet up -n 2 --partitionable
    relay=$(jq '.between[0].pid' .devnet/devnet.json)
    kill "$relay"
    eventually is_gone "$relay"
    run -1 devnet add late --timeout 5s
    [[ $output == *$'\nlate stopped' ]]
    run -1 devnet status
    [[ $output != *late* ]]
    run ! pgrep --full -- "--key $PWD/.devnet/late/key"
}
