#!/usr/bin/env bats
# devnet-orphans: real logs with known truth, in every form; each option, each exit status.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

load orphans/judge.bash

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    CASES=$BATS_TEST_DIRNAME/fixtures/qlogs
    FILTERS=$BATS_TEST_DIRNAME/orphans
    RACE=$CASES/race-nosleep-eager
    HEALTHY=$CASES/baseline-head
    cd "$BATS_TEST_TMPDIR" || return
    pids=()
}

teardown() {
    local pid
    for pid in "${pids[@]}"; do
        if kill "$pid" 2> /dev/null; then wait "$pid" || true; fi
    done
}

# Writes every case with libp2p logs in another form: $1 names the copy, what follows is run for
# each log with the case, the node and the file as arguments.
transform() {
    local folder=$1 case log node
    shift
    for case in "$CASES"/*/; do
        case=$(basename "$case")
        if [[ $case == ngtcp2-* ]]; then continue; fi
        for log in "$CASES/$case"/*/*; do
            node=$(basename "$(dirname "$log")")
            mkdir -p "$folder/$case/$node"
            "$@" "$case" "$node" "$log" > "$folder/$case/$node/$(basename "$log")" || return 1
        done
        cp "$CASES/$case/truth.json" "$folder/$case"
    done
}

mirrored() { jq -c -f "$FILTERS/mirror.jq" "$3"; }
# JSON text sequences: each record begins with 0x1E.
sequence() { jq -c -f "$FILTERS/sequence.jq" "$@" | sed $'s/^/\036/'; }
as_sequence() { sequence "$3"; }
claimed() {
    jq -c --slurpfile truth "$CASES/$1/truth.json" --arg node "$2" -f "$FILTERS/claim.jq" "$3"
}
claimed_sequence() { claimed "$@" | sequence; }

# A log of ngtcp2's form from lines of: milliseconds, > (sent) or < (received), stream id, offset,
# length, and fin where there is one. $1 is the role, $2 the connection id; WRITER tells whose stack it
# is (aioquic: leanSpec's), or nothing does.
write_log() {
    awk -v role="$1" -v id="$2" -v writer="${WRITER:-test}" '
        BEGIN {
            printf "\036{\"qlog_format\":\"JSON-SEQ\",\"qlog_version\":\"0.3\",\"trace\":{"
            printf "\"vantage_point\":{\"name\":\"%s\",\"type\":\"%s\"},", writer, role
            printf "\"common_fields\":{\"time_format\":\"relative\",\"reference_time\":1.7e12,"
            printf "\"group_id\":\"%s\"}}}\n", id
        }
        NF == 1 { printf "\036{\"time\":%s,\"name\":\"test:end\",\"data\":{}}\n", $1 }
        NF > 1 && $3 != "close" {
            printf "\036{\"time\":%s,\"name\":\"transport:packet_%s\",\"data\":{", $1,
                ($2 == ">" ? "sent" : "received")
            printf "\"header\":{\"packet_type\":\"1RTT\",\"packet_number\":%d},", NR
            printf "\"frames\":[{\"frame_type\":\"stream\",\"stream_id\":%s,", $3
            printf "\"offset\":%s,\"length\":%s%s}]}}\n", $4, $5, (NF > 5 ? ",\"fin\":true" : "")
        }
        $3 == "close" {
            printf "\036{\"time\":%s,\"name\":\"transport:packet_%s\",\"data\":{", $1,
                ($2 == ">" ? "sent" : "received")
            printf "\"frames\":[{\"frame_type\":\"connection_close\","
            printf "\"error_space\":\"application\",\"error_code\":0}]}}\n"
        }'
}

# The verdicts of a report as lines of: stream, verdict.
verdicts() {
    "$BIN/devnet-orphans" --json "$@" 2> orphans.err |
        jq -r '.connections[] | .streams[] | "\(.id) \(.verdict)"'
}

# --- the truth about real logs ---

@test "each case is judged as it was, from one end's log and from both" {
    judge_cases "$CASES"
}

@test "each case is judged the same with client and server exchanged" {
    transform mirror mirrored
    # Who restarts dials: a server that does so is no case that there is.
    rm -r mirror/restart-head-same-key
    for truth in mirror/*/truth.json; do
        jq -f "$FILTERS/mirror.jq" "$truth" > mirrored.json
        mv mirrored.json "$truth"
    done
    judge_cases mirror
}

@test "each case is judged the same in ngtcp2's form" {
    transform sequence as_sequence
    # Without the time of day one node's logs do not tell what came first on two connections.
    rm -r sequence/restart-head-same-key sequence/simdial-disconnect-quiet
    judge_cases sequence
}

@test "each case is judged the same with the events of our own nodes" {
    transform claims claimed
    judge_cases claims
    transform sequences claimed_sequence
    judge_cases sequences
}

@test "events of ours make the verdict exact" {
    mkdir -p a
    claimed race-nosleep-eager dialer "$RACE"/dialer/*.qlog > a/log.qlog
    "$BIN/devnet-orphans" --json a > report.json || [[ $? -eq 1 ]]
    jq -e '.connections[0] | (.streams[] | select(.id == 8) |
        .verdict == "orphaned" and .confidence == "exact" and .protocol == "/meshsub/1.2.0") and
        .peers.client == "peer-dialer" and .peers.server == "peer-listener"' report.json
}

@test "no healthy case is accused wherever its logs are cut off" {
    local case log size
    for case in baseline-fixed baseline-head-nosubs control-fixed-eager-rtt120 \
        control-head-drop-rtt40 clean-disconnect-by-dialer head-final-size-error; do
        for log in "$CASES/$case"/*/*.qlog; do
            size=$(stat -c %s "$log")
            for part in 10 25 40 55 70 85 99; do
                head -c $((size * part / 100)) "$log" > cut.qlog
                run "$BIN/devnet-orphans" cut.qlog
                [[ $status -eq 0 || ($status -eq 2 && $output == *"no packets"*) ]] || return 1
            done
        done
    done
}

