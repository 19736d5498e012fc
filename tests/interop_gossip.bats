#!/usr/bin/env bats
# Gossip between our node and js-libp2p: messages of every size, each version of gossipsub, those
# that are asked for by IWANT and those that are declined by IDONTWANT. What was said is seen by
# --trace rpc.

bats_require_minimum_version 1.5.0
load interop/peers.bash

sizes=(100 10000 1000000)

setup() {
    BIN=${BIN:-$BATS_TEST_DIRNAME/../build}
    cd "$BATS_TEST_TMPDIR" || return
    require_js
}

teardown() {
    end_all
}

start_traced() {
    local name=$1
    shift
    start_node "$name" --trace rpc --log-format json "$@"
}

# Waits until our node NAME has traced an RPC `e` with its peer OTHER for which a condition holds.
traced() {
    "$NODE" "$JS/await.mjs" "$1.err" \
        "e.trace === 'rpc' && e.peer_id === '$(peer_id "$2")' && ($3)" e.time
}

# Whether our node NAME has traced one by now.
has_traced() {
    jq --exit-status --null-input --arg peer "$(peer_id "$2")" \
        "first(inputs | select(.trace == \"rpc\" and .peer_id == \$peer and ($3)))" < "$1.err"
}

# Our node publishes so many random bytes; the message's id: publish NAME BYTES.
publish() {
    {
        printf '{"topic":"lean:block","data":"'
        head -c "$2" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
        printf '"}'
    } > request.json
    post "$1" /publish @request.json | jq --raw-output --exit-status .id
}

# The same with js-libp2p.
publish_js() {
    ask "$1" "{\"command\":\"publish\",\"bytes\":$2}" published e.id
}

# Waits until a peer has received the message ID.
received() {
    seen "$1" "e.event == 'message' && e.id == '$2'" e.id
}

# Whether our node NAME speaks VERSION to js-libp2p peer OTHER, and hears it.
speaks() {
    ask "$2" '{"command":"streams"}' streams \
        "e.connections[0].streams.map((stream) => stream.protocol)
            .filter((protocol) => protocol == '/meshsub/$1.0').length" | grep --line-regexp 2
}

# Messages of each size in both directions between our node and one that speaks VERSION at most.
exchange() {
    local version=$1 size id
    start_traced ours
    start_js js --meshsub "$(up_to "$version")" --dial "$(address ours)"
    meshed ours js
    for size in "${sizes[@]}"; do
        id=$(publish ours "$size")
        received js "$id"
        id=$(publish_js js "$size")
        received ours "$id"
        traced ours js "e.direction === 'in' && e.messages?.some((one) =>
            one.id === '$id' && one.size >= $size)"
    done
    speaks "$version" js
    no_orphans ours
}

@test "100 B, 10 KB and 1 MB cross both ways under gossipsub 1.2" {
    exchange 1.2
}

@test "100 B, 10 KB and 1 MB cross both ways under gossipsub 1.1" {
    exchange 1.1
}

@test "100 B, 10 KB and 1 MB cross both ways under gossipsub 1.0" {
    exchange 1.0
}

# ---- IHAVE and IWANT: a node that wants nobody in its mesh is outside everybody's ----

@test "js-libp2p outside the mesh asks us for what we offer, under each version" {
    start_traced ours --fault prunes-everybody
    local version size id
    for version in 1.2 1.1 1.0; do
        start_js "js$version" --meshsub "$(up_to "$version")" --dial "$(address ours)"
        traced ours "js$version" "e.direction === 'out' && e.prune?.length === 1 &&
            ('backoff' in e.prune[0]) === ('$version' !== '1.0')"
    done
    for size in "${sizes[@]}"; do
        id=$(publish ours "$size")
        for version in 1.2 1.1 1.0; do
            received "js$version" "$id"
            traced ours "js$version" "e.direction === 'out' &&
                e.ihave?.some((one) => one.ids.includes('$id'))"
            traced ours "js$version" "e.direction === 'in' &&
                e.iwant?.some((one) => one.ids.includes('$id'))"
        done
    done
    run ! has_traced ours js1.1 .idontwant
    run ! has_traced ours js1.0 .idontwant
}

