#!/usr/bin/env bats
# devnet-mesh: dump and diff, every option, every exit status.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    TOOLS=${BUILD:-$BATS_TEST_DIRNAME/../build}/tests/tools
    cd "$BATS_TEST_TMPDIR" || return
    pids=()
}

teardown() {
    local pid
    for pid in "${pids[@]}"; do
        if kill "$pid" 2> /dev/null; then wait "$pid" || true; fi
    done
}

# Starts a stub node called NAME, with variables in its environment: its API is in $api.
start_node() {
    local name=$1 line
    shift
    env "$@" "$TOOLS/stub_node" --key "$name.key" > "$name.out" 2> "$name.err" 3>&- &
    pids+=("$!")
    touch "$name.out"
    until read -r line < "$name.out"; do sleep 0.01; done
    api=$(sed -n 's|.*"api":"\([^"]*\)".*|\1|p' <<< "$line")
    listen=$(sed -n 's|.*"listen":\["\([^"]*\)".*|\1|p' <<< "$line")
}

# Two nodes, b in the mesh of a: $a and $b.
start_pair() {
    start_node b
    b=$api b_listen=$listen
    start_node a
    a=$api
    connect "$a" "$b_listen"
}

connect() {
    curl --silent --fail --data "{\"addr\":\"$2\"}" "$1/connect" > connect.out
}

@test "dump writes one snapshot of all nodes, sorted by peer id" {
    start_pair
    run -0 --separate-stderr "$BIN/devnet-mesh" dump "$a" "$b"
    jq -e '.format == "devnet-mesh-snapshot" and .version == 1' <<< "$output"
    jq -e '.nodes | length == 2 and (map(.peer_id) | . == sort)' <<< "$output"
    jq -e '.unreachable == []' <<< "$output"
    jq -e '[.nodes[].volatile.api] | sort == ($ARGS.positional | sort)' \
        --args "$a" "$b" <<< "$output"
}

@test "dump --output writes a file and nothing else" {
    start_pair
    run -0 "$BIN/devnet-mesh" dump --output mesh.json "$a" "$b"
    [ -z "$output" ]
    jq -e '.nodes | length == 2' mesh.json
    [ "$(ls mesh.json*)" = mesh.json ]
}

@test "two dumps of a quiet mesh are equal" {
    start_pair
    "$BIN/devnet-mesh" dump -o one.json "$a" "$b"
    "$BIN/devnet-mesh" dump -o two.json "$b" "$a"
    cmp one.json two.json
    run -0 "$BIN/devnet-mesh" diff one.json two.json
    [ -z "$output" ]
}

@test "dump names an unreachable node, writes the file, and ends with 1" {
    start_pair
    run -1 --separate-stderr "$BIN/devnet-mesh" dump -o mesh.json "$a" http://127.0.0.1:1
    [[ $stderr == *"http://127.0.0.1:1/mesh: cannot connect"* ]]
    jq -e '.nodes | length == 1' mesh.json
    jq -e '.unreachable[0].api == "http://127.0.0.1:1"' mesh.json
    # Where none answers, an earlier snapshot is worth more.
    cp mesh.json earlier.json
    run -1 --separate-stderr "$BIN/devnet-mesh" dump -o mesh.json http://127.0.0.1:1
    [[ $stderr == *"--output mesh.json: left as it is, as no node answered"* ]]
    cmp earlier.json mesh.json
    run -1 "$BIN/devnet-mesh" dump -o new.json http://127.0.0.1:1
    jq -e '.nodes == [] and (.unreachable | length) == 1' new.json
}

@test "dump --timeout gives up on a node that does not answer" {
    start_node slow STUB_SLOW=1
    run -1 --separate-stderr "$BIN/devnet-mesh" dump --timeout 50ms "$api"
    [[ $stderr == *"no whole answer within 0.05 s"* ]]
    jq -e '.nodes == [] and (.unreachable | length == 1)' <<< "$output"
}

@test "dump says what is wrong with an answer" {
    echo '{"peer_id": 5}' > answer.json
    start_node odd STUB_MESH="$PWD/answer.json"
    run -1 --separate-stderr "$BIN/devnet-mesh" dump -o mesh.json "$api"
    [[ $stderr == *"$api/mesh: peer_id: a string is expected"* ]]
}

dump_full() {
    "$BIN/devnet-mesh" dump "$1" > /dev/full
}

