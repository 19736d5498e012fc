# Nodes for shell tests: each runs under a name, and what NAME prints is in NAME.out and NAME.err.
# A test file calls `use_programs` in setup, and `end_all` in teardown.
# shellcheck shell=bash

declare -gA pid_of # global: bats loads this from within a function

# Where the programs are; the test works in a folder of its own.
use_programs() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    # shellcheck disable=SC2034 # for the tests
    TOOLS=$BIN/tests/tools
    unset SSLKEYLOGFILE
    set -o pipefail # what is awaited in vain must not pass for nothing to complain about
    cd "$BATS_TEST_TMPDIR" || return
}

# Starts a program in the background: launch NAME PROGRAM [ARGUMENT...].
launch() {
    local name=$1
    shift
    : > "$name.out"
    "$@" > "$name.out" 2> "$name.err" < /dev/null 3>&- &
    pid_of[$name]=$!
}

# Starts a node and waits until it is ready: start_node NAME [OPTION...].
start_node() {
    local name=$1
    shift
    launch "$name" "$BIN/devnet-node" "$@"
    await "$name" '.event == "ready"' > /dev/null
}

# Starts one that dials nodes that are there: start_dialler NAME BOOTNODE [OPTION...].
start_dialler() {
    local name=$1 bootnode=$2
    shift 2
    start_node "$name" --bootnode "$(address "$bootnode")" "$@"
}

# Waits until NAME has printed an object for which a jq condition holds, and prints it, or the value
# of an expression: await NAME CONDITION [EXPRESSION [SKIPPED-LINES]]. Fails after $DEADLINE seconds,
# or when the program has ended without.
await() {
    local name=$1 condition=$2 expression=${3:-.} skipped=${4:-0} status=0 feed tail_pid
    exec {feed}< <(exec tail --follow --sleep-interval=0.1 ${pid_of[$name]:+--pid="${pid_of[$name]}"} \
        --lines="+$((skipped + 1))" "$name.out" 2> /dev/null 3>&-)
    tail_pid=$!
    timeout "${DEADLINE:-15}" jq -cenr --unbuffered \
        "first(inputs | select($condition) | $expression)" <&"$feed" || status=$?
    exec {feed}<&-
    kill "$tail_pid" 2> /dev/null || true
    wait "$tail_pid" 2> /dev/null || true
    if ((status > 1)); then # 1 is a value that is false
        echo "$name printed nothing for which holds: $condition" >&2
        tail -n 20 "$name.out" "$name.err" >&2
        return 1
    fi
}

# Sets both clocks of nodes that run with such: step_clocks CALENDAR-SECONDS MONOTONIC-SECONDS.
step_clocks() {
    printf '%+09d %+09d\n' "$1" "$2" 1<> clocks
}

# A node whose clocks can be stepped: start_stepped NAME [OPTION...].
start_stepped() {
    local name=$1
    shift
    launch "$name" env ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" \
        LD_PRELOAD="${BUILD:-$BIN}/tests/clock_step.so" CLOCK_STEP=clocks "$BIN/devnet-node" "$@"
    await "$name" '.event == "ready"' > /dev/null
}

# A message from one node reaches the other: heard_from FROM TO.
heard_from() {
    local id
    id=$(api "$1" /publish "{\"topic\":\"lean:block\",\"text\":\"$EPOCHREALTIME\"}" | jq -er .id)
    await "$2" ".event == \"message\" and .id == \"$id\"" > /dev/null
}

# Whether NAME has printed such an object by now.
has_printed() {
    jq -en "first(inputs | select($2)) // false" < "$1.out" > /dev/null
}

# How many lines NAME has printed: what await is to skip.
lines_of() {
    wc -l < "$1.out"
}

# Waits until a command succeeds: eventually COMMAND [ARGUMENT...].
eventually() {
    local deadline=$((SECONDS + ${DEADLINE:-15}))
    until "$@"; do
        if ((SECONDS > deadline)); then
            echo "in vain: $*" >&2
            return 1
        fi
        sleep 0.02
    done
}

