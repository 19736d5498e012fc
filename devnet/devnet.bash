# Tests of your own node with bats: `load PATH/devnet/devnet.bash`, and then
#
#   setup() { devnet_up --with mine='my-client --port {port} --key {key} --bootnode {bootnode}'; }
#   teardown() { devnet_down; }
#   @test "my client meshes and leaves nothing behind" {
#       assert_step mesh mine
#       assert_meshed mine
#       assert_no_orphans
#   }
#
# The devnet is in a folder of the test's own, so tests run in parallel. $DEVNET is the program
# devnet: by default that of this source tree's build/, else the one in $PATH. Needs jq. What is
# waited for is waited for $DEVNET_PATIENCE (10s).
# shellcheck shell=bash

# Runs devnet on the test's devnet: devnet_run mesh dump ... and so on.
devnet_run() {
    local program=${DEVNET:-}
    if [[ -z $program ]]; then
        program=$(dirname "${BASH_SOURCE[0]}")/../build/devnet
        if [[ ! -x $program ]]; then program=devnet; fi
    fi
    "$program" --dir "${BATS_TEST_TMPDIR:?}/devnet" "$@" 3>&-
}

# Starts a devnet: devnet_up [OPTION...], those of `devnet up`.
devnet_up() {
    if ! devnet_run up "$@" > "${BATS_TEST_TMPDIR:?}/devnet-up.txt"; then
        cat "$BATS_TEST_TMPDIR/devnet-up.txt" >&2
        return 1
    fi
}

# Stops it. For teardown: where a test has failed, what the nodes logged is in the output.
devnet_down() {
    if [[ ! -e ${BATS_TEST_TMPDIR:?}/devnet/devnet.json ]]; then return; fi
    if [[ -z ${BATS_TEST_COMPLETED:-} ]]; then devnet_run logs >&2; fi
    devnet_run down > /dev/null
}

# Dials a node and goes through the steps up to STEP (handshake, identify, status, streams or mesh):
# assert_step STEP NODE|MULTIADDR [OPTION...], those of devnet-connect. With two nodes, the first
# dials the second.
assert_step() {
    local step=$1 report
    shift
    if ! report=$(devnet_run connect --until "$step" --timeout "${DEVNET_PATIENCE:-10s}" "$@" 2>&1); then
        printf 'assert_step %s %s: failed:\n%s\n' "$step" "$*" "$report" >&2
        return 1
    fi
}

# The peer id of a node.
devnet_peer_id() {
    devnet_run status --json | jq -er --arg name "$1" '.nodes[] | select(.name == $name) | .peer_id'
}

# Our nodes' mesh is sound (see `devnet mesh check`), and each NODE named is in the mesh of another:
# assert_meshed [NODE...].
assert_meshed() {
    local report name id
    if ! report=$(devnet_run mesh check --wait "${DEVNET_PATIENCE:-10s}" 2>&1); then
        printf 'assert_meshed: the mesh is not sound:\n%s\n' "$report" >&2
        return 1
    fi
    for name in "$@"; do
        id=$(devnet_peer_id "$name") || { echo "assert_meshed: $name: no such node" >&2; return 1; }
        devnet_await_member "$name" "$id" || return
    done
}

devnet_await_member() {
    local deadline=$((SECONDS + $(devnet_patience)))
    until devnet_run mesh dump 2> /dev/null |
        jq -e --arg id "$2" '.nodes | any(.topics[].mesh | index($id) != null)' > /dev/null; do
        if ((SECONDS >= deadline)); then
            echo "assert_meshed: $1 ($2) is in nobody's mesh:" >&2
            devnet_run mesh dump --text >&2
            return 1
        fi
        sleep 0.1
    done
}

# $DEVNET_PATIENCE in whole seconds.
devnet_patience() {
    local patience=${DEVNET_PATIENCE:-10s}
    case $patience in
    *ms) echo $((${patience%ms} / 1000 + 1)) ;;
    *m) echo $((${patience%m} * 60)) ;;
    *) echo "${patience%s}" ;;
    esac
}

# No QUIC log of the devnet, or of the nodes or folders named, shows an orphaned stream:
# assert_no_orphans [NODE|FOLDER...].
assert_no_orphans() {
    local report
    if ! report=$(devnet_run orphans "$@" 2>&1); then
        printf 'assert_no_orphans: failed:\n%s\n' "$report" >&2
        return 1
    fi
}

# The mesh of our nodes is what a snapshot says, or two snapshots are the same:
# assert_same_mesh BEFORE [AFTER].
assert_same_mesh() {
    local report
    if ! report=$(devnet_run mesh diff "$@" 2>&1); then
        printf 'assert_same_mesh: it has changed:\n%s\n' "$report" >&2
        return 1
    fi
}
