#!/usr/bin/env bats
# Our node and js-libp2p, each dialling and dialled.

bats_require_minimum_version 1.5.0
load interop/peers.bash

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    cd "$BATS_TEST_TMPDIR" || return
    require_js
}

# 32 bytes that a js-libp2p peer makes its key of, for those that come back.
SEED=0101010101010101010101010101010101010101010101010101010101010101

# Whether a step for which a jq condition holds is in what devnet-connect found.
step() {
    jq --exit-status "any(.steps[]; $1)" connect.json
}

teardown() {
    end_all
}

@test "the js peer itself works: js-libp2p meets js-libp2p" {
    start_js a --status
    start_js b --status --dial "$(address a)"
    seen a 'e.event == "identified" && e.protocols.includes("/meshsub/1.2.0")'
    seen b 'e.event == "status" && e.head.slot == 96'
    seen a 'e.event == "status_answered"'
    seen a 'e.event == "graft"'
    seen b 'e.event == "graft"'
    [ "$(ask a '{"command":"mesh"}' mesh 'e.peers.join()')" = "$(peer_id b)" ]
    ask b "{\"command\":\"ping\",\"peer_id\":\"$(peer_id a)\"}" pinged e.rtt_ms
    tell a '{"command":"publish","text":"from a"}'
    seen b 'e.event == "message" && e.text == "from a"'
    tell b '{"command":"publish","hex":"00ff"}'
    seen a 'e.event == "message" && e.hex == "00ff"'
    [ "$(meshsub_streams a)" = "1 1" ]
    tell b '{"command":"exit"}'
    seen a 'e.event == "disconnected"'
}

@test "js-libp2p dials our node: mesh, a message each way, one stream each way, no orphan" {
    start_node ours
    start_js js --dial "$(address ours)"
    meshed ours js
    converse ours js
    [ "$(meshsub_streams js)" = "1 1" ]
    [ "$(ask js '{"command":"mesh"}' mesh 'e.peers.join()')" = "$(peer_id ours)" ]
    no_orphans ours
}

@test "our node dials js-libp2p: mesh, a message each way, one stream each way, no orphan" {
    start_js js
    start_node ours
    post ours /connect "{\"addr\":\"$(address js)\",\"until\":\"mesh\"}"
    meshed ours js
    converse ours js
    [ "$(meshsub_streams js)" = "1 1" ]
    no_orphans ours
}

@test "our node dials js-libp2p that it was told of at start" {
    start_js js
    start_node ours --bootnode "$(address js)"
    meshed ours js
    converse ours js
}

@test "js-libp2p learns by identify who we are and what we speak" {
    start_node ours --agent interop/7
    start_js js --dial "$(address ours)"
    seen js "e.event == 'identified' && e.peer_id == '$(peer_id ours)' && e.agent == 'interop/7'"
    for protocol in /meshsub/1.2.0 /meshsub/1.1.0 /meshsub/1.0.0 /ipfs/id/1.0.0 /ipfs/ping/1.0.0 \
        /leanconsensus/req/status/1/ssz_snappy; do
        seen js "e.event == 'identified' && e.protocols.includes('$protocol')"
    done
    seen ours "e.event == 'identified' && e.peer_id == '$(peer_id js)' && e.agent.includes('js-libp2p')"
}

@test "our node and js-libp2p ping each other" {
    start_js js
    start_node ours --bootnode "$(address js)"
    seen js 'e.event == "connected"'
    ask js "{\"command\":\"ping\",\"peer_id\":\"$(peer_id ours)\"}" pinged e.rtt_ms
    post ours /ping "{\"peer_id\":\"$(peer_id js)\"}"
    seen ours "e.event == 'pong' && e.peer_id == '$(peer_id js)' && e.rtt_ms > 0"
    no_orphans ours
}

