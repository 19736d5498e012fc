#!/usr/bin/env bats
# devnet publish: who gets a message when, over how many hops, and what is said where it cannot be.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load own_devnet.bash

@test "a message goes down a line of nodes, and a script is told how" {
    devnet up -n 4 --connect line > out
    run -0 devnet publish node1 block 'hello there' --json
    [ "$(jq -c '[.messages, .expected, .arrived, .hops, .from, .topic]' <<< "$output")" = \
        '[1,3,3,3,"node1","/leanconsensus/12345678/block/ssz_snappy"]' ]
    [ "$(jq -c '[.nodes[] | [.name, .hops, .from]]' <<< "$output")" = \
        '[["node2",1,{"node1":1}],["node3",2,{"node2":1}],["node4",3,{"node3":1}]]' ]
    jq -e 'all(.nodes[]; .first_ms > 0 and .first_ms <= .median_ms and .median_ms <= .last_ms)' <<< "$output"
    devnet logs -e node4 | jq -r 'select(.event == "message").data' | xxd -r -p | grep -x 'hello there'

    # Several are numbered, and each is one; a file is taken as it is.
    run -0 devnet publish node2 lean:block text --count 3 --rate 100
    [[ ${lines[0]} =~ ^"node1    3 of 3, first after "[0-9.]+" ms, median "[0-9.]+" ms, last "[0-9.]+" ms, 1 hop, "[0-9]+" duplicates, from node2"$ ]]
    [[ ${lines[3]} == "3 messages of node2 on /leanconsensus/12345678/block/ssz_snappy: 9 of 9 arrived, first after "* ]]
    printf 'a\0b' > file
    run -0 devnet publish node4 /leanconsensus/12345678/block/ssz_snappy file --html page.html
    [[ ${lines[0]} == "node1    1 of 1, after "*" ms, 3 hops, "*" duplicates, from node2" ]]
    grep -q 'default-src' page.html && grep -q '"arrived": *3' page.html
    devnet logs -e node1 | grep -q '"data":"610062"'
    run -2 --separate-stderr devnet publish node4 block file --count 2
    [[ $stderr == "devnet: file: a file is one message"*"--size or a text" ]]

    # The same again is no message to peers, and the node says so.
    run -1 --separate-stderr devnet publish node1 block 'hello there'
    [[ $stderr == "devnet: node1: http://"*"/publish: "*"the same message was there"* ]]
    run -1 --separate-stderr devnet publish node1 /nobody/there x
    [ "$stderr" = "devnet: /nobody/there: no other node is subscribed to it" ]
}

@test "a node that stands still gets none, and that is a failure" {
    devnet up -n 3 > out
    pid=$(jq '.nodes[2].pid' .devnet/devnet.json)
    kill -STOP "$pid"
    run -1 --separate-stderr devnet publish node1 block --size 100 --count 5 --timeout 500ms
    kill -CONT "$pid"
    [[ ${lines[0]} == "node2    5 of 5, "* ]]
    [ "${lines[1]}" = "node3    0 of 5" ]
    [[ $stderr == "devnet: warn: node3: http://"*"/events: no answer within 0.5 s"* ]]
}

@test "what cannot be published is said, and why" {
    run -2 --separate-stderr devnet publish node1 block x
    [ "$stderr" = "devnet: node1: no devnet is up in $PWD/.devnet: \`devnet up\` starts one" ]
    devnet up -n 1 > out
    refused() {
        local message=$1
        shift
        run -2 --separate-stderr devnet publish "$@"
        [ "${stderr_lines[0]}" = "devnet: $message" ]
    }
    refused 'node2: there is no such node: there are node1' node2 block x
    refused 'lean:blocks: no node has a topic of that name, nor one of Lean'"'"'s of that kind' node1 lean:blocks x
    refused 'blocks: no node has a topic of that name, nor one of Lean'"'"'s of that kind' node1 blocks x
    refused 'publish: give a FILE or TEXT, or --size, and not both' node1 block
    refused 'publish: give a FILE or TEXT, or --size, and not both' node1 block x --size 10
    refused 'publish: the text is empty' node1 block ''
    refused '.: Is a directory' node1 block .
    refused "--size: '7' is under the minimum of 8" node1 block --size 7
}

@test "a publish that is ended by a signal tells what arrived so far" {
    devnet up -n 2 > out
    count() { devnet logs -e node2 | jq -s 'map(select(.event == "message")) | length'; }
    some_came() { (($(count) >= before + 3)); }
    for signal in INT TERM; do
        before=$(count)
        launch publish env --default-signal=INT "$BIN/devnet" publish node1 block --size 100 --count 10000 \
            --rate 20 --json --html "$signal.html"
        eventually some_came
        status=0
        end publish "$signal" || status=$?
        [ "$status" -eq $((128 + $(kill -l "$signal"))) ]
        jq -e '.interrupted and .messages >= 1 and .messages < 10000 and .arrived >= 1 and .expected == .messages' \
            publish.out
        grep -q "^devnet: interrupted: [0-9]* of 10000 were published$" publish.err
        grep -q '"interrupted": *true' "$signal.html"
    done
    launch publish "$BIN/devnet" publish node1 block --size 100 --count 10000 --rate 20
    eventually grep -q "devnet publish node1 block --size 100 --count 10000 --rate 20  # " .devnet/commands
    status=0
    end publish TERM || status=$?
    [ "$status" -eq 143 ]
    run -0 devnet publish node1 block 'and one' --json
    jq -e '.interrupted | not' <<< "$output"
    devnet report bug
    grep -qE "devnet publish node1 block 'and one' --json  # 20" bug/commands
}