# --- classes that the recorded cases do not hold ---

@test "an idle stream that arrived first beside a busy later one is orphaned at its opener" {
    # The answer on stream 4 was lost: its opener completed stream 8 first.
    write_log client 0123456789abcdef > opener.sqlog << 'END'
10 > 4 0 36
12 > 8 0 36
40 < 8 0 36
41 > 8 36 97
75 < 4 0 36
5000 > 8 133 151
END
    run verdicts opener.sqlog
    [ "$output" = "$(printf '4 orphaned_at_opener\n8 unread_at_receiver')" ]
    write_log server 0123456789abcdef > receiver.sqlog << 'END'
10 < 4 0 36
10 > 4 0 36
12 < 8 0 36
12 > 8 0 36
41 < 8 36 97
45 > 4 0 36
5000 < 8 133 151
END
    run verdicts receiver.sqlog
    [ "$output" = "$(printf '4 orphaned_at_opener\n8 unread_at_receiver')" ]
    run verdicts opener.sqlog receiver.sqlog
    [ "$output" = "$(printf '4 orphaned_at_opener\n8 unread_at_receiver')" ]
}

@test "of streams negotiated side by side the one answered first is read" {
    write_log client 0123456789abcdef > opener.sqlog << 'END'
10 > 4 0 36
11 > 8 0 36
40 < 8 0 36
41 > 8 36 97
45 < 4 0 36
5000 > 8 133 151
END
    write_log server 0123456789abcdef > receiver.sqlog << 'END'
10 < 4 0 36
11 < 8 0 36
12 > 8 0 36
13 > 4 0 36
41 < 8 36 97
5000 < 8 133 151
END
    for logs in opener.sqlog receiver.sqlog 'opener.sqlog receiver.sqlog'; do
        # shellcheck disable=SC2086 # two words are two logs
        run verdicts $logs
        [ "$output" = "$(printf '4 orphaned\n8 live')" ]
    done
}

@test "a side with more to say than its subscriptions has heard its peer's" {
    # Stream 4 is the opener's no more; 47 bytes are a GRAFT, to which nothing else can have led.
    write_log client 0123456789abcdef > opener.sqlog << 'END'
10 > 4 0 36
11 > 8 0 36
40 < 4 0 36
40 < 8 0 36
40 < 1 0 83
41 > 8 36 47
41 > 1 0 36
71 < 1 83 47
5000 > 8 83 151
END
    run verdicts opener.sqlog
    [ "$output" = "$(printf '1 live\n4 orphaned_at_opener\n8 live')" ]
    sed '/"offset":83,"length":47/d' opener.sqlog > unheard.sqlog
    run verdicts unheard.sqlog
    [ "$output" = "$(printf '1 live\n4 orphaned_at_opener\n8 unread_at_receiver')" ]
}

@test "of two silent streams of one side the one completed second is the orphan" {
    write_log client 0123456789abcdef > opener.sqlog << 'END'
10 > 4 0 36
20 < 4 0 36
21 > 8 0 36
30 < 8 0 36
31 < 1 0 36
31 > 1 0 36
5000
END
    run verdicts opener.sqlog
    [ "$output" = "$(printf '1 live\n4 live\n8 orphaned')" ]
}

@test "a peer that is forgotten on a FIN leaves both streams, without a reopening too" {
    write_log server 0123456789abcdef > log.sqlog << 'END'
10 < 4 0 36
10 > 4 0 36
11 > 1 0 36
20 < 1 0 36
21 > 1 36 97
22 < 4 36 97
3000 < 4 133 0 fin
9000
END
    run verdicts log.sqlog
    [ "$output" = "$(printf '1 orphaned_after_deregistration\n4 orphaned_after_deregistration')" ]
}

@test "a side that keeps its peer after a FIN and writes on is not accused" {
    write_log server 0123456789abcdef > log.sqlog << 'END'
10 < 4 0 36
10 > 4 0 36
11 > 1 0 36
20 < 1 0 36
21 > 1 36 97
22 < 4 36 97
3000 < 4 133 0 fin
8000 > 1 133 200
9000
END
    run verdicts log.sqlog
    [ "$output" = "$(printf '1 live\n4 half_closed')" ]
}

