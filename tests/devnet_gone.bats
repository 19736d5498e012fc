#!/usr/bin/env bats
# What a devnet says of nodes that are gone: those that ended by themselves are no part of "sound",
# "arrived" and "as expected", and are not passed over.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load own_devnet.bash

# A node of the devnet ends by itself: end_node NAME.
end_node() {
    kill -9 -- "-$(cat ".devnet/$1/pid")"
    eventually has_state "$1" down
}

has_state() {
    devnet status --json > status.json || true
    jq -e --arg name "$1" --arg state "$2" 'any(.nodes[]; .name == $name and .state == $state)' status.json
}

@test "a client that ended by itself is an error of the mesh, whether a tap tells of it or not" {
    devnet up -n 2 --with mine="$mine --bootnode {bootnode}"
    run -0 devnet mesh check --wait 10s
    end_node mine
    run -1 devnet mesh check
    grep -qx "error node_reachable: mine ended by itself" <<< "$output"
    [[ ${lines[-1]} == "unsound: 2 nodes, "* ]]
    run -1 --separate-stderr devnet mesh dump -o mesh.json
    [[ $stderr == *": mine ended by itself" ]]
    jq -e '.unreachable[0].api as $api | .names[$api] == "mine" and ($api | test("^/ip4/.*/p2p/"))' mesh.json
    run -1 "$BIN/devnet-mesh" check mesh.json
    run -1 --separate-stderr devnet mesh graph --json
    jq -e 'any(.nodes[]; .label == "mine" and .state == "unreachable")' <<< "$output"
    # Who is stopped on purpose is not missed.
    devnet stop mine
    run -0 devnet mesh check --wait 10s
    devnet down

    devnet up --tap -n 2 --with mine="$mine --bootnode {bootnode}"
    run -0 devnet mesh check --wait 10s
    end_node mine
    run -1 devnet mesh check
    grep -qx "error node_reachable: mine ended by itself" <<< "$output"
    run -1 "$BIN/devnet-mesh" check .devnet
    grep -qx "error node_reachable: mine ended by itself" <<< "$output"
}

@test "a run fails where a node ended that no step stopped, and says which" {
    # It ends once a step was done, and has until the next one for that.
    cat > file.yaml <<- E
		nodes:
		  - count: 2
		  - name: mine
		    command: '$mine --bootnode {bootnode} & until [ -s .devnet/steps.jsonl ]; do sleep 0.05; done; kill \$!'
		timeline:
		  - at 0s status
		  - at 2s publish node1 block hello
		checks:
		  - orphans
	E
    sed -i "s|'\($BIN/devnet-node\)'|\1|" file.yaml
    run -1 --separate-stderr devnet run -f file.yaml
    [ "$stderr" = "devnet: mine ended by itself; where it is to, a step \`stop mine\` says so" ]
    run ! grep "as expected" <<< "$output"
    jq -es 'map(.ok) == [true, true, true]' .devnet/steps.jsonl
    run -1 --separate-stderr devnet run -f file.yaml --json
    jq -es '.[-1] | .event == "end" and (.ok | not) and .failed == 0 and .ended == ["mine"]' <<< "$output"
    # That it is stopped is said.
    sed -i 's/^checks:/  - at 2s stop mine\n&/' file.yaml
    run -0 --separate-stderr devnet run -f file.yaml --json
    jq -es '.[-1] | .ok and .ended == []' <<< "$output"
}

@test "a node that was stopped and whose start fails is one that ended by itself" {
    devnet up -n 3
    devnet stop node3
    rm .devnet/node3/key
    mkdir .devnet/node3/key
    run -1 devnet start node3
    [[ $output == *"node3 ended with exit status "* ]]
    has_state node3 down
    run -2 --separate-stderr devnet publish node3 block x
    [ "$stderr" = "devnet: node3 ended by itself: \`devnet start node3\`" ]
    # And stays one, where nothing comes of the next start either.
    jq '.nodes[2].place = "/nowhere"' .devnet/devnet.json > changed
    cp changed .devnet/devnet.json
    run -1 devnet start node3
    [[ $output == *"cannot start "*" in /nowhere, "* ]]
    run -0 devnet down
    run -1 --separate-stderr devnet mesh check
    grep -qx "error node_reachable: node3 ended by itself" <<< "$output"
}

