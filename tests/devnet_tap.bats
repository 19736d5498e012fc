#!/usr/bin/env bats
# A tap between all nodes of a devnet (devnet up --tap), which tells of those that tell nothing.
# shellcheck disable=SC2016 # what a shell of the devnet is to expand
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load interop/peers.bash
load ../devnet/devnet.bash

setup() {
    BIN=$(realpath "${BIN:-$BATS_TEST_DIRNAME/../build}")
    DEVNET=$BIN/devnet
    unset DEVNET_DIR DEVNET_BIN
    cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
    [ -z "$watch" ] || kill "$watch" 2> /dev/null || true
    devnet_down
}

# What status says of a node: of NAME MEMBER.
of() {
    devnet_run status --json | jq -er --arg name "$1" ".nodes[] | select(.name == \$name) | .$2"
}

# A js-libp2p peer as a node that also takes commands that are appended to NAME.in: js NAME
js() {
    : > "$1.in"
    printf %s "$1=tail -n +1 -f $PWD/$1.in | $NODE $JS/peer.mjs --listen /ip4/127.0.0.1/udp/{port}/quic-v1" \
        ' --status --seed $(cat {key}) --dial {bootnode}'
}

# The tap knows an edge between the two, both ways: edge A B
edge() {
    devnet_run mesh dump > mesh.json && jq -e --arg a "$1" --arg b "$2" '
        def has($one; $other): .names as $names | .nodes[] | select($names[.peer_id] == $one)
            | .sources["*"] == "tap" and any(.topics[].mesh[]; $names[.] == $other);
        has($a; $b) and has($b; $a)' mesh.json > edge
}

await_edge() {
    local deadline=$((SECONDS + 15))
    until edge "$@"; do
        if ((SECONDS > deadline)); then
            devnet_run mesh dump --text >&2
            return 1
        fi
        sleep 0.1
    done
}

# Whether anything of the devnet runs.
nothing_runs() {
    ! pgrep -f "$BATS_TEST_TMPDIR/devnet/" > /dev/null
}

@test "what two js-libp2p peers say to each other is known from the tap between" {
    require_js
    devnet_up -n 1 --tap --timeout 30s --with "$(js js1)" --with "$(js js2)"
    run -0 devnet_run status
    [[ $output == *"tap      up     pid "*"http://127.0.0.1:"* ]]
    page=$(jq -er '.[] | select(.labels == {between: "tap"}) | .targets[0]' devnet/prometheus.json)
    curl -s "http://$page/metrics" | grep '^devnet_tap_datagrams_total.*node="js1"'
    # As each other's peers, and not by us.
    printf '{"command":"dial","address":"%s"}\n' "$(of js1 tapped)" >> js2.in
    await_edge js1 js2
    run -0 devnet_run mesh check --wait 10s
    [[ $output == *"sound: 3 nodes (2 known from a tap), 1 topic" ]]
    run -0 devnet_run mesh graph
    [[ $output == *'label="js1\njs-libp2p'*'by a tap"'* ]]
    run -0 devnet_run orphans -v
    [[ $output == *"js2 -> js1, "*"/meshsub/1.2.0"* && $output == *"js1 -> node1, "* ]]
    assert_step mesh node1 js2 # at the tap, and a visitor at its real place
    run -0 devnet_run connect --until handshake js2
    [[ $output == *"$(of js2 peer_id)"* ]]
    run -0 devnet_run orphans js1
    [[ $output == "no orphaned streams in 3 connections"* ]]
    run -0 devnet_run logs tap
    # One of them comes back to where it was, and dials node1 as it did.
    before=$(of js1 tapped)
    "$DEVNET" --dir devnet mesh watch > watch.out 2> watch.err 3>&- &
    watch=$!
    timeout 15 bash -c 'until grep -q "watching http" watch.err; do sleep 0.05; done' # the tap
    devnet_run restart js1
    [ "$(of js1 tapped)" = "$before" ]
    printf '{"command":"dial","address":"%s"}\n' "$before" >> js2.in
    await_edge js1 js2
    assert_meshed js1 js2
    kill "$watch"
    grep -q ' + connection: js2 -> js1 ' watch.out
    grep -q ' ~ node_left: js1' watch.out
    run -0 devnet_run mesh diff --ignore connection --ignore inbound_stream --ignore peer mesh.json
    run -0 devnet_run down
    [[ $output == *"tap stopped"* ]]
    nothing_runs
    run -0 devnet_run orphans
    run -0 devnet_run mesh check # as down found it
    [[ $output == *"sound: 3 nodes (2 known from a tap), 1 topic" ]]
}

