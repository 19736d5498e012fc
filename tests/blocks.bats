#!/usr/bin/env bats
# Blocks by root and by range: fetched from a node that has them in a folder, and from peers that
# answer as they should not.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers.bash

fixtures=$BATS_TEST_DIRNAME/fixtures/blocks
gossip=$BATS_TEST_DIRNAME/fixtures/gossip # encoded by the reference
# Of the blocks in tests/fixtures/blocks, by slot.
declare -gA roots=(
    [1]=4e4f92b99055121575d84de429dfadce83522bcf92eb34666d0b992e9906c65b
    [5]=002ab2a951a8a05d04597cdde566d210dd7df5f907b5980fb137e48166a36d71
    [6]=bc7112a4786411cffa89eab039dbb6de166174475b66185e911e3df0dfa47f65
    [9]=683863e177955c1f06352f7d1d1b7a52b92cd80b95f17818c6b56b9496b61d39
)
unknown=0x$(printf '%064d' 0)

setup() {
    use_programs
}

teardown() {
    end_all
}

# connect STATUS [OPTION...]
connect() {
    local status=$1
    shift
    run "-$status" --separate-stderr "$BIN/devnet-connect" --timeout 15s "$@" "$(address a)"
}

by_root() {
    local IFS=,
    connect "$1" --json --blocks-by-root "${*:2}"
}

slots() {
    jq -c '[.blocks[].slot]' <<< "$output"
}

@test "blocks are fetched by their roots, in their order" {
    start_node a --blocks "$fixtures"
    by_root 0 "0x${roots[9]}" "${roots[1]}" "0x${roots[6]}"
    [ "$(slots)" = "[9,1,6]" ]
    jq -e --arg root "0x${roots[6]}" --arg parent "0x${roots[5]}" '.reached == "status" and
        .blocks[2] == {slot: 6, proposer: 1, size: 805, root: $root, parent_root: $parent}' <<< "$output"
    await a '.event == "blocks_answered" and .protocol == "blocks_by_root" and .code == 0 and .count == 3'
}

@test "a block that the peer has not is said to be missing, and the others come" {
    start_node a --blocks "$fixtures"
    by_root 10 "$unknown" "${roots[5]}"
    [ "$(slots)" = "[5]" ]
    [[ $stderr == *"blocks: 1 of 2 came: the peer has no others"* ]]
}

@test "blocks are fetched by their slots, and saved as they are" {
    start_node a --blocks "$fixtures"
    connect 0 --blocks-by-range 2:8 --save got/blocks
    [ "$(grep -c ' block ' <<< "$output")" = 3 ]
    [[ $output == *"slot 5, proposer 3, parent 0x4e4f92b9, root 0x${roots[5]}, 242 bytes, got/blocks/5-${roots[5]}.ssz"* ]]
    [ "$(ls got/blocks)" = "$(printf '%s\n' "5-${roots[5]}.ssz" "6-${roots[6]}.ssz" "9-${roots[9]}.ssz")" ]
    for slot in 5 6 9; do cmp "$fixtures/$slot.ssz" "got/blocks/$slot-${roots[$slot]}.ssz"; done
    await a '.event == "blocks_answered" and .protocol == "blocks_by_range" and .count == 3'

    start_node b --blocks got/blocks # what was saved can be answered from
    connect 0 --json --blocks-by-range 2:4
    [ "$(slots)" = "[5]" ]
}

@test "slots without blocks are no failure" {
    start_node a --blocks "$fixtures"
    connect 0 --json --blocks-by-range 10:1024
    [ "$(slots)" = "[]" ]
}

@test "1,024 roots are answered, and more than can be in flight at once" {
    start_node a --blocks "$fixtures"
    many=$(for ((i = 1; i < 1024; i++)); do printf '%064x,' "$i"; done)
    connect 10 --json --blocks-by-root "$many${roots[9]}"
    [ "$(slots)" = "[9]" ]
    # 100 times 200 kB
    many=$(for ((i = 0; i < 99; i++)); do printf '%s,' "${roots[9]}"; done)
    connect 0 --json --blocks-by-root "$many${roots[9]}"
    [ "$(jq '.blocks | length' <<< "$output")" = 100 ]
}

