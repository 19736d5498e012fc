#!/usr/bin/env bats
# devnet-mesh graph: DOT, and the object that pictures are made from. Its page: mesh_graph_page.bats.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load snapshots

setup() {
    use_programs
}

teardown() {
    end_all
}

# Draws a snapshot, and has graphviz read it: draw [OPTION...] SNAPSHOT. The lines are in mesh.dot.
draw() {
    "$BIN/devnet-mesh" graph "$@" > mesh.dot && dot -Tsvg mesh.dot > mesh.svg 2> dot.err
    [ ! -s dot.err ] || { cat dot.err; return 1; }
}

# The attributes of the edge from A to B, or nothing: edge A B.
edge() {
    sed -n "s/^  \"$1\" -> \"$2\" \[\(.*\)\];$/\1/p" mesh.dot
}

# Likewise of a node.
node() {
    sed -n "s/^  \"$1\" \[\(.*\)\];$/\1/p" mesh.dot
}

@test "a mesh is drawn in DOT, an edge once, and the same each time" {
    snapshot 3
    draw sound.json
    [ "$(edge n1 n2)" = 'dir="both"' ]
    [ "$(edge n2 n3)" = 'dir="both"' ]
    [ "$(grep -c -e '->' mesh.dot)" -eq 2 ]
    [ "$(node n1)" = 'label="n1", tooltip="n1"' ]
    grep -F 'label="t, 3 nodes"' mesh.dot
    [ "$(grep -c 'class="node"' mesh.svg)" -eq 3 ]
    cp mesh.dot again.dot
    jq '.nodes |= reverse' sound.json > turned.json
    draw turned.json
    cmp mesh.dot again.dot
}

@test "an edge that goes one way, or that one end alone tells of, is marked" {
    snapshot 3
    jq '.nodes[1].topics.t.mesh = ["n3"] | del(.nodes[2])' sound.json > odd.json
    draw odd.json
    [ "$(edge n1 n2)" = 'dir="forward", label="one way", color="#b42318", fontcolor="#b42318", style="dashed", penwidth="2"' ]
    [ "$(edge n2 n3)" = 'dir="forward", color="#6b7280", fontcolor="#6b7280", style="dashed"' ]
    [[ $(node n3) == 'label="n3\nx\nnot asked"'*'style="rounded,dashed"' ]]
    [[ $(node n1) == *'has errors'* ]]
}

@test "--before marks what came, went and changed" {
    snapshot 3
    jq '.nodes[0].topics.t.mesh = [] | .nodes[1].topics.t.mesh = [] | .nodes[2].topics.t.mesh = ["n1", "n2"] |
        .nodes += [.nodes[0] | .peer_id = "n4" | .peers = []]' sound.json > after.json
    draw --before sound.json after.json
    [[ $(edge n1 n2) == *'label="removed"'*'style="dotted"'* ]]
    [[ $(edge n3 n1) == *'label="one way\nadded"'* ]]
    [[ $(edge n3 n2) == *'label="one way\nwas mutual"'* ]]
    [[ $(node n4) == 'label="n4\n'*'added"'* ]]
    [[ $(node n1) != *added* ]]
    draw -b after.json sound.json
    [[ $(node n4) == 'label="n4\n'*'removed"'* ]]
    draw --before sound.json sound.json
    [ "$(edge n1 n2)" = 'dir="both"' ]
}

@test "--topic draws one topic, and several are named at their edges" {
    snapshot 2
    jq '.nodes[].topics |= {"/leanconsensus/devnet0/block/ssz_snappy": .t, other: (.t | .mesh = [])} |
        .nodes[0].topics.other.mesh = ["n2"]' sound.json > two.json
    draw two.json
    [ "$(edge n1 n2 | head -n 1)" = 'dir="both", label="block"' ]
    [[ $(edge n1 n2 | tail -n 1) == *'label="other\none way"'* ]]
    draw --topic lean:block two.json
    [ "$(edge n1 n2)" = 'dir="both"' ]
    draw --topic other two.json
    [[ $(edge n1 n2) == *'label="one way"'* ]]
    run -2 "$BIN/devnet-mesh" graph --topic lean:vote two.json
    [ "$output" = "devnet-mesh: topic lean:vote: no node knows it; they know /leanconsensus/devnet0/block/ssz_snappy, other" ]
}

@test "--connections draws those that are no edge too" {
    snapshot 3
    jq '.nodes[].topics.t.mesh -= ["n3"] | .nodes[2].topics.t.mesh = []' sound.json > odd.json
    draw odd.json
    [ -z "$(edge n2 n3)" ]
    draw --connections odd.json
    [ "$(edge n1 n2)" = 'dir="both"' ]
    [ "$(edge n2 n3)" = 'dir="none", style="dotted", color="#6b7280"' ]
}

@test "--json prints what is drawn" {
    snapshot 3
    jq '.nodes[1].topics.t.mesh = ["n3"]' sound.json > odd.json
    run -0 --separate-stderr "$BIN/devnet-mesh" graph --json --before sound.json odd.json
    jq -e '.format == "devnet-mesh-drawing" and .version == 1 and .compared' <<< "$output"
    jq -e '.topics == [{name: "t", label: "t", subscribed: 3, mutual: 1, one_way: 1, untold: 0}]' <<< "$output"
    jq -e '.edges[0] == {topic: "t", from: "n1", to: "n2", direction: "one_way", change: "changed",
        was: {from: "n1", to: "n2", direction: "mutual"}}' <<< "$output"
    jq -e '.findings as $findings | .nodes[0] | .severity == "error" and
        $findings[.findings[0]].invariant == "edge_mutual"' <<< "$output"
    jq -e '[.changes[].text] == ["- mesh t: n2 -> n1"]' <<< "$output"
    jq -e '.connections | map([.from, .to, .direction, .change]) ==
        [["n1", "n2", "mutual", "kept"], ["n2", "n3", "mutual", "kept"]]' <<< "$output"
}