@test "a run fails where a start that it expects to fail leaves a node down" {
    mkdir once
    ln -s "$BIN"/devnet-* once
    rm once/devnet-node
    cat > once/devnet-node <<- E
		#!/bin/sh
		[ "\$2" = "$PWD/.devnet/late/key" ] && ! mkdir "$PWD/been" 2> been.err && exit 3
		exec "$BIN/devnet-node" "\$@"
	E
    chmod +x once/devnet-node
    cat > file.yaml <<- E
		nodes:
		  - count: 1
		  - name: late
		timeline:
		  - at 0s stop late
		  - at 0s expect any start late
		  - at 0s expect 1 mesh check
		checks:
		  - orphans
	E
    DEVNET_BIN=$PWD/once run -1 --separate-stderr devnet run -f file.yaml --json
    jq -es '.[-1] | .event == "end" and (.ok | not) and .failed == 0 and .ended == ["late"]' <<< "$output"
    jq -es 'map(.exit) == [0, 1, 1, 0]' .devnet/steps.jsonl
}

@test "publish lists whom it cannot see, and counts a node that ended by itself" {
    devnet up -n 3 --with mine="$mine --bootnode {bootnode}"
    devnet mesh check --wait 10s
    devnet pause mine
    run -0 devnet publish node1 block one
    grep -qx "mine     not seen: it has no API of ours" <<< "$output"
    end_node node3
    run -1 --separate-stderr devnet publish node1 block two --json --html page.html --timeout 1s
    jq -e '.expected == 2 and .arrived == 1 and .not_seen == [{name: "mine", why: "has no API of ours"}] and
        any(.nodes[]; .name == "node3" and .got == 0)' <<< "$output"
    [[ $stderr == *"warn: node3: it has ended by itself"* ]]
    grep -q '"not_seen": *\[{' page.html
    # Who is stopped on purpose is not subscribed to anything.
    devnet stop node3
    end_node mine
    run -0 devnet publish node1 block three
    grep -qx "mine     not seen: it ended by itself" <<< "$output"
    devnet stop node2
    run -1 --separate-stderr devnet publish node1 block four
    [[ $stderr == "devnet: /"*": no other node that can be asked is subscribed to it" ]]
    devnet stop mine
    run -1 --separate-stderr devnet publish node1 block five
    [[ $stderr == "devnet: /"*": no other node is subscribed to it" ]]
}

@test "down leaves the mesh as unsound as it was" {
    devnet up -n 4 --with mine="$mine --bootnode {bootnode}"
    devnet mesh check --wait 10s
    end_node node3
    end_node mine
    devnet pause node4
    devnet stop node2
    run -1 devnet mesh check --timeout 500ms
    devnet down
    run -1 --separate-stderr devnet mesh check
    [ "$(grep -c "^error node_reachable: " <<< "$output")" -eq 3 ]
    for missed in "node3 ended by itself" "mine ended by itself" "node4 is paused"; do
        grep -qx "error node_reachable: $missed" <<< "$output"
    done
    [[ ${lines[-1]} == "unsound: 1 node, "* ]]
    jq -e '[.unreachable[].api as $api | .names[$api]] | sort == ["mine", "node3", "node4"]' .devnet/mesh.json
    run -1 --separate-stderr devnet mesh graph --json
    jq -e '[.nodes[] | select(.state == "unreachable") | .label] | sort == ["mine", "node3", "node4"]' <<< "$output"
    devnet report bug
    grep -q "^- mesh: unsound: 1 node, " bug/README.md

    # None is left to answer.
    devnet up -n 1
    end_node node1
    run -1 devnet mesh check
    devnet down
    run -1 --separate-stderr devnet mesh check
    grep -qx "error node_reachable: node1 ended by itself" <<< "$output"
}

@test "a report says how each node is, the relay, and whom the mesh's check did not ask" {
    devnet up -n 3 --partitionable --with mine="$mine --bootnode {bootnode}"
    devnet mesh check --wait 10s
    devnet report sound
    grep -q "^node1, node2, node3, mine and the relay, up when this was written, 20" sound/README.md
    grep -qE "^- mesh: sound: 3 nodes, 1 topic; not asked, [^:]*: mine$" sound/README.md
    [ ! -s sound/remarks.txt ]
    devnet stop node2
    devnet pause node3
    end_node mine
    kill -9 "$(jq '.between[0].pid' .devnet/devnet.json)"
    devnet report bad
    grep -q "^node1, up; node2, stopped; node3, paused; mine and the relay, ended by itself when " bad/README.md
    grep -q "^- mesh: unsound: " bad/README.md
    # Of a devnet that is down all is.
    devnet down
    devnet report down
    grep -q "^node1, node2, node3 and mine, down when " down/README.md
}

