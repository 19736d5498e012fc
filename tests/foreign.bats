#!/usr/bin/env bats
# devnet-mesh and nodes without an API of ours: visited as a peer, or by their metrics. What it
# writes is valid by the schema.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load snapshots

TOPIC=/leanconsensus/12345678/block/ssz_snappy

setup() {
    use_programs
}

teardown() {
    end_all
}

# Dumps targets into FILE, which must be valid: dump STATUS FILE TARGET... . Short visits do, where
# the heartbeat is short.
dump() {
    local status=$1 file=$2
    shift 2
    run "-$status" --separate-stderr "$BIN/devnet-mesh" dump --for 600ms --timeout 3s -o "$file" "$@"
    valid "$file"
}

# A node that is visited.
start_foreign() {
    local name=$1
    shift
    start_node "$name" --topic lean:block --heartbeat 100ms "$@"
}

@test "a visit finds out what a node says of itself, and where each fact is from" {
    start_foreign a --agent other/1 --finalized "$(printf 'ab%.0s' {1..32}):7"
    dump 0 mesh.json "$(address a)"
    [ -z "$output" ]
    jq -e --arg id "$(peer_id a)" --arg topic $TOPIC '.nodes == [] and .unreachable == [] and
        (.foreign | length) == 1 and (.foreign[0] |
        .peer_id == $id and .key_type == "secp256k1" and .agent == "other/1" and
        (.protocols | index("/meshsub/1.2.0") != null) and (.listen | length) == 1 and
        .status.finalized.slot == 7 and
        .topics == {($topic): {subscribed: true, has_visitor: true}} and
        .visit == {ended: null, status: "answered",
            streams: {ours: "/meshsub/1.2.0", theirs: ["/meshsub/1.2.0"]}} and
        .sources == {peer_id: "tls", key_type: "tls", agent: "identify", protocols: "identify",
            listen: "identify", status: "status", topics: "gossipsub", visit: "visit"} and
        .volatile.heard.graft == {($topic): 1} and .volatile.heard.rpcs >= 1)' mesh.json
    # Nobody is left there.
    [ "$(api a /peers | jq '.peers | length')" -eq 0 ]
}

@test "a slot beyond what fits costs nobody the snapshot, and is shown as a number" {
    root=0x$(printf 'ab%.0s' {1..32})
    start_foreign a --finalized "$root:18446744073709551615" --head "$root:18446744073709551615"
    start_foreign b --finalized "0x$(printf 'cd%.0s' {1..32}):18446744073709551614"
    run -0 "$BIN/devnet-connect" --from "$(ready b .api)" "$(address a)"
    [[ $output == *"theirs: finalized 0xabababab slot 1.84467440737e+19, head 0xabababab slot 1.84467440737e+19"* ]] ||
        { echo "$output" && return 1; }
    dump 0 live.json "$(ready a .api)" "$(ready b .api)"
    run -0 "$BIN/devnet-mesh" check live.json # the two slots may be two
    dump 0 visited.json "$(address a)"
    run -0 "$BIN/devnet-mesh" check visited.json
    jq '.foreign[0].status[].slot = 1.5' visited.json > half.json
    run -2 "$BIN/devnet-mesh" check half.json
    [ "$output" = "devnet-mesh: half.json: foreign[0].status.finalized.slot: a whole number is expected" ]
}

@test "two visits to a quiet node find the same" {
    start_foreign a
    dump 0 one.json "$(address a)"
    dump 0 two.json "$(address a)"
    run -0 "$BIN/devnet-mesh" diff one.json two.json
    [ -z "$output" ]
    for name in one two; do jq 'del(.foreign[].volatile)' $name.json > $name.steady; done
    cmp one.steady two.steady
    run -0 "$BIN/devnet-mesh" diff --for 600ms one.json "$(address a)"
    run -0 "$BIN/devnet-mesh" check one.json
    [ "$output" = "sound: 0 nodes, 1 foreign, 0 topics" ]
}

@test "a visitor is no peer of the nodes that are asked beside" {
    start_foreign a
    start_dialler b a --topic lean:block --heartbeat 100ms
    await_mesh a b
    dump 0 mesh.json "$(ready a .api)" "$(ready b .api)" "$(address a)" "$(address b)"
    jq -e --arg topic $TOPIC '(.nodes | length) == 2 and (.foreign | length) == 2 and
        all(.nodes[]; (.peers | length) == 1 and (.topics[$topic].mesh | length) == 1 and
            .sources == {"*": "api"})' mesh.json
    run -0 "$BIN/devnet-mesh" check mesh.json
    [ "$output" = "sound: 2 nodes, 2 foreign, 1 topic" ]
}

