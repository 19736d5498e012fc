# What a change costs: this build beside one of an earlier commit, in turns in one run: for
# tests/bench/run, whose functions and variables it uses. $before is the earlier build's folder.
# shellcheck shell=bash
# shellcheck disable=SC2154 # BIN, before, runs and spawns are the bench's

# Of pairs "BEFORE NOW", a line each, how many times as much it is now: of what other work on the machine
# adds to, the least counts.
times_as_much() {
    awk 'NR == 1 || $1 < before { before = $1 } NR == 1 || $2 < now { now = $2 }
        END { printf "%.2f", now / before }'
}

# A value of each build, in turns: pairs COUNT FUNCTION [ARGUMENT...]; the function is given the build.
pairs() {
    local count=$1 function=$2 i
    shift 2
    for ((i = 0; i < count; i++)); do
        echo "$("$function" "$before" "$@") $("$function" "$BIN" "$@")"
    done
}

# Milliseconds of CPU for each thousand messages, of both ends together.
flow_cpu() {
    "$1/tests/tools/gossip_flow" "$2" "$3" | jq '.cpu_ms / .received * 1000'
}

connect_ms() {
    local start_time=$EPOCHREALTIME
    "$1/devnet-connect" "$2" > /dev/null
    between "$start_time" "$EPOCHREALTIME"
}

judge_ms() {
    local start_time=$EPOCHREALTIME
    "$1/devnet-orphans" --jobs 1 "$2" > /dev/null || [[ $? -eq 1 ]]
    between "$start_time" "$EPOCHREALTIME"
}

# Datagrams of the dialler until mesh, and its leave.
connect_datagrams() {
    start_relay counted "$2"
    "$1/devnet-connect" "$(through counted "$2")" > /dev/null
    stop counted
    tail -n 1 counted.out | jq .client.received
}

# Bounds leave room for a machine that is not quiet, but for what is counted.
measure_before() {
    local target
    note "beside $before, in turns:" ""
    start_node a
    target=$(ready a '.listen[0]')
    row "devnet-connect until mesh, from exec to exit" "$(pairs "$spawns" connect_ms "$target" | times_as_much)" \
        "times" "of $spawns pairs" 1.25
    row "datagrams of the dialler until mesh, and its leave" \
        "$(pairs "$runs" connect_datagrams "$target" | times_as_much)" "times" "" 1.25
    stop a
    row "CPU for messages of 1024 bytes" "$(pairs "$runs" flow_cpu 1024 50000 | times_as_much)" "times" "" 1.15
    row "CPU for messages of 102400 bytes" "$(pairs "$runs" flow_cpu 102400 1000 | times_as_much)" "times" "" 1.15
    if valgrind --version > /dev/null 2>&1; then
        row "instructions of routing 1024 bytes to 7 peers" \
            "$(pairs 1 route_instructions 1024 1000 | times_as_much)" "times" "" 1.05
    fi
    make_sequence 100 sequence
    row "devnet-orphans on a log of 100 MB" "$(pairs "$runs" judge_ms sequence | times_as_much)" "times" "" 1.15
    rm sequence
}
