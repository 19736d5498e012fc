#!/usr/bin/env bats
# Node records (ENR): wherever an address is taken, and wherever our nodes say where they are.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
    use_programs
    unset DEVNET_DIR DEVNET_BIN
    # EIP-778's example: its key, and its record, at 127.0.0.1, UDP port 30303.
    SECRET=b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291
    EXAMPLE=enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8
}

teardown() {
    if [ -e .devnet ]; then "$BIN/devnet" down; fi
    end_all
}

enr() {
    ready "$1" .enr
}

# A record with options and pairs of its own, by a key of its own.
made() {
    echo "$SECRET" > "$BATS_TEST_TMPDIR/example.key"
    chmod 600 "$BATS_TEST_TMPDIR/example.key"
    "$BIN/devnet" enr make --key "$BATS_TEST_TMPDIR/example.key" "$@"
}

@test "a node tells its record when it is ready and in /health, and it is true" {
    start_node a
    "$BIN/devnet" enr show --json "$(enr a)" > shown
    jq -e --arg address "$(address a)" --arg id "$(peer_id a)" '.verified and .error == null and
        .multiaddrs == [$address] and .peer_id == $id and .fields.ip == "127.0.0.1"' shown
    [ "$(api a /health | jq -r .enr)" = "$(enr a)" ]
}

@test "both families are in a record, and of a wildcard address the port alone" {
    start_node a --listen /ip6/::1/udp/0/quic-v1 --listen /ip4/127.0.0.1/udp/0/quic-v1
    "$BIN/devnet" enr show --json "$(enr a)" > shown
    jq -e --argjson listen "$(ready a '.listen | tojson')" \
        '(.multiaddrs | sort) == ($listen | sort)' shown
    start_node b --listen /ip4/0.0.0.0/udp/0/quic-v1
    "$BIN/devnet" enr show --json "$(enr b)" > shown
    jq -e '.multiaddrs == [] and (.fields | has("ip") | not) and .fields.quic > 0' shown
}

@test "a later record of the same key has a higher sequence number" {
    start_node a --key my.key
    first=$(enr a)
    end a
    start_node a --key my.key
    [ "$("$BIN/devnet" enr show --json "$(enr a)" | jq .seq)" -gt \
        "$("$BIN/devnet" enr show --json "$first" | jq .seq)" ]
}

@test "devnet-connect, a bootnode, a direct peer, POST /connect, dump and the relay take a record" {
    start_node a
    run -0 "$BIN/devnet-connect" --json "$(enr a)"
    jq -e --arg address "$(address a)" '.target == $address and .reached == "mesh"' <<< "$output"
    start_node b --bootnode "$(enr a)"
    await_mesh a b
    start_node c --direct "$(enr a)"
    await c ".event == \"connected\" and .peer_id == \"$(peer_id a)\"" > /dev/null
    start_node d
    api d /connect "{\"addr\": \"$(enr a)\"}" > steps
    [ "$(tail -n 1 steps | jq -r .reached)" = mesh ]
    run -0 "$BIN/devnet-connect" --from "$(ready d .api)" "$(enr a)"
    run -0 --separate-stderr "$BIN/devnet-mesh" dump --for 1s "$(enr a)"
    jq -e --arg id "$(peer_id a)" '.foreign[0].peer_id == $id' <<< "$output"
    launch relay "$BIN/devnet-relay" --to "$(enr a)"
    await relay '.event == "ready"' > /dev/null
    run -0 "$BIN/devnet-connect" --until handshake "$(ready relay .listen)" # with the record's peer id
    [[ $(ready relay .listen) == */p2p/$(peer_id a) ]]
}

@test "where a record has two addresses both are tried" {
    start_node a --key example.key --listen /ip6/::1/udp/0/quic-v1
    port=$(address a | cut -d / -f 5)
    # Nobody is at the IPv4 address.
    both=$("$BIN/devnet" enr make --key example.key --ip 127.0.0.1 --ip ::1 quic="$port" quic6="$port")
    run -0 "$BIN/devnet-connect" --json --until handshake "$both"
    jq -e '.steps[0].remote | startswith("/ip6/::1/")' <<< "$output"
}

@test "a record that will not do is refused with the reason, wherever it is given" {
    wrong=${EXAMPLE/:-IS4QHC/:-IS4QHD}
    no_port=$(made --ip 127.0.0.1) no_ip=$(made --port 9)
    for command in devnet-connect 'devnet-node --bootnode' 'devnet-node --direct' \
        'devnet-mesh dump' 'devnet-relay --to' 'devnet connect' 'devnet mesh dump' \
        'devnet-connect --from http://127.0.0.1:1'; do
        # shellcheck disable=SC2086 # it is a program and its arguments
        run -2 "$BIN"/$command "$wrong"
        [[ $output == *"${wrong:0:100}"*"...: node record: the signature is wrong"* ]]
        # shellcheck disable=SC2086
        run -2 "$BIN"/$command "$no_port"
        [[ $output == *"${no_port:0:100}"*"...: node record: no port (quic, udp)"* ]]
        # shellcheck disable=SC2086
        run -2 "$BIN"/$command "$no_ip"
        [[ $output == *"node record: no address (ip, ip6)"* ]]
        # shellcheck disable=SC2086
        run -2 "$BIN"/$command enr:x
        [[ $output == *"enr:x: node record: "* ]]
    done
    start_node a
    [[ $(api a /connect "{\"addr\": \"$wrong\"}") == *'\"addr\": enr:'*"the signature is wrong"* ]]
}

