#!/usr/bin/env bats
# devnet-orphans on logs that are made to harm it: little memory, little time, and a message that
# names the file, the record and its offset.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    CASES=$BATS_TEST_DIRNAME/fixtures/qlogs
    cd "$BATS_TEST_TMPDIR" || return
    header='{"qlog_version":"0.3","qlog_format":"JSON-SEQ","trace":{"vantage_point":{"type":"client"},'
    header+='"common_fields":{"ODCID":"0123456789abcdef"}}}'
}

# Judges log.qlog with no more memory than 300 MB, and expects a message.
refuses() {
    local limit=300000
    if grep -q __asan_init "$BIN/devnet-orphans"; then limit=unlimited; fi
    run -2 --separate-stderr bash -c "ulimit -v $limit; exec '$BIN/devnet-orphans' log.qlog"
    if [[ $stderr != *"devnet-orphans: log.qlog: "*"$1"* ]]; then
        echo "$stderr"
        return 1
    fi
}

@test "one line of 2 GB" {
    printf '%s\n{"time":1,"name":"' "$header" > log.qlog
    truncate --size 2G log.qlog
    refuses "record 2 at byte 137: longer than 1048576 bytes"
    printf '{"qlog_version":"' > log.qlog
    truncate --size 2G log.qlog
    refuses "record 1 at byte 0: longer than 1048576 bytes"
}

@test "a document of one line, with 2 GB between its events" {
    printf '{"qlog_version":"0.3","traces":[{"events":[{"time":1,"name":"a"}, ' > log.qlog
    truncate --size 2G log.qlog
    refuses "record 3 at byte "
}

@test "much that unpacks from little" {
    { echo "$header"; printf '{"time":'; head -c 300M /dev/zero | tr '\0' '['; } | gzip --fast > log.qlog
    refuses "record 2 at byte 137: nested deeper than 64 levels"
}

@test "nesting without an end" {
    { echo "$header"; printf '{"time":1,"name":"transport:packet_sent","data":'
        head -c 100000 /dev/zero | tr '\0' '['; } > log.qlog
    refuses "record 2 at byte 137: nested deeper than 64 levels"
}

@test "a billion stream ids" {
    {
        echo "$header"
        awk 'BEGIN {
            for (i = 0; i < 100000; i++)
                printf "{\"time\":1,\"name\":\"transport:packet_sent\",\"data\":{\"frames\":[" \
                    "{\"frame_type\":\"stream\",\"stream_id\":%d,\"offset\":0,\"length\":36}]}}\n", 4 * i
        }'
    } > log.qlog
    refuses "record 65538 at byte "
    [[ $stderr == *"stream 262144 is one more than the 65536 open ones of a connection that are read"* ]]
}

@test "more streams of several connections than fit into memory" {
    awk 'BEGIN {
        for (connection = 0; connection < 5; connection++) {
            printf "{\"qlog_version\":\"0.3\",\"qlog_format\":\"NDJSON\",\"trace\":{\"vantage_point\":{\"type\":"
            printf "\"client\"},\"common_fields\":{\"ODCID\":\"%08x\"}}}\n", connection
            for (id = 0; id < 240000;) {
                printf "{\"time\":1,\"name\":\"transport:packet_sent\",\"data\":{\"frames\":["
                for (end = id + 2000; id < end; id += 4)
                    printf "%s{\"frame_type\":\"stream\",\"stream_id\":%d,\"offset\":0,\"length\":1}",
                        id + 2000 == end ? "" : ",", id
                printf "]}}\n"
            }
        }
    }' | gzip --fast > log.qlog
    run -2 --separate-stderr "$BIN/devnet-orphans" log.qlog
    [[ $stderr == *"log.qlog: record "*": more than 262144 streams in one file" ]]
}

@test "a thousand connections that may each cross with one of very many streams" {
    awk 'function packet(direction, id, offset, size) {
            printf "{\"time\":%d,\"name\":\"transport:packet_%s\",\"data\":{\"frames\":[{\"frame_type\":", ++time, direction
            printf "\"stream\",\"stream_id\":%d,\"offset\":%d,\"length\":%d}]}}\n", id, offset, size
        }
        function negotiate(id, opener, other) {
            packet(opener, id, 0, 20); packet(opener, id, 20, 16)
            packet(other, id, 0, 20); packet(other, id, 20, 16)
        }
        function begin(role, number) {
            time = 0
            printf "{\"qlog_version\":\"0.3\",\"qlog_format\":\"NDJSON\",\"trace\":{\"vantage_point\":{\"type\":"
            printf "\"%s\",\"name\":\"aioquic\"},\"common_fields\":{\"reference_time\":%d,\"ODCID\":\"%08x\"}}}\n", role,
                1700000000000 + number, number
        }
        BEGIN {
            for (i = 0; i < 1000; i++) { begin("client", i); negotiate(0, "sent", "received") }
            begin("server", 1000)
            for (i = 0; i < 50000; i++) packet("sent", 4 * (1000 + i) + 1, 0, 1)
            for (i = 0; i < 1000; i++) {
                negotiate(4 * i + 1, "sent", "received"); packet("sent", 4 * i + 1, 36, 30)
            }
            negotiate(400000, "received", "sent"); packet("received", 400000, 36, 30)
        }' > log.qlog
    status=0
    (ulimit -t 30 && "$BIN/devnet-orphans" log.qlog > found) || status=$? # seconds of CPU
    [ "$status" -eq 1 ]
    [[ $(tail -n 1 found) == *"999 orphaned streams in 1001 connections (52001 streams, 1001 logs)" ]]
}

