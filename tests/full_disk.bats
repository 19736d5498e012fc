#!/usr/bin/env bats
# Where a file can take no more, programs say which and why, and end as they say they do.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
    use_programs
    FIXTURES=$BATS_TEST_DIRNAME/fixtures
}

teardown() {
    end_all
}

# Runs a command that may make no file larger than KB kilobytes, 0 for nothing at all, with its
# standard output in the file `printed`: limited KB STATUS COMMAND [ARGUMENT...].
limited() {
    local kilobytes=$1 expected=$2
    shift 2
    # shellcheck disable=SC2016 # for the inner shell
    run "-$expected" bash -c 'ulimit -f "$1"; shift; exec "$@" > printed' - "$kilobytes" "$@"
}

@test "a standard output that has grown to its limit is told, and no program dies of it" {
    local full="standard output: File too large" snapshot="$FIXTURES"/../bench/snapshot.jq
    jq -n --argjson nodes 2 --argjson topics 1 --argjson shift 0 -f "$snapshot" > mesh.json
    start_node a
    for program in connect orphans mesh node relay; do
        limited 0 "$([[ $program = [om]* ]] && echo 2 || echo 1)" "$BIN/devnet-$program" --help
        [ "$output" = "devnet-$program: $full" ]
    done
    limited 0 1 "$BIN/devnet" --version
    [ "$output" = "devnet: $full" ]
    limited 0 1 "$BIN/devnet-connect" "$(address a)"
    [ "$output" = "devnet-connect: $full" ]
    limited 0 2 "$BIN/devnet-orphans" "$FIXTURES/qlogs/ngtcp2-download"
    [[ $output == *"devnet-orphans: $full" ]]
    for command in 'check mesh.json' 'graph --json mesh.json' \
        "dump $(ready a .api)"; do
        # shellcheck disable=SC2086 # words
        limited 0 2 "$BIN/devnet-mesh" $command
        [[ $output == *"devnet-mesh: $full" ]]
    done
    limited 0 2 "$BIN/devnet-mesh" dump --text "$(ready a .api)"
    [[ $output == *"devnet-mesh: standard output: "* ]]
    limited 0 1 "$BIN/devnet-relay" --to 127.0.0.1:9
    [ "$output" = "devnet-relay: $full" ]
}

@test "a node that can print no more events says so once, and goes on" {
    # shellcheck disable=SC2016 # for the inner shell
    launch a bash -c 'ulimit -f 1; exec "$0"' "$BIN/devnet-node"
    await a '.event == "ready"'
    for _ in 1 2 3; do "$BIN/devnet-connect" "$(address a)"; done
    [ "$(cat a.err)" = "devnet-node: warn: standard output: no more events are printed: File too large" ]
    api a /health | jq -e '.status == "ok"'
}
