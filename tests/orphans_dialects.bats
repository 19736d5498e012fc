#!/usr/bin/env bats
# devnet-orphans reads every dialect of QUIC logs alike: see fixtures/qlogs-dialects.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    DIALECTS=$BATS_TEST_DIRNAME/fixtures/qlogs-dialects
    cd "$BATS_TEST_TMPDIR" || return
}

# is_race LOGS PATH...: the orphan is found, from so many logs of one connection, and nothing else.
is_race() {
    local logs=$1
    shift
    run -1 --separate-stderr "$BIN/devnet-orphans" --json "$@"
    [[ -z $stderr ]]
    jq -e --argjson logs "$logs" '.summary.connections == 1 and .summary.logs == $logs
        and .connections[0].id == "0a1b2c3d4e5f6071"
        and ([.connections[0].streams[] | select(.orphan) | .id] == [4])' <<< "$output" > jq.out
}

# Each end's log alone, and both.
is_race_from_all_sides() {
    local folder=$DIALECTS/$1
    is_race 1 "$folder/client"
    is_race 1 "$folder/server"
    is_race 2 "$folder"
}

@test "newline-delimited logs of old quic-go are read" {
    is_race_from_all_sides quic-go-0.45
}

@test "sequences of quic-go are read, and its update of keys is no end of the connection" {
    is_race_from_all_sides quic-go-0.55
    run -1 "$BIN/devnet-orphans" --json "$DIALECTS/quic-go-0.55"
    jq -e '.connections[0].ended | .code == 6 and .reason == "late FIN" and .by == "client"' \
        <<< "$output" > jq.out
}

# ended_as MEMBERS FILTER: what is said of a connection whose close has these members for its code.
ended_as() {
    rm -rf told
    cp -r "$DIALECTS/quic-go-0.55" told
    sed -i "s/\"error_code\":\"final_size_error\",\"raw_error_code\":6/$1/" told/*/*
    grep -qr "$1" told
    run -1 "$BIN/devnet-orphans" --json told
    jq -e ".connections[0].ended | .reason == \"late FIN\" and ($2)" <<< "$output" > jq.out
}

@test "a code that is told by its name is read, and one that is not told is not taken for 0" {
    local same='.code == 6 and .error == "FINAL_SIZE_ERROR" and .broken_by.role == "server"'
    for told in '"raw_error_code":6' '"error_code":6' '"error":"unknown","error_code":6' \
        '"error_code":"final_size_error"' '"error_code":"FINAL_SIZE_ERROR"' '"error":"final_size_error"'; do
        ended_as "$told" "$same"
    done
    ended_as '"error":"crypto_error_0x12a"' '.code == 298 and .error == "CRYPTO_ERROR" and .broken_by == null'
    for told in '"error":"no_such_error"' '"error":"crypto_error_0x1"' '"error":"unknown"' '"more":1'; do
        ended_as "$told" '.space == "transport" and ([has("code", "error", "broken_by")] | any | not)'
    done
}

@test "sequences of new quic-go are read, reference time and all" {
    is_race_from_all_sides quic-go-0.57
}

@test "logs of quiche are joined by the client's first Initial" {
    is_race_from_all_sides quiche-0.24
    is_race_from_all_sides quiche-0.28
}

@test "logs of the drafts are read, in documents and by differences of time" {
    is_race_from_all_sides draft-contained
    is_race_from_all_sides draft-deltas
}

@test "a server that knows a connection by its Retry is joined with its client" {
    is_race 2 "$DIALECTS/ngtcp2-retry"
    is_race 2 "$DIALECTS/ngtcp2-retry/server" "$DIALECTS/ngtcp2-retry/client"
}

@test "ends that different writers logged are joined" {
    is_race 2 "$DIALECTS/quic-go-0.57/client" "$DIALECTS/quiche-0.24/server"
    is_race 2 "$DIALECTS/draft-contained/client" "$DIALECTS/quic-go-0.45/server"
}

@test "several connections in one file are told apart by their events' group_id" {
    run -1 "$BIN/devnet-orphans" --json "$DIALECTS/two-in-one-file"
    jq -e '([.connections[].id] | sort) == ["a0", "b0"]
        and all(.connections[]; [.streams[] | select(.orphan) | .id] == [4])' <<< "$output" > jq.out
}

@test "a log without frames is undecidable, and the reason is told" {
    run -2 --separate-stderr "$BIN/devnet-orphans" "$DIALECTS/quinn-0.11/client"
    [[ $stderr == *"quinn-0.11/client/client.qlog: its packets are logged without their frames"* ]]
    [[ $output != "no orphaned streams in 1"* ]]
}

@test "logs packed with zstd and gzip are read, whatever their names" {
    is_race 1 "$DIALECTS/packed/client"
    is_race 1 "$DIALECTS/packed/server"
    is_race 2 "$DIALECTS/packed"
}

@test "a packed log means the same as the one it was packed from" {
    mkdir both
    cp "$DIALECTS"/quic-go-0.45/client/*.qlog "$DIALECTS"/packed/client/* both
    run -1 --separate-stderr "$BIN/devnet-orphans" --json both
    [[ $stderr == *"the same as a log that has been read"* ]]
    jq -e '.summary.logs == 1' <<< "$output" > jq.out
}

@test "a packed log that is cut off is read up to there" {
    head -c 500 "$DIALECTS/packed/server/client.txt" > cut.log
    run --separate-stderr "$BIN/devnet-orphans" --json cut.log
    jq -e '.connections[0].logs[0].truncated' <<< "$output" > jq.out
}

@test "a packed log that is damaged is trouble" {
    { head -c 300 "$DIALECTS/packed/server/client.txt"; printf 'damage'; } > damaged
    tail -c +307 "$DIALECTS/packed/server/client.txt" >> damaged
    run -2 --separate-stderr "$BIN/devnet-orphans" damaged
    [[ $stderr == *"damaged: its gzip data are damaged"* ]]
}
