#!/usr/bin/env bats
# devnet-orphans knows the habits of implementations: what silence means depends on whose stack is at
# the other end. Each row of its table (net/verdict/stack.c) decides a recorded case here.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    FIXTURES=$BATS_TEST_DIRNAME/fixtures
    RESTARTS=$FIXTURES/qlogs-field/restarts
    cd "$BATS_TEST_TMPDIR" || return
    # leanSpec ignores a second stream; the logs of both ends, and the writer's name taken away.
    mkdir ignored restarted simultaneous
    log_without_writer "$FIXTURES"/qlogs/head-second-gossip-stream/dialer/*.qlog > ignored/log.qlog
    log_without_writer "$FIXTURES"/qlogs/head-fin-gossip-quiet/dialer/*.qlog > restarted/log.qlog
}

log_without_writer() { jq -c 'del(.traces[].vantage_point.name)' "$1"; }

# verdicts ARGUMENT...: the exit status, and the verdicts that are not healthy, on one line.
verdicts() {
    local status=0
    "$BIN/devnet-orphans" --json "$@" > report.json 2> orphans.err || status=$?
    jq -r --argjson status "$status" '[$status, ([.connections[].streams[] | select(.healthy | not)
        | "\(.verdict)\(if .suspected then "?" else "" end)"] | sort[])] | join(" ")' report.json
}

# agent LOG AGENT: the log, with what identify told of the peer, as our nodes record it.
agent() {
    sed "0,/libp2p:peer_identified/{/libp2p:peer_identified/a\\
$(printf '\036'){\"time\":5,\"name\":\"libp2p:peer_agent\",\"data\":{\"peer\":\"them\",\"agent\":\"$2\"}}
}" "$1"
}

@test "the restarts and crossings against other stacks hold no orphan" {
    local case
    for case in "$RESTARTS"/*/; do
        run -0 --separate-stderr "$BIN/devnet-orphans" --json "$case"
        jq -e --slurpfile truth "$case/truth.json" '.summary.orphans == 0 and .summary.suspected == 0
            and ([.connections[].streams[] | select(.verdict == "duplicate_across_connections") | .id]
                == ($truth[0].duplicates // []))' <<< "$output" || return 1
    done
}

@test "a second stream is ignored by who reads the first, and by nobody who reads the newest or all" {
    [ "$(verdicts --peer-kind leanspec ignored)" = "1 unread_at_receiver" ]
    for kind in rust lighthouse grandine js helia lodestar devnet; do
        [ "$(verdicts --peer-kind "$kind" ignored)" = "0 " ] || [ "$(verdicts --peer-kind "$kind" ignored)" = 0 ]
    done
    # go resets the older: where that is still open it is not go, whatever was said.
    for kind in go kubo prysm; do
        [ "$(verdicts --peer-kind "$kind" ignored)" = "2 unread_at_receiver?" ]
    done
}

@test "unknown stacks are suspected, with low confidence and no exit 1" {
    [ "$(verdicts ignored)" = "2 unread_at_receiver?" ]
    jq -e '.summary.orphans == 0 and .summary.suspected == 1 and (.connections[].streams[]
        | select(.suspected) | .confidence == "low" and (.orphan | not)
            and (.evidence | contains("--peer-kind")))' report.json
    run -2 --separate-stderr "$BIN/devnet-orphans" ignored
    [[ $output == *"unread_at_receiver (low)"*"no orphaned streams in what could be told, which is not all"* ]]
    # So does a peer forgotten on a FIN: leanSpec does, others keep it.
    run verdicts restarted
    [[ $output == 2\ *'orphaned_after_deregistration?'* ]]
    run verdicts --peer-kind js restarted
    [[ $output == [02]* && $output != *'orphaned_after'*'?'*'?'* ]]
}

@test "the writer of a log tells the stack" {
    local log=$RESTARTS/go-0.48-node-killed
    [ "$(verdicts "$log")" = 0 ]
    mkdir lean
    for file in "$log"/*.sqlog; do
        sed 's/"title":"quic-go qlog"/"title":"aioquic"/' "$file" > "lean/$(basename "$file")"
    done
    run verdicts "$FIXTURES/qlogs/head-second-gossip-stream/dialer"
    [ "$output" = "1 unread_at_receiver" ]
    # A document of several traces may be titled as a whole, before them or behind.
    local title
    for title in '{title: "aioquic"} + .' '. + {title: "aioquic"}'; do
        jq -c "del(.traces[0].vantage_point.name) | .traces |= [{error_description: \"none\"}] + . | $title" \
            "$FIXTURES"/qlogs/head-second-gossip-stream/dialer/*.qlog > lean/titled.qlog
        run verdicts lean/titled.qlog
        [ "$output" = "1 unread_at_receiver" ]
    done
}

@test "the agent that identify told decides" {
    local log case=$RESTARTS/js-node-killed/product expected
    mkdir as
    for pair in js-libp2p/3.3.3:0 helia/5.0:0 lodestar/1.2:0 rust-libp2p/0.47.0:0 Lighthouse/v5:0 \
        Grandine/2.0:0 github.com/libp2p/go-libp2p@v0.51:0 kubo/0.40/:0 Prysm/v6:0 devnet-node/1:0; do
        expected=${pair##*:}
        for log in "$case"/*; do agent "$log" "${pair%:*}" > "as/$(basename "$log")"; done
        grep -q peer_agent as/*
        [ "$(verdicts as | cut -d' ' -f1)" = "$expected" ]
    done
}

@test "a spare of a stack that keeps a stream a connection is no orphan" {
    local case=$RESTARTS/rust-two-connections/product log
    mkdir as
    for name in rust-libp2p/0.57.0 Lighthouse/v5 Grandine/2; do
        for log in "$case"/*; do agent "$log" "$name" > "as/$(basename "$log")"; done
        [ "$(verdicts as)" = "0 duplicate_across_connections" ]
    done
    # js opens one stream a peer: another one that it never writes on is nobody's.
    for name in js-libp2p/3.3.3 helia/5 lodestar/1 go-libp2p/0.51 kubo/0.4 Prysm/v6; do
        for log in "$case"/*; do agent "$log" "$name" > "as/$(basename "$log")"; done
        [ "$(verdicts as)" = "1 orphaned_at_opener" ]
    done
}

@test "a kind that nobody knows is refused, and those there are are named" {
    run -2 --separate-stderr "$BIN/devnet-orphans" --peer-kind martian "$RESTARTS"
    [[ $stderr == *"--peer-kind martian: not one of leanspec, go, kubo, prysm, rust, "*"devnet"* ]]
}
