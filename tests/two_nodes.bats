#!/usr/bin/env bats
# What the suite is for: two nodes connect, exchange status, open one gossipsub stream each way and
# mesh, and no stream is orphaned in either's QUIC log; and a stream that is, is named.

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
    use_programs
}

teardown() {
    end_all
}

# Two nodes with logs, meshed, that part again: logs/a and logs/b. The options are the listener's.
meet() {
    start_node a --qlog logs/a "$@"
    start_dialler b a --qlog logs/b
    await_mesh a b
    await a '.event == "identified"' > /dev/null
    await b '.event == "identified"' > /dev/null
}

part() {
    end b
    await a '.event == "disconnected"' > /dev/null
    end a
}

# Logs as another implementation would have written them: without our own events.
strip_own_events() {
    local log
    for log in logs/*/*; do
        mkdir -p "stripped/${log%/*}"
        grep -av '"name": *"libp2p:' "$log" > "stripped/$log"
    done
}

@test "two nodes connect, exchange status, open one gossipsub stream each way and mesh" {
    meet
    for name in a b; do
        [ "$(grep -c '"event":"connected"' "$name.out")" = 1 ]
        [ "$(grep -c '"event":"status"' "$name.out")" = 1 ]
        api "$name" /peers | jq -e '.peers | length == 1 and (.[0] |
            (.connections | length) == 1 and .outbound_stream.state == "open" and
            (.inbound_streams | length) == 1)'
    done
    api b /publish '{"topic":"lean:block","text":"hello"}' | jq -e '.receivers == 1'
    await a '.event == "message"'
    part
}

@test "no stream is orphaned: not in one log, not in both, not without our own events" {
    meet
    part
    for logs in logs logs/a logs/b; do
        run -0 "$BIN/devnet-orphans" --json "$logs"
        jq -e '(.connections | length) == 1 and
            ([.connections[].streams[] | select(.orphan)] == [])' <<< "$output"
    done
    run -0 "$BIN/devnet-orphans" --json logs
    jq -e '.connections[0].logs | length == 2' <<< "$output"
    strip_own_events
    run -0 "$BIN/devnet-orphans" stripped
}

@test "no stream is orphaned where the connection is watched while it lives" {
    meet
    run -0 "$BIN/devnet-orphans" logs
}

@test "a second gossipsub stream is named as an orphan, in either log, with exit status 1" {
    meet --fault second-gossip-stream
    # The fault opens it once its own stream is echoed; the other side reads it.
    orphan=$(await b '.event == "stream_opened" and .direction == "inbound" and .stream_id > 1' \
        .stream_id)
    part
    for logs in logs logs/a; do
        run -1 "$BIN/devnet-orphans" --json "$logs"
        jq -e --argjson orphan "$orphan" '[.connections[].streams[] | select(.orphan)] |
            length == 1 and .[0].id == $orphan and .[0].opened_by == "server"' <<< "$output"
    done
    run -1 "$BIN/devnet-orphans" logs
    [[ $output == *orphan* ]]
    strip_own_events
    run -1 "$BIN/devnet-orphans" --json stripped
    jq -e --argjson orphan "$orphan" '[.connections[].streams[] | select(.orphan)] |
        length == 1 and .[0].id == $orphan' <<< "$output"
}

@test "a dialler with the fault is found out just the same" {
    start_node a --qlog logs/a
    start_dialler b a --qlog logs/b --fault second-gossip-stream
    await_mesh a b
    await a '.event == "stream_opened" and .direction == "inbound" and .stream_id > 4'
    part
    run -1 "$BIN/devnet-orphans" --json logs
    jq -e '[.connections[].streams[] | select(.orphan)] |
        length == 1 and .[0].opened_by == "client"' <<< "$output"
}
