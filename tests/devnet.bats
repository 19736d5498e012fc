#!/usr/bin/env bats
# devnet: every command, option and exit status; on nodes that do as they are told (stub_node), but
# where the nodes themselves are asked for.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    TOOLS=${BUILD:-$BATS_TEST_DIRNAME/../build}/tests/tools
    cd "$BATS_TEST_TMPDIR" || return
    unset DEVNET_DIR
    export DEVNET_BIN=$PWD/programs
    mkdir programs
    ln -s "$TOOLS/stub_node" programs/devnet-node
    ln -s "$BIN/devnet-mesh" programs/devnet-mesh
    for name in connect orphans echo; do
        # shellcheck disable=SC2016 # for the script to expand
        printf '#!/bin/sh\nfor a; do echo "$a"; done\n' > "programs/devnet-$name"
        chmod +x "programs/devnet-$name"
    done
}

teardown() {
    local folder
    for folder in .devnet other; do
        [ ! -e "$folder" ] || "$BIN/devnet" --dir "$folder" down --timeout 0s
    done
    if [ -n "$background" ] && kill "$background" 2> /dev/null; then wait "$background" || true; fi
}

# The programs themselves from now on.
use_real_programs() {
    unset DEVNET_BIN
}

devnet() {
    "$BIN/devnet" "$@"
}

# Of NODE, a member of what status says.
of() {
    devnet status --json | jq -r --arg name "$1" ".nodes[] | select(.name == \$name) | $2"
}

# When a process was started, in clock ticks since boot; that of "self" is the one that asks.
start_tick() {
    awk '{ print $22 }' "/proc/$1/stat"
}

# Whether a process lives and is no zombie.
lives() {
    [ -e "/proc/$1/stat" ] && ! grep -q '^[0-9]* (.*) Z' "/proc/$1/stat"
}

@test "up starts two nodes, connects them, and says where they are" {
    run -0 devnet up --verbose
    [[ ${lines[0]} =~ ^"node1 http://127.0.0.1:"[0-9]+" /ip4/127.0.0.1/udp/"[0-9]+/quic-v1/p2p/ ]]
    [[ ${lines[1]} == "node2 http://"* ]]
    [ "${lines[2]}" = "node1 connected to node2: mesh" ]
    [ "${lines[3]}" = "2 nodes connected in 1 pair (full)" ]
    [ "${#lines[@]}" -eq 4 ]
    for file in key pid events.jsonl log; do [ -f ".devnet/node2/$file" ]; done
    [ -d .devnet/node2/qlog ]
    jq -e '.format == "devnet" and .version == 1' .devnet/devnet.json
    [ "$(cat .devnet/node1/pid)" = "$(of node1 .pid)" ]
    jq -e '.event == "ready"' .devnet/node1/events.jsonl
}

@test "up --nodes and --connect full dial every pair once" {
    run -0 devnet up -v --nodes 4 --connect full
    [ "$(grep -c ' connected to ' <<< "$output")" -eq 6 ]
    [ "$(of node1 .peers)" -eq 3 ]
    [ "$(of node4 .peers)" -eq 0 ] # the stub counts only what it dialled
}

@test "up --connect line dials the next" {
    run -0 devnet up -v -n 4 -c line
    diff <(grep ' connected to ' <<< "$output" | sort) - << END
node1 connected to node2: mesh
node2 connected to node3: mesh
node3 connected to node4: mesh
END
}

@test "up --connect ring, star and random: no more pairs than said, and the same by the same seed" {
    run -0 devnet up -v -n 4 -c ring
    [ "$(grep -c ' connected to ' <<< "$output")" -eq 4 ]
    [[ $output == *"node1 connected to node4: mesh"* ]]
    run -0 devnet down
    run -0 devnet up -n 4 -c star
    [ "${lines[4]}" = "4 nodes connected in 3 pairs (star)" ]
    [ "${#lines[@]}" -eq 5 ]
    [ "$(of node1 .peers) $(of node4 .peers)" = "0 1" ] # all dial the first
    run -0 devnet down
    run -0 devnet up -v -n 8 -c random:3
    [[ ${lines[-1]} =~ ^"8 nodes connected in "1[234]" pairs (random:3, seed "([0-9]+)\)$ ]]
    seed=${BASH_REMATCH[1]}
    grep ' connected to ' <<< "$output" | sort > pairs
    run -0 devnet down
    devnet up -v -n 8 -c random:3 --seed "$seed" > again
    diff pairs <(grep ' connected to ' again | sort)
    run -0 devnet down
    devnet up -n 8 -c random:3 --seed 7 --json > up.json
    jq -e '.wiring == {how: "random:3", pairs: 12, seed: 7}' up.json
    run -0 devnet down
    run -0 --separate-stderr devnet up -n 3 -c random:5
    [[ $output == *"3 nodes connected in 3 pairs (random:5, seed "* ]]
    [ "$stderr" = "devnet: warn: random:5: of 3 nodes each has no more than 2 others to be connected to" ]
}

