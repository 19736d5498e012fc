#!/usr/bin/env bats
# devnet-mesh check: each invariant broken in a snapshot of a sound mesh, and live nodes.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load snapshots

setup() {
    use_programs
}

teardown() {
    end_all
}

# Changes sound.json by a jq FILTER; checks that this makes check end with STATUS and say LINE:
# expect STATUS LINE FILTER.
expect() {
    jq "$3" sound.json > changed.json
    run "-$1" "$BIN/devnet-mesh" check changed.json
    grep -F -e "$2" <<< "$output" || { echo "not in: $output"; return 1; }
}

@test "a sound mesh is sound, and what it hangs by is noted" {
    snapshot 2
    run -0 "$BIN/devnet-mesh" check sound.json
    [ "$output" = "sound: 2 nodes, 1 topic" ]
    snapshot 3
    run -0 "$BIN/devnet-mesh" check sound.json
    [ "${lines[0]}" = "note no_cut_node t: n2: it alone holds parts of the topic together" ]
    [ "${lines[2]}" = \
        "note no_bridge t: n1 -> n2: this edge alone holds two parts of the topic together" ]
    [ "${lines[5]}" = "sound: 3 nodes, 1 topic" ]
}

@test "what a snapshot calls a topic is not let through to the terminal" {
    snapshot 2
    jq '.nodes[0].topics = {"\u001b[31m\u0007": {}}' sound.json > red.json
    run -2 "$BIN/devnet-mesh" check red.json
    [[ $output == *"red.json: nodes[0].topics."*"true or false is expected" ]]
    [[ $output != *$'\e'* && $output != *$'\a'* ]]
}

@test "what cannot be printed whole ends with 2" {
    snapshot 2
    jq '.nodes[0].agent = "other/1"' sound.json > other.json
    for command in 'check sound.json' 'check --json sound.json' 'diff sound.json other.json' \
        'diff --json sound.json sound.json' 'graph --json sound.json'; do
        # shellcheck disable=SC2016 # for the inner shell
        run -2 bash -c '"$1" $2 > /dev/full' - "$BIN/devnet-mesh" "$command"
        [[ $output == *"devnet-mesh: standard output: No space left on device" ]]
    done
}

@test "an edge that one end does not have is found, with why it matters" {
    snapshot 2
    expect 1 "error edge_mutual t: n1 -> n2: it is not in the peer's mesh" \
        '.nodes[1].topics.t.mesh = []'
    grep -Fx "  (messages go one way only over an edge that one end does not have)" <<< "$output"
    [ "${lines[-1]}" = "unsound: 2 nodes, 1 topic" ]
}

@test "a mesh that is too small or too large is found, unless there are no more peers" {
    snapshot 2
    expect 1 "error degree t: n1: 0 peers in its mesh, and D_low is 6, while 1 more could" \
        '.nodes[].topics.t.mesh = []'
    expect 0 "sound" '.nodes[].topics.t |= (.mesh = [] | .backoff = [{peer_id: "n1"}, {peer_id: "n2"}])
        | .nodes[].topics.t.subscribed = false'
    expect 1 "error degree t: n1: 2 peers in its mesh, and D_high is 1" \
        '.nodes[0] |= (.gossipsub = {d_low: 1, d_high: 1} | .topics.t.mesh = ["n2", "x"])'
}

@test "streams that are missing, unheard or too many are found" {
    snapshot 2
    expect 1 "error outbound_stream: n1 -> n2: no gossipsub stream of its own is open to the peer (waiting)" \
        '.nodes[0].peers[0].outbound_stream = {state: "waiting"}'
    expect 0 "sound" '.nodes[].peers[0] |= (.outbound_stream.state = "none" | .protocols = ["/ping"])'
    expect 1 "error stream_heard: n1 -> n2: its stream 1 of connection c1 is not among those" \
        '.nodes[1].peers[0].inbound_streams = []'
    expect 0 "warning inbound_stream: n1 -> n2: the peer has 2 gossipsub streams open to it" \
        '.nodes[0].peers[0].inbound_streams += [{connection: "c1", stream_id: 9}]'
}

@test "a peer that only one end knows is found" {
    snapshot 2
    expect 1 "error peering_mutual: n1 -> n2: the peer is not connected to it" \
        '.nodes[1].peers = []'
}

