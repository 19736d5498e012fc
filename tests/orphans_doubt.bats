#!/usr/bin/env bats
# devnet-orphans where logs do not tell all: "unknown" and exit 2 with the reason, never a clean bill.
# Each log is made from one whose streams are all healthy, or of which one is an orphan.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    FIXTURES=$BATS_TEST_DIRNAME/fixtures
    CONTROL=$FIXTURES/qlogs-field/control-plain/client.qlog
    cd "$BATS_TEST_TMPDIR" || return
    # Without the orphan, and numbered anew.
    jq 'del(.traces[].events[] | select(.data.frames[0].stream_id == 8))
        | .traces[].events |= [to_entries[] | .value.data.header.packet_number = .key | .value]' \
        "$CONTROL" > healthy.qlog
    "$BIN/devnet-orphans" healthy.qlog > out
    [ "$(cat out)" = "no orphaned streams in 1 connection (4 streams, 1 log)" ]
}

# doubts LOG REASON: it is said why nothing can be told, on stderr, in text and in JSON.
doubts() {
    run -2 --separate-stderr "$BIN/devnet-orphans" "$1"
    [[ $stderr == *"devnet-orphans: $1: "*"$2"* ]] || { echo "$stderr"; return 1; }
    [[ $output == *"no orphaned streams in what could be told, which is not all:"* ]]
    [[ $output == *": unknown: $1 "*"$2"* ]]
    "$BIN/devnet-orphans" --json "$1" > report.json 2> /dev/null || [[ $? -eq 2 ]]
    jq -e --arg reason "$2" '.connections[0].unknown[0].reason | contains($reason)' report.json > jq.out
}

@test "a log without packet events" {
    jq '.traces[].events |= map(select(.name | test("packet") | not))
        + [{time: 6000, name: "connectivity:connection_closed", data: {}}]' healthy.qlog > bare.qlog
    doubts bare.qlog "holds no packets: whether streams were orphaned cannot be told from it"
    jq '.traces[].events = []' healthy.qlog > empty.qlog
    doubts empty.qlog "holds no packets: "
}

@test "packet events under a name that is not known: it is told" {
    local name
    for name in transport:PACKET_RX transport.packet_sent PacketSent; do
        jq -c ".traces[].events |= [{time: 0, name: \"generic:info\", data: {}}] + map(.name = \"$name\")" \
            healthy.qlog > named.qlog
        doubts named.qlog "holds no packets, but events of kinds that are not known (\"$name\")"
        # As records, which are read in another way, and of two parts, which are told in small letters.
        jq -c '{qlog_version: "0.3", qlog_format: "NDJSON", trace: (.traces[0] | del(.events))},
            .traces[0].events[]' named.qlog > named.sqlog
        doubts named.sqlog "(\"$name\")"
    done
    jq -c '.traces[].events |= map(.category = "transport" | .event = "Packet_RX" | del(.name))' \
        healthy.qlog > parts.qlog
    doubts parts.qlog '("transport:packet_rx")'
}