@test "our node passes over a status that js-libp2p does not speak" {
    start_js js
    start_node ours --bootnode "$(address js)"
    seen ours 'e.event == "status_failed" && e.not_spoken'
    meshed ours js
    no_orphans ours
}

@test "our node asks js-libp2p for its status" {
    start_js js --status
    start_node ours --bootnode "$(address js)"
    seen ours 'e.event == "status" && e.role == "asked" && e.received.head.slot == 96'
    seen js 'e.event == "status_answered"'
    meshed ours js
    no_orphans ours
}

@test "js-libp2p asks our node for its status" {
    start_node ours
    start_js js --status --dial "$(address ours)"
    seen js 'e.event == "status"'
    seen ours 'e.event == "status" && e.role == "answered" && e.received.head.slot == 96'
    meshed ours js
    no_orphans ours
}

@test "js-libp2p that speaks no more than gossipsub 1.1 or 1.0 is meshed with" {
    start_node ours
    local version
    for version in 1.1 1.0; do
        start_js "js-$version" --meshsub "$(up_to "$version")" --dial "$(address ours)"
        meshed ours "js-$version"
        converse ours "js-$version" "$version"
        [ "$(meshsub_streams "js-$version")" = "1 1" ]
    done
    no_orphans ours
}

@test "our node dials js-libp2p that speaks no more than gossipsub 1.0" {
    start_js js --meshsub 1.0
    start_node ours --bootnode "$(address js)"
    meshed ours js
    converse ours js
    [ "$(meshsub_streams js)" = "1 1" ]
    no_orphans ours
}

@test "an Ed25519 identity, js-libp2p's own default, is accepted both ways" {
    start_node ours
    start_js dialler --key-type ed25519 --dial "$(address ours)"
    meshed ours dialler
    start_js listener --key-type ed25519
    post ours /connect "{\"addr\":\"$(address listener)\",\"until\":\"mesh\"}"
    meshed ours listener
}

@test "a message is forwarded from one js-libp2p to another through our node" {
    start_node ours
    start_js a --dial "$(address ours)"
    start_js b --dial "$(address ours)"
    meshed ours a
    meshed ours b
    tell a '{"command":"publish","text":"through the middle"}'
    seen b "e.event == 'message' && e.text == 'through the middle' && e.peer_id == '$(peer_id ours)'"
    no_orphans ours
}

# Both dial each other over paths that take longer than the start of the second dial, so that there
# are two connections.
dial_each_other() {
    local to_js to_ours
    start_js js
    start_node ours
    start_relay to_js "$(address js)"
    start_relay to_ours "$(address ours)"
    to_js=$(seen to_js 'e.event == "ready"' e.listen)
    to_ours=$(seen to_ours 'e.event == "ready"' e.listen)
    tell js "{\"command\":\"dial\",\"address\":\"$to_ours\"}"
    post ours /connect "{\"addr\":\"$to_js\",\"until\":\"mesh\"}"
    seen js 'e.event == "connection_opened" && e.direction == "inbound"'
    seen js 'e.event == "connection_opened" && e.direction == "outbound"'
    seen ours 'e.event == "connected" && e.direction == "accepted"'
    seen ours 'e.event == "connected" && e.direction == "dialled"'
    meshed ours js
}

@test "a simultaneous dial leaves two connections and one stream each way" {
    dial_each_other
    converse ours js
    [ "$(ask js '{"command":"streams"}' streams e.connections.length)" -eq 2 ]
    [ "$(meshsub_streams js)" = "1 1" ]
    no_orphans ours
}

@test "after a simultaneous dial messages flow on when the dialled connection closes" {
    dial_each_other
    ask js '{"command":"close","direction":"inbound"}' connection_closed e.id
    seen ours 'e.event == "disconnected" && e.direction == "dialled"'
    until [ "$(meshsub_streams js)" = "1 1" ]; do :; done
    converse ours js afterwards
    [ "$(meshsub_streams js)" = "1 1" ]
    no_orphans ours
}