@test "members of a mesh that may not be there are found" {
    snapshot 2
    expect 1 "error member_subscribed t: n1 -> n2: the peer is in the mesh and not subscribed" \
        '.nodes[0].topics.t.subscribers = []'
    expect 1 "error member_subscribed t: n1: it has a mesh and is not subscribed" \
        '.nodes[0].topics.t.subscribed = false'
    expect 1 "error member_backoff t: n1 -> n2: the peer is in the mesh and in backoff" \
        '.nodes[0].topics.t.backoff = [{peer_id: "n2"}]'
}

@test "a topic that is in parts is found, and doubted where others may join them" {
    snapshot 4
    split='.nodes[1].topics.t |= (.mesh = ["n1"] | .subscribers = ["n1"]) |
        .nodes[2].topics.t |= (.mesh = ["n4"] | .subscribers = ["n4"])'
    expect 1 "error topic_connected t: n1: part 1 of 2 of the topic: this node and 1 more" "$split"
    expect 1 "error topic_connected t: n3: part 2 of 2 of the topic: this node and 1 more" "$split"
    expect 0 "warning topic_connected t: n1: part 1 of 2" "$split |
        .nodes[0,3].topics.t |= (.mesh += [\"x\"] | .subscribers += [\"x\"]) |
        .nodes[3].topics.t |= (.mesh = [\"n3\", \"y\"] | .subscribers = [\"n3\", \"y\"])"
}

@test "nodes of different networks and chains are found" {
    snapshot 2
    expect 1 "error same_network: n2: network other, while the first node has devnet0" \
        '.nodes[1].network = "other"'
    expect 1 "error status_compatible: n2: finalized cc at slot 1, where others have aa" \
        '.nodes[1].status.finalized.root = "cc"'
    expect 0 "sound" '.nodes[1].status.finalized = {root: "cc", slot: 2}'
    expect 1 "error status_compatible: n1 -> x: finalized cc at slot 1" \
        '.nodes[0].peers += [.nodes[0].peers[0] | .peer_id = "x" |
            .status = {finalized: {root: "cc", slot: 1}, head: {root: "dd", slot: 2}}]'
}

@test "check --json is one object, with explanations" {
    snapshot 2
    jq '.nodes[1].topics.t.mesh = []' sound.json > changed.json
    run -1 "$BIN/devnet-mesh" check --json changed.json
    jq -e '.sound == false and .nodes == 2 and .topics == 1 and
        (.findings | map(.invariant) | index("edge_mutual") != null) and
        .findings[0] == {severity: "error", invariant: "edge_mutual", topic: "t", node: "n1",
            peer: "n2", message: "it is not in the peer\u0027s mesh"} and
        (.explanations.edge_mutual | length) > 0' <<< "$output"
}

@test "check asks live nodes, and waits until they are meshed" {
    start_node a --topic lean:block
    start_node b --topic lean:block
    "$BIN/devnet-mesh" check --wait 10s "$(ready a .api)" "$(ready b .api)" > apart.txt &
    checker=$!
    run -1 "$BIN/devnet-mesh" check "$(ready a .api)" "$(ready b .api)"
    [[ $output == *"error topic_connected "*"part 1 of 2"* ]]
    api a /connect "{\"addr\": \"$(address b)\"}"
    wait "$checker"
    grep -Fx "sound: 2 nodes, 1 topic" apart.txt
}

@test "a second gossipsub stream is a warning" {
    start_node a --topic lean:block
    start_dialler b a --topic lean:block --fault second-gossip-stream
    await_mesh a b
    DEADLINE=10 eventually second_stream_is_told
}

second_stream_is_told() {
    "$BIN/devnet-mesh" check "$(ready a .api)" "$(ready b .api)" | grep -q '^warning inbound_stream'
}

@test "a node that does not answer makes the mesh unsound, and no node at all is trouble" {
    start_node a
    run -1 "$BIN/devnet-mesh" check "$(ready a .api)" http://127.0.0.1:1
    [[ $output == *"error node_reachable: http://127.0.0.1:1/mesh: cannot connect"* ]]
    run -2 "$BIN/devnet-mesh" check --wait 200ms http://127.0.0.1:1
    [[ $output == "devnet-mesh: http://127.0.0.1:1/mesh: cannot connect"* ]]
    run -2 "$BIN/devnet-mesh" check nowhere.json
    [[ $output == *"nowhere.json: No such file or directory"* ]]
    run -2 "$BIN/devnet-mesh" check
}
