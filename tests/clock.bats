#!/usr/bin/env bats
# Clocks that jump: what a node times is timed by the monotonic clock, and one that was suspended for
# an hour is back at once.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
    use_programs
    step_clocks 0 0
}

teardown() {
    end_all
}

# A value of node a's page of metrics, in whole units: metric SERIES.
metric() {
    api a /metrics | awk -v series="$1" '$1 == series { printf "%d\n", $2 }'
}

# Waits for some heartbeats of node a: beats NUMBER.
beats() {
    local goal=$(($(metric devnet_heartbeats_total) + $1))
    has_beaten() { [ "$(metric devnet_heartbeats_total)" -ge "$goal" ]; }
    eventually has_beaten
}

@test "the time of day may be set by an hour either way: nobody is lost, and no timer runs out" {
    start_stepped a --heartbeat 100ms --trace rpc --log-format json
    start_dialler good a --heartbeat 100ms
    start_dialler pruner a --fault prunes-everybody --heartbeat 100ms
    await_mesh a good
    await a '.event == "mesh_left" and .by == "peer"' > /dev/null
    for seconds in 3600 -3600 0; do
        step_clocks "$seconds" 0
        beats 10
        heard_from a good
        heard_from good a
        "$BIN/devnet-connect" --until mesh "$(address a)" > connected
    done
    # The node saw another hour.
    jq -se 'map(.time) | max - min > 3600000' a.err
    [ -z "$(jq -c 'select(.event == "disconnected")' good.out pruner.out)" ]
    # The backoff of a minute is not over, and no heartbeat was waited for.
    peer=$(peer_id pruner)
    [ "$(jq -c "select(.event == \"mesh_joined\" and .peer_id == \"$peer\")" a.out | wc -l)" -eq 1 ]
    [ "$(metric devnet_heartbeat_lateness_seconds_total)" -lt 10 ]
}

@test "a node that was suspended for an hour is meshed again, and makes up for no heartbeat" {
    start_stepped a --heartbeat 100ms
    start_dialler good a --heartbeat 100ms
    await_mesh a good
    heard_from a good
    skipped=$(lines_of good) started=${EPOCHREALTIME/./} before=$(metric devnet_heartbeats_total)
    step_clocks 3600 3600
    await a '.event == "disconnected" and .cause == "idle_timeout"' > /dev/null
    # What the peer sends next tells it so.
    api good /publish '{"topic":"lean:block","text":"are you there?"}' > /dev/null
    await good '.event == "disconnected" and .cause == "stateless_reset"' . "$skipped" > /dev/null
    await good '.event == "mesh_joined"' . "$skipped" > /dev/null
    heard_from good a
    heard_from a good
    heartbeats=$(($(metric devnet_heartbeats_total) - before))
    periods=$(((${EPOCHREALTIME/./} - started) / 100000))
    echo "$heartbeats heartbeats in $periods periods"
    ((heartbeats <= periods + 2))
}
