#!/usr/bin/env bats
# --trace rpc: what two nodes say to each other, as text and as JSON.

bats_require_minimum_version 1.5.0
load helpers.bash

topic=/leanconsensus/12345678/block/ssz_snappy

setup() {
    use_programs
}

teardown() {
    end_all
}

# Whether NAME traced an RPC for which a jq condition holds.
traced() {
    jq -en "first(inputs | select(.trace == \"rpc\" and ($2))) // false" < "$1.err" > /dev/null
}

@test "--trace rpc with --log-format json prints an object for each RPC" {
    start_node a --trace rpc --log-format json --heartbeat 100ms
    start_dialler b a --heartbeat 100ms
    await_mesh a b
    peer=".peer_id == \"$(peer_id b)\""
    eventually traced a "$peer and .direction == \"in\" and
        .subscriptions == [{topic: \"$topic\", subscribe: true}]"
    eventually traced a "$peer and .direction == \"out\" and .graft == [{topic: \"$topic\"}]"
    api b /publish '{"topic":"lean:block","text":"hello"}' > published
    eventually traced a "$peer and .direction == \"in\" and .bytes > 50 and .time > 0 and
        .messages == [{topic: \"$topic\", id: \"$(jq -r .id published)\", size: 7}]"
    [ ! -s b.err ]
}

@test "--trace rpc alone prints a line for each RPC" {
    start_node a --trace rpc --heartbeat 100ms
    start_dialler b a --heartbeat 100ms
    await_mesh a b
    id=$(api a /publish '{"topic":"lean:block","text":"hello"}' | jq -r .id)
    eventually grep -E "^[0-9:.]{12} rpc out $(peer_id b) [0-9]+ bytes; message $topic $id 7 bytes$" a.err
    grep -E " rpc in $(peer_id b) .*; subscribe $topic" a.err
    api a /unsubscribe '{"topic":"lean:block"}'
    eventually grep -E " rpc out .*; unsubscribe $topic; prune $topic backoff 10s$" a.err
}

@test "devnet-connect traces too, as JSON with --json" {
    start_node a --heartbeat 100ms
    "$BIN/devnet-connect" --trace rpc "$(address a)" > connect.out 2> connect.err
    grep " rpc out $(peer_id a) .*; subscribe $topic" connect.err
    "$BIN/devnet-connect" --json --trace rpc "$(address a)" > connect.out 2> connect.err
    traced connect ".direction == \"out\" and .subscriptions[0].topic == \"$topic\""
    jq -e '.exit == 0' connect.out
    run -2 "$BIN/devnet-connect" --trace frames "$(address a)"
}

@test "a trace that nobody reads never blocks the node, and what was lost is counted" {
    for format in json text; do
        mkfifo "$format.pipe"
        exec {reader}<> "$format.pipe"
        # shellcheck disable=SC2016 # for the inner shell
        launch "$format" bash -c 'exec "$@" 2> "$0.pipe"' "$format" \
            "$BIN/devnet-node" --trace rpc --log-format "$format"
        await "$format" '.event == "ready"' > /dev/null
        "$TOOLS/hostile" "$(address "$format")" open propose:/meshsub/1.2.0 wait:data \
            messages:60000 fin wait:fin > hostile.out 3>&-
        api "$format" /health | jq -e '.status == "ok"'
        launch cat cat "$format.pipe"
        eventually grep -E '^(\{"trace":"lost","count":[0-9]+\}|rpc: [0-9]+ lines are lost: .*)$' cat.out
        exec {reader}>&-
        end "$format"
        end cat || true
    done
}

@test "an RPC that is malformed is traced as that" {
    start_node a --trace rpc --log-format json
    "$TOOLS/hostile" "$(address a)" open propose:/meshsub/1.2.0 hex:02ffff rest:500 || true
    eventually traced a '.malformed and .bytes == 2'
}

@test "direct peers are sent every message and are in no mesh" {
    key=$(printf '%064d' 2)
    start_node b --key-hex "$key"
    end b
    start_node a --heartbeat 100ms --direct "$(peer_id b)" --trace rpc --log-format json
    start_node b --heartbeat 100ms --key-hex "$key" --direct "$(address a)"
    await a '.event == "subscribed"'
    await b '.event == "subscribed"'
    for name in a b; do
        id=$(api $name /publish "{\"topic\":\"lean:block\",\"text\":\"from $name\"}" | jq -r .id)
        await "$([ $name = a ] && echo b || echo a)" ".event == \"message\" and .id == \"$id\""
    done
    for name in a b; do
        api "$name" /mesh | jq -e '.topics[] | .mesh == [] and (.subscribers | length) == 1'
    done
    run ! traced a '.graft or .prune'
}

@test "a direct peer that does not know of the agreement is answered by PRUNE" {
    start_node b --heartbeat 100ms
    start_node a --heartbeat 100ms --direct "$(address b)" --trace rpc --log-format json
    eventually traced a '.direction == "in" and .graft'
    eventually traced a '.direction == "out" and .prune[0].backoff == 60'
    run -2 "$BIN/devnet-node" --direct nonsense
    run -2 "$BIN/devnet-node" --direct /ip4/127.0.0.1/udp/9000/quic-v1
    [[ $output == *"must end with /p2p/PEERID"* ]]
}
