#!/usr/bin/env bats
# README's examples of Lean's clients as nodes of a devnet, as they stand there: the clients are stand-ins
# (tests/interop/mimic) that read the same flags.

bats_require_minimum_version 1.5.0
load ../devnet/devnet.bash
load interop/peers.bash

setup() {
    export BUILD=${BUILD:-$BATS_TEST_DIRNAME/../build}
    DEVNET=$BUILD/devnet
    unset DEVNET_DIR DEVNET_BIN
    cd "$BATS_TEST_TMPDIR" || return
    require_js
    sed -n "/^own='/,/^\`\`\`/p" "$BATS_TEST_DIRNAME/../README.md" | sed '/^```/d' > examples
    mkdir bin
    PATH=$PWD/bin:$PATH
}

teardown() {
    devnet_down
}

make_genesis() {
    "$DEVNET" genesis --name "$1" --port 0 --api-port 0 --metrics-port 0 genesis > /dev/null
}

# Runs the example of a client as it stands in the README: example NAME [PROGRAM].
example() {
    ln -s "$BATS_TEST_DIRNAME/interop/mimic" "bin/${2:-$1}"
    local wanted=$1
    devnet() {
        if [[ $3 == "$wanted="* ]]; then devnet_up "${@:2}" 2> up.err; fi
    }
    # shellcheck disable=SC1091 # made above
    source ./examples
    [ -e devnet/devnet.json ]
}

# A client that has taken the key, port and bootnodes that it was given.
mimicked() {
    make_genesis "$1"
    example "$1"
    [ ! -s up.err ]
    [ "$(devnet_peer_id "$1")" = "$("$DEVNET" key show --json "devnet/$1/key" | jq -r .peer_id)" ]
    assert_step mesh "$1"
    assert_step mesh node2 "$1"
    assert_meshed "$1"
}

@test "zeam is a node by its own flags" {
    mimicked zeam
}

@test "ream is a node by its own flags" {
    mimicked ream
}

@test "lantern is a node by its own flags" {
    mimicked lantern
}

@test "qlean is a node by its own flags" {
    mimicked qlean
}

@test "ethlambda is a node by its own flags" {
    mimicked ethlambda
}

@test "gean is a node by its own flags" {
    mimicked gean
}

@test "nlean is a node by its own flags" {
    mimicked nlean
}

@test "grandine is a node by its own flags" {
    mimicked grandine
}

@test "the reference is a node by its own flags, with a key of its own" {
    make_genesis leanspec
    key=$(printf '11%.0s' {1..52})
    printf 'GENESIS_VALIDATORS:\n- {attestation_public_key: "0x%s", proposal_public_key: "0x%s"}\n' \
        "$key" "$key" >> genesis/config.yaml
    example leanspec python
    grep -F "leanspec has a key of its own, and is known by the peer id that it shows, $(devnet_peer_id leanspec)" up.err
    assert_step mesh leanspec
    assert_meshed leanspec
}

@test "every client of the examples has a test" {
    count=$(grep -c '^devnet up --with' examples)
    [ "$count" -eq 9 ]
    [ "$(grep -c '^    mimicked \|^    example leanspec' "$BATS_TEST_FILENAME")" -eq "$count" ]
}
