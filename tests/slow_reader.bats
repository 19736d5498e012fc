#!/usr/bin/env bats
# A peer that stops reading for a while, with 10 MB on their way to it: what it was to hear of
# subscriptions and meshes meanwhile it hears when it reads on, and both ends believe the same.
# shellcheck disable=SC2016,SC2317 # jq has variables of its own; changes are called by name

bats_require_minimum_version 1.5.0
load helpers.bash

MESSAGES=10
BEAT=3s

setup() {
    use_programs
}

teardown() {
    end_all
}

# The listener and the dialler, meshed on three topics of four; each is the peer that reads slowly in
# turn.
meet() {
    local options=(--topic lean:block --topic lean:attestation_1 --topic lean:attestation_2
        --heartbeat "$BEAT" --idle-timeout 60s)
    start_node listener "${options[@]}" "$@"
    start_dialler dialler listener "${options[@]}" "$@"
    eventually agree listener dialler
    eventually meshed_on listener dialler 3
}

# Of the API's answer of both, whether each knows the other's subscriptions and both have each other
# in the same meshes.
agree() {
    api "$1" /mesh > "$1.mesh"
    api "$2" /mesh > "$2.mesh"
    jq -es '.[0] as $a | .[1] as $b |
        def known($x; $y): [$x.topics | to_entries[] | select(.value.subscribed) | .key] | sort ==
            ([$y.topics | to_entries[] | select(.value.subscribers | index($x.peer_id)) | .key] | sort);
        def meshes($x; $y): [$x.topics | to_entries[] | select(.value.mesh | index($y.peer_id)) | .key] | sort;
        known($a; $b) and known($b; $a) and meshes($a; $b) == meshes($b; $a)' "$1.mesh" "$2.mesh" > agreed
}

# How many topics NAME has OTHER in the mesh of: meshed_on NAME OTHER COUNT.
meshed_on() {
    api "$1" /mesh | jq -e --arg peer "$(peer_id "$2")" --argjson count "$3" \
        '[.topics[] | select(.mesh | index($peer))] | length == $count' > /dev/null
}

unsent_is() {
    api "$1" /mesh | jq -e ".peers | all(.outbound_stream.unsent $2)" > /dev/null
}

beats_of() {
    api "$1" /metrics | awk '$1 == "devnet_heartbeats_total" { print $2 }'
}

# Writes COUNT bodies of a message of 1 MB each, no two the same, to many0, many1...
prepare_many() {
    local random i
    random=$(head -c 750000 /dev/urandom | base64 -w 0)
    for ((i = 0; i < $1; i++)); do
        printf '{"topic":"lean:block","text":"%04d%s"}' "$i" "$random" > "many$i"
    done
}

# NAME publishes so much that control has to wait until its peer reads on.
publish_much() {
    api_many "$1" /publish many? > published
    jq -es "length == $MESSAGES and all(.receivers == 1)" published
    unsent_is "$1" '> 2000000'
}

subscribe() { api "$1" /subscribe "{\"topic\":\"lean:$2\"}" > /dev/null; }
unsubscribe() { api "$1" /unsubscribe "{\"topic\":\"lean:$2\"}" > /dev/null; }

# SLOW reads on; SENDER's view and its own are the same within two heartbeats.
read_on() {
    local slow=$1 sender=$2 beats
    send_signal "$slow" CONT
    eventually unsent_is "$sender" '== 0'
    beats=$(beats_of "$sender")
    eventually agree "$sender" "$slow"
    [ $(($(beats_of "$sender") - beats)) -le 2 ]
    [ "$(grep -c '"event":"disconnected"' "$sender.out")" = 0 ]
}

# Does CHANGE at the sender while its peer reads nothing: while_stopped SLOW SENDER CHANGE...
while_stopped() {
    local slow=$1 sender=$2
    shift 2
    prepare_many "$MESSAGES"
    send_signal "$slow" STOP
    publish_much "$sender"
    "$@"
    read_on "$slow" "$sender"
}

both_ways() {
    while_stopped dialler listener "$1" listener
    while_stopped listener dialler "$1" dialler
}

topic_of() {
    api "$1" /mesh | jq -e --arg peer "$(peer_id "$2")" \
        ".topics[\"/leanconsensus/12345678/$3/ssz_snappy\"] | $4" > /dev/null
}

change_subscribe() { subscribe "$1" aggregation; }

@test "SUBSCRIBE is heard by a peer that reads on" {
    meet
    both_ways change_subscribe
    topic_of dialler listener aggregation '.subscribers | index($peer)'
    topic_of listener dialler aggregation '.subscribers | index($peer)'
}