# What up shows on a terminal of a kind: terminal TERM [OPTION...].
terminal() {
    TERM=$1 script --quiet --flush --return --command "'$BIN/devnet' up ${*:2}" screen < /dev/null > script.out 2>&1 3>&-
    cat screen
}

@test "on a terminal one line tells how far up is, and goes" {
    shown=$(terminal xterm -n 4 | tr -d '\n')
    # Each is drawn over the one before, and the summary over the last.
    [[ $shown =~ $'\r\e[Kconnected '[1-6]" of 6 pairs"([^$'\n']*)"4 nodes connected in 6 pairs (full)" ]]
    [[ ${BASH_REMATCH[1]} =~ ^($'\r\e[Kconnected '[1-6]" of 6 pairs")*$'\r\e[K'$ ]]
    run -0 devnet down
    shown=$(terminal dumb -n 4)
    [[ $shown == *"4 nodes connected in 6 pairs (full)"* && $shown != *"of 6 pairs"* ]]
    run -0 devnet down
    devnet up -n 4 2> told
    [ ! -s told ]
}

@test "up refuses what is no shape, before anything is started" {
    for shape in random random:1 lines; do
        run -2 --separate-stderr devnet up -c "$shape"
        [[ $stderr == *"--connect: "*"$shape"* ]]
    done
    [ ! -e .devnet ]
}

@test "twelve nodes at random are sound, and their logs are bounded" {
    use_real_programs
    run -0 devnet up -n 12 -c random:3
    run -0 devnet mesh check --wait 30s
    [ "${lines[-1]}" = "sound: 12 nodes, 1 topic" ]
    tr '\0' ' ' < "/proc/$(of node1 .pid)/cmdline" | grep -q -- '--qlog-limit 1M'
    run -0 devnet orphans
}

@test "up --connect none leaves the nodes alone" {
    run -0 devnet up -n 3 --connect none
    [ "${#lines[@]}" -eq 3 ]
    [ "$(of node1 .peers)" -eq 0 ]
}

@test "up gives the nodes what follows --" {
    devnet up -n 1 -- --heartbeat 200ms --agent "a b"
    grep -F -- " --heartbeat 200ms --agent a b" .devnet/node1/log
    run -2 devnet up stray
    [[ $output == *"stray: options for the nodes begin with --"* ]]
}

@test "up --dir and DEVNET_DIR keep devnets apart" {
    devnet up -n 1 --dir other
    DEVNET_DIR=.devnet devnet up -n 1
    run -0 devnet status --dir other --json
    jq -e --arg dir "$PWD/other" '.folder == $dir and .up' <<< "$output"
    devnet down
    [ "$(devnet --dir=other status --json | jq .up)" = true ]
    run -1 devnet status
}

@test "the keys of a devnet outlive it, its logs do not" {
    devnet up -n 1
    before=$(of node1 .peer_id)
    devnet down
    touch .devnet/node1/qlog/old.sqlog
    devnet up -n 1
    [ "$(of node1 .peer_id)" = "$before" ]
    [ ! -e .devnet/node1/qlog/old.sqlog ]
}

