#!/usr/bin/env bats
# devnet-tap between other stacks: js-libp2p, and go-libp2p and rust-libp2p where they are built.

bats_require_minimum_version 1.5.0
load interop/peers.bash

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    cd "$BATS_TEST_TMPDIR" || return
    require_js
}

teardown() {
    end_all
}

# A tap before a and b, and a dials b through it.
meet_through_tap() {
    start_tap tap "a=a.key,127.0.0.1:0,$(address a)" "b=b.key,127.0.0.1:0,$(address b)"
    tell a "{\"command\":\"dial\",\"address\":\"$(seen tap 'e.event == "ready"' 'e.nodes[1].address')\"}"
}

# They mesh, each sends the other a message, and the tap has carried all on one connection.
converse_through_tap() {
    seen a "e.event == 'graft' && e.peer_id == '$(peer_id b)'"
    seen b "e.event == 'graft' && e.peer_id == '$(peer_id a)'"
    tell a '{"command":"publish","text":"from a"}'
    seen b 'e.event == "message" && e.text == "from a"'
    tell b '{"command":"publish","text":"from b"}'
    seen a 'e.event == "message" && e.text == "from b"'
    seen tap 'e.event == "connected" && e.dialler == "a" && e.listener == "b"'
    [ "$(grep -c '"event":"connected"' tap.out)" -eq 1 ]
}

@test "js-libp2p and js-libp2p through a tap: from another port, known by its ed25519 certificate" {
    start_peer a js 0b ed25519
    start_peer b js 16
    meet_through_tap
    converse_through_tap
    seen tap 'e.event == "connected" && e.front_first'
    [ "$(meshsub_streams a)" = "1 1" ]
    [ "$(meshsub_streams b)" = "1 1" ]
}

@test "js-libp2p, go-libp2p and rust-libp2p through a tap" {
    for kind in go rust; do
        if [ ! -x "$BIN/interop/$kind-peer" ]; then skip "there is no $kind-libp2p: make interop"; fi
    done
    for pair in "go js" "js rust" "rust go"; do
        read -r first second <<< "$pair"
        start_peer a "$first" 0b
        start_peer b "$second" 16
        meet_through_tap
        converse_through_tap
        end_all
        rm -f ./*.in ./*.out
    done
}