@test "a node that was removed is still called by its name, until another is" {
    devnet up -n 3 --with mine="$mine --bootnode {bootnode}"
    devnet mesh check --wait 10s
    id=$(jq -r '.nodes[2].peer_id' .devnet/devnet.json)
    devnet remove node3
    jq -e --arg id "$id" '.removed == {($id): "node3"}' .devnet/devnet.json
    run -0 devnet orphans -v
    [[ $output == *"node1 -> node3"* && $output != *"the server"* ]]
    devnet orphans --json | jq -e 'any(.connections[]; .names == {client: "node1", server: "node3"})'
    devnet logs -e node1 --json > events
    jq -es --arg id "$id" 'any(.[]; .peer_id == $id) and all(.[] | select(.peer_id == $id); .peer_name == "node3")' events
    devnet mesh dump -o mesh.json || true
    jq -e --arg id "$id" '.names[$id] == "node3"' mesh.json
    "$BIN/devnet-mesh" dump .devnet | jq -e --arg id "$id" '.names[$id] == "node3"'
    run -2 devnet stop node3
    [[ $output == *"node3: no such node in "*"; there are node1, node2 and mine" ]]
    devnet down
    run -0 devnet orphans -v
    [[ $output == *"node1 -> node3"* ]]
    devnet report bug
    grep -q '"peer_name":"node3"' bug/timeline.jsonl

    # The name goes to who is called so now.
    devnet up -n 2
    devnet add node3
    devnet remove node3
    rm .devnet/node3/key
    devnet add node3
    jq -e 'has("removed") | not' .devnet/devnet.json
}

@test "of the nodes that were removed the first are forgotten first" {
    devnet up -n 3 --connect none
    ids=$(jq -c '[.nodes[].peer_id]' .devnet/devnet.json)
    # As many as are kept, from the first on, and not in the order of their ids.
    jq '.removed = ([range(500)] | map({key: "\(999 - .)", value: "gone\(.)"}) | from_entries)' \
        .devnet/devnet.json > changed
    cp changed .devnet/devnet.json
    devnet remove node3
    devnet remove node2
    jq -e --argjson ids "$ids" '.removed | keys_unsorted ==
        [(range(2; 500) | "\(999 - .)"), $ids[2], $ids[1]]' .devnet/devnet.json
}

@test "who cannot be asked as it is stopped, ended or paused is told so, and what to do" {
    devnet up -n 2
    devnet pause node2
    run -2 --separate-stderr devnet publish node2 block x
    [ "$stderr" = "devnet: node2 is paused: \`devnet resume node2\`" ]
    end_node node2
    run -2 --separate-stderr devnet publish node2 block x
    [ "$stderr" = "devnet: node2 ended by itself: \`devnet start node2\`" ]
    devnet stop node1 node2
    run -2 --separate-stderr devnet publish node1 block x
    [ "$stderr" = "devnet: node1 is stopped: \`devnet start node1\`" ]
    echo '{}' > before.json
    for command in check dump graph "diff before.json"; do
        # shellcheck disable=SC2086 # one or two words
        run -2 --separate-stderr devnet mesh $command
        [ "$stderr" = "devnet: ${command%% *}: nobody is left to ask: node1 is stopped: \`devnet start node1\`" ]
    done
}

@test "a snapshot is not replaced by one of nodes that are all stopped" {
    devnet up -n 2
    devnet-mesh dump -o mesh.json .devnet
    cp mesh.json earlier.json
    devnet stop node1 node2
    run -1 devnet-mesh dump -o mesh.json .devnet
    [ "$output" = "devnet-mesh: warn: --output mesh.json: left as it is, as no node is up to be asked" ]
    cmp earlier.json mesh.json
    devnet-mesh dump -o new.json .devnet
    jq -e '.nodes == [] and (.stopped | length) == 2' new.json
}
