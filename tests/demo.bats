#!/usr/bin/env bats
# devnet/demo, which `make devnet` runs: on the nodes themselves.

bats_require_minimum_version 1.5.0

setup() {
    BUILD=${BIN:-$BATS_TEST_DIRNAME/../build}
    export BUILD
    DEMO=$BATS_TEST_DIRNAME/../devnet/demo
    cd "$BATS_TEST_TMPDIR" || return
    unset DEVNET_DIR KEEP
    export TMPDIR=$PWD
}

teardown() {
    local folder
    for folder in .devnet mine; do
        if [ -e "$folder" ]; then "$BUILD/devnet" --dir "$folder" down; fi
    done
}

# A folder of programs in which devnet-NAME is a script that ends with 5.
break_program() {
    mkdir programs
    ln -s "$BUILD"/devnet-* programs
    rm "programs/devnet-$1"
    printf '#!/bin/sh\nexit 5\n' > "programs/devnet-$1"
    chmod +x "programs/devnet-$1"
    export DEVNET_BIN=$PWD/programs
}

@test "the demo shows every step, no orphan and the mesh, and leaves nothing" {
    run -0 "$DEMO"
    for step in handshake status streams mesh; do
        grep -E "^ok +$step " <<< "$output"
    done
    [[ $output == *"no orphaned streams in 1 connection"* ]]
    [ "$(grep -c '    mesh -> node[12]$' <<< "$output")" -eq 2 ]
    [[ $output == *$'node1 stopped\nnode2 stopped' ]]
    [ -z "$(ls -A)" ]
}

@test "KEEP=1 leaves the nodes up, where it says" {
    KEEP=1 DEVNET_DIR=mine run -0 "$DEMO"
    [[ $output == *"devnet --dir mine down" ]]
    run -0 "$BUILD/devnet" --dir mine status
    KEEP=1 run -0 "$DEMO"
    run -0 "$BUILD/devnet" status
}

@test "the demo fails where a step fails, and still leaves nothing" {
    break_program connect
    run -1 "$DEMO"
    [[ $output == *"devnet/demo: failed: devnet connect node1 node2"* ]]
    [[ $output == *$'node1 stopped\nnode2 stopped' ]]
    [ "$(ls -A)" = programs ]
}

@test "the demo fails where the nodes do not start" {
    break_program node
    run -1 "$DEMO"
    [[ $output == *"node1 ended with exit status 5 before it was ready"* ]]
    [[ $output != *"devnet connect"* ]]
    [ "$(ls -A)" = programs ]
}
