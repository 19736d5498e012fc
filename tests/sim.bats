#!/usr/bin/env bats
# The simulation: what a network of our gossipsub routers does, and that theory agrees.

bats_require_minimum_version 1.5.0

setup() {
    SIM=${BUILD:-$BATS_TEST_DIRNAME/../build}/tests/tools/sim
    cd "$BATS_TEST_TMPDIR" || return
}

# Runs the simulation into report.json; fails where a figure is not where it must be, and says which.
simulate() {
    local status=0
    "$SIM" --json "$@" > report.json || status=$?
    if ((status != 0)); then
        jq -c '.claims[] | select(.holds | not)' report.json >&2
    fi
    return "$status"
}

# Whether a jq expression is true of the report.
finds() {
    jq -e "$1" report.json > /dev/null || {
        echo "not so: $1" >&2
        jq -c 'del(.claims, .hops, .delay_ms, .bytes_per_node)' report.json >&2
        return 1
    }
}

@test "the same seed gives the same bytes, and another gives others" {
    options=(--nodes 200 --loss 10 --control-loss 2 --jitter 30ms --churn 10)
    for run in first second; do
        "$SIM" "${options[@]}" --seed 5 --svg "$run.svg" > "$run.txt"
        "$SIM" "${options[@]}" --seed 5 --json > "$run.json"
    done
    cmp first.txt second.txt
    cmp first.json second.json
    cmp first.svg second.svg
    "$SIM" "${options[@]}" --seed 6 > third.txt
    run ! cmp --quiet <(grep -v seed first.txt) <(grep -v seed third.txt)
}

@test "a thousand nodes bring every message to everybody" {
    simulate
    finds '.delivery.expected == 20 * 999'
    finds '.delivery.delivered == .delivery.expected'
    finds '.delivery.complete_messages == 20'
}

@test "a thousand meshes lie between D_low and D_high, and are one within two seconds" {
    simulate --messages 1
    finds '[.mesh.degrees[].value] | min == 6 and max <= 12'
    finds '[.mesh.degrees[].count] | add == 1000'
    finds '.connected_ms < 2000 and .full_ms < 2000'
}

@test "a mesh that has settled stays as it is" {
    simulate --nodes 300
    finds '.mesh == .mesh_at_end'
    finds '.traffic.control.rpcs == 0'
}

@test "duplicates and hops lie where D and N put them" {
    for d in 4 6 8 12; do
        simulate --nodes 300 --degree 30 --mesh "$d" --messages 10
        finds "[.claims[].name] | contains([\"mean_hops\", \"mesh_duplicates_per_delivery\"])"
        finds "[.mesh.degrees[].value] | min == ($d * 3 / 4 | floor) and max <= $d * 3 / 2"
    done
    for n in 50 100 800; do
        simulate --nodes "$n" --messages 10
    done
}

# Six neighbours or more all lose it once in 0.05^6 = 1 / 64 million.
@test "with 5% lost the mesh alone brings every message to everybody" {
    simulate --nodes 500 --loss 5 --lazy 0
    finds '.delivery.ratio >= 0.99 and .traffic.gossip.rpcs == 0'
    simulate --nodes 500 --loss 5
    finds '.delivery.ratio >= 0.99'
    finds '.traffic.messages.lost > 0'
}

@test "with half of it lost gossip brings what the mesh does not" {
    simulate --nodes 300 --messages 50 --loss 50 --lazy 0
    missed=$(jq '.delivery | .expected - .delivered' report.json)
    simulate --nodes 300 --messages 50 --loss 50
    finds '.delivery.ratio >= 0.99 and .delivery.by_iwant > 0'
    finds ".delivery | 2 * (.expected - .delivered) < $missed"
}

@test "with 5% of GRAFT, PRUNE and subscriptions lost too the mesh still holds" {
    simulate --nodes 500 --loss 5 --control-loss 5
    finds '.traffic_before.control.lost > 0 and .mesh.one_sided_links > 0'
    finds '.delivery.ratio >= 0.99'
}

@test "nodes that leave and come back cost the others nothing, and find a mesh again" {
    simulate --nodes 500 --messages 50 --churn 30
    finds '.left_and_returned == 150'
    finds '.delivery.ratio == 1'
    finds '[.mesh_at_end.degrees[].count] | add == 500'
    finds '.mesh_at_end.degrees[0].value >= 6'
    simulate --nodes 300 --churn 30 --loss 5 --control-loss 5
    finds '.delivery.ratio >= 0.99'
}

@test "who stops reading while neighbours change their minds believes what they do in the end" {
    for seed in 1 2 3; do
        simulate --nodes 300 --stopping 20 --seed "$seed"
        finds '[.claims[].name] | contains(["beliefs_that_differ_at_end", "one_sided_links_at_end"])'
    done
}

@test "who reads slowly while neighbours change their minds believes what they do in the end" {
    for seed in 1 2 3; do
        simulate --nodes 300 --slow 20 --seed "$seed"
        finds '[.claims[].name] | contains(["beliefs_that_differ_at_end", "one_sided_links_at_end"])'
    done
}

@test "IDONTWANT saves copies of large messages" {
    simulate --nodes 300 --size 1000 --jitter 40ms
    small=$(jq .copies.by_mesh report.json)
    simulate --nodes 300 --size 4000 --jitter 40ms
    finds ".copies.by_mesh < $small"
}

@test "--svg draws a picture that needs nothing beside it" {
    simulate --nodes 50 --svg picture.svg
    [ "$(head -c 4 picture.svg)" = "<svg" ]
    [ "$(tail -n 1 picture.svg)" = "</svg>" ]
    [ "$(grep -c '<g ' picture.svg)" -eq 4 ]
    run ! grep -E 'href|url\(|<script|nan|inf' picture.svg
}

@test "--cost is said on stderr alone" {
    "$SIM" --nodes 50 > plain.txt
    "$SIM" --nodes 50 --cost > costly.txt 2> cost.txt
    cmp plain.txt costly.txt
    grep -E '^sim: [0-9.]+ s; [0-9]+ bytes for each node' cost.txt
}

@test "what cannot be simulated is refused with status 2" {
    for options in "--nodes 1" "--degree 7" "--nodes 16 --degree 20" "--duration 1s" \
        "--loss 101" "--size 4" "--mesh 1" "--latency 0ms" "nodes"; do
        # shellcheck disable=SC2086 # several options
        run -2 --separate-stderr "$SIM" $options
        [ -z "$output" ]
    done
}

to_full_disk() {
    "$SIM" --nodes 50 > /dev/full
}

@test "output that cannot be written is an error with status 2" {
    run -2 "$SIM" --nodes 50 --svg missing/picture.svg
    [[ $output == *missing/picture.svg* ]]
    run -2 to_full_disk
}