# The one value that jq finds in the ready line.
ready() {
    head -n 1 "$1.out" | jq -er "$2"
}

address() {
    ready "$1" '.listen[0]'
}

peer_id() {
    ready "$1" .peer_id
}

# Asks NAME's API: api NAME PATH [BODY] [CURL-OPTION...].
api() {
    local name=$1 path=$2
    shift 2
    if (($# > 0)); then
        local body=$1
        shift
        set -- --data-binary "$body" "$@"
    fi
    curl --silent --show-error --max-time "${DEADLINE:-15}" "$@" "$(ready "$name" .api)$path"
}

# The same of several bodies, one after the other over one connection, for what has to be quick:
# api_many NAME PATH FILE... The answers come one a line.
api_many() {
    local url file
    url=$(ready "$1" .api)$2
    shift 2
    for file in "$@"; do
        printf 'url = "%s"\ndata-binary = "@%s"\nwrite-out = "\\n"\nnext\n' "$url" "$file"
    done | sed '$d' | curl --silent --show-error --max-time "${DEADLINE:-15}" --config -
}

# Both have the other in their mesh.
await_mesh() {
    await "$1" ".event == \"mesh_joined\" and .peer_id == \"$(peer_id "$2")\"" > /dev/null
    await "$2" ".event == \"mesh_joined\" and .peer_id == \"$(peer_id "$1")\"" > /dev/null
}

# Kilobytes that NAME has in memory.
memory_of() {
    awk '/^VmRSS/ { print $2 }' "/proc/${pid_of[$1]}/status"
}

# Sends NAME a signal: send_signal NAME SIGNAL.
send_signal() {
    kill -s "$2" "${pid_of[$1]}"
}

# Ends a program by a signal (default TERM); returns its exit status.
end() {
    local name=$1 status=0
    kill -s "${2:-TERM}" "${pid_of[$name]}"
    wait "${pid_of[$name]}" || status=$?
    unset "pid_of[$name]"
    return "$status"
}

# Waits for a program to end by itself; returns its exit status.
ended() {
    local name=$1 status=0
    wait "${pid_of[$name]}" || status=$?
    unset "pid_of[$name]"
    return "$status"
}

# Whether a program is one that others are connected to.
is_server() {
    local program=
    read -r -d '' program < "/proc/${pid_of[$1]}/cmdline" || true
    case ${program##*/} in
    devnet-node | devnet-relay | devnet-tap | stub_node | udp) return 0 ;;
    *) return 1 ;;
    esac
} 2> /dev/null

# Signals the programs named, and waits until they are gone. One that a sanitizer stopped, or that
# crashed, makes it fail.
end_each() {
    local name status failed=0
    for name in "$@"; do
        kill -s CONT "${pid_of[$name]}" 2> /dev/null || true
        kill -s TERM "${pid_of[$name]}" 2> /dev/null || true
    done
    for name in "$@"; do
        status=0
        timeout 10 tail --pid="${pid_of[$name]}" --follow /dev/null 3>&- ||
            kill -s KILL "${pid_of[$name]}" 2> /dev/null || true
        wait "${pid_of[$name]}" 2> /dev/null || status=$?
        if ((status != 0 && status != 143)); then
            echo "$name ended with status $status:" >&2
            cat "$name.err" >&2
            failed=1
        fi
    done
    return "$failed"
}

# Ends what still runs: servers last, as who talks to one fails where it goes first.
end_all() {
    local name clients=() servers=() failed=0
    for name in "${!pid_of[@]}"; do
        if is_server "$name"; then servers+=("$name"); else clients+=("$name"); fi
    done
    end_each "${clients[@]}" || failed=1
    end_each "${servers[@]}" || failed=1
    return "$failed"
}

# The CPU time of a command and what it runs, in milliseconds: cpu_ms COMMAND [ARGUMENT...].
cpu_ms() {
    local TIMEFORMAT='%U %S' spent
    spent=$({ time "$@" > /dev/null; } 2>&1)
    awk '{ printf "%d\n", ($1 + $2) * 1000 }' <<< "$spent"
}