@test "huge numbers" {
    local number
    for number in 99999999999999999999999999 1e400 -1 0.5 4611686018427387904 \
        18446744073709551616 1e999999999; do
        printf '%s\n{"time":%s,"name":"transport:packet_sent","data":{"header":{"packet_number":%s},' \
            "$header" "$number" "$number" > log.qlog
        printf '"frames":[{"frame_type":"stream","stream_id":%s,"offset":%s,"length":%s},' \
            "$number" "$number" "$number" >> log.qlog
        printf '{"frame_type":"ack","acked_ranges":[[%s,%s]]}]}}\n' "$number" "$number" >> log.qlog
        run --separate-stderr "$BIN/devnet-orphans" log.qlog
        [[ $status -eq 2 || $status -eq 0 ]] || return 1
        [[ $stderr != *[Ss]anitizer* ]] || return 1
    done
    printf '%s\n{"time":1,"name":"transport:packet_sent","data":{"frames":[%s]}}\n' "$header" \
        '{"frame_type":"stream","stream_id":4611686018427387904,"offset":0,"length":1}' > log.qlog
    refuses "record 2 at byte 137: stream id 4611686018427387904 is larger than QUIC allows"
}

@test "times that no calendar has" {
    local times
    for times in '-1.7e308 1.7e308' '0 1.7e308' '1e-300 9e15'; do
        {
            printf '{"qlog_version":"0.3","qlog_format":"NDJSON","trace":{"common_fields":{'
            printf '"ODCID":"0123456789abcdef","reference_time":1.7e308}}}\n'
            # shellcheck disable=SC2086 # two of them
            printf '{"time":%s,"name":"transport:packet_sent","data":{"frames":[{"frame_type":"stream","stream_id":0,"offset":0,"length":1}]}}\n' $times
            printf '{"time":9e15,"name":"transport:packet_received","data":{"frames":[{"frame_type":"ping"}]}}\n'
        } > log.qlog
        run -0 --separate-stderr "$BIN/devnet-orphans" --json log.qlog
        jq -e '.connections[0] | .duration_ms == 1e15 and .streams[0].last_activity_ms == 1e15 and
            (has("epoch_ms") | not)' <<< "$output" || return 1
    done
}

@test "texts of a log are not let through to the terminal" {
    printf '%s\n{"time":1,"name":"transport:packet_sent","data":{"frames":[%s]}}\n' "$header" \
        '{"frame_type":"connection_close","error_space":"application","error_code":1,"reason":"\u001b[31mred\u0007"}' \
        > $'log\e[31m.qlog'
    run --separate-stderr "$BIN/devnet-orphans" --verbose ./*
    [[ $output$stderr != *$'\e'* && $output$stderr != *$'\a'* ]]
}

@test "every place at which a log may be cut off gives a verdict or a clear message" {
    local log size cut
    log=$(echo "$CASES"/race-nosleep-eager/listener/*.qlog)
    size=$(wc -c < "$log")
    for ((cut = 1; cut < size; cut += size / 40)); do
        head -c "$cut" "$log" > log.qlog
        run --separate-stderr "$BIN/devnet-orphans" log.qlog
        [[ $status -eq 0 || $status -eq 1 || ($status -eq 2 && $stderr == "devnet-orphans: "*) ]] || return 1
    done
}

judge() {
    "$BIN/devnet-orphans" "$1" > judged.out 2>&1 || [ $? -le 2 ]
}

# no_slower FOLDER THAN: by what other work on the machine does to times, and a bit.
no_slower() {
    local time than
    time=$(cpu_ms judge "$1") than=$(cpu_ms judge "$2")
    echo "$time ms for $1, $than ms for $2"
    ((time <= than * 4 + 100))
}

@test "connections that share a group cost no more than those that do not" {
    mkdir one many
    for folder in one many; do
        for ((file = 0; file < 20; file++)); do
            awk -v file="$file" -v folder="$folder" 'BEGIN {
                for (i = 1; i <= 1000; i++)
                    printf "\036{\"qlog_version\":\"0.3\",\"trace\":{\"vantage_point\":{\"type\":\"client\"}," \
                        "\"common_fields\":{\"group_id\":\"run%s\"}}}\n" \
                        "\036{\"time\":1,\"name\":\"quic:packet_sent\",\"data\":{\"header\":{\"packet_type\":" \
                        "\"initial\",\"packet_number\":0,\"dcid\":\"%08x%08x\"},\"frames\":[{\"frame_type\":" \
                        "\"crypto\"}]}}\n", folder == "one" ? "" : file * 1000 + i, file, i }' > "$folder/$file.sqlog"
        done
    done
    no_slower one many
}

@test "what cannot be decided is told at no more cost where there is much other trouble" {
    mkdir with without
    for folder in with without; do
        for ((file = 0; file < 32; file++)); do
            awk -v file="$file" -v folder="$folder" 'BEGIN {
                printf "{\"qlog_version\":\"0.3\",\"traces\":["
                for (i = 1; i <= 1000; i++)
                    printf "%s%s", (i == 1 ? "" : ","), (i % 2 && file < 16 && folder == "with" \
                        ? "{\"error_description\":\"no " i "\"}" \
                        : "{\"common_fields\":{\"group_id\":\"" file "-" i "\"},\"events\":[]}")
                print "]}" }' > "$folder/$file.qlog"
        done
    done
    no_slower with without
}