@test "what nodes say cannot break out of DOT" {
    snapshot 2
    # shellcheck disable=SC2016
    jq '(.. | strings | select(. == "n1")) = "a\"];\n} \\" | .nodes[0].agent = "</script>\\N&quot;<b>\u001b[31m"
        | .nodes[1].agent = ("x" * 5000)' sound.json > odd.json
    draw odd.json
    [ "$(grep -c 'class="node"' mesh.svg)" -eq 2 ]
    [ "$(grep -c 'class="edge"' mesh.svg)" -eq 1 ]
    grep -F '&lt;/script&gt;\N&amp;quot;&lt;b&gt;' mesh.svg
    run -1 grep $'\033' mesh.dot
    jq '.unreachable = [{api: "a", error: "\u001b[31mred"}]' sound.json > odd.json
    run -1 --separate-stderr "$BIN/devnet-mesh" graph odd.json
    [[ $stderr == *"[31mred"* && $stderr != *$'\033'* ]]
    [ "$(wc -c < mesh.dot)" -lt 3000 ]
}

@test "a node that does not answer is drawn, named, and makes it 1" {
    start_node a --topic lean:block
    run -1 --separate-stderr "$BIN/devnet-mesh" graph "$(ready a .api)" http://127.0.0.1:1
    [[ $stderr == "devnet-mesh: warn: http://127.0.0.1:1/mesh: cannot connect"* ]]
    grep -F '"http://127.0.0.1:1" [label="http://127.0.0.1:1\nunreachable"' <<< "$output"
    grep -F "\"$(peer_id a)\" [" <<< "$output"
    run -1 "$BIN/devnet-mesh" graph --timeout 2s http://127.0.0.1:1
    run -1 --separate-stderr "$BIN/devnet-mesh" graph --json --topic lean:block http://127.0.0.1:1
    jq -e '.nodes | length == 1 and .[0].state == "unreachable"' <<< "$output"
}

@test "live nodes are drawn, beside an earlier look" {
    start_node a --topic lean:block
    start_node b --topic lean:block
    "$BIN/devnet-mesh" dump -o before.json "$(ready a .api)" "$(ready b .api)"
    api a /connect "{\"addr\": \"$(address b)\"}" > connected
    await_mesh a b
    draw --before before.json "$(ready a .api)" "$(ready b .api)"
    grep -E '" -> ".*dir="both", label="added"' mesh.dot
    run -0 "$BIN/devnet-mesh" graph --json "$(ready a .api)" "$(ready b .api)"
    jq -e '.connections | length == 1 and .[0].rtt_ms > 0 and .[0].direction == "mutual"' <<< "$output"
    jq -e '[.nodes[].api] | sort == ($ARGS.positional | sort)' \
        --args "$(ready a .api)" "$(ready b .api)" <<< "$output"
}

graph_full() {
    "$BIN/devnet-mesh" graph sound.json > /dev/full
}

@test "input that is none, and output that cannot be written, end with 2" {
    snapshot 2
    head -c 300 sound.json > short.json
    run -2 "$BIN/devnet-mesh" graph short.json
    [[ $output == "devnet-mesh: short.json: not JSON"* ]]
    run -2 "$BIN/devnet-mesh" graph --before nowhere.json sound.json
    [[ $output == "devnet-mesh: --before nowhere.json: No such file or directory" ]]
    run -2 graph_full
    [[ $output == *"standard output: No space left on device"* ]]
    run -2 "$BIN/devnet-mesh" graph --html nowhere/mesh.html sound.json
    [[ $output == *"nowhere/mesh.html: cannot write: No such file or directory"* ]]
    run -2 "$BIN/devnet-mesh" graph --json --dot sound.json
    [[ $output == *"--json: not with --dot or --connections"* ]]
    run -2 "$BIN/devnet-mesh" graph
}

@test "--html writes a page and nothing else, unless --dot asks for it" {
    snapshot 2
    run -0 "$BIN/devnet-mesh" graph --html mesh.html sound.json
    [ -z "$output" ]
    [ "$(ls mesh.html*)" = mesh.html ]
    grep -q '^<!doctype html>' mesh.html
    run -0 "$BIN/devnet-mesh" graph --html mesh.html --dot sound.json
    [[ $output == "digraph mesh {"* ]]
    run -0 "$BIN/devnet-mesh" graph --html mesh.html --json sound.json
    jq -e '.format == "devnet-mesh-drawing"' <<< "$output"
}

@test "a mesh of 1,000 nodes is drawn in no time to speak of" {
    snapshot 1000 4
    before=$EPOCHREALTIME
    "$BIN/devnet-mesh" graph sound.json > mesh.dot
    "$BIN/devnet-mesh" graph --html mesh.html --before sound.json sound.json
    after=$EPOCHREALTIME
    [ "$(grep -c -e '->' mesh.dot)" -eq 3990 ]
    [ $((${after/./} - ${before/./})) -lt 20000000 ]
}