@test "what a node does not say is not known, and no fault of its" {
    start_foreign mute --fault status-not-spoken --fault identify-not-spoken \
        --fault gossipsub-not-spoken
    start_foreign full --fault prunes-everybody
    dump 0 mesh.json "$(address mute)" "$(address full)"
    jq -e --arg id "$(peer_id mute)" '.foreign[] | select(.peer_id == $id) |
        .agent == null and .protocols == [] and .status == null and .topics == {} and
        .visit == {ended: null, status: "not spoken", streams: {ours: null, theirs: []}} and
        (.sources | keys) == ["key_type", "peer_id", "visit"]' mesh.json
    jq -e --arg id "$(peer_id full)" '.foreign[] | select(.peer_id == $id) |
        .topics[].has_visitor == false' mesh.json
    run -0 "$BIN/devnet-mesh" check mesh.json
    [ "$output" = "sound: 0 nodes, 2 foreign, 0 topics" ]
}

@test "a visit goes on without a status, and finds a stream too many" {
    start_foreign refuses --fault status-refused
    start_foreign second --fault second-gossip-stream
    dump 0 mesh.json "$(address refuses)" "$(address second)"
    jq -e --arg id "$(peer_id refuses)" '.foreign[] | select(.peer_id == $id) |
        .status == null and .visit.ended == null and .topics[].has_visitor and
        (.visit.status | startswith("refused with code 2"))' mesh.json
    run -0 "$BIN/devnet-mesh" check mesh.json
    [[ $output == "warning inbound_stream: $(peer_id second): it opened 2 gossipsub streams to its visitor"* ]]
    run -0 "$BIN/devnet-mesh" dump --text --for 600ms "$(address second)"
    [[ $output == "foreign $(peer_id second), devnet-node/"*", status answered"* ]]
    [[ $output == *"  streams: ours /meshsub/1.2.0, theirs 2"* ]]
    [[ $output == *"  topic $TOPIC: subscribed, had us in its mesh"* ]]
}

@test "a visit that the node cuts short is in the snapshot, and the exit status says so" {
    start_foreign a
    launch dump "$BIN/devnet-mesh" dump --for 60s "$(address a)"
    await a '.event == "mesh_joined"' > /dev/null
    end a
    status=0
    ended dump || status=$?
    [ "$status" -eq 1 ]
    grep -q "went before the visit was over: " dump.err
    valid dump.out
    jq -e '.unreachable == [] and (.foreign[0] | .visit.ended != null and .topics[].has_visitor)' dump.out
}

