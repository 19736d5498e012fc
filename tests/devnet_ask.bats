#!/usr/bin/env bats
# What is asked of all nodes of a devnet at once: status --watch, with a terminal and without, and
# the logs of several, on one devnet of two nodes and another program.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be

bats_require_minimum_version 1.5.0
load helpers.bash

setup_file() {
    BIN=$(realpath "${BIN:-$BATS_TEST_DIRNAME/../build}")
    export BIN DEVNET_DIR=$BATS_FILE_TMPDIR/.devnet
    unset DEVNET_BIN
    # Our node stands in for somebody's: it has no API, and says something on either output.
    local mine="echo said on stdout; echo said on stderr >&2; exec '$BIN/devnet-node' --key {key} --api off"
    mine+=" --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --topic lean:block --bootnode {bootnode}"
    "$BIN/devnet" up -n 2 --connect full --with "mine=$mine" > "$BATS_FILE_TMPDIR/up" 3>&-
    for node in node1 node2; do echo "said by $node" >> "$DEVNET_DIR/$node/log"; done
}

teardown_file() {
    "$BIN/devnet" down --timeout 2s
}

setup() {
    # shellcheck disable=SC2034 # helpers.bash waits so long
    DEADLINE=30
    cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
    if [ -n "$background" ] && kill "$background" 2> /dev/null; then wait "$background" || true; fi
}

devnet() {
    "$BIN/devnet" "$@"
}

# The watch in the background, on a terminal of so many lines and columns: watch_on_terminal LINES COLUMNS.
# $watcher becomes its process, $terminal the device; what it shows goes to screen.
watch_on_terminal() {
    # What runs in the background ignores SIGINT, which a terminal's does not.
    TERM=xterm script --quiet --flush --return --command \
        "stty rows $1 cols $2; exec env --default-signal=INT '$BIN/devnet' status --watch --interval 200ms" screen < /dev/null > script.out 2>&1 3>&- &
    background=$!
    eventually grep --text -q 'node1 .*up' screen
    watcher=$(pgrep --parent "$background")
    terminal=$(readlink "/proc/$watcher/fd/1")
}

@test "status --watch --json has a line for each look, with rates and what others tell" {
    "$BIN/devnet" status --watch --json --interval 100ms > looks 3>&- &
    background=$!
    eventually [ -s looks ] # rates are from one look to the next
    devnet publish node1 block --size 100 --count 20 > published
    eventually jq -es 'any(.[]; .nodes[1].messages_in_per_s > 0) and any(.[]; .nodes[0].messages_out_per_s > 0)' looks
    eventually jq -es '[.[].nodes[2].told.mesh["/leanconsensus/12345678/block/ssz_snappy"]] | any(. == 1)' looks
    kill "$background"
    head -n 1 looks | jq -e '(.t | test("^20..-..-..T..:..:..[.]...Z$")) and
        (.nodes[:2] | all(.peers >= 1 and .memory_bytes > 1e6 and .messages_in_per_s == null and .rtt_ms > 0)) and
        (.nodes[2] | .peers == null and .memory_bytes > 1e6 and .told.peers >= 1 and .told.rtt_ms > 0)'
}

@test "status --watch without a terminal prints a new table for each look" {
    "$BIN/devnet" status --watch --interval 100ms > tables 3>&- &
    background=$!
    enough() { [ "$(grep -c '^node2 ' tables)" -ge 3 ]; }
    eventually enough
    kill "$background"
    grep -Eq '^20..-.*Z  3 of 3 up in /' tables
    grep -Eq '^node  state +peers +mesh +rtt ms +in/s +out/s +memory +slot +agent$' tables
    grep -Eq '^node1 up +[12] +[12] +[0-9.]+ +[0-9.?]+ +[0-9.?]+ +[0-9.]+M +0  devnet-node/' tables
    grep -Eq '^mine  up +1[+] +1[+] +[0-9.]+ +[?] +[?] +[0-9.]+M +[?]  -$' tables
    run ! grep -q $'\033' tables
}

