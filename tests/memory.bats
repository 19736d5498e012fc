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

@test "neither end of a connection goes by what was never written" {
    if grep -q __asan_init "$BIN/devnet-node"; then watched=(); fi
    launch a "${watched[@]}" "$BIN/devnet-node"
    await a '.event == "ready"'
    run -0 --separate-stderr "${watched[@]}" "$BIN/devnet-connect" --timeout 15s "$(address a)"
    [ -z "$stderr" ]
    end a
    [ ! -s a.err ]
}
