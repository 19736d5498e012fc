#!/usr/bin/env bats
# Many strangers at once, and those who write into the path between two honest nodes: what is kept for
# them is bounded, and nobody else notices.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, as it should be
# shellcheck disable=SC2154 # victim.bash sets victim, port and meshsub

bats_require_minimum_version 1.5.0
load helpers.bash
load victim.bash

# A value of NAME's page of metrics: metric NAME SERIES.
metric() {
    api "$1" /metrics | awk -v series="$2" '$1 == series { printf "%d\n", $2 }'
}

# Microseconds of CPU time that node a has had.
cpu_of_a() {
    awk '{ print int($1 / 1000) }' "/proc/${pid_of[a]}/schedstat"
}

@test "ten thousand handshakes that are left half-open cost little, and an honest dial goes through" {
    start_victim
    start=$(cpu_of_a)
    run -0 hostile --times 30 "$victim" rest:1
    handshake=$((($(cpu_of_a) - start) / 30))
    before=$(memory_of a) start=$(cpu_of_a)
    launch flood "$TOOLS/half_open" "$victim" 10000
    under_flood() { [ "$(metric a devnet_retries_total)" -gt 1000 ]; }
    eventually under_flood
    "$BIN/devnet-connect" --until mesh "$victim" > honest.out
    meanwhile=$(metric a devnet_retries_total)
    ended flood
    hello=$((($(cpu_of_a) - start) / 10000))
    retries=$(metric a devnet_retries_total)
    echo "$retries Retry packets, $meanwhile by the time that the dial was through;" \
        "$hello us a ClientHello, $handshake us a handshake"
    ((meanwhile < retries))
    # All but 32 half-open ones at a time: those go after ten seconds.
    ((retries >= 9000))
    ((4 * hello < handshake))
    check_victim
    grew_less_than $((32 * 128)) "$before"
}

@test "packets that are forged without keys do not touch a connection" {
    start_victim
    launch forger "$TOOLS/forger" 127.0.0.1 "$port"
    eventually [ -s forger.out ]
    forged=/ip4/127.0.0.1/udp/$(head -n 1 forger.out)/quic-v1/p2p/$(peer_id a)
    start_node b --bootnode "$forged" --heartbeat 100ms
    await_mesh a b
    for i in 1 2 3; do
        id=$(api b /publish "{\"topic\":\"lean:block\",\"text\":\"from b $i\"}" | jq -r .id)
        await a ".event == \"message\" and .id == \"$id\"" > /dev/null
        id=$(api a /publish "{\"topic\":\"lean:block\",\"text\":\"from a $i\"}" | jq -r .id)
        await b ".event == \"message\" and .id == \"$id\"" > /dev/null
    done
    run ! has_printed a '.event == "disconnected" or .event == "accept_failed"'
    run ! has_printed b '.event == "disconnected" or .event == "dial_failed"'
    end forger
    [ "$(tail -n 1 forger.out)" -gt 100 ]
    end b
}

@test "two nodes that do not know each other's connection stay within their budget of resets" {
    start_node a --heartbeat 100ms
    where=$(address a)
    launch relay "$BIN/devnet-relay" --to "${where%/p2p/*}" --duplicate 100
    await relay '.event == "ready"'
    start_node b --key b.key --heartbeat 100ms --bootnode "$(ready relay .listen)/p2p/$(peer_id a)"
    await_mesh a b
    listen=$(address b)
    end b KILL || true
    start_node b --key b.key --heartbeat 100ms --listen "${listen%/p2p/*}"
    start=${EPOCHREALTIME/./}
    # A server has no reset token of a client's first connection id: it answers that reset by its own.
    api a /publish '{"topic":"lean:block","text":"are you there?"}' | jq -e '.receivers == 1'
    withheld() { [ "$(metric "$1" devnet_stateless_resets_withheld_total)" -gt 0 ]; }
    for name in a b; do
        eventually withheld "$name"
        sent=$(metric "$name" devnet_stateless_resets_total)
        limit=$((100 + (${EPOCHREALTIME/./} - start) / 10000))
        echo "$name: $sent resets of $limit"
        ((sent > 0 && sent <= limit))
    done
}

# What hostile peers do, a way a line; each is done by some of them at the same time.
ways() {
    cat << END
open propose:$meshsub hex:ffff01 rest:200 die
open propose:$meshsub hex:020aff wait:closed
open propose:$meshsub hex:81808005 zeros:300000 wait:closed
open propose:$meshsub ids:ihave:10000 ids:ihave:20000 wait:closed
open propose:$meshsub ids:iwant:20000 wait:closed
open propose:$meshsub repeat:100000:00 rest:500 close
open hex:ff7f wait:end open hex:13 rest:200 die
open propose:/ipfs/id/push/1.0.0 zeros:300000 wait:end close
open propose:/leanconsensus/req/status/1/ssz_snappy zeros:300000 wait:end close
open propose:/ipfs/ping/1.0.0 zeros:300000 rest:300 die
END
}

all_meshed() {
    [ "$(grep -l '"mesh_joined"' honest*.out | wc -l)" -eq "$1" ]
}

# All of them got the message of each of the others.
all_delivered() {
    jq -r 'select(.event == "message") | .id' a.out honest*.out | sort | uniq -c |
        awk -v count="$1" '$1 == count { delivered++ } END { exit delivered != count }'
}

@test "a hundred hostile peers cost fifty honest ones neither their connection nor a message" {
    start_node a --heartbeat 200ms --d-low 50 --d 50 --d-high 60
    for i in {1..50}; do
        launch "honest$i" "$BIN/devnet-node" --heartbeat 200ms --bootnode "$(address a)"
    done
    DEADLINE=40 eventually all_meshed 50
    hostile_ones=()
    while read -ra steps; do
        for i in {1..10}; do
            "$TOOLS/hostile" "$(address a)" "${steps[@]}" &> /dev/null < /dev/null 3>&- &
            hostile_ones+=($!)
        done
    done < <(ways)
    sed -n 's/.*"api":"\([^"]*\)".*"ready".*/\1/p' honest*.out | while read -r url; do
        printf '%s\n' next silent "url = $url/publish" \
            "data = {\"topic\":\"lean:block\",\"text\":\"${url##*:}\"}"
    done | tail -n +2 > curl.config
    curl --config curl.config > published
    DEADLINE=40 eventually all_delivered 50
    wait "${hostile_ones[@]}" || true
    [ -z "$(jq -c 'select(.event == "disconnected")' honest*.out)" ]
    [ "$(jq -c 'select(.event == "connected")' a.out | wc -l)" -eq 150 ]
}
