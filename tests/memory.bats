#!/usr/bin/env bats
# What programs read of their memory has been written, and what they cannot have ends them well.

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
    use_programs
}

teardown() {
    end_all
}

# Runs a program so that it ends with 99 where it goes by what was never written. The sanitizers'
# programs do not run under valgrind, and are watched as they are.
watched=(valgrind --quiet --error-exitcode=99)

is_sanitized() {
    grep -q __asan_init "$BIN/devnet-node"
}

@test "neither end of a connection goes by what was never written" {
    if is_sanitized; then watched=(); fi
    export DEADLINE=40 # under valgrind all takes longer
    launch a "${watched[@]}" "$BIN/devnet-node"
    await a '.event == "ready"'
    run -0 --separate-stderr "${watched[@]}" "$BIN/devnet-connect" --timeout 30s "$(address a)"
    [ -z "$stderr" ]
    end a
    [ ! -s a.err ]
}

# Runs a program once for each of some 20 of its allocations, from the first to the last, and lets it
# have no memory from that one on, or for that one only: starve STATUS COMMAND [ARGUMENT...].
starve() {
    local expected=$1 count number times status
    shift
    NO_MEMORY_COUNT=count LD_PRELOAD=$preload "$@" > /dev/null
    count=$(cat count)
    for ((number = 1; number <= count; number += count / 20 + 1)); do
        for times in 1 0; do
            status=0
            NO_MEMORY_FROM=$number NO_MEMORY_FOR=$times LD_PRELOAD=$preload "$@" > out 2> err || status=$?
            # In turn with what others do, the last may not be needed.
            if ((status == 0 && number > count * 9 / 10)); then continue; fi
            if ((status != expected)) || ! grep -q ': out of memory$' err; then
                echo "$* ended with $status, without the allocation $number (for $times): $(cat err)"
                return 1
            fi
        done
    done
}

@test "a program that has no memory says so and ends, whoever asked for it" {
    # The sanitizers have an allocator of their own: test_program is for those.
    if is_sanitized; then skip "the sanitizers have an allocator of their own"; fi
    preload=${BUILD:-$BIN}/tests/no_memory.so
    start_node a --key key
    starve 1 "$BIN/devnet-connect" --qlog logs --until identify "$(address a)"
    start_node b
    starve 1 "$BIN/devnet-connect" --json --from "$(ready b .api)" "$(address a)"
    start_node quiet # whose answer is as long each time
    starve 2 "$BIN/devnet-mesh" dump "$(ready quiet .api)"
    starve 2 "$BIN/devnet-orphans" --jobs 1 "$BATS_TEST_DIRNAME/fixtures/qlogs/ngtcp2-download"
    starve 1 "$BIN/devnet" key show key
}

has_started_or_ended() {
    # shellcheck disable=SC2154 # of helpers.bash
    [ -s a.out ] || ! kill -0 "${pid_of[a]}" 2> /dev/null
}

@test "a node that has no memory any more ends with 1, and not by a signal" {
    if is_sanitized; then skip "the sanitizers have an allocator of their own"; fi
    preload=${BUILD:-$BIN}/tests/no_memory.so
    NO_MEMORY_COUNT=$PWD/count LD_PRELOAD=$preload launch a "$BIN/devnet-node"
    await a '.event == "ready"'
    "$BIN/devnet-connect" "$(address a)"
    end a
    count=$(cat count)
    for ((number = count / 8; number < count * 9 / 10; number += count / 8)); do
        NO_MEMORY_FROM=$number LD_PRELOAD=$preload launch a "$BIN/devnet-node" --listen /ip4/127.0.0.1/udp/0/quic-v1
        eventually has_started_or_ended
        if [ -s a.out ]; then "$BIN/devnet-connect" --timeout 2s "$(address a)" || true; fi
        kill "${pid_of[a]}" 2> /dev/null || true
        status=0
        ended a || status=$?
        ((status == 0)) || { ((status == 1)) && grep -q ': out of memory$' a.err; }
    done
}

# Runs a program where it may open so few files: with_files COUNT STATUS COMMAND [ARGUMENT...].
with_files() {
    local count=$1 expected=$2
    shift 2
    # shellcheck disable=SC2016 # for the inner shell
    run "-$expected" --separate-stderr bash -c 'exec 3>&- 4>&-; ulimit -n "$0" && exec "$@"' "$count" "$@"
}

@test "a program that has no file descriptors to wait with says so and ends" {
    none="cannot wait for events: Too many open files"
    logs=$BATS_TEST_DIRNAME/fixtures/qlogs/ngtcp2-download
    with_files 5 1 "$BIN/devnet-connect" /ip4/127.0.0.1/udp/9/quic-v1
    [[ $stderr == *"devnet-connect: $none" ]]
    with_files 5 1 "$BIN/devnet-node"
    [[ $stderr == *"devnet-node: $none" ]]
    with_files 5 1 "$BIN/devnet-relay" --to 127.0.0.1:9
    [[ $stderr == *"devnet-relay: $none" ]]
    with_files 5 2 "$BIN/devnet-mesh" dump http://127.0.0.1:9
    [[ $stderr == *"devnet-mesh: $none" ]]
    with_files 5 2 "$BIN/devnet-orphans" --follow "$logs"
    [[ $stderr == *"devnet-orphans: $none" ]]
    # With some more it gets somewhere, and never to a signal.
    for count in {6..12}; do
        status=0
        (exec 3>&- && ulimit -n "$count" && exec "$BIN/devnet-connect" --timeout 100ms \
            /ip4/127.0.0.1/udp/9/quic-v1) 2> err || status=$?
        ((status == 1 || status == 3)) && grep -q '^devnet-connect: .' err
    done
}