@test "each is told where the others are at the tap, who comes later, too" {
    printf -v mine %s "mine=$BIN/devnet-node --api off --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --key {key}" \
        ' --topic lean:block'
    devnet_up -n 2 --tap --with "$mine --bootnode {bootnode}" -- --qlog-limit 256K
    tap=$(devnet_run status --json | jq '.between[0].pid')
    [[ $(tr '\0' ' ' < "/proc/$tap/cmdline") == *" --qlog-limit 256K "* ]]
    [ "$(jq -c '[.nodes[].name]' <(curl -s "$(devnet_run status --json | jq -r '.between[0].api')/health"))" = \
        '["node1","node2","mine"]' ]
    # Who dialled whom is told once, and by both.
    jq -c 'select(.event == "connected") | [.dialler, .listener]' devnet/tap/events.jsonl | sort > pairs
    [ "$(cat pairs)" = '["mine","node1"]
["node1","node2"]' ]
    [ "$(sed -n 's/^- //p' devnet/nodes.yaml | wc -l)" -eq 3 ]
    while read -r record; do
        "$DEVNET" enr show --json "${record//\"/}" | jq .fields.quic
    done < <(sed -n 's/^- //p' devnet/nodes.yaml) > ports
    devnet_run status --json | jq -r '.nodes[].tapped | split("/")[4]' | diff - ports
    # Those that come later, and who comes back.
    devnet_run add node3 --with "more${mine#mine} --bootnode \$(sed -n 's/^- //p; q' {nodes} | tr -d '\"')"
    devnet_run restart node2
    assert_step mesh node3 node2
    assert_meshed mine more
    run -0 devnet_run mesh check --wait 10s
    [[ $output == *"sound: 5 nodes (2 known from a tap), 1 topic" ]]
    assert_no_orphans
    # Who is stopped or no node any more is none to the tap either, until it is started again.
    devnet_run stop mine
    devnet_run remove more
    run -0 devnet_run mesh check --wait 10s
    [[ $output == *"sound: 3 nodes, 1 topic" ]]
    devnet_run start mine
    assert_meshed mine node1
    curl -s "$(devnet_run status --json | jq -r '.between[0].api')/connections" |
        jq -e 'any(.connections[]; .dialler == "mine" and .listener == "node1" and (.front_first | not))'
    run -0 devnet_run mesh check --wait 10s
    [[ $output == *"sound: 4 nodes (1 known from a tap), 1 topic" ]]
    devnet_run report bug > /dev/null
    [ -s bug/tap/events.jsonl ]
    jq -e '.nodes | length == 4' bug/mesh.json
    # Without the tap nobody is reached, and that is said.
    kill -9 "$tap"
    run -1 devnet_run status
    [[ $output == *"tap      down"* ]]
    run -1 devnet_run mesh check
    [[ $output == *"unsound: "* && $output == *"node_reachable"* ]]
    run -1 devnet_run restart node3
    [[ $output == *"node3 cannot be behind the tap: the tap has ended: 'devnet down', then up, starts another"* ]]
    devnet_run down > /dev/null
    nothing_runs
}

@test "clients that have lost the one node between them are not sound by the tap" {
    client=" $BIN/devnet-node --api off --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --key {key} --topic lean:block \
        --bootnode {bootnode}"
    devnet_up -n 1 --tap --with "x=${client# }" --with "y=${client# }"
    devnet_run stop node1
    run -1 devnet_run mesh check
    for name in x y; do [[ $output == *"error seen_by_tap: $name: no connection"* ]]; done
    [[ $output == *"unsound: 2 nodes (2 known from a tap), 1 topic" ]]
}

@test "a program whose key the tap does not have is told by name, and nothing is left" {
    run -2 devnet_run up -n 1 --tap --with 'own=my-client --port {port}'
    [[ $output == *"--with own: it has to take {key}"* ]]
    run -1 devnet_run up -n 1 --tap --timeout 5s --with "own=$BIN/devnet-node --api off --key $PWD/its.key \
        --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --topic lean:block --agent {key} --bootnode {bootnode}"
    [[ $output == *"own was not connected to node1"* ]]
    [[ $output == *"the tap has refused a dial meanwhile: "*"own has to show the peer id of {key}"* ]]
    nothing_runs
    run -2 devnet_run up -n 100 --tap
    [[ $output == *"--tap: a tap carries 1024 connections at a time, and these would be 4950"* ]]
    run -2 devnet_run up --tap --path all:delay=10ms
    [[ $output == *"--tap: not with --path and --partitionable"* ]]
    "$DEVNET" genesis g > /dev/null
    run -2 devnet_run up --genesis g --tap
    [[ $output == *"devnet-tap --genesis"* ]]
    devnet_up -n 1 --tap
    run -2 devnet_run add --with 'own=my-client --port {port}'
    [[ $output == *"--with own: it has to take {key}"* ]]
}