@test "on a terminal it stays in place, fits it, follows its size, and leaves it as it was" {
    watch_on_terminal 5 50
    eventually grep --text -q 'and 2 more lines' screen
    # No line is longer than the terminal is wide, escape sequences aside.
    sed 's/\x1b\[[?0-9;]*[A-Za-z]//g' screen | awk 'NR > 1 && length > 51 { exit 1 }'
    stty -F "$terminal" rows 20 cols 100
    eventually grep --text -Eq 'devnet-node/' screen
    kill -INT "$watcher"
    status=0
    wait "$background" || status=$?
    background=""
    [ "$status" -eq 130 ]
    head -c 4096 screen | grep --text -Fq $'\e[?1049h\e[?25l'
    # Nothing follows the sequences that give it back, but script's own last line.
    last=$(sed '/^Script done/d' screen | tail -c 64 | tr -d '\r\n')
    [[ $last == *$'\e[?25h\e[?1049l' ]]
}

@test "logs are of the nodes named, and of another program both outputs" {
    run -0 devnet logs node2 node1 node2
    [[ $output == *"node2 | said by node2"*"node1 | said by node1"* ]]
    [ "$(grep -c ' | said by ' <<< "$output")" -eq 2 ]
    run -0 devnet logs mine
    [[ $output == *"said on stderr"*"said on stdout"* ]]
    run -0 devnet logs mine node1
    [[ $output == *"mine | said on stderr"*"mine stdout | said on stdout"*"node1 | said by node1"* ]]
    run -2 devnet logs node1 none
    [[ $output == *"none: no such node in $DEVNET_DIR; there are node1, node2 and mine"* ]]
    "$BIN/devnet" logs -f mine node2 > followed 3>&- &
    background=$!
    eventually grep -q 'node2 | said by' followed
    echo "something new" >> "$DEVNET_DIR/mine/events.jsonl"
    eventually grep -Fxq 'mine stdout | something new' followed
}

@test "logs are objects for scripts, and events say whose they are" {
    # What is no text, and a line without an end.
    printf 'tab\there\nbad \377 byte\nnot ended' >> "$DEVNET_DIR/node2/log"
    run -0 --separate-stderr devnet logs --json mine node2
    jq -es 'map(select(.stream == "stderr" or .stream == "stdout")) == . and
        any(. == {node_name: "mine", stream: "stderr", line: "said on stderr"}) and
        any(. == {node_name: "mine", stream: "stdout", line: "said on stdout"}) and
        any(. == {node_name: "node2", stream: "stderr", line: "said by node2"}) and
        (map(select(.node_name == "node2"))[-3:] | map([.line, .part])) ==
            [["tab\there", null], ["bad \ufffd byte", null], ["not ended", true]]' <<< "$output"
    id=$(devnet status --json | jq -er '.nodes[1].peer_id')
    run -0 --separate-stderr devnet logs --json -e node1 mine
    jq -es --arg id "$id" 'any(.event == "ready" and .node_name == "node1") and
        any(.peer_id == $id and .peer_name == "node2" and .node_name == "node1") and
        any(. == {node_name: "mine", stream: "stdout", line: "said on stdout"})' <<< "$output"
}

@test "afterwards logs, orphans, mesh, report and status say what it left" {
    devnet down --json > down.json
    jq -e '. == {nodes: [{name: "node1", outcome: "stopped"}, {name: "node2", outcome: "stopped"},
        {name: "mine", outcome: "stopped"}], between: [], connections: []}' down.json
    run -0 --separate-stderr devnet down --json # of what is down already
    jq -e '. == {nodes: [], between: [], connections: []}' <<< "$output"
    run -0 devnet logs mine node2
    [[ $output == *"mine stdout | said on stdout"*"node2 | said by node2"* ]]
    run -0 devnet orphans
    [[ $output == *"no orphaned streams in 2 connections"* ]]
    run -0 --separate-stderr devnet mesh dump
    jq -e '[.names[]] | contains(["node1", "node2"])' <<< "$output"
    run -0 devnet mesh graph --html mesh.html
    run -0 devnet report report
    [ -s report/nodes/mine/log ] && [ -s report/orphans.html ] && [ -s report/mesh.html ] && [ -s report/commands ]
    run -1 --separate-stderr devnet status --json
    jq -e '.up == false' <<< "$output"
}
