#!/usr/bin/env bats
# Logs that --qlog-limit rotates: what is judged from their parts is what the whole log says, and
# they take no more of the disk than that.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers
load tap.bash

setup() {
    use_programs
    FIXTURES=$BATS_TEST_DIRNAME/fixtures
}

teardown() {
    if [[ -n ${pid_of[watcher]:-} ]]; then end watcher || [[ $? -le 2 ]]; fi
    end_all
}

# What a report says but for where it was read, and which streams closed long ago are listed.
said() {
    jq -S '[.connections[] | {id, streams, ended, epoch_ms, one_way, unknown, peers, duration_ms,
                logs: [.logs[] | del(.path, .part, .packets_dropped)]}] | sort_by(.id)' "$1"
}

# A log unpacked; where it leaves to its writer when it began, that is said.
plain() {
    case $1 in
    *.zst) zstd --decompress --quiet --stdout "$1" ;;
    *) cat "$1" ;;
    esac | sed 's/"reference_time":0/"reference_time":1700000000000/'
}

# Rotates every log that is a sequence of records of one connection, from plain/ into parts/.
rotate_all() {
    local log name
    mkdir -p plain parts
    for log in "$FIXTURES"/qlogs{,-recorded}/*/*/*.sqlog "$FIXTURES"/qlogs-recorded/*/*/*.zst; do
        name=${log#"$FIXTURES/"}
        plain "$log" > "plain/${name//\//.}"
    done
    for log in plain/*; do
        mkdir "parts/${log#plain/}"
        "$TOOLS/rotate" "$log" "parts/${log#plain/}" 8192
    done
}

@test "what was recorded is judged the same from the parts of a log, down to the times" {
    local side
    rotate_all
    [[ $(part_of parts) -gt 20 ]]
    for side in plain/*dialer* plain/*client* -- plain/*listener* plain/*server* -- plain/* --; do
        if [[ $side != -- ]]; then
            logs+=("$side")
            continue
        fi
        "$BIN/devnet-orphans" --json "${logs[@]}" > plain.json 2> plain.err || [[ $? -le 2 ]]
        "$BIN/devnet-orphans" --json "${logs[@]/#plain/parts}" > parts.json 2> parts.err ||
            [[ $? -le 2 ]]
        [[ $(jq '.connections | length' plain.json) -gt 5 ]]
        diff <(said plain.json) <(said parts.json)
        diff <(jq .summary plain.json) <(jq .summary parts.json)
        logs=()
    done
}

@test "the last part says all by itself, and one that is cut off as it begins says nothing" {
    local last logs=("$FIXTURES"/qlogs/ngtcp2-download/client/*.sqlog)
    mkdir plain parts
    plain "${logs[0]}" > plain/a.sqlog
    "$TOOLS/rotate" plain/a.sqlog parts 8192
    "$BIN/devnet-orphans" --json plain > plain.json
    # shellcheck disable=SC2012 # of our own making
    last=$(ls -v parts/* | tail -n 1)
    [[ $(find parts -type f | wc -l) -eq 4 && ! -e parts/rotated_log.sqlog ]]
    "$BIN/devnet-orphans" --json "$last" > last.json
    diff <(said plain.json) <(said last.json)
    jq -e '.connections[0].logs[0] | .part > 20 and .packets_dropped > 0' last.json
    grep -a '"libp2p:part_begun"' "$last" | tr -d '\036' |
        jq -e '.data | .part - .parts_dropped == 4 and .packets_dropped > 0'
    # It was killed while it wrote what it repeats: the part before goes for it.
    "$BIN/devnet-orphans" --json parts > whole.json
    head -c 1500 "$last" > beginning && mv beginning "$last"
    "$BIN/devnet-orphans" --json parts > without.json 2> without.err
    jq -e --slurpfile whole whole.json '.connections[0].logs[0].part + 1 ==
        $whole[0].connections[0].logs[0].part and .troubles == []' without.json
}

# Looks at a folder of which the files that are named go, and those of `later` come, once it was
# listed and before it is read: look_while_rotated FOLDER FILE...
look_while_rotated() {
    local folder=$1 file pipe
    shift
    mkfifo first
    "$BIN/devnet-orphans" --json first "$folder" > rotated.json 2> rotated.err 3>&- &
    exec {pipe}> first # once it is opened by who reads it, all folders have been listed
    for file; do rm "$folder/$file"; done
    find later -type f -exec mv -t "$folder" {} +
    cat plain/other.sqlog >&"$pipe"
    exec {pipe}>&-
    wait "$!"
}

@test "a part that goes before it is read is no trouble where a newer one is there" {
    local logs=("$FIXTURES"/qlogs/ngtcp2-download/client/*.sqlog)
    mkdir plain parts later
    plain "${logs[0]}" > plain/a.sqlog
    cp "$FIXTURES"/qlogs/gossip-60s/dialer/*.qlog plain/other.sqlog
    "$TOOLS/rotate" plain/a.sqlog parts 8192
    mapfile -t all < <(ls -v parts)
    [[ ${#all[@]} -eq 4 ]]
    "$BIN/devnet-orphans" --json parts plain/other.sqlog > whole.json || [[ $? -le 2 ]]

    # Those that it found have all gone, and others have come; then some of them, and none has come.
    mv "parts/${all[2]}" "parts/${all[3]}" later
    look_while_rotated parts "${all[0]}" "${all[1]}" || [[ $? -le 2 ]]
    jq -e '.troubles == []' rotated.json
    diff <(said whole.json) <(said rotated.json)
    rm first
    look_while_rotated parts "${all[2]}" || [[ $? -le 2 ]]
    jq -e '.troubles == []' rotated.json
    diff <(said whole.json) <(said rotated.json)
    rm first
    run -2 look_while_rotated parts "${all[3]}"
    jq -e --arg path "parts/${all[3]}" '.troubles | length == 1 and .[0].path == $path and
        (.[0] | tostring | contains("cannot be opened: No such file or directory"))' rotated.json
}

bytes_of() {
    find "$1" -name '*.sqlog' -printf '%s\n' | awk '{ sum += $1 } END { print sum }'
}

# The number of the part that node a writes.
part_of() {
    find "$1" -name '*.part*.sqlog' | sed 's/.*part\([0-9]*\).*/\1/' | sort -n | awk 'END { print $1 + 0 }'
}

# Eight messages of many packets, and more until so many parts of a log are begun, which never take more:
# publish_until PARTS [FOLDER [BYTES]].
publish_until() {
    local i folder=${2:-a} most=${3:-65536}
    for i in {1..8}; do
        head -c 60000 /dev/urandom | base64 -w 0 | jq -R '{topic: "lean:block", text: .}' > "m$i"
    done
    while :; do
        for i in {1..8}; do
            jq --arg now "$EPOCHREALTIME" '.text += $now' "m$i" > "now$i"
        done
        api_many b /publish now* > published
        (($1 == 0)) && break
        (($(bytes_of "$folder") <= most)) || return
        (($(part_of "$folder") < $1)) || break
    done
}

# Verdict by stream, of those that are not over.
open_streams() {
    jq -cS '[.connections[0].streams[] | select(.verdict | IN("closed", "reqresp") | not) |
             {id, verdict}]' "$1"
}