# What one of our nodes publishes, js-libp2p of VERSION offers to another, outside the mesh.
recover() {
    local version=$1 size id
    start_js js --meshsub "$(up_to "$version")"
    start_node publisher --bootnode "$(address js)"
    meshed publisher js
    start_traced outsider --fault prunes-everybody --bootnode "$(address js)"
    traced outsider js "e.direction === 'out' && e.subscriptions?.length === 1"
    for size in "${sizes[@]}"; do
        id=$(publish publisher "$size")
        received outsider "$id"
        traced outsider js "e.direction === 'in' && e.ihave?.some((one) => one.ids.includes('$id'))"
        traced outsider js "e.direction === 'out' && e.iwant?.some((one) => one.ids.includes('$id'))"
    done
}

@test "outside the mesh we ask js-libp2p for what it offers, under gossipsub 1.2" {
    recover 1.2
}

@test "outside the mesh we ask js-libp2p for what it offers, under gossipsub 1.1" {
    recover 1.1
}

@test "outside the mesh we ask js-libp2p for what it offers, under gossipsub 1.0" {
    recover 1.0
}

# ---- IDONTWANT ----

@test "we tell js-libp2p that we have a large message, unless it speaks 1.1 or is told of a small one" {
    start_traced ours
    start_js sender --dial "$(address ours)"
    start_js other --dial "$(address ours)"
    start_js older --meshsub 1.1,1.0 --dial "$(address ours)"
    local name id small
    for name in sender other older; do meshed ours "$name"; done
    small=$(publish_js sender 100)
    id=$(publish_js sender 10000)
    received other "$small"
    received other "$id"
    received older "$id"
    traced ours other "e.direction === 'out' && e.idontwant?.[0].ids[0] === '$id'"
    run ! has_traced ours sender '.direction == "out" and .idontwant'
    run ! has_traced ours older '.direction == "out" and .idontwant'
    run ! has_traced ours other ".direction == \"out\" and .idontwant[0].ids[0] == \"$small\""
}

@test "js-libp2p tells us that it has a large message" {
    start_js js
    start_node publisher --bootnode "$(address js)"
    start_traced listener --bootnode "$(address js)"
    meshed publisher js
    meshed listener js
    local id
    id=$(publish publisher 10000)
    received listener "$id"
    traced listener js "e.direction === 'in' && e.idontwant?.[0].ids[0] === '$id'"
}

# ---- a peer that stops reading ----

# The value of a jq expression over GET /mesh of our node NAME: mesh_of NAME EXPRESSION [JQ-OPTION...].
mesh_of() {
    curl --silent --show-error "$(seen "$1" 'e.event == "ready"' e.api)/mesh" |
        jq --exit-status "${@:3}" "$2"
}

eventually() {
    local deadline=$((SECONDS + 30))
    until "$@" > /dev/null; do
        if ((SECONDS > deadline)); then
            echo "in vain: $*" >&2
            return 1
        fi
        sleep 0.05
    done
}

