#!/usr/bin/env bats
# devnet report: all that a bug report needs in one folder, and no keys.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be

bats_require_minimum_version 1.5.0
load own_devnet.bash

# What a report of either kind holds.
check_report() {
    local file
    for file in README.md commands status.json timeline.jsonl orphans.{txt,json,html} nodes.yaml \
        mesh.{json,txt,html,dot} check.{txt,json}; do
        [ -s "$1/$file" ] || { echo "no $1/$file" >&2 && return 1; }
    done
    "$BIN/devnet-orphans" --json "$1/nodes" | jq -e '.summary.orphans == 0 and .summary.logs >= 5'
    jq -e '.connections[].logs[].path | test("^./nodes/(node[12]|mine)/qlog/")' "$1/orphans.json"
    jq -e '.sound' "$1/check.json"
    jq -es 'map(.t) == (map(.t) | sort) and (map(.node_name) | unique == ["mine", "node1", "node2"]) and
        any(.event == "mesh_joined" and .node_name == "node1" and .peer_name == "node2") and
        all(.event != "message")' "$1/timeline.jsonl"
    jq -e '[.nodes[].name] == ["node1", "node2", "mine"]' "$1/status.json"
    grep -q "^- streams: no orphaned streams in " "$1/README.md"
    grep -q "^- mesh: sound: 2 nodes" "$1/README.md"
    grep -qx -- "- agents: \`devnet-node/[0-9.]*\` (node1, node2); \`'mine'/1\` (mine)" "$1/README.md"
    grep -qEx "devnet [0-9.]+ on Linux [^,]*, with ngtcp2 [0-9]+[.][0-9.]+, GnuTLS [0-9]+[.][0-9.]+, libevent [0-9]+[.].*" \
        "$1/README.md"
    for file in .devnet/*/key; do run ! grep -ri "$(cat "$file")" "$1"; done
    [ -z "$(find "$1" -name '*key*')" ]
    grep -qx '<key>' "$1/nodes/mine/events.jsonl"
    [ ! -s "$1/remarks.txt" ]
}

@test "a report has logs, verdicts, the mesh and the commands, of a devnet that is up or down" {
    secret=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
    devnet up -n 2 --with mine="sh -c 'cat {key}; : --key-hex $secret; exec \"$BIN/devnet-node\" \
        --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --key {key} --api off --topic lean:block \
        --agent \\\`mine\\\`/1 --qlog {qlog} --bootnode {bootnode}'"
    devnet restart node2
    devnet mesh check --wait 10s
    run -0 devnet report bug/
    [ "$output" = "$PWD/bug: 3 nodes; see README.md in it" ]
    check_report bug
    grep -q "^node1, node2 and mine, up when " bug/README.md
    run ! grep -r "$secret" bug
    [ "$(sed -n 1p bug/commands)" = "cd $PWD" ]
    grep -qE "^.*devnet up -n 2 --with 'mine=sh .*--key-hex <key>; .*# [0-9-]+T[0-9:.]+Z$" bug/commands
    grep -qE "devnet restart node2  # " bug/commands
    bash -n bug/commands

    # Nothing is touched that is there, and nothing is left of what fails.
    run -2 devnet report bug
    [[ $output == *"$PWD/bug: is not empty; "* ]]
    run -2 devnet report bug/README.md
    [[ $output == *"bug/README.md: is there already, and no folder" ]]
    run -2 devnet report none/bug
    [[ $output == *"none/bug: No such file or directory" ]]

    devnet down
    mkdir empty
    run -0 devnet report --json empty
    jq -e --arg folder "$PWD/empty" '.folder == $folder and (.up | not) and .nodes == 3 and
        .exit["orphans.json"] == 0 and .exit["check.json"] == 0' <<< "$output"
    check_report empty
    grep -q "^node1, node2 and mine, down when " empty/README.md
    grep -q "devnet down  # " empty/commands
    [ "$(echo bug* empty*)" = "bug empty" ]
}

@test "what has never been up has no report, and a disk that is full leaves none" {
    run -1 devnet report bug
    [[ $output == *"no devnet has been up in $PWD/.devnet" ]]
    [ ! -e bug ]
    devnet up
    run -1 bash -c 'ulimit -f 1; trap "" XFSZ; exec "$@"' - "$BIN/devnet" report bug
    [[ $output == *": File too large"* ]]
    [ "$(find . -maxdepth 1 -name 'bug*' | wc -l)" -eq 0 ]
}

@test "what a node calls itself is told when it is gone, by what others were told" {
    devnet up -- --agent known/1
    for node in node1 node2; do eventually grep -q '"event":"identified"' .devnet/$node/events.jsonl; done
    devnet kill node2
    devnet report bug
    grep -qx -- "- agents: \`known/1\` (node1, node2)" bug/README.md
    devnet down
    grep -v '"identified"' .devnet/node1/events.jsonl > rest && mv rest .devnet/node1/events.jsonl
    rm .devnet/mesh.json
    devnet report less
    grep -qx -- "- agents: \`known/1\` (node1); not known (node2)" less/README.md
}
