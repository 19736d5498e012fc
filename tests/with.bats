#!/usr/bin/env bats
# Other programs as nodes of a devnet (devnet up --with), and the helper for tests of them.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load ../devnet/devnet.bash

setup() {
    BIN=$(realpath "${BIN:-$BATS_TEST_DIRNAME/../build}")
    DEVNET=$BIN/devnet
    unset DEVNET_DIR DEVNET_BIN
    cd "$BATS_TEST_TMPDIR" || return
    # Our node stands in for somebody's: it has no API, and is told all that it may be.
    mine="mine='$BIN/devnet-node' --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --key {key} --api off"
    mine+=" --topic lean:block --qlog {qlog}"
}

teardown() {
    devnet_down
}

# Waits until nothing of a session runs: who leads it has ended, the system clears away the rest.
await_session_end() {
    local deadline=$((SECONDS + 5))
    while pgrep --session "$1" --runstates RSDT > /dev/null; do
        ((SECONDS < deadline)) || return 1
        sleep 0.02
    done
}

@test "another program is a node of the devnet" {
    devnet_up --with "$mine --bootnode {bootnode}"
    assert_step mesh mine
    assert_step mesh node2 mine
    assert_meshed mine node1
    assert_no_orphans
    assert_no_orphans mine
    run -0 devnet_run status
    [[ $output == *"mine     up"*"/quic-v1/p2p/$(devnet_peer_id mine)"* ]]
    session=$(cat devnet/mine/pid)
    devnet_run down
    await_session_end "$session"
}

@test "a program that is not told of a bootnode is dialled" {
    devnet_up -n 1 --with "$mine"
    [ "$(tail -n 1 devnet-up.txt)" = "node1 connected to mine" ]
    assert_meshed mine
}

# Our node as a program with a key of its own.
stranger() {
    printf %s "mine='$BIN/devnet-node' --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --api off --topic lean:block"
}

# The peer id of what `devnet up` made ready for a program: of its {key}.
key_peer_id() {
    "$DEVNET" key show --json "devnet/$1/key" | jq -r .peer_id
}

@test "a program with a key of its own is met by the id that it shows" {
    for told in "" " --bootnode {bootnode}" " --bootnode \$(sed -n 's/^- //p' {nodes} | head -n 1)"; do
        devnet_up --with "$(stranger)$told" 2> up.err
        id=$(devnet_peer_id mine)
        [ "$id" = "$(jq -r 'select(.event == "ready") | .peer_id' devnet/mine/events.jsonl)" ]
        [ "$id" != "$(key_peer_id mine)" ]
        grep -F "mine has a key of its own, and is known by the peer id that it shows, $id" up.err
        devnet_run connect --until mesh mine
        assert_step mesh node2 mine
        assert_meshed mine
        [ "$(wc -l < devnet/nodes.yaml)" -eq 2 ] # nobody can make its record
        run -0 devnet_run status --json
        jq -e --arg id "$id" '.nodes[2] | .peer_id == $id and .state == "up" and .enr == null and
            (.listen[0] | endswith("/p2p/" + $id))' <<< "$output"
        devnet_run down
    done
}

@test "a program that was given a key and shows another id is named with both" {
    run -0 --separate-stderr devnet_run up -n 1 --with "$(stranger) --key \"\$PWD/own.key\"; : {key}" --json
    shown=$("$DEVNET" key show --json own.key | jq -r .peer_id)
    [ "$stderr" = "devnet: warn: mine shows another peer id, $shown, than {key}'s, $(key_peer_id mine): it has not taken that key" ]
    jq -e --arg id "$shown" '.nodes[1].peer_id == $id' <<< "$output"
}

@test "each of two programs with keys of their own is met" {
    devnet_up -n 1 --with "$(stranger) --bootnode {bootnode}" --with "$(stranger | sed s/^mine/other/) --bootnode {bootnode}"
    for name in mine other; do
        [ "$(devnet_peer_id $name)" = "$(jq -r 'select(.event == "ready") | .peer_id' devnet/$name/events.jsonl)" ]
    done
    assert_meshed mine other
}

@test "down ends what the program started too" {
    devnet_up -n 1 --with "pipe=sleep 300 | ${mine#mine=}"
    session=$(cat devnet/pipe/pid)
    [ -n "$(pgrep --session "$session")" ]
    devnet_run down
    await_session_end "$session"
}