@test "an up leaves alone what is in its folder and no devnet's" {
    mkdir .devnet
    echo 'nodes: 1' > .devnet/devnet.yaml
    echo mine > .devnet/steps.jsonl
    for _ in first second; do # the second is where a devnet was
        devnet up -n 1
        devnet report bug
        [ ! -e bug/devnet.yaml ] && [ ! -e bug/steps.jsonl ]
        rm -r bug
        devnet down
        [ "$(cat .devnet/devnet.yaml .devnet/steps.jsonl)" = $'nodes: 1\nmine' ]
    done
    [ -e .devnet/mesh.json ] # of the last devnet
    devnet up -n 1
    [ ! -e .devnet/mesh.json ]
    # What down, or Prometheus, would have in the place of it.
    mkdir other
    for file in mesh.json prometheus.json commands; do
        echo mine > other/$file
        run -2 devnet --dir other up -n 1
        [[ $output == "devnet: $PWD/other/$file: is not of an earlier devnet, and would be replaced: "* ]]
        [ "$(ls other) $(cat other/$file)" = "$file mine" ]
        rm other/$file
    done
    # What nodes would have in the place of it, where they are to run.
    for file in node2/log node1/events.jsonl node1/qlog/mine tap/log mine/qlog/one; do
        mkdir -p "other/${file%/*}"
        echo mine > "other/$file"
        run -2 devnet --dir other up -n 2 --with mine='exit {port} {key}' --tap
        [[ $output == "devnet: $PWD/other/${file%%/qlog*}"*": is not of an earlier devnet, and would be replaced: "* ]]
        [ "$(cat "other/$file") $(ls other)" = "mine ${file%%/*}" ]
        rm -r other/*
    done
    mkdir -p other/node3/qlog other/node1
    echo mine | tee other/node3/log > other/node1/notes
    devnet --dir other up -n 2
    devnet --dir other down
    [ "$(cat other/node3/log other/node1/notes)" = $'mine\nmine' ]
}

@test "a second up on the same folder is refused" {
    devnet up -n 1
    pid=$(of node1 .pid)
    run -1 devnet up
    [[ $output == *"a devnet is up in $PWD/.devnet already; \`devnet down\` stops it"* ]]
    [ "$(of node1 .pid)" = "$pid" ]
}

@test "two ups at the same time do not get into each other's way" {
    STUB_MUTE=node1 "$BIN/devnet" up --timeout 10s 3>&- &
    background=$!
    until [ -s .devnet/node2/pid ]; do sleep 0.01; done
    run -1 devnet up
    [[ $output == *"another devnet up or down is at work here"* ]]
    run -1 devnet down
    [[ $output == *"another devnet up or down is at work here"* ]]
}

@test "an up that is interrupted takes its nodes down" {
    STUB_MUTE=node1 "$BIN/devnet" up --timeout 20s 2> err 3>&- &
    background=$!
    until [ -s .devnet/node2/pid ]; do sleep 0.01; done
    pids=$(cat .devnet/node*/pid)
    kill -TERM "$background"
    status=0
    wait "$background" || status=$?
    [ "$status" -eq 1 ]
    grep -F "interrupted" err
    for pid in $pids; do ! lives "$pid"; done
    [ ! -e .devnet/devnet.json ]
}

# Whether somebody is asking all nodes for something, and has no answer yet.
all_are_asked() {
    local port ports
    ports=$(jq -r '.nodes[].api | split(":")[2]' .devnet/devnet.json 2> /dev/null) && [ -n "$ports" ] || return
    for port in $ports; do
        grep -Eq "$(printf '^ *[0-9]+: [0-9A-F:]+ 0100007F:%04X 01 ' "$port")" /proc/net/tcp || return
    done
}

@test "a signal that comes while nodes are asked leaves neither nodes nor a terminal that is taken" {
    export STUB_SLOW=1
    printf '%s\n' 'nodes: 2' 'timeline:' '  - at 60m status' > file.yaml
    "$BIN/devnet" run -f file.yaml --json > out 3>&- &
    background=$!
    until all_are_asked; do sleep 0.01; done
    pids=$(cat .devnet/node*/pid)
    kill -TERM "$background"
    status=0
    wait "$background" || status=$?
    [ "$status" -eq 1 ]
    for pid in $pids; do ! lives "$pid"; done

    devnet up
    # What runs in the background ignores SIGINT, which a terminal's does not.
    TERM=xterm script --quiet --flush --command \
        "env --default-signal=INT '$BIN/devnet' status --watch; echo ended \$?
            until grep --text -q 'ended [0-9]' screen; do sleep 0.05; done" screen < /dev/null > script.out 2>&1 3>&- &
    background=$!
    until all_are_asked; do sleep 0.01; done
    kill -INT "$(pgrep --parent "$(pgrep --parent "$background")" --full 'status --watch')"
    wait "$background"
    grep --text -Fq $'\e[?1049h\e[?25l\e[?25h\e[?1049lended 130' screen
}

@test "a node that dies at start is reported with its last lines, and the others are taken down" {
    export STUB_DIES=node2
    run -1 devnet up -n 3
    [[ $output == *"devnet: node2 ended with exit status 1 before it was ready"* ]]
    [[ $output == *"what node2 wrote last:"*"stub_node: error: this one was told to die"* ]]
    [ ! -e .devnet/devnet.json ]
    [ ! -e .devnet/node1/pid ]
    for command in /proc/[0-9]*/cmdline; do
        line=$(tr '\0' ' ' 2> /dev/null < "$command") || continue
        [[ $line != *"programs/devnet-node "*"$PWD/.devnet"* ]]
    done
    run -1 devnet status
}

@test "a program that cannot be started is named" {
    rm programs/devnet-node
    run -1 devnet up
    [[ $output == *"cannot start $PWD/programs/devnet-node: No such file or directory"* ]]
    printf 'no program' > programs/devnet-node
    run -1 devnet up
    [[ $output == *"cannot start $PWD/programs/devnet-node: Permission denied"* ]]
}