@test "a dial that was given up before its first packet, where the log says so, is no trouble" {
    local started='{time: 0, name: "connectivity:connection_started", data: {}}'
    local set='{time: 1, name: "transport:parameters_set", data: {owner: "local"}}'
    closed() { echo "{time: $1, name: \"connectivity:connection_closed\", data: {owner: \"local\"}}"; }
    jq ".traces[].events = [$started, $set, $(closed 2)]" healthy.qlog > dial.qlog
    run -0 --separate-stderr "$BIN/devnet-orphans" dial.qlog
    [ -z "$stderr" ]
    # It lasted, nothing of it is told, it is not over, or the peer took part.
    jq ".traces[].events = [$started, $set, $(closed 6000)]" healthy.qlog > lasted.qlog
    jq ".traces[].events = [$started, $(closed 2)]" healthy.qlog > untold.qlog
    jq ".traces[].events = [$started, $set]" healthy.qlog > open.qlog
    jq ".traces[].events = [$started, $set, {time: 1, name: \"security:key_updated\",
        data: {key_type: \"server_1rtt_secret\"}}, $(closed 2)]" healthy.qlog > keys.qlog
    for log in lasted untold open keys; do doubts "$log.qlog" "holds no packets"; done
}

@test "packets without their frames, all or some" {
    jq 'del(.traces[].events[].data.frames)' healthy.qlog > all.qlog
    doubts all.qlog "its packets are logged without their frames"
    jq 'del(.traces[].events[9].data.frames)' healthy.qlog > one.qlog
    doubts one.qlog "1 of its packets are logged without their frames"
}

@test "packets of a type that is not known, or not told, may be of streams" {
    local type reset='select(any(.data.frames[]; .frame_type == "reset_stream"))'
    for type in . '.packet_type = "one_rtt"' 'del(.packet_type)'; do
        jq ".traces[].events[].data.header |= ($type)" healthy.qlog > whole.qlog
        run -0 --separate-stderr "$BIN/devnet-orphans" whole.qlog
        [[ -z $stderr ]]
        jq "del(.traces[].events[] | $reset | .data.frames)" whole.qlog > bare.qlog
        doubts bare.qlog " of its packets are logged without their frames"
        # By what was acknowledged it shows that the packet is missing.
        jq ".traces[].events |= map(select(([$reset] | length) == 0)) | (.traces[].events[-1].data.frames) +=
            [{frame_type: \"ack\", acked_ranges: [[0, 100]]}]" whole.qlog > gap.qlog
        doubts gap.qlog "acknowledged are missing from it"
    done
    # Those that have no frames are known by their types.
    for type in retry version_negotiation VersionNegotiation; do
        jq ".traces[].events |= .[:1] + [{time: 1, name: \"quic:packet_received\", data: {header:
            {packet_type: \"$type\"}}}] + .[1:]" healthy.qlog > first.qlog
        run -0 --separate-stderr "$BIN/devnet-orphans" first.qlog
        [[ -z $stderr ]]
    done
}

@test "frames of types that are not known" {
    jq '(.traces[].events[].data.frames[] | select(.frame_type == "stream") | .frame_type) = "strm"' \
        healthy.qlog > named.qlog
    doubts named.qlog ' of its packets hold only frames of types that are not known ("strm")'
    jq '(.traces[].events[].data.frames[].frame_type) = 1234' healthy.qlog > numbered.qlog
    doubts numbered.qlog ' of its packets hold only frames of types that are not known ("1234")'
    jq 'del(.traces[].events[8].data.frames[].frame_type)' healthy.qlog > none.qlog
    doubts none.qlog "1 of its packets hold only frames of types that are not known (none is given)"
    jq '.traces[].events[8].data.frames += [{frame_type: "strm"}]' healthy.qlog > beside.qlog
    run -0 --separate-stderr "$BIN/devnet-orphans" beside.qlog
    # What names a stream is missing from it.
    jq '(.traces[].events[].data.frames[] | select(.frame_type == "stream") | .frame_type) = "strm"
        | .traces[].events[].data.frames += [{frame_type: "padding"}]' healthy.qlog > padded.qlog
    doubts padded.qlog ' of its packets hold streams'\'' frames of types that are not known ("strm")'
    jq '.traces[].events[8].data.frames += [{frame_type: "other"}, {type: 1234, id: 8}]' \
        healthy.qlog > old.qlog
    doubts old.qlog '1 of its packets hold streams'\'' frames of types that are not known ("1234")'
    # By another key, or by its own name.
    for frame in '{frame_type: "other", streamId: 8}' '{frame_type: "RST", sid: "0x8"}' \
        '{frame_type: "ResetStream", number: 8}' '{frame_type: "stop-sending", object: {id: 8}}'; do
        jq ".traces[].events[8].data.frames += [$frame]" healthy.qlog > named.qlog
        doubts named.qlog "1 of its packets hold streams' frames of types that are not known ("
    done
    for frame in '{frame_type: "MaxStreamData", number: 8}' '{frame_type: "streams-blocked"}'; do
        jq ".traces[].events[8].data.frames += [$frame]" healthy.qlog > limit.qlog
        run -0 --separate-stderr "$BIN/devnet-orphans" limit.qlog
        [[ -z $stderr ]]
    done
}

@test "STREAM frames of which it cannot be read where they are" {
    # Were its offset 0, stream 8 would be an orphan.
    local offset
    for offset in '"36n"' null 36.5 -1; do
        jq ".traces[].events += [{time: 7100, name: \"transport:packet_sent\", data: {header:
            {packet_type: \"1RTT\", packet_number: (.traces[0].events | length)}, frames:
            [{frame_type: \"stream\", stream_id: 8, offset: $offset, length: 30}]}}]" "$CONTROL" > log.qlog
        run -2 --separate-stderr "$BIN/devnet-orphans" log.qlog
        [[ $stderr == *"1 of its frames cannot be read (record "*": a frame's offset on stream 8 is no number that QUIC allows)"* ]]
    done
    jq 'del(.traces[].events[].data.frames[] | select(.offset == 0) | .offset)' "$CONTROL" > first.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" first.qlog
    [[ -z $stderr && $output == *"stream 8: orphaned"* ]]
    jq '(.traces[].events[8].data.frames[].stream_id) = 8.5' healthy.qlog > between.qlog
    doubts between.qlog "a frame's stream_id is no number that QUIC allows"
}

@test "STREAM frames without a length that nothing else gives" {
    jq 'del(.traces[].events[].data.frames[] | select(.stream_id == 8) | .length)' "$CONTROL" > bare.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" bare.qlog
    [[ $output == *"stream 8: unknown (low): "*"the STREAM frame at offset 0 from the client has no length in the log, and no later offset, FIN or final size tells where it ends"* ]]
    "$BIN/devnet-orphans" --json bare.qlog > report.json || [[ $? -eq 2 ]]
    jq -e '.connections[].streams[] | select(.id == 8) | .bytes_out == null and .bytes_back == null
        and .shape == "untold"' report.json > jq.out
    jq 'del(.traces[].events[].data.frames[].length?)' "$CONTROL" > none.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" none.qlog
}

# raw HEADER: the log with raw.length alone, of a frame's data and so many bytes before them.
raw() {
    jq -c "(.traces[].events[].data.frames[] | select(.frame_type == \"stream\"))
        |= (.raw = {length: (.length + $1)} | del(.length))" "$CONTROL"
}

@test "raw.length counts the data or the whole frame, as the next offsets tell" {
    raw 0 > data.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" --json data.qlog
    [ -z "$stderr" ]
    jq 'del(.connections[].logs)' <<< "$output" > data.json
    "$BIN/devnet-orphans" --json "$CONTROL" | jq 'del(.connections[].logs)' > control.json
    cmp data.json control.json
    raw 5 > frames.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" -v frames.qlog
    [[ $output == *"stream 8: unknown (low): "*"the STREAM frame at offset 0 from the client has a length that may count its header in the log, and no later offset, FIN or final size tells where it ends"* ]]
    [[ $output == *"stream 4: unknown (low): "*" 486 or more bytes out and 0 or more back"* ]]
    # Nothing follows any frame, by which it could be told.
    jq -c 'del(.traces[].events[] | select(any(.data.frames[]; .offset > 0)))' data.qlog > first.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" -v first.qlog
    [[ $output == *"stream 8: unknown (low): "* ]]
}

@test "a length that the next offset or the other end's log gives is known" {
    # The answer's end is told by a RESET_STREAM's final size after all was over.
    jq '.traces[].events |= map(.data.frames |= map(if .stream_id == 8 then del(.length) else . end))
        | .traces[].events |= map(if .data.frames[0].stream_id == 8
            then .data.frames += [(.data.frames[0] | .offset = 36 | .length = 0 | .fin = false)] else . end)' \
        "$CONTROL" > next.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" next.qlog
    [[ $output == *"stream 8: orphaned (high): "*" 36 bytes out and 36 back, "* ]]
    jq 'del(.traces[].events[].data.frames[].length?)' "$CONTROL" > none.qlog
    jq '.traces[].vantage_point.type = "server" | (.traces[].events[].name) |=
        if test("sent") then "quic:packet_received" else "quic:packet_sent" end' "$CONTROL" > server.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" none.qlog server.qlog
    [[ $output == *"stream 8: orphaned (high): "*" 36 bytes out and 36 back, "* ]]
}

@test "a log without times cannot be set beside the other end's" {
    local log case=$FIXTURES/qlogs/race-nosleep-eager-disconnect
    cp -r "$case" ends
    for log in ends/dialer/*.qlog; do
        jq -c 'del(.traces[].events[].time)' "$log" > changed
        mv changed "$log"
    done
    run -2 --separate-stderr "$BIN/devnet-orphans" ends
    [[ $stderr == *"ends/dialer/"*": its events have no times, by which those of the connection's other log could be set beside them"* ]]
    # Its own order tells what came first.
    run -1 --separate-stderr "$BIN/devnet-orphans" ends/dialer
}

@test "a clock that was set back, in one end's log or in the only one" {
    local log case=$FIXTURES/qlogs/race-nosleep-eager-disconnect
    cp -r "$case" ends
    for log in ends/dialer/*.qlog; do
        jq -c '(.traces[0].events | length * 4 / 5 | floor) as $from | .traces[0].events[$from:][].time -= 3600000' \
            "$log" > changed
        mv changed "$log"
    done
    for log in ends ends/dialer; do
        run -2 --separate-stderr "$BIN/devnet-orphans" "$log"
        [[ $stderr == *"ends/dialer/"*": its times go back to long before its first event's: whether streams were orphaned cannot be told from it"* ]]
    done
    # Events of several threads may be out of order.
    jq -c '.traces[].events[3:][].time += 500 | .traces[].events[2].time -= 500' healthy.qlog > threads.qlog
    run -0 --separate-stderr "$BIN/devnet-orphans" threads.qlog
}

@test "where one end's log tells no lengths the other end's tells all" {
    local case end verdicts='[.connections[] | .id, (.streams[] | [.id, .verdict])]'
    for case in clean-disconnect-by-dialer simdial-nosleep race-nosleep-eager; do
        for end in "$FIXTURES/qlogs/$case"/*/; do
            end=$(basename "$end")
            rm -rf ends
            cp -r "$FIXTURES/qlogs/$case" ends
            for log in ends/"$end"/*.qlog; do
                jq -c 'del(.traces[].events[].data.frames[]? | select(.frame_type == "stream") | .length)' "$log" > changed
                mv changed "$log"
            done
            "$BIN/devnet-orphans" --json "$FIXTURES/qlogs/$case" 2> /dev/null | jq -c "$verdicts" > whole.json
            "$BIN/devnet-orphans" --json ends 2> /dev/null | jq -c "$verdicts" | diff whole.json -
        done
    done
}

@test "what a stream is for says nothing of how much passed where no lengths are told" {
    # Events of the node tell, or of a tap: the opener said more than the negotiation, or did not.
    local log case=$FIXTURES/qlogs-recorded/ngtcp2-0.12-second-stream
    mkdir both
    for log in "$case"/*/*.sqlog; do
        sed -E 's/("frame_type":"stream"[^}]*),"length":[0-9]+/\1/g' "$log" > "both/${log##*/}"
    done
    run -1 "$BIN/devnet-orphans" "$case"
    [[ $output == *" stream 12: orphaned_at_opener "* ]]
    for log in both both/*_server.sqlog; do
        run -2 --separate-stderr "$BIN/devnet-orphans" -v "$log"
        [[ $output == *" stream 12: unknown (low): /meshsub/"*" has no length in the log"* ]]
    done
    { records "$CONTROL" | sed -E 's/"length":[0-9]+,?//g; s/,}/}/g' | head -n 1
        printf '\036{"time":0,"name":"tap:connection","data":{"leg":"front","dialler":"a","listener":"b"}}\n'
        printf '\036{"time":9,"name":"tap:stream_negotiated","data":{"stream_id":8,"protocol":"/meshsub/1.2.0"}}\n'
        records "$CONTROL" | sed -E 's/"length":[0-9]+,?//g; s/,}/}/g' | tail -n +2; } > tap.sqlog
    run -2 --separate-stderr "$BIN/devnet-orphans" -v tap.sqlog
    [[ $output == *" stream 8: unknown (low): "*" has no length in the log"* ]]
}

@test "only one direction" {
    jq 'del(.traces[].events[] | select(.name | test("received")))' healthy.qlog > sent.qlog
    doubts sent.qlog "the packets that were received are missing from it"
    jq 'del(.traces[].events[] | select(.name | test("sent")))' healthy.qlog > received.qlog
    doubts received.qlog "the packets that were sent are missing from it"
    # An attempt that nobody answered had no streams.
    jq '.traces[].events |= .[:1]' healthy.qlog > unanswered.qlog
    run -0 --separate-stderr "$BIN/devnet-orphans" unanswered.qlog
}

@test "a beginning or a middle that is missing" {
    jq 'del(.traces[].events[2:7])' healthy.qlog > begin.qlog
    doubts begin.qlog "bytes of streams are missing amid others from it"
    jq 'del(.traces[].events[14:20])' healthy.qlog > middle.qlog
    doubts middle.qlog "bytes of streams are missing amid others from it"
    jq 'del(.traces[].events[] | select(.data.frames[0].stream_id == 8))' "$CONTROL" > numbers.qlog
    doubts numbers.qlog "packets are missing between others, as their numbers show, from it"
    jq '.traces[].events[20].data.frames += [{frame_type: "ack", acked_ranges: [[900, 903]]}]' \
        healthy.qlog > acked.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" acked.qlog
    [[ $stderr == *"packets that "*"acknowledged are missing from it"* ]]
}

@test "silence accuses nobody where parts of the log are missing" {
    jq 'del(.traces[].events[14:20])' "$CONTROL" > middle.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" middle.qlog
    [[ $output == *"stream 8: unknown (low): "*"parts of the log are missing"*"it would be orphaned: "* ]]
}

@test "what is missing of one connection accuses nobody on another between the same nodes" {
    # What the second one would be read instead of may have ended in what is missing.
    local case=$FIXTURES/qlogs/simdial-nosleep log name=356a2645330f3b0f.qlog
    run -0 "$BIN/devnet-orphans" "$case"
    cp -r "$case" partly
    for log in "$case"/*/"$name"; do
        jq -c '([.traces[0].events[] | select(.data.frames) | .time] | .[length * 61 / 100 | ceil]) as $from
            | (.traces[0].events[] | select(.time >= $from)) |= del(.data.frames)' "$log" > "partly/${log#"$case"/}"
    done
    run -2 --separate-stderr "$BIN/devnet-orphans" --json partly
    jq -e '[.connections[] | select(.id == "06e2d827d46ed765") | .streams[] | select(.id == 1)]
        | .[0].verdict == "unknown" and (.[0].evidence | contains("it would be unread_at_receiver: "))' \
        <<< "$output" > jq.out
}

@test "a log that the other end's makes up for is no trouble" {
    jq '.traces[].vantage_point.type = "server" | (.traces[].events[].name) |=
        if test("sent") then "quic:packet_received" else "quic:packet_sent" end' healthy.qlog > server.qlog
    jq 'del(.traces[].events[14:20])' healthy.qlog > middle.qlog
    run -0 --separate-stderr "$BIN/devnet-orphans" server.qlog middle.qlog
    [ -z "$stderr" ]
}

@test "a file of a folder that a full disk left empty or cut" {
    mkdir folder
    cp healthy.qlog folder
    for size in 0 30 120; do
        head -c "$size" "$CONTROL" > folder/other.qlog
        run -2 --separate-stderr "$BIN/devnet-orphans" folder
        [[ $stderr == *"folder/other.qlog: "* ]]
        [[ $output == "no orphaned streams in what could be told, which is not all:"* ]]
    done
    head -c 4000 healthy.qlog > folder/other.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" folder/other.qlog
    [[ $stderr == *"other.qlog: is cut off, and no packets are known from there on"* ]]
    : > folder/other.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" folder
    [[ $stderr == *"folder/other.qlog: not a QUIC log: it is empty" ]]
}

@test "records that cannot be read" {
    jq -c '{qlog_format: "NDJSON", qlog_version: "0.3", trace: (.traces[0] | del(.events))},
        .traces[].events[]' healthy.qlog > lines.qlog
    run -0 --separate-stderr "$BIN/devnet-orphans" lines.qlog
    sed '0,/reset_stream/{/reset_stream/s/.\{20\}$//}' lines.qlog > cut.qlog
    doubts cut.qlog "1 of its packets are in records that cannot be read"
    sed '0,/reset_stream/{/reset_stream/s/"time":/"time":,/}' lines.qlog > broken.qlog
    doubts broken.qlog "1 of its packets are in records that cannot be read"
}

@test "events of which it cannot be read whose they are" {
    local group
    for group in '{ip: "::1"}' '["1"]' 1.5 1e300 true; do
        jq -c ".traces[].events[8].group_id = $group" healthy.qlog > one.qlog
        doubts one.qlog "1 of its packets are in records that cannot be read"
        run -2 --separate-stderr "$BIN/devnet-orphans" one.qlog
        [[ $stderr == *"one.qlog: record "*": its group_id or ODCID is neither a text nor a whole number"* ]]
        jq -c ".traces[].events[].ODCID = $group" healthy.qlog > all.qlog
        doubts all.qlog "holds no packets"
        # Arrays.
        jq -c ".traces[0] |= {event_fields: [\"time\", \"odcid\", \"category\", \"type\", \"data\"]} + .
            | .traces[0].events |= (map([.time, \"a1\", \"quic\", (.name | split(\":\")[1]), .data])
                | .[8][1] = $group)" healthy.qlog > array.qlog
        doubts array.qlog "1 of its packets are in records that cannot be read"
    done
    # What is null says nothing.
    jq -c '.traces[].events[].ODCID = null' healthy.qlog > null.qlog
    run -0 --separate-stderr "$BIN/devnet-orphans" null.qlog
    [ -z "$stderr" ]
}

# As records of one line each, which begin with 0x1E.
records() {
    jq -c '{qlog_format: "JSON-SEQ", qlog_version: "0.3", trace: (.traces[0] | del(.events))},
        .traces[].events[]' "$1" | sed $'s/^/\036/'
}

# Replaces the record at that line by what comes on standard input: put FILE LINE < TEXT.
put() { sed -e "$2r /dev/stdin" -e "$2d" "$1"; }

# So many zero bytes as the record at that line has: zeros FILE LINE.
zeros() { sed -n "$2p" "$1" | tr -c '\n' '\0'; }

# The line of that text: line_of TEXT FILE.
line_of() { grep -n -m 1 "$@" | cut -d : -f 1; }

@test "a record that was cut off or overwritten may be a packet's, whose kind nothing tells" {
    local line size may="1 of its records cannot be read, and may be of packets"
    records healthy.qlog > whole.sqlog
    line=$(line_of reset_stream whole.sqlog)
    run -0 --separate-stderr "$BIN/devnet-orphans" whole.sqlog
    for size in 2 5 9 13 22; do
        { sed -n "${line}p" whole.sqlog | head -c "$size"; echo; } | put whole.sqlog "$line" > cut.sqlog
        doubts cut.sqlog "$may"
    done
    zeros whole.sqlog "$line" | put whole.sqlog "$line" > zeros.sqlog
    doubts zeros.sqlog "$may"
    # What is within its data is not its own name.
    printf '\036{"time":2013,"data":{"name":"a:b"},"na\n' | put whole.sqlog "$line" > nested.sqlog
    doubts nested.sqlog "$may"
    # In a document it lies between two commas.
    jq -c ".traces[].events[$((line - 2))] = \"~\"" healthy.qlog | sed 's/"~"/~~~~~~~~/' |
        tr '~' '\0' > zeros.qlog
    doubts zeros.qlog "$may"
}

@test "a record that cannot be read and names another kind is no packet's" {
    local name
    records healthy.qlog > whole.sqlog
    for name in '"name":"recovery:metrics_updated"' '"name" : "recovery:packet_lost"' '"name":"a:b"'; do
        { sed -n 9p whole.sqlog; printf '\036{"time":1,%s,"data":{"a":\n' "$name"; } |
            put whole.sqlog 9 > other.sqlog
        run -0 --separate-stderr "$BIN/devnet-orphans" other.sqlog
        [[ $stderr == *"other.sqlog: record 10 at byte "*": a record that was cut off is passed over" ]]
    done
    # Zeros in it may have been others.
    { sed -n 9p whole.sqlog; printf '\036{"time":1,"name":"recovery:metrics_updated","data":{"a":'
        zeros whole.sqlog 9; } | put whole.sqlog 9 > zeros.sqlog
    doubts zeros.sqlog "1 of its records cannot be read, and may be of packets"
}

@test "a log that ends within a record has lost nothing, nor where another's header follows" {
    local size
    records healthy.qlog > whole.sqlog
    for size in 2 5 9 13 22 50; do
        { cat whole.sqlog; printf '\036{"time":8000,"name":"transport:packet_sent","data":{}}' |
            head -c "$size"; } > last.sqlog
        { cat last.sqlog; sed 's/ODCID":"/&ff/' whole.sqlog; } > two.sqlog
        for log in last two; do
            run -0 --separate-stderr "$BIN/devnet-orphans" --json "$log.sqlog"
            jq -e '.connections[0].logs[0].truncated and .troubles == []' <<< "$output" > jq.out
        done
    done
}

@test "a record that is lost may be of any connection of its file" {
    local line may="1 of its records cannot be read, and may be of packets"
    records healthy.qlog > whole.sqlog
    line=$(line_of reset_stream whole.sqlog)
    # Each record twice, for one connection and for the other.
    { head -n 1 whole.sqlog | sed 's/"ODCID":"[^"]*"//'
        tail -n +2 whole.sqlog | sed 's/{/{"group_id":"aa",/; p; s/"aa"/"bb"/'; } > two.sqlog
    run -0 --separate-stderr "$BIN/devnet-orphans" two.sqlog
    [[ $output == "no orphaned streams in 2 connections (8 streams, 2 logs)" ]]
    sed "$((2 * line - 1))s/^\(.\{60\}\).*/\1/" two.sqlog > cut.sqlog
    run -2 --separate-stderr "$BIN/devnet-orphans" cut.sqlog
    [[ $output == *"aa: unknown: cut.sqlog $may"*"bb: unknown: cut.sqlog $may"* ]]
}

@test "an event without a name may be a packet's" {
    local line
    records healthy.qlog > whole.sqlog
    line=$(line_of reset_stream whole.sqlog)
    sed "${line}s/\"name\"/\"nama\"/" whole.sqlog > nameless.sqlog
    doubts nameless.sqlog "1 of its records cannot be read, and may be of packets"
    [[ $output != *"orphaned ("* ]]
}

# A log with the events of its own node, to a file of its name: claimed dialer|listener.
claimed() {
    local case=$FIXTURES/qlogs/clean-disconnect-by-dialer filters=$BATS_TEST_DIRNAME/orphans
    jq -c --slurpfile truth "$case/truth.json" --arg node "$1" -f "$filters/claim.jq" "$case/$1"/* |
        jq -c -f "$filters/sequence.jq" | sed $'s/^/\036/' > "$1.sqlog"
}

# accuses_nobody REASON LOG...: what its claim would speak for is unknown.
accuses_nobody() {
    local reason=$1
    shift
    run -2 --separate-stderr "$BIN/devnet-orphans" "$@"
    [[ $stderr == *"devnet-orphans: $1: "*"$reason"* ]] || { echo "$stderr"; return 1; }
    [[ $output == *"stream 4: unknown (low): "*"parts of the log are missing"*"it would be "* ]]
    [[ $output == *": unknown: $1 "*"$reason"* ]]
}

@test "an event of the node's own that cannot be read may be the claim whose absence accuses" {
    local line log own="1 of the events of the node or tap that wrote it are in"
    local may="1 of its records cannot be read, and may be of events of the node that wrote it"
    claimed dialer
    claimed listener
    line=$(line_of 'stream_registered","data":{"stream_id":4' dialer.sqlog)
    run -0 --separate-stderr "$BIN/devnet-orphans" dialer.sqlog listener.sqlog
    sed "${line}s/\"name\"/\"name/" dialer.sqlog > quote.sqlog
    sed "${line}s/.\{9\}$//" dialer.sqlog > short.sqlog
    sed "${line}s/\"time\":/&,/" dialer.sqlog > broken.sqlog
    sed "${line}s/^\(.\{12\}\).*/\1/" dialer.sqlog > cut.sqlog
    zeros dialer.sqlog "$line" | put dialer.sqlog "$line" > zeros.sqlog
    for log in quote short broken; do accuses_nobody "$own" "$log.sqlog"; done
    for log in cut zeros; do accuses_nobody "$may" "$log.sqlog"; done
    # The other end's log has all that passed, and none of the claims.
    for log in quote short broken; do accuses_nobody "$own" "$log.sqlog" listener.sqlog; done
    for log in cut zeros; do accuses_nobody "$may" "$log.sqlog" listener.sqlog; done
}

@test "a claim that is not there proves nothing where packets are missing, too" {
    claimed dialer
    claimed listener
    local line
    line=$(line_of 'stream_registered","data":{"stream_id":4' dialer.sqlog)
    sed "${line}d; /\"offset\":60,\"stream_id\":0/d" dialer.sqlog > gap.sqlog
    accuses_nobody "are missing amid others" gap.sqlog
    accuses_nobody "are missing amid others" gap.sqlog listener.sqlog
}

@test "what a tap heard and cannot be read may be what a stream is for" {
    records healthy.qlog > whole.sqlog
    { head -n 1 whole.sqlog
        printf '\036{"time":0,"name":"tap:connection","data":{"leg":"front","dialler":"a","listener":"b"}}\n'
        printf '\036{"time":1,"name":"tap:stream_proposed","data":{"stream_id"\n'
        tail -n +2 whole.sqlog; } > tap.sqlog
    doubts tap.sqlog "1 of the events of the node or tap that wrote it are in records that cannot be read"
}

@test "what follows where a file can be read no further may be what clears a stream" {
    local reset=("$FIXTURES"/qlogs-field/picoquic-reset/dialer/*.qlog) line
    run -0 "$BIN/devnet-orphans" "${reset[0]}"
    for ((line = 2; line < $(wc -l < "${reset[0]}"); line++)); do
        sed "${line}s/.*/x]}x}/" "${reset[0]}" > broken.qlog
        run -2 --separate-stderr "$BIN/devnet-orphans" broken.qlog
        [[ $stderr == *broken.qlog:* ]]
    done
    # Nor may what cannot be unpacked.
    { head -n 180 "${reset[0]}" | gzip
        printf '\037\213\010\0\0\0\0\0\0\3'
        head -c 300 /dev/zero | tr '\0' '\377'; } > damaged.qlog.gz
    run -2 --separate-stderr "$BIN/devnet-orphans" damaged.qlog.gz
    [[ $stderr == *"damaged.qlog.gz: its gzip data are damaged"* ]]
}