# js-libp2p stops, is sent 5 MB, and reads on: it has heard what changed meanwhile.
stop_and_go_on() {
    local i pid api random posts=() one=/leanconsensus/12345678/attestation_1/ssz_snappy
    local two=/leanconsensus/12345678/attestation_2/ssz_snappy
    eventually mesh_of ours ".topics[\"$two\"].mesh | length == 1"
    pid=$(seen js 'e.event == "ready"' e.pid)
    api=$(seen ours 'e.event == "ready"' e.api)
    random=$(head -c 1000000 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
    for i in {0..4}; do
        printf '{"topic":"lean:block","data":"%02d%s"}' "$i" "$random" > "request$i.json"
        posts+=(--data "@request$i.json" "$api/publish" --next --silent --show-error)
    done
    kill -s STOP "$pid" # for less than the ten seconds after which its connection is dead
    curl --silent --show-error "${posts[@]}" --data '{"topic":"lean:attestation_1"}' "$api/subscribe" \
        --next --silent --data '{"topic":"lean:attestation_2"}' "$api/unsubscribe"
    curl --silent "$api/mesh" | jq -e '.peers[0].outbound_stream.unsent > 2000000'
    kill -s CONT "$pid"
    eventually mesh_of ours '.peers[0].outbound_stream.unsent == 0'
    seen js "e.event == 'subscribed' && e.topic == '$one'" e.topic
    seen js "e.event == 'unsubscribed' && e.topic == '$two'" e.topic
    seen js "e.event == 'graft' && e.topic == '$one'" e.topic
    [ "$(ask js '{"command":"mesh","topic":"attestation_1"}' mesh e.peers.length)" = 1 ]
    [ "$(ask js '{"command":"mesh","topic":"attestation_2"}' mesh e.peers.length)" = 0 ]
    mesh_of ours ".topics[\"$one\"].mesh | length == 1"
    mesh_of ours ".topics[\"$two\"].mesh | length == 0"
}

@test "js-libp2p that dialled us hears what changed while it stood still" {
    start_node ours --topic lean:attestation_2
    start_js js --topic block --topic attestation_1 --topic attestation_2 --dial "$(address ours)"
    meshed ours js
    stop_and_go_on
}

@test "js-libp2p that we dialled hears what changed while it stood still" {
    start_js js --topic block --topic attestation_1 --topic attestation_2
    start_node ours --topic lean:attestation_2 --bootnode "$(address js)"
    meshed ours js
    stop_and_go_on
}

# A snappy block of the text, which it holds as it is; js shows the text. In hexadecimal: block TEXT.
block() {
    printf '%02x%02x%s' ${#1} $(((${#1} - 1) << 2)) "$(printf %s "$1" | od -An -v -tx1 | tr -d ' \n')"
}

# On a topic that is not Lean's, with js-libp2p's default policy: signed_both_ways KEY-TYPE.
signed_both_ways() {
    seen ours "e.event == 'mesh_joined' && e.topic == '/chat/1'"
    seen js "e.event == 'graft' && e.topic == '/chat/1'"
    for _ in 1 2; do # the same text twice is two messages
        id=$(post ours /publish "{\"topic\":\"/chat/1\",\"data\":\"$(block 'hello js')\"}" | jq -r .id)
        [ "$(seen js "e.event == 'message' && e.topic == '/chat/1' && e.text == 'hello js'" e.id)" != null ]
        echo "$id" >> ids
        before=$(wc -l < ours.out)
        tell js '{"command":"publish","topic":"/chat/1","text":"hello us","raw":true}'
        seen ours "e.event == 'message' && Buffer.from(e.data, 'hex').toString() == 'hello us'" e.id "$before"
    done
    [ "$(sort -u ids | wc -l)" = 2 ]
    [ "$(jq -s 'map(select(.event == "message" and .topic == "/chat/1")) | length' js.out)" = 2 ]
    post ours /publish '{"topic":"lean:block","text":"anonymous still"}' | jq -e '.id | length == 40'
    run ! jq -e 'select(.event == "message_refused")' ours.out
}

@test "messages are signed as js-libp2p's default wants them, where they are not Lean's" {
    start_node ours --sign strict --topic /chat/1
    start_js js --sign strict --topic /chat/1 --dial "$(address ours)"
    signed_both_ways
}

@test "messages signed with js-libp2p's default key are verified" {
    start_js js --sign strict --key-type ed25519 --topic /chat/1
    start_node ours --sign strict --topic /chat/1 --bootnode "$(address js)"
    signed_both_ways
}

@test "js-libp2p's signed messages on Lean's topic are refused, and told" {
    start_node ours --sign strict
    start_js js --sign strict --topic block --dial "$(address ours)"
    meshed ours js
    tell js '{"command":"publish","text":"who I am"}'
    seen ours "e.event == 'message_refused' && e.cause == 'signed' && e.peer_id == '$(peer_id js)'"
    mesh_of ours '.statistics.invalid_signed == 1'
}

@test "unsigned messages are refused where all must be signed, and told" {
    start_node ours --sign strict --topic /chat/1
    start_js js --topic /chat/1 --dial "$(address ours)"
    seen ours "e.event == 'mesh_joined' && e.topic == '/chat/1'"
    seen js "e.event == 'graft' && e.topic == '/chat/1'"
    tell js '{"command":"publish","topic":"/chat/1","text":"nobody"}'
    seen ours "e.event == 'message_refused' && e.cause == 'unsigned' && e.topic == '/chat/1'"
}