change_unsubscribe() { unsubscribe "$1" attestation_1; }

@test "UNSUBSCRIBE is heard by a peer that reads on" {
    meet
    both_ways change_unsubscribe
    topic_of dialler listener attestation_1 '.subscribers | index($peer) | not'
    topic_of listener dialler attestation_1 '.subscribers | index($peer) | not'
}

# The peer is subscribed: whoever subscribes too grafts it.
change_graft() { subscribe "$1" "attestation_3"; }

@test "GRAFT is heard by a peer that reads on" {
    meet
    subscribe dialler attestation_3
    eventually agree listener dialler
    while_stopped dialler listener change_graft listener
    topic_of dialler listener attestation_3 '.mesh | index($peer)'
    subscribe listener attestation_4
    eventually agree listener dialler
    change_graft() { subscribe "$1" attestation_4; }
    while_stopped listener dialler change_graft dialler
    topic_of listener dialler attestation_4 '.mesh | index($peer)'
}

# As the peer is told, nothing has become of the subscription: what is left is PRUNE.
change_prune() {
    unsubscribe "$1" attestation_2
    subscribe "$1" attestation_2
}

@test "PRUNE alone is heard by a peer that reads on, with the backoff that is left" {
    meet --trace rpc --log-format json
    while_stopped dialler listener change_prune listener
    topic_of dialler listener attestation_2 '(.subscribers | index($peer)) and .mesh == []'
    jq -es 'map(select(.trace == "rpc" and .direction == "in")) |
        (map(.prune // [] | .[]) | length == 1 and .[0].backoff <= 10) and
        all(.subscriptions // [] | all(.subscribe))' dialler.err
    change_prune() {
        unsubscribe "$1" attestation_1
        subscribe "$1" attestation_1
    }
    while_stopped listener dialler change_prune dialler
    topic_of listener dialler attestation_1 '(.subscribers | index($peer)) and .mesh == []'
}

@test "what is left out is counted by kind, said once, and never control" {
    meet --trace rpc --log-format json
    prepare_many 45
    send_signal dialler STOP
    api_many listener /publish many* > published
    unsubscribe listener attestation_1
    api listener /mesh | jq -e '.peers[0] | .left_out.messages > 5 and .left_out.messages < 15 and
        .outbound_stream.unsent < 34000000'
    api listener /metrics | grep -E '^devnet_gossipsub_left_out_total\{kind="messages"\} [1-9]'
    eventually grep -q 'reads slowly' listener.err
    send_signal dialler CONT
    eventually unsent_is listener '== 0'
    eventually agree listener dialler
    [ "$(grep -c 'reads slowly' listener.err)" = 1 ]
    jq -es 'map(select(.trace == "rpc" and .dropped)) |
        length > 5 and all(.messages) and all((.subscriptions // .graft // .prune) | not)' listener.err
}

stalled_is() {
    api a /metrics | grep -x "devnet_gossipsub_streams_stalled_total $1" > /dev/null
}

# The peer goes on, and all is as it was.
reads_on_with_a() {
    send_signal slow CONT
    eventually agree a slow
    eventually meshed_on a slow 1
    heard_from a slow
    heard_from slow a
}

@test "a stream of which nothing is taken for a minute is reset, once a connection" {
    step_clocks 0 0
    start_stepped a --topic lean:block --heartbeat 100ms --idle-timeout 10m
    start_dialler slow a --topic lean:block --heartbeat 100ms --idle-timeout 10m
    await_mesh a slow
    prepare_many "$MESSAGES"
    send_signal slow STOP
    publish_much a
    step_clocks 0 50
    beats=$(beats_of a)
    beaten() { (($(beats_of a) > beats + 3)); }
    eventually beaten
    stalled_is 0
    step_clocks 0 61
    eventually stalled_is 1
    await a '.event == "stream_closed" and .direction == "outbound" and .stream_id == 1' > /dev/null
    [ "$(grep -c 'its gossipsub stream is reset: it has taken nothing for a minute' a.err)" = 1 ]
    reads_on_with_a
    await slow '.event == "stream_closed" and .direction == "inbound" and .stream_id == 1 and
        .cause == "reset by the peer"' > /dev/null
    # Another stream of the same connection that stalls stays: it may be the peer's way.
    send_signal slow STOP
    publish_much a
    step_clocks 0 130
    beats=$(beats_of a)
    eventually beaten
    stalled_is 1
    reads_on_with_a
    [ "$(grep -c '"event":"disconnected"' a.out)" = 0 ]
}