@test "a silent stream is not accused because another peer was met at the same time" {
    write_log client aaaaaaaaaaaaaaaa > one.sqlog << 'END'
10 > 4 0 133
20 < 4 0 36
30 < 1 0 133
31 > 1 0 36
5000
END
    write_log server bbbbbbbbbbbbbbbb > two.sqlog << 'END'
12 < 4 0 36
12 > 4 0 36
13 > 1 0 133
30 < 1 0 36
5000
END
    run -0 --separate-stderr "$BIN/devnet-orphans" .
}

@test "a side that answers a reopening with no stream of its own has kept its peer" {
    write_log server 0123456789abcdef > log.sqlog << 'END'
10 < 4 0 36
10 > 4 0 36
11 > 1 0 36
20 < 1 0 36
21 > 1 36 97
22 < 4 36 97
3000 < 4 133 0 fin
4000 < 8 0 133
4001 > 8 0 36
9000
END
    run verdicts log.sqlog
    [ "$output" = "$(printf '1 live\n4 half_closed\n8 live')" ]
}

@test "a peer that comes back before its old connection died is read where it is answered" {
    local WRITER=aioquic
    mkdir -p client server
    write_log client aaaaaaaaaaaaaaaa > client/one.sqlog << 'END'
10 > 4 0 133
20 < 4 0 36
30 < 1 0 133
31 > 1 0 36
END
    write_log server aaaaaaaaaaaaaaaa > server/one.sqlog << 'END'
10 < 4 0 133
10 > 4 0 36
11 > 1 0 133
32 < 1 0 36
20000
END
    write_log client bbbbbbbbbbbbbbbb > client/two.sqlog << 'END'
5000 > 4 0 133
5020 < 4 0 36
15000
END
    write_log server bbbbbbbbbbbbbbbb > server/two.sqlog << 'END'
5000 < 4 0 133
5000 > 4 0 36
15000
END
    "$BIN/devnet-orphans" --json client server > report.json || [[ $? -eq 1 ]]
    run jq -r '.connections[] | .id[:1] as $id | .streams[] | "\($id)\(.id) \(.verdict)"' report.json
    [ "$output" = "$(printf 'a1 live\na4 live\nb4 unread_at_receiver')" ]
    for folder in client server; do
        run verdicts "$folder"
        [ "$output" = "$(printf '1 live\n4 live\n4 unread_at_receiver')" ]
    done
    printf '5003 > 1 0 133\n5030 < 1 0 36\n' | write_log server x | tail -n +2 >> server/two.sqlog
    "$BIN/devnet-orphans" --json client server > report.json
    run jq -r '.connections[] | .id[:1] as $id | .streams[] | "\($id)\(.id) \(.verdict)"' report.json
    [ "$output" = "$(printf 'a1 live\na4 live\nb1 live\nb4 live')" ]
}

@test "a peer that dials again while its connection is drained goes unanswered" {
    mkdir -p client server
    write_log client aaaaaaaaaaaaaaaa > client/one.sqlog << 'END'
10 > 4 0 133
20 < 4 0 36
30 < 1 0 133
31 > 1 0 36
4000 < close
END
    write_log server aaaaaaaaaaaaaaaa > server/one.sqlog << 'END'
10 < 4 0 133
10 > 4 0 36
11 > 1 0 133
32 < 1 0 36
4000 > close
END
    write_log client bbbbbbbbbbbbbbbb > client/two.sqlog << 'END'
4060 > 4 0 133
4070 < 4 0 36
END
    write_log server bbbbbbbbbbbbbbbb > server/two.sqlog << 'END'
4061 < 4 0 133
4061 > 4 0 36
END
    local folders
    for folders in 'client server' client server; do
        # shellcheck disable=SC2086 # two words are two folders
        run verdicts $folders
        [ "$output" = "$(printf '%s\n' '1 live_until_connection_ended' \
            '4 live_until_connection_ended' '4 unread_at_receiver')" ]
    done
    # An answer shows that it was taken notice of, and a log that was cut off shows nothing.
    printf '4064 > 1 0 133\n4070 < 1 0 36\n' | write_log server x | tail -n +2 >> server/two.sqlog
    run verdicts server
    [[ $output == *$'\n4 live'* && $output != *unread* ]]
    head -c -20 client/two.sqlog > cut.sqlog
    mv cut.sqlog client/two.sqlog
    run verdicts client
    [[ $output != *unread* ]]
}

