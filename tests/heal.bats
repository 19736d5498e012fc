#!/usr/bin/env bats
# Nodes that are killed and come back under their key: gossip flows both ways again, whoever was
# killed, whoever had dialled, and whether it is back before it was missed or long after.

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
    use_programs
}

teardown() {
    end_all
}

# A listener and who dials it, each with a key of its own to come back under.
meet() {
    start_node listener --key listener.key
    start_dialler dialler listener --key dialler.key
    await_mesh listener dialler
    listener=$(address listener)
}

kill_node() {
    end "$1" KILL || true
}

# At its old address, as who dials it expects.
revive_listener() {
    start_node listener --key listener.key --listen "${listener%/p2p/*}"
}

# At another port, as a client has: no stateless reset can end what it left behind.
revive_dialler() {
    start_node dialler --key dialler.key --bootnode "$listener"
}

# Publishes at FROM until a message has come to TO: flows FROM TO.
flows() {
    heard() {
        api "$1" /publish "{\"topic\":\"lean:block\",\"text\":\"$1 $EPOCHREALTIME\"}" > /dev/null
        jq -en --arg from "$(printf '%s ' "$1" | od -An -v -tx1 | tr -d ' \n')" \
            'first(inputs | select(.event == "message" and (.data | startswith($from))))' \
            < "$2.out" > /dev/null
    }
    eventually heard "$1" "$2"
}

both_ways() {
    flows listener dialler
    flows dialler listener
    # Two of ours make up without being dialled anew.
    run ! has_printed listener '.event == "healing"'
    run ! has_printed dialler '.event == "healing"'
}

@test "a killed listener is back at once: a stateless reset ends what it left behind" {
    meet
    skipped=$(lines_of dialler)
    kill_node listener
    revive_listener
    api dialler /publish '{"topic":"lean:block","text":"are you there?"}'
    await dialler '.event == "disconnected" and .cause == "stateless_reset"' . "$skipped"
    both_ways
}

@test "a killed listener is back after it was missed" {
    meet
    kill_node listener
    api dialler /publish '{"topic":"lean:block","text":"are you there?"}'
    await dialler '.event == "disconnected" and .reason == "the peer did not answer a probe"'
    revive_listener
    both_ways
}

@test "a killed dialler is back at once" {
    meet
    kill_node dialler
    revive_dialler
    both_ways
}

@test "a killed dialler is back after it was missed" {
    meet
    kill_node dialler
    await listener '.event == "disconnected" and .cause == "idle_timeout"'
    revive_dialler
    both_ways
}

@test "a peer without topics is dialled anew once, and stays connected then" {
    export DEADLINE=40
    start_node mute
    api mute /unsubscribe '{"topic":"lean:block"}'
    start_dialler dialler mute
    closed=$(await dialler '.event == "healing" and .step == "closed"')
    jq -e --arg mute "$(peer_id mute)" '.peer_id == $mute and .attempt == 1 and
        .wait_ms == 10000 and (.reason | contains("announced no topic"))' <<< "$closed"
    await dialler '.event == "healing" and .step == "dialling"'
    await dialler '.event == "healing" and .step == "given_up"'
    api dialler /peers | jq -e '(.peers | length) == 1'
    [ "$(grep -c '"event":"connected"' dialler.out)" = 2 ]
    # What it announces later is heard.
    api mute /subscribe '{"topic":"lean:block"}'
    await_mesh mute dialler
    [ "$(grep -c '"event":"healing"' dialler.out)" = 3 ]
}
