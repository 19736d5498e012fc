#!/usr/bin/env bats
# Lean nodes' own HTTP APIs as a source: of a stand-in that answers well or badly, and of our node's
# Lean routes.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load snapshots

A=$(printf 'aa%.0s' {1..32})
B=$(printf 'bb%.0s' {1..32})
ID=16Uiu2HAmEYVGUf1QFtWzyHANEF7gPCr49NfkDTCLtRyyJqKYe3bN
HEALTHY='{"status":"healthy","service":"lean-rpc-api"}'

setup() {
    use_programs
}

teardown() {
    end_all
}

# Starts a stand-in for a Lean node's API: start_api NAME ROUTE=ANSWER... (tests/lean_api.py).
start_api() {
    local name=$1
    shift
    launch "$name" python3 "$BATS_TEST_DIRNAME/lean_api.py" "$@"
    await "$name" '.event == "ready"' > /dev/null
}

# What /lean/v0/fork_choice answers: fork_choice HEAD SLOT FINALIZED SLOT.
fork_choice() {
    jq -nc --arg head "0x$1" --argjson slot "$2" --arg root "0x$3" --argjson finalized "$4" '
        {root: $root, slot: $finalized} as $checkpoint |
        {nodes: [$checkpoint, {root: $head, slot: $slot}], head: $head, justified: $checkpoint,
         finalized: $checkpoint, safe_target: $head, validator_count: 3}'
}

# Dumps targets into FILE, which must be valid: dump STATUS FILE TARGET...
dump() {
    local status=$1 file=$2
    shift 2
    run "-$status" --separate-stderr "$BIN/devnet-mesh" dump --for 600ms --timeout 5s -o "$file" "$@"
    valid "$file"
}

@test "what a Lean node's own API tells is in the snapshot, by route" {
    start_api lean health="$HEALTHY" node/peers="{\"$ID\": \"connected\"}" \
        node/identity='{"version": "x/1", "peer_id": null}' \
        fork_choice="$(fork_choice "$A" 9 "$B" 7)" \
        metrics=$'lean_node_info{name="x",version="1"} 1\nlean_connected_peers 1\n'
    url=$(ready lean .api)
    dump 0 mesh.json "$url"
    jq -e --arg url "$url" --arg id $ID --arg a "0x$A" --arg b "0x$B" '.nodes == [] and
        .unreachable == [] and .endpoints == [{url: $url, node_info: {name: "x", version: "1"},
        lean: {url: $url, health: "healthy", identity: {version: "x/1", peer_id: null},
               peers: [{peer_id: $id, state: "connected"}],
               fork_choice: {head: {root: $a, slot: 9}, justified: {root: $b, slot: 7},
                             finalized: {root: $b, slot: 7}}},
        sources: {lean: "lean_api", node_info: "metrics"},
        volatile: {metrics_url: "\($url)/metrics", metrics: {lean_connected_peers: 1,
            "lean_node_info{name=\"x\",version=\"1\"}": 1}}}]' mesh.json
    run -0 "$BIN/devnet-mesh" dump --text "$url/"
    [[ $output == *"Lean API $url/: healthy"*"head 0x$A at slot 9"*"peer $ID, connected"* ]]
    run -0 "$BIN/devnet-mesh" check "$url"
}

@test "what a Lean node's API does not serve is not known" {
    start_api lean health="$HEALTHY" node/identity=405 fork_choice=501
    dump 0 mesh.json "$(ready lean .api)"
    jq -e '.endpoints[0] | .lean.identity == null and .lean.peers == null and
        .lean.fork_choice == null and .node_info == null and .volatile == {}' mesh.json
}