# How many processes have WORD among their arguments, each a word of its own.
count_with() {
    echo "$1" > word # not an argument of what counts
    # shellcheck disable=SC2062 # they are files
    { grep --files-with-matches --null-data --line-regexp --fixed-strings --file=word \
        /proc/[0-9]*/cmdline 2> /dev/null || true; } | wc -l
}

# A command that is our node, and beside it whatever else may outlive a shell: each waits for a
# number of seconds that nobody else waits for.
family() {
    seconds=$((100000 + RANDOM)).$BASHPID
    cat > family.sh <<'END'
        trap '' TERM
        sleep "$1" | sleep "$1" &
        setsid sleep "$1" &
        setsid --fork sh -c 'trap "" TERM; sleep "$1"; sleep "$1"' - "$1"
        ( (nohup sleep "$1" > /dev/null 2>&1 &) )
        env -i sleep "$1" &
END
}

@test "down ends all that came of a command, whoever has ended meanwhile" {
    family
    devnet_up -n 1 --with "${mine/mine=/mine=sh $PWD/family.sh $seconds; trap : TERM; }"
    [ "$(count_with "$seconds")" -ge 6 ]
    run -0 devnet_run down --timeout 200ms
    [[ $output == *"mine killed: it did not end when asked to" ]]
    [ "$(count_with "$seconds")" -eq 0 ]
}

@test "what a command begins as it is asked to end is ended, too" {
    family
    # In another environment, in the same session, and nobody's child.
    devnet_up -n 1 --with "mine=trap 'env -i sleep $seconds & exit 0' TERM; ${mine#mine=} & wait"
    run -0 devnet_run down
    [ "$(count_with "$seconds")" -eq 0 ]
}

