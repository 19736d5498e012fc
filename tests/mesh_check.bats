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

@test "a snapshot of nobody is not called sound" {
    snapshot 2
    expect 2 "devnet-mesh: changed.json: nothing to check: no node is in it" '.nodes = []'
    [[ $output != *sound* ]]
    run -2 --separate-stderr "$BIN/devnet-mesh" check --json changed.json
    [ -z "$output" ]
    expect 2 "devnet-mesh: changed.json: nothing to check: no node is up, and 2 are stopped" \
        '.nodes = [] | .stopped = ["n1", "n2"]'
}

@test "an empty file is said to be empty, and a byte order mark is passed over" {
    snapshot 2
    : > empty.json
    printf '\xef\xbb\xbf' | tee mark.json | cat - sound.json > marked.json
    for command in 'check' 'diff sound.json' 'graph' 'check --json'; do
        for file in empty.json mark.json; do
            # shellcheck disable=SC2086 # words
            run -2 "$BIN/devnet-mesh" $command "$file"
            [[ $output == *"$file: not JSON: it is empty" ]]
        done
    done
    run -0 "$BIN/devnet-mesh" check marked.json
    [ "$output" = "sound: 2 nodes, 1 topic" ]
    run -0 "$BIN/devnet-mesh" diff sound.json marked.json
}