@test "our node's Lean routes are read as anybody's" {
    "$BIN/devnet" genesis -n 1 --port 0 --api-port 0 --metrics-port 0 g > /dev/null
    url=http://127.0.0.1:$(awk '$1 == "apiPort:" { print $2 }' g/validator-config.yaml)
    start_node a --api-public "${url#http://}" --finalized "$A:3" --head "$B:7"
    dump 0 mesh.json "$url"
    jq -e --arg a "0x$A" --arg b "0x$B" '.endpoints[0] | .lean.health == "healthy" and
        .lean.fork_choice.finalized == {root: $a, slot: 3} and
        .lean.fork_choice.head == {root: $b, slot: 7} and .lean.identity == null and
        .node_info.name == "devnet-node"' mesh.json
    # Beside a visit.
    dump 0 both.json "$(address a)=$url"
    jq -e --arg url "$url" '.endpoints == null and (.foreign[0] | .lean.url == $url and
        .sources.lean == "lean_api" and .sources.agent == "identify" and
        .volatile.metrics_url == "\($url)/metrics" and .status.head == .lean.fork_choice.head)' both.json
    # The folder tells where its nodes' APIs are.
    run --separate-stderr "$BIN/devnet" status --genesis g --json
    jq -e '.nodes[0].state == "down"' <<< "$output"
}

@test "our own API beside an address is asked instead of a visit, if it is that node's" {
    start_node a
    start_node b
    dump 0 mesh.json "$(address a)=$(ready a .api)"
    jq -e --arg id "$(peer_id a)" --arg api "$(ready a .api)" '.foreign == [] and .endpoints == null and
        [.nodes[] | [.peer_id, .volatile.api, .peers]] == [[$id, $api, []]]' mesh.json
    # That of another is not, and is found.
    dump 0 other.json "$(address a)=$(ready b .api)"
    jq -e --arg a "$(peer_id a)" --arg b "$(peer_id b)" '.nodes == [] and
        [.foreign[] | [.peer_id, .lean.identity.peer_id]] == [[$a, $b]]' other.json
    run -1 "$BIN/devnet-mesh" check other.json
    [[ $output == *"error api_own: $(peer_id a): its API, $(ready b .api), is that of $(peer_id b)"* ]]
}

@test "what a Lean node cannot tell yet is no fault of it" {
    start_api lean health=healthy node/peers=503 fork_choice=503
    dump 0 mesh.json "$(ready lean .api)"
    jq -e '.endpoints[0].lean | .health == "healthy" and .peers == null and .fork_choice == null' mesh.json
    start_api down health=503
    run -1 "$BIN/devnet-mesh" dump "$(ready down .api)"
}

@test "an API that tells of no mesh, and a page of metrics, are not called sound" {
    start_api lean health="$HEALTHY" metrics=$'lean_connected_peers 1\n'
    for target in "$(ready lean .api)" "$(ready lean .api)/metrics"; do
        run -2 "$BIN/devnet-mesh" check "$target"
        [ "$output" = "devnet-mesh: $target: nothing to check: no node is in it" ]
        run -2 --separate-stderr "$BIN/devnet-mesh" check --json "$target"
        [ -z "$output" ]
    done
    for route in node/identity='{"version": "x", "peer_id": null}' node/peers='[]' \
        fork_choice="$(fork_choice "$A" 9 "$B" 7)"; do
        start_api one health="$HEALTHY" "$route"
        run -0 "$BIN/devnet-mesh" check "$(ready one .api)"
        [ "$output" = "sound: 0 nodes, 0 topics" ]
        end one || true
    done
}

@test "a genesis folder's nodes tell status their head and peers by their own API" {
    "$BIN/devnet" genesis -n 1 --port 0 --api-port 0 --metrics-port 0 g > /dev/null
    of() {
        awk -v key="$1:" '$1 == key { gsub("\"", "", $2); print $2 }' g/validator-config.yaml
    }
    start_api lean health="$HEALTHY" node/peers="[\"$ID\"]" fork_choice="$(fork_choice "$A" 9 "$B" 7)"
    api=$(ready lean .api)
    sed -i "s/apiPort: .*/apiPort: ${api##*:}/" g/validator-config.yaml
    start_node a --key-hex "$(of privkey)" --listen "/ip4/127.0.0.1/udp/$(of quic)/quic-v1"
    run -0 --separate-stderr "$BIN/devnet" status --genesis g --json
    jq -e --arg api "$api" --arg root "0x$A" '.nodes[0] | .state == "up" and .lean_api == $api and
        .health == "healthy" and .peers == 1 and .head == {root: $root, slot: 9}' <<< "$output"
    run -0 "$BIN/devnet-mesh" check --for 600ms g
    # Without the API, as without a page of metrics, there is nothing to complain of.
    end lean || true
    run -0 --separate-stderr "$BIN/devnet" status --genesis g --json
    jq -e '.nodes[0] | .state == "up" and .health == null and .peers == null' <<< "$output"
}