@test "up --timeout gives up on a node that is never ready" {
    STUB_MUTE=node2 run -1 devnet up --timeout 300ms
    [[ $output == *"node2 was not ready within 0.3 s"* ]]
    [ ! -e .devnet/devnet.json ]
}

@test "nodes that cannot be connected are named, and taken down" {
    STUB_EXIT=3 run -1 devnet up
    [[ $output == *"cannot connect node1 to node2: the stub was told to fail"* ]]
    [ ! -e .devnet/devnet.json ]
}

@test "a node that dies while it is connected is reported with its last lines" {
    STUB_CRASHES=1 run -1 devnet up
    [[ $output == *"cannot connect node1 to node2: "* ]]
    [[ $output == *"node1 has ended"*"what node1 wrote last:"*"stub_node: error: crashed"* ]]
    [ ! -e .devnet/devnet.json ]
}

@test "down stops exactly the nodes of its devnet" {
    devnet up
    devnet up -n 1 --dir other
    pids=$(devnet status --json | jq '.nodes[].pid')
    other=$(devnet --dir other status --json | jq '.nodes[].pid')
    run -0 devnet down
    [ "$output" = $'node1 stopped\nnode2 stopped' ]
    for pid in $pids; do ! lives "$pid"; done
    lives "$other"
    run -0 devnet down
    [[ $output == *"no devnet is up in $PWD/.devnet" ]]
}

@test "down does not touch a process that got a node's id" {
    devnet up -n 1
    # A process is told from another of the same id by its start, in ticks of 10 ms: let one go by.
    started=$(start_tick "$(of node1 .pid)")
    until [ "$(start_tick self)" -gt "$started" ]; do :; done
    sleep 60 3>&- &
    background=$!
    jq --argjson pid "$background" '.nodes[0].pid = $pid' .devnet/devnet.json > changed
    old=$(of node1 .pid)
    cp changed .devnet/devnet.json
    run -0 --separate-stderr devnet down
    # The node itself is one that devnet.json does not know then.
    [ "$output" = $'node1 was not running\nnode1 stopped' ]
    [[ $stderr == "devnet: warn: node1, process $old, "* ]]
    lives "$background"
    run ! lives "$old"
}

@test "down ends the nodes of a folder that was deleted, and those of one that is new there" {
    use_real_programs
    devnet up -n 2 --with mine="'$BIN/devnet-node' --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --key {key} --api off"
    pids=$(devnet status --json | jq '.nodes[].pid')
    mkdir deep
    ln -s .. deep/link
    rm -r .devnet
    # Another folder is none of its business.
    run -0 devnet --dir .devnet2 down
    [[ $output == *"no devnet is up in $PWD/.devnet2" ]]
    devnet --dir deep/link/.devnet up -n 1
    run -0 --separate-stderr devnet --dir deep/link/.devnet down
    [ "$(head -n 1 <<< "$output")" = "node1 stopped" ]
    [ "$(tail -n +2 <<< "$output" | sort)" = $'mine stopped\nnode1 stopped\nnode2 stopped' ]
    grep -qE "^devnet: warn: node2, process [0-9]+, logs to a folder in .*/.devnet, whose devnet.json does not know it$" <<< "$stderr"
    for pid in $pids; do run ! lives "$pid"; done

    devnet up -n 1 --partitionable
    devnet pause node1
    rm -r .devnet
    run -0 --separate-stderr devnet down --json
    jq -e '.nodes == [{name: "node1", outcome: "stopped"}] and .between == [{name: "relay", outcome: "stopped"}]' <<< "$output"
    [ ! -e .devnet ]
    run -0 devnet down
    [[ ${lines[*]} == "devnet: "*"no devnet is up in $PWD/.devnet" ]]
}

# Runs a command where /proc shows no process.
without_proc() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --map-root-user bash -c 'mount -t tmpfs none /proc && exec "$@"' - "$@"
}

# How many nodes of this test run.
count_nodes() {
    local process count=0
    for process in /proc/[0-9]*; do
        if [ "$(cat "$process/comm")" = devnet-node ] &&
            grep -qz "^DEVNET_BIN=$DEVNET_BIN$" "$process/environ"; then
            count=$((count + 1))
        fi
    done 2> /dev/null
    echo "$count"
}

@test "a node whose start cannot be read would not be known again, and is not left behind" {
    without_proc true || skip "needs namespaces of its own"
    run -1 without_proc "$BIN/devnet" up
    [[ $output == *"cannot read from /proc/"*"/stat when $DEVNET_BIN/devnet-node was started"*"mount /proc"* ]]
    [ ! -e .devnet/devnet.json ]
    [ "$(count_nodes)" -eq 0 ]
}