@test "dump ends with 2 where it cannot write" {
    start_pair
    run -2 "$BIN/devnet-mesh" dump -o nowhere/mesh.json "$a"
    [[ $output == "devnet-mesh: --output nowhere/mesh.json: cannot write: No such file or directory" ]]
    run -2 dump_full "$a"
    [[ $output == *"standard output: No space left on device"* ]]
}

@test "a snapshot keeps the mode and the links of the file that was there" {
    start_pair
    mkdir elsewhere
    ln -s elsewhere/mesh.json link.json
    "$BIN/devnet-mesh" dump -o link.json "$a"
    [[ -L link.json && -s elsewhere/mesh.json ]]
    chmod 604 elsewhere/mesh.json
    ln elsewhere/mesh.json second.json
    "$BIN/devnet-mesh" dump -o link.json "$a" "$b"
    [[ -L link.json && $(stat -c %a:%h elsewhere/mesh.json) == 604:2 ]]
    jq -e '.nodes | length == 2' second.json
}

@test "dump --text is for people" {
    start_pair
    run -0 "$BIN/devnet-mesh" dump --text "$a"
    [[ $output == "node 16Uiu2"*"network 12345678"* ]]
    [[ $output == *"topic /leanconsensus/12345678/block/ssz_snappy: subscribed, 1 in the mesh"* ]]
    [[ $output == *"    mesh -> 16Uiu2"* ]]
    [ ! -e mesh.json ]
    run -0 "$BIN/devnet-mesh" dump --text -o mesh.json "$a"
    [[ $output == "node 16Uiu2"* ]]
    jq -e '.version == 1' mesh.json
}

@test "what a node calls itself does not reach the terminal as it is" {
    start_pair
    "$BIN/devnet-mesh" dump "$a" | jq '.nodes[0] | .agent = "\u001b[31mred"' > answer.json
    start_node odd STUB_MESH="$PWD/answer.json"
    run -0 "$BIN/devnet-mesh" dump --text "$api"
    [[ $output != *$'\033'* ]]
    [[ $output == *"[31mred"* ]]
}

@test "diff tells what came and went between two files" {
    start_pair
    "$BIN/devnet-mesh" dump -o before.json "$a" "$b"
    start_node c
    connect "$a" "$listen"
    "$BIN/devnet-mesh" dump -o after.json "$a" "$b"
    run -1 "$BIN/devnet-mesh" diff before.json after.json
    peer_a=$(jq -r '.peer_id' a.out) peer_c=$(jq -r '.peer_id' c.out)
    [ "${lines[0]}" = "+ peer $peer_a -> $peer_c" ]
    grep -Fx "+ mesh /leanconsensus/12345678/block/ssz_snappy: $peer_a -> $peer_c" <<< "$output"
    run -1 "$BIN/devnet-mesh" diff after.json before.json
    grep -Fx -- "- mesh /leanconsensus/12345678/block/ssz_snappy: $peer_a -> $peer_c" <<< "$output"
}

@test "diff --json is one object" {
    start_pair
    "$BIN/devnet-mesh" dump -o before.json "$a" "$b"
    jq '.nodes[0].network = "other"' before.json > after.json
    run -1 "$BIN/devnet-mesh" diff --json before.json after.json
    jq -e '.same == false and .changes == [{"change":"changed","kind":"node",
        "node":.changes[0].node,"field":"network","before":"12345678","after":"other"}]' \
        <<< "$output"
    run -0 "$BIN/devnet-mesh" diff --json before.json before.json
    jq -e '. == {"same":true,"changes":[]}' <<< "$output"
}

@test "diff --ignore leaves out what is of no interest" {
    start_pair
    "$BIN/devnet-mesh" dump -o before.json "$a" "$b"
    jq '.nodes[0] |= (.network = "other" | .agent = "new") | .nodes[].topics[].mesh = []' \
        before.json > after.json
    peer=$(jq -r '.nodes[0].peer_id' before.json)
    run -1 "$BIN/devnet-mesh" diff --ignore mesh -i node.agent before.json after.json
    [ "$output" = "~ node $peer: network: \"12345678\" => \"other\"" ]
    run -1 "$BIN/devnet-mesh" diff -i 'topic=*/block/*' -i field=network before.json after.json
    [ "$output" = "~ node $peer: agent: \"stub\" => \"new\"" ]
    run -0 "$BIN/devnet-mesh" diff -i "node=$peer" -i mesh before.json after.json
    run -0 "$BIN/devnet-mesh" diff --json -i 'kind=*' before.json after.json
    jq -e '. == {"same":true,"changes":[]}' <<< "$output"
    run -2 "$BIN/devnet-mesh" diff --ignore edges before.json after.json
    [[ $output == "devnet-mesh: --ignore edges: no such kind of change; there are unreachable, "* ]]
    run -2 "$BIN/devnet-mesh" diff --ignore colour=red before.json after.json
    [[ $output == "devnet-mesh: --ignore colour=red: a change has no \"colour\""* ]]
}

