#!/usr/bin/env bats
# devnet-mesh and large snapshots: what it costs beside jq -S and diff on the same files.

bats_require_minimum_version 1.5.0
load helpers

setup() {
    use_programs
}

by_hand() {
    jq -S . before.json > before.sorted
    jq -S . after.json > after.sorted
    diff before.sorted after.sorted || [ $? -eq 1 ]
}

diff_them() {
    "$BIN/devnet-mesh" diff before.json after.json > changes || [ $? -eq 1 ]
}

check_it() {
    "$BIN/devnet-mesh" check after.json > findings || [ $? -eq 1 ]
}

@test "snapshots of 1,000 nodes are diffed and checked in less time than jq -S and diff take" {
    local shift name=before
    for shift in 0 5; do
        jq -n --argjson nodes 1000 --argjson topics 1 --argjson shift "$shift" \
            -f "$BATS_TEST_DIRNAME/bench/snapshot.jq" > "$name.json"
        name=after
    done
    diff=$(cpu_ms diff_them) check=$(cpu_ms check_it)
    [ "$(grep -c '^- mesh ' changes)" -eq 20 ]
    [ "$(wc -l < changes)" -eq 20 ]
    [ "$(grep -c '^error edge_mutual ' findings)" -eq 20 ]
    case $BIN in *sanitize*) return ;; esac # whose programs are slower on purpose
    by_hand=$(cpu_ms by_hand)
    echo "jq and diff $by_hand ms, devnet-mesh diff $diff ms, check $check ms"
    [ "$diff" -lt "$by_hand" ]
    [ "$check" -lt "$by_hand" ]
}

# unseen KNOWN: nodes without connections, and an API that tells of many others.
unseen() {
    jq -n --argjson known "$1" '{format: "devnet-mesh-snapshot", version: 1, unreachable: [],
        nodes: [range(2000) | {peer_id: "node\(.)", listen: [], topics: {}, peers: []} + $known],
        endpoints: [{url: "http://127.0.0.1:1", sources: {}, lean: {url: "http://127.0.0.1:1",
            identity: {version: "1", peer_id: "teller"},
            peers: [range(20000) | {peer_id: "other\(.)", state: "connected"}]}}]}'
}

check_unseen() {
    "$BIN/devnet-mesh" check "$1" > "$1.findings" || [ $? -eq 1 ]
}

@test "nodes that only a tap knows, and nobody tells of, are checked in little more time than others" {
    unseen '{}' > told.json
    unseen '{"sources": {"*": "tap"}}' > tapped.json
    told=$(cpu_ms check_unseen told.json) tapped=$(cpu_ms check_unseen tapped.json)
    [ "$(grep -c '^error seen_by_tap' tapped.json.findings)" -eq 2000 ]
    echo "$tapped ms of a tap's nodes, $told ms of others"
    ((tapped <= told * 4 + 200))
}
