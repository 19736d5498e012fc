#!/usr/bin/env bats
# devnet-orphans on what the drafts of qlog allow and writers seldom do: the same orphan is found.
# Each log is made from one of which stream 8 is an orphan.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    CONTROL=$BATS_TEST_DIRNAME/fixtures/qlogs-field/control-plain/client.qlog
    CASES=$BATS_TEST_DIRNAME/fixtures/qlogs
    cd "$BATS_TEST_TMPDIR" || return
}

# control FILTER: the log as jq's filter makes it.
control() { jq -c "$1" "$CONTROL"; }

# finds_orphan PATH...: stream 8 and no other, nothing else to say.
finds_orphan() {
    run -1 --separate-stderr "$BIN/devnet-orphans" --json "$@"
    [ -z "$stderr" ] || { echo "$stderr"; return 1; }
    jq -e '[.connections[].streams[] | select(.orphan) | .id] == [8]' <<< "$output" > jq.out
}

@test "a unidirectional stream is not ours, and says nothing of streams that speak libp2p" {
    local frame
    for frame in '{frame_type: "stream", stream_id: 2, offset: 0, length: 5}' \
        '{frame_type: "stop_sending", stream_id: 2, error_code: 0}'; do
        control ".traces[0].events[2].data.frames += [$frame]" > log.qlog
        finds_orphan log.qlog
        jq -e '[.connections[].streams[] | select(.verdict == "not_ours") | .id] == [2]' \
            <<< "$output" > jq.out
    done
    run -1 "$BIN/devnet-orphans" -v log.qlog
    [[ $output == *"stream 2: not_ours (high): "*": libp2p has no use for unidirectional streams"* ]]
}

# not_ours CHOICE: the streams that are not, where the streams do not tell: one exchange, and a
# unidirectional stream. CHOICE is an event before them.
not_ours() {
    control ".traces[0].events |= [${1:+"$1,"} .[:5][]] | .traces[0].events[4].data.frames +=
        [{frame_type: \"stream\", stream_id: 2, offset: 0, length: 5}]" > log.qlog
    "$BIN/devnet-orphans" --json log.qlog |
        jq -c '[.connections[].streams[] | select(.verdict == "not_ours") | .id]'
}

@test "the protocol that the handshake agreed upon stands above what streams look like" {
    chose() { echo "{time: 0, name: \"transport:alpn_information\", data: {chosen_alpn: $1}}"; }
    [ "$(not_ours "$(chose '"libp2p"')")" = "[2]" ]
    [ "$(not_ours "$(chose '{string_value: "libp2p"}')")" = "[2]" ]
    [ "$(not_ours "$(chose '"h3"')")" = "[0,2]" ]
    [ "$(not_ours)" = "[0,2]" ]
}

@test "HTTP/3 is foreign by its unidirectional streams alone" {
    run -0 --separate-stderr "$BIN/devnet-orphans" --json "$CASES/ngtcp2-download"
    jq -e 'all(.connections[].streams[]; .verdict == "not_ours")
        and (.connections[].streams | length) == 8' <<< "$output" > jq.out
}

# exchanged: a log as the other end would have it.
exchanged() {
    jq -c '.traces[0].events[].name |= if test("sent") then "quic:packet_received" else "quic:packet_sent" end'
}

@test "a log from the network tells which way its packets flow" {
    # Its first Initial is the server's, whose guess is wrong.
    control '.traces[0].vantage_point = {type: "network", flow: "client"}
        | .traces[0].events |= .[1:]' > client.qlog
    finds_orphan client.qlog
    jq -e '.connections[0].logs[0].role == "client"' <<< "$output" > jq.out
    jq -c '.traces[0].vantage_point.flow = "server"' client.qlog | exchanged > server.qlog
    finds_orphan server.qlog
    jq -e '.connections[0].logs[0].role == "server"' <<< "$output" > jq.out
}

@test "where no header tells who logged, streams outweigh a first Initial that is the server's" {
    control 'del(.traces[0].vantage_point) | .traces[0].events |= .[1:]' > client.qlog
    finds_orphan client.qlog
    exchanged < client.qlog > server.qlog
    finds_orphan server.qlog
    jq -e '.connections[0].logs[0].role == "server"' <<< "$output" > jq.out
    jq -c '.traces[0].vantage_point = {type: "network", flow: "unknown"}' client.qlog > unknown.qlog
    finds_orphan unknown.qlog
}