@test "enr show prints each field of EIP-778's example, and enr make makes it" {
    run -0 "$BIN/devnet" enr show "$EXAMPLE"
    diff <(echo "$output") - << 'END'
sequence    1
signature   right
node id     a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7
peer id     16Uiu2HAmSH2XVgZqYHWucap5kuPzLnt2TsNQkoppVxB5eJGvaXwm
multiaddr   /ip4/127.0.0.1/udp/30303/quic-v1/p2p/16Uiu2HAmSH2XVgZqYHWucap5kuPzLnt2TsNQkoppVxB5eJGvaXwm
  id        v4
  ip        127.0.0.1
  secp256k1 0x03ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138
  udp       30303
END
    [ "$(made --ip 127.0.0.1 udp=30303)" = "$EXAMPLE" ]
}

@test "enr make takes further keys, which enr show prints as they were given" {
    record=$(made --seq 7 --ip 10.0.0.1 --ip fe80::1 --port 9000 is_aggregator=true eth2=0x01020304 count=300)
    run -0 "$BIN/devnet" enr show --json "$record"
    jq -e '.seq == 7 and (.fields | del(.secp256k1)) == {id: "v4", ip: "10.0.0.1", ip6: "fe80::1",
        quic: 9000, quic6: 9000, is_aggregator: true, eth2: "0x01020304", count: "0x012c"}' <<< "$output"
    run -0 "$BIN/devnet" enr show "$(made --seq 18446744073709551615 --ip 10.0.0.1 --port 1)"
    [ "${lines[0]}" = "sequence    18446744073709551615" ]
    [ "$(made --json --ip 10.0.0.1 --port 1 | jq -r .enr)" = "$(made --ip 10.0.0.1 --port 1)" ]
}

@test "what enr make cannot make is named" {
    refuses() {
        run -2 "$BIN/devnet" enr "${@:2}"
        [[ $output == *"$1"* ]] || { echo "$output" && return 1; }
    }
    made > /dev/null
    refuses "--key FILE is missing" make --ip 127.0.0.1
    refuses "--key nowhere: cannot read the key file" make --key nowhere
    refuses "--ip: ip: \"localhost\" is not an IPv4 address" make --key example.key --ip localhost
    refuses "ip: given twice" make --key example.key --ip 127.0.0.1 --ip 127.0.0.2
    refuses "nonsense: expected KEY=VALUE" make --key example.key nonsense
    refuses "quic: \"0\" is not a port" make --key example.key quic=0
    refuses "id: it comes with the key that signs" make --key example.key id=0x7634
    refuses "at most 300 are allowed" make --key example.key "x=0x$(printf 'ab%.0s' {1..200})"
    refuses "expected \`enr show RECORD\` or \`enr make\`" burn x
    refuses "neither a node record (enr:...) nor a node in" show node1
    refuses "not base64url" show enr:,
}

@test "a key that others can read is warned of where somebody else made it" {
    echo "$SECRET" > zeam_0.key
    chmod 644 zeam_0.key
    run -0 --separate-stderr "$BIN/devnet" enr make --key zeam_0.key --ip 127.0.0.1 udp=30303
    [ "$output" = "$EXAMPLE" ]
    [[ $stderr == *"warn: zeam_0.key: others can use this key"* ]]
    run -0 --separate-stderr "$BIN/devnet" key show --json zeam_0.key
    [[ $stderr == *"others can use this key"* ]]
    run -0 "$BIN/devnet" enr show --json "$(jq -r .enr <<< "$output")"
    jq -e '.fields | keys == ["id", "secp256k1"]' <<< "$output"
    # Our own is refused.
    run -2 "$BIN/devnet-node" --key zeam_0.key
}

@test "a record whose signature is wrong is shown all the same" {
    run -1 --separate-stderr "$BIN/devnet" enr show --json "${EXAMPLE/:-IS4QHC/:-IS4QHD}"
    jq -e '.verified == false and .error == "node record: the signature is wrong" and
        .fields.udp == 30303' <<< "$output"
    [[ $stderr == *"the signature is wrong"* ]]
}

@test "a devnet tells the records of its nodes, and gives them to other programs" {
    mine="'$BIN/devnet-node' --listen /ip4/127.0.0.1/udp/{port}/quic-v1 --key {key} --api off"
    second="set -- \$(sed 's/^- /--bootnode /' {nodes}); $mine \"\$@\""
    "$BIN/devnet" up --json --with "first=$mine --bootnode {enr}" --with "second=$second" > up.json
    "$BIN/devnet" status --json > status.json
    jq -e '.up and (.nodes | length) == 4 and ([.nodes[].name] == ["node1", "node2", "first", "second"])' up.json
    jq -e --slurpfile up up.json '[.nodes[] | [.name, .enr]] == [$up[0].nodes[] | [.name, .enr]]' status.json
    diff <(jq -r '.nodes[].enr | "- \(.)"' status.json) .devnet/nodes.yaml
    for name in node2 first second; do
        run -0 "$BIN/devnet" enr show --json $name
        jq -e --arg name $name --slurpfile up up.json '.verified and
            .multiaddrs == ($up[0].nodes[] | select(.name == $name) | .listen)' <<< "$output"
        run -0 "$BIN/devnet" connect "$(jq -r .enr <<< "$output")"
    done
    run -0 "$BIN/devnet" status
    [[ $output == *"$(jq -r '.nodes[3].enr' status.json)"* ]]
}