@test "a peer that was killed and came back forgets nothing when its old connection is closed" {
    mkdir logs
    write_log server 0000000000000001 > logs/old.sqlog << 'END'
10 < 4 0 36
11 > 4 0 36
12 > 1 0 36
14 < 1 0 36
15 > 1 36 150
39 < 4 36 94
1467 > close
END
    write_log server 0000000000000002 > logs/new.sqlog << 'END'
10 < 4 0 36
11 > 4 0 36
12 > 1 0 36
14 < 1 0 36
15 > 1 36 150
20 < 4 36 94
1097 < 4 130 59
1166 > close
END
    sed -i 's/"reference_time":1.7e12/"reference_time":1700000000459/' logs/new.sqlog
    for log in logs/*; do
        sed -i $'1a\\\036{"time":0,"name":"libp2p:peer_identified","data":{"peer":"them","local_peer":"us"}}' "$log"
        for id in 1 4; do
            sed -i "\$i"$'\\\036{"time":16,"name":"libp2p:stream_registered","data":{"stream_id":'"$id}}" "$log"
        done
    done
    run -0 verdicts logs
    [ "$output" = "$(yes '1 live_until_connection_ended
4 live_until_connection_ended' | head -n 4)" ]
}

@test "streams that a disconnect ends were alive, and its orphan is still one" {
    write_log client 0123456789abcdef > log.sqlog << 'END'
10 > 4 0 36
20 < 4 0 36
21 > 4 36 97
22 > 8 0 36
30 < 8 0 36
31 < 1 0 133
31 > 1 0 36
8000 > 1 36 0 fin
8000 > 4 133 0 fin
8000 > 8 36 0 fin
8001 > close
END
    run verdicts log.sqlog
    [ "$output" = "$(printf '%s\n' '1 live_until_connection_ended' '4 live_until_connection_ended' \
        '8 orphaned')" ]
    sed -i '/connection_close/d' log.sqlog
    run verdicts log.sqlog
    [ "$output" = "$(printf '1 live\n4 live\n8 orphaned')" ]
}

@test "a gossipsub stream accepted after a refused proposal is one" {
    write_log client 0123456789abcdef > log.sqlog << 'END'
10 > 4 0 36
20 < 4 0 24
21 > 4 36 16
30 < 4 24 16
31 > 4 52 97
5000
END
    run verdicts log.sqlog
    [ "$output" = "4 live" ]
}

@test "ping, identify and a request in flight are not accused" {
    write_log client 0123456789abcdef > log.sqlog << 'END'
10 > 0 0 38
20 < 0 0 38
30 > 0 38 32
40 < 0 38 32
41 > 4 0 36
50 < 4 0 36
51 < 4 36 280 fin
52 > 4 36 0 fin
60 > 8 0 60
60 > 8 60 43 fin
70 < 8 0 60
80
END
    run verdicts log.sqlog
    [ "$output" = "$(printf '0 live\n4 reqresp\n8 open_at_end')" ]
}

@test "two connections between the same nodes share one stream each way" {
    local WRITER=aioquic
    mkdir -p a b
    # Both dial; a opens on its own connection, and once more on the other: the second is nobody's.
    write_log client aaaaaaaaaaaaaaaa > a/one.sqlog << 'END'
10 > 4 0 36
20 < 4 0 36
21 > 4 36 97
5000
END
    write_log server aaaaaaaaaaaaaaaa > b/one.sqlog << 'END'
10 < 4 0 36
10 > 4 0 36
21 < 4 36 97
5000
END
    write_log client bbbbbbbbbbbbbbbb > b/two.sqlog << 'END'
11 > 4 0 36
21 < 4 0 36
22 > 4 36 97
23 < 1 0 36
23 > 1 0 36
5000
END
    write_log server bbbbbbbbbbbbbbbb > a/two.sqlog << 'END'
11 < 4 0 36
11 > 4 0 36
22 < 4 36 97
22 > 1 0 36
23 < 1 0 36
5000
END
    # Who the peers are is told by the folders, or presumed where there is only one node's.
    for folders in 'a b' a b; do
        # shellcheck disable=SC2086 # two words are two folders
        "$BIN/devnet-orphans" --json $folders > report.json || [[ $? -eq 1 ]]
        run jq -r '.connections[] | .id[:1] as $id | .streams[] | "\($id)\(.id) \(.verdict)"' \
            report.json
        [ "$(sort <<< "$output")" = "$(printf 'a4 live\nb1 orphaned\nb4 live')" ]
    done
}

@test "two nodes that keep their peers by connection read both, and a twin is listed" {
    mkdir -p a b
    # Both dial, and each opens a stream on both connections, as rust-libp2p does.
    for connection in 'aaaaaaaaaaaaaaaa a b' 'bbbbbbbbbbbbbbbb b a'; do
        read -r id client server <<< "$connection"
        write_log client "$id" > "$client/$id.sqlog" << 'END'
10 > 4 0 36
20 < 4 0 36
21 > 4 36 97
22 < 1 0 133
23 > 1 0 36
5000
END
        write_log server "$id" > "$server/$id.sqlog" << 'END'
10 < 4 0 36
10 > 4 0 36
11 > 1 0 133
21 < 4 36 97
23 < 1 0 36
5000
END
    done
    run -0 --separate-stderr "$BIN/devnet-orphans" --json a b
    jq -e '.summary.verdicts == {live: 2, duplicate_across_connections: 2}' <<< "$output"
    jq -e '.connections[].streams[] | select(.verdict != "live") | .orphan == false and
        (.evidence | contains("beside stream"))' <<< "$output"
    run -0 --separate-stderr "$BIN/devnet-orphans" a b
    [[ $output == *"duplicate_across_connections (medium)"* ]]
    # One node's logs alone do not say that both are with the same peer.
    run -0 --separate-stderr "$BIN/devnet-orphans" --json a
    jq -e '.summary.verdicts == {live: 4}' <<< "$output"
}

@test "a peering with gossip in one direction only is named" {
    write_log client 0123456789abcdef > log.sqlog << 'END'
10 > 4 0 36
20 < 4 0 36
21 > 4 36 97
5000 > 4 133 200
END
    run -0 --separate-stderr "$BIN/devnet-orphans" log.sqlog
    [[ ${lines[0]} == "0123456789abcdef: one-way peering: gossip flows from the client to the \
server only, on stream 4; no gossipsub stream of the server is in use" ]]
    run -0 --separate-stderr "$BIN/devnet-orphans" --json log.sqlog
    jq -e '.connections[0].one_way == {from: "client", stream_id: 4}' <<< "$output"
    # The other stream may be under way still, or stand on another connection.
    sed 's/"time":5000,/"time":30,/' log.sqlog > short.sqlog
    run -0 --separate-stderr "$BIN/devnet-orphans" --json short.sqlog
    jq -e '.connections[0].one_way == null' <<< "$output"
    for both in '' a b; do
        run -0 --separate-stderr "$BIN/devnet-orphans" --json "$CASES/simdial-head/$both"
        jq -e '[.connections[].one_way] == [null, null]' <<< "$output"
    done
    run -1 --separate-stderr "$BIN/devnet-orphans" --json "$CASES/head-reopen-gossip"
    jq -e '.connections[0].one_way == {from: "client", stream_id: 8}' <<< "$output"
}

@test "a connection closed for a broken protocol names the side and the stream" {
    local case=$CASES/head-final-size-error
    for logs in "$case" "$case/dialer" "$case/listener"; do
        run -0 --separate-stderr "$BIN/devnet-orphans" --json "$logs"
        jq -e '.connections[0].ended | .error == "FINAL_SIZE_ERROR" and .by == "server" and
            .broken_by == {role: "client", stream_id: 0}' <<< "$output"
        run -0 --separate-stderr "$BIN/devnet-orphans" "$logs"
        [[ ${lines[0]} == *" for FINAL_SIZE_ERROR (Cannot change final size): the client broke \
the protocol on stream 0" ]]
    done
    run -0 --separate-stderr "$BIN/devnet-orphans" --json "$CASES/clean-disconnect-by-dialer"
    jq -e '.connections[0].ended | .error == null and .broken_by == null' <<< "$output"
    # Where no frame shows the fault, the last stream that the other side sent on is named.
    write_log server 0123456789abcdef > log.sqlog << 'END'
10 < 4 0 133
11 > 4 0 36
20 < 8 0 36
21 > 8 0 36
30 < 4 133 900
31 > close
END
    sed -i 's/"error_space":"application","error_code":0/"error_space":"transport","error_code":3/' \
        log.sqlog
    run -1 --separate-stderr "$BIN/devnet-orphans" --json log.sqlog
    jq -e '.connections[0].ended | .error == "FLOW_CONTROL_ERROR" and
        .broken_by == {role: "client", stream_id: 4}' <<< "$output"
}

@test "who was never heard has broken no protocol" {
    # ngtcp2 says so of a peer that does not answer.
    write_log client 0123456789abcdef > log.sqlog << 'END'
30 > close
END
    sed -i 's/"error_space":"application","error_code":0/"error_space":"transport","error_code":10/; s/1RTT/initial/' \
        log.sqlog
    run -0 --separate-stderr "$BIN/devnet-orphans" --json log.sqlog
    jq -e '.connections[0].ended | .error == "PROTOCOL_VIOLATION" and .by == "client" and .broken_by == null' \
        <<< "$output"
    # By its own log or by the other's.
    { cat log.sqlog; write_log client 0123456789abcdef <<< '10 < 0 0 36' | tail -n 1; } > heard.sqlog
    run "$BIN/devnet-orphans" --json heard.sqlog
    jq -e '.connections[0].ended.broken_by == {role: "server"}' <<< "$output"
    "$BIN/devnet-connect" --timeout 300ms --qlog unanswered /ip4/127.0.0.1/udp/9/quic-v1 || [ $? -eq 3 ]
    "$BIN/devnet-orphans" --json unanswered > report.json
    jq -e '.connections[0].ended | .by == "client" and .broken_by == null' report.json
}

@test "what cannot be decided is never no orphans" {
    local WRITER=aioquic
    seq 0 4100 | awk '{ print 10, ">", 4 * $1, 0, 36; print 20, "<", 4 * $1, 0, 36; }
        END { print 5000 }' |
        write_log client 0123456789abcdef > log.sqlog
    "$BIN/devnet-orphans" --json log.sqlog > report.json || [[ $? -eq 1 ]]
    jq -e '.summary.verdicts.unknown == 5' report.json
}

@test "what no event of ours claims is reported, whatever the events say of the rest" {
    write_log client 0123456789abcdef > log.sqlog << 'END'
10 > 4 0 36
20 < 4 0 36
21 > 4 36 97
5000
END
    printf '\036{"time":5001,"name":"libp2p:stream_opened","data":{"stream_id":8}}\n' >> log.sqlog
    run -1 "$BIN/devnet-orphans" log.sqlog
    [[ $output == *"stream 4: orphaned"*"(exact)"* ]]
}

@test "a log that stops before an event of ours could name the owner accuses nobody" {
    write_log client 0123456789abcdef > log.sqlog << 'END'
10 > 4 0 36
20 < 4 0 36
21 > 8 0 36
30 < 8 0 60
END
    for id in 4 8; do
        printf '\036{"time":31,"name":"libp2p:stream_negotiated","data":{"stream_id":%d,"protocol":"%s"}}\n' \
            "$id" "$([[ $id == 4 ]] && echo /meshsub/1.2.0 || echo /ipfs/id/1.0.0)"
    done >> log.sqlog
    printf '\036{"time":31,"na' > cut.txt
    cat log.sqlog cut.txt > cut.sqlog
    run -0 --separate-stderr "$BIN/devnet-orphans" cut.sqlog
    printf '5000\n' | write_log client x | tail -n +2 >> log.sqlog
    run -0 verdicts log.sqlog
    [ "$output" = "$(printf '4 orphaned_at_opener\n8 orphaned')" ]
}

# --- our own nodes ---

start_node() {
    local name=$1 line
    shift
    mkdir -p "logs/$name"
    "$BIN/devnet-node" --listen /ip4/127.0.0.1/udp/0/quic-v1 --key "$name.key" --api off \
        --topic lean:block --qlog "logs/$name" "$@" > "$name.out" 2> "$name.err" 3>&- &
    pids+=("$!")
    touch "$name.out"
    until read -r line < "$name.out"; do sleep 0.01; done
    listen=$(jq -r '.listen[0]' <<< "$line")
}

# Two nodes that mesh and are stopped; what follows are options of the dialler.
run_nodes() {
    local pid
    start_node listener
    start_node dialer --bootnode "$listen" "$@"
    until grep -q mesh_joined dialer.out && grep -q mesh_joined listener.out; do sleep 0.02; done
    for pid in "${pids[@]}"; do kill "$pid"; done
    for pid in "${pids[@]}"; do wait "$pid" || true; done
    pids=()
}

strip_events() {
    local log
    for log in logs/*/*; do
        mkdir -p "stripped/$(basename "$(dirname "$log")")"
        grep -av '"libp2p:' "$log" > "stripped/$(basename "$(dirname "$log")")/log.sqlog"
    done
}

