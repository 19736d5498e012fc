#!/usr/bin/env bats
# The reference's conformance vectors, and that what runs them sees when one fails.

bats_require_minimum_version 1.5.0

setup() {
    VECTORS=$BATS_TEST_DIRNAME/vectors
    cd "$BATS_TEST_TMPDIR" || return
    mkdir some
}

# Checks the folder `some`, of which the last line must be the one given.
check_some() {
    run -"$1" "$VECTORS/run" some
    [ "${lines[-1]}" = "$2" ]
}

# Puts the first four cases of a kind into `some`, changed by a jq filter.
change() {
    jq ".[:4] | $2" "$VECTORS/$1.json" > "some/$1.json"
}

@test "all vectors of the reference pass" {
    run -0 "$VECTORS/run" "$VECTORS"
    [ "${lines[-1]}" = "$(jq -n '[inputs | length] | add' "$VECTORS"/*.json) passed, 0 failed" ]
}

@test "further vectors that the reference makes pass" {
    run -0 "$VECTORS/run" "$VECTORS/more"
    [[ ${lines[-1]} == *" passed, 0 failed" ]]
}

@test "a changed value fails, whatever the kind" {
    local kind filter kinds=0
    while read -r kind filter; do
        change "$kind" "[.[0] | $filter]"
        run -1 "$VECTORS/run" some
        [[ ${lines[0]} == "$kind.json: 0 "*": expected "*", got "* ]]
        [ "${lines[1]}" = "0 passed, 1 failed" ]
        rm "some/$kind.json"
        kinds=$((kinds + 1))
    done << 'END'
decode_failure .input = "0x00"
enr .output.seq = 2
enr .output.attestationSubnets[63] = 62
enr .output.signatureValid = false
gossip_message_id .input.data = "0x00"
gossip_topic .output.topicString += "y"
gossipsub_handler .expected.meshAfter.test_topic = []
gossipsub_handler .expected.sentRpcs = [{"toPeer": "peerBx"}] | .event.graft[0].topicId = "other"
gossipsub_rpc .output.encoded = "0x1a00"
peer_id .output.peerId += "p"
reqresp_request .input.sszData = "0x00"
reqresp_response .input.responseCode = 2
reqresp_response_stream .output.chunkCount = 3
reqresp_response_stream .input.chunks |= reverse
snappy_block .input.data += "00"
snappy_frame .output.framedLength += 1
ssz .value.roots.data += .value.roots.data
ssz .root = .serialized
varint .input.value += 1
END
    [ "$kinds" -eq 19 ]
}

@test "integers of 64 bits are told apart" {
    # jq would round it
    grep -q 18446744073709551615 "$VECTORS/varint.json"
    sed 's/18446744073709551615/18446744073709551614/' "$VECTORS/varint.json" > some/varint.json
    run -1 "$VECTORS/run" some
    [[ ${lines[0]} == *"varint_uint64_max"* ]]
    [ "${#lines[@]}" -eq 2 ]
}

@test "a case with a member that is not known fails" {
    change varint '.[0].surprise = 1 | .[1].input.surprise = 1 | .[2].output.surprise = 1'
    check_some 1 "1 passed, 3 failed"
    [[ $output == *"varint.json: 1 varint_255: input: expected no other members, got surprise"* ]]
}

@test "a case without a member fails" {
    change varint 'del(.[0].input.value, .[1].output, .[2].name)'
    check_some 1 "1 passed, 3 failed"
}

@test "a kind that is not known is a failure named so" {
    change varint .
    echo '[{"name": "first"}]' > some/discv5.json
    check_some 1 "4 passed, 1 failed"
    [[ $output == *"discv5.json: there is no check for this kind"* ]]
}

@test "a file that is no array of cases is a failure" {
    echo '[{"name": ' > some/varint.json
    check_some 1 "0 passed, 1 failed"
    echo '{"cases": []}' > some/varint.json
    check_some 1 "0 passed, 1 failed"
    echo '[]' > some/varint.json
    check_some 1 "0 passed, 1 failed"
    echo '[1, null, "varint"]' > some/varint.json
    check_some 1 "0 passed, 3 failed"
}

@test "a folder that is not there, or has no vectors, is bad usage" {
    run -2 "$VECTORS/run" absent
    run -2 "$VECTORS/run" some
    run -2 "$VECTORS/run"
    run -2 "$VECTORS/run" some some
}
