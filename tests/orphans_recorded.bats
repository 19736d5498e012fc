#!/usr/bin/env bats
# devnet-orphans on what real writers of QUIC logs wrote: see fixtures/qlogs-recorded.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

load orphans/judge.bash

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    RECORDED=$BATS_TEST_DIRNAME/fixtures/qlogs-recorded
    FILTERS=$BATS_TEST_DIRNAME/orphans
    cd "$BATS_TEST_TMPDIR" || return
}

# The recordings that can be decided: those with a truth.
cases() {
    local truth
    for truth in "$RECORDED"/*/truth.json; do basename "$(dirname "$truth")"; done
}

unpacked() {
    if [[ $1 == *.zst ]]; then zstd --decompress --stdout --quiet "$1"; else cat "$1"; fi
}

# Writes every case anew into the folder $1: what follows is run for each log with the case, the
# node and the file as arguments.
transform() {
    local folder=$1 case log node
    shift
    for case in $(cases); do
        mkdir -p "$folder/$case"
        cp "$RECORDED/$case/truth.json" "$folder/$case"
        for log in "$RECORDED/$case"/*/*; do
            node=$(basename "$(dirname "$log")")
            mkdir -p "$folder/$case/$node"
            "$@" "$case" "$node" "$log" > "$folder/$case/$node/$(basename "$log" .zst)" || return 1
        done
    done
}

stripped() { unpacked "$3" | grep -av '"libp2p:'; }

# With events like those of our own nodes, which have written theirs already.
claimed() {
    if grep -aq '"libp2p:' "$3"; then
        cat "$3"
        return
    fi
    unpacked "$3" | jq -Rnc -f "$FILTERS/document.jq" |
        jq -c --slurpfile truth "$RECORDED/$1/truth.json" --arg node "$2" -f "$FILTERS/claim.jq"
}

@test "each recording is judged as it was, from one end's log and from both" {
    local case
    for case in $(cases); do judge_case "$RECORDED/$case" || return 1; done
}

@test "each recording is judged the same without the events of our own nodes" {
    transform stripped stripped
    judge_cases stripped
}

@test "each recording is judged the same with the events of our own nodes" {
    transform claimed claimed
    judge_cases claimed
}

@test "logs are known by what they hold and not by their names" {
    local node
    # shellcheck disable=SC2317 # transform calls it
    as_it_is() { cat "$3"; }
    transform renamed as_it_is
    for node in renamed/*/*/; do
        for log in "$node"* "$node".[!.]*; do
            if [[ -f $log ]]; then mv "$log" "$node$RANDOM$RANDOM.gz"; fi
        done
    done
    judge_cases renamed
}

@test "no recording draws a warning" {
    local case
    for case in $(cases); do
        "$BIN/devnet-orphans" "$RECORDED/$case"/*/ > report.txt 2> orphans.err || [[ $? -eq 1 ]]
        if [[ -s orphans.err ]]; then
            cat orphans.err
            return 1
        fi
    done
}

@test "logs that two writers kept of one connection are one connection" {
    local case=$RECORDED/quic-go-0.64-dialled-by-devnet-node
    for ends in go node 'go node'; do
        # shellcheck disable=SC2086 # two words are two folders
        (cd "$case" && "$BIN/devnet-orphans" --json $ends) > report.json
        jq -e --argjson logs "$(wc -w <<< "$ends")" '[.connections[] | select(.streams != [])] |
            length == 1 and (.[0].logs | length) == $logs and (.[0].streams | length) == 5' \
            report.json > jq.out
    done
}

@test "a connection that began with a Retry is one" {
    run -1 --separate-stderr "$BIN/devnet-orphans" --json "$RECORDED"/quiche-0.30-retry/*/
    jq -e '.summary.connections == 1 and .summary.logs == 2 and .summary.orphans == 1' \
        <<< "$output" > jq.out
}

@test "a log of quinn, which holds no frames, is refused as undecidable with the reason" {
    local end
    for end in dialer listener; do
        run -2 --separate-stderr "$BIN/devnet-orphans" "$RECORDED/quinn-0.11/$end"
        [[ $output == "no orphaned streams in what could be "*", which is not all:"* ]]
        [ "$(grep -c . <<< "$stderr")" -eq 1 ]
        [[ $stderr == *": its packets are logged without their frames: whether streams were orphaned cannot be told from it" ]]
    done
}