@test "two nodes that mesh leave no orphan in both logs, with their events and without" {
    run_nodes
    strip_events
    for folder in logs stripped; do
        run -0 --separate-stderr "$BIN/devnet-orphans" "$folder"
        [[ $output == "no orphaned streams in 1 connection ("*" streams, 2 logs)" ]]
        run -0 "$BIN/devnet-orphans" "$folder/dialer"
        run -0 "$BIN/devnet-orphans" "$folder/listener"
    done
}

@test "a node's log tells whose stack the peer's is, once identify did" {
    run_nodes
    for log in logs/dialer/* logs/listener/*; do
        grep -aq '"name":"libp2p:peer_agent","data":{"peer":"16Uiu2[^"]*","agent":"devnet-node/' "$log"
    done
}

@test "a node's second gossipsub stream is named, by either log and by both" {
    run_nodes --fault second-gossip-stream
    strip_events
    for logs in logs logs/dialer logs/listener stripped stripped/dialer stripped/listener; do
        run -1 --separate-stderr "$BIN/devnet-orphans" --json "$logs"
        jq -e '.summary.orphans == 1' <<< "$output"
        jq -e '[.connections[].streams[] | select(.orphan)][0].verdict |
            . == "orphaned" or . == "orphaned_at_opener"' <<< "$output"
    done
}

# --- reading ---

@test "it links neither ngtcp2 nor GnuTLS" {
    run -0 ldd "$BIN/devnet-orphans"
    [[ $output != *ngtcp2* && $output != *gnutls* ]]
}

@test "both ends' logs are one connection, and a copy of a log is not counted" {
    cp "$RACE"/dialer/*.qlog copy.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" "$RACE"/dialer/*.qlog "$RACE"/listener copy.qlog
    [[ ${lines[-1]} == "1 orphaned stream in 1 connection (4 streams, 2 logs)" ]]
    [[ $stderr == *"copy.qlog: skipped: the same as a log that has been read"* ]]
}

@test "a shorter log of the same end adds no connection and takes no evidence away" {
    head -c 20000 "$(echo "$RACE"/dialer/*.qlog)" > short.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" short.qlog "$RACE/dialer"
    [[ ${lines[-1]} == "1 orphaned stream in 1 connection (4 streams, 1 log)" ]]
}

@test "a log whose last record was cut off is judged by what is there" {
    sequence "$RACE"/dialer/*.qlog | head -c -40 > cut.sqlog
    run -1 --separate-stderr "$BIN/devnet-orphans" --json cut.sqlog
    jq -e '.connections[0].logs[0].truncated and .summary.orphans == 1' <<< "$output"
    # The vantage point of aioquic comes last: the role is told by the first packets.
    head -c -200 "$(echo "$RACE"/listener/*.qlog)" > cut.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" --json cut.qlog
    jq -e '.connections[0].logs[0] | .truncated and .role == "server"' <<< "$output"
}

@test "in a folder what is no QUIC log is noted and passed over" {
    cp -r "$HEALTHY" case
    echo "hello" > case/notes.txt
    head -c 5000 /dev/urandom > case/dialer/noise
    ln -s . case/circle
    run -0 --separate-stderr "$BIN/devnet-orphans" case
    [ "$output" = "no orphaned streams in 1 connection (3 streams, 2 logs)" ]
    [[ $stderr == *"case/notes.txt: skipped: not a QUIC log"* ]]
}

@test "a link to a folder that is searched nowhere else is trouble, and so is a broken one to a log" {
    mkdir fold
    cp -r "$RACE" real
    cp "$HEALTHY"/dialer/*.qlog fold/healthy.qlog
    ln -s ../real fold/logs
    run -2 --separate-stderr "$BIN/devnet-orphans" fold
    [[ $stderr == *"fold/logs: a link to a folder, which is not followed: name it itself"* ]]
    [[ $output == "no orphaned streams in what could be told, which is not all: "* ]]
    run -2 --separate-stderr "$BIN/devnet-orphans" --follow --timeout 1s --grace 10ms fold
    [[ $stderr == *"fold/logs: a link to a folder, which is not followed: name it itself"* ]]
    # It is named, or what it leads to is.
    for other in fold/logs real; do
        run -1 --separate-stderr "$BIN/devnet-orphans" fold $other
        [[ $stderr != *"fold/logs: a link"* ]]
    done
    rm fold/logs
    ln -s nowhere fold/notes.txt
    run -0 --separate-stderr "$BIN/devnet-orphans" fold
    [[ $stderr == *"fold/notes.txt: skipped: a link that leads nowhere: No such file or directory"* ]]
    ln -s nowhere fold/run1.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" fold
    [[ $stderr == *"fold/run1.qlog: a link that leads nowhere: No such file or directory"* ]]
    run -2 --separate-stderr "$BIN/devnet-orphans" --follow --timeout 1s --grace 10ms fold
    [[ $stderr == *"fold/run1.qlog: a link that leads nowhere"* ]]
}

@test "what is named and is no QUIC log is trouble" {
    echo '{"a":1}' > other.json
    run -2 --separate-stderr "$BIN/devnet-orphans" other.json
    [[ $stderr == *"other.json: not a QUIC log: its first record is not a qlog header"* ]]
    run -2 --separate-stderr "$BIN/devnet-orphans" missing.qlog
    [[ $stderr == *"missing.qlog: No such file or directory"* ]]
    mkdir empty
    run -2 --separate-stderr "$BIN/devnet-orphans" empty
    [[ $stderr == *"no QUIC log was found"* ]]
}

@test "where nothing was read no verdict is printed" {
    mkdir empty
    for operand in nope empty; do
        run -2 --separate-stderr "$BIN/devnet-orphans" "$operand"
        [ -z "$output" ]
        [ -n "$stderr" ]
        run -2 --separate-stderr "$BIN/devnet-orphans" --follow --timeout 100ms "$operand"
        [ -z "$output" ]
    done
}

@test "every verdict that makes the exit status is in the text" {
    run -1 --separate-stderr "$BIN/devnet-orphans" --fail-on live,reqresp "$HEALTHY"
    [ "$(grep -c ': live (' <<< "$output")" -eq 2 ]
    [ "$(grep -c ': reqresp (' <<< "$output")" -eq 1 ]
    run -1 --separate-stderr "$BIN/devnet-orphans" --follow --until-orphan --grace 1ms \
        --fail-on live_until_connection_ended "$HEALTHY"
    [ "$(grep -c ': live_until_connection_ended (' <<< "$output")" -eq 2 ]
    run -1 --separate-stderr "$BIN/devnet-orphans" --stats --fail-on live "$HEALTHY"
    [[ $output == *"live 1"* || $output == *"live 2"* ]]
}

@test "orphans outweigh trouble, and trouble outweighs health" {
    run -1 "$BIN/devnet-orphans" "$RACE" missing.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" "$HEALTHY" missing.qlog
    [[ $output == "no orphaned streams in what could be told, which is not all:"* ]]
}

@test "a log without frames decides nothing" {
    jq -c 'del(.traces[].events[].data.frames?)' "$HEALTHY"/dialer/*.qlog > bare.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" --json bare.qlog
    [[ $stderr == *"bare.qlog: its packets are logged without their frames"* ]]
    jq -e '.troubles[0].path == "bare.qlog"' <<< "$output"
}

@test "several connections may be in one file" {
    for log in "$HEALTHY"/dialer/*.qlog "$RACE"/dialer/*.qlog; do
        sequence "$log"
    done > two.sqlog
    run -1 --separate-stderr "$BIN/devnet-orphans" two.sqlog
    [[ ${lines[-1]} == "1 orphaned stream in 2 connections (7 streams, 2 logs)" ]]
}

# --- output ---

@test "text lists what needs attention, and everything with --verbose" {
    run -1 --separate-stderr "$BIN/devnet-orphans" "$RACE"
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} == "a4fd19bb4c2521db stream 8: orphaned (high): opened by the client"* ]]
    for option in -v --verbose; do
        run -1 --separate-stderr "$BIN/devnet-orphans" "$option" "$RACE"
        [ "${#lines[@]}" -eq 5 ]
    done
    run -1 --separate-stderr "$BIN/devnet-orphans" "$CASES"
    [[ $output != *$'\033'* ]]
}

@test "JSON says of each stream what it is, how sure that is, and why" {
    run -1 --separate-stderr "$BIN/devnet-orphans" --json "$RACE"
    jq -e '.schema_version == 1 and (.connections | length) == 1 and
        .summary.orphans == 1 and .summary.verdicts == {live: 2, orphaned: 1, reqresp: 1} and
        (.connections[0] | .id == "a4fd19bb4c2521db" and (.logs | length) == 2 and
            (.streams[] | select(.id == 8) | .opened_by == "client" and .verdict == "orphaned" and
                .confidence == "high" and (.evidence | length) > 20 and .bytes_out == 36 and
                .bytes_back == 36 and .first_activity_ms < .last_activity_ms))' <<< "$output"
}

@test "JSON is given where there is trouble, too" {
    run -2 --separate-stderr "$BIN/devnet-orphans" --json missing.qlog
    jq -e '.connections == [] and (.troubles | length) == 1' <<< "$output"
}

@test "wrong usage is refused" {
    run -2 --separate-stderr "$BIN/devnet-orphans"
    [[ $stderr == *"try: devnet-orphans --help"* ]]
    run -2 --separate-stderr "$BIN/devnet-orphans" --nonsense "$RACE"
    run -0 "$BIN/devnet-orphans" --help
    [[ $output == *"devnet-orphans"* ]]
    run -0 "$BIN/devnet-orphans" --version
}

# --- many files, and standard input ---

@test "workers find what one process finds, in the same order" {
    "$BIN/devnet-orphans" --json --jobs 1 "$CASES" > one.json 2> one.err || [[ $? -eq 1 ]]
    "$BIN/devnet-orphans" --json --jobs 4 "$CASES" > four.json 2> four.err || [[ $? -eq 1 ]]
    "$BIN/devnet-orphans" --json "$CASES" > here.json 2> here.err || [[ $? -eq 1 ]]
    jq -e '.summary.orphans > 5 and (.skipped | length) > 5' one.json > jq.out
    cmp one.json four.json
    cmp one.json here.json
    cmp one.err four.err
    cmp one.err here.err
}

@test "notes and troubles of what workers read are told as of what one process reads" {
    mkdir logs
    { cat "$RACE"/dialer/*.qlog; } | sequence > logs/a.sqlog
    sed -i '5s/^/junk\n/' logs/a.sqlog
    printf '%1100000d' 1 | sed 's/^ /{/' > logs/b.qlog
    for jobs in 1 2; do
        run -1 --separate-stderr "$BIN/devnet-orphans" --jobs "$jobs" logs
        [[ $stderr == *"a.sqlog: record 5 at byte "*"bytes that are no JSON are passed over"* ]]
        [[ $stderr == *"b.qlog: "* ]]
    done
}

@test "a log comes on standard input" {
    run -1 --separate-stderr "$BIN/devnet-orphans" - < <(cat "$RACE"/dialer/*.qlog)
    [[ $output == *"stream 8: orphaned"*"1 orphaned stream"* ]]
    run -2 --separate-stderr "$BIN/devnet-orphans" - < /dev/null
    [[ $stderr == "devnet-orphans: -: not a QUIC log: it is empty" ]]
}

@test "what cannot be printed whole ends with 2" {
    for options in '' --json --stats '--follow --timeout 100ms'; do
        # shellcheck disable=SC2016 # for the inner shell
        run -2 bash -c '"$1" ${3:-} "$2" > /dev/full' - "$BIN/devnet-orphans" "$RACE" "$options"
        [[ $output == *"devnet-orphans: standard output: No space left on device"* ]]
    done
}

@test "--fail-on makes other verdicts fail too" {
    run -0 --separate-stderr "$BIN/devnet-orphans" "$CASES/nego-fail-na"
    run -1 --separate-stderr "$BIN/devnet-orphans" --fail-on negotiation_failed_and_left_open \
        "$CASES/nego-fail-na"
    run -1 --separate-stderr "$BIN/devnet-orphans" "$CASES/nego-fail-na" \
        --fail-on unknown,negotiation_failed_and_left_open
    run -0 --separate-stderr "$BIN/devnet-orphans" --fail-on half_closed "$CASES/nego-fail-na"
    run -2 --separate-stderr "$BIN/devnet-orphans" --fail-on lost "$CASES/nego-fail-na"
    [[ $stderr == "devnet-orphans: --fail-on lost: no such verdict"* ]]
}
