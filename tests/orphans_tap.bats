#!/usr/bin/env bats
# devnet-orphans on the logs of a tap: its two legs and the two nodes' own logs, in any combination.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr
# shellcheck disable=SC2016 # jq has variables of its own

bats_require_minimum_version 1.5.0

load orphans/judge.bash

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    QLOGS=$BATS_TEST_DIRNAME/fixtures/qlogs
    FILTERS=$BATS_TEST_DIRNAME/orphans
    cd "$BATS_TEST_TMPDIR" || return
}

# tapped CASE: makes the logs that a tap between the nodes of a recorded case would have written, of
# its legs to the diallers in CASE/front and to the listeners in CASE/back.
tapped() {
    local log leg
    mkdir -p "$1"/{front,back}
    for log in "$QLOGS/$1"/*/*.qlog; do
        leg=back
        if grep -q '"vantage_point": {[^}]*"type": "server"' "$log"; then leg=front; fi
        jq -c --slurpfile truth "$QLOGS/$1/truth.json" -f "$FILTERS/tap.jq" "$log" \
            > "$1/$leg/$(basename "$log")"
    done
}

# each_combination COMMAND...: with each of the combinations of what PLACES names as last arguments.
each_combination() {
    local mask bit combination
    for ((mask = 1; mask < 1 << ${#PLACES[@]}; mask++)); do
        combination=()
        for ((bit = 0; bit < ${#PLACES[@]}; bit++)); do
            if ((mask >> bit & 1)); then combination+=("${PLACES[bit]}"); fi
        done
        "$@" "${combination[@]}" || return 1
    done
}
# Whose stack the nodes are of their own logs tell, and a tap's do not.
judge_as_leanspec() { PEER_KIND=leanspec judge $((${#reports[@]} + 1)) "$@"; }

# A race, what follows the end of a stream, and two connections, of which one was closed.
@test "a case is judged as it was, from any of its nodes' and its tap's logs" {
    local case reports statuses
    for case in race-nosleep-drop-rtt40 head-reopen-gossip simdial-disconnect-quiet; do
        tapped "$case"
        PLACES=("$QLOGS/$case"/*/ "$case/front" "$case/back")
        # shellcheck disable=SC2034 # judge.bash reads them
        reports=() statuses=()
        each_combination judge_as_leanspec
        [ "${#reports[@]}" -eq 15 ]
        compare "$QLOGS/$case/truth.json" "from each combination"
    done
}

@test "whose stack it is a tap's logs do not tell: what rests on its habits is suspected only" {
    tapped head-second-gossip-stream
    run -2 --separate-stderr "$BIN/devnet-orphans" head-second-gossip-stream
    [[ $output == *" stream 8: unread_at_receiver (low): "*"(--peer-kind would)"* ]]
    # What identify told through the tap does.
    local leg
    for leg in front back; do
        jq -c '.traces[0].events |= . + [{time: .[-1].time, name: "tap:node_agent",
            data: {node: "listener", agent: "rust-libp2p/0.48.0"}}]' \
            head-second-gossip-stream/$leg/*.qlog > told-$leg.qlog
    done
    run -0 --separate-stderr "$BIN/devnet-orphans" told-front.qlog told-back.qlog
}

@test "a tap's names for the nodes, their peer ids and the protocols are told" {
    tapped race-nosleep-eager
    run -1 --separate-stderr "$BIN/devnet-orphans" race-nosleep-eager
    [[ $output == "dialer -> listener, a4fd19bb4c2521db stream 8: orphaned (high): /meshsub/1.2.0, opened by dialer"* ]]
    "$BIN/devnet-orphans" --json race-nosleep-eager > report.json || [ $? -eq 1 ]
    jq -e '.connections | length == 1 and (.[0]
        | (.names == {client: "dialer", server: "listener"})
            and (.peers == {client: "peer-dialer", server: "peer-listener"})
            and ([.logs[] | [.role, .leg, .own_events]]
                == [["server", "front", false], ["client", "back", false]])
            and ([.streams[].protocol] | unique
                == ["/leanconsensus/req/status/1/ssz_snappy", "/meshsub/1.2.0"]))' report.json > jq.out
}