@test "a node that keeps no blocks says so, with code 3" {
    start_node a
    by_root 10 "${roots[1]}"
    [[ $stderr == *"blocks: refused with code 3: no blocks are kept here; 0 had come"* ]]
    await a '.event == "blocks_answered" and .code == 3 and .count == 0 and .reason == "no blocks are kept here"'
}

@test "files that are no blocks are passed over and named, and a folder that is not there is refused" {
    mkdir blocks blocks/folder
    cp "$fixtures/5.ssz" blocks/a
    cp "$fixtures/5.ssz" blocks/b
    head -c 99 "$fixtures/1.ssz" > blocks/short
    mkfifo blocks/pipe
    start_node a --blocks blocks
    grep -F 'blocks/short: no signed block' a.err
    [ "$(grep -c 'passed over' a.err)" = 1 ]
    connect 0 --json --blocks-by-range 0:100
    [ "$(slots)" = "[5]" ]
    run -2 --separate-stderr "$BIN/devnet-node" --blocks blocks/a
    [[ $stderr == *"--blocks: blocks/a: Not a directory"* ]]
    run -2 --separate-stderr "$BIN/devnet-node" --blocks absent
    [[ $stderr == *"--blocks: absent: No such file or directory"* ]]
}

@test "a file that is gone or changed since the start is answered with code 2" {
    mkdir blocks
    cp "$fixtures/5.ssz" "$fixtures/6.ssz" blocks
    start_node a --blocks blocks
    cp "$fixtures/1.ssz" blocks/6.ssz
    connect 10 --json --blocks-by-range 5:2
    [ "$(slots)" = "[5]" ]
    [[ $stderr == *"refused with code 2: the block cannot be read; 1 had come"* ]]
    grep -F 'blocks/6.ssz: holds another block than at the start' a.err
}

@test "requests are counted by protocol and code" {
    start_node a --blocks "$fixtures"
    by_root 0 "${roots[5]}" "${roots[6]}"
    connect 0 --blocks-by-range 9:1
    metrics() { api a /metrics | grep -F "$1"; }
    eventually metrics 'devnet_blocks_sent_total 3'
    metrics 'devnet_blocks_requests_total{protocol="blocks_by_root",code="0"} 1'
    metrics 'devnet_blocks_requests_total{protocol="blocks_by_range",code="0"} 1'
    metrics 'devnet_blocks_requests_total{protocol="blocks_by_range",code="3"} 0'
}

# ---- gossip ----

# publish NAME TOPIC FILE: over the API of NAME.
publish() {
    api "$1" /publish "{\"topic\":\"$2\",\"data\":\"$(od -An -v -tx1 "$3" | tr -d ' \n')\"}" > /dev/null
}

@test "messages are told with their hash and kind, and blocks with slot and root" {
    start_node a --heartbeat 50ms
    start_dialler b a --heartbeat 50ms
    await_mesh a b
    publish a lean:block "$fixtures/6.ssz"
    await b '.event == "message"' > message
    jq -e --arg hash "$(sha256sum < "$fixtures/6.ssz" | cut -d ' ' -f 1)" --arg root "0x${roots[6]}" \
        '.sha256 == $hash and .kind == "block" and .slot == 6 and .root == $root and
        (.block | .slot == 6 and .proposer == 1 and .root == $root)' message
    head -c 99 "$fixtures/6.ssz" > short
    publish a lean:block short
    await b '.event == "message" and .size == 99' > message
    jq -e '.kind == "block" and (has("block") or has("slot") or has("root") | not)' message
    metrics() { api b /metrics | grep -F "$1"; }
    metrics 'devnet_gossip_payloads_total{kind="block",snappy="valid"} 2'
    metrics 'devnet_gossip_payloads_total{kind="block",snappy="invalid"} 0'
}