@test "a URL of another scheme is told to be one, not a file that is missing" {
    for command in check dump graph "diff http://127.0.0.1:1"; do
        # shellcheck disable=SC2086 # words
        run -2 "$BIN/devnet-mesh" $command https://127.0.0.1:1
        [ "$output" = "devnet-mesh: https://127.0.0.1:1: only http:// is spoken; expected http://127.0.0.1:PORT" ]
    done
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

@test "parts that connections join get messages late, which is a warning" {
    snapshot 4
    split='.nodes[].gossipsub.d_low = 1 | .nodes[1].topics.t.mesh = ["n1"] | .nodes[2].topics.t.mesh = ["n4"]'
    expect 0 "warning topic_connected t: n1: part 1 of 2 of the topic: this node and 1 more; connections" "$split"
    [[ $output != *"never reach"* ]]
    # IWANT has to come back: a stream the other way, too.
    expect 1 "error topic_connected t: n3: part 2 of 2 of the topic: this node and 1 more; nothing joins" \
        "$split | (.nodes[2].peers[] | select(.peer_id == \"n2\")).outbound_stream.state = \"opening\""
    expect 1 "error topic_connected t: n1: part 1 of 2" "$split | .nodes[1].topics.t.subscribers = [\"n1\"]"
    # A peer that was not asked, subscribed at both, passes messages on.
    expect 0 "warning topic_connected t: n1: part 1 of 2" "$split |
        .nodes[1].topics.t.subscribers = [\"n1\", \"x\"] | .nodes[2].topics.t.subscribers = [\"n4\", \"x\"] |
        .nodes[1,2].peers += [.nodes[0].peers[0] | .peer_id = \"x\"]"
}

@test "connections over which no IHAVE is said join no parts" {
    snapshot 4
    split='.nodes[].gossipsub.d_low = 1 | .nodes[1].topics.t.mesh = ["n1"] | .nodes[2].topics.t.mesh = ["n4"]'
    expect 1 "error topic_connected t: n3: part 2 of 2 of the topic: this node and 1 more; nothing joins it to the others, as no IHAVE is said" \
        "$split | .nodes[].gossipsub.d_lazy = 0"
    expect 1 "error topic_connected t: n1: part 1 of 2 of the topic: this node and 1 more; connections join it to the others, and some messages pass one way only" \
        "$split | .nodes[1].gossipsub.d_lazy = 0"
    expect 0 "warning topic_connected t: n1: part 1 of 2 of the topic: this node and 1 more; connections" \
        "$split | .nodes[0,3].gossipsub.d_lazy = 0 | .nodes[1,2].gossipsub.d_lazy = 6"
    # One connection for each direction is enough.
    snapshot 4 2
    ring='.nodes[].gossipsub.d_low = 1 | .nodes[0,1].topics.t.mesh = ["n1", "n2"] |
        .nodes[2,3].topics.t.mesh = ["n3", "n4"] | .nodes[] |= (.topics.t.mesh -= [.peer_id])'
    expect 0 "warning topic_connected t: n1: part 1 of 2" \
        "$ring | .nodes[1,2].gossipsub.d_lazy = 0"
    expect 1 "error topic_connected t: n1: part 1 of 2" "$ring | .nodes[0,1].gossipsub.d_lazy = 0"
}

@test "nodes tell whether they say IHAVE" {
    start_node a --topic lean:block --d-lazy 0
    start_node b --topic lean:block
    api a /mesh | jq -e '.gossipsub.d_lazy == 0'
    api b /mesh | jq -e '.gossipsub.d_lazy == 6'
    "$BIN/devnet-mesh" dump -o live.json "$(ready a .api)" "$(ready b .api)"
    valid live.json
}

@test "a hub that may have two peers in its mesh, and has five, is no split" {
    run -0 "$BIN/devnet-mesh" check "$BATS_TEST_DIRNAME/fixtures/mesh/star.json"
    [[ $output == *"warning topic_connected "*"messages come by IHAVE and IWANT"* ]]
    [ "$(grep -c "^warning mesh_not_empty .*(pruned by it, as its mesh is full" <<< "$output")" -eq 3 ]
    grep -q "^  (3 of mesh_not_empty: " <<< "$output"
    [[ $output != *"error "* && $output != *"never reach"* ]]

    cp "$BATS_TEST_DIRNAME/fixtures/mesh/star.json" sound.json
    expect 1 "error mesh_not_empty " '.nodes[].gossipsub.d_lazy = 0'
    [ "$(grep -c "^error mesh_not_empty .*(pruned by it, as its mesh is full; no messages come, as it says no IHAVE" <<< "$output")" -eq 3 ]
    [[ $output == *"error topic_connected "* ]]
}

@test "a peer that speaks gossipsub and tells nothing is found, with the likely cause" {
    run -1 "$BIN/devnet-mesh" check "$BATS_TEST_DIRNAME/fixtures/mesh/one-way.json"
    peer=12D3KooWQKEig9ZJ9McbGYaQfCBMVivm62yJZBYrWLxXDe7orU9y
    [[ $output == *"error peer_stream: "*" -> $peer: the peer speaks gossipsub, is connected for 6.2 s, and has no stream to it: likely the peer still holds your previous connection"* ]]
    [[ $output == *"error mesh_not_empty "*"nobody subscribes to it: $peer has no stream"* ]]
    [[ $output == *"not asked, and known by what others tell alone: $peer"* ]]

    cp "$BATS_TEST_DIRNAME/fixtures/mesh/one-way.json" sound.json
    connection='.nodes[0].volatile.peers[].connections[]'
    expect 1 "note peer_stream: " "$connection.age_ms = 900"
    expect 1 "warning peer_stream: " "del($connection.age_ms)"
    # By identify alone, too; and not where it lists other things.
    expect 1 "error peer_stream: " '.nodes[0].peers[0] |= (.outbound_stream = {state: "none"} |
        .protocols = ["/meshsub/1.2.0"])'
    expect 1 "is not known to speak gossipsub" '.nodes[0].peers[0] |=
        (.outbound_stream = {state: "none"} | .protocols = ["/ipfs/ping/1.0.0"])'
    run ! grep peer_stream <<< "$output"
    # Where the other end was asked, that tells.
    snapshot 2
    expect 1 "error outbound_stream: n2 -> n1" '.nodes[0].peers[0].inbound_streams = [] |
        .nodes[1].peers[0].outbound_stream = {state: "none"}'
    run ! grep peer_stream <<< "$output"
}

@test "a stream that waits, to a peer that is subscribed, is found" {
    snapshot 2
    expect 1 "error outbound_stream: n1 -> n2: no gossipsub stream of its own is open to the peer (waiting): the last one was refused" \
        '.nodes[0].peers[0] |= (.outbound_stream = {state: "waiting"} | .protocols = ["/ping"])'
}

@test "a mesh that is empty is found, with why" {
    snapshot 2
    one='.nodes = [.nodes[0]] | .nodes[0].topics.t |= (.mesh = [] | .subscribers = [])'
    expect 1 "error mesh_not_empty t: n1: its mesh is empty, with 1 peer connected: nobody subscribes to it: n2 is subscribed to nothing" \
        "$one | .nodes[0].peers[0].subscriptions = []"
    expect 1 "n2 is subscribed to a, b, c and 1 more" \
        "$one | .nodes[0].peers[0].subscriptions = [\"a\", \"b\", \"c\", \"d\"]"
    lean=/leanconsensus/NETWORK/block/ssz_snappy
    expect 1 "n2 is subscribed to ${lean/NETWORK/b} (another network's name)" "$one |
        .nodes[0].topics = {\"${lean/NETWORK/a}\": .nodes[0].topics.t} |
        .nodes[0].peers[0].subscriptions = [\"${lean/NETWORK/b}\"]"
    backoff='.nodes[0].topics.t |= (.mesh = [] | .backoff = [{peer_id: "n2"}])'
    expect 1 "error mesh_not_empty t: n1: its mesh is empty, with 1 peer connected: n2 is in backoff for 42 s more (one of the two pruned the other)" \
        ".nodes = [.nodes[0]] | $backoff | .nodes[0].volatile = {topics: {t: {backoff: {n2: {left_ms: 42000}}}}}"
    expect 1 "n2 is subscribed, and no stream is open to it" \
        '.nodes = [.nodes[0]] | .nodes[0].topics.t.mesh = [] | .nodes[0].peers[0].outbound_stream.state = "opening"'
    # Nobody to be in it.
    expect 0 "sound: 1 node, 1 topic" "$one | .nodes[0].peers = []"
}

@test "messages that are rejected are found, with the reason" {
    snapshot 2
    told='.nodes[0].volatile = {statistics: {invalid: 5, invalid_signed: 3, invalid_snappy: 1},
        peers: {n2: {invalid_messages: {signed: 2}}}}'
    expect 1 "error messages_accepted: n1 -> n2: 2 messages of the peer arrived and were rejected: they said who made them" "$told"
    grep -q "^error messages_accepted: n1: 1 message of peers that are gone .*StrictNoSign" <<< "$output"
    grep -q "^error messages_accepted: n1: 1 message of peers that are gone .*no raw snappy block" <<< "$output"
    grep -q "^error messages_accepted: n1: 1 message arrived and was rejected: the node does not tell why" <<< "$output"
    grep -q "^  (4 of messages_accepted: " <<< "$output"
    run -1 "$BIN/devnet-mesh" check --json changed.json
    jq -e '.counts.messages_accepted == 4 and .not_asked == []' <<< "$output"
    expect 1 "not asked, and known by what others tell alone: n1" '.nodes = [.nodes[1]] |
        .nodes[0].volatile = {statistics: {invalid: 1}}'
}

@test "a live node tells which messages of whom it rejected" {
    start_node a --topic lean:block
    topic=$(printf %s /leanconsensus/12345678/block/ssz_snappy | od -An -tx1 | tr -d ' \n')
    signed=3612340a014112050000000001 plain=331231120500000000ff
    launch peer "$TOOLS/hostile" "$(address a)" open propose:/meshsub/1.2.0 wait:data \
        "hex:2e0a2c08011228$topic${signed}2228$topic${plain}2228$topic" rest:19000
    eventually rejections_are_told
    grep -q "^error messages_accepted: $(peer_id a) -> .*: 1 message of the peer arrived and was rejected: they said who" told
    grep -q "^error messages_accepted: $(peer_id a) -> .*: 1 message of the peer .*no raw snappy block" told
    api a /mesh | jq -e '.statistics | .invalid == 2 and .invalid_signed == 1 and .invalid_snappy == 1 and .invalid_other == 0'
    await a '.event == "message_refused" and .cause == "signed" and .topic != null and (.reason | startswith("it says who"))'
    await a '.event == "message_refused" and .cause == "snappy" and .peer_id != null'
    api a /metrics > metrics
    grep -x 'devnet_gossipsub_refused_total{reason="signed"} 1' metrics
    grep -x 'devnet_gossipsub_refused_total{reason="snappy"} 1' metrics
    end peer KILL || true
}

rejections_are_told() {
    "$BIN/devnet-mesh" check "$(ready a .api)" > told || grep -q "snappy block" told
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
    "$BIN/devnet-mesh" check "$(ready a .api)" "$(ready b .api)" | grep '^warning inbound_stream'
}

@test "a node that does not answer makes the mesh unsound, and so does none that answers" {
    start_node a
    run -1 "$BIN/devnet-mesh" check "$(ready a .api)" http://127.0.0.1:1
    [[ $output == *"error node_reachable: http://127.0.0.1:1/mesh: cannot connect"* ]]
    run -1 "$BIN/devnet-mesh" check --wait 200ms http://127.0.0.1:1
    [[ $output == "error node_reachable: http://127.0.0.1:1/mesh: cannot connect"*"unsound: 0 nodes, 0 topics" ]]
    run -1 --separate-stderr "$BIN/devnet-mesh" check --json http://127.0.0.1:1
    jq -e '.sound == false and .nodes == 0 and .findings[0].invariant == "node_reachable"' <<< "$output"
    run -2 "$BIN/devnet-mesh" check nowhere.json
    [[ $output == *"nowhere.json: No such file or directory"* ]]
    run -2 "$BIN/devnet-mesh" check
}