@test "down leaves alone what may be a node, says so, and ends with 1" {
    devnet up -n 2
    [ "$(count_nodes)" -eq 2 ]
    pid=$(of node1 .pid) other=$(of node2 .pid)
    if without_proc true; then
        run -1 without_proc "$BIN/devnet" down
        # The sanitizers complain of the same, in lines of their own.
        grep "^node1 left alone: /proc does not tell whether process $pid is " <<< "$output"
        lives "$pid"
        run -1 without_proc "$BIN/devnet" up
        [[ $output == *"a devnet is up in "* ]]
    fi
    # As a state that was written where the start of node1 could not be read.
    jq '.nodes[0].start_time = 0' .devnet/devnet.json > changed
    cp changed .devnet/devnet.json
    run -1 devnet down
    [[ ${lines[0]} == "node1 left alone: "*"process $pid may be another"*"kill $pid" ]]
    [ "${lines[1]}" = "node2 stopped" ]
    lives "$pid"
    run ! lives "$other"
    kill "$pid"
    devnet up -n 1 # nothing that cannot be told stands in the way of the next
    jq '.nodes[0].start_time = 0' .devnet/devnet.json > changed
    pid=$(of node1 .pid)
    kill "$pid"
    until ! lives "$pid" && ! [ -e "/proc/$pid" ]; do sleep 0.01; done
    cp changed .devnet/devnet.json
    run -0 devnet down
    [ "$output" = "node1 was not running" ]
}

@test "down --timeout kills nodes that do not end" {
    export STUB_STUBBORN=1
    devnet up
    pids=$(devnet status --json | jq '.nodes[].pid')
    run -0 devnet down --timeout 100ms
    [[ $output == "node1 killed: it did not end when asked to"* ]]
    for pid in $pids; do ! lives "$pid"; done
}

# As a user whom the nodes do not belong to.
refused() {
    env ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" \
        LD_PRELOAD="${TOOLS%/tools}/refused_signals.so" "$BIN/devnet" "$@"
}

@test "a node that may not be signalled is left, told so, waited for by nobody, and known on" {
    devnet up --connect none
    pid=$(of node1 .pid)
    why="is not this user's to signal: do this as who started it, or as root"
    SECONDS=0
    for verb in stop kill restart remove; do
        run -1 refused "$verb" node1
        [ "$output" = "devnet: node1 left: process $pid, or what came of it, $why" ]
    done
    [ "$(of node1 .pid)" = "$pid" ]
    run -1 refused pause node1 node2
    [ "${lines[0]}" = "devnet: node1 cannot be paused: process $pid $why" ]
    [[ ${lines[1]} == "devnet: node2 cannot be paused: "* ]]
    [ "$(jq '[.nodes[].paused] == [null, null]' .devnet/devnet.json)" = true ]
    devnet pause node2
    run -1 refused resume node2
    [[ $output == "devnet: node2 cannot be resumed: "* ]]
    [ "$(jq '.nodes[1].paused' .devnet/devnet.json)" = true ]
    run -1 --separate-stderr refused down --timeout 100s
    [ "${lines[0]}" = "node1 left: process $pid, or what came of it, $why" ]
    [[ ${lines[1]} == "node2 left: "* ]]
    # Nor of whom devnet.json does not know.
    mv .devnet/devnet.json kept.json
    run -1 --separate-stderr refused down --timeout 100s
    [ "$(grep -c ' left: ' <<< "$output")" -eq 2 ]
    mv kept.json .devnet/devnet.json
    ((SECONDS < 60))
    lives "$pid"
    [ "$(< .devnet/node1/pid)" = "$pid" ]
    run -0 devnet down
    [ "$output" = $'node1 stopped\nnode2 stopped' ]
    run ! lives "$pid"
}