@test "an answer that is none is named with its URL, and the rest is kept" {
    start_api lean health="$HEALTHY" node/peers=huge node/identity='<html>' fork_choice=cut metrics=500
    url=$(ready lean .api)
    dump 1 mesh.json "$url"
    jq -e --arg url "$url" '(.endpoints[0].lean | .health == "healthy" and .peers == null and
        .identity == null and .fork_choice == null) and (.unreachable | map({(.api): .error}) | add |
        length == 3 and
        .["\($url)/lean/v0/node/peers"] == "\($url)/lean/v0/node/peers: larger than 16 MiB" and
        (.["\($url)/lean/v0/node/identity"] | startswith("\($url)/lean/v0/node/identity: not JSON")) and
        (.["\($url)/lean/v0/fork_choice"] |
            endswith("/fork_choice: the connection ended before the answer did")))' mesh.json
    run -1 "$BIN/devnet-mesh" check "$url"
    [[ $output == *"error node_reachable: $url/lean/v0/node/peers: larger than 16 MiB"* ]]
}

@test "who is no Lean node, or answers nothing in time, is unreachable" {
    expect() {
        local api
        start_api lean health="$1"
        api=$(ready lean .api)
        dump 1 mesh.json "$api"
        [[ $stderr == *"$api/lean/v0/health: $2"* ]] || { echo "$stderr"; return 1; }
        jq -e '.endpoints == null and (.unreachable | length) == 1' mesh.json
        end lean || true
        rm mesh.json
    }
    expect 404 "answered 404; no Lean node's API is there"
    expect 500 "answered 500; no Lean node's API is there"
    expect mute "what answers there is not HTTP"
    expect cut "the connection ended before the answer did"
    expect '[]' '"status": a short text is expected'
    start_api slow health=slow
    run -1 --separate-stderr "$BIN/devnet-mesh" dump --timeout 500ms "$(ready slow .api)"
    [[ $stderr == *"/lean/v0/health: no whole answer within 0.5 s"* ]]
}

@test "check finds chains that cannot both be, an API of another node, and peers that are missing" {
    start_node a --topic lean:block
    start_node b --topic lean:block
    start_api one health="$HEALTHY" node/peers='[]' fork_choice="$(fork_choice "$A" 9 "$B" 7)" \
        node/identity="{\"version\": \"x\", \"peer_id\": \"$(peer_id b)\"}"
    start_api two health="$HEALTHY" node/peers="[\"$(peer_id a)\"]" \
        fork_choice="$(fork_choice "$A" 7 "$B" 6)"
    dump 0 mesh.json "$(address a)=$(ready one .api)" "$(address b)=$(ready two .api)"
    run -1 "$BIN/devnet-mesh" check mesh.json
    [[ $output == *"error chain_possible: $(peer_id b): head 0x$A at slot 7, where 0x$B was finalized"* ]]
    [[ $output == *"error api_own: $(peer_id a): its API, $(ready one .api), is that of $(peer_id b)"* ]]
    [[ $output == *"warning peers_complete: $(peer_id a): it lacks 1 of the 1 other nodes among its peers, such as $(peer_id b)"* ]]
    [[ $output != *"peers_complete: $(peer_id b)"* ]]
    # Whom an API tells of is drawn as a connection that only one end tells of.
    run -0 "$BIN/devnet-mesh" graph --connections --dot mesh.json
    [[ $output == *"$(peer_id a)"*"$(peer_id b)"* ]]
}

@test "foreign nodes alone must be of one network, too" {
    start_node a --topic lean:block --network one
    start_node b --topic lean:block --network two
    dump 0 mesh.json "$(address a)" "$(address b)"
    run -1 "$BIN/devnet-mesh" check mesh.json
    [[ $output == *"error same_network: "*"while the first node has "* ]]
}