@test "a node that cannot be visited is unreachable, with the reason" {
    start_foreign a
    start_foreign b
    # The address of one with the peer id of the other.
    wrong=$(address a)
    wrong=${wrong%/p2p/*}/p2p/$(peer_id b)
    dump 1 mesh.json "$(address a)" /ip4/127.0.0.1/udp/9 "$wrong"
    jq -e --arg wrong "$wrong" '(.foreign | length) == 1 and (.unreachable | length) == 2 and
        (.unreachable | map({(.api): .error}) | add |
        (."/ip4/127.0.0.1/udp/9" | endswith("no QUIC answer within 3 s (handshake timed out; ICMP came back: Connection refused)")) and
        (.[$wrong] | contains(": peer id is ")))' mesh.json
    run -1 "$BIN/devnet-mesh" check --timeout 300ms /ip4/127.0.0.1/udp/9
    [[ $output == *"no QUIC answer"* ]]
}

@test "a visitor that is stopped takes leave" {
    start_foreign a
    for signal in INT TERM; do
        seen=$(lines_of a)
        launch dump "$BIN/devnet-mesh" dump --for 60s "$(address a)"
        await a '.event == "mesh_joined"' . "$seen" > /dev/null
        status=0
        end dump $signal || status=$?
        [ "$status" -eq $((128 + $(kill -l $signal))) ]
        [ ! -s dump.out ]
        await a '.event == "disconnected"' .cause "$seen" > cause
        [ "$(cat cause)" = closed_by_peer ]
    done
}

@test "gossip that a visitor hears is counted" {
    start_foreign a
    launch dump "$BIN/devnet-mesh" dump --for 2s "$(address a)"
    await a '.event == "mesh_joined"' > /dev/null
    api a /publish '{"topic": "lean:block", "text": "hello"}' > /dev/null
    ended dump
    jq -e --arg topic $TOPIC '.foreign[0].volatile.heard.messages == {($topic): 1}' dump.out
}

@test "pages of metrics: what leanMetrics names is kept, alone or beside a visit" {
    start_foreign a
    page=$(ready a .api)/metrics
    dump 0 mesh.json "$page" "$page" "$(address a)=$page"
    jq -e --arg page "$page" '(.endpoints | length) == 1 and (.endpoints[0] | .url == $page and
        .node_info.name == "devnet-node" and .sources == {node_info: "metrics"} and
        .volatile.metrics["lean_connected_peers{client=\"unknown\"}"] == 0 and
        all(.volatile.metrics | keys[]; startswith("lean_"))) and
        .foreign[0].node_info == .endpoints[0].node_info and
        .foreign[0].sources.node_info == "metrics" and
        .foreign[0].volatile.metrics_url == $page' mesh.json
    dump 0 again.json "$page" "$(address a)=$page"
    run -0 "$BIN/devnet-mesh" diff mesh.json again.json
    run -0 "$BIN/devnet-mesh" dump --text "$page"
    [[ $output == "endpoint $page"*"metrics $page: devnet-node "*" values" ]]
    end a
    dump 1 gone.json "$page"
    run -1 "$BIN/devnet-mesh" diff --ignore unreachable mesh.json gone.json
    [[ $output == *"- endpoint $page"* ]]
}

@test "a page that is none is unreachable, with what is wrong" {
    start_foreign a
    launch slow env STUB_SLOW=1 "$TOOLS/stub_node"
    await slow '.event == "ready"' > /dev/null
    a=$(ready a .api)
    run -1 --separate-stderr "$BIN/devnet-mesh" dump --timeout 500ms -o mesh.json "$a/health" \
        "$a/nowhere" "$(ready slow .api)/mesh" http://127.0.0.1:1/metrics
    [[ $stderr == *"$a/health: line 1: not a metric in Prometheus' text format"* ]]
    [[ $stderr == *"$a/nowhere: answered 404"* ]]
    [[ $stderr == *"$(ready slow .api)/mesh: no whole answer within 0.5 s"* ]]
    [[ $stderr == *"http://127.0.0.1:1/metrics: cannot connect"* ]]
    jq -e '(.unreachable | length) == 4' mesh.json
    valid mesh.json
    # A node is visited all the same.
    dump 1 mesh.json "$(address a)=$a/nowhere"
    jq -e '(.foreign | length) == 1 and .foreign[0].sources.node_info == null' mesh.json
}

@test "targets that are none end with 2" {
    expect() {
        run -2 "$BIN/devnet-mesh" dump "$1"
        [[ $output == "devnet-mesh: $2"* ]] || { echo "$output"; return 1; }
    }
    expect /ip4/127.0.0.1/tcp/9 "/ip4/127.0.0.1/tcp/9: "
    expect /ip4/127.0.0.1/udp/9=nonsense "nonsense: not a page of metrics; expected http://127.0.0.1:PORT/metrics"
    expect http://example.org/metrics "http://example.org/metrics: not a page of metrics"
    mkdir empty
    expect empty "empty: no devnet is up there"
    expect before.json "before.json: not an API address"
}

@test "a corrupt snapshot is not valid, and is not read" {
    start_foreign a
    page=$(ready a .api)/metrics
    dump 0 mesh.json "$(ready a .api)" "$(address a)=$page" "$page"
    broken() {
        jq "$1" mesh.json > broken.json
        run -1 valid broken.json
        run -2 "$BIN/devnet-mesh" check broken.json
        [[ $output == "devnet-mesh: broken.json: $2" ]] || { echo "$output"; return 1; }
    }
    broken '.version = 2' "version 2 of the snapshot format; this program reads version 1"
    broken '.foreign[0].topics[].has_visitor = 1' \
        "foreign[0].topics.$TOPIC.has_visitor: true or false is expected"
    broken '.foreign[0].visit.streams.theirs = [1]' \
        "foreign[0].visit.streams.theirs[0]: a string is expected"
    broken 'del(.foreign[0].sources)' "foreign[0].sources: an object is expected"
    broken '.endpoints[0].url = null' "endpoints[0].url: a string is expected"
    broken '.endpoints = 3' "endpoints: an array is expected"
    broken '.nodes[0].topics[].mesh = null' "nodes[0].topics.$TOPIC.mesh: an array is expected"
    jq '.foreign += .foreign' mesh.json > twice.json
    run -2 "$BIN/devnet-mesh" check twice.json
    [[ $output == *"foreign node $(peer_id a) is in it twice" ]]
}
