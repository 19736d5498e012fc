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

# run_of ID FILTER: a log of a group that is no connection's id, whose client was first to send to ID.
run_of() {
    control "del(.traces[0].common_fields.ODCID) | .traces[0].common_fields.group_id = \"run-1\"
        | .traces[0].events[0].data.header.dcid = \"$1\" | $2"
}

# without STREAM...: a filter that leaves those streams out, and numbers the packets anew.
without() {
    echo "del(.traces[].events[] | select(.data.frames[0].stream_id | IN($1)))
        | .traces[].events |= [to_entries[] | .value.data.header.packet_number = .key | .value]"
}

@test "connections of one group are told apart by what their clients sent to first" {
    run_of 11111111 . > a.qlog
    run_of 22222222 "$(without 8)" > b.qlog
    for logs in "a.qlog b.qlog" "b.qlog a.qlog"; do
        # shellcheck disable=SC2086 # two of them
        finds_orphan $logs
        jq -e '[.connections[] | .id] | sort == ["11111111", "22222222"]' <<< "$output" > jq.out
    done
    # Both ends of each, in any order.
    exchanged < a.qlog | jq -c '.traces[0].vantage_point.type = "server"' > c.qlog
    exchanged < b.qlog | jq -c '.traces[0].vantage_point.type = "server"' > d.qlog
    for logs in "a.qlog d.qlog b.qlog c.qlog" "d.qlog c.qlog b.qlog a.qlog"; do
        # shellcheck disable=SC2086 # four of them
        finds_orphan $logs
        jq -e '[.connections[].logs | length] == [2, 2]' <<< "$output" > jq.out
    done
}

@test "a log of the same end is left out only where another says all of it" {
    # Without addresses nothing tells whether they are of one connection.
    control "$(without 12,4)" > less.qlog
    cp "$CONTROL" more.qlog
    run -1 --separate-stderr "$BIN/devnet-orphans" --json less.qlog more.qlog
    [[ $stderr == *"less.qlog: skipped: more.qlog says all of it, too"* ]]
    jq -e '.skipped[0].path == "less.qlog"' <<< "$output" > jq.out
    control "$(without 8)" > more.qlog
    control "$(without 12,4,0,1)" > less.qlog
    for logs in "more.qlog less.qlog" "less.qlog more.qlog"; do
        # shellcheck disable=SC2086 # two of them
        run -2 --separate-stderr "$BIN/devnet-orphans" $logs
        [[ $stderr == *"more.qlog: stands in the place of less.qlog, which is of the same end by its id and says something else"* ]]
        [[ $output == "no orphaned streams in what could be told, which is not all: "* ]]
    done
    run -2 --separate-stderr "$BIN/devnet-orphans" --follow --timeout 1s --grace 10ms less.qlog more.qlog
    [[ $stderr == *"more.qlog: stands in the place of less.qlog"* ]]
}

@test "a log of one connection in two pieces, of which one is read, accuses nobody" {
    # The second stream is in use, and its first piece says nothing of what the first one was in use for.
    local case=$CASES/head-second-gossip-stream end
    run -1 "$BIN/devnet-orphans" "$case"
    [[ $output == *" stream 8: unread_at_receiver "* ]]
    mkdir parts
    for end in dialer listener; do
        jq -c '(.traces[0].events | length / 2 | floor) as $half
            | (.traces[0].events |= .[:$half]), (.traces[0].events |= .[$half:])' "$case/$end"/*.qlog > parts/$end.qlog
    done
    run -2 --separate-stderr "$BIN/devnet-orphans" parts
    [[ $stderr == *"parts/dialer.qlog: stands in the place of parts/dialer.qlog, which is of the same end"* ]]
    [[ $output != *" (high): "* ]]
}

# two_in_one FILTER GROUP GROUP: one log of two connections, of whose events each names its group.
two_in_one() {
    jq -c --slurpfile healthy healthy.qlog "[.traces[0].events[] | $1 = $2] as \$orphaned
        | .traces[0].events = (\$orphaned + [\$healthy[0].traces[0].events[] | $1 = $3] | sort_by(.time))
        | del(.traces[0].common_fields.ODCID)" "$CONTROL"
}

@test "events of several connections name their group by text, number or original id" {
    control "$(without 8)" > healthy.qlog
    local groups
    for groups in '.group_id="one"="two"' .group_id=1=2 '.ODCID="aa01"="bb02"'; do
        IFS='=' read -ra groups <<< "$groups"
        two_in_one "${groups[@]}" > two.qlog
        finds_orphan two.qlog
        jq -e '.connections | length == 2' <<< "$output" > jq.out
    done
    jq -e '[.connections[].id] == ["aa01", "bb02"]' <<< "$output" > jq.out
    # The id stands above the name of a run, for all of them or each.
    jq -c '.traces[0].common_fields.group_id = "run" | .traces[0].events[].group_id = 7' two.qlog > id.qlog
    finds_orphan id.qlog
    jq -e '[.connections[].id] == ["aa01", "bb02"]' <<< "$output" > jq.out
    # Events that are arrays.
    jq -c '.traces[0] |= {event_fields: ["time", "group_id", "ODCID", "category", "type", "data"]} + .
        | .traces[0].events |= map([.time, .group_id, .ODCID, "quic", (.name | split(":")[1]), .data])' \
        id.qlog > arrays.qlog
    finds_orphan arrays.qlog
    jq -e '[.connections[].id] == ["aa01", "bb02"]' <<< "$output" > jq.out
}