@test "status tells who is up, silent and down" {
    devnet up -n 3 --connect line
    run -0 devnet status
    [[ ${lines[0]} =~ ^"node1    up     pid "[0-9]+" "+http://.*" peers 1"$ ]]
    kill -KILL "$(of node2 .pid)"
    kill -STOP "$(of node3 .pid)"
    until ! lives "$(cat .devnet/node2/pid)"; do sleep 0.01; done
    run -1 devnet status --json
    jq -e '.up == false and [.nodes[].state] == ["up", "down", "silent"]' <<< "$output"
    jq -e '.nodes[0].mesh["/leanconsensus/12345678/block/ssz_snappy"] == 1' <<< "$output"
    run -1 devnet status
    kill -CONT "$(cat .devnet/node3/pid)"
}

@test "status where nothing is up ends with 1" {
    run -1 devnet status
    [[ $output == *"no devnet is up in $PWD/.devnet" ]]
    run -1 --separate-stderr devnet status --json
    jq -e '.up == false and .nodes == []' <<< "$output"
}

@test "a devnet.json that is damaged is named and left alone" {
    mkdir .devnet
    echo '{"format":"devnet","version":1,"nodes":[{"name":5}]}' > .devnet/devnet.json
    for command in up down status logs "mesh dump"; do
        # shellcheck disable=SC2086 # two words
        run devnet $command
        [ "$status" -ne 0 ]
        [[ $output == *"/.devnet/devnet.json: nodes[0].name: a string is expected"* ]]
    done
    rm .devnet/devnet.json
}

@test "a devnet.json that is empty is told with what to do, which ends the nodes" {
    devnet up -n 1
    pid=$(of node1 .pid)
    for text in '' '{'; do
        printf '%s' "$text" > .devnet/devnet.json
        [ -n "$text" ] && said="not JSON: line 1: " || said="is empty: "
        for command in up down status "stop node1"; do
            # shellcheck disable=SC2086 # two words
            run -1 devnet $command
            [[ $output == "devnet: $PWD/.devnet/devnet.json: $said"*"delete it, and \`devnet down\` ends what still runs" ]]
        done
    done
    rm .devnet/devnet.json
    run -0 devnet down
    [ "${lines[-1]}" = "node1 stopped" ]
    run ! lives "$pid"
}

@test "logs shows all nodes, one, or their events" {
    devnet up
    run -0 devnet logs
    [[ $output == *"node1 | arguments: "*"node2 | arguments: "* ]]
    run -0 devnet logs node2
    [[ $output == "arguments: "*"/node2/key"* ]]
    run -0 devnet logs --events node1
    jq -e '.event == "ready"' <<< "$output"
    run -2 devnet logs node3
    [[ $output == *"node3: no such node in $PWD/.devnet; there are node1 and node2"* ]]
    devnet down
    run -0 devnet logs
    [[ $output == *"node2 | arguments: "* ]]
    run -2 devnet logs node3
    [[ $output == *"there are node1 and node2"* ]]
    # An earlier, larger devnet is not this one; where nothing says what there was, folders do.
    mkdir .devnet/node9
    echo "from before" > .devnet/node9/log
    run -0 devnet logs
    [[ $output != *"node9"* ]]
    rm .devnet/left.json
    run -0 devnet logs
    [[ $output == *"node9 | from before" ]]
}

@test "logs without a devnet ends with 1" {
    run -1 devnet logs
    [[ $output == *"no devnet has been up in $PWD/.devnet"* ]]
}

@test "logs --follow shows what is written later" {
    devnet up
    "$BIN/devnet" logs -f > followed 3>&- &
    background=$!
    until [ "$(grep -c arguments followed)" -eq 2 ]; do sleep 0.01; done
    echo "something new" >> .devnet/node2/log
    until grep -Fx "node2 | something new" followed; do sleep 0.01; done
}

@test "connect takes names for APIs and multiaddrs" {
    devnet up
    api=$(of node1 .api) listen=$(of node2 '.listen[0]')
    run -0 devnet connect node1 node2
    [ "$output" = "--from"$'\n'"$api"$'\n'"$listen" ]
    run -0 devnet connect --until status node1 --timeout 2s /ip4/127.0.0.1/udp/9
    [ "$output" = $'--until\nstatus\n--from\n'"$api"$'\n--timeout\n2s\n/ip4/127.0.0.1/udp/9' ]
    run -0 devnet connect --json node2
    [ "$output" = "--json"$'\n'"$listen" ]
    run -0 devnet connect --from node1 node2
    [ "$output" = "--from"$'\n'"$api"$'\n'"$listen" ]
    run -0 devnet connect --from=node1 node2
    [ "$output" = "--from=$api"$'\n'"$listen" ]
    run -2 devnet connect node1 node7
    [[ $output == *"node7: no such node is up in $PWD/.devnet; there are node1 and node2" ]]
}

@test "orphans takes names for folders of QUIC logs, and all of them by default" {
    devnet up
    run -0 devnet orphans
    [ "$output" = "$PWD/.devnet/node1/qlog"$'\n'"$PWD/.devnet/node2/qlog" ]
    run -0 devnet orphans --json node2
    [ "$output" = "--json"$'\n'"$PWD/.devnet/node2/qlog" ]
    run -0 devnet orphans some.sqlog
    [ "$output" = some.sqlog ]
    devnet down
    run -0 devnet orphans
    [ "$output" = "$PWD/.devnet/node1/qlog"$'\n'"$PWD/.devnet/node2/qlog" ]
    run -0 devnet orphans --json node2
    [ "$output" = "--json"$'\n'"$PWD/.devnet/node2/qlog" ]
    run -2 devnet orphans node3
    [[ $output == *"node3: no such node is up in $PWD/.devnet; there were node1 and node2" ]]
}

@test "mesh takes names for APIs, and all nodes by default" {
    devnet up
    run -0 devnet mesh dump -o mesh.json
    jq -e '.nodes | length == 2' mesh.json
    run -0 devnet mesh diff mesh.json
    run -0 devnet mesh dump node1
    jq -e '.nodes | length == 1' <<< "$output"
    run -1 devnet mesh diff node1 node2
    run -0 devnet mesh graph --json --before mesh.json
    jq -e '.compared and ([.nodes[].state] == ["answered", "answered"])' <<< "$output"
    run -0 devnet mesh graph --before node1 node1 node2
    [[ $output == "digraph mesh {"*'was told by one end'* ]]
    run -0 devnet mesh --help
    [[ $output == *"devnet-mesh"* ]]
    devnet mesh dump -o before.json
    devnet down
    # What it left.
    run -0 --separate-stderr devnet mesh dump
    [ "$output" = "$(cat before.json)" ]
    [[ $stderr == *"the devnet in $PWD/.devnet is down: this is the mesh that it had" ]]
    run -0 devnet mesh diff before.json
    run -0 --separate-stderr devnet mesh graph
    [[ $output == "digraph mesh {"* ]]
    "$BIN/devnet-mesh" dump .devnet | cmp - before.json
    run -2 devnet mesh watch
    [[ $output == *"no devnet is up in $PWD/.devnet, so name what to look at"* ]]
    run -2 devnet mesh dump node1
    [[ $output == *"node1: the devnet in $PWD/.devnet is down" ]]
    rm .devnet/mesh.json
    run -2 devnet mesh dump
    [[ $output == *"no devnet is up in $PWD/.devnet, so name what to look at"* ]]
    devnet up -n 1
    [ ! -e .devnet/left.json ]
}

@test "nodes connect, mesh and leave no orphaned stream" {
    use_real_programs
    run -0 devnet up -v -n 4
    [ "$(grep -c ' connected to .*: mesh$' <<< "$output")" -eq 6 ]
    run -0 devnet orphans
    [[ $output == *"no orphaned streams in 6 connections"* ]]
    for node in node1 node2 node3 node4; do [ "$(of "$node" .peers)" -eq 3 ]; done
    run -0 devnet down
    [[ $output != *"killed"* ]]
    run -0 "$BIN/devnet-orphans" .devnet/node*/qlog
}

@test "orphans follows the logs of nodes, and takes the values of its options for no names" {
    use_real_programs
    devnet up
    run -0 devnet orphans --follow --until-clean --grace 100ms --timeout 30s --fail-on unknown,half_closed
    [[ $output == *"no orphaned streams in 1 connection ("*" streams, 2 logs)" ]]
    run -0 devnet orphans --html page.html -j 1 node1
    [[ -s page.html ]]
}

@test "an orphaned stream is named, when nodes have that fault" {
    use_real_programs
    devnet up -- --fault second-gossip-stream
    run -1 devnet orphans
}

@test "two dumps of a quiet mesh of real nodes differ in what is volatile only" {
    use_real_programs
    devnet up
    # identify comes after the mesh
    until devnet mesh dump > one.json &&
        jq -e '[.nodes[].peers[].agent] | length == 2 and all' one.json > out; do
        sleep 0.01
    done
    devnet mesh dump > two.json
    run -0 devnet mesh diff one.json two.json
    diff <(jq 'del(.nodes[].volatile)' one.json) <(jq 'del(.nodes[].volatile)' two.json)
    run -0 devnet mesh diff one.json
}

@test "other programs run with their arguments and their exit status" {
    run -0 devnet echo a "b c" -- node1
    [ "$output" = $'a\nb c\n--\nnode1' ]
    printf '#!/bin/sh\nexit 7\n' > programs/devnet-seven
    chmod +x programs/devnet-seven
    run -7 devnet seven
    run -2 devnet nonsense
    [ "${lines[0]}" = "devnet: nonsense: no such command, and there is no $PWD/programs/devnet-nonsense" ]
    [ "${lines[1]}" = "devnet: try: devnet --help" ]
    run -2 devnet ../devnet-echo
}

@test "key new makes a key that key show and the nodes know" {
    run -0 devnet key new my.key
    [[ $output =~ "peer id     16Uiu2HA" ]]
    [ "$(stat -c %a my.key)" = 600 ]
    peer_id=$(awk '/peer id/ { print $3 }' <<< "$output")
    run -0 devnet key show my.key
    [[ $output == *"$peer_id"*"public key  secp256k1 0"* ]]
    run -0 devnet key show --json my.key
    jq -e --arg id "$peer_id" '.peer_id == $id and (.public_key | length == 66)' <<< "$output"
    mkdir -p .devnet/node1
    cp my.key .devnet/node1/key
    devnet up -n 1
    [ "$(of node1 .peer_id)" = "$peer_id" ]
}

@test "key leaves files alone and says what is wrong with them" {
    echo "mine" > my.key
    chmod 600 my.key
    run -2 devnet key new my.key
    [[ $output == *"my.key: there is a file already, which is left as it is"* ]]
    [ "$(cat my.key)" = mine ]
    run -2 devnet key show my.key
    run -2 devnet key show nowhere.key
    [[ $output == *"nowhere.key: No such file or directory"* ]]
    [ ! -e nowhere.key ]
    # Through a link to nothing, nothing is made.
    ln -s elsewhere link.key
    run -2 devnet key new link.key
    [[ $output == *"link.key: there is a file already, which is left as it is"* ]]
    run -2 "$BIN/devnet-node" --key link.key
    [[ $output == *"--key link.key: cannot read the key file: a link to nothing, through which none is made"* ]]
    [ ! -e elsewhere ]
    run -2 devnet key burn my.key
    run -2 devnet key new
}

@test "an option that nodes do not take is what up was told" {
    use_real_programs
    run -2 devnet up -- --nonsense
    [[ $output == *"node"[12]" ended with exit status 2"*"devnet-node: unknown option --nonsense"* ]]
    run -2 devnet up -- --topic ''
    [[ $output == *"--topic : "* ]]
}

@test "options that a node of a devnet cannot have are refused by name, before anything is started" {
    for option in "--api off" --api=off "-a off" "--key own" "-k own" "--key-hex 00" "--node-key own"; do
        # shellcheck disable=SC2086 # words
        run -2 devnet up -- --heartbeat 200ms $option
        [[ $output == "devnet: --"[akn]*": a node of a devnet "* ]]
    done
    [ ! -e .devnet ]
}

@test "a folder that cannot be names who said so" {
    touch plain
    for command in up down status logs 'mesh dump' orphans; do
        # shellcheck disable=SC2086 # words
        run -2 devnet --dir plain $command
        [[ $output == "devnet: --dir plain: Not a directory" ]]
        # shellcheck disable=SC2086 # words
        DEVNET_DIR=plain/x run -2 devnet $command
        [[ $output == "devnet: \$DEVNET_DIR plain/x: Not a directory" ]]
    done
    run -2 devnet status --dir plain
    [[ $output == "devnet: --dir plain: Not a directory" ]]
}

@test "a name that is no node's lists those that there are" {
    devnet up
    for command in 'logs who' 'mesh check who' 'mesh diff who node1' 'orphans who' 'connect who' \
        'connect node1 who' 'connect --from who node1' 'mesh graph --before who node1'; do
        # shellcheck disable=SC2086 # words
        run -2 devnet $command
        [[ $output == *"who: no such node "*"; there are node1 and node2" ]]
    done
    touch who
    run -0 devnet orphans who
    [ "$output" = who ]
}

# The options of a program, or of a command of its, that take a value: each by its long and short name.
options_with_value() {
    "$BIN/$1" "${@:2}" --help | sed -En 's/^ +((-[a-z]), )?(--[a-z-]+) [A-Z].*/\3 \2/p'
}

@test "what stands behind an option that takes a value is no node" {
    devnet up
    for command in connect orphans 'mesh dump' 'mesh diff' 'mesh check' 'mesh watch' 'mesh graph'; do
        # shellcheck disable=SC2086 # words
        options=$(options_with_value devnet-$command)
        [ "$(wc -w <<< "$options")" -gt 3 ]
        for option in $options; do
            case $option in --from | -f | --before | -b) continue ;; esac # an API, or a snapshot of one
            # shellcheck disable=SC2086 # words
            run devnet $command "$option" word --help
            [[ $output != *"word: no such node"* ]] || { echo "$command $option" && return 1; }
        done
    done
}

@test "usage errors end with 2" {
    run -2 devnet
    run -2 devnet up -n 0
    run -2 devnet up -n 501
    run -2 devnet up --connect rings
    run -2 devnet up --timeout 5
    run -2 devnet down now
    run -2 devnet -- connect node1
    [[ $output == *"connect: nothing but --dir and --genesis may stand before it"* ]]
    run -0 devnet --help
    [[ $output == *"devnet connect node1 node2"* ]]
}

@test "Prometheus is told where metrics are, as long as there are any" {
    devnet up -n 2 > out
    run -0 jq -r '.[] | "\(.targets[]) \(.labels.node) \(.labels.peer_id)"' .devnet/prometheus.json
    [ "$output" = "$(devnet status --json | jq -r '.nodes[] | "\(.api | ltrimstr("http://")) \(.name) \(.peer_id)"')" ]
    devnet down > out
    [ ! -e .devnet/prometheus.json ]
}
