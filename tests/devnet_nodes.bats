#!/usr/bin/env bats
# One node of a devnet: stop, start, restart, kill, pause, resume, add, remove.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # own_devnet.bash sets mine

bats_require_minimum_version 1.5.0
load own_devnet.bash

# Of NODE, a member of what status says.
of() {
    devnet status --json | jq -r --arg name "$1" ".nodes[] | select(.name == \$name) | $2"
}

# Who they are and where.
places() {
    devnet status --json | jq -c '[.nodes[] | {name, peer_id, api, listen}]'
}

# Whether a process lives and is no zombie.
lives() {
    [ -e "/proc/$1/stat" ] && ! grep -q '^[0-9]* (.*) Z' "/proc/$1/stat"
}

count_ready() {
    jq -s 'map(select(.event == "ready")) | length' ".devnet/$1/events.jsonl"
}

@test "nodes are stopped, killed and started again where they were, and connected as they were" {
    devnet up -n 3 --connect line --with mine="$mine --qlog {qlog} --bootnode {bootnode}"
    before=$(places)
    run -0 devnet stop node2 mine
    [ "$output" = $'node2 stopped\nmine stopped' ]
    run -1 devnet status
    [[ $output == *"node2    stopped"* && $output == *"mine     stopped"* && $output == *"node1    up "* ]]
    [ ! -e .devnet/node2/pid ]
    run -0 devnet stop node2
    [ "$output" = "node2 is stopped already" ]
    run -1 devnet up
    [[ $output == *"a devnet is up in "* ]]
    run -1 devnet mesh check # node1 and node3 alone: who is stopped is not missed
    [[ $output != *node_reachable* ]]
    mkdir elsewhere
    run -0 --separate-stderr devnet --dir .devnet start node2 mine node1
    [ "${lines[0]}" = "node1 is up already" ]
    [ "$(tail -n +2 <<< "$output" | sort)" = "mine connected to node1: handshake
mine started
node1 connected to node2: streams
node2 connected to node3: streams
node2 started" ]
    [ "$(places)" = "$before" ]
    [ "$(count_ready node2)" -eq 2 ]
    devnet mesh check --wait 10s
    devnet orphans .devnet/node2/qlog node1 node3 mine

    # A crash, and its connections left to be found out.
    pid=$(of node1 .pid)
    run -0 devnet kill node1
    [ "$output" = "node1 killed" ]
    run ! lives "$pid"
    devnet mesh dump | jq -e '[.names[.stopped[]]] == ["node1"] and .unreachable == []'
    run -0 env --chdir=elsewhere "$BIN/devnet" --dir ../.devnet start --no-redial node1
    [ "$output" = "node1 started" ]
    run -0 devnet restart --json node1
    jq -e '.nodes == [{"name": "node1", "outcome": "stopped"}, {"name": "node1", "outcome": "started"}]
        and (.connections | map(.from + " " + .to) | sort == ["mine node1", "node1 node2"])' <<< "$output"
    [ "$(places)" = "$before" ]
    devnet mesh check --wait 10s
    run -0 devnet down
    [ "$output" = $'node1 stopped\nnode2 stopped\nnode3 stopped\nmine stopped' ]
}

@test "a node whose working folder has moved is told by that, and not by its program" {
    mkdir before
    (cd before && devnet --dir ../.devnet up -n 1)
    mv before after
    run -1 devnet restart node1
    [ "${lines[1]}" = "devnet: cannot start $BIN/devnet-node in $PWD/before, the folder that it was started in first: \
No such file or directory; bring that back" ]
    mv after before
    devnet start node1
}

@test "a program that shows a new peer id at each start is known by the last" {
    devnet up -n 1 --with mine="'$BIN/devnet-node' --listen /ip4/127.0.0.1/udp/{port}/quic-v1 \
        --api off --topic lean:block --bootnode {bootnode}" \
        --with its="'$BIN/devnet-node' --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --api off"
    before=$(of mine .peer_id) its=$(of its .peer_id)
    run -0 devnet restart mine its
    [ "$(sed -n '5,$p' <<< "$output" | sort)" = "mine connected to node1: handshake
node1 connected to its: handshake" ]
    [ "$(of mine .peer_id)" != "$before" ]
    [ "$(of its .peer_id)" != "$its" ]
    devnet connect --until handshake mine
    [[ $(of mine '.listen[0]') == */p2p/$(of mine .peer_id) ]]
}

@test "paused nodes stand still until they are resumed, and down ends them" {
    devnet up --connect none
    run -0 devnet pause node1 node2
    [ "$output" = $'node1 paused\nnode2 paused' ]
    run -1 devnet status
    [[ $output == *"node1    paused"* ]]
    run -0 devnet pause node1
    [ "$output" = "node1 is paused already" ]
    run -0 devnet start node1
    [ "$output" = "node1 is paused: \`devnet resume\` has it go on" ]
    run -0 devnet resume node1
    [ "$output" = "node1 resumed" ]
    [ "$(of node1 .state)" = up ]
    run -0 devnet resume node1
    [ "$output" = "node1 is not paused" ]
    devnet stop node1
    run -2 devnet pause node1
    [[ $output == *"node1 is not up: "* ]]
    run -0 devnet down # and not killed
    [ "$output" = $'node1 was not running\nnode2 stopped' ]
}

# Whether what there is of a session stands still, or nothing of it does: all_in SESSION STATES.
all_in() {
    [ "$(pgrep --session "$1" | wc -l)" -eq 2 ] && [ "$(pgrep --session "$1" --runstates "$2" | wc -l)" -eq 2 ]
}

@test "another program is paused, resumed, killed and started with all that it runs" {
    devnet up -n 1 --with mine="sleep 1000 & exec $mine --bootnode {bootnode}"
    session=$(of mine .pid)
    run -0 devnet pause mine
    [ "$output" = "mine paused" ]
    eventually all_in "$session" T
    [ "$(of mine .state)" = paused ]
    run -0 devnet pause mine
    [ "$output" = "mine is paused already" ]
    run -0 devnet resume mine
    [ "$output" = "mine resumed" ]
    eventually all_in "$session" RS
    [ "$(of mine .state)" = up ]
    devnet connect --until handshake mine
    run -0 devnet kill mine
    [ "$output" = "mine killed" ]
    run -1 pgrep --session "$session" --runstates RSDT
    [ "$(of mine .state)" = stopped ]
    run -2 devnet pause mine
    [[ $output == *"mine is not up: "* ]]
    run -0 devnet start mine
    [ "$output" = $'mine started\nmine connected to node1: handshake' ]
}

# A program, in mine's session, that notes when it is told to go on. Once it is asked to end it does
# what is said, and takes a while.
witness() {
    cat << END
trap 'touch went-on' CONT
trap 'asked=1' TERM
touch watching
until [ "\$asked" ]; do
    sleep 0.1 & wait
done
$1
for i in {1..20}; do sleep 0.01; done
END
}

@test "who is paused as it ends goes on, and nobody else is told to" {
    witness : > calm.sh
    witness "kill -STOP \$\$" > stopping.sh
    for kind in calm stopping; do
        rm -f watching went-on
        devnet up -n 1 --connect none --with mine="bash $kind.sh & exec $mine"
        eventually [ -e watching ]
        run -0 devnet down
        [ "$output" = $'node1 stopped\nmine stopped' ]
        [ "$kind $(ls went-on 2> /dev/null)" = "calm " ] || [ "$kind $(ls went-on)" = "stopping went-on" ]
    done
}

@test "nodes are added and removed while others run" {
    devnet up -n 2 -- --heartbeat 200ms
    run -0 devnet add --to node2 node3 extra -- --topic lean:aggregation
    [ "$(sort <<< "$output")" = "extra connected to node2: streams
extra started
node3 connected to node2: streams
node3 started" ]
    tr '\0' ' ' < "/proc/$(of extra .pid)/cmdline" | grep -q -- '--heartbeat 200ms --topic lean:aggregation '
    run -0 devnet add --with mine="$mine --qlog {qlog} --bootnode {bootnode}"
    [[ ${lines[0]} == "mine - /ip4/127.0.0.1/udp/"* && ${lines[1]} == "node1 connected to mine" ]] ||
        [[ ${lines[1]} == "mine connected to node1" ]]
    grep -c "^- enr:" .devnet/nodes.yaml | grep -qx 5
    run -0 devnet remove node1 extra
    [ "$output" = $'node1 stopped\nextra stopped' ]
    [ -d .devnet/extra ]
    [ "$(devnet status --json | jq -r '.nodes[].name' | xargs)" = "node2 node3 mine" ]
    run -0 devnet restart mine # whom it dialled is no more
    [ "$output" = $'mine stopped\nmine started' ]
    run -2 devnet add node3
    [[ $output == *"node3: there is a node of that name already"* ]]
    run -2 devnet add 'no name'
    [[ $output == *"no name: not a name for a node"* ]]
    run -2 devnet add --to node1 node9
    [[ $output == *"--to node1: no such node"* ]]
    run -2 devnet add node9 -- --no-such-option
    [[ $output == *"node9 ended with exit status 2"*"no-such-option"* ]]
    run -2 devnet add node9 -- --api off
    [ "$output" = "devnet: --api off: a node of a devnet is asked by its API" ]
    run -2 devnet add
    run -2 devnet remove node2 node3 mine
    [[ $output == *"that would leave none"* ]]
    [ "$(devnet status --json | jq -r '.nodes[].name' | xargs)" = "node2 node3 mine" ]
}

@test "names that cannot be added are refused before anything is started" {
    devnet up -n 1
    # What is said and how: refused_add WHAT-IS-SAID ARGUMENT...
    refused_add() {
        run -2 devnet add "${@:2}"
        [ "$output" = "devnet: $1" ] || { echo "$output, and not $1" >&2 && return 1; }
    }
    refused_add "x: two of those that are to be added are called so" x y x
    refused_add "--with x: two of those that are to be added are called so" x --with x="$mine"
    refused_add "--with x: two of those that are to be added are called so" y --with x="$mine" --with x=cat
    devnet add --with its="$mine --bootnode {bootnode}"
    refused_add "--with its: there is a node of that name already" y --with its="$mine"
    refused_add "--with bad: expected NAME='COMMAND', NAME of letters, digits, _ and -" y --with bad
    run -2 devnet add y --with node7=cat
    [[ $output == "devnet: --with node7: not a name for a node: "* ]]
    [ "$(devnet status --json | jq -r '.nodes[].name' | xargs)" = "node1 its" ]
    [ ! -e .devnet/x ] && [ ! -e .devnet/y ]
}

@test "logs --follow has those that come meanwhile, and calls them by their names" {
    devnet up -n 1
    launch all devnet logs -f -e --json
    launch one devnet logs -f -e --json node1
    launch text devnet logs -f -e
    for name in all one text; do eventually test -s "$name.out"; done
    devnet add late
    await all '.node_name == "late" and .event == "mesh_joined" and .peer_name == "node1"'
    await all '.node_name == "node1" and .event == "mesh_joined" and .peer_name == "late"'
    await one '.event == "mesh_joined" and .peer_name == "late"'
    before=$(lines_of all)
    devnet restart late
    await all '.node_name == "late" and .event == "ready"' .t "$before"
    eventually grep '^late | {.*"event":"ready"' text.out
    eventually grep '^node1 | {.*"peer_name":"late"' text.out
    jq -es 'all(.node_name == "node1")' one.out
    for name in all one text; do end "$name" || true; done
}

# Whether NAME has printed so often that a node is ready: is_ready_times NAME COUNT.
is_ready_times() {
    [ "$(grep -c '"event":"ready"' "$1.out")" -eq "$2" ]
}

@test "logs --follow goes on to a node that is added again after its folder was deleted" {
    devnet up -n 1
    devnet add late
    launch all devnet logs -f -e
    launch one devnet logs -f -e late
    eventually is_ready_times all 2
    eventually is_ready_times one 1
    devnet remove late
    rm -r .devnet/late
    devnet add late
    eventually is_ready_times all 3
    eventually is_ready_times one 2
    echo '{"event":"later"}' >> .devnet/late/events.jsonl
    for name in all one; do
        eventually grep '"event":"later"' "$name.out"
        end "$name" || true
    done
}

watched_twice() {
    [ "$(grep -c 'watching node1' text.err)" -eq 2 ]
}

@test "mesh watch has those that come meanwhile, and goes on with one that was started again" {
    devnet up -n 2
    launch text devnet mesh watch
    launch lines devnet mesh watch --json
    for name in text lines; do eventually grep -q 'watching\|"ready"' "$name.out" "$name.err"; done
    devnet add late
    await lines '.node_name == "late" and .event == "ready"'
    eventually grep ' mesh .*: node1 -> late ' text.out
    before=$(lines_of lines)
    devnet restart node1
    await lines '.event == "lost" and (.api | startswith("http://"))' .t "$before"
    await lines '.node_name == "node1" and .event == "ready"' .t "$before"
    eventually grep 'watching late' text.err
    eventually watched_twice
    # It is over where nobody is left, with a node lost.
    devnet down
    for name in text lines; do
        status=0
        ended "$name" || status=$?
        [ "$status" -eq 1 ]
    done
    [ "$(grep -c late text.err)" -eq 2 ] # that it came, and that it went
}

@test "orphans --follow reads the logs of those that come meanwhile" {
    devnet up -n 1
    launch found devnet orphans --follow --json --verbose
    await found '.event == "following"'
    devnet add late other --to node1
    devnet connect late other
    await found '.names == {client: "late", server: "other"}'
    end found || true
}

@test "what cannot be is named: nodes, devnets that are down, of another version, or at work" {
    run -2 devnet stop node1
    [[ $output == *"no devnet is up in $PWD/.devnet: "* ]]
    devnet up -n 2 --connect none
    run -2 devnet kill node1 nobody node4
    [[ $output == *"nobody: no such node in $PWD/.devnet; there are node1 and node2"*"node4: no such node"* ]]
    [ "$(of node1 .state)" = up ]
    run -2 devnet stop
    for command in "stop node1" "add node3" down; do # it is one lock for all
        # shellcheck disable=SC2086 # words
        run -1 flock .devnet/lock "$BIN/devnet" $command
        [[ $output == *"$PWD/.devnet: another devnet "*" is at work here; wait for it, or use "* ]]
    done
    [ "$(devnet status --json | jq -r '.nodes[] | .name + " " + .state' | xargs)" = "node1 up node2 up" ]
    [ ! -e .devnet/node3 ]
    cp .devnet/devnet.json kept.json
    jq '.version = 7' kept.json > .devnet/devnet.json
    for command in "stop node1" "start node1" "add node3" status logs up down; do
        # shellcheck disable=SC2086 # words
        run -2 devnet $command
        [[ $output == *"$PWD/.devnet/devnet.json: not a devnet of version 1, but of 7: "* ]]
    done
    cp kept.json .devnet/devnet.json
}