@test "what is cut off anywhere accuses no healthy stream" {
    local case log size
    for case in quic-go-0.64-baseline quic-go-0.64-nosubs quiche-0.24-baseline \
        quiche-0.30-baseline ngtcp2-0.12-baseline; do
        for log in "$RECORDED/$case"/*/*; do
            size=$(stat -c %s "$log")
            for ((part = 1; part < 40; part++)); do
                head -c $((size * part / 40)) "$log" > cut.log
                run "$BIN/devnet-orphans" cut.log
                [[ $status -eq 0 || ($status -eq 2 && $output == *"no packets"*) ]] || return 1
            done
        done
    done
}

@test "a log is read wherever within its last record it was cut off" {
    local log size last cut
    for log in "$RECORDED"/{quic-go-0.64-race,quiche-0.30-race}/dialer/*; do
        size=$(stat -c %s "$log")
        last=$(tail -n 1 "$log" | wc -c)
        for ((cut = 2; cut < last - 1; cut++)); do
            head -c $((size - cut)) "$log" > cut.log
            "$BIN/devnet-orphans" --json cut.log > report.json || [[ $? -eq 1 ]]
            jq -e '.connections[0].logs[0].truncated and .summary.orphans == 1' report.json \
                > jq.out || return 1
        done
    done
}

@test "junk between records is passed over and told of" {
    local case log
    for case in quic-go-0.64-race quiche-0.30-race ngtcp2-0.12-second-stream; do
        for log in "$RECORDED/$case"/*/*; do
            awk 'NR % 7 == 3 { print "panic: out of memory \"{" } NR % 11 == 5 { print "\036{\"time\":" }
                { print }' "$log" > junk.log
            run -1 --separate-stderr "$BIN/devnet-orphans" --json junk.log
            [[ $stderr == *"junk.log: record "*"bytes that are no JSON are passed over"* ]]
            jq -e '.summary.orphans == 1' <<< "$output" > jq.out
        done
    done
}

@test "logs one after another in a file, plain or packed, are as many connections" {
    local race healthy
    race=$(echo "$RECORDED"/quic-go-0.64-race/dialer/*)
    healthy=$(echo "$RECORDED"/quiche-0.30-baseline/listener/*)
    cat "$race" "$healthy" > both.log
    gzip --stdout "$race" "$healthy" > both.gz
    for log in "$race" "$healthy"; do zstd --stdout --quiet "$log"; done > both.zst
    cat "$RECORDED"/quic-go-0.5*-race/dialer/*.zst "$RECORDED"/quic-go-0.54-baseline/dialer/*.zst > go.zst
    for log in both.log both.gz both.zst go.zst; do
        run -1 --separate-stderr "$BIN/devnet-orphans" --json "$log"
        [ -z "$stderr" ]
        jq -e '.summary.connections == 2 and .summary.logs == 2 and .summary.orphans == 1' \
            <<< "$output" > jq.out
    done
}

@test "a log in another packing is the same log" {
    local log
    log=$(echo "$RECORDED"/quiche-0.30-race/dialer/*)
    mkdir all
    cp "$log" all
    gzip --stdout "$log" > all/a.gz
    zstd --stdout --quiet "$log" > all/b.zst
    run -1 --separate-stderr "$BIN/devnet-orphans" --json all
    [ "$(grep -c 'skipped: the same as a log that has been read' <<< "$stderr")" -eq 2 ]
    jq -e '.summary.logs == 1' <<< "$output" > jq.out
}

@test "a packed log that is cut off is read up to there, or refused for that reason" {
    local log=$RECORDED/quiche-0.30-race/dialer size cut
    gzip --stdout "$log"/* > whole.gz
    size=$(stat -c %s whole.gz)
    for ((cut = size - 1; cut > 40; cut -= 97)); do
        head -c "$cut" whole.gz > cut.gz
        "$BIN/devnet-orphans" --json cut.gz > report.json 2> orphans.err || [[ $? -ne 2 ]] ||
            grep -Eq 'no packets|no qlog header|before anything can be unpacked' orphans.err
        jq -e '[.connections[].logs[].truncated] | all' report.json > jq.out
    done
    [[ $cut -lt 140 ]]
    zstd --stdout --quiet "$log"/* | head -c 100 > cut.zst
    run -2 --separate-stderr "$BIN/devnet-orphans" cut.zst
    [[ $stderr == *"cut.zst: not a QUIC log: it is cut off before anything can be unpacked"* ]]
}
