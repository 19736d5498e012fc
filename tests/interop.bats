#!/usr/bin/env bats
# Our node and js-libp2p, each dialling and dialled.

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