@test "a command whose leader has gone is up, and ended" {
    family
    node=${mine#mine=}
    devnet_up -n 1 --with "mine=sh $PWD/family.sh $seconds; $node & exit 0"
    run -0 devnet_run status
    [[ $output == *"mine     up "* ]]
    [ "$(count_with "$seconds")" -ge 6 ]
    run -1 devnet_run up
    [[ $output == *"a devnet is up in "* ]]
    devnet_run down --timeout 200ms
    # What has another environment, and is nobody's child, could be anybody's.
    [ "$(count_with "$seconds")" -le 1 ]
    pkill --signal KILL --full --exact "sleep $seconds" || true
}

@test "an up that fails, or is interrupted, ends all that came of its commands" {
    family
    run -1 devnet_run up -n 1 --timeout 1s --with "mine=sh $PWD/family.sh $seconds; : {bootnode}; sleep $seconds"
    [[ $output == *"in time"* ]]
    [ "$(count_with "$seconds")" -eq 0 ]
    for signal in INT TERM HUP; do
        # INT is ignored by what a script starts in the background.
        python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
            "$DEVNET" --dir "$PWD/devnet" up -n 1 --timeout 20s \
            --with "mine=sh $PWD/family.sh $seconds; : {bootnode}; sleep $seconds" > out 2>&1 3>&- &
        background=$!
        until [ "$(count_with "$seconds")" -ge 7 ]; do sleep 0.05; done
        kill "-$signal" "$background"
        status=0
        wait "$background" || status=$?
        [ "$status" -eq 1 ]
        grep -F interrupted out
        [ "$(count_with "$seconds")" -eq 0 ]
        [ ! -e devnet/devnet.json ]
    done
}

@test "QUIC logs of an earlier command are gone" {
    mkdir -p devnet/mine/qlog
    touch devnet/mine/qlog/old.sqlog
    devnet_up -n 1 --with "$mine"
    [ ! -e devnet/mine/qlog/old.sqlog ]
    [ -n "$(ls devnet/mine/qlog)" ]
    devnet_run down
    # And of one that is down, they are there.
    run -0 devnet_run orphans mine
    run -0 devnet_run logs mine
    run -0 --separate-stderr devnet_run mesh check
}

@test "values are one word of the command each, whatever the folder is called" {
    mkdir "it's here"
    devnet_up --dir "$PWD/it's here" -n 1 --with "$mine"
    "$DEVNET" --dir "$PWD/it's here" down
}

@test "a program that ends, or never connects, is reported with what it wrote" {
    run -1 --separate-stderr devnet_run up -n 1 --with 'mine=echo no such luck >&2; exit 3'
    [[ $stderr == *"mine ended before it was connected to node1"*"what mine wrote last:"*"no such luck" ]]
    run -1 --separate-stderr devnet_run up -n 1 --with 'mine=echo no luck here; exit 3'
    [[ $stderr == *"mine ended before it was connected to node1"*"what mine printed last, on stdout:"*"no luck here" ]]
    run -1 --separate-stderr devnet_run up -n 1 --timeout 1s --with 'mine=: {bootnode}; exec sleep 60'
    [[ $stderr == *"mine was not connected to node1 (as its bootnode) in time"* ]]
    [ ! -e devnet/devnet.json ]
}

@test "names that cannot be are refused before anything is started" {
    for with in mine mine= =x 'node1=x' '-a=x' 'a b=x'; do
        run -2 devnet_run up --with="$with"
        [[ $output == "devnet: --with "* ]]
    done
    [ ! -e devnet/devnet.json ]
    run -2 devnet_run up -n 1 --with "$mine" --with "$mine"
    [ "$output" = "devnet: --with mine: two of those that are to be added are called so" ]
    [ ! -e devnet/devnet.json ]
}

@test "another program has no API, and that is said" {
    devnet_up -n 1 --with "$mine"
    run -2 devnet_run mesh watch mine
    [ "$output" = "devnet: mine: another program, without an API of ours" ]
    run -2 devnet_run connect mine node1
    [ "$output" = "devnet: mine: another program, without an API of ours" ]
}

@test "another program is visited where it is named" {
    devnet_up -n 1 --with "$mine --bootnode {bootnode}"
    run -0 devnet_run mesh dump --for 1s -o mesh.json node1 mine
    id=$(devnet_peer_id mine)
    jq -e --arg id "$id" '(.nodes | length) == 1 and .nodes[0].peers[0].peer_id == $id and
        (.nodes[0].peers | length) == 1 and .foreign[0].peer_id == $id and
        .foreign[0].topics["/leanconsensus/12345678/block/ssz_snappy"].has_visitor' mesh.json
    run -0 devnet_run mesh check mesh.json
    [[ $output == "sound: 1 node, 1 foreign, 1 topic" ]]
    # The folder means all nodes.
    run -0 devnet_run mesh diff --for 1s mesh.json devnet
    [ -z "$output" ]
    # Where nobody is visited, nobody is missed.
    run -0 devnet_run mesh diff mesh.json
    [ -z "$output" ]
    assert_no_orphans mine
    run -0 devnet_run mesh dump
    jq -e 'has("foreign") | not' <<< "$output"
}

@test "each assertion fails where it should" {
    devnet_up --connect none --with "$mine --topic lean:other --fault second-gossip-stream"
    run -1 assert_step mesh mine --topic lean:nothing --timeout 1s
    [[ $output == "assert_step mesh mine"*"failed:"* ]]
    export DEVNET_PATIENCE=300ms
    run -1 assert_meshed
    [[ $output == "assert_meshed: the mesh is not sound:"*"topic_connected"* ]]
    run -1 assert_meshed nobody
    [[ $output == *"assert_meshed"* ]]
    run -1 assert_no_orphans
    [[ $output == "assert_no_orphans: failed:"* ]]
}

@test "a mesh that stays the same is told from one that changed" {
    devnet_up --connect none
    devnet_run mesh dump -o before.json
    assert_same_mesh before.json
    assert_step mesh node1 node2
    run -1 assert_same_mesh before.json
    [[ $output == "assert_same_mesh: it has changed:"*"+ mesh "* ]]
}

@test "the README's test of js-libp2p stands in devnet/, and passes" {
    example=$BATS_TEST_DIRNAME/../devnet/js-libp2p.bats
    sed -n '/^load devnet.bash/,/^```/p' "$BATS_TEST_DIRNAME/../README.md" | sed '$d' | cmp - "$example"
    [ -x "$BATS_TEST_DIRNAME/interop/js/node_modules/.bin/node" ] || skip "js-libp2p is not installed: make interop"
    run -0 env -u BATS_TEST_TMPDIR -u BATS_RUN_TMPDIR DEVNET="$BIN/devnet" bats "$example"
    [[ $output == *"ok 1 js-libp2p meshes and leaves no orphaned stream"* ]]
}