@test "a group is known by all of its digits, however many there are" {
    control "$(without 8)" > healthy.qlog
    local one=17000000000000000001 two=17000000000000000003
    two_in_one .group_id "\"$one\"" "\"$two\"" > texts.qlog
    sed -E 's/("group_id":)"([0-9]*)"/\1\2/g' texts.qlog > numbers.qlog
    # Events that are arrays, and numbers that are whole though written as others are.
    jq -c '.traces[0] |= {event_fields: ["time", "group_id", "category", "type", "data"]} + .
        | .traces[0].events |= map([.time, .group_id, "quic", (.name | split(":")[1]), .data])' texts.qlog |
        sed -E "s/\"($one|$two)\"/\\1/g" > arrays.qlog
    sed "s/$one/1.0/g; s/$two/2e0/g" numbers.qlog > whole.qlog
    local log
    for log in texts numbers arrays whole; do
        finds_orphan $log.qlog
        jq -c '[.connections[].id]' <<< "$output" >> ids
    done
    diff ids - <<< "[\"$one\",\"$two\"]
[\"$one\",\"$two\"]
[\"$one\",\"$two\"]
[\"1\",\"2\"]"
    # One for all events.
    control 'del(.traces[0].common_fields.ODCID) | .traces[0].common_fields.group_id = "GROUP"' |
        sed "s/\"GROUP\"/$one/" > log.qlog
    finds_orphan log.qlog
    jq -e ".connections[0].id == \"$one\"" <<< "$output" > jq.out
}

@test "a group may hold characters that are not shown" {
    control "$(without 8)" > healthy.qlog
    two_in_one .group_id '"one\ta"' '"two\u007f"' > two.qlog
    finds_orphan two.qlog
    jq -e '.connections | length == 2' <<< "$output" > jq.out
    # They differ, though they look alike.
    two_in_one .group_id '"a\t"' '"a\n"' > alike.qlog
    run --separate-stderr "$BIN/devnet-orphans" --json alike.qlog
    [ "$status" -ne 0 ]
    jq -e '[.connections[].streams[] | select(.orphan) | .id] == [8]
        or any(.connections[].unknown[]; .reason | contains("stands in the place of"))' <<< "$output" > jq.out
}

@test "a number may be what all events have as their group" {
    control 'del(.traces[0].common_fields.ODCID) | .traces[0].common_fields.group_id = 4294967295' > log.qlog
    finds_orphan log.qlog
    jq -e '.connections[0].id == "4294967295"' <<< "$output" > jq.out
}

@test "differences of time are to the event before, whichever connection that is of" {
    control "$(without 8)" > healthy.qlog
    two_in_one .group_id '"one"' '"two"' > relative.qlog
    jq -c '.traces[0] |= {common_fields: {time_format: "delta"}} + del(.common_fields)
        | .traces[0].events |= [foreach .[] as $event ({}; {before: (.time // 0), time: $event.time};
            .before as $before | $event | .time -= $before)]' relative.qlog > delta.qlog
    for log in relative delta; do
        finds_orphan $log.qlog
        # To the microsecond: sums are rounded.
        jq 'del(.connections[].logs, .connections[].epoch_ms) |
            walk(if type == "number" then (. * 1000 | round / 1000) else . end)' <<< "$output" > $log.json
    done
    diff relative.json delta.json
}

# in_order FILTER: what FILTER makes of the log says the same as the first that was made of it, to the
# hundredth of a millisecond.
in_order() {
    jq -c "$1" referred.qlog > log.qlog
    "$BIN/devnet-orphans" --json log.qlog > report.json || [ $? -eq 1 ]
    jq 'del(.connections[].logs) | walk(if type == "number" then (. * 100 | round / 100) else . end)' \
        report.json > found.json
    if [ ! -e first.json ]; then cp found.json first.json; fi
    diff first.json found.json
}

@test "each event may say how its own time is meant" {
    control '.traces[0].common_fields.reference_time = 1.7e12' > referred.qlog
    local all='.traces[0].events' common='.traces[0].common_fields' epoch=1.7e12 name
    local differences="$all |= [foreach .[] as \$event ({}; {before: (.time // 0), time: \$event.time};
        .before as \$before | \$event | .time -= \$before | .time_format = \$name)]"
    in_order .
    jq -e '.connections[0].epoch_ms > 1.6e12 and .connections[0].duration_ms > 1000' first.json > jq.out
    for name in delta relative_to_previous_event; do
        in_order "\"$name\" as \$name | $differences"
        in_order "\"$name\" as \$name | $differences | del($common) | ${all}[].reference_time = $epoch
            | $common.ODCID = \"aabbccddeeff0011\""
        # After one that says otherwise, and before others.
        in_order "\"$name\" as \$name | .traces[0].events[9:] as \$rest | $differences
            | $all |= .[:9] + \$rest"
    done
    for name in relative relative_to_epoch; do
        in_order "${all}[].time_format = \"$name\""
        in_order "$common.time_format = \"delta\" | ${all}[].time_format = \"$name\""
        in_order "${all}[].time_format = \"$name\" | ${all}[].reference_time = {epoch: \"2023-11-14T22:13:20Z\"}
            | del($common.reference_time)"
        in_order "$common.time_format = \"absolute\" | ${all}[].time_format = \"$name\""
    done
    in_order "(${all}[] | select(.data.header.packet_number % 2 == 0)) |=
        (.time += $epoch | .time_format = \"absolute\")"
    in_order "$common.time_format = \"absolute\" | (${all}[] | select(.data.header.packet_number % 2 == 0).time)
        += $epoch | (${all}[] | select(.data.header.packet_number % 2 == 1).time_format) = \"relative\""
}

# in_units FACTOR FILTER: the log at its date with its times in other units, as the filter says them.
in_units() {
    control "(.traces[0].events[].time) |= (1.7e12 + .) * $1 | $2" > units.qlog
    finds_orphan units.qlog
    jq '[.connections[] | .epoch_ms, .duration_ms, (.streams[] | [.id, .verdict, .last_activity_ms])]
        | walk(if type == "number" then (. * 10 | round / 10) else . end)' <<< "$output" > found.json
    if [ ! -e first.json ]; then cp found.json first.json; fi
    diff first.json found.json
}

@test "times may be in any unit that clocks count" {
    local unit
    in_units 1 .
    jq -e '.[0] > 1.6e12 and .[1] > 1000' first.json > jq.out
    for unit in '1e-3 "s"' '1 "ms"' '1e3 "us"' '1e6 "ns"'; do
        in_units "${unit% *}" ".traces[0] |= {configuration: {time_units: ${unit#* }}} + ."
        in_units "${unit% *}" ".traces[0].common_fields.time_units = ${unit#* }"
    done
    # No date has so many milliseconds.
    for unit in 1e3 1e6; do in_units "$unit" .; done
}

@test "a request that nobody answers is one where each event says that its time is a difference" {
    local case=$CASES/reqresp-no-answer end
    for end in dialer listener; do
        mkdir -p "differ/$end"
        jq -c '.traces[0].events |= [foreach .[] as $event ({}; {before: (.time // 0), time: $event.time};
            .before as $before | $event | .time -= $before | .time_format = "relative_to_previous_event")]' \
            "$case/$end"/*.qlog > "differ/$end/log.qlog"
    done
    run -1 --separate-stderr "$BIN/devnet-orphans" --fail-on request_never_answered "$case"
    run -1 --separate-stderr "$BIN/devnet-orphans" --fail-on request_never_answered differ
}

@test "a sequence's records may span lines, indented or not" {
    local spaces
    for spaces in 's/^ *//' 's/^  //' ''; do
        jq -c '{qlog_format: "JSON-SEQ", qlog_version: "0.3", trace: (.traces[0] | del(.events))},
            .traces[0].events[]' "$CONTROL" |
            while read -r record; do printf '\x1e'; jq . <<< "$record" | sed "$spaces"; done > log.sqlog
        finds_orphan log.sqlog
    done
}

@test "ends that number their connections by themselves are joined by what the client called it first" {
    local case=$CASES/clean-disconnect-by-dialer
    mkdir ends
    for end in dialer:1 listener:2; do
        jq -c "del(.traces[0].common_fields.ODCID) | .traces[0].common_fields.group_id = ${end#*:}" \
            "$case/${end%:*}"/*.qlog > "ends/${end%:*}.qlog"
    done
    run -0 --separate-stderr "$BIN/devnet-orphans" --json ends
    jq -e '.summary.connections == 1 and .summary.logs == 2' <<< "$output"
    # Whichever comes first, and where a third of that number is of another connection.
    mv ends/dialer.qlog ends/z.qlog
    run -0 --separate-stderr "$BIN/devnet-orphans" --json ends
    jq -e '.summary.connections == 1' <<< "$output"
    jq -c 'del(.traces[0].common_fields.ODCID) | .traces[0].common_fields.group_id = 1' \
        "$CASES"/baseline-fixed/dialer/*.qlog > ends/a.qlog
    run --separate-stderr "$BIN/devnet-orphans" --json ends
    jq -e '.summary.connections == 2' <<< "$output"
}
