#!/usr/bin/env bats
# The stand-in for hive (tests/interop/hive) and our node as hive's client (devnet/lean/hive.sh), with a
# simulator that is a script. hive's own, which takes long to build, is for `make interop-hive`.

bats_require_minimum_version 1.5.0

setup() {
    unshare --user --map-root-user --net --mount sh -ec 'mount -t tmpfs none /mnt
        ip link add one type veth peer name other' 2> /dev/null ||
        skip "namespaces of one's own are not allowed here"
    export BUILD=$BATS_TEST_TMPDIR/build HIVE_CHECKOUT=$BATS_TEST_TMPDIR/checkout
    RUN=$BATS_TEST_DIRNAME/interop/hive/run
    mkdir -p "$BUILD" "$HIVE_CHECKOUT"/simulators/lean/{helper,config}
    cp "${BIN:-$BATS_TEST_DIRNAME/../build}/devnet-node" "$BUILD/"
    touch "$HIVE_CHECKOUT"/simulators/lean/{Cargo.toml,config/lean-devnets.txt,helper/prepare_lean_client_assets.py}
    cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || { echo "${output:-}"; tail -n 20 "$BUILD"/interop/hive/logs/*.log; } >&2
}

# Writes a simulator: what it has to do comes on stdin, after the words that all have.
simulator() {
    cat - <(printf 'api DELETE /testsuite/1\n') > body
    cat - body > simulator <<'END'
#!/usr/bin/env bash
set -eu
# api METHOD PATH [CURL-OPTION...]
api() { curl --silent --show-error --fail-with-body --max-time 20 -X "$1" "$HIVE_SIMULATOR$2" "${@:3}"; }
begin() { api POST /testsuite/1/test --data "{\"name\": \"$1\", \"description\": \"\"}"; }
end() { api POST "/testsuite/1/test/$1" --data "{\"pass\": $2, \"details\": \"${3:-}\"}"; }
config() { printf 'config={"client": "ream", "environment": {"HIVE_CHECK_LIVE_PORT": "5052"%s}}' "${1:-}"; }
[ "$(api GET /clients | jq -r '.[0].name')" = ream ]
[ "$(api POST /testsuite --data '{"name": "gossip", "description": ""}')" = 1 ]
END
    chmod +x simulator
}

@test "clients start with the files that they are given, two at once, and are paused and ended" {
    simulator <<'END'
test=$(begin "two clients")
printf '%064d' 7 > node.key
printf 'ip: "__HIVE_LOCAL_IP__"\n' > config.yaml
printf 'GENESIS_TIME: 7\nVALIDATOR_COUNT: 3\n' > genesis.yaml
a=$(api POST "/testsuite/1/test/$test/node" -F "$(config)" -F /tmp/ream-runtime/node.key=@node.key \
    -F /tmp/ream-runtime/validator-config.yaml=@config.yaml -F /tmp/ream-runtime/config.yaml=@genesis.yaml)
a_ip=$(jq -r .ip <<< "$a") a_id=$(jq -r .id <<< "$a")
b=$(api POST "/testsuite/1/test/$test/node" -F "$(config ', "HIVE_IS_AGGREGATOR": "1"')")
b_ip=$(jq -r .ip <<< "$b")
for ip in "$a_ip" "$b_ip"; do
    curl --silent --fail "http://$ip:5052/lean/v0/health" | jq -e '.status == "healthy"'
done
# Of the first: who it is, by its key, and where and among how many validators, by its files.
curl --silent --fail "http://$a_ip:5052/lean/v0/fork_choice" | jq -e '.validator_count == 3'
curl --silent --fail "http://$b_ip:5052/lean/v0/fork_choice" | jq -e '.validator_count == 0'
grep -Fx "ip: \"$a_ip\"" "/tmp/$a_id/ream-runtime/validator-config.yaml"
jq -e 'select(.event == "ready") | .peer_id == env.PEER_ID' <(grep '^{' "/app/logs/$a_id.log")
node=/testsuite/1/test/$test/node/$a_id
[ "$(api GET "$node" | jq -r .id)" = "$a_id" ]
api POST "$node/pause"
! curl --silent --max-time 0.5 "http://$a_ip:5052/lean/v0/health" || exit 1
api DELETE "$node/pause"
curl --silent --fail --max-time 10 "http://$a_ip:5052/lean/v0/health"
other=$(begin "another")
api POST "$node/register/$other"
end "$other" true
curl --silent --fail --max-time 10 "http://$a_ip:5052/lean/v0/health"
api DELETE "$node"
! curl --silent --max-time 1 "http://$a_ip:5052/lean/v0/health" || exit 1
end "$test" true
! curl --silent --max-time 1 "http://$b_ip:5052/lean/v0/health" || exit 1
END
    printf '%064d' 7 > node.key && chmod 600 node.key
    PEER_ID=$("${BIN:-$BATS_TEST_DIRNAME/../build}/devnet" key show --json node.key | jq -r .peer_id) || return
    export PEER_ID
    run -0 "$RUN" simulator
    [[ $output == *"pass another"*"pass two clients"*"2 passed, 0 failed, 0 of those known" ]]
}

@test "a client takes head and finalized block of a checkpoint source, and reaches other clients" {
    simulator <<'END'
root=0x$(printf 'ab%.0s' {1..32}) head=0x$(printf 'cd%.0s' {1..32})
mkdir -p lean/v0
jq -n --arg root "$root" --arg head "$head" '{head: $head, finalized: {root: $root, slot: 7},
    nodes: [{root: $root, slot: 7}, {root: $head, slot: 9}], validator_count: 5}' > lean/v0/fork_choice
python3 -m http.server --bind 10.77.0.1 8000 > /dev/null 2>&1 &
until curl --silent --output /dev/null http://10.77.0.1:8000; do sleep 0.05; done
test=$(begin "checkpoint")
start() { api POST "/testsuite/1/test/$test/node" -F "$(config ", \"HIVE_CHECKPOINT_SYNC_URL\": \"http://$1/lean/v0/states/finalized\"")" | jq -r .ip || true; }
a=$(start 10.77.0.1:8000)
b=$(start "$a:5052")
for ip in "$a" "$b"; do
    curl --silent --fail "http://$ip:5052/lean/v0/fork_choice" | jq -e --arg root "$root" --arg head "$head" '
        .head == $head and .finalized == {root: $root, slot: 7} and .validator_count == 5 and any(.nodes[]; .root == $head and .slot == 9)'
done
[ "$(start 10.77.0.1:8001)" = null ]
end "$test" true
END
    run -0 "$RUN" simulator
    grep -F "hive.sh: http://10.77.0.1:8001/lean/v0/fork_choice does not say what is finalized" "$BUILD"/interop/hive/logs/*.log
}

@test "tests that fail, clients that do not start and what is not served are told" {
    simulator <<'END'
test=$(begin "fails")
end "$test" false "because\nof this"
test=$(begin "does not start")
status() { curl --silent --output answer --write-out '%{http_code}' "$HIVE_SIMULATOR$1" "${@:2}"; }
[ "$(status "/testsuite/1/test/$test/node" -F "$(config ', "HIVE_BOOTNODES": "nonsense"')")" = 500 ]
jq -e '.error | startswith("client did not start: ")' answer
[ "$(status "/testsuite/1/test/$test/node" -F 'config={"client": "geth", "environment": {}}')" = 404 ]
[ "$(status "/testsuite/1/test/$test/node" -F "$(config)" -F /tmp/../app/known=@answer)" = 400 ]
[ "$(status "/testsuite/1/network/x" -X POST)" = 501 ]
end "$test" true
END
    run -1 "$RUN" simulator
    [[ $output == *"FAIL fails: because"*"pass does not start"*"not known to fail: fails"*"1 passed, 1 failed"* ]]
    [ -s "$BUILD/interop/hive/logs/simulator.log" ]
    run -2 env HIVE_CHECKOUT=/nowhere "$RUN" simulator
    [ "$output" = "HIVE_CHECKOUT does not name a checkout of ethereum/hive" ]
}
