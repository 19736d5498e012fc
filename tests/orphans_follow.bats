#!/usr/bin/env bats
# devnet-orphans --follow: logs that grow, appear, are rotated, cut to nothing and written anew.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers

setup() {
    use_programs
    FILTERS=$BATS_TEST_DIRNAME/orphans
    CASES=$BATS_TEST_DIRNAME/fixtures/qlogs
    mkdir logs
    # The same connections as sequences, which grow line by line.
    jq -c -f "$FILTERS/sequence.jq" "$CASES"/race-nosleep-eager/dialer/* | sed $'s/^/\036/' > race
    jq -c -f "$FILTERS/sequence.jq" "$CASES"/clean-disconnect-by-dialer/dialer/* | sed $'s/^/\036/' > healthy
    opening=$(grep -n -m 1 '"stream_id":8' race | cut -d : -f 1) # the orphan's first frame
}

teardown() {
    if [[ -n ${pid_of[watcher]:-} ]]; then end watcher || [[ $? -le 2 ]]; fi
    end_all
}

# Follows in the background, as `watcher`: follow [OPTION...].
follow() {
    launch watcher "$BIN/devnet-orphans" --follow --json --grace 50ms "$@"
    await watcher '.event == "following"' > /dev/null
}

orphan() {
    await watcher '.event == "verdict" and .stream.orphan and .stream.id == 8' .stream.verdict
}

@test "an orphan is told of when its log has grown so far" {
    head -n $((opening - 1)) race > logs/a.sqlog
    follow logs
    run ! has_printed watcher '.stream.id == 8'
    tail -n "+$opening" race >> logs/a.sqlog
    [[ $(orphan) == orphaned ]]
    end watcher || [[ $? -eq 1 ]]
    await watcher '.event == "end" and .reason == "signal" and .summary.orphans == 1 and
        .summary.streams == 4 and .summary.logs == 1'
}

@test "a record that is cut in the middle is read when its rest has come" {
    size=$(wc -c < race)
    head -c $((size / 2 + 17)) race > logs/a.sqlog
    follow logs
    tail -c "+$((size / 2 + 18))" race >> logs/a.sqlog
    [[ $(orphan) == orphaned ]]
    [[ ! -s watcher.err ]]
}

@test "logs that appear are read, in folders that appear too" {
    follow logs
    mkdir -p logs/node/deep
    cat race > logs/node/deep/a.sqlog
    orphan
    cat healthy > logs/node/b.sqlog
    await watcher '.event == "verdict" and .stream.verdict == "live_until_connection_ended"'
}

@test "a folder, and a file, may be named before they are there" {
    follow later/logs
    mkdir -p later/logs
    cp race later/logs/a.sqlog
    orphan
    end watcher || [[ $? -eq 1 ]]
    follow one.sqlog
    cp race one.sqlog
    orphan
}

@test "a log that is renamed goes on under its new name" {
    head -n $((opening - 1)) race > logs/a.sqlog
    follow logs
    mv logs/a.sqlog logs/b.sqlog
    tail -n "+$opening" race >> logs/b.sqlog
    orphan
    end watcher || [[ $? -eq 1 ]]
    await watcher '.event == "end" and .summary.connections == 1 and .summary.streams == 4'
}

@test "a log that is rotated goes on in the file that takes its name" {
    head -n $((opening - 1)) race > logs/a.sqlog
    follow logs
    mv logs/a.sqlog logs/a.sqlog.1
    tail -n "+$opening" race > logs/a.sqlog
    orphan
    end watcher || [[ $? -eq 1 ]]
    await watcher '.event == "end" and .summary.connections == 1 and .summary.logs == 1 and
        .summary.streams == 4 and .troubles == []'
}

@test "a log that is copied away and cut to nothing goes on where it was" {
    head -n $((opening - 1)) race > logs/a.sqlog
    follow logs
    cp logs/a.sqlog logs/a.sqlog.1
    : > logs/a.sqlog
    tail -n "+$opening" race >> logs/a.sqlog
    orphan
    end watcher || [[ $? -eq 1 ]]
    await watcher '.event == "end" and .summary.connections == 1 and .summary.streams == 4'
}

@test "a log that is written anew is another one" {
    cat healthy > logs/a.sqlog
    follow logs
    await watcher '.event == "verdict" and .stream.id == 4'
    cat race > logs/a.sqlog
    orphan
    end watcher || [[ $? -eq 1 ]]
    await watcher '.event == "end" and .summary.connections == 2 and .summary.logs == 2'
    grep -q "a.sqlog: was written anew" watcher.err
}

@test "what a log said stays when it is deleted" {
    cat race > logs/a.sqlog
    follow logs
    orphan
    rm logs/a.sqlog
    cat healthy > logs/b.sqlog
    await watcher '.event == "verdict" and .stream.verdict == "live_until_connection_ended"'
    end watcher || [[ $? -eq 1 ]]
    await watcher '.event == "end" and .summary.orphans == 1'
}

@test "both ends' logs are one connection, whichever comes first" {
    follow logs
    cp -r "$CASES/race-nosleep-eager/dialer" logs
    orphan
    cp -r "$CASES/race-nosleep-eager/listener" logs
    end watcher || [[ $? -eq 1 ]]
    await watcher '.event == "end" and .summary.connections == 1 and .summary.orphans == 1'
}

@test "each change of a verdict is told once, with what it was before" {
    closing=$(grep -n -m 1 connection_close healthy | cut -d : -f 1)
    head -n $((closing - 1)) healthy > logs/a.sqlog
    follow logs
    await watcher '.event == "verdict" and .stream.id == 4 and .stream.verdict == "live" and
        .before == null'
    tail -n "+$closing" healthy >> logs/a.sqlog
    await watcher '.event == "verdict" and .stream.id == 4 and .before == "live" and
        .stream.verdict == "live_until_connection_ended"'
    end watcher
    [[ $(jq -s '[.[] | select(.event == "verdict" and .stream.id == 4)] | length' watcher.out) == 2 ]]
}

@test "--until-orphan ends with 1 when there is one" {
    head -n $((opening - 1)) race > logs/a.sqlog
    follow --until-orphan logs
    tail -n "+$opening" race >> logs/a.sqlog
    await watcher '.event == "end" and .reason == "orphan"'
    ended watcher || [[ $? -eq 1 ]]
}

@test "--until-clean ends with 0 when every verdict stands and none fails" {
    follow --until-clean logs
    cat healthy > logs/a.sqlog
    await watcher '.event == "end" and .reason == "clean" and .summary.streams == 3'
    ended watcher
    cat race > logs/b.sqlog
    run -1 --separate-stderr "$BIN/devnet-orphans" --follow --until-clean --grace 10ms \
        --timeout 500ms logs
    [[ $output == *"stream 8: orphaned"*"1 orphaned stream in 2 connections"* ]]
}

@test "--timeout ends with what there is: nothing is trouble" {
    run -2 --separate-stderr "$BIN/devnet-orphans" --follow --timeout 100ms logs
    [[ $stderr == *"no QUIC log was found"* ]]
    cat healthy > logs/a.sqlog
    run -0 --separate-stderr "$BIN/devnet-orphans" --follow --timeout 100ms logs
    [[ $output == "no orphaned streams in 1 connection"* ]]
}

@test "a verdict that has not stood for long counts when following ends" {
    cat race > logs/a.sqlog
    run -1 --separate-stderr "$BIN/devnet-orphans" --follow --until-clean --grace 60m \
        --timeout 300ms logs
    [[ $output == *"stream 8: orphaned"*"1 orphaned stream in 1 connection"* ]]
    launch watcher "$BIN/devnet-orphans" --follow --json --grace 60m logs
    await watcher '.event == "following"'
    run ! has_printed watcher '.event == "verdict"'
    end watcher || [[ $? -eq 1 ]]
    await watcher '.event == "end" and .reason == "signal" and .summary.orphans == 1 and
        (.summary.verdicts | add) == .summary.streams'
}

@test "a verdict is told when it has stood for the time of --grace" {
    launch watcher "$BIN/devnet-orphans" --follow --json --grace 60m logs
    await watcher '.event == "following"'
    cat race > logs/a.sqlog
    jq -c -f "$FILTERS/sequence.jq" "$CASES"/race-nosleep-drop-rtt10/dialer/* |
        sed $'s/^/\036/' > old
    touch -d '2 hours ago' old
    mv old logs/b.sqlog
    await watcher '.event == "verdict" and .connection != "a4fd19bb4c2521db"'
    run ! has_printed watcher '.event == "verdict" and .connection == "a4fd19bb4c2521db"'
}

@test "a log is followed on standard input" {
    mkfifo input
    launch watcher bash -c "exec '$BIN/devnet-orphans' --follow --json --grace 50ms - < input"
    exec {feed}> input
    head -n $((opening - 1)) race >&"$feed"
    await watcher '.event == "verdict" and .stream.id == 0'
    tail -n "+$opening" race >&"$feed"
    orphan
    exec {feed}>&-
    await watcher '.event == "end" and .reason == "input_ended"'
    ended watcher || [[ $? -eq 1 ]]
}

@test "standard input that cannot be waited for is read to its end" {
    for input in race /dev/null /dev/zero logs; do
        run --separate-stderr timeout 10 "$BIN/devnet-orphans" --follow --json --grace 10ms - < "$input"
        [[ $status -eq $([[ $input == race ]] && echo 1 || echo 2) ]] || return 1
        jq -es 'last | .event == "end" and .reason == "input_ended"' <<< "$output" || return 1
        [[ $stderr != *Epoll* ]] || return 1
    done
}

@test "a log below two folders that are named is followed, whatever they are called" {
    mkdir logs/node
    head -n $((opening - 1)) race > logs/node/a.sqlog
    follow logs logs/node/ "$PWD/logs/node"
    tail -n "+$opening" race >> logs/node/a.sqlog
    [[ $(orphan) == orphaned ]]
    end watcher || [[ $? -eq 1 ]]
    await watcher '.event == "end" and .summary.logs == 1 and .summary.streams == 4'
}

@test "what is no log is noted once, and undecidable logs are trouble" {
    echo hello > logs/readme
    cp "$BATS_TEST_DIRNAME"/fixtures/qlogs-dialects/quinn-0.11/client/client.qlog logs
    run -2 --separate-stderr "$BIN/devnet-orphans" --follow --grace 10ms --timeout 300ms logs
    [[ $(grep -c readme <<< "$stderr") == 1 ]]
    [[ $stderr == *"cannot be told from it"* ]]
    [[ $output == *"in what could be told, which is not all"* ]]
}

@test "an undecidable log is told of once, whatever its name" {
    follow logs
    cp "$BATS_TEST_DIRNAME"/fixtures/qlogs-dialects/quinn-0.11/client/client.qlog $'logs/\xff.qlog'
    eventually grep -q "cannot be told from it" watcher.err
    cp healthy logs/later.sqlog # looks again
    await watcher '.event == "verdict"'
    end watcher || [[ $? -eq 2 ]]
    [[ $(grep -c "cannot be told from it" watcher.err) == 1 ]]
    await watcher '.event == "end" and (.troubles | length) == 1'
}

@test "two nodes are followed while they mesh, and nothing is accused" {
    follow --verbose logs
    start_node a --topic lean:block --qlog logs/a
    start_dialler b a --topic lean:block --qlog logs/b
    await_mesh a b
    await watcher '.event == "verdict" and .stream.verdict == "live" and .stream.confidence == "exact"'
    end b
    end a
    await watcher '.event == "verdict" and .before == "live"'
    end watcher
    await watcher '.event == "end" and .summary.orphans == 0 and .summary.logs == 2'
}

@test "closed streams of a long connection are let go of, and stay counted" {
    mkfifo input
    launch watcher bash -c "exec '$BIN/devnet-orphans' --follow --grace 0ms - < input"
    exec {feed}> input
    awk 'BEGIN {
        printf "\036{\"qlog_version\":\"0.3\",\"qlog_format\":\"JSON-SEQ\",\"trace\":{\"vantage_point\":"
        printf "{\"type\":\"client\"},\"common_fields\":{\"ODCID\":\"0123456789abcdef\"}}}\n"
        for (i = 0; i < 200000; i++)
            for (side = 0; side < 2; side++) {
                printf "\036{\"time\":%d,\"name\":\"transport:packet_%s\",\"data\":{\"frames\":[", 100 * i,
                    side ? "received" : "sent"
                printf "{\"frame_type\":\"stream\",\"stream_id\":%d,\"offset\":0,\"length\":100,", 4 * i
                printf "\"fin\":true}]}}\n"
            }
    }' >&"$feed"
    exec {feed}>&-
    ended watcher
    [[ $(tail -n 1 watcher.out) == "no orphaned streams in 1 connection (200000 streams, 1 log)" ]]
}

told_twice() {
    [[ $(grep -c '"event":"passed_over"' watcher.out) == 2 ]]
}

@test "a record that was lost is told of, on stderr and among the lines" {
    { head -n 5 race; sed -n 6p race | head -c 40; tail -n +7 race; } > logs/a.sqlog
    follow logs
    await watcher '.event == "passed_over" and (.path | endswith("a.sqlog")) and
        (.message | test("^record 6 at byte [0-9]+: a record that was cut off is passed over$"))'
    grep -F "a record that was cut off is passed over" watcher.err
    head -c 40 race >> logs/a.sqlog # and once more, while it is followed
    tail -n 1 race >> logs/a.sqlog
    eventually told_twice
    end watcher || [[ $? -le 2 ]]
    await watcher '.event == "end" and .passed_over == 2'
}

@test "a log that ends within a record is told of when following ends" {
    head -n 1 race > logs/a.sqlog
    sed -n 2p race | head -c 40 >> logs/a.sqlog
    run -2 "$BIN/devnet-orphans" --follow --json --timeout 300ms logs
    jq -se 'last | .event == "end" and (.troubles | length == 1) and
        (.troubles[0].message | startswith("is cut off within a record"))' <<< "$(grep '^{' <<< "$output")"
    size=$(wc -c < healthy)
    head -c $((size - 17)) healthy > logs/a.sqlog
    run -0 "$BIN/devnet-orphans" --follow --json --grace 50ms --timeout 300ms logs
    [[ $output == *"it ends within a record"* ]]
    jq -se 'last | .event == "end" and .troubles == [] and .passed_over == 1' <<< "$(grep '^{' <<< "$output")"
}

@test "following ends at once where its output is lost" {
    cp race logs/a.sqlog
    for options in '' --json --verbose; do
        # shellcheck disable=SC2086,SC2016 # words, and for the inner shell
        run -2 timeout 20 bash -c '"$0" --follow --grace 50ms '"$options"' logs > /dev/full' "$BIN/devnet-orphans"
        [[ $output == *"standard output: No space left on device"* ]]
    done
}

@test "options of following go with --follow" {
    for option in --until-clean --until-orphan '--grace 1s' '--timeout 1s'; do
        # shellcheck disable=SC2086 # an option and its value
        run -2 --separate-stderr "$BIN/devnet-orphans" $option logs
        [[ $stderr == *"goes with --follow"* ]]
    done
}
