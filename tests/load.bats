#!/usr/bin/env bats
# A node that is flooded with gossip answers GET /mesh all the same, and no heartbeat waits for that.

bats_require_minimum_version 1.5.0
load helpers

PERIOD_MS=100 BEATS=20

setup() {
    use_programs
}

teardown() {
    end_all
}

# A value of NAME's page of metrics: metric NAME SERIES.
metric() {
    api "$1" /metrics | awk -v series="$2" '$1 == series { print $2; found = 1 } END { exit !found }'
}

has_beaten() {
    [ "$(metric a devnet_heartbeats_total)" -ge "$1" ]
}

# Prints, of the next $BEATS heartbeats of node a: how late they begin, in parts of their period, and
# how many messages come in meanwhile.
measure() {
    local beats late messages inbound='devnet_gossipsub_messages_total{direction="inbound"}'
    beats=$(metric a devnet_heartbeats_total)
    late=$(metric a devnet_heartbeat_lateness_seconds_total) messages=$(metric a "$inbound")
    DEADLINE=50 eventually has_beaten $((beats + BEATS))
    awk -v late="$(metric a devnet_heartbeat_lateness_seconds_total)" -v before="$late" \
        -v beats="$(metric a devnet_heartbeats_total)" -v first="$beats" -v period=$PERIOD_MS \
        -v messages="$(metric a "$inbound")" -v earlier="$messages" \
        'BEGIN { printf "%.4f %d\n", (late - before) * 1000 / period / (beats - first), messages - earlier }'
}

# Asks for PATH again and again, as fast as it goes, and notes of each answer what jq's FILTER says:
# poll PATH FILTER.
poll() {
    while api a "$1" | jq -e "$2" >> "answers${1////.}"; do :; done
}

# Measures while node a is asked for PATH: measure_polled PATH FILTER.
measure_polled() {
    poll "$1" "$2" &
    local poller=$!
    measure
    kill "$poller"
    wait "$poller" || true
}

@test "GET /mesh delays no heartbeat of a node under load" {
    local topics=() i
    for i in {1..50}; do topics+=(--topic "lean:attestation_$i"); done
    start_node a --topic lean:block "${topics[@]}" --heartbeat ${PERIOD_MS}ms
    for i in {1..10}; do
        start_dialler "peer$i" a "${topics[@]}" --api off
        await a ".event == \"subscribed\" and .peer_id == \"$(peer_id "peer$i")\"" > /dev/null
    done
    launch flood "$TOOLS/gossip_flow" 8192 1000000000 "$(address a)"
    await a '.event == "message"' > /dev/null
    # Asking costs processes, which the node shares the machine with, whatever it is asked for.
    read -r late messages < <(measure_polled /health '.status')
    read -r late_mesh messages_mesh < <(measure_polled /mesh '.topics | length')
    end flood || true
    echo "late by $late of a period, $messages messages; with /mesh $late_mesh, $messages_mesh;" \
        "$(wc -l < answers.mesh) answers"
    # It was a load, both times, and it did answer.
    [ "$messages" -gt $((10 * BEATS)) ]
    [ "$messages_mesh" -gt $((10 * BEATS)) ]
    [ "$(wc -l < answers.mesh)" -ge 5 ]
    [ "$(sort -u answers.mesh)" = 51 ]
    awk -v a="$late" -v b="$late_mesh" 'BEGIN { exit !(b < 2 * a + 0.25) }'
}