@test "attestations and aggregations are told with slot, root and whose they are" {
    lean_topics=(--topic lean:block --topic lean:attestation_3 --topic lean:aggregation)
    start_node a --heartbeat 50ms "${lean_topics[@]}"
    start_dialler b a --heartbeat 50ms "${lean_topics[@]}"
    for topic in attestation_3 aggregation; do
        await a '.event == "mesh_joined" and (.topic | contains("/'$topic'/"))' > /dev/null
    done
    publish a lean:attestation_3 "$gossip/attestation.ssz"
    publish a lean:aggregation "$gossip/aggregation.ssz"
    vote='.slot == 41 and .root == "0xe429363c446b05cf83a2e54692c56d204fb72eae2329becfd604597332ee03c4"'
    await b '.event == "message" and .kind == "attestation"' > message
    jq -e "$vote"' and (.attestation | .validator == 11 and .head.slot == 41 and .target.slot == 40 and
        (.source.root | startswith("0x41cf6794")))' message
    await b '.event == "message" and .kind == "aggregation"' > message
    jq -e "$vote"' and .aggregation.participants == 3 and .aggregation.source.slot == 36' message
    metrics() { api b /metrics | grep -F "$1"; }
    metrics 'devnet_gossip_payloads_total{kind="attestation",snappy="valid"} 1'
    metrics 'devnet_gossip_payloads_total{kind="aggregation",snappy="valid"} 1'
}

# ---- recorded from gossip ----

# Of NAME, which records: by gossip from a. recorded_by NAME FILE
recorded_by() {
    publish a lean:block "$2"
    await "$1" ".event == \"block_recorded\" and .size == $(stat -c %s "$2")"
}

