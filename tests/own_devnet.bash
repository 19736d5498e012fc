# Tests of `devnet` each of which has a devnet of its own, in .devnet: setup and teardown are here.
# shellcheck shell=bash

load helpers.bash

setup() {
    use_programs
    # shellcheck disable=SC2034 # helpers.bash waits so long: a devnet is several processes
    DEADLINE=30
    BIN=$(realpath "$BIN")
    PATH=$BIN:$PATH
    unset DEVNET_DIR DEVNET_BIN
    # Our node stands in for somebody's (--with): it has no API.
    mine="'$BIN/devnet-node' --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --key {key} --api off"
    # shellcheck disable=SC2034 # for the tests
    mine+=" --topic lean:block"
}

teardown() {
    local failed=0
    [ ! -e .devnet ] || devnet down --timeout 0s || failed=1
    end_all && ((failed == 0))
}
