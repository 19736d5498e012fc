#!/usr/bin/env bats
# Gossip that is malformed, contradictory or excessive costs its sender and nobody else: the other
# peers stay meshed and get every message, and memory stays bounded. tests/unit/
# test_gossipsub_hostile.c holds the router's limits themselves; here a real node is attacked.
# shellcheck disable=SC2154 # victim.bash sets victim and meshsub

bats_require_minimum_version 1.5.0
load helpers.bash
load victim.bash

topic=$(printf %s /leanconsensus/12345678/block/ssz_snappy | hex_of)
graft=2e1a2c1a2a0a28$topic
prune=2e1a2c222a0a28$topic
subscribe=2e0a2c08011228$topic
unsubscribe=2e0a2c08001228$topic

# The steps of a peer that is subscribed as any other, and then those given.
attack_as_subscriber() {
    attack open "propose:$meshsub" wait:data "hex:$subscribe" "$@"
}

# What the node says of a peer that it has disconnected for what it sent.
expelled() {
    [[ $output == *"closed by the peer"*"it exceeds the limits of gossipsub"* ]]
    grep -F "it exceeds the limits of gossipsub" a.err
}

# The steps of a listener that answers a status and is subscribed, up to our gossipsub stream.
listen_as_subscriber() {
    launch listener "$TOOLS/hostile" --listen accept wait:fin status \
        open "propose:$meshsub" wait:data "hex:$subscribe$graft" accept "$@" rest:19000
    eventually [ -s listener.out ]
}

@test "nobody is in the mesh before it has accepted our stream" {
    start_node a --topic lean:block --heartbeat 50ms
    listen_as_subscriber rest:400 "answer:$meshsub"
    api a /connect "{\"addr\":\"$(head -n 1 listener.out)\",\"until\":\"mesh\",\"timeout\":\"5s\"}" > steps
    jq -es 'map(.step) | index("streams") < index("mesh")' steps
    await a '.event == "mesh_joined"' > /dev/null
    jq -s 'map(select(.event == "mesh_joined" or (.event == "stream_opened" and .direction == "outbound")))
        | map(.event)' a.out | jq -e '. == ["stream_opened", "mesh_joined"]'
    end listener KILL || true
}

@test "one that never accepts our stream is never said to be in the mesh" {
    start_node a --topic lean:block --heartbeat 50ms
    listen_as_subscriber
    api a /connect "{\"addr\":\"$(head -n 1 listener.out)\",\"timeout\":\"1s\"}" > steps
    tail -n 1 steps | jq -e '.exit == 7'
    run ! has_printed a '.event == "mesh_joined" or .event == "mesh_left"'
    end listener KILL || true
}

@test "a stream that is reset under a large RPC says how large it was" {
    start_node a --topic lean:block --heartbeat 50ms --log-level info
    listen_as_subscriber "answer:$meshsub" wait:bytes:70000 stop
    api a /connect "{\"addr\":\"$(head -n 1 listener.out)\"}" > steps
    tail -n 1 steps | jq -e '.exit == 0'
    printf '{"topic":"lean:block","data":"%s"}' "$(head -c 300000 /dev/urandom | hex_of)" > body
    api a /publish @body > /dev/null
    await a '.event == "stream_closed" and .direction == "outbound"' .reason > reason
    grep -xE 'an RPC of 300[0-9]{3} bytes was under way: the peer may take no more than 65536' reason
    grep -F "may take no more than 65536" a.err
    end listener KILL || true
}

@test "more topics than are kept cost nobody the subscription to ours, and are told" {
    start_victim
    entries=
    for i in {100..699}; do entries+=0a08080112043${i:0:1}3${i:1:1}3${i:2:1}7a; done
    launch talkative "$TOOLS/hostile" "$victim" open "propose:$meshsub" wait:data \
        "hex:cc2f$entries${subscribe#2e}${graft#2e}" accept "answer:$meshsub" rest:19000
    await a '.event == "mesh_joined" and .by == "peer"' > /dev/null
    api a /mesh | jq -e '[.peers[] | select(.subscriptions_not_kept == 472) |
        .subscriptions | length == 129 and any(. == "/leanconsensus/12345678/block/ssz_snappy")] == [true]
        and .statistics.subscriptions_not_kept == 472'
    api a /metrics | grep -x 'devnet_gossipsub_subscriptions_not_kept_total 472'
    eventually grep -F 'is subscribed to more topics than are kept: 472 are not' a.err
    end talkative KILL || true
}

@test "what a peer does not want it is not sent for asking" {
    start_victim --heartbeat 2s
    api a /publish '{"topic":"lean:block","text":"unwanted"}' > unwanted
    api a /publish '{"topic":"lean:block","text":"asked for"}' > asked
    unwanted=0a14$(jq -r .id unwanted) asked=0a14$(jq -r .id asked)
    launch asker "$TOOLS/hostile" "$victim" open "propose:$meshsub" wait:data "hex:$subscribe" \
        accept "answer:$meshsub" open "propose:$meshsub" wait:data "hex:1a1a182a16$unwanted" \
        "hex:301a2e122c$unwanted$asked" rest:19000
    eventually grep -F "$(printf %s 'asked for' | hex_of)" asker.out
    run ! grep -F "$(printf %s unwanted | hex_of)" asker.out
    end asker KILL || true
}