# fetched NAME ROOT FILE: a third gets the same bytes.
fetched() {
    rm -rf fetched
    "$BIN/devnet-connect" --timeout 15s --blocks-by-root "$2" --save fetched "$(address "$1")"
    cmp "$3" fetched/*.ssz
}

@test "blocks of gossip are recorded, answered at once, and after a restart" {
    start_node a --heartbeat 50ms
    start_dialler b a --heartbeat 50ms --record got/blocks --blocks "$fixtures"
    await_mesh a b
    recorded_by b "$gossip/block.ssz" > event
    root=8caf684c58ff1da44f41497ff1b7162d8ec3b341ebe07b14bf6937344363b971
    jq -e --arg root "$root" --arg peer "$(peer_id a)" '.slot == 42 and .root == "0x" + $root and
        .peer_id == $peer and .file == "got/blocks/42-" + $root + ".ssz"' event
    cmp "$gossip/block.ssz" "got/blocks/42-$root.ssz"
    fetched b "$root" "$gossip/block.ssz"
    publish a lean:block "$fixtures/6.ssz" # which --blocks has
    publish a lean:block "$gossip/aggregation.ssz"
    await b '.event == "block_not_recorded"' > event
    jq -e '.cause == "malformed" and (.reason | startswith("no signed block"))' event
    metrics() { api b /metrics | grep -F "$1"; }
    metrics 'devnet_blocks_recorded_total 1'
    metrics 'devnet_blocks_not_recorded_total{cause="malformed"} 1'
    [ "$(ls got/blocks)" = "42-$root.ssz" ]
    end b
    start_node b --record got/blocks
    fetched b "$root" "$gossip/block.ssz"
}

@test "no more blocks and bytes are recorded than are to be, and the log says so once" {
    start_node a --heartbeat 50ms
    start_dialler b a --heartbeat 50ms --record few --record-blocks 1
    start_dialler c a --heartbeat 50ms --record little --record-bytes 1000
    await_mesh a b
    await_mesh a c
    recorded_by b "$fixtures/6.ssz"
    await c '.event == "block_recorded"'
    for file in "$fixtures/5.ssz" "$gossip/block.ssz"; do publish a lean:block "$file"; done
    for node in b c; do
        await "$node" '.event == "block_not_recorded" and .cause == "full" and .peer_id != null' > event
        metrics() { api "$node" /metrics | grep -F "$1"; }
        metrics 'devnet_blocks_recorded_total 1'
        eventually metrics 'devnet_blocks_not_recorded_total{cause="full"} 2'
        [ "$(grep -c 'is not recorded: ' "$node.err")" = 1 ]
    done
    grep -F '1 blocks are kept, and no more are to be' b.err
    grep -F '805 bytes are kept, and with its 242 there would be more than 1000' c.err
    [ "$(find few little -type f | wc -l)" = 2 ]
}

@test "a folder that nothing can be recorded in is named, and what is lost costs the exit status" {
    touch file
    run -1 --separate-stderr "$BIN/devnet-node" --record file
    [[ $stderr == *"--record: file: "* ]]
    run -2 --separate-stderr "$BIN/devnet-node" --record-blocks 65537
    start_node a --heartbeat 50ms
    start_dialler b a --heartbeat 50ms --record got
    await_mesh a b
    rmdir got
    publish a lean:block "$fixtures/6.ssz"
    await b '.event == "block_not_recorded" and .cause == "unwritable"' > /dev/null
    status=0
    end b || status=$?
    [ "$status" = 1 ]
    grep -F 'got/6-' b.err
}

# ---- devnet-connect's gossip ----

# Starts devnet-connect NAME with options, in the background: listens NAME NODE [OPTION...].
listens() {
    local name=$1 node=$2
    shift 2
    "$BIN/devnet" key new "$name.key" > /dev/null
    launch "$name" "$BIN/devnet-connect" --json --timeout 15s --key "$name.key" --listen-gossip "$@" "$(address "$node")"
    in_mesh "$name" "$node" block
}

# Whether NODE has NAME in its mesh of that topic of Lean's: in_mesh NAME NODE TOPIC.
in_mesh() {
    local id
    id=$("$BIN/devnet" key show --json "$1.key" | jq -r .peer_id)
    await "$2" ".event == \"mesh_joined\" and .peer_id == \"$id\" and (.topic | contains(\"/$3/\"))" > /dev/null
}

@test "one publishes a block's file, another records it, and a third fetches the same bytes" {
    start_node a --heartbeat 50ms --record got
    connect 0 --json --publish "$gossip/block.ssz"
    root=0x8caf684c58ff1da44f41497ff1b7162d8ec3b341ebe07b14bf6937344363b971
    jq -e --arg root "$root" '.reached == "mesh" and (.published | .kind == "block" and .slot == 42 and
        .root == $root and .size == 1877 and .receivers == 1 and .acknowledged and
        .topic == "/leanconsensus/12345678/block/ssz_snappy")' <<< "$output"
    await a '.event == "block_recorded"' > /dev/null
    connect 0 --blocks-by-root "$root" --save fetched
    cmp "$gossip/block.ssz" fetched/*.ssz
    # By what its SSZ tells.
    api a /subscribe '{"topic": "lean:aggregation"}' > /dev/null
    connect 0 --publish "$gossip/aggregation.ssz"
    [[ $output == *"publish    aggregation, slot 41, root 0xe429363c"*", 842 bytes, to 1 peer, acknowledged"* ]]
    await a '.event == "message" and .kind == "aggregation"' > /dev/null
    # As it is, where a topic is given.
    connect 0 --json --publish "$gossip/aggregation.ssz" --topic lean:block
    jq -e '.published | .kind == "block" and (has("slot") | not)' <<< "$output"
    await a '.event == "block_not_recorded" and .cause == "malformed"' > /dev/null
}

@test "gossip is shown a message a line, and its blocks are recorded and answered" {
    start_node a --heartbeat 50ms --topic lean:block --topic lean:attestation_0
    listens c a --count 2 --record got --listen /ip4/127.0.0.1/udp/0/quic-v1 --hold 1m
    publish a lean:block "$gossip/block.ssz"
    await c '.event == "block_recorded"' > event
    jq -e '.slot == 42 and (.file | startswith("got/42-"))' event
    eventually grep -q 'listening on' c.err
    address=$(sed -n 's/.*listening on //p' c.err)
    "$BIN/devnet-connect" --timeout 15s --blocks-by-range 42:1 --save fetched "$address"
    cmp "$gossip/block.ssz" fetched/*.ssz
    in_mesh c a attestation_0
    publish a lean:attestation_0 "$gossip/attestation.ssz"
    wait "${pid_of[c]}"
    unset 'pid_of[c]'
    jq -se --arg peer "$(peer_id a)" 'map(select(.event == "message")) | map(.kind) == ["block", "attestation"] and
        map(.slot) == [42, 41] and .[0].block.proposer == 7 and .[1].attestation.validator == 11 and
        all(.peer_id == $peer and (.sha256 | length) == 64)' c.out
    tail -n 1 c.out | jq -e '.reached == "mesh" and .exit == 0 and .messages == {block: 1,
        attestation: 1, aggregation: 0, other: 0, refused: 0, recorded: 1}'
}

@test "gossip is listened to for as long as was asked, and too few messages are a failure" {
    start_node a --heartbeat 50ms
    connect 11 --listen-gossip --count 2 --hold 100ms
    [[ $stderr == *"gossip: 0 of 2 messages came within --hold"* ]]
    connect 0 --json --listen-gossip --hold 10ms
    listens c a
    publish a lean:block "$fixtures/5.ssz"
    await c '.event == "message" and .slot == 5' > /dev/null
    end c INT
    tail -n 1 c.out | jq -e '.exit == 0 and .messages.block == 1'
    listens d a --count 2
    status=0
    end d || status=$?
    [ "$status" = 143 ]
    grep -F 'stopped (SIGTERM): 0 of 2 messages had come' d.err
}

@test "what cannot be published is said, and with which exit status" {
    start_node a --topic other
    connect 8 --publish "$gossip/block.ssz"
    connect 2 --publish absent
    [[ $stderr == *"--publish absent: No such file or directory"* ]]
    connect 2 --publish "$fixtures"
    truncate -s 10485761 large
    connect 2 --publish large
    [[ $stderr == *"--publish large: larger than 10485760 bytes"* ]]
    connect 2 --publish "$BATS_TEST_FILENAME"
    [[ $stderr == *"it is no signed block, attestation or aggregation: say its --topic"* ]]
    connect 2 --publish "$gossip/block.ssz" --until status
    connect 2 --count 2
    connect 2 --listen-gossip --from http://127.0.0.1:9
    connect 0 --publish "$BATS_TEST_FILENAME" --topic other
    await a '.event == "message" and .topic == "other"' > /dev/null
}

# ---- peers that answer as they should not ----

# fails FAULT MESSAGE: nothing is saved.
fails() {
    start_node a --blocks "$fixtures" --fault "$1"
    connect 10 --json --blocks-by-range 6:3 --save got
    [[ $stderr == *"$2"* ]]
    run ! test -e got
}

@test "a block of more than 10 MiB is not waited for" {
    fails blocks-too-large 'blocks: request/response: 10485761 bytes announced, at most 10485760 allowed; 0 had come'
}

@test "an answer that is no snappy ends the asking" {
    fails blocks-malformed 'blocks: snappy frame: '
}

@test "a code that there is not is a refusal" {
    fails blocks-code 'blocks: refused with code 7: no such code; 0 had come'
}

@test "a block of another slot than asked for ends the asking" {
    fails blocks-other 'blocks: a block of slot 1 came where those of 6 to 8 were due; 0 had come'
}

@test "an answer that stalls ends after ten seconds" {
    fails blocks-stalled 'blocks: no answer in time; 0 had come'
}

@test "more blocks than asked for end the asking, and what came before is kept whole" {
    start_node a --blocks "$fixtures" --fault blocks-twice
    connect 10 --json --blocks-by-root "${roots[6]}" --save got
    [[ $stderr == *"blocks: more blocks than were asked for (1); 1 had come"* ]]
    cmp "$fixtures/6.ssz" "got/6-${roots[6]}.ssz"
}

@test "a block of another root than asked for ends the asking" {
    start_node a --blocks "$fixtures" --fault blocks-other
    by_root 10 "${roots[6]}"
    [[ $stderr == *"a block came that was not asked for, of slot 1; 0 had come"* ]]
}

# ---- the command line ----

@test "what cannot be asked for is refused" {
    refuses() {
        run -2 --separate-stderr "$BIN/devnet-connect" "${@:2}" /ip4/127.0.0.1/udp/9/quic-v1
        [[ $stderr == *"$1"* ]]
    }
    refuses 'a root has 64 hexadecimal digits' --blocks-by-root 12
    refuses 'a root has 64 hexadecimal digits' --blocks-by-root "${roots[1]},${roots[5]}x"
    refuses 'a comma without a root' --blocks-by-root "${roots[1]},"
    refuses '1 to 1024 can be asked for' --blocks-by-root ''
    many=$(for ((i = 0; i < 1024; i++)); do printf '%064x,' "$i"; done)
    refuses '1025 roots; 1 to 1024 can be asked for' --blocks-by-root "$many${roots[1]}"
    for range in 5 5: :5 5:0 5:1025 -1:5 18446744073709551615:1 5:5:5; do
        refuses "--blocks-by-range $range: write START:COUNT" --blocks-by-range "$range"
    done
    refuses 'exclude each other' --blocks-by-root "${roots[1]}" --blocks-by-range 1:1
    refuses 'nothing is to be fetched' --save got
    refuses 'are its own' --from http://127.0.0.1:9 --blocks-by-range 1:1
}
