#!/usr/bin/env bats
# GET /metrics: the format, leanMetrics' names and labels, and that things are counted.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be

bats_require_minimum_version 1.5.0
load helpers

setup() {
    use_programs
}

teardown() {
    end_all
}

# Writes NAME's page to NAME.prom, and checks its format.
scrape() {
    api "$1" /metrics > "$1.prom"
    awk -f "$BATS_TEST_DIRNAME/prometheus.awk" "$1.prom"
}

# The value of a series, as it stands in the page: value NAME SERIES.
value() {
    awk -v series="$2" '{ at = length($0) - length($NF); if (substr($0, 1, at - 1) == series) { print $NF; found = 1 } }
        END { exit !found }' "$1.prom"
}

# Scrapes, and compares: has NAME SERIES VALUE.
has() {
    scrape "$1" && [ "$(value "$1" "$2")" = "$3" ]
}

# a dials b, and both are in the other's mesh.
start_pair() {
    start_node b --topic lean:block --heartbeat 100ms
    start_dialler a b --topic lean:block --heartbeat 100ms
    await_mesh a b
}

@test "the checker of the format tells bad pages from good ones" {
    good=$'# HELP a_total A.\n# TYPE a_total counter\na_total{x="y\\"z"} 1\n'
    check() { printf '%s' "$1" | awk -f "$BATS_TEST_DIRNAME/prometheus.awk"; }
    check "$good"
    for bad in '' "${good}a_total{x=\"y\\\"z\"} 2"$'\n' $'a 1\n' "${good/ counter/ gauge}" "${good/y/\"}" \
        "${good/ 1/ one}" "${good/HELP/HALP}" \
        $'# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n'; do
        run -1 check "$bad"
    done
}

@test "a node alone has a page with every metric" {
    start_node a
    scrape a
    [ "$(value a 'lean_connected_peers{client="unknown"}')" = 0 ]
    [ "$(value a 'lean_gossip_mesh_peers{client="unknown"}')" = 0 ]
    for name in lean_node_info lean_node_start_time_seconds lean_peer_connection_events_total \
        lean_peer_disconnection_events_total lean_gossip_block_size_bytes \
        lean_gossip_attestation_size_bytes lean_gossip_aggregation_size_bytes; do
        grep -q "^# TYPE $name " a.prom
    done
    run -0 api a /metrics "" --get --head --request GET
    [[ $output == *"Content-Type: text/plain; version=0.0.4; charset=utf-8"* ]]
    # And each stands on the dashboard.
    jq -r '.panels[].targets[]?.expr' "$BATS_TEST_DIRNAME/../devnet/grafana-dashboard.json" |
        grep -o '\b\(lean\|devnet\)_[a-z_]*' | sed -E 's/_(bucket|count|sum)$//' | sort -u > shown
    [ "$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' a.prom | sort | comm -23 - shown)" = '' ]
}

@test "peers, the mesh and streams are counted, by client and direction" {
    start_pair
    DEADLINE=5 eventually has a 'lean_connected_peers{client="devnet-node"}' 1
    DEADLINE=5 eventually has a 'lean_gossip_mesh_peers{client="devnet-node"}' 1
    [ "$(value a 'lean_peer_connection_events_total{direction="outbound",result="success"}')" = 1 ]
    [ "$(value a 'devnet_gossipsub_topic_mesh_peers{topic="/leanconsensus/12345678/block/ssz_snappy"}')" = 1 ]
    [ "$(value a 'devnet_gossipsub_streams{direction="outbound"}')" = 1 ]
    [ "$(value a 'devnet_gossipsub_streams{direction="inbound"}')" = 1 ]
    [ "$(value a 'devnet_handshake_seconds_count{direction="outbound"}')" = 1 ]
    [ "$(value a 'devnet_bytes_total{direction="inbound"}')" -gt 1000 ]
    scrape b
    [ "$(value b 'lean_peer_connection_events_total{direction="inbound",result="success"}')" = 1 ]
}

@test "the sizes of messages are counted by kind" {
    start_pair
    api a /publish '{"topic": "lean:block", "text": "a message"}'
    await b '.event == "message"' > /dev/null
    scrape b
    [ "$(value b 'lean_gossip_block_size_bytes_bucket{le="10000"}')" = 1 ]
    [ "$(value b 'lean_gossip_block_size_bytes_sum')" = 9 ]
    [ "$(value b 'lean_gossip_attestation_size_bytes_count')" = 0 ]
}

@test "ends of connections are counted by reason, and failed dials" {
    start_pair
    api b /disconnect "{\"peer_id\": \"$(peer_id a)\"}" > /dev/null
    await a '.event == "disconnected"' > /dev/null
    scrape a
    scrape b
    [ "$(value a 'lean_peer_disconnection_events_total{direction="outbound",reason="remote_close"}')" = 1 ]
    [ "$(value b 'lean_peer_disconnection_events_total{direction="inbound",reason="local_close"}')" = 1 ]
    api b /connect '{"addr": "/ip4/127.0.0.1/udp/9/quic-v1", "timeout": "200ms"}' > /dev/null
    DEADLINE=5 eventually failed_dials_are_counted
}

failed_dials_are_counted() {
    scrape b
    awk '/^lean_peer_connection_events_total{direction="outbound",result="(timeout|error)"}/ { n += $NF }
        END { exit n < 1 }' b.prom
}

@test "heartbeats are counted, and how late they are" {
    start_node a --heartbeat 50ms
    DEADLINE=5 eventually heartbeats_are_counted
    grep -q '^devnet_heartbeat_lateness_seconds_total [0-9]' a.prom
    # A node that is stopped for a while cannot be on time.
    send_signal a STOP
    sleep 0.3
    send_signal a CONT
    DEADLINE=5 eventually heartbeat_was_late
}

heartbeats_are_counted() {
    scrape a && [ "$(value a devnet_heartbeats_total)" -ge 3 ]
}

heartbeat_was_late() {
    scrape a && awk '/^devnet_heartbeat_lateness_max_seconds/ { exit $2 < 0.2 }' a.prom
}