@test "an orphan from before twenty rotations is told of, and disk stays within the limit" {
    start_node a --qlog a --qlog-limit 64K
    launch watcher "$BIN/devnet-orphans" --follow --json --grace 50ms a
    start_dialler b a --qlog b --fault second-gossip-stream
    await watcher '.event == "verdict" and .stream.orphan' .stream.verdict
    publish_until 21
    [[ $(api a /metrics | awk '$1 == "devnet_log_packets_dropped_total" { print $2 }') -gt 100 ]]
    [[ $(api b /metrics | awk '$1 == "devnet_log_packets_dropped_total" { print $2 }') -eq 0 ]]
    end watcher || [[ $? -eq 1 ]]
    await watcher '.event == "end" and .summary.orphans == 1 and .summary.connections == 1 and
        .summary.logs == 1 and .troubles == []' > /dev/null
    [[ $(jq -s '[.[] | select(.event == "verdict" and .stream.orphan)] | length' watcher.out) -eq 1 ]]
    [[ ! -s watcher.err ]]
    end b
    end a
    run -1 "$BIN/devnet-orphans" --json a > /dev/null
    "$BIN/devnet-orphans" --json a > a.json || [[ $? -eq 1 ]]
    "$BIN/devnet-orphans" --json b > b.json || [[ $? -eq 1 ]]
    [[ $(open_streams a.json) == "$(open_streams b.json)" ]]
    [[ $(open_streams a.json) == *orphan* ]]
}

# Two nodes that write no log, of which b leaves an orphan, with a tap between: tap_orphan TAP-OPTION...
tap_orphan() {
    local name
    for name in a b; do "$BIN/devnet" key new "$name.key" > /dev/null; done
    start_node a --key a.key --topic lean:block
    start_node b --key b.key --topic lean:block --fault second-gossip-stream
    TAP_OPTIONS=$* start_tap a b
    tap_dial b a
    await_mesh a b
}

@test "a tap's logs are judged the same from their parts, and name nodes and protocols" {
    local leg
    tap_orphan --qlog whole
    publish_until 0 whole
    end b
    end a
    end tap
    for leg in whole/*; do
        mkdir -p "parts/${leg#whole/}"
        "$TOOLS/rotate" "$leg" "parts/${leg#whole/}" 8192
    done
    [[ $(part_of parts) -gt 20 ]]
    for folder in whole parts; do
        run -1 --separate-stderr "$BIN/devnet-orphans" --json "$folder"
        echo "$output" > "$folder.json"
    done
    jq -e '.connections[0] | .names == {client: "b", server: "a"} and
        any(.streams[]; .orphan and .protocol == "/meshsub/1.2.0") and
        ([.logs[].leg] | sort == ["back", "front"])' parts.json
    diff <(said whole.json) <(said parts.json)
}

@test "a tap that rotates its logs stays within the limit of each, and still tells of the orphan" {
    tap_orphan --qlog tapped --qlog-limit 64K
    publish_until 9 tapped 131072
    [[ $(api tap /metrics | awk '$1 == "devnet_tap_log_packets_dropped_total" { print $2 }') -gt 100 ]]
    end b
    end a
    end tap
    run -1 --separate-stderr "$BIN/devnet-orphans" tapped
    [[ $output == "b -> a, "*"orphaned_at_opener (high): /meshsub/"*", opened by b"* ]]
}

@test "a limit that is none is refused" {
    run -2 --separate-stderr "$BIN/devnet-node" --qlog a --qlog-limit 1K
    [[ $stderr == *"--qlog-limit: '1K' is under the minimum of 65536 bytes"* ]]
    run -2 --separate-stderr "$BIN/devnet-node" --qlog a --qlog-limit 4MB
    [[ $stderr == *"'4MB' is not a size such as"* ]]
}