@test "after a simultaneous dial js-libp2p still hears us when the accepted connection closes" {
    dial_each_other
    ask js '{"command":"close","direction":"outbound"}' connection_closed e.id
    seen ours 'e.event == "disconnected" && e.direction == "accepted"'
    post ours /publish '{"topic":"lean:block","text":"afterwards"}'
    seen js 'e.event == "message" && e.text == "afterwards"'
    # Its own stream went with that connection, where it was on it (a busy machine may bring them up the
    # other way round), and it opens another only when a peer or a stream is new to it: none is here.
    [[ $(meshsub_streams js) == "1 "[01] ]]
    no_orphans ours
}

@test "js-libp2p that left and came back with the same key is meshed with again" {
    start_node ours
    start_js js --seed "$SEED" --dial "$(address ours)"
    meshed ours js
    tell js '{"command":"exit"}'
    seen ours 'e.event == "disconnected"'
    start_js js --seed "$SEED" --dial "$(address ours)"
    seen js "e.event == 'graft' && e.peer_id == '$(peer_id ours)'"
    converse ours js again
    [ "$(meshsub_streams js)" = "1 1" ]
    no_orphans ours
}

@test "js-libp2p that was killed and came back with the same key is meshed with again" {
    start_node ours
    start_js js --seed "$SEED" --dial "$(address ours)"
    meshed ours js
    end js KILL || true
    start_js js --seed "$SEED" --dial "$(address ours)"
    seen js "e.event == 'graft' && e.peer_id == '$(peer_id ours)'"
    converse ours js again
    [ "$(meshsub_streams js)" = "1 1" ]
    no_orphans ours
}

@test "js-libp2p killed in the mesh is noticed, and others are not disturbed" {
    start_node ours
    start_js victim --dial "$(address ours)"
    start_js bystander --dial "$(address ours)"
    meshed ours victim
    meshed ours bystander
    end victim KILL || true
    converse ours bystander
    seen ours "e.event == 'disconnected' && e.peer_id == '$(peer_id victim)'"
    seen ours "e.event == 'mesh_left' && e.peer_id == '$(peer_id victim)'"
    no_orphans ours
}

@test "our node says goodbye to js-libp2p when it is asked to end" {
    start_node ours
    start_js js --dial "$(address ours)"
    meshed ours js
    end ours TERM
    seen js 'e.event == "disconnected"'
}

@test "our node killed and started again is meshed with again" {
    start_js js
    start_node ours --bootnode "$(address js)"
    meshed ours js
    end ours KILL || true
    # Earlier js-libp2p would take the stream it has for alive, and open no other.
    seen js 'e.event == "disconnected"'
    start_node ours --bootnode "$(address js)"
    seen ours 'e.event == "mesh_joined"'
    converse ours js again
    no_orphans ours
}

# Back on another port, so that nothing tells js-libp2p of it: it opens no stream on the second
# connection while it holds the first.
@test "our node killed and back before js-libp2p noticed dials it anew, and is meshed with again" {
    start_js js
    start_node ours --bootnode "$(address js)"
    meshed ours js
    end ours KILL || true
    start_node ours --bootnode "$(address js)"
    local step
    for step in closed dialling healed; do
        seen ours "e.event == 'healing' && e.step == '$step' && e.attempt == 1 &&
            e.peer_id == '$(peer_id js)'"
    done
    meshed ours js
    converse ours js again
    [ "$(meshsub_streams js)" = "1 1" ]
    end ours
}

@test "js-libp2p killed and back under its key and address is dialled again" {
    start_js js --seed "$SEED"
    start_node ours --bootnode "$(address js)"
    meshed ours js
    local listen
    listen=$(address js)
    end js KILL || true
    start_js js --seed "$SEED" --listen "${listen%/p2p/*}"
    seen js "e.event == 'graft' && e.peer_id == '$(peer_id ours)'"
    converse ours js again
    run ! grep -F '"healing"' ours.out
    no_orphans ours
}