@test "ten thousand offered ids are borne, and as many again are not" {
    start_victim
    before=$(memory_of a)
    run -0 attack_as_subscriber ids:ihave:10000 rest:50 open propose:/ipfs/ping/1.0.0 zeros:32 wait:data
    [[ $output != *"closed by the peer"* ]]
    run -0 attack_as_subscriber ids:ihave:10000 ids:ihave:20000 wait:closed
    expelled
    check_victim
    grew_less_than 8000 "$before"
}

@test "a storm of GRAFTs after a PRUNE ends with its sender" {
    start_victim
    run -0 attack_as_subscriber "hex:$graft" "hex:$prune" "repeat:3000:$graft" wait:closed
    expelled
}

@test "a storm of subscriptions ends with its sender" {
    start_victim
    before=$(memory_of a)
    run -0 attack_as_subscriber "repeat:3000:$unsubscribe$subscribe" wait:closed
    expelled
    check_victim
    grew_less_than 4000 "$before"
}

@test "IWANT of ids that nobody has is not answered, and too much of it is not borne" {
    start_victim
    run -0 attack_as_subscriber ids:iwant:10000 rest:50
    [[ $output != *"closed by the peer"* ]]
    # However many heartbeats it takes a busy node to read them: each forgives 5000.
    run -0 attack_as_subscriber ids:iwant:40000 wait:closed
    expelled
}

@test "a flood of IDONTWANT keeps messages from nobody, and is remembered in part" {
    start_victim
    before=$(memory_of a)
    run -0 attack_as_subscriber ids:idontwant:10000 rest:50
    [[ $output != *"closed by the peer"* ]]
    check_victim
    run -0 attack_as_subscriber ids:idontwant:20000 wait:closed
    expelled
    grew_less_than 4000 "$before"
}

@test "GRAFT and PRUNE of one topic in one RPC end outside the mesh" {
    start_victim
    both=5a1a581a2a0a28${topic}222a0a28$topic
    launch contrary "$TOOLS/hostile" "$victim" open "propose:$meshsub" wait:data \
        "hex:$subscribe" "hex:$both" rest:19000
    await a '.event == "graft_refused"'
    api a /mesh | jq -e --arg good "$(peer_id good)" '.topics[] | .mesh == [$good] and
        (.subscribers | length) == 2'
    end contrary KILL || true
}

@test "a flood of messages that are no snappy block ends with its sender" {
    start_victim
    invalid=0912071205aaaaaaaaaa # of no topic: not looked at
    run -0 attack_as_subscriber "repeat:3000:$invalid" rest:50
    [[ $output != *"closed by the peer"* ]]
    messages=
    for i in $(seq 100 300); do
        messages+=3312311205$(printf 'aaff%06x' "$i")2228$topic
    done
    run -0 attack_as_subscriber "hex:$messages" wait:closed
    expelled
    api a /metrics | grep -E 'devnet_gossip_payloads_total\{kind="block",snappy="invalid"\} [1-9]'
}

@test "an RPC that comes byte by byte holds nobody up" {
    start_victim
    launch slow "$TOOLS/hostile" "$victim" open "propose:$meshsub" wait:data \
        "drip:$subscribe$subscribe$subscribe$subscribe" rest:19000
    check_victim
    await a '.event == "subscribed" and .peer_id != "'"$(peer_id good)"'"'
    end slow KILL || true
}

@test "a peer in the mesh that reads nothing holds up nobody, and gossip is dropped before data" {
    start_victim --trace rpc --log-format json
    start_dialler other a --heartbeat 100ms
    await_mesh a other
    launch silent "$TOOLS/hostile" "$victim" open "propose:$meshsub" wait:data "hex:$subscribe" \
        "hex:$graft" accept "answer:$meshsub" rest:19000
    silent=$(await a '.event == "mesh_joined" and .peer_id != "'"$(peer_id good)"'" and
        .peer_id != "'"$(peer_id other)"'"' .peer_id)
    send_signal silent STOP
    random=$(head -c 1000000 /dev/urandom | hex_of)
    for i in $(seq 12); do
        printf '{"topic":"lean:block","data":"%04d%s"}' "$i" "$random" > request
        id=$(api good /publish @request | jq -r .id)
        await other ".event == \"message\" and .id == \"$id\"" .id
    done
    # Each was announced by IDONTWANT first, which a queue as long as this has no room for.
    jq -es --arg peer "$silent" 'map(select(.trace == "rpc" and .peer_id == $peer)) |
        any(.dropped and .idontwant) and (any(.dropped and .messages) | not)' a.err
    end silent KILL || true
}