@test "a log that grows names the nodes as well" {
    tapped race-nosleep-eager
    run -1 --separate-stderr "$BIN/devnet-orphans" --follow --until-orphan --grace 10ms race-nosleep-eager
    [[ $output == *" dialer -> listener, a4fd19bb4c2521db stream 8: orphaned (high): /meshsub/1.2.0, "* ]]
    run -1 --separate-stderr "$BIN/devnet-orphans" --follow --until-orphan --grace 10ms --name x=peer-dialer race-nosleep-eager
    [[ $output == *" x -> listener, a4fd19bb4c2521db stream 8: "* ]]
    "$BIN/devnet-orphans" --follow --json --until-orphan --grace 10ms race-nosleep-eager > lines.json || [ $? -eq 1 ]
    jq -se 'any(.[]; .event == "verdict" and .stream.orphan
        and .names == {client: "dialer", server: "listener"})' lines.json > jq.out
}

# hold LOG FILTER: takes out of LOG the frames for which FILTER holds, as if the tap had not sent
# them yet; $sent says whether the log's owner sent the frame.
hold() {
    local log
    log=$(echo "$1"/*.qlog)
    jq -c "(.traces[].events[] | select(.data.frames)) |= ((.name | test(\"sent\")) as \$sent
        | .data.frames |= map(if .frame_type == \"stream\" and ($2) then {frame_type: \"ping\"} else . end))" \
        "$log" > held
    cmp -s held "$log" && return 1
    mv held "$log"
}

# verdicts COMMAND...: of the streams that it judges, by id, on one line.
verdicts() {
    "$BIN/devnet-orphans" --json --peer-kind leanspec "$@" > report.json
    jq -r '[.connections[].streams[] | "\(.id) \(.verdict)"] | join(", ")' report.json
}

@test "who waits for an answer that a tap holds has not lost a race" {
    tapped race-nosleep-eager
    hold race-nosleep-eager/front '$sent and .stream_id == 8 and .offset >= 20'
    [[ $(verdicts race-nosleep-eager) == "0 reqresp, 1 live, 4 live, 8 open_at_end" ]]
    [[ $(verdicts race-nosleep-eager "$QLOGS/race-nosleep-eager/listener") == *", 8 open_at_end" ]]
}

@test "who has not got the end of a stream that a tap holds is not accused of passing over it" {
    tapped head-fin-gossip-quiet
    hold head-fin-gossip-quiet/back '$sent and .stream_id == 4 and .fin'
    [[ $(verdicts head-fin-gossip-quiet) == "0 reqresp, 1 live, 4 half_closed" ]]
}

@test "who has not got a request that a tap holds is not accused of leaving it unanswered" {
    tapped reqresp-no-answer
    hold reqresp-no-answer/back '$sent and .stream_id == 0 and (.fin or .offset > 20)'
    [[ $(verdicts reqresp-no-answer) == "0 open_at_end, 1 live, 4 live" ]]
}

@test "bytes that a RESET_STREAM overtook are not missing from the log" {
    tapped nego-fail-na
    local log
    log=$(echo nego-fail-na/front/*.qlog)
    jq -c '(.traces[].events | map(.data.header.packet_number? // empty) | max) as $last
        | .traces[].events += [
            {time: (.traces[0].events[-1].time + 1), name: "transport:packet_received", data: {
                header: {packet_type: "1RTT", packet_number: ($last + 1)}, frames: [
                {frame_type: "stream", stream_id: 96, offset: 100, length: 5, fin: false},
                {frame_type: "reset_stream", stream_id: 96, final_size: 105, error_code: 0}]}},
            {time: (.traces[0].events[-1].time + 9000), name: "transport:packet_sent", data: {
                header: {packet_type: "1RTT", packet_number: ($last + 1)}, frames: [{frame_type: "ping"}]}}]' \
        "$log" > reset.qlog
    run --separate-stderr "$BIN/devnet-orphans" reset.qlog
    [[ $stderr != *"are missing"* && $output != *"are missing"* ]]
    sed 's/reset_stream/ping/' reset.qlog > open.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" open.qlog
    [[ $stderr == *"bytes of streams are missing amid others"* ]]
}

@test "a tap's log that was cut off leaves the other leg's to tell" {
    tapped race-nosleep-eager
    jq -c -f "$FILTERS/sequence.jq" race-nosleep-eager/front/*.qlog | sed 's/^/\x1e/' > whole.sqlog
    head -c $(($(stat -c %s whole.sqlog) / 2)) whole.sqlog > cut.sqlog
    rm race-nosleep-eager/front/*
    mv cut.sqlog race-nosleep-eager/front/
    run -1 --separate-stderr "$BIN/devnet-orphans" race-nosleep-eager
    [[ $output == *"dialer -> listener, a4fd19bb4c2521db stream 8: orphaned (high): "* ]]
}
