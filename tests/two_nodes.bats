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

# Meets a node with the faults, dials it and is dialled by it: gossip flows both ways all the same.
speak_the_same() {
    local name=$1 version=$2 dialled=dialled-$1 dialler=dialler-$1
    shift 2
    start_node "$dialled" "$@"
    start_dialler "asker-$name" "$dialled"
    start_node "asked-$name"
    start_dialler "$dialler" "asked-$name" "$@"
    for pair in "$dialled asker-$name" "$dialler asked-$name"; do
        # shellcheck disable=SC2086 # two names
        await_mesh $pair
        await "${pair#* }" ".event == \"stream_opened\" and .direction == \"outbound\" and
            .protocol == \"/meshsub/$version.0\"" > /dev/null
        await "${pair#* }" ".event == \"stream_opened\" and .direction == \"inbound\" and
            .protocol == \"/meshsub/$version.0\"" > /dev/null
        has_printed "${pair#* }" '.event == "stream_refused"' && return 1
        api "${pair#* }" /publish '{"topic":"lean:block","text":"to the old one"}'
        await "${pair% *}" '.event == "message"' > /dev/null
    done
}

@test "a peer that speaks one older version of gossipsub alone is meshed with at once, both ways" {
    for version in 1.1 1.0; do
        speak_the_same "$version" "$version" --fault "gossipsub-$version-alone"
    done
}

# go-libp2p's way: what comes behind a proposal that it does not speak makes it reset the stream.
@test "so is one that resets the stream in place of answering \`na\`" {
    for version in 1.1 1.0; do
        speak_the_same "$version" "$version" --fault "gossipsub-$version-alone" \
            --fault not-spoken-reset
    done
}
