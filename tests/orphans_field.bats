#!/usr/bin/env bats
# devnet-orphans on logs from the field: every dialect is read, and what is not is named as what it
# is. See fixtures/qlogs-field.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    FIELD=$BATS_TEST_DIRNAME/fixtures/qlogs-field
    CONTROL=$FIELD/control-plain/client.qlog
    cd "$BATS_TEST_TMPDIR" || return
}

# Judges a file or folder, and expects of it what truth.json says.
holds() {
    local truth=$1 log=$2 status=0
    "$BIN/devnet-orphans" --json "$log" > report.json 2> orphans.err || status=$?
    jq -e --slurpfile truth "$truth" --argjson status "$status" --rawfile said orphans.err '
        $truth[0] as $truth | [.connections[].streams[]] as $streams
        | $status == $truth.exit
        and ([$streams[] | select(.orphan) | .id] | sort) == $truth.orphans
        and ($truth.reason == null or ($said | contains($truth.reason)))
        and (($truth.unknown // []) - [$streams[] | select(.verdict == "unknown") | .id]) == []' \
        report.json > jq.out || {
        echo "$log: exit status $status"
        cat orphans.err
        jq -c '[.connections[].streams[] | [.id, .verdict]]' report.json
        return 1
    }
}

# is_control FILE: it is judged as the log that it was made from.
is_control() {
    run -1 --separate-stderr "$BIN/devnet-orphans" --json "$1"
    [ -z "$stderr" ]
    jq 'del(.connections[].logs)' <<< "$output" > as.json
    "$BIN/devnet-orphans" --json "$CONTROL" | jq 'del(.connections[].logs)' > control.json
    cmp as.json control.json
}

@test "each log from the field gives its right answer" {
    local folder log
    for folder in "$FIELD"/*/; do
        for log in "$folder"*.*log; do
            if [[ -e $log ]]; then holds "$folder/truth.json" "$log" || return 1; fi
        done
    done
}

@test "what x/net/quic and picoquic record is read, from one end's log and from both" {
    local folder
    for folder in "$FIELD"/{x-net-quic,picoquic}-*; do
        for logs in "$folder" "$folder/dialer" "$folder/listener"; do
            holds "$folder/truth.json" "$logs" || return 1
        done
    done
}

@test "numbers may be texts, decimal or hexadecimal, anywhere" {
    jq '(.traces[].events[] | .time, .data.header.packet_number, .data.frames[].stream_id?,
        .data.frames[].offset?, .data.frames[].length?) |= if . == null then empty else tostring end' \
        "$CONTROL" > text.qlog
    is_control text.qlog
    jq '(.traces[].events[].data.frames[] | select(.stream_id? == 8) | .stream_id) = "0x8"' \
        "$CONTROL" > hexadecimal.qlog
    is_control hexadecimal.qlog
    # As who has no other numbers writes whole ones.
    jq '(.traces[].events[].data | .header.packet_number, .frames[].stream_id?, .frames[].offset?,
        .frames[].length?) |= if . == null then empty else "\(.).0" end' "$CONTROL" > point.qlog
    is_control point.qlog
}

@test "frames are known in letters of any case, by number, and by either key" {
    jq '(.traces[].events[].data.frames[].frame_type) |= ascii_upcase' "$CONTROL" > upper.qlog
    is_control upper.qlog
    for form in '.' '"\(.)"' '"0x0\(if . > 9 then "f" else . end)"'; do
        jq '(.traces[].events[].data.frames[].frame_type) |= ({stream: 8, crypto: 6, reset_stream: 4,
            connection_close: 28, stop_sending: 5}[.] | '"$form"')' "$CONTROL" > number.qlog
        is_control number.qlog
    done
    jq '(.traces[].events[].data.frames[]) |= (.type = .frame_type | del(.frame_type))' "$CONTROL" > key.qlog
    is_control key.qlog
}

@test "frames are known by the names that mvfst gives them" {
    jq '(.traces[].events[].data.frames[].frame_type) |= ({crypto: "crypto_frame", reset_stream: "rst_stream"}[.] // .)' \
        "$CONTROL" > mvfst.qlog
    grep -q crypto_frame mvfst.qlog
    is_control mvfst.qlog
}

@test "the type that a frame is given by says whether it ends its stream" {
    jq '(.traces[].events[].data.frames[] | select(.frame_type == "stream")) |=
        (.frame_type = (if .fin then 15 else 14 end) | del(.fin))' "$CONTROL" > type.qlog
    is_control type.qlog
}

@test "what says whether a frame ends its stream may be a truth value, a number or a text" {
    local form
    for form in 'if . then 1.0 else 0.0 end' 'if . then "1" else "0" end' 'if . then "TRUE" else "False" end' \
        'if . then true else null end'; do
        jq "(.traces[].events[].data.frames[] | select(.frame_type == \"stream\") | .fin) |= ($form)" \
            "$CONTROL" | sed 's/"fin": 1$/"fin": 1.0/' > fin.qlog
        is_control fin.qlog
    done
    for form in '{value: true}' '"yes"' 1.5 -1 '[]'; do
        jq "(.traces[].events[].data.frames[] | select(.fin) | .fin) = $form" "$CONTROL" > fin.qlog
        run -2 --separate-stderr "$BIN/devnet-orphans" fin.qlog
        [[ $stderr == *": a frame's fin on stream 0 is neither true nor false"* ]]
    done
}

@test "of two keys for the same thing one that is null says nothing" {
    jq '(.traces[].events[].data.frames[]) |= (.type = .frame_type | .frame_type = null)' "$CONTROL" > null.qlog
    is_control null.qlog
}

@test "events may be arrays, with what their places hold told before, behind or nowhere" {
    local fields='["relative_time","category","event_type","data"]'
    local events='.traces[].events |= map([.time, "TRANSPORT", (.name | split(":")[1] | ascii_upcase), .data])'
    jq "$events" "$CONTROL" > nowhere.qlog
    is_control nowhere.qlog
    jq "$events | .traces[] |= ({event_fields: $fields} + .)" "$CONTROL" > before.qlog
    is_control before.qlog
    jq "$events | .traces[] |= (. + {event_fields: $fields})" "$CONTROL" > behind.qlog
    is_control behind.qlog
    jq '.traces[] |= ({event_fields: ["group_id", "category", "data", "event", "relative_time"]} + .)
        | .traces[].events |= map(["abc", "transport", .data, (.name | split(":")[1]), .time])' \
        "$CONTROL" > order.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" order.qlog
    [ -z "$stderr" ]
    # As picoquic writes them: microseconds, the path, and the packet's type beside its header.
    jq '.traces[] |= ({event_fields: ["relative_time", "path_id", "category", "event", "data"],
            configuration: {time_units: "us"}} + .)
        | .traces[].events |= map([(.time * 1000 | round), 0, "transport", (.name | split(":")[1]),
            (.data | .packet_type = .header.packet_type | del(.header.packet_type)
                | (.frames[] | select(.stream_id)) |= (.id = .stream_id | del(.stream_id)))])' \
        "$CONTROL" > picoquic.qlog
    is_control picoquic.qlog
}

@test "arrays may come one a line" {
    jq -c '{qlog_format: "NDJSON", qlog_version: "draft-02", trace: (.traces[0] | del(.events))},
        (.traces[].events[] | [.time, "transport", (.name | split(":")[1]), .data])' "$CONTROL" > lines.qlog
    is_control lines.qlog
}

@test "names may be in two parts" {
    for key in event event_type type; do
        jq --arg key "$key" '.traces[].events |= map({time: .time, category: "TRANSPORT", ($key):
            (.name | split(":")[1] | ascii_upcase), data: .data})' "$CONTROL" > parts.qlog
        is_control parts.qlog
    done
}

@test "a byte order mark is passed over, wherever blocks end" {
    { printf '\357\273\277'; cat "$CONTROL"; } > mark.qlog
    is_control mark.qlog
    gzip --stdout mark.qlog > packed.gz
    is_control packed.gz
}

@test "a trace that is an error is told with its text, and costs no other" {
    jq '.traces |= [{error_description: "file not found", uri: "other.qlog"}] + .' "$CONTROL" > first.qlog
    jq '.traces += [{error_description: "file not found", uri: "other.qlog"}]' "$CONTROL" > last.qlog
    for log in first last; do
        run -1 --separate-stderr "$BIN/devnet-orphans" --json "$log.qlog"
        [[ $stderr == *"$log.qlog: trace "[12]" of it is an error in place of events: file not found (other.qlog)" ]]
        jq -e '.summary.connections == 1 and .summary.orphans == 1' <<< "$output" > jq.out
    done
    jq '.traces = [{error_description: "file not found"}]' "$CONTROL" > alone.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" alone.qlog
    [[ $stderr == *"file not found" ]]
}

@test "several traces are several connections" {
    jq '.traces += [.traces[0] | .common_fields.ODCID = "ff"]' "$CONTROL" > two.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" --json two.qlog
    jq -e '.summary.connections == 2 and .summary.orphans == 2' <<< "$output" > jq.out
}

@test "what cannot be read costs its field or frame, not the rest of the log" {
    jq '(.traces[].events[4].time) = "soon" | (.traces[].events[5].data.header.packet_number) = []
        | (.traces[].events[0].data.frames[0].offset) = {}' "$CONTROL" > fields.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" --json fields.qlog
    [ -z "$stderr" ]
    jq -e '[.connections[].streams[] | select(.orphan) | .id] == [8]' <<< "$output" > jq.out
    jq '(.traces[].events[] | select(.data.frames[0].stream_id == 12)
        | .data.frames[0].stream_id) = "twelve"' "$CONTROL" > frames.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" --json frames.qlog
    [[ $stderr == *" of its frames cannot be read (record "*" at byte "*": a frame's stream_id is no number that QUIC allows): "* ]]
    jq -e '[.connections[].streams[].id] == [0, 1, 4, 8]' <<< "$output" > jq.out
}

@test "what is not read is named as what it is" {
    xz --stdout "$CONTROL" > log.qlog.xz
    bzip2 --stdout "$CONTROL" > log.qlog.bz2
    iconv -t UTF-16 "$CONTROL" > log16.qlog
    (echo 'BEGIN' | zip -q log.qlog.zip - 2> /dev/null) || printf 'PK\003\004' > log.qlog.zip
    local name what
    while read -r name what; do
        run -2 --separate-stderr "$BIN/devnet-orphans" "$name"
        [[ $stderr == *"$name: not a QUIC log: it is $what, which is not read" ]] || return 1
        mkdir "in-$name"
        cp "$name" "$CONTROL" "in-$name"
        jq 'del(.traces[].events[] | select(.data.frames[0].stream_id == 8))
            | .traces[].events |= [to_entries[] | .value.data.header.packet_number = .key | .value]' \
            "$CONTROL" > "in-$name/client.qlog"
        run -2 --separate-stderr "$BIN/devnet-orphans" "in-$name"
    done << 'END'
log.qlog.xz compressed with xz
log.qlog.bz2 compressed with bzip2
log16.qlog UTF-16 text
log.qlog.zip a zip archive
END
    jq -c '.traces[].events |= map({at: .time, what: .name, data: .data})' "$CONTROL" > other.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" other.qlog
    [[ $stderr == *"other.qlog: 35 of its events have no name where one is looked for"* ]]
}