@test "diff reads nodes live, one or several" {
    start_pair
    "$BIN/devnet-mesh" dump -o before.json "$a" "$b"
    run -0 "$BIN/devnet-mesh" diff before.json "$a,$b"
    run -1 "$BIN/devnet-mesh" diff before.json "${a#http://}"
    [ "$output" = "- node $(jq -r .peer_id b.out)" ]
    run -1 --separate-stderr "$BIN/devnet-mesh" diff before.json http://127.0.0.1:1
    [[ -z $output && $stderr == *"http://127.0.0.1:1/mesh: cannot connect"* ]]
    run -1 --separate-stderr "$BIN/devnet-mesh" diff --json before.json http://127.0.0.1:1
    jq -e '.same == false and .changes == [] and .unreachable[0].api == "http://127.0.0.1:1"' <<< "$output"
    # The same node missing on both sides is no difference, and no success.
    run -1 "$BIN/devnet-mesh" diff "$a,http://127.0.0.1:1" "$a,http://127.0.0.1:1"
}

@test "diff --timeout gives up on a node that does not answer" {
    start_node slow STUB_SLOW=1
    run -1 "$BIN/devnet-mesh" diff --timeout 50ms "$api" "$api"
    [[ $output == *"no whole answer within 0.05 s"* ]]
}

@test "diff shows colour on a terminal only, and never with NO_COLOR" {
    start_pair
    "$BIN/devnet-mesh" dump -o before.json "$a"
    jq '.nodes[0].topics = {}' before.json > after.json
    run -1 "$BIN/devnet-mesh" diff before.json after.json
    [[ $output != *$'\033'* ]]
    command="'$BIN/devnet-mesh' diff before.json after.json"
    TERM=xterm run script --quiet --command "$command" /dev/null < /dev/null
    [[ $output == *$'\033[31m- topic'* ]]
    TERM=xterm NO_COLOR=1 run script --quiet --command "$command" /dev/null < /dev/null
    [[ $output == *"- topic"* && $output != *$'\033'* ]]
}

@test "a file that is no snapshot is refused with what is wrong, and 2" {
    start_pair
    "$BIN/devnet-mesh" dump -o good.json "$a"
    head -c 300 good.json > short.json
    jq '.version = 7' good.json > future.json
    jq '.nodes[0].peers[0].connections = 3' good.json > odd.json
    echo '{}' > other.json
    expect() {
        run -2 "$BIN/devnet-mesh" diff good.json "$1"
        [ "$output" = "devnet-mesh: $2" ] || { echo "$output"; return 1; }
    }
    expect nowhere.json "nowhere.json: No such file or directory"
    expect future.json \
        "future.json: version 7 of the snapshot format; this program reads version 1"
    expect odd.json "odd.json: nodes[0].peers[0].connections: an array is expected"
    expect other.json 'other.json: not a mesh snapshot: "format" is not "devnet-mesh-snapshot"'
    run -2 "$BIN/devnet-mesh" diff short.json good.json
    [[ $output == *"short.json: not JSON: line"* ]]
}

@test "usage errors end with 2 and say what to do" {
    run -2 "$BIN/devnet-mesh"
    [[ $output == *"try: devnet-mesh --help"* ]]
    run -2 "$BIN/devnet-mesh" dump
    run -2 "$BIN/devnet-mesh" diff one.json
    run -2 "$BIN/devnet-mesh" diff a b c
    run -2 "$BIN/devnet-mesh" dump nonsense
    [[ $output == *"nonsense: not an API address; expected http://127.0.0.1:PORT"* ]]
    run -2 "$BIN/devnet-mesh" dump --timeout 5 http://127.0.0.1:1
    run -0 "$BIN/devnet-mesh" --help
    [[ $output == *"dump"*"diff"* ]]
}
