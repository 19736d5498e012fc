#!/usr/bin/env bats
# devnet-orphans --stats: counts a connection and protocol, as a table and as JSON.

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    CASES=$BATS_TEST_DIRNAME/fixtures/qlogs
    FILTERS=$BATS_TEST_DIRNAME/orphans
    cd "$BATS_TEST_TMPDIR" || return
}

# Judges what the arguments name: stats EXIT-STATUS ARGUMENT...
stats() {
    local expected=$1 status=0
    shift
    "$BIN/devnet-orphans" --stats "$@" 2> err || status=$?
    [ "$status" -eq "$expected" ]
}

@test "streams are counted by what they look like, orphans among them" {
    stats 1 "$CASES/race-nosleep-eager/dialer" > table
    diff - table << 'END'
CONNECTION        PROTOCOL    STREAMS  ORPHANS    BYTES OUT   BYTES BACK  VERDICTS
a4fd19bb4c2521db  (exchange)        1        0          103          104  reqresp 1
a4fd19bb4c2521db  (gossip)          3        1         6812          108  live 2, orphaned 1
1 orphaned stream in 1 connection (4 streams, 1 log)
END
}

@test "several connections are summed up" {
    stats 0 "$CASES"/{simdial-head,ngtcp2-download}/*/ > table
    grep -E '^total +\(exchange\) +2 +0 +206 +208  reqresp 2$' table
    grep -E '^total +\(foreign\) +8 +0 +[0-9]+ +[0-9]+  not_ours 8$' table
    grep -E '^total +\(gossip\) +2 +0 +[0-9]+ +72  live 2$' table
}

@test "protocols stand where events of the node tell them" {
    local log=("$CASES"/race-nosleep-eager/dialer/*.qlog)
    jq -c --slurpfile truth "$CASES/race-nosleep-eager/truth.json" --arg node dialer \
        -f "$FILTERS/claim.jq" "${log[0]}" > log.qlog
    stats 1 log.qlog > table
    grep -E '^a4fd19bb4c2521db +/meshsub/1\.2\.0 +3 +1 +6812 +108  live 2, orphaned 1$' table
    run ! grep -F '(gossip)' table
}

@test "the JSON counts the same, and only where it is asked for" {
    stats 1 --json "$CASES"/*/*/ > report.json
    jq -e '
        def sums: {streams: (map(.streams) | add), orphans: (map(.orphans) | add),
            bytes: (map(.bytes_out + .bytes_back) | add), verdicts: ([.[].verdicts | to_entries[]]
                | group_by(.key) | map({key: .[0].key, value: (map(.value) | add)}) | from_entries)};
        . as $report | [.connections[].streams[]] as $streams
        | (.stats.total | sums) == (.stats.connections | map(.groups[]) | sums)
        and (.stats.total | sums) == {streams: $report.summary.streams,
            orphans: $report.summary.orphans, verdicts: $report.summary.verdicts,
            bytes: ($streams | map(.bytes_out + .bytes_back) | add)}
        and (.stats.connections | map(.id)) == (.connections | map(.id))
        and (.stats.total | map(.protocol // .shape)
            | contains(["exchange", "foreign", "gossip", "refused"]))' report.json
    "$BIN/devnet-orphans" --json "$CASES/baseline-head/dialer" | jq -e 'has("stats") | not'
}

@test "with --verbose the streams are listed too" {
    stats 1 --verbose "$CASES/race-nosleep-eager/dialer" > table
    [ "$(grep -c ' stream [0-9]*: ' table)" -eq 4 ]
    grep -q '^CONNECTION ' table
}

@test "trouble shows in the exit status and the last line" {
    echo nonsense > nonsense.qlog
    stats 2 nonsense.qlog "$CASES/baseline-head/dialer" > table
    grep -q '^7ff1736daa2d7770  (gossip) ' table
    tail -n 1 table | grep -q 'in what could be told, which is not all'
}

@test "closed streams that a long log let go of are told, and in no group" {
    seq 0 4 280000 | awk '
        BEGIN {
            printf "\036{\"qlog_format\":\"JSON-SEQ\",\"qlog_version\":\"0.3\",\"trace\":{"
            printf "\"vantage_point\":{\"type\":\"client\"},\"common_fields\":{\"group_id\":\"0a\"}}}\n"
        }
        {
            for (i = 0; i < 2; i++) {
                printf "\036{\"time\":%d,\"name\":\"transport:packet_%s\",", $1 + i,
                    i ? "received" : "sent"
                printf "\"data\":{\"frames\":[{\"frame_type\":\"stream\",\"stream_id\":%d,", $1
                printf "\"offset\":0,\"length\":104,\"fin\":true}]}}\n"
            }
        }' > long.sqlog
    stats 0 --json long.sqlog > report.json
    jq -e '.stats.let_go == .summary.let_go and .summary.let_go > 0 and .summary.streams == 70001
        and (.stats.total | map(.streams) | add) == 70001 - .summary.let_go' report.json
    stats 0 long.sqlog > table
    grep -qx "not in this table: .*, let go to make room: $(jq .summary.let_go report.json)" table
}

@test "it does not go with --follow" {
    stats 2 --follow "$CASES/baseline-head/dialer"
    grep -q -- '--stats does not go with --follow' err
}