@test "our node stopped and started again is meshed with again" {
    start_js js
    start_node ours --bootnode "$(address js)"
    meshed ours js
    end ours
    start_node ours --bootnode "$(address js)"
    seen ours 'e.event == "mesh_joined"'
    converse ours js again
    no_orphans ours
}

@test "devnet-connect reaches the mesh of js-libp2p" {
    start_js js
    "$BIN/devnet-connect" --json --until mesh "$(address js)" > connect.json
    local step
    for step in handshake identify streams mesh; do
        step ".step == \"$step\" and .ok"
    done
}

@test "devnet-connect reports js-libp2p's status, and that it is not spoken" {
    start_js js --status
    "$BIN/devnet-connect" --json --until status "$(address js)" > connect.json
    step '.step == "status" and .ok'
    start_js stranger
    run -5 "$BIN/devnet-connect" --until status "$(address stranger)"
}

@test "a stream that our node orphans on purpose is seen by js-libp2p and found in our log" {
    start_js js
    start_node ours --fault second-gossip-stream --bootnode "$(address js)"
    until [ "$(meshsub_streams js)" = "2 1" ]; do :; done
    end ours
    run -1 "$BIN/devnet-orphans" ours.qlog
    [[ $output == *orphaned* ]]
}

@test "a stream that js-libp2p opened, said something on and forgot is an orphan once it goes on elsewhere" {
    start_node ours
    start_js js --dial "$(address ours)"
    meshed ours js
    ask js "{\"command\":\"orphan\",\"peer_id\":\"$(peer_id ours)\"}" orphan e.protocol
    # What its router says goes over its own stream.
    until "$BIN/devnet-orphans" --json ours.qlog > report.json || [ $? -eq 1 ] &&
        jq -e '.summary.orphans == 1' report.json > found; do
        tell js '{"command":"publish","bytes":64}'
        sleep 0.2
    done
    jq -e '[.connections[].streams[] | select(.orphan)] | length == 1 and (.[0] |
        .verdict == "orphaned_at_opener" and .bytes_out == .bytes_back + 1 and .opened_by == "client")' report.json
}

@test "devnet-mesh visits js-libp2p: who it is, what it is subscribed to, and its GRAFT" {
    start_js js
    "$BIN/devnet-mesh" dump -o mesh.json "$(address js)"
    jq --exit-status --arg id "$(peer_id js)" '.foreign[0] | .peer_id == $id and
        (.agent | startswith("js-libp2p/")) and (.protocols | index("/meshsub/1.2.0") != null) and
        .topics == {"/leanconsensus/12345678/block/ssz_snappy": {subscribed: true, has_visitor: true}}
        and (.volatile.heard.graft | length) == 1 and .status == null and
        .visit == {ended: null, status: "not spoken",
            streams: {ours: "/meshsub/1.2.0", theirs: ["/meshsub/1.2.0"]}}' mesh.json
    "$BIN/devnet-mesh" diff mesh.json "$(address js)"
    seen js 'e.event == "graft" && e.direction == "outbound"'
}

@test "devnet-mesh visits js-libp2p with status, beside our node that is meshed with it" {
    start_js js --status --topic block --topic attestation_0
    start_node ours --bootnode "$(address js)"
    meshed ours js
    "$BIN/devnet-mesh" dump -o mesh.json "$(seen ours 'e.event == "ready"' e.api)" "$(address js)"
    jq --exit-status '(.nodes[0].peers | length) == 1 and (.foreign[0] |
        .status.head.slot == 96 and .visit.status == "answered" and (.topics | length) == 2 and
        all(.topics[]; .has_visitor) and .sources.status == "status")' mesh.json
    "$BIN/devnet-mesh" check mesh.json | grep -F "sound: 1 node, 1 foreign, 1 topic"
}
